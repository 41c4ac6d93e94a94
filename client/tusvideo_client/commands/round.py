"""Files sent one after the other and shown on the way: what ``upload`` and ``resume`` have in common."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tusvideo_client.display import Display, choose_display
from tusvideo_client.errors import UploadError
from tusvideo_client.model import Progress

from . import exits
from .access import token_of
from .interrupt import Interrupt, run_interruptible
from .senders import Senders, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A file to send, and its name as the user knows it."""

    name: str
    wish: Wish


def run_jobs(jobs: Sequence[Job], *, options: argparse.Namespace) -> int:
    """Send the files and give the exit code.

    Raises:
        ValueError: The options make no sense.
    """
    token = token_of(options, servers=[job.wish.server for job in jobs])
    display = choose_display(options.progress, as_json=options.json, is_quiet=options.quiet)

    async def run(interrupt: Interrupt) -> int:
        async with Senders(options, token=token) as senders:
            return await _Round(senders, display=display, interrupt=interrupt).run(jobs)

    code = run_interruptible(run)
    display.end(exit_code=code)
    return code


class _Round:
    def __init__(self, senders: Senders, *, display: Display, interrupt: Interrupt) -> None:
        self._senders = senders
        self._display = display
        self._interrupt = interrupt
        self._last: dict[str, Progress] = {}

    async def run(self, jobs: Sequence[Job]) -> int:
        codes = []
        for job in jobs:
            try:
                codes.append(await self._run_one(job))
            except asyncio.CancelledError:
                if self._interrupt.exit_code is None:
                    raise
                self._display.interrupt(job.name, now=self._last.get(job.name))
                return self._interrupt.exit_code
        return exits.in_one(codes)

    async def _run_one(self, job: Job) -> int:
        self._display.begin(job.name)
        try:
            result = await self._senders.send(job.wish, progress=partial(self._tell, job.name))
        except UploadError as error:
            code = exits.exit_code_of(error)
            self._display.fail(job.name, error=error, exit_code=code)
            return code
        self._display.succeed(job.name, result=result)
        return exits.OK

    def _tell(self, name: str, now: Progress) -> None:
        self._last[name] = now
        self._display.progress(name, now=now)
