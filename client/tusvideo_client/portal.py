"""An event loop on a thread of its own, for code that blocks."""

import asyncio
import concurrent.futures
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .errors import KEPT, UploadCancelledError

T = TypeVar("T")
Task = Callable[[Callable[..., None]], Coroutine[Any, Any, T]]

WAKE_SECONDS = 0.5
SETTLE_SECONDS = 2.0


class Portal:
    """A private event loop on a thread of its own.

    Callbacks come back to the calling thread, which waits there anyway: a bar or a window may be drawn from them.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._calls: set[asyncio.Task[Any] | None] = set()
        self._guard = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="tusvideo-client", daemon=True)
        self._thread.start()

    def call(self, task: Task[T], *, tell: Callable[..., None] | None = None) -> T:
        """Run a coroutine to its end and return what it returns.

        Whatever interrupts the wait (Ctrl-C, an error in ``tell``) cancels the coroutine, lets it save its state, and
        is raised.

        Args:
            task: Makes the coroutine; gets a function that carries its arguments to ``tell``.
            tell: Called in this thread.

        Raises:
            UploadCancelledError: :meth:`close` ended it.
            RuntimeError: This is the loop's own thread, which cannot wait for itself.
        """
        mail: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()

        def post(*news: Any) -> None:  # noqa: ANN401  # whatever the callback takes
            mail.put(news)

        ended = threading.Event()

        async def run() -> T:
            call = asyncio.current_task()
            self._calls.add(call)
            try:
                return await task(post)
            finally:
                self._calls.discard(call)
                ended.set()

        self.refuse_own_thread()
        future = self.begin(run)
        future.add_done_callback(lambda _: mail.put(None))
        try:
            while (news := next_of(mail)) is not None:
                if tell is not None:
                    tell(*news)
        except BaseException:
            future.cancel()
            ended.wait(SETTLE_SECONDS)  # a cancelled future is done before its task has saved the state
            raise
        return answer_of(future)

    @property
    def is_own_thread(self) -> bool:
        """True in a callback of the loop, where nothing may wait for the loop."""
        return threading.current_thread() is self._thread

    def refuse_own_thread(self) -> None:
        """Raise an error where waiting would never end.

        Raises:
            RuntimeError: This is the loop's own thread.
        """
        if self.is_own_thread:
            message = (
                "this waits for the upload, and was called from a callback in the upload's own thread, which would stop"
                " both: call it from another thread, or end the upload with cancel(), which does not wait in a callback"
            )
            raise RuntimeError(message)

    def begin(self, task: Callable[[], Coroutine[Any, Any, T]]) -> "concurrent.futures.Future[T]":
        """Run a coroutine beside the caller.

        Raises:
            UploadCancelledError: The loop has ended, or is about to.
        """
        with self._guard:  # what is taken comes before the loop's end, so that it gets an answer
            if self._is_closed:
                raise closed()
            return asyncio.run_coroutine_threadsafe(task(), self._loop)

    def post(self, news: Callable[[], object]) -> None:
        """Call something in the loop, soon; nothing happens after the loop's end."""
        with contextlib.suppress(RuntimeError):  # closed, and so is what runs in it
            self._loop.call_soon_threadsafe(news)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Cancel the calls of other threads, end the loop and the thread; safe to repeat.

        Args:
            last: Run when the calls have saved their state.

        Raises:
            RuntimeError: This is the loop's own thread.
        """

        async def settle() -> None:
            if calls := [call for call in self._calls if call is not None]:
                for call in calls:
                    call.cancel()
                await asyncio.wait(calls, timeout=SETTLE_SECONDS)
            if last is not None:
                await last()

        self.refuse_own_thread()
        with self._guard:
            settled = None if self._is_closed else asyncio.run_coroutine_threadsafe(settle(), self._loop)
            self._is_closed = True
        try:
            if settled is not None:
                settled.result()
        finally:
            self.retire()
        self._thread.join()

    def retire(self) -> None:
        """End the loop and the thread soon, and do not wait for that; safe to repeat."""
        with self._guard:
            self._is_closed = True
        self.post(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        if tasks := asyncio.all_tasks(self._loop):  # whoever waits for one of them shall get an answer
            _, late = self._loop.run_until_complete(asyncio.wait(tasks, timeout=SETTLE_SECONDS))
            for task in late:
                task.cancel()
            if late:
                self._loop.run_until_complete(asyncio.wait(late, timeout=SETTLE_SECONDS))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


def closed() -> UploadCancelledError:
    """The error of an upload whose uploader was closed by somebody else."""
    return UploadCancelledError(
        "the upload was cancelled, because its uploader was closed",
        hint=f"{KEPT}, unless the bytes came from a stream",
    )


def answer_of(future: "concurrent.futures.Future[T]") -> T:
    """What a coroutine returned or raised; a cancelled one was cancelled by the loop's end."""
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        raise closed() from None


def next_of(mail: "queue.SimpleQueue[T]") -> T:
    """Wait for the next item, in a way that Ctrl-C can end everywhere."""
    while True:
        try:
            return mail.get(timeout=WAKE_SECONDS)  # a time limit, because Windows cannot interrupt an endless wait
        except queue.Empty:
            continue
