"""``status``: what the server says of one upload."""

import argparse
from collections.abc import Mapping
from typing import Any

from tusvideo_client.display import printable
from tusvideo_client.errors import UploadError
from tusvideo_client.journal import Journal
from tusvideo_client.transport import Transport

from . import exits, memory, remote
from .access import Keys, keys_of
from .interrupt import run_interruptible
from .report import Report


def run(options: argparse.Namespace) -> int:
    """Ask about the upload that was named and give the exit code.

    Raises:
        ValueError: No such upload is remembered.
    """
    report = Report(as_json=options.json)
    entries = memory.of_server(Journal().entries(), options.to, account=options.account)
    found = memory.targets(entries, [options.upload])
    keys = keys_of(options, servers=map(memory.server_of_target, found), strangers=memory.strangers(found))

    async def show(_: object) -> int:
        return exits.in_one([await _show(target, keys, report) for target in found])

    return report.end(run_interruptible(show))


async def _show(target: memory.Target, keys: Mapping[str, Keys], report: Report) -> int:
    if target.url is None:
        report.tell(
            "upload", {"upload": target.name, "state": "not begun"}, text=f"{printable(target.name)}: not begun"
        )
        return exits.OK
    server = memory.server_of_target(target)
    try:
        async with Transport(server, **keys[server], timeouts=remote.TIMEOUTS) as transport:
            standing = await remote.ask(transport, target.url)
    except UploadError as error:
        return report.fail(target.name, error)
    report.tell("upload", {"upload": target.name, **facts_of(standing)}, text=_text(standing))
    return exits.OK


def facts_of(standing: remote.Standing) -> dict[str, Any]:
    """What a server says, for programs."""
    return {
        "upload_url": standing.url,
        "state": state_of(standing),
        "stored": standing.offset,
        "total": standing.length,
        "expires": standing.expires,
        "url": standing.published,
        "metadata": dict(standing.metadata),
    }


def state_of(standing: remote.Standing) -> str:
    """An upload's state in one word."""
    return "complete" if standing.is_complete else "unfinished"


def stored_of(offset: int, length: int | None) -> str:
    """How much is stored, in words."""
    share = f" ({100 * offset // length} %)" if length else ""
    return f"{offset} of {length if length is not None else '?'} bytes{share}"


def _text(standing: remote.Standing) -> str:
    rows: dict[str, str | None] = {
        "state": state_of(standing),
        "stored": stored_of(standing.offset, standing.length),
        "expires": standing.expires,
        "file": standing.published,
        **standing.metadata,
    }
    return "\n".join(f"{name:<10} {printable(value)}" for name, value in rows.items() if value is not None)
