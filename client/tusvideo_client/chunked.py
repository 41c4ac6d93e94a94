"""Uploads over the documented chunk API: numbered chunks, then finalize, then the video record."""

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, Unpack

from . import wire
from .chunks import ChunkRun
from .clock import Clock
from .control import Control
from .credentials import Auth, Credentials, Token
from .errors import UnsupportedTypeError, UploadError
from .events import OnEvent, OnProgress
from .farewell import terminated_if_asked
from .handle import AsyncUploadHandle, teller, to_its_end
from .intake import take_in
from .journal import Journal, StateDir
from .model import Phase, Progress, UploadResult
from .origin import Uploadable, name_of
from .plan import after_chunk
from .state import DOCUMENTED, RetryPolicy, Timeouts
from .throttle import RateLimit, throttle_of
from .transfer import Transfer
from .transport import Transport
from .width import Connections, chunk_size_for, judged

VIDEO_SUFFIXES = frozenset(
    ".mp4 .mov .webm .m4v .mkv .avi .mpeg .mpg .ogv .3gp .ts".split()  # noqa: SIM905  # reads better than eleven strings
)


class ChunkedOptions(TypedDict, total=False):
    """What ``upload`` takes besides the video."""

    title: str | None
    description: str | None
    name: str | None
    replaces: str | None
    progress: OnProgress | None
    on_event: OnEvent | None


class AsyncChunkedVideoUploader:
    """Uploads videos chunk by chunk, and resumes them with no flag from the last chunk that was stored.

    Args:
        base_url: Root of the server, for example ``http://127.0.0.1:8080``; ``ValueError`` if it is no HTTP address.
        token: Bearer token, or a callable (may be async) that makes one.
        auth: Instead of a token a name and its password; see :class:`AsyncUploader`.
        profile: The server's profile.
        account: Tells uploads of several accounts on one server apart, if one user of this machine has several.
        chunk_size: Bytes in a chunk. If not given: 1 MiB over one connection, and 256 KiB where there may be four, so
            that a cut costs half a MiB on average at most, however many are open, and 1 MiB at worst; more only where
            there would be over 100,000 chunks. An upload that is resumed keeps the size that it began with.
        retry: How patient to be; by default 3 retries, 1, 2 and 4 seconds apart, counted from the last stored chunk.
        stall_timeout: Seconds without movement after which a chunk is given up and sent again.
        connect_timeout: Seconds that a connection may take to come about.
        connections: How many chunks are sent at the same time, from 1 to 4; or ``auto``: one, and one more as long as
            that makes the upload faster by 15 % or more, and all their chunks are 1 MiB together at most; but always
            one where the rate is limited, and under the documented figures of ``retry``.
        rate_limit: Bytes a second, or a timetable; see :class:`AsyncUploader`.
        state_dir: Folder in which unfinished uploads are remembered; the user's state directory if not given or empty.
        clock: Time and chance, for tests.
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
        if chunk_size is not None and chunk_size < 1:
            message = f"chunk_size must be at least 1, not {chunk_size}"
            raise ValueError(message)
        wire.origin_of(base_url)
        Credentials(token=token, auth=auth)  # judged here, and not in the middle of an upload
        self._base = base_url.rstrip("/")
        self._token = token
        self._auth = auth
        self._profile = profile
        self._account = account
        self._chunk_size = chunk_size
        self._retry = retry
        self._timeouts = Timeouts(connect=connect_timeout, stall=stall_timeout, response=stall_timeout)
        self._state_dir = state_dir
        self._clock = clock or Clock()
        self._throttle = throttle_of(rate_limit, clock=self._clock)
        is_bound = self._throttle is not None or bool(retry.delays)
        self._connections = 1 if judged(connections) == "auto" and is_bound else connections

    async def upload_video(
        self,
        file: Uploadable,
        on_progress: Callable[[int], None] | None = None,
        on_error: Callable[[str], None] | None = None,
    ) -> str:
        """Upload a video and return the name under which the server stored it.

        Args:
            file: A path, or a file object with a name.
            on_progress: Told whole per cents of the bytes that the server stored; rising, and 100 only at the very end.
            on_error: Told what went wrong, once, before the error is raised.

        Raises:
            UploadError: See :mod:`tusvideo_client.errors`. The same call again resumes.
        """
        try:
            result = await self.upload(file, progress=_Percent(on_progress) if on_progress else None)
        except UploadError as error:
            if on_error is not None:
                on_error(str(error))
            raise
        return result.filename

    async def upload(
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
        """Upload a video, or go on with an upload of it that an earlier call began.

        Safe to repeat after any error and safe to cancel: stored chunks stay stored, and the same call resumes.

        Args:
            source: A path, bytes or a file object; see :meth:`AsyncUploader.upload`.
            title: Makes a video record with this title.
            description: Description in that record; used only with a title.
            name: Name to send instead of the file's own; needed where there is none.
            replaces: Id of a video record whose file this one is to become; see :meth:`AsyncUploader.upload`.
            progress: Told at most ten times a second, and at every change of phase, in the event loop.
            on_event: Told everything that happens, progress included (:mod:`tusvideo_client.events`), in the event
                loop.

        Raises:
            UploadError: See :mod:`tusvideo_client.errors`.
            ValueError: There is no name.
            TypeError: This cannot be uploaded.
        """
        options: ChunkedOptions = {"title": title, "description": description, "name": name, "replaces": replaces}
        tell = teller(on_event, progress)
        return await to_its_end(
            self._upload(source, options, on_event=tell, control=Control(self._clock.now)), on_event=tell
        )

    def start(self, source: Uploadable, **options: Unpack[ChunkedOptions]) -> AsyncUploadHandle:
        """Begin an upload that runs beside the caller, who may watch it, pause it and cancel it.

        Args:
            source: A path, bytes or a file object.
            options: Those of :meth:`upload`. What a callback raises ends the upload.
        """
        return AsyncUploadHandle(
            lambda hear, control: to_its_end(
                self._upload(source, options, on_event=hear, control=control), on_event=hear
            ),
            on_event=teller(options.get("on_event"), options.get("progress")),
            now=self._clock.now,
        )

    async def _upload(
        self,
        source: Uploadable,
        options: ChunkedOptions,
        *,
        on_event: OnEvent | None,
        control: Control,
    ) -> UploadResult:
        name = wire.sendable(options.get("name") or name_of(source))
        _judge_type(name)
        title = options.get("title")
        description = options.get("description")
        given = {"title": title, "description": description if title is not None else None}
        facts = {key: wire.sendable(value) for key, value in given.items() if value is not None}
        async with (
            Transport(
                self._base, token=self._token, auth=self._auth, timeouts=self._timeouts, throttle=self._throttle
            ) as transport,
            take_in(
                source,
                journal=Journal(self._state_dir),
                protocol="chunks",
                endpoint=self._base,
                account=self._account,
                profile=self._profile,
                name=name,
                metadata=facts,
                replaces=options.get("replaces") or "",
                chunk_size_of=self._chunk_size_for,
            ) as intake,
        ):
            transfer = Transfer(
                transport,
                planner=after_chunk,
                policy=self._retry,
                clock=self._clock,
                length=intake.source.size,
                on_event=on_event,
                control=control,
            )
            run = ChunkRun(
                intake, transport=transport, transfer=transfer, base=self._base, connections=self._connections
            )
            async with terminated_if_asked(transport, intake, control):
                return await run.to_end(facts)

    def _chunk_size_for(self, length: int) -> int:
        return self._chunk_size or chunk_size_for(length, wanted=self._connections)


class _Percent:
    """Turns progress into whole per cents of what is stored, each told once."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._told = -1

    def __call__(self, progress: Progress) -> None:
        percent = 100 if progress.phase is Phase.DONE else min(99, 100 * progress.stored // (progress.total or 1))
        if percent > self._told:
            self._told = percent
            self._tell(percent)


def _judge_type(name: str) -> None:
    """Refuse only what no server takes for a video; the rest is the server's to judge, by content."""
    kind, _ = mimetypes.guess_type(name)
    if (
        Path(name).suffix.lower() in VIDEO_SUFFIXES
        or kind is None
        or kind.startswith(("video/", "application/octet-stream"))
    ):
        return
    message = f"{name} is no video ({kind}); expected one of {', '.join(sorted(VIDEO_SUFFIXES))}"
    raise UnsupportedTypeError(message, hint="use the tus protocol for other files")
