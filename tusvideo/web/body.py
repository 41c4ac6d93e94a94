"""The body of a request as it arrives: nothing asked for before somebody reads, nothing lost when it ends early."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from aiohttp import web

from tusvideo.errors import BodyCut, BodyStalled, Preempted, TooLarge, TransferEnded
from tusvideo.streams import BytesBody

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

SENTENCES: Final[dict[type[TransferEnded], str]] = {
    BodyCut: "the connection ended before the body did; what came is kept, ask for the offset and continue",
    BodyStalled: "no byte came for too long; what came is kept, ask for the offset and continue",
    Preempted: "another request took over this upload; ask for the offset and continue",
}


LAST_WORDS_SECONDS: Final = 0.25
"""So long a body that is asked to leave goes on at most, to give what was sent before."""
QUIET_SECONDS: Final = 0.01
"""After so long without a byte there is nothing more of that."""
_ESTABLISHED: Final = 1


def has_gone(transport: asyncio.BaseTransport | None) -> bool:
    """Tell whether the other end of a connection has closed or reset it, read or not; False where nobody knows.

    The kernel knows as soon as it hears; asyncio tells only once all that came before was read.
    """
    if transport is None or transport.is_closing():
        return True
    try:
        states = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except (OSError, AttributeError):
        return False
    return int(states[0]) != _ESTABLISHED


class LastWords:
    """The end of a body that has to leave: when no byte came for a moment, or after a quarter of a second.

    Bytes that the kernel holds were sent; leaving them would make their sender send them again.
    """

    def __init__(self, *, received: Callable[[], int], leave: Callable[[], None]) -> None:
        self._received = received
        self._leave = leave
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._seen = 0
        self._deadline = 0.0

    def begin(self) -> None:
        """Start to wait for the end. Safe to repeat."""
        if self._timer is None:
            self._deadline = self._loop.time() + LAST_WORDS_SECONDS
            self._wait()

    def close(self) -> None:
        """Let go of the timer. Safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._seen = self._received()
        self._timer = self._loop.call_later(QUIET_SECONDS, self._look)

    def _look(self) -> None:
        if self._received() > self._seen and self._loop.time() < self._deadline:
            self._wait()
        else:
            self._leave()


class Silence:
    """How long somebody has been waiting for a byte, and what happens when that is too long.

    One timer serves a whole transfer: it looks now and then how long the silence has lasted, so that waiting costs no
    timer. Time in which nobody waits is not the client's silence: the disk may be slow, or the reader may be judging.
    """

    def __init__(self, *, limit_seconds: float, too_long: Callable[[], None]) -> None:
        self._limit_seconds = limit_seconds
        self._too_long = too_long
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """Seconds since somebody began to wait; 0 while nobody does."""
        return 0.0 if self._since is None else self._loop.time() - self._since

    @property
    def is_waited_for(self) -> bool:
        """True while somebody waits."""
        return self._since is not None

    def watch(self) -> None:
        """Start the timer."""
        self._timer = self._loop.call_later(self._limit_seconds, self._look)

    def close(self) -> None:
        """Let go of the timer. Safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        self._since = self._loop.time()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def _look(self) -> None:
        seconds = self.seconds
        if seconds >= self._limit_seconds:
            self._timer = None
            self._too_long()
            return
        self._timer = self._loop.call_later(self._limit_seconds - seconds, self._look)


class RequestBody:
    """The body of one request; implements the Body port over an aiohttp stream.

    ``expects_continue`` says that the client waits for 100 Continue, which the first ``read`` sends. A body that is
    waited for longer than ``stall_seconds`` without a byte has stalled. Call ``close`` when the request ends.
    """

    def __init__(self, request: web.BaseRequest, *, expects_continue: bool, stall_seconds: float) -> None:
        self._request = request
        self._content = request.content
        self._expects_continue = expects_continue
        self._stall_seconds = stall_seconds
        # Made when they are needed: most requests have no body.
        self._silence: Silence | None = None
        self._last_words: LastWords | None = None
        self._ended: type[TransferEnded] | None = None
        self._drained = False

    @property
    def received(self) -> int:
        """Bytes of the body that came through aiohttp, read or not."""
        return self._content.total_bytes

    @property
    def silent_seconds(self) -> float:
        return 0.0 if self._silence is None else self._silence.seconds

    @property
    def is_cut(self) -> bool:
        return has_gone(self._request.transport)

    async def read(self) -> bytes:
        silence = self._silence or await self._begin()
        if self._ended is None:
            try:
                with silence:
                    return await self._content.readany()
            except asyncio.CancelledError:
                # aiohttp also puts a CancelledError into the stream, when it gives up on a request during shutdown.
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                self._end(BodyCut)
            except Exception:  # noqa: BLE001 - whatever ended the stream (reset, broken framing): it ended too early
                self._end(BodyCut)
        return self._rest()

    def tap(self) -> None:
        return None

    def interrupt(self) -> None:
        if self._last_words is None:
            self._last_words = LastWords(received=lambda: self.received, leave=self._leave)
        self._last_words.begin()

    def close(self) -> None:
        """Let go of the timers. Safe to repeat."""
        if self._silence is not None:
            self._silence.close()
        if self._last_words is not None:
            self._last_words.close()

    def hand_over(self) -> bytes | None:
        """Give what aiohttp holds to somebody who reads the connection from now on; ``read`` is over then.

        None, and nothing has changed, when there is nothing more to come: the body is whole, has ended early, or is
        about to.
        """
        is_over = self._ended is not None or self._content.is_eof() or self._content.exception() is not None
        if is_over or self._last_words is not None:
            return None
        self.close()
        return self._drain()

    async def _begin(self) -> Silence:
        silence = self._silence = Silence(limit_seconds=self._stall_seconds, too_long=self._stall)
        if self._content.is_eof():
            return silence
        silence.watch()
        if self._expects_continue and not self.received:
            with contextlib.suppress(ConnectionError):  # the read that follows tells it
                await self._request.writer.write(CONTINUE)
            # Else aiohttp takes the interim answer for the beginning of the final one.
            self._request.writer.output_size = 0
        return silence

    def _stall(self) -> None:
        self._end(BodyStalled)

    def _leave(self) -> None:
        self._end(Preempted)

    def _end(self, reason: type[TransferEnded]) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        self.close()
        if self._silence is not None and self._silence.is_waited_for:
            self._content.set_exception(reason(SENTENCES[reason]))

    def _rest(self) -> bytes:
        """Give what aiohttp holds, once; then the reason why there is no more."""
        assert self._ended is not None  # noqa: S101 - only called then
        held = b""
        if not self._drained:
            self._drained = True
            # aiohttp raises what is set here before it gives the bytes that came earlier; None makes them readable.
            self._content.set_exception(None)  # type: ignore[arg-type]  # its setter knows no "none any more"
            held = self._drain()
        if held or self._content.is_eof():
            return held
        raise self._ended(SENTENCES[self._ended])

    def _drain(self) -> bytes:
        # Reading makes room, and room lets aiohttp parse what it held back: so again, until nothing is left. All this
        # happens between two turns of the loop, so nothing new can arrive and it ends.
        blocks = []
        while block := self._content.read_nowait():
            blocks.append(block)
        return b"".join(blocks)


async def read_whole(body: BytesBody, *, most: int) -> bytes:
    """Read a small body to its end. ``most`` in bytes; raises TooLarge as soon as it is exceeded, and TransferEnded."""
    blocks: list[bytes] = []
    size = 0
    while block := await body.read():
        size += len(block)
        if size > most:
            raise TooLarge("the body", limit=most)
        blocks.append(block)
    return b"".join(blocks)
