"""The body of a request as it arrives: nothing asked for before somebody reads, nothing lost when it ends early."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from aiohttp import web

from tusvideo.errors import BodyCut, BodyStalled, Preempted, TooLarge, TransferEnded
from tusvideo.ports import BytesBody

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

SENTENCES: Final[dict[type[TransferEnded], str]] = {
    BodyCut: "the connection ended before the body did; what came is kept, ask for the offset and continue",
    BodyStalled: "no byte came for too long; what came is kept, ask for the offset and continue",
    Preempted: "another request took over this upload; ask for the offset and continue",
}


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

    def __init__(self, request: web.Request, *, expects_continue: bool, stall_seconds: float) -> None:
        self._request = request
        self._content = request.content
        self._expects_continue = expects_continue
        self._silence = Silence(limit_seconds=stall_seconds, too_long=self._stall)
        self._begun = False
        self._ended: type[TransferEnded] | None = None
        self._drained = False

    @property
    def received(self) -> int:
        """Bytes of the body that came through aiohttp, read or not."""
        return self._content.total_bytes

    @property
    def silent_seconds(self) -> float:
        return self._silence.seconds

    async def read(self) -> bytes:
        if not self._begun:
            await self._begin()
        if self._ended is None:
            try:
                with self._silence:
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

    def interrupt(self) -> None:
        self._end(Preempted)

    def close(self) -> None:
        """Let go of the timer. Safe to repeat."""
        self._silence.close()

    def hand_over(self) -> bytes | None:
        """Give what aiohttp holds to somebody who reads the connection from now on; ``read`` is over then.

        None, and nothing has changed, when there is nothing more to come: the body is whole, or has ended early.
        """
        if self._ended is not None or self._content.is_eof() or self._content.exception() is not None:
            return None
        self.close()
        return self._drain()

    async def _begin(self) -> None:
        self._begun = True
        if self._content.is_eof():
            return
        self._silence.watch()
        if self._expects_continue and not self.received:
            with contextlib.suppress(ConnectionError):  # the read that follows tells it
                await self._request.writer.write(CONTINUE)
            # Else aiohttp takes the interim answer for the beginning of the final one.
            self._request.writer.output_size = 0

    def _stall(self) -> None:
        self._end(BodyStalled)

    def _end(self, reason: type[TransferEnded]) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        self.close()
        if self._silence.is_waited_for:
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
