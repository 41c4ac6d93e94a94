"""Long bodies, past aiohttp: received into blocks of memory that are used again and again (decisions/0012)."""

import asyncio
from typing import Final

from aiohttp import web

from tusvideo.errors import BodyCut, BodyStalled, Preempted, TransferEnded
from tusvideo.streams import ReadableBuffer, Tap
from tusvideo.web.body import SENTENCES, LastWords, RequestBody, Silence, has_gone
from tusvideo.web.tap import BodyTap

LEAST_BYTES: Final = 8 * 1024 * 1024
"""A body of which less is still to come stays with aiohttp: what is taken over serves no second request."""
BLOCK_BYTES: Final = 1024 * 1024
ENOUGH_BYTES: Final = 256 * 1024
"""A receive that gives less is followed by a rest, in which more can gather."""
REST_SECONDS: Final = 0.001
FAST_BYTES: Final = BLOCK_BYTES
"""A body that gives so much at once is received by the thread that writes it, as long as it goes on like that."""
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


class _Intake(asyncio.BufferedProtocol):
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
        self._rest = self._loop.call_later(REST_SECONDS, self._end_rest)

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


class RawBody:
    """The body of a request that is nothing but bytes to be stored; implements the Body port over a RequestBody.

    A body of which at least ``least_bytes`` are still to come after its first bytes is taken over from aiohttp: then
    ``read`` lends blocks, and the connection has to end with the answer (``is_taken``). Call ``release`` before the
    answer is begun, whatever happened.
    """

    def __init__(
        self,
        request: web.BaseRequest,
        body: RequestBody,
        *,
        blocks: Blocks,
        stall_seconds: float,
        least_bytes: int = LEAST_BYTES,
    ) -> None:
        self._request = request
        self._body = body
        self._blocks = blocks
        self._stall_seconds = stall_seconds
        self._least_bytes = least_bytes
        self._may_be_taken = True
        self._rest: _Rest | None = None

    @property
    def received(self) -> int:
        """Bytes of the body that came over the connection, read or not."""
        return self._body.received + (0 if self._rest is None else self._rest.received)

    @property
    def is_taken(self) -> bool:
        """True when the connection cannot serve another request."""
        return self._rest is not None

    @property
    def silent_seconds(self) -> float:
        return self._body.silent_seconds if self._rest is None else self._rest.silent_seconds

    @property
    def is_cut(self) -> bool:
        return has_gone(self._request.transport)

    async def read(self) -> ReadableBuffer:
        if self._rest is not None:
            return await self._rest.read()
        block = await self._body.read()
        if block and self._may_be_taken:
            self._rest = self._taken_over()
        return block

    def tap(self) -> Tap | None:
        return None if self._rest is None else self._rest.tap()

    def interrupt(self) -> None:
        if self._rest is None:
            self._body.interrupt()
        else:
            self._rest.interrupt()

    def release(self) -> None:
        """Give the connection back; nothing is read any more. Safe to repeat."""
        self._body.close()
        if self._rest is not None:
            self._rest.release()

    def _taken_over(self) -> "_Rest | None":
        transport = _transport_of(self._request)
        length = self._request.content_length
        if transport is None or length is None or length - self._body.received < self._least_bytes:
            self._may_be_taken = False  # for good: ever less is to come
            return None
        held = self._body.hand_over()
        if held is None:
            return None
        return _Rest(
            self._request,
            held=held,
            # Nothing arrives between these lines: they are one turn of the loop.
            intake=_Intake(transport, missing=length - self._body.received, blocks=self._blocks),
            blocks=self._blocks,
            stall_seconds=self._stall_seconds,
        )


class _Rest:
    """What is left of a body when it is taken over; a Body of its own."""

    def __init__(
        self, request: web.BaseRequest, *, held: bytes, intake: _Intake, blocks: Blocks, stall_seconds: float
    ) -> None:
        self._content = request.content
        self._held = held
        self._intake = intake
        self._blocks = blocks
        self._lent: memoryview | None = None
        self._tap: BodyTap | None = None
        self._is_fast = False
        self._ended: type[TransferEnded] | None = None
        self._released = False
        self._silence = Silence(limit_seconds=stall_seconds, too_long=self._stall)
        self._silence.watch()
        self._last_words = LastWords(received=lambda: self.received, leave=self._leave)
        self._loop = asyncio.get_running_loop()
        # aiohttp tells the stream when it loses the connection, or gives up on the request during shutdown.
        self._watch = self._loop.create_task(self._content.wait_eof())
        self._watch.add_done_callback(self._cut)

    @property
    def received(self) -> int:
        return self._intake.received + (0 if self._tap is None else self._tap.received)

    @property
    def silent_seconds(self) -> float:
        return self._silence.seconds

    async def read(self) -> ReadableBuffer:
        self._end_loan()
        if self._held:
            held, self._held = self._held, b""
            return held
        while not self._released:
            if self._intake.is_ripe:
                found, self._lent = self._intake.take()
                self._is_fast = len(found) >= FAST_BYTES
                if found or not self._intake.missing:
                    return found
            if self._ended is not None:
                break
            self._intake.waiter = self._loop.create_future()
            with self._silence:
                await self._intake.waiter
        reason = self._ended or BodyCut
        raise reason(SENTENCES[reason])

    def tap(self) -> BodyTap | None:
        """See Body."""
        self._end_loan()
        if self._is_fast and self._ended is None and not self._released and self._intake.missing:
            self._tap = self._intake.tap()
        return self._tap

    def interrupt(self) -> None:
        """Ask for an end, after what was sent before."""
        self._last_words.begin()

    def end(self, reason: type[TransferEnded]) -> None:
        """Let the body end early, unless it is whole; the first reason counts."""
        if self._ended is None and self._intake.missing:
            self._ended = reason
            self._silence.close()
            self._last_words.close()
            self._intake.stop()
            if self._tap is not None:
                self._tap.stop()

    def release(self) -> None:
        if self._released:
            return
        self._released = True
        self._silence.close()
        self._last_words.close()
        self._end_loan()
        self._intake.release()
        if not self._intake.missing:
            self._content.feed_eof()
        self._watch.cancel()

    def _stall(self) -> None:
        self.end(BodyStalled)

    def _leave(self) -> None:
        self.end(Preempted)

    def _cut(self, watch: "asyncio.Task[None]") -> None:
        if not watch.cancelled():
            watch.exception()  # asked for, so that asyncio does not report it as unseen
        if not self._released:
            self.end(BodyCut)

    def _end_loan(self) -> None:
        if self._lent is not None:
            self._blocks.give_back(self._lent)
            self._lent = None
        if self._tap is not None:
            tap, self._tap = self._tap, None
            self._is_fast = not tap.is_dry
            self._intake.close_tap(tap)


def _transport_of(request: web.BaseRequest) -> asyncio.Transport | None:
    """Give the transport of a plain connection whose bytes can be received by somebody else; None when they cannot."""
    transport = request.transport
    if transport is None or transport.is_closing() or transport.get_extra_info("sslcontext") is not None:
        return None
    # What follows an accepted upgrade is no body to aiohttp.
    if "Upgrade" in request.headers or not hasattr(transport, "set_protocol"):
        return None
    return transport
