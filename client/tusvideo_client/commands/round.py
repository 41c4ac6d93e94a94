"""Files sent, a few at a time, and shown on the way: what ``upload`` and ``resume`` have in common."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from tusvideo_client.bars import Bars
from tusvideo_client.batch import Batch
from tusvideo_client.display import Display, Events, Lines, Text
from tusvideo_client.errors import UploadError
from tusvideo_client.events import UploadEvent
from tusvideo_client.model import Progress

from . import exits
from .access import keys_of
from .interrupt import Interrupt, run_interruptible
from .rounds import Ledger, mark_of
from .senders import Senders, Wish

ENDS_A_SERVER = {exits.CREDENTIALS, exits.LATER}
"""What one file ends with, and every further one to that server would: no credentials, or a server out of reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A file to send, and its name as the user knows it."""

    name: str
    wish: Wish


def run_jobs(jobs: Sequence[Job], *, options: argparse.Namespace, ledger: Ledger | None = None) -> int:
    """Send the files and give the exit code.

    Args:
        jobs: The files.
        options: What the command line says of link and output.
        ledger: What earlier runs of the same command finished.

    Raises:
        ValueError: The options make no sense.
    """
    keys = keys_of(options, servers=[job.wish.server for job in jobs])
    display = choose_display(options, files=len(jobs))

    async def run(interrupt: Interrupt) -> int:
        async with Senders(options, keys=keys) as senders:
            this = _Round(jobs, senders=senders, display=display, ledger=ledger)
            return await this.run(options.jobs, interrupt)

    code = run_interruptible(run)
    if code == exits.OK and ledger is not None:
        ledger.forget()
    display.end(exit_code=code)
    return code


def choose_display(options: argparse.Namespace, *, files: int) -> Display:
    """The display that the options and the terminal ask for."""
    if options.json:
        return Events(sys.stdout)
    if options.quiet or options.progress == "none":
        return Text(sys.stdout, notes=sys.stderr)
    if options.progress == "bar" or (options.progress == "auto" and _is_terminal(sys.stderr)):
        return Bars(sys.stdout, notes=sys.stderr, files=files)
    return Lines(sys.stdout, notes=sys.stderr)


def _is_terminal(stream: TextIO) -> bool:
    plain = os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ or "CI" in os.environ
    return stream.isatty() and not plain


class _Round:
    """One run over the files, by the library's queue, and what is shown of it."""

    def __init__(self, jobs: Sequence[Job], *, senders: Senders, display: Display, ledger: Ledger | None) -> None:
        self._senders = senders
        self._display = display
        self._ledger = ledger
        self._last: dict[str, Progress] = {}
        self._batch = Batch(
            jobs,
            send=self._send,
            remaining=lambda waiting: senders.remaining([job.wish for job in waiting]),
            now=time.monotonic,
            lane_of=lambda job: job.wish.server,
            closes=ENDS_A_SERVER.__contains__,
        )
        self._interrupt: Interrupt | None = None

    async def run(self, at_once: int, interrupt: Interrupt) -> int:
        """Send all, so many at a time to each server.

        Raises:
            ValueError: The server's address cannot be used.
        """
        self._interrupt = interrupt
        try:
            codes = await self._batch.to_end(at_once)
        except asyncio.CancelledError:
            self._tell_left()
            raise
        self._tell_left()
        return exits.in_one([code for code in codes if code in ENDS_A_SERVER] or codes)

    def _tell_left(self) -> None:
        if self._batch.left:
            self._display.leave(self._batch.left)

    async def _send(self, job: Job) -> int:
        try:
            return await self._run_one(job)
        except asyncio.CancelledError:
            if self._interrupt is not None and self._interrupt.exit_code is not None:
                self._display.interrupt(job.name, now=self._last.get(job.name), is_once=job.wish.is_once)
            raise

    async def _run_one(self, job: Job) -> int:
        path, ledger, mark = job.wish.path, self._ledger, ""  # no path: standard input, which cannot be read again
        if path is not None and ledger is not None:
            mark = await asyncio.to_thread(mark_of, path)
            if (url := ledger.url_of(path, mark=mark)) is not None:
                self._display.skip(job.name, url=url)
                return exits.OK
        self._display.begin(job.name)
        try:
            result = await self._senders.send(job.wish, on_event=partial(self._tell, job))
            if path is not None and ledger is not None:
                if job.wish.follow is not None:
                    mark = await asyncio.to_thread(mark_of, path)  # it was to change while it was sent
                await asyncio.to_thread(ledger.add, path, mark=mark, url=result.url)
        except UploadError as error:
            code = exits.exit_code_of(error)
            self._display.fail(job.name, error=error, exit_code=code)
            return code
        self._display.succeed(job.name, result=result)
        return exits.OK

    def _tell(self, job: Job, event: UploadEvent) -> None:
        self._batch.note(job, event)
        if isinstance(event, Progress):
            self._last[job.name] = event
            self._display.progress(job.name, now=event)
