"""Long bodies, past aiohttp: which ones are taken over, and what is left of one then (decisions/0012)."""

import asyncio
from typing import Final

from aiohttp import web

from tusvideo.errors import BodyCut, BodyStalled, Preempted, TransferEnded
from tusvideo.streams import ReadableBuffer, Tap
from tusvideo.web.body import SENTENCES, LastWords, RequestBody, Silence, has_gone
from tusvideo.web.intake import BLOCK_BYTES, Blocks, Intake
from tusvideo.web.tap import BodyTap

LEAST_BYTES: Final = 8 * 1024 * 1024
"""A body of which less is still to come stays with aiohttp: what is taken over serves no second request."""
FAST_BYTES: Final = BLOCK_BYTES
"""A body that gives so much at once is received by the thread that writes it, as long as it goes on like that."""


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
            intake=Intake(transport, missing=length - self._body.received, blocks=self._blocks),
            blocks=self._blocks,
            stall_seconds=self._stall_seconds,
        )


class _Rest:
    """What is left of a body when it is taken over; a Body of its own."""

    def __init__(
        self, request: web.BaseRequest, *, held: bytes, intake: Intake, blocks: Blocks, stall_seconds: float
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
