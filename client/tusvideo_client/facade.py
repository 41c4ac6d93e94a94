"""The same uploaders for code that blocks: scripts, threads, notebooks, and functions called inside a running loop."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from .chunked import AsyncChunkedVideoUploader
from .model import Progress, UploadResult
from .origin import Uploadable
from .state import DOCUMENTED, MIB, RetryPolicy
from .throttle import RateLimit
from .transfer import Clock
from .transport import Token
from .uploader import AsyncUploader

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
            while (news := _next_of(mail)) is not None:
                if tell is not None:
                    tell(*news)
        except BaseException:
            future.cancel()
            ended.wait(SETTLE_SECONDS)  # a cancelled future is done before its task has saved the state
            raise
        return future.result()

    def close(self) -> None:
        """End the loop and the thread; safe to repeat."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())


def _next_of(mail: "queue.SimpleQueue[tuple[Any, ...] | None]") -> tuple[Any, ...] | None:
    while True:
        try:
            return mail.get(timeout=WAKE_SECONDS)  # a time limit, because Windows cannot interrupt an endless wait
        except queue.Empty:
            continue


class Uploader:
    """:class:`AsyncUploader` for code that blocks. Use it with ``with``, or call :meth:`close` at the end.

    Args:
        base_url: Root of the server; the further arguments are those of :class:`AsyncUploader`.
    """

    def __init__(  # noqa: PLR0913  # each has a default
        self,
        base_url: str,
        *,
        token: Token = None,
        account: str = "",
        retry: RetryPolicy | None = None,
        request_bytes: int = 64 * MIB,
        stall_timeout: float = 15.0,
        connect_timeout: float = 10.0,
        rate_limit: RateLimit | None = None,
        state_dir: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._uploader = AsyncUploader(
            base_url,
            token=token,
            account=account,
            retry=retry,
            request_bytes=request_bytes,
            stall_timeout=stall_timeout,
            connect_timeout=connect_timeout,
            rate_limit=rate_limit,
            state_dir=state_dir,
            clock=clock,
        )
        self._portal: Portal | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def upload(
        self,
        source: Uploadable,
        *,
        title: str | None = None,
        description: str | None = None,
        profile: str | None = None,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> UploadResult:
        """Upload something; see :meth:`AsyncUploader.upload`. ``progress`` is called in this thread.

        Ctrl-C saves the state and raises ``KeyboardInterrupt``; the same call again resumes.
        """
        return self._opened().call(
            lambda post: self._uploader.upload(
                source,
                title=title,
                description=description,
                profile=profile,
                name=name,
                metadata=metadata,
                progress=post if progress else None,
            ),
            tell=progress,
        )

    def close(self) -> None:
        """Close the connections; safe to repeat. The uploader can be used again afterwards."""
        if self._portal is not None:
            self._portal.call(lambda _: self._uploader.__aexit__(None, None, None))
            self._portal.close()
            self._portal = None

    def _opened(self) -> Portal:
        if self._portal is None:
            self._portal = Portal()
            self._portal.call(lambda _: self._uploader.__aenter__())
        return self._portal


class ChunkedVideoUploader:
    """Uploads videos over the documented chunk API and blocks until they are published.

    Args:
        base_url: Root of the server; the further arguments are those of :class:`AsyncChunkedVideoUploader`.
        token: Bearer token, or a callable that makes one.
    """

    def __init__(  # noqa: PLR0913  # each has a default
        self,
        base_url: str,
        token: Token = None,
        *,
        profile: str = "poster",
        account: str = "",
        chunk_size: int = MIB,
        retry: RetryPolicy = DOCUMENTED,
        stall_timeout: float = 30.0,
        rate_limit: RateLimit | None = None,
        state_dir: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._uploader = AsyncChunkedVideoUploader(
            base_url,
            token,
            profile=profile,
            account=account,
            chunk_size=chunk_size,
            retry=retry,
            stall_timeout=stall_timeout,
            rate_limit=rate_limit,
            state_dir=state_dir,
            clock=clock,
        )

    def upload_video(
        self,
        file: Uploadable,
        on_progress: Callable[[int], None] | None = None,
        on_error: Callable[[str], None] | None = None,
    ) -> str:
        """Upload a video and return the name under which the server stored it.

        Both callbacks are called in this thread. See :meth:`AsyncChunkedVideoUploader.upload_video`.
        """

        def tell(callback: Callable[[Any], None], news: Any) -> None:  # noqa: ANN401  # a number or a text
            callback(news)

        return self._call(
            lambda post: self._uploader.upload_video(
                file,
                (lambda percent: post(on_progress, percent)) if on_progress else None,
                (lambda text: post(on_error, text)) if on_error else None,
            ),
            tell=tell,
        )

    def upload(
        self,
        source: Uploadable,
        *,
        title: str | None = None,
        description: str | None = None,
        name: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> UploadResult:
        """Upload a video with its record; see :meth:`AsyncChunkedVideoUploader.upload`."""
        return self._call(
            lambda post: self._uploader.upload(
                source, title=title, description=description, name=name, progress=post if progress else None
            ),
            tell=progress,
        )

    @staticmethod
    def _call(task: Task[T], *, tell: Callable[..., None] | None) -> T:
        portal = Portal()
        try:
            return portal.call(task, tell=tell)
        finally:
            portal.close()
