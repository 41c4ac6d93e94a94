"""Bytes that come only once: pipes, generators, answers of other servers.

They go through a spool: what the server has not confirmed can be sent again, and a producer that is swifter than the
link has to wait. Nothing but the producer's own end is taken for the end.
"""

import asyncio
import queue
import secrets
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Self

from .checksum import Running
from .content import feed_by_reading
from .errors import LocalFileError, StreamBrokenError
from .fingerprint import GROWING, Fingerprint, Identity
from .opening import closed, opened
from .spool import Spool
from .state import MIB

PIECE = 64 * 1024
READ_AT_ONCE = MIB
WRITTEN_AT_ONCE = 64 * 1024
WORTH_A_REQUEST = 256 * 1024
LINGER = 1.0

END = object()


class Stream:
    """A producer, and the part of its bytes that the server has not confirmed.

    Make it with :meth:`open`; close it when done.
    """

    is_once = True

    def __init__(self, *, spool: Spool, label: str, size: int | None) -> None:
        self.label = label
        self.path = f"stream:{secrets.token_hex(16)}"
        self.size = size
        self._spool = spool
        self._told_size = size
        self._has_ended = False
        self._error: LocalFileError | None = None
        self._changed = asyncio.Event()
        self._freed = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, pieces: AsyncIterator[Any], *, label: str, size: int | None, capacity: int) -> Self:
        """Begin to take from a producer. Safe to cancel: then nothing is taken.

        Args:
            pieces: The producer; bytes of any shape.
            label: What messages call it.
            size: How many bytes it gives, if that is known: fewer or more are an error.
            capacity: How many bytes may wait here.

        Raises:
            LocalFileError: There is no room for the spool.
        """
        stream = cls(spool=await opened(partial(Spool.open, capacity), close=Spool.close), label=label, size=size)
        stream._pump = asyncio.create_task(stream._take_all(pieces))
        return stream

    @property
    def fingerprint(self) -> Fingerprint:
        """Its own: no two streams are known to be the same."""
        time = GROWING if self.size is None else 0
        return Fingerprint(identity=Identity(size=self.size or 0, mtime_ns=time, inode=0), probe=self.path)

    def resumes(self, kept: Fingerprint) -> bool:
        """Never: what a stream gave before it does not give again."""
        return kept == self.fingerprint

    def check(self) -> None:
        """Make sure that it did not break.

        Raises:
            StreamBrokenError: It did.
        """
        if self._error is not None:
            raise self._error

    async def ready(self, start: int, *, tell: Callable[[], None]) -> int:
        """Up to where bytes can be read: past ``start``, unless it ended there. Waits until that is worth a request.

        Never more than half of the spool at once: while the server takes one half, the producer fills the other.

        Raises:
            StreamBrokenError: The producer failed, or ended too early or too late.
        """
        worth, half = min(WORTH_A_REQUEST, self._spool.capacity // 2), self._spool.capacity // 2
        linger: float | None = None
        now = asyncio.get_running_loop().time
        while True:
            self.check()
            have = self._spool.end - start
            if self._has_ended or have >= worth or (linger is not None and now() >= linger):
                return start + min(have, half)
            if have and linger is None:
                linger = now() + LINGER
            if not have:
                tell()
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if linger is None else linger - now()):
                    await self._changed.wait()

    def settle(self, offset: int) -> None:
        """The server has what lies before ``offset``: it may be forgotten.

        Raises:
            StreamBrokenError: The server had more before, which was forgotten here.
        """
        if offset < self._spool.first:
            message = (
                f"the server lost bytes of {self.label} that it had confirmed: {offset} of {self._spool.first} left"
            )
            raise StreamBrokenError(message, offset=offset)
        self._spool.free(offset)
        self._freed.set()

    async def read(self, start: int, *, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``, which :meth:`ready` told of.

        Raises:
            StreamBrokenError: The spool cannot be read.
        """
        try:
            return await asyncio.to_thread(self._spool.read, start, size)
        except (OSError, ValueError) as error:
            message = f"the spool of {self.label} cannot be read: {error}"
            raise StreamBrokenError(message) from error

    async def feed(self, running: Running, start: int, *, end: int) -> None:
        """Let a running checksum take the bytes from ``start`` up to ``end``; raises what :meth:`read` raises."""
        await feed_by_reading(self, running, start, end=end)

    async def pieces(self, start: int, *, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to ``end``, in small pieces."""
        for first in range(start, end, READ_AT_ONCE):
            data = await self.read(first, size=min(READ_AT_ONCE, end - first))
            for at in range(0, len(data), PIECE):
                yield data[at : at + PIECE]

    async def close(self) -> None:
        """Take no more, and forget what waits; an async generator is closed, a file object is not. Safe to repeat."""
        try:
            if self._pump is not None:
                self._pump.cancel()
                await asyncio.gather(self._pump, return_exceptions=True)
        finally:
            await closed(self._spool.close)

    async def _take_all(self, pieces: AsyncIterator[Any]) -> None:
        try:
            async for piece in pieces:
                await self._take(memoryview(piece).cast("B"))
            self._end()
        except LocalFileError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  # whatever a producer may raise
            message = f"{self.label} broke off after {self._spool.end} bytes: {str(error) or type(error).__name__}"
            self._error = StreamBrokenError(message)
            self._error.__cause__ = error
        finally:
            if not self._has_ended and self._error is None:
                self._error = StreamBrokenError(f"{self.label} was cancelled after {self._spool.end} bytes")
            self._changed.set()
            if isinstance(pieces, AsyncGenerator):
                with suppress(Exception):  # what it says at its end is no more of interest
                    await pieces.aclose()

    async def _take(self, data: memoryview) -> None:
        if self._told_size is not None and self._spool.end + len(data) > self._told_size:
            message = f"{self.label} gives more than the {self._told_size} bytes that were told"
            raise StreamBrokenError(message)
        while data:
            while not (room := self._spool.room):
                self._freed.clear()
                await self._freed.wait()
            part = data[: min(room, READ_AT_ONCE)]
            if len(part) <= WRITTEN_AT_ONCE:
                self._spool.write(part)  # into memory of the system: cheaper than a hop to a thread
                await asyncio.sleep(0)  # a producer that never waits leaves room for those who send
            else:
                await asyncio.to_thread(self._spool.write, part)
            self._changed.set()
            data = data[len(part) :]

    def _end(self) -> None:
        if self._told_size is not None and self._spool.end < self._told_size:
            message = f"{self.label} ended after {self._spool.end} of {self._told_size} bytes"
            raise StreamBrokenError(message)
        self.size = self._spool.end
        self._has_ended = True


async def pieces_by_reading(read: Callable[[int], Any]) -> AsyncIterator[Any]:
    """What an async ``read`` gives until it gives nothing."""
    while piece := _judged(await read(PIECE)):
        yield piece


async def pieces_from_thread(take: Callable[[], Any]) -> AsyncIterator[Any]:
    """What a blocking call gives until it gives :data:`END`, called in a thread of its own.

    A daemon: a pipe from which nothing comes must not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    wishes: queue.SimpleQueue[asyncio.Future[Any] | None] = queue.SimpleQueue()

    def serve() -> None:
        while (wish := wishes.get()) is not None:
            try:
                piece, error = take(), None
            except BaseException as caught:  # noqa: BLE001  # told to the one who waits
                piece, error = END, caught
            with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(_fulfil, wish, piece, error)

    threading.Thread(target=serve, name="tusvideo-stream", daemon=True).start()
    try:
        while True:
            wish = loop.create_future()
            wishes.put(wish)
            if (piece := await wish) is END:
                return
            yield piece
    finally:
        wishes.put(None)


def taker_of_file(file: Any) -> Callable[[], Any]:  # noqa: ANN401  # an object with ``read``, of any make
    """A call that gives what a file object has now, and :data:`END` at its end."""
    read = getattr(file, "read1", file.read)
    return lambda: _judged(read(PIECE)) or END


def _fulfil(wish: asyncio.Future[Any], piece: object, error: BaseException | None) -> None:
    if wish.done():
        return  # given up
    if error is None:
        wish.set_result(piece)
    else:
        wish.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))


def _judged(piece: Any) -> Any:  # noqa: ANN401  # what a foreign object gives
    """Neither nothing-at-the-moment nor text is the end of a stream."""
    if piece is None or isinstance(piece, str):
        given = "text" if isinstance(piece, str) else "nothing at the moment (it does not block)"
        message = f"reading gave {given}; expected bytes"
        raise TypeError(message)
    return piece
