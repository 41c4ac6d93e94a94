"""``verify``: is what the server has the file on this side, and if not, which bytes differ?"""

import argparse
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tusvideo_client import wire
from tusvideo_client.display import printable
from tusvideo_client.errors import ProtocolError, RejectedError, UploadError
from tusvideo_client.journal import Journal
from tusvideo_client.source import Source
from tusvideo_client.transport import Transport

from . import differences, exits, memory, remote
from .access import keys_of
from .far import Digests, Far, Published
from .interrupt import run_interruptible
from .report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of the file, of the upload as a whole (None if nobody knows yet), and stored of it."""

    file: int
    length: int | None
    stored: int

    @property
    def common(self) -> int:
        """How many bytes both sides have."""
        return min(self.file, self.stored)


def run(options: argparse.Namespace) -> int:
    """Compare and give the exit code: 0 only if the server has every byte of the file, and no other.

    Raises:
        ValueError: The words name no upload, or several.
    """
    report = Report(as_json=options.json)
    target = _target(options)
    keys = keys_of(options, servers=[memory.server_of_target(target)], strangers=memory.strangers([target]))

    async def verify(_: object) -> int:
        try:
            source = await Source.open(Path(options.file))
            try:
                server = memory.server_of_target(target)
                async with Transport(server, **keys[server], timeouts=remote.TIMEOUTS) as transport:
                    return await _compare(source, target, transport, report)
            finally:
                await source.close()
        except UploadError as error:
            return report.fail(options.file, error)

    return report.end(run_interruptible(verify))


def _target(options: argparse.Namespace) -> memory.Target:
    word = options.upload or options.file
    entries = memory.of_server(Journal().entries(), options.to, account=options.account)
    found = memory.targets(entries, [word])
    if len(found) > 1:
        ids = ", ".join(target.entry.key[: memory.SHOWN_ID] for target in found if target.entry)
        message = f"{word} has {len(found)} unfinished uploads; name one of {ids}"
        raise ValueError(message)
    return found[0]


async def _compare(source: Source, target: memory.Target, transport: Transport, report: Report) -> int:
    if target.url is None:
        message = "the upload has not begun: the server has nothing of it"
        raise RejectedError(message, hint="run `tusvideo resume` first")
    far, length, stored = await _far_side(target.url, source=source, transport=transport)
    sizes = Sizes(file=source.size, length=length, stored=stored)
    found = await differences.find(
        sizes.common,
        is_equal=far.is_equal,
        step=far.step,
        on_piece=lambda done: report.passing(f"compared {100 * done // sizes.common} %"),
    )
    source.check()
    report.passing("")
    for difference in found:
        first, last, grain = difference.first, difference.last, difference.grain
        words = f"bytes {first} to {last} differ" if last > first else f"byte {first} differs"
        between = f" (of what lies between, every {grain} bytes do)" if last - first >= grain else ""
        report.tell("difference", {"first": first, "last": last, "grain": grain}, text=f"{words}{between}")
    return _verdict(source, sizes, differs=bool(found), report=report)


async def _far_side(url: str, *, source: Source, transport: Transport) -> tuple[Far, int | None, int]:
    """How to compare with what lies at an address, its length, and how much of it is stored."""
    reply = await remote.request(transport, "HEAD", url, headers={})
    offset = wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET))
    if offset is None:
        size = wire.parse_whole_number(reply.headers.get("Content-Length"))
        if size is None:
            message = f"the server answered {reply.status} with neither Upload-Offset nor Content-Length"
            raise ProtocolError(message, status=reply.status, hint="expected the address of an upload or of a file")
        return Published(transport, url, source=source), size, size
    standing = await remote.ask(transport, url)
    digests = Digests(transport, url, source=source)
    if "?" not in url and await digests.is_known(standing.offset):
        return digests, standing.length, standing.offset
    if standing.is_complete:
        length = standing.length if standing.length is not None else standing.offset
        return Published(transport, standing.published or url, source=source), length, length
    message = "this server tells no digests of what it has stored, and gives no files before they are complete"
    raise RejectedError(message, status=HTTPStatus.NOT_FOUND, hint="verify it when the upload is complete")


def _verdict(source: Source, sizes: Sizes, *, differs: bool, report: Report) -> int:
    name = printable(str(source.path))
    facts = {"file": str(source.path), "size": sizes.file, "stored": sizes.stored, "total": sizes.length}
    if differs or (sizes.length is not None and sizes.length != sizes.file) or sizes.stored > sizes.file:
        longer = ""
        if sizes.length != sizes.file and sizes.length is not None:
            longer = f"; the file has {sizes.file} bytes, the upload {sizes.length}"
        report.tell("verified", {**facts, "verdict": "different"}, text=f"{name}: not what the server has{longer}")
        return exits.DIFFERENT
    if sizes.stored < sizes.file:
        text = f"{name}: equal as far as it is stored, {sizes.stored} of {sizes.file} bytes; the upload is not finished"
        report.tell("verified", {**facts, "verdict": "unfinished"}, text=text)
        return exits.LATER
    report.tell("verified", {**facts, "verdict": "equal"}, text=f"{name}: equal, all {sizes.file} bytes")
    return exits.OK
