"""``ls``: the unfinished uploads that this machine remembers, with what the servers have of them."""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from tusvideo_client.display import printable
from tusvideo_client.errors import UploadError, UploadGoneError
from tusvideo_client.journal import Entry, Journal
from tusvideo_client.transport import Transport

from . import exits, memory, remote
from .access import Keys, keys_of
from .interrupt import run_interruptible
from .report import Report

QUESTIONS_AT_ONCE = 8
HEADINGS = ("ID", "STORED", "SIZE", "AGE", "STATE", "SERVER", "FILE")
REFUSED = "refused"
_STEP = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")

Answer = remote.Standing | UploadError | None


def run(options: argparse.Namespace) -> int:
    """List the uploads and give the exit code: 0 also when a server does not answer, because the list is complete.

    Raises:
        ValueError: Credentials are given, and the uploads belong to several servers.
    """
    report = Report(as_json=options.json)
    entries = memory.of_server(Journal().entries(), options.to, account=options.account)
    servers = [entry.record.place.endpoint for entry in entries]
    keys: Mapping[str, Keys] = {} if options.offline else keys_of(options, servers=servers)
    rows: list[tuple[str, ...]] = []

    async def show(_: object) -> int:
        answers: Sequence[Answer] = [None] * len(entries) if options.offline else await _ask_all(entries, keys)
        for entry, answer in zip(entries, answers, strict=True):
            rows.append(_row(entry, answer))
            if options.json:
                report.tell("upload", _facts(entry, answer), text="")
        return exits.OK

    code = run_interruptible(show)
    if not options.json and rows:
        for line in _table([HEADINGS, *rows]):
            report.tell("upload", {}, text=line)
    for entry, row in zip(entries, rows, strict=False):  # no rows if a signal came first
        if REFUSED in row:
            report.note(f"{row[0]}: {printable(entry.record.refused or '')}; `resume {row[0]}` tries again")
    if not entries:
        report.note("no unfinished upload is remembered")
    return report.end(code)


async def _ask_all(entries: Sequence[Entry], keys: Mapping[str, Keys]) -> list[Answer]:
    """What the servers say of each, in the same order, a few questions at a time; an error where one says nothing."""
    gate = asyncio.Semaphore(QUESTIONS_AT_ONCE)
    async with AsyncExitStack() as stack:
        transports: Mapping[str, Transport] = {
            server: await stack.enter_async_context(Transport(server, **keys[server], timeouts=remote.TIMEOUTS))
            for server in {entry.record.place.endpoint for entry in entries}
        }

        async def ask(entry: Entry) -> Answer:
            url = entry.record.address
            if url is None:
                return None
            async with gate:
                try:
                    return await remote.ask(transports[entry.record.place.endpoint], url)
                except UploadError as error:
                    return error

        return list(await asyncio.gather(*map(ask, entries)))


def _state(entry: Entry, answer: Answer) -> str:
    """How an upload stands, in a few words: what stands in its way before what it lacks."""
    if entry.holder is not None:
        return f"running ({entry.holder})"
    if isinstance(answer, UploadGoneError):
        return "gone from the server"
    if isinstance(answer, remote.Standing) and answer.is_complete:
        return "complete"
    if entry.record.refused is not None:
        return REFUSED
    if isinstance(answer, UploadError):
        return "not to be asked"
    return "unfinished" if entry.record.address else "not begun"


def _facts(entry: Entry, answer: Answer) -> dict[str, Any]:
    """What is known of an upload, for programs; ``asked`` tells whether ``stored`` comes from the server."""
    record = entry.record
    standing = answer if isinstance(answer, remote.Standing) else None
    return {
        "id": entry.key,
        "file": record.place.path,
        "server": record.place.endpoint,
        "protocol": record.protocol or record.place.protocol,
        "upload_url": record.address,
        "state": _state(entry, answer),
        "asked": standing is not None,
        "stored": standing.offset if standing else record.offset,
        "total": record.length,
        "age": max(0.0, time.time() - entry.saved_at),
        "expires": standing.expires if standing else None,
        "message": record.refused or (str(answer) if isinstance(answer, UploadError) else None),
    }


def _row(entry: Entry, answer: Answer) -> tuple[str, ...]:
    """What is known of an upload, for people: one cell for each of the headings."""
    record, size = entry.record, entry.record.length
    stored = answer.offset if isinstance(answer, remote.Standing) else record.offset
    mark = "" if isinstance(answer, remote.Standing) else "?"
    return (
        entry.key[: memory.SHOWN_ID],
        (in_words(stored) if size is None else f"{100 * stored // size if size else 0} %") + mark,
        "?" if size is None else in_words(size),
        _age(max(0.0, time.time() - entry.saved_at)),
        _state(entry, answer),
        printable(record.place.endpoint),
        printable(record.place.path),
    )


def in_words(count: float) -> str:
    """A number of bytes with a unit."""
    for unit in _UNITS[:-1]:
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} {_UNITS[-1]}"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
