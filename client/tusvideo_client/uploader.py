"""Uploads over tus or the IETF draft: few long requests, each resumed from the byte that the server says it has."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypedDict, Unpack, get_args

from . import wire
from .batch import Batch, Item, OnItemEvent, Outcome, Way, left_of, list_files
from .chunks import ChunkRun
from .clock import Clock
from .control import Control
from .credentials import Auth, Token
from .errors import UploadError
from .events import OnEvent, OnProgress, UploadEvent
from .farewell import say_farewell, terminated_if_asked
from .follow import Follow
from .handle import AsyncUploadHandle, teller, to_its_end
from .intake import Intake, take_in
from .journal import Journal, StateDir
from .model import Choice, Integrity, Protocol, UploadResult
from .negotiation import Negotiation
from .origin import SPOOL_BYTES, SPOOL_BYTES_AT_LEAST, Uploadable, name_of
from .plan import after_chunk, after_tus
from .state import MIB, RetryPolicy, Timeouts
from .throttle import RateLimit, throttle_of
from .transfer import Transfer
from .transport import Transport
from .tus import TusRun
from .width import Connections, chunk_size_for, judged

CHUNK_FACTS = {"filename", "title", "description", "profile", "replaces", "relativePath"}
"""What may be told of a file over chunks; its way from a folder is only for servers that keep it."""
CHUNK_PROFILE = "poster"


class BatchOptions(TypedDict, total=False):
    """What ``upload_many`` takes for each of the files."""

    title: str | None
    description: str | None
    profile: str | None
    metadata: Mapping[str, str] | None


class UploadOptions(BatchOptions, total=False):
    """What ``upload`` takes besides the file."""

    name: str | None
    size: int | None
    follow: Follow | bool
    replaces: str | None
    progress: OnProgress | None
    on_event: OnEvent | None


class AsyncUploader:
    """Uploads files to any server that speaks tus or the IETF draft, and resumes them with no flag after a cut, a kill
    or a reboot.

    Use it with ``async with``; one uploader serves many uploads, also side by side. The end of the block cancels those
    that :meth:`start` began and that still run; their state is saved.

    Args:
        base_url: Root of the server, for example ``http://127.0.0.1:8080``, or the address where it makes uploads;
            ``ValueError`` if it is no HTTP address.
        protocol: ``auto`` asks the server once with OPTIONS, and takes tus before the IETF draft. With ``tus``,
            ``ietf`` or ``chunks`` nothing is asked, and ``base_url`` is the root, or for the first two, if it has a
            path that ends in a slash, the address where uploads are made. An upload that is resumed keeps what it
            began with, unless another one is named: then it begins anew.
        token: Bearer token, or a callable (may be async) that makes one. A callable is asked again once when the server
            refuses its token.
        auth: Instead of a token a name and its password (Basic), as ``("alice", "…")``, or a callable as for ``token``
            that gives both. They go to the origin of ``base_url`` only; ``ValueError`` if they cannot be sent.
        account: Tells uploads of several accounts on one server apart, if one user of this machine has several.
        retry: How patient to be.
        request_bytes: Longest body of one request.
        stall_timeout: Seconds without movement after which a request is given up and made again; after a third of it a
            second connection is tried beside it, and once the server has the whole request its answer may take twice
            as long.
        connect_timeout: Seconds that a connection may take to come about.
        connections: With ``protocol="chunks"`` how many chunks of an upload are sent at the same time; see
            :class:`AsyncChunkedVideoUploader`.
        rate_limit: Bytes a second that all uploads of this uploader may send together, each the same share; or a
            timetable as text, as ``"22:00-06:00 unlimited, 512k"`` (see :func:`tusvideo_client.rate.parse_timetable`);
            ``ValueError`` if it means nothing.
        spool_bytes: How many bytes of a stream may wait in a temporary file until the server has confirmed them; when
            they are so many, the producer has to wait.
        integrity: When to compare what arrives with what is sent: ``auto`` on connections without TLS, where a bit that
            flips on the way is noticed by nobody else; ``always``; or ``never``. It is done by digests of what the
            server stores, or by checksums in requests, whatever the server has; the result says in ``verified`` which,
            or that it has neither. Damage is mended, and never published by a server of this project. What an earlier
            call stored is compared in any case.
        state_dir: Folder in which unfinished uploads are remembered; the user's state directory if not given or empty.
        clock: Time and chance, for tests.
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
        if request_bytes < 1:
            message = f"request_bytes must be at least 1, not {request_bytes}"
            raise ValueError(message)
        if spool_bytes < SPOOL_BYTES_AT_LEAST:
            message = f"spool_bytes must be at least {SPOOL_BYTES_AT_LEAST}, not {spool_bytes}"
            raise ValueError(message)
        if protocol not in get_args(Choice):
            message = f"protocol must be one of {', '.join(get_args(Choice))}, not {protocol!r}"
            raise ValueError(message)
        if integrity not in get_args(Integrity):
            message = f"integrity must be one of {', '.join(get_args(Integrity))}, not {integrity!r}"
            raise ValueError(message)
        self._integrity = integrity
        self._protocol = protocol
        self._base = base_url.rstrip("/")
        self._account = account
        self._retry = retry or RetryPolicy()
        self._request_bytes = request_bytes
        self._spool_bytes = spool_bytes
        self._state_dir = state_dir
        self._clock = clock or Clock()
        timeouts = Timeouts(
            connect=connect_timeout, stall=stall_timeout, probe=stall_timeout / 3, response=2 * stall_timeout
        )
        self._transport = Transport(
            self._base,
            token=token,
            auth=auth,
            timeouts=timeouts,
            throttle=throttle_of(rate_limit, clock=self._clock),
        )
        self._negotiation = Negotiation(base_url, wanted=protocol, transport=self._transport)
        is_bound = rate_limit is not None or bool(self._retry.delays)
        self._connections = 1 if judged(connections) == "auto" and is_bound else connections
        self._handles: set[AsyncUploadHandle] = set()

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            await handle.cancel()
        self._handles.clear()
        await self._transport.__aexit__(kind, error, trace)

    async def upload(  # noqa: PLR0913  # each has a default
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
        """Upload something, or go on with an upload of it that an earlier call began.

        Safe to repeat after any error and safe to cancel (it then asks the server, for at most half a second, what is
        stored): what is stored stays stored, and the same call resumes.
        A file that was changed in between is noticed and starts a new upload.

        Args:
            source: A path; bytes in memory; or a binary file object that can seek: all from its position to its end.
                A file object must not be used meanwhile; afterwards it is open, at the position that it had. Bytes and
                file objects are read once before the first byte leaves, because they are known by their digest: the
                same bytes under the same name resume, also in a later process.
                Or a stream that gives its bytes once: an (async) iterator or generator of bytes, or a file object that
                cannot seek, as a pipe. It survives cuts, but no later call can go on with it. If it raises an error, or
                gives more or less than ``size``, the upload is left unfinished. A pipe's end looks the same whether its
                writer finished or died: give ``size`` where it is known. A blocking iterator runs in a thread of its
                own, an async one in the uploader's loop.
            title: Title of the video record, which a server of this project makes if there is one.
            description: Description in that record; of no use without a title, unless ``replaces`` names a record.
            profile: The server's profile; its default if not given.
            name: Name to send instead of the file's own; needed where there is none.
            size: How many bytes there are, if that is known: worth telling for a stream; fewer or more are an error.
            follow: The path is that of a file that is still being written: it is sent as it grows, and a later call
                goes on. True: it has ended when it did not grow for ten seconds; :class:`Follow` says it more exactly.
                What was sent is compared with the file at its end, so that a writer that goes back is noticed.
            metadata: Further pairs for ``Upload-Metadata``; the chunk API has no place for them.
            replaces: Id of a video record whose file this one is to become: the record keeps its id and, unless others
                are given, its title and description; its old file goes once the new one is whole. It must be of the
                same profile. If it is removed meanwhile, the file gets a record of its own. For a tusvideo server.
            progress: Told at most ten times a second, and at every change of phase, in the event loop.
            on_event: Told everything that happens, progress included (:mod:`tusvideo_client.events`), in the event
                loop.

        Raises:
            UploadError: See :mod:`tusvideo_client.errors`.
            ValueError: A metadata key cannot be sent, there is no place for it, or there is no name.
            StreamBrokenError: The stream broke off.
            TypeError: This cannot be uploaded.
        """
        options: UploadOptions = {
            "title": title,
            "description": description,
            "profile": profile,
            "name": name,
            "size": size,
            "follow": follow,
            "metadata": metadata,
            "replaces": replaces,
        }
        tell = teller(on_event, progress)
        return await to_its_end(
            self._upload(source, options, on_event=tell, control=Control(self._clock.now)), on_event=tell
        )

    def start(self, source: Uploadable, **options: Unpack[UploadOptions]) -> AsyncUploadHandle:
        """Begin an upload that runs beside the caller, who may watch it, pause it and cancel it.

        Args:
            source: A path, bytes or a file object.
            options: Those of :meth:`upload`. What a callback raises ends the upload.
        """
        tell = teller(options.get("on_event"), options.get("progress"))
        handle = AsyncUploadHandle(
            lambda hear, control: to_its_end(
                self._upload(source, options, on_event=hear, control=control), on_event=hear
            ),
            on_event=tell,
            now=self._clock.now,
        )
        self._handles = {running for running in self._handles if not running.is_done} | {handle}
        return handle

    async def upload_many(
        self,
        sources: Iterable[str | os.PathLike[str]],
        *,
        jobs: int = 2,
        on_event: OnItemEvent | None = None,
        **options: Unpack[BatchOptions],
    ) -> list[Outcome]:
        """Upload files and whole folders, several at the same time; one failure does not stop the others.

        Files go in the given order; while the link is bad (two cuts, stalls or times offline within a minute) the one
        with the least left to send comes next. Safe to repeat and to cancel, as :meth:`upload`; but a file that was
        finished is sent again by the same call.

        Args:
            sources: Paths. A folder stands for all files below it, in the order of their names; these are sent with
                their way from there in the metadata ``relativePath``, as ``holiday/day 1/beach.mp4``.
            jobs: How many files are sent at the same time.
            on_event: Told what happens to which file, in the event loop.
            options: ``title``, ``description``, ``profile`` and ``metadata`` of :meth:`upload`, for every file.

        Returns:
            How each file ended, in the order of the files: a result or an :class:`UploadError`
            (:func:`tusvideo_client.batch.results_of` raises instead).

        Raises:
            ValueError: A metadata key cannot be sent, or ``jobs`` is not positive.
        """
        if jobs < 1:
            message = f"jobs must be at least 1, not {jobs}"
            raise ValueError(message)
        given = options.get("metadata") or {}
        wire.build_metadata(given)

        async def send(file: Outcome | Item) -> Outcome:
            if isinstance(file, Outcome):
                return file  # a folder that cannot be read

            def tell(event: UploadEvent) -> None:
                batch.note(file, event)
                if on_event is not None:
                    on_event(file, event)

            metadata = {"relativePath": file.name, **given} if file.is_inside else given
            own: UploadOptions = {"name": None, "size": None, "progress": None, "on_event": tell, "metadata": metadata}
            wanted: UploadOptions = {**options, **own}
            try:
                return Outcome(item=file, result=await self.upload(file.path, **wanted))
            except UploadError as error:
                return Outcome(item=file, error=error)

        def remaining(files: Sequence[Outcome | Item]) -> list[int]:
            protocol: Protocol = "chunks" if self._protocol == "chunks" else "tus"
            way = Way(endpoint=self._base, account=self._account, protocol=protocol)
            paths = [file.item.path if isinstance(file, Outcome) else file.path for file in files]
            return left_of([(path, way) for path in paths], journal=Journal(self._state_dir))

        files = await asyncio.to_thread(list_files, sources)
        batch = Batch(files, send=send, remaining=remaining, now=self._clock.now)
        return await batch.to_end(jobs)

    async def _upload(
        self,
        source: Uploadable,
        options: UploadOptions,
        *,
        on_event: OnEvent | None,
        control: Control,
    ) -> UploadResult:
        profile = options.get("profile")
        given = {key: options.get(key) for key in ("title", "description", "profile", "replaces")}
        pairs = {
            "filename": options.get("name") or name_of(source),
            **(options.get("metadata") or {}),
            **{key: value for key, value in given.items() if isinstance(value, str)},
        }
        pairs = {key: wire.sendable(value) for key, value in pairs.items()}
        wire.build_metadata(pairs)
        is_chunked = self._protocol == "chunks"
        if is_chunked and (lost := sorted(pairs.keys() - CHUNK_FACTS)):
            message = f"the chunk API has no place for {', '.join(lost)}; give title and description, or protocol='tus'"
            raise ValueError(message)
        async with take_in(
            source,
            journal=Journal(self._state_dir),
            protocol="chunks" if is_chunked else "tus",
            endpoint=self._base,
            account=self._account,
            profile=profile or (CHUNK_PROFILE if is_chunked else ""),
            name=pairs["filename"],
            metadata=pairs,
            replaces=pairs.get("replaces", ""),
            size=options.get("size"),
            follow=_judged_follow(options),
            spool_bytes=self._spool_bytes,
            chunk_size_of=partial(chunk_size_for, wanted=self._connections) if is_chunked else None,
        ) as intake:
            transfer = Transfer(
                self._transport,
                planner=after_chunk if is_chunked else after_tus,
                policy=self._retry,
                clock=self._clock,
                length=intake.source.size,
                on_event=on_event,
                control=control,
            )
            if is_chunked:
                return await self._send_chunks(intake, transfer, pairs=pairs, control=control)
            if intake.stale is not None:
                await say_farewell(self._transport, intake.stale)
            offer = await self._negotiation.choose(intake, transfer)
            run = TusRun(
                intake,
                transport=self._transport,
                transfer=transfer,
                base=self._base,
                request_bytes=self._request_bytes,
                offer=offer,
                integrity=self._integrity,
            )
            async with terminated_if_asked(self._transport, intake, control):
                return await run.to_end(pairs)

    async def _send_chunks(
        self, intake: Intake, transfer: Transfer, *, pairs: Mapping[str, str], control: Control
    ) -> UploadResult:
        facts = {key: value for key, value in pairs.items() if key in ("title", "description")}
        run = ChunkRun(
            intake, transport=self._transport, transfer=transfer, base=self._base, connections=self._connections
        )
        async with terminated_if_asked(self._transport, intake, control):
            return await run.to_end(facts if "title" in facts else {})


def _judged_follow(options: UploadOptions) -> Follow | None:
    told = options.get("follow")
    if isinstance(told, Follow):
        return told
    return Follow() if told else None
