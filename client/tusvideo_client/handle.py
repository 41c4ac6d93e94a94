"""A running upload in the hands of its caller: watch it, pause it, cancel it, wait for its result."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Self

from .control import Control
from .errors import KEPT, UploadCancelledError, UploadError
from .events import Created, Failed, Finished, OnEvent, OnProgress, Resumed, UploadEvent
from .model import Phase, Progress, UploadResult

Begin = Callable[[OnEvent, Control], Coroutine[Any, Any, UploadResult]]


class AsyncUploadHandle:
    """An upload that runs beside its caller; ``start`` of an uploader makes it, in a running event loop.

    ``await handle`` gives the result. With ``async with`` the block's end waits for the upload, and an error in the
    block cancels it; what is stored stays stored.

    Attributes:
        is_cancelled: True after :meth:`cancel`.
    """

    def __init__(
        self, begin: Begin, *, on_event: OnEvent | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._control = Control(now)
        self._on_event = on_event
        self._streams: list[_Stream] = []
        self.is_cancelled = False
        self._upload_url: str | None = None
        self._last: Finished | Failed | None = None
        self._progress = Progress(stored=0, total=0, sent=0, percent=0.0, phase=Phase.PREPARING)
        self._task = asyncio.ensure_future(begin(self._hear, self._control))
        self._task.add_done_callback(self._end)

    def __await__(self) -> Generator[Any, None, UploadResult]:
        return self.result().__await__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            await self.cancel()
        elif not self.is_cancelled:
            try:
                await self.result()
            except asyncio.CancelledError:
                await self.cancel()
                raise

    @property
    def progress(self) -> Progress:
        """Where the upload stands, as it was last told; ``total`` is 0 until the file is open."""
        return self._progress

    @property
    def is_done(self) -> bool:
        """True when the upload finished, failed or was cancelled."""
        return self._task.done()

    @property
    def is_paused(self) -> bool:
        """True between :meth:`pause` and :meth:`resume`."""
        return self._control.is_paused

    def pause(self) -> None:
        """Stop sending at once, by breaking off the running request; nothing is given up and no patience is used.

        Numbered chunks that are on their way may end, for two seconds: half of one is of no use to the server. The file
        stays open and stays this upload's. A server lets an upload expire that pauses for days. A question without a
        body that is under way is still answered. Safe to repeat, and without effect after the end.
        """
        self._control.pause()

    def resume(self) -> None:
        """Go on after :meth:`pause`, from the byte that the server says it has; safe to repeat."""
        self._control.resume()

    async def cancel(self, *, terminate: bool = False) -> bool:
        """End the upload, and wait until its state is saved.

        What is stored stays stored, and the same upload again resumes. After this :meth:`result` raises
        :class:`UploadCancelledError`.

        Args:
            terminate: Also remove what the server stores, and forget the upload here. The server is asked for at most
                five seconds; if it does not confirm, everything is kept as without this.

        Returns:
            True if that was done; False if the upload had ended before, or the server did not confirm.
        """
        if not self._task.done() and not self.is_cancelled:
            self.is_cancelled = True
            self._control.terminates = terminate
            self._task.cancel()
        await asyncio.wait({self._task})
        return self._task.cancelled() and (self._control.is_terminated or not terminate)

    async def result(self) -> UploadResult:
        """Wait for the end and return what ``upload`` returns. Cancelling this wait leaves the upload alone.

        Raises:
            UploadError: See :mod:`tusvideo_client.errors`.
        """
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            return self._task.result()
        if self._control.is_terminated:
            message = "the upload was cancelled, and what was stored of it is removed"
            raise UploadCancelledError(message)
        message = "the upload was cancelled"
        raise UploadCancelledError(
            message,
            upload_url=self._upload_url,
            offset=self._progress.stored,
            hint=f"{KEPT}, unless the bytes came from a stream",
        )

    def events(self) -> AsyncIterator[UploadEvent]:
        """What happens from now on, for ``async for``; ends when the upload ends.

        The last event is told again to those who ask after the end. To a slow reader only the newest of several
        :class:`Progress` in a row is told, and every other event.
        """
        stream = _Stream()
        self._streams.append(stream)
        if self._task.done():
            if self._last is not None:
                stream.put(self._last)
            stream.close()
        return stream

    def _hear(self, event: UploadEvent) -> None:
        match event:
            case Progress():
                self._progress = event
            case Created(url=url) | Resumed(url=url):
                self._upload_url = url
            case Finished() | Failed():
                self._last = event
            case _:
                pass
        for stream in self._streams:
            stream.put(event)
        if self._on_event is not None:
            self._on_event(event)

    def _end(self, task: "asyncio.Future[UploadResult]") -> None:
        for stream in self._streams:
            stream.close()
        if self._last is not None and (self._on_event is not None or self._streams) and not task.cancelled():
            task.exception()  # it was told: asyncio need not complain if nobody asks for the result


class _Stream:
    """Events that wait for their reader."""

    def __init__(self) -> None:
        self._waiting: deque[UploadEvent] = deque()
        self._news = asyncio.Event()
        self._is_closed = False

    def put(self, event: UploadEvent) -> None:
        if isinstance(event, Progress) and self._waiting and isinstance(self._waiting[-1], Progress):
            self._waiting.pop()
        self._waiting.append(event)
        self._news.set()

    def close(self) -> None:
        self._is_closed = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> UploadEvent:
        while not self._waiting:
            if self._is_closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


def teller(on_event: OnEvent | None, progress: OnProgress | None) -> OnEvent | None:
    """One callback for both that a caller may give."""
    if progress is None:
        return on_event

    def tell(event: UploadEvent) -> None:
        if isinstance(event, Progress):
            progress(event)
        if on_event is not None:
            on_event(event)

    return tell


async def to_its_end(upload: Coroutine[Any, Any, UploadResult], *, on_event: OnEvent | None) -> UploadResult:
    """Run an upload and tell how it ended."""
    try:
        result = await upload
    except UploadError as error:
        if on_event is not None:
            on_event(Failed(error=error))
        raise
    if on_event is not None:
        on_event(Finished(result=result))
    return result
