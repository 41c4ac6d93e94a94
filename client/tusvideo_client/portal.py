"""An event loop on a thread of its own, for code that blocks."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

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
        self._thread = threading.Thread(target=self._run, name="tusvideo-client", daemon=True)
        self._thread.start()

    def call(self, task: Task[T], *, tell: Callable[..., None] | None = None) -> T:
        """Run a coroutine to its end and return what it returns.

        Whatever interrupts the wait (Ctrl-C, an error in ``tell``) cancels the coroutine, lets it save its state, and
        is raised.

        Args:
            task: Makes the coroutine; gets a function that carries its arguments to ``tell``.
            tell: Called in this thread.
        """
        mail: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()

        def post(*news: Any) -> None:  # noqa: ANN401  # whatever the callback takes
            mail.put(news)

        ended = threading.Event()

        async def run() -> T:
            try:
                return await task(post)
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(run(), self._loop)
        future.add_done_callback(lambda _: mail.put(None))
        try:
            while (news := next_of(mail)) is not None:
                if tell is not None:
                    tell(*news)
        except BaseException:
            future.cancel()
            ended.wait(SETTLE_SECONDS)  # a cancelled future is done before its task has saved the state
            raise
        return future.result()

    def begin(self, task: Callable[[], Coroutine[Any, Any, T]]) -> "Future[T]":
        """Run a coroutine beside the caller."""
        return asyncio.run_coroutine_threadsafe(task(), self._loop)

    def post(self, news: Callable[[], object]) -> None:
        """Call something in the loop, soon; nothing happens after the loop's end."""
        with contextlib.suppress(RuntimeError):  # closed, and so is what runs in it
            self._loop.call_soon_threadsafe(news)

    def close(self) -> None:
        """End the loop and the thread; safe to repeat."""
        self.retire()
        self._thread.join()

    def retire(self) -> None:
        """End the loop and the thread soon, and do not wait for that; safe to repeat."""
        self.post(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        if tasks := asyncio.all_tasks(self._loop):  # whoever waits for one of them shall get an answer
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=SETTLE_SECONDS))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


def next_of(mail: "queue.SimpleQueue[T]") -> T:
    """Wait for the next item, in a way that Ctrl-C can end everywhere."""
    while True:
        try:
            return mail.get(timeout=WAKE_SECONDS)  # a time limit, because Windows cannot interrupt an endless wait
        except queue.Empty:
            continue
