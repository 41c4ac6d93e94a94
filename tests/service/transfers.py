"""A transfer and all that it touches."""

import asyncio
from typing import Any

from tests.fakes.body import FakeBody
from tests.fakes.clock import HandClock
from tests.fakes.house import LIMITS
from tusvideo.commands import AppendPlan
from tusvideo.service.transfer import CheckpointTurns, Transfer
from tusvideo.streams import Draw, ReadableBuffer, Tap


class GatedWriter:
    """A Writer whose syncs last until the test lets them end; ``durable`` is what a power cut would leave."""

    def __init__(self, position: int = 0, *, is_open: bool = True) -> None:
        self.position = position
        self.data = b""
        self.durable = position
        self.gate = asyncio.Event()
        self.syncing = asyncio.Event()
        self.fails_write: Exception | None = None
        self.fails_sync: Exception | None = None
        self.draws = True
        self.drawn = b""
        if is_open:
            self.gate.set()

    async def write(self, buffer: ReadableBuffer) -> None:
        await asyncio.sleep(0)
        if self.fails_write is not None:
            raise self.fails_write
        self.data += buffer
        self.position += len(buffer)

    @property
    def draw(self) -> Draw | None:
        return self._draw if self.draws else None

    async def _draw(self, tap: Tap, *, most: int) -> int:
        start = self.position
        while self.position - start < most and (buffer := tap.next()):
            await self.write(buffer)
            self.drawn += buffer
        return self.position - start

    async def flush(self) -> int:
        return self.position

    async def sync(self) -> int:
        position = self.position
        self.syncing.set()
        await self.gate.wait()
        if self.fails_sync is not None:
            raise self.fails_sync
        self.durable = max(self.durable, position)
        return position

    async def cut(self, position: int) -> None:
        """Drop bytes; no transfer asks for it."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to let go of."""


class Bench:
    """A transfer and all that it touches. Every commit is checked: never beyond the durable bytes, never backwards."""

    def __init__(
        self,
        body: FakeBody,
        *,
        most: int = 100,
        exact: bool = True,
        start: int = 0,
        turns: CheckpointTurns | None = None,
        **limits: Any,
    ) -> None:
        self.body = body
        self.clock = HandClock()
        self.writer = GatedWriter(start)
        self.start = start
        self.commits: list[int] = []
        self.fails_commit: Exception | None = None
        self.refuses: Exception | None = None
        self.commit_gate = asyncio.Event()
        self.commit_gate.set()
        self.committing = asyncio.Event()
        self.transfer = Transfer(
            body=body,
            writer=self.writer,
            plan=AppendPlan(position=start, accept_at_most=most, length=None, exact=exact),
            commit=self.commit,
            look=self.look,
            clock=self.clock,
            limits=LIMITS if not limits else type(LIMITS)(**limits),
            turns=turns or CheckpointTurns(),
        )

    @property
    def offset(self) -> int:
        """What the session says."""
        return self.commits[-1] if self.commits else self.start

    async def commit(self, position: int) -> None:
        self.committing.set()
        await self.commit_gate.wait()
        if self.fails_commit is not None:
            raise self.fails_commit
        assert position <= self.writer.durable
        assert position > self.offset
        self.commits.append(position)

    async def look(self, buffer: ReadableBuffer) -> None:
        await asyncio.sleep(0)
        if self.refuses is not None:
            raise self.refuses
