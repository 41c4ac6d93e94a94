"""The same uploaders for code that blocks: scripts, threads, notebooks, and functions called inside a running loop."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from .batch import OnItemEvent, Outcome
from .blocking_handle import UploadHandle
from .chunked import AsyncChunkedVideoUploader, ChunkedOptions
from .clock import Clock
from .credentials import Auth, Token
from .events import OnEvent, OnProgress
from .follow import Follow
from .handle import AsyncUploadHandle, teller
from .journal import StateDir
from .model import Choice, Integrity, UploadResult
from .origin import SPOOL_BYTES, Uploadable
from .portal import Portal, Task
from .state import DOCUMENTED, MIB, RetryPolicy
from .throttle import RateLimit
from .uploader import AsyncUploader, BatchOptions, UploadOptions
from .width import Connections

T = TypeVar("T")


class Uploader:
    """:class:`AsyncUploader` for code that blocks. Use it with ``with``, or call :meth:`close` at the end.

    Args:
        base_url: Root of the server; the further arguments are those of :class:`AsyncUploader`.
    """

    def __init__(  # noqa: PLR0913  # each has a default
        self,
        base_url: str,
        *,
        protocol: Choice = "auto",
        token: Token = None,
        auth: Auth = None,
        account: str = "",
        retry: RetryPolicy | None = None,
        request_bytes: int = 64 * MIB,
        stall_timeout: float = 15.0,
        connect_timeout: float = 10.0,
        connections: Connections = "auto",
        rate_limit: RateLimit | None = None,
        spool_bytes: int = SPOOL_BYTES,
        integrity: Integrity = "auto",
        state_dir: StateDir = None,
        clock: Clock | None = None,
    ) -> None:
        self._uploader = AsyncUploader(
            base_url,
            protocol=protocol,
            token=token,
            auth=auth,
            account=account,
            retry=retry,
            request_bytes=request_bytes,
            stall_timeout=stall_timeout,
            connect_timeout=connect_timeout,
            connections=connections,
            rate_limit=rate_limit,
            spool_bytes=spool_bytes,
            integrity=integrity,
            state_dir=state_dir,
            clock=clock,
        )
        self._portal: Portal | None = None
        self._guard = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def upload(  # noqa: PLR0913  # each has a default
        self,
        source: Uploadable,
        *,
        title: str | None = None,
        description: str | None = None,
        profile: str | None = None,
        name: str | None = None,
        size: int | None = None,
        follow: Follow | bool = False,
        metadata: Mapping[str, str] | None = None,
        replaces: str | None = None,
        progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> UploadResult:
        """Upload something; see :meth:`AsyncUploader.upload`. ``progress`` and ``on_event`` are called in this thread.

        Ctrl-C saves the state and raises ``KeyboardInterrupt``; the same call again resumes.
        """
        tell = teller(on_event, progress)
        return self._opened().call(
            lambda post: self._uploader.upload(
                source,
                title=title,
                description=description,
                profile=profile,
                name=name,
                size=size,
                follow=follow,
                metadata=metadata,
                replaces=replaces,
                on_event=post if tell else None,
            ),
            tell=tell,
        )

    def start(self, source: Uploadable, **options: Unpack[UploadOptions]) -> UploadHandle:
        """Begin an upload that runs beside the caller, who may watch it, pause it and cancel it, from any thread.

        Args:
            source: A path, bytes or a file object.
            options: Those of :meth:`upload`; but callbacks are called in the uploader's own thread, because nobody
                waits in this one, and what they raise ends the upload.
        """

        def begin(hear: OnEvent) -> AsyncUploadHandle:
            heard: UploadOptions = {**options, "progress": None, "on_event": hear}
            return self._uploader.start(source, **heard)

        tell = teller(options.get("on_event"), options.get("progress"))
        return UploadHandle(self._opened(), begin, tell=tell)

    def upload_many(
        self,
        sources: Iterable[str | os.PathLike[str]],
        *,
        jobs: int = 2,
        on_event: OnItemEvent | None = None,
        **options: Unpack[BatchOptions],
    ) -> list[Outcome]:
        """Upload files and whole folders; see :meth:`AsyncUploader.upload_many`. ``on_event`` is called in this thread.

        Ctrl-C saves the state of all and raises ``KeyboardInterrupt``; the same call again resumes.
        """
        return self._opened().call(
            lambda post: self._uploader.upload_many(sources, jobs=jobs, on_event=post if on_event else None, **options),
            tell=on_event,
        )

    def close(self) -> None:
        """Close the connections, and cancel what still runs, in other threads too; safe to repeat.

        What is cancelled raises :class:`UploadCancelledError` there. The uploader can be used again afterwards.

        Raises:
            RuntimeError: Called in a callback of an upload that :meth:`start` began.
        """
        with self._guard:
            if self._portal is not None:
                self._portal.refuse_own_thread()
            portal, self._portal = self._portal, None
        if portal is not None:
            portal.close(lambda: self._uploader.__aexit__(None, None, None))

    def _opened(self) -> Portal:
        with self._guard:
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
        auth: Auth = None,
        profile: str = "poster",
        account: str = "",
        chunk_size: int | None = None,
        retry: RetryPolicy = DOCUMENTED,
        stall_timeout: float = 30.0,
        connect_timeout: float = 10.0,
        connections: Connections = "auto",
        rate_limit: RateLimit | None = None,
        state_dir: StateDir = None,
        clock: Clock | None = None,
    ) -> None:
        self._uploader = AsyncChunkedVideoUploader(
            base_url,
            token,
            auth=auth,
            profile=profile,
            account=account,
            chunk_size=chunk_size,
            retry=retry,
            stall_timeout=stall_timeout,
            connect_timeout=connect_timeout,
            connections=connections,
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
        replaces: str | None = None,
        progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> UploadResult:
        """Upload a video with its record; see :meth:`AsyncChunkedVideoUploader.upload`.

        ``progress`` and ``on_event`` are called in this thread.
        """
        tell = teller(on_event, progress)
        return self._call(
            lambda post: self._uploader.upload(
                source,
                title=title,
                description=description,
                name=name,
                replaces=replaces,
                on_event=post if tell else None,
            ),
            tell=tell,
        )

    def start(self, source: Uploadable, **options: Unpack[ChunkedOptions]) -> UploadHandle:
        """Begin an upload that runs beside the caller, who may watch it, pause it and cancel it, from any thread.

        Args:
            source: A path, bytes or a file object.
            options: Those of :meth:`upload`; but callbacks are called in the upload's own thread, and what they raise
                ends the upload.
        """

        def begin(hear: OnEvent) -> AsyncUploadHandle:
            heard: ChunkedOptions = {**options, "progress": None, "on_event": hear}
            return self._uploader.start(source, **heard)

        portal = Portal()
        handle = UploadHandle(portal, begin, tell=teller(options.get("on_event"), options.get("progress")))
        handle.when_done(portal.retire)
        return handle

    @staticmethod
    def _call(task: Task[T], *, tell: Callable[..., None] | None) -> T:
        portal = Portal()
        try:
            return portal.call(task, tell=tell)
        finally:
            portal.close()
