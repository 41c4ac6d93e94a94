"""One body on its way into one upload: read, write, checkpoint, and tell what became durable.

Reading never waits for a sync: a checkpoint runs beside the reading, one at a time. The order that the promise rests on
is here: write, then sync, then commit; whoever answers does so after ``run`` returned or raised.
"""

import asyncio
import contextlib
import heapq
import math
from collections.abc import Awaitable, Callable
from typing import Final

from tusvideo.commands import AppendPlan
from tusvideo.errors import StorageFailed, TooLarge, TransferEnded
from tusvideo.model import SNIFF_BYTES, Limits
from tusvideo.ports import Clock
from tusvideo.streams import Body, ReadableBuffer, Sink

Commit = Callable[[int], Awaitable[None]]
"""Commits the durable position to the session."""

Look = Callable[[ReadableBuffer], Awaitable[None]]
"""Sees every buffer that begins before ``SNIFF_BYTES``, and most others, before it is written; raises to refuse it and
all that follows."""


TIMED_AT_ONCE: Final = 8
"""So many checkpoints that only the time asks for are under way at once."""
RESTS: Final = 4


class CheckpointTurns:
    """Who may make a checkpoint now only because time has passed.

    Ten thousand bodies that trickle would otherwise keep disk and processor busy with a few bytes each, and everybody
    else waiting in the queue behind them. A turn is free again after four times as long as its checkpoint took: they
    get a fifth of what they could have, however fast or slow the machine is. Who gets no turn asks again with the next
    bytes; what was asked for by a question, or by many bytes, needs none.
    """

    def __init__(self, *, most: int = TIMED_AT_ONCE) -> None:
        self._free_at = [-math.inf] * most

    def take(self, *, now: float) -> bool:
        """Take one; False when none is free yet."""
        if not self._free_at or self._free_at[0] > now:
            return False
        heapq.heappop(self._free_at)
        return True

    def give_back(self, *, taken: float, now: float) -> None:
        """Give back what was taken at ``taken``."""
        heapq.heappush(self._free_at, now + RESTS * (now - taken))


class Transfer:
    """Moves a body into a writer and commits what is durable every few bytes or seconds, and at its end.

    The plan says how many bytes may be stored. If it is exact, the body is known not to have more; otherwise the block
    that reaches the bound is held back until the body has ended, so that one that is too long completes nothing.
    """

    def __init__(
        self,
        *,
        body: Body,
        writer: Sink,
        plan: AppendPlan,
        commit: Commit,
        look: Look,
        clock: Clock,
        limits: Limits,
        turns: CheckpointTurns,
    ) -> None:
        self._body = body
        self._writer = writer
        self._most = plan.accept_at_most
        self._exact = plan.exact
        self._commit = commit
        self._look = look
        self._clock = clock
        self._limits = limits
        self._turns = turns
        self._start = writer.position
        self._committed = writer.position
        self._last_checkpoint = clock.monotonic()
        self._running_checkpoint: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    @property
    def silent_seconds(self) -> float:
        return self._body.silent_seconds

    @property
    def is_cut(self) -> bool:
        return self._body.is_cut

    def stop(self) -> None:
        """Ask for an end: what arrived is stored and committed, then ``run`` raises Preempted."""
        self._body.interrupt()

    async def checkpoint(self) -> None:
        """Make what was written so far durable and commit it. For other tasks, too; failures show in ``run``."""
        while (task := self._running_checkpoint) is not None:
            await _end_of(task)
        if self._failure is None and self._writer.position > self._committed:
            self._running_checkpoint = self._begin_checkpoint()
            await _end_of(self._running_checkpoint)

    async def run(self) -> int:
        """Move the body to its end and give the number of bytes stored, all durable and committed.

        Raises TransferEnded when the body did not arrive whole, TooLarge when it was longer than planned, what ``look``
        raises, DiskFull and StorageFailed. Whatever is raised, the bytes that were written before are durable and
        committed if the disk still works.
        """
        ended: TransferEnded | TooLarge | None = None
        try:
            await self._move()
        except (TransferEnded, TooLarge) as error:
            ended = error
        except BaseException:
            with contextlib.suppress(asyncio.CancelledError):
                await self._settle()
            raise
        await self._settle()
        if self._failure is not None:
            raise self._failure
        if ended is not None:
            raise ended
        return self._writer.position - self._start

    async def _move(self) -> None:
        while buffer := await self._drawn_then_read():
            room = self._start + self._most - self._writer.position
            if len(buffer) > room:
                raise TooLarge("the body", limit=self._most)
            if len(buffer) == room and not self._exact:
                await self._move_last(bytes(buffer))
                return
            await self._write(buffer)

    async def _drawn_then_read(self) -> ReadableBuffer:
        """Let the writer's thread receive as long as it can, then read what that left."""
        # How long the body is was judged by the plan, and what it is by the bytes before.
        if self._exact and (draw := self._writer.draw) is not None:
            while self._writer.position >= SNIFF_BYTES and (tap := self._body.tap()) is not None:
                uncommitted = 0 if self._running_checkpoint is not None else self._writer.position - self._committed
                await draw(tap, most=self._limits.checkpoint_bytes - uncommitted)
                self._begin_due_checkpoint()
        return await self._body.read()

    async def _move_last(self, held: bytes) -> None:
        try:
            more = await self._body.read()
        except TransferEnded:
            # The end is unknown, the bytes are not: all but the last of them can be kept without completing anything.
            await self._write(held[:-1])
            raise
        if more:
            raise TooLarge("the body", limit=self._most)
        await self._write(held)

    async def _write(self, buffer: ReadableBuffer) -> None:
        if not buffer:
            return
        await self._look(buffer)
        await self._writer.write(buffer)
        self._begin_due_checkpoint()

    def _begin_due_checkpoint(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._running_checkpoint is not None:
            return
        if self._writer.position - self._committed >= self._limits.checkpoint_bytes:
            self._running_checkpoint = self._begin_checkpoint()
            return
        now = self._clock.monotonic()
        if now - self._last_checkpoint >= self._limits.checkpoint_seconds and self._turns.take(now=now):
            self._running_checkpoint = self._begin_checkpoint()
            self._running_checkpoint.add_done_callback(
                lambda _: self._turns.give_back(taken=now, now=self._clock.monotonic())
            )

    def _begin_checkpoint(self) -> "asyncio.Task[None]":
        self._last_checkpoint = self._clock.monotonic()
        task = asyncio.get_running_loop().create_task(self._sync_and_commit())
        task.add_done_callback(self._end_checkpoint)
        return task

    def _end_checkpoint(self, task: "asyncio.Task[None]") -> None:
        self._running_checkpoint = None
        if self._failure is None:
            # Only a loop that ends cancels a checkpoint; another one would hold it up.
            self._failure = StorageFailed() if task.cancelled() else task.exception()

    async def _sync_and_commit(self) -> None:
        position = await self._writer.sync()
        if position > self._committed:
            await self._commit(position)
            self._committed = position

    async def _settle(self) -> None:
        """Commit what can be committed; a cancellation meanwhile is passed on when that is over.

        A commit that still ran when the lease is given back could land among those of the next holder.
        """
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                await self.checkpoint()
            except asyncio.CancelledError as error:
                cancelled = error
            else:
                break
        if cancelled is not None:
            raise cancelled


async def _end_of(task: "asyncio.Task[None]") -> None:
    """Wait for the end of a task, however it ends, as ``asyncio.wait`` does for many; every short body waits here."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(_: object) -> None:
        if not ended.done():
            ended.set_result(None)

    task.add_done_callback(tell)
    try:
        await ended
    finally:
        task.remove_done_callback(tell)
