"""An upload that runs beside code that blocks: watched, paused and cancelled from any thread."""

import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from .errors import UploadCancelledError
from .events import Failed, Finished, OnEvent, UploadEvent
from .handle import AsyncUploadHandle
from .model import Progress, UploadResult
from .portal import WAKE_SECONDS, Portal, answer_of, next_of


class UploadHandle:
    """An upload that runs beside its caller; ``start`` of an uploader makes it. Usable from any thread.

    With ``with`` the block's end waits for the upload, and an error in the block, Ctrl-C too, cancels it; what is
    stored stays stored.
    """

    def __init__(self, portal: Portal, begin: Callable[[OnEvent], AsyncUploadHandle], *, tell: OnEvent | None) -> None:
        self._portal = portal
        self._mail: list[queue.SimpleQueue[UploadEvent | None]] = []
        self._last: UploadEvent | None = None
        self._guard = threading.Lock()
        self._tell = tell

        async def make() -> AsyncUploadHandle:
            return begin(self._hear)

        portal.refuse_own_thread()
        self._handle = answer_of(portal.begin(make))
        self._outcome = portal.begin(self._handle.result)
        self._outcome.add_done_callback(lambda _: self._end())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.cancel()
        elif not self._handle.is_cancelled:
            try:
                self.result()
            except BaseException:
                self.cancel()
                raise

    @property
    def progress(self) -> Progress:
        """Where the upload stands; see :attr:`AsyncUploadHandle.progress`."""
        return self._handle.progress

    @property
    def is_done(self) -> bool:
        """True when the upload finished, failed or was cancelled."""
        return self._outcome.done()

    @property
    def is_paused(self) -> bool:
        """True between :meth:`pause` and :meth:`resume`."""
        return self._handle.is_paused

    def pause(self) -> None:
        """Stop sending at once; see :meth:`AsyncUploadHandle.pause`. Does not wait."""
        self._portal.post(self._handle.pause)

    def resume(self) -> None:
        """Go on after :meth:`pause`; safe to repeat. Does not wait."""
        self._portal.post(self._handle.resume)

    def cancel(self, *, terminate: bool = False) -> bool:
        """End the upload and wait until its state is saved; see :meth:`AsyncUploadHandle.cancel`.

        In a callback of the upload it does not wait, because the upload would wait for the callback: it returns True,
        and the upload ends as soon as the callback does.
        """
        if self._outcome.done():
            return False
        try:
            asked = self._portal.begin(lambda: self._handle.cancel(terminate=terminate))
            return True if self._portal.is_own_thread else answer_of(asked)
        except UploadCancelledError:  # it ended, with its uploader, while this was called
            return False

    def result(self, timeout: float | None = None) -> UploadResult:
        """Wait for the end and return what ``upload`` returns. Ctrl-C ends this wait and leaves the upload alone.

        Args:
            timeout: Seconds to wait.

        Raises:
            UploadError: See :mod:`tusvideo_client.errors`.
            TimeoutError: The upload has not ended yet.
            RuntimeError: Called in a callback of the upload, which cannot end before the callback does.
        """
        if not self._outcome.done():
            self._portal.refuse_own_thread()
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = WAKE_SECONDS if until is None else max(0.0, min(WAKE_SECONDS, until - time.monotonic()))
            if concurrent.futures.wait({self._outcome}, timeout=left).done:
                return answer_of(self._outcome)
            if until is not None and time.monotonic() >= until:
                message = f"the upload has not ended after {timeout} s"
                raise TimeoutError(message)

    def events(self) -> Iterator[UploadEvent]:
        """What happens from now on; ends when the upload ends. Its last event is told again to who asks later."""
        mail: queue.SimpleQueue[UploadEvent | None] = queue.SimpleQueue()
        with self._guard:
            if self._outcome.done():
                if self._last is not None:
                    mail.put(self._last)
                mail.put(None)
            self._mail.append(mail)
        return iter(lambda: next_of(mail), None)

    def when_done(self, call: Callable[[], None]) -> None:
        """Call this when the upload has ended, in the upload's own thread."""
        self._outcome.add_done_callback(lambda _: call())

    def _hear(self, event: UploadEvent) -> None:
        with self._guard:
            if isinstance(event, Finished | Failed):
                self._last = event
            for mail in self._mail:
                mail.put(event)
        if self._tell is not None:
            self._tell(event)

    def _end(self) -> None:
        with self._guard:
            for mail in self._mail:
                mail.put(None)
