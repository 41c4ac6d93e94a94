"""The body of a request as it arrives: nothing asked for before somebody reads, nothing lost when it ends early."""

import asyncio
import contextlib
from typing import Final

from aiohttp import web

from tusvideo.errors import BodyCut, BodyStalled, Preempted, TooLarge, TransferEnded
from tusvideo.ports import Body

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_SENTENCES: Final[dict[type[TransferEnded], str]] = {
    BodyCut: "the connection ended before the body did; what came is kept, ask for the offset and continue",
    BodyStalled: "no byte came for too long; what came is kept, ask for the offset and continue",
    Preempted: "another request took over this upload; ask for the offset and continue",
}


class RequestBody:
    """The body of one request; implements the Body port over an aiohttp stream.

    ``expects_continue`` says that the client waits for 100 Continue, which the first ``read`` sends. A body that is
    waited for longer than ``stall_seconds`` without a byte has stalled. One timer serves the whole transfer: it looks
    now and then how long the silence has lasted, so that a read costs no timer. Call ``close`` when the request ends.
    """

    def __init__(self, request: web.Request, *, expects_continue: bool, stall_seconds: float) -> None:
        self._request = request
        self._content = request.content
        self._expects_continue = expects_continue
        self._stall_seconds = stall_seconds
        self._loop = asyncio.get_running_loop()
        self._begun = False
        self._waiting_since: float | None = None
        self._ended: type[TransferEnded] | None = None
        self._drained = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def received(self) -> int:
        """Bytes of the body that came over the connection, read or not."""
        return self._content.total_bytes

    @property
    def silent_seconds(self) -> float:
        # Time in which nobody reads is not the client's silence: the disk may be slow, or the reader may be judging.
        return 0.0 if self._waiting_since is None else self._loop.time() - self._waiting_since

    async def read(self) -> bytes:
        if not self._begun:
            await self._begin()
        if self._ended is None:
            self._waiting_since = self._loop.time()
            try:
                return await self._content.readany()
            except asyncio.CancelledError:
                # aiohttp also puts a CancelledError into the stream, when it gives up on a request during shutdown.
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                self._end(BodyCut)
            except Exception:  # noqa: BLE001 - whatever ended the stream (reset, broken framing): it ended too early
                self._end(BodyCut)
            finally:
                self._waiting_since = None
        return self._rest()

    def interrupt(self) -> None:
        self._end(Preempted)

    def close(self) -> None:
        """Let go of the timer. Safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _begin(self) -> None:
        self._begun = True
        if self._content.is_eof():
            return
        self._timer = self._loop.call_later(self._stall_seconds, self._look_for_stall)
        if self._expects_continue and not self.received:
            with contextlib.suppress(ConnectionError):  # the read that follows tells it
                await self._request.writer.write(CONTINUE)
            # Else aiohttp takes the interim answer for the beginning of the final one.
            self._request.writer.output_size = 0

    def _end(self, reason: type[TransferEnded]) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        self.close()
        if self._waiting_since is not None:
            self._content.set_exception(reason(_SENTENCES[reason]))

    def _rest(self) -> bytes:
        """Give what aiohttp holds, once; then the reason why there is no more."""
        assert self._ended is not None  # noqa: S101 - only called then
        blocks = []
        if not self._drained:
            self._drained = True
            # aiohttp raises what is set here before it gives the bytes that came earlier; None makes them readable.
            self._content.set_exception(None)  # type: ignore[arg-type]  # its setter knows no "none any more"
            # Reading makes room, and room lets aiohttp parse what it held back: so again, until nothing is left. All
            # this happens between two turns of the loop, so nothing new can arrive and it ends.
            while block := self._content.read_nowait():
                blocks.append(block)
        if blocks or self._content.is_eof():
            return b"".join(blocks)
        raise self._ended(_SENTENCES[self._ended])

    def _look_for_stall(self) -> None:
        silent = self.silent_seconds
        if silent >= self._stall_seconds:
            self._timer = None
            self._end(BodyStalled)
            return
        self._timer = self._loop.call_later(self._stall_seconds - silent, self._look_for_stall)


async def read_whole(body: Body, *, most: int) -> bytes:
    """Read a small body to its end. ``most`` in bytes; raises TooLarge as soon as it is exceeded, and TransferEnded."""
    blocks: list[bytes] = []
    size = 0
    while block := await body.read():
        size += len(block)
        if size > most:
            raise TooLarge("the body", limit=most)
        blocks.append(block)
    return b"".join(blocks)
