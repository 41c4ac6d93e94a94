"""``resume``: go on with uploads that this machine remembers, without naming their files again."""

import argparse
import os
from pathlib import Path

from tusvideo_client.display import printable
from tusvideo_client.journal import Entry, Journal

from . import exits, memory
from .report import Report
from .round import Job, run_jobs
from .senders import Wish

GIVEN_APART = ("filename", "title", "description", "profile", "replaces")


def run(options: argparse.Namespace) -> int:
    """Go on with the uploads that were named, or with all, and give the exit code.

    Raises:
        ValueError: The options make no sense.
    """
    if not options.uploads and not options.all:
        message = "which uploads? Name them (`ls` shows their ids), or give --all"
        raise ValueError(message)
    report = Report(as_json=options.json)
    entries = memory.of_server(Journal().entries(), options.to, account=options.account)
    if not options.all:
        entries = list({entry.key: entry for word in options.uploads for entry in memory.named(entries, word)}.values())
    jobs = []
    for entry in entries:
        if reason := _obstacle(entry, is_named=not options.all):
            report.note(f"{entry.key[: memory.SHOWN_ID]} is left out: {reason}")
        else:
            jobs.append(Job(name=entry.record.place.path, wish=_wish(entry, options)))
    if not jobs:
        report.note("nothing to go on with")
        return report.end(exits.OK if options.all else exits.LOCAL)
    return run_jobs(jobs, options=options)


def _obstacle(entry: Entry, *, is_named: bool) -> str | None:
    name = entry.key[: memory.SHOWN_ID]
    if not os.path.isabs(entry.record.place.path):  # noqa: PTH117  # a text that may be no path at all
        return f"its bytes came from {entry.record.place.path}, which only the program that sent them can give again"
    if entry.holder is not None:
        return f"{entry.holder} is sending {entry.record.place.path} at this moment"
    if entry.record.refused is not None and not is_named:
        return f"{printable(entry.record.refused)}; `resume {name}` tries again, `rm {name}` removes it"
    return None


def _wish(entry: Entry, options: argparse.Namespace) -> Wish:
    """The upload as it was asked for when it began; what the options say of the link is for this run."""
    place, metadata = entry.record.place, entry.record.metadata
    return Wish(
        path=Path(place.path),
        server=place.endpoint,
        protocol="chunks" if place.protocol == "chunks" else "auto",  # which keeps what the upload began with
        account=place.account,
        profile=place.profile or None,
        name=place.name,
        title=metadata.get("title"),
        description=metadata.get("description"),
        metadata={key: value for key, value in metadata.items() if key not in GIVEN_APART},
        replaces=place.replaces or None,
        chunk_size=entry.record.chunk_size or options.chunk_size,
    )
