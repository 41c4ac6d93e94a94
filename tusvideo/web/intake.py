"""Receives the rest of a body past aiohttp, into blocks of memory that are used again and again (decisions/0012)."""

import asyncio
from typing import Final

from tusvideo.streams import ReadableBuffer
from tusvideo.web.tap import BodyTap

BLOCK_BYTES: Final = 1024 * 1024
ENOUGH_BYTES: Final = 256 * 1024
"""A receive that gives less is followed by a rest, in which more can gather."""
GATHER_SECONDS: Final = 0.001
"""So long that rest is."""
COPIED_BYTES: Final = 64 * 1024
"""Less than this is copied out of a block, so that a slow connection holds what came and no block."""
DROPPED_BYTES: Final = 1024 * 1024
"""So much of what follows a body is read and dropped: closed with bytes unread, a connection is reset, and a reset can
take the answer away before it is read."""


class Blocks:
    """Blocks of memory that the long bodies of a server lend each other; at most ``most`` of ``size`` bytes."""

    def __init__(self, *, size: int = BLOCK_BYTES, most: int = 32) -> None:
        self._size = size
        self._may_make = most
        self._free: list[memoryview] = []
        self._last_resort = memoryview(bytearray(COPIED_BYTES))

    @property
    def free(self) -> int:
        """Blocks that exist and are lent to nobody."""
        return len(self._free)

    def landing(self) -> memoryview:
        """Give a block to receive into, which is not lent by this: copy from it, or ``take`` it, before the next turn
        of the loop. When all are lent it is a smaller one, only to be copied from."""
        if not self._free and self._may_make:
            self._may_make -= 1
            self._free.append(memoryview(bytearray(self._size)))
        return self._free[-1] if self._free else self._last_resort

    def take(self) -> memoryview | None:
        """Borrow the block that ``landing`` gave last; None when that was the last resort."""
        return self._free.pop() if self._free else None

    def give_back(self, block: memoryview) -> None:
        """End a loan. The block used last is the next to be used: it is still in the processor's cache."""
        self._free.append(block)


class Intake(asyncio.BufferedProtocol):
    """Receives the rest of one body in the place of the connection's protocol, and passes on to that one what else
    happens to the connection."""

    def __init__(self, transport: asyncio.Transport, *, missing: int, blocks: Blocks) -> None:
        self.missing = missing
        """Bytes that have not come."""
        self.received = 0
        self.waiter: asyncio.Future[None] | None = None
        """Is woken when bytes came or ``stop`` was called."""
        self._transport = transport
        self._former = transport.get_protocol()
        self._blocks = blocks
        self._landing = memoryview(b"")
        self._few = bytearray()
        self._block: memoryview | None = None
        self._filled = 0
        self._paused = False
        self._stopped = False
        self._dropped = 0
        self._loop = asyncio.get_running_loop()
        self._rest: asyncio.TimerHandle | None = None
        self._rested = False
        self._ripe = False
        transport.set_protocol(self)
        transport.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        if not self.missing:
            return self._blocks.landing()
        if self._block is not None:
            return self._block[self._filled : self._filled + self.missing]
        self._landing = self._blocks.landing()
        start = len(self._few)
        return self._landing[start : start + self.missing]

    def buffer_updated(self, nbytes: int) -> None:
        if not self.missing:
            self._drop(nbytes)
            return
        self.missing -= nbytes
        self.received += nbytes
        if self._block is None:
            self._keep(nbytes)
        else:
            self._filled += nbytes
        if self._is_full:
            self._pause()
        elif nbytes < ENOUGH_BYTES and self.missing and not self._rested:
            self._begin_rest()
            return
        self._ripen()

    @property
    def is_ripe(self) -> bool:
        """True when it is worth while to ``take`` what came, or when there will be no more."""
        return self._ripe or self._stopped or not self.missing

    def take(self) -> tuple[ReadableBuffer, memoryview | None]:
        """Give the bytes that came, b"" when there are none, and the block in which they lie, now the caller's."""
        found: ReadableBuffer = b""
        block, self._block = self._block, None
        if block is not None:
            found = block[: self._filled]
        elif self._few:
            found = bytes(self._few)
            self._few.clear()
        self._ripe = False
        if self._paused and not self._stopped:
            self._resume()
        return found, block

    def tap(self) -> BodyTap | None:
        """Receive nothing until ``close_tap``, and give who does, with the bytes that came; None when nobody can."""
        block, held = self._block, self._filled
        if block is None:
            self._blocks.landing()
            block, held = self._blocks.take(), len(self._few)
            if block is None:
                return None
        try:
            plug = self._transport.get_extra_info("socket").dup()
        except OSError:  # closed, or no descriptor is left
            if self._block is None:
                self._blocks.give_back(block)
            return None
        block[: len(self._few)] = self._few
        self._few.clear()
        self._block = None
        self._ripe = False
        self._cancel_rest()
        self._pause()
        return BodyTap(plug, block=block, held=held, missing=self.missing)

    def close_tap(self, tap: BodyTap) -> None:
        """Receive again."""
        tap.close()
        self._blocks.give_back(tap.block)
        self.missing -= tap.received
        self.received += tap.received
        if not self._stopped:
            self._resume()

    def wake(self) -> None:
        """Wake who waits."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def stop(self) -> None:
        """Receive nothing more. Safe to repeat."""
        self._stopped = True
        self._cancel_rest()
        self._pause()
        self.wake()

    def release(self) -> None:
        """Let go. The former protocol gets what is missing of a body; what follows a whole one is dropped."""
        self._stopped = True
        self._cancel_rest()
        self._few.clear()
        if self._block is not None:
            self._blocks.give_back(self._block)
            self._block = None
        if self.missing and not self._transport.is_closing():
            self._transport.set_protocol(self._former)
            self._transport.resume_reading()

    def eof_received(self) -> bool | None:
        return self._former.eof_received() if isinstance(self._former, asyncio.Protocol) else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._former.connection_lost(exc)

    def pause_writing(self) -> None:
        self._former.pause_writing()

    def resume_writing(self) -> None:
        self._former.resume_writing()

    @property
    def _is_full(self) -> bool:
        if self._block is None:
            return len(self._few) >= COPIED_BYTES
        return self._filled == len(self._block)

    def _keep(self, size: int) -> None:
        start = len(self._few)
        self._block = self._blocks.take() if start + size >= COPIED_BYTES else None
        if self._block is None:
            self._few += self._landing[start : start + size]
            return
        self._block[:start] = self._few
        self._few.clear()
        self._filled = start + size

    def _begin_rest(self) -> None:
        self._transport.pause_reading()
        self._rest = self._loop.call_later(GATHER_SECONDS, self._end_rest)

    def _end_rest(self) -> None:
        self._rest = None
        self._rested = True
        self._resume()
        # What gathered is received in the next turn of the loop; what is called after that turn sees it.
        self._loop.call_soon(self._loop.call_soon, self._ripen)

    def _cancel_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _ripen(self) -> None:
        self._rested = False
        self._ripe = True
        self.wake()

    def _resume(self) -> None:
        self._paused = False
        self._transport.resume_reading()

    def _drop(self, size: int) -> None:
        self._dropped += size
        if self._dropped >= DROPPED_BYTES:
            self._pause()

    def _pause(self) -> None:
        self._paused = True
        self._transport.pause_reading()
