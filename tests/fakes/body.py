"""The body of a request, fed by a test."""

import asyncio
from collections import deque
from collections.abc import Callable

from tusvideo.commands import PutPart
from tusvideo.errors import BodyCut, Preempted, TransferEnded


class FakeTap:
    """Implements the Tap port over blocks that came, each of which it gives whole; ``before_last`` is called then."""

    def __init__(self, blocks: deque[bytes], *, before_last: Callable[[], None] = lambda: None) -> None:
        self._blocks = blocks
        self._before_last = before_last

    def next(self) -> bytes:
        if len(self._blocks) == 1:
            self._before_last()
        return self._blocks.popleft() if self._blocks else b""


class FakeBody:
    """Implements the Body port, and PartBody for those that name their command.

    ``FakeBody(b"ab", b"c")`` is whole: two reads give the blocks, the third b"". With ``is_open`` more may be fed until
    ``end`` or ``cut``. ``hungry`` is set while somebody waits for bytes, so that a test knows when all were taken.
    While ``is_fast`` what came can be had by ``tap``, too.
    """

    def __init__(self, *blocks: bytes, is_open: bool = False, command: PutPart | None = None) -> None:
        self._blocks = deque(blocks)
        self._is_whole = not is_open
        self._ended: TransferEnded | None = None
        self._changed = asyncio.Event()
        self._command = command
        self.hungry = asyncio.Event()
        self.silent_seconds = 0.0
        self.is_cut = False
        self.is_fast = False
        self.reads = 0

    async def read(self) -> bytes:
        self.reads += 1
        while not self._blocks and not self._is_whole and self._ended is None:
            self.hungry.set()
            self._changed.clear()
            await self._changed.wait()
        self.hungry.clear()
        if self._blocks:
            return self._blocks.popleft()
        if self._is_whole:
            return b""
        assert self._ended is not None
        raise self._ended

    def tap(self) -> FakeTap | None:
        return FakeTap(self._blocks) if self.is_fast and self._blocks else None

    def interrupt(self) -> None:
        if not self._is_whole:
            self.cut(Preempted("asked to leave"))

    def feed(self, *blocks: bytes) -> None:
        """Let bytes arrive."""
        self._blocks.extend(blocks)
        self.hungry.clear()
        self._changed.set()

    def end(self, *blocks: bytes) -> None:
        """Let the last bytes arrive."""
        self._is_whole = True
        self.feed(*blocks)

    def cut(self, reason: TransferEnded | None = None) -> None:
        """Let the body end early; only the first reason counts."""
        self._ended = self._ended or reason or BodyCut("the connection ended")
        self._changed.set()

    def command(self) -> PutPart:
        """Tell the command, as the form does once its last field came."""
        assert self._command is not None
        assert self._is_whole
        return self._command


def cut_body(*blocks: bytes, reason: TransferEnded | None = None) -> FakeBody:
    """Make a body whose connection ended after these blocks."""
    body = FakeBody(*blocks, is_open=True)
    body.cut(reason)
    return body
