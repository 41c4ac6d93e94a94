"""``rm``: unfinished uploads removed from the server and forgotten here."""

import argparse
from collections.abc import Mapping

from tusvideo_client.display import printable
from tusvideo_client.errors import UploadError, UploadGoneError
from tusvideo_client.journal import Journal
from tusvideo_client.transport import Transport

from . import exits, memory, remote
from .access import Keys, keys_of
from .interrupt import run_interruptible
from .report import Report


def run(options: argparse.Namespace) -> int:
    """Remove the uploads that were named and give the exit code.

    Raises:
        ValueError: No such upload is remembered, or they belong to several servers and credentials are given.
    """
    report = Report(as_json=options.json)
    journal = Journal()
    entries = memory.of_server(journal.entries(), options.to, account=options.account)
    found = memory.targets(entries, options.uploads)
    keys: Mapping[str, Keys] = (
        {}
        if options.forget
        else keys_of(options, servers=map(memory.server_of_target, found), strangers=memory.strangers(found))
    )

    async def remove(_: object) -> int:
        codes = []
        for target in found:
            try:
                outcome = await _remove(target, journal=journal, keys=keys, asks=not options.forget)
            except UploadError as error:
                codes.append(report.fail(target.name, error))
            else:
                facts = {"upload": target.name, "upload_url": target.url, "outcome": outcome}
                report.tell("removed", facts, text=f"{printable(target.name)}: {outcome}")
                codes.append(exits.OK)
        return exits.in_one(codes)

    return report.end(run_interruptible(remove))


async def _remove(target: memory.Target, *, journal: Journal, keys: Mapping[str, Keys], asks: bool) -> str:
    """Remove one; the record goes last, so that whatever fails before can be done again.

    Raises:
        LocalFileError: A process is uploading it.
        UploadError: The server did not remove it.
    """
    if target.entry is None:
        return await _terminate(target, keys=keys) if asks else "was not remembered"
    claim = journal.claim(target.entry.record.place)
    try:
        outcome = await _terminate(target, keys=keys) if asks and target.url else "forgotten; nobody was asked"
        claim.forget()
    finally:
        claim.release()
    return outcome


async def _terminate(target: memory.Target, *, keys: Mapping[str, Keys]) -> str:
    """Have the server remove one; gives what came of that, in words. A published file is left where it is.

    Raises:
        UploadError: The server did not remove it.
    """
    assert target.url is not None  # noqa: S101  # the caller made sure; this tells the type checker
    server = memory.server_of_target(target)
    async with Transport(server, **keys[server], timeouts=remote.TIMEOUTS) as transport:
        try:
            standing = await remote.ask(transport, target.url)
            if standing.is_complete:
                return f"complete, and left at {standing.published or target.url}"
            await remote.terminate(transport, target.url)
        except UploadGoneError:
            return "was gone from the server already"
    return f"removed, {standing.offset} bytes with it"
