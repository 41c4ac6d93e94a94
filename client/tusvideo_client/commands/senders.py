"""Uploaders as the options want them, one for each server, shared by all files that go there."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from tusvideo_client.batch import Way, left_of
from tusvideo_client.chunked import AsyncChunkedVideoUploader
from tusvideo_client.clock import Clock
from tusvideo_client.errors import LocalFileError
from tusvideo_client.events import OnEvent
from tusvideo_client.follow import Follow
from tusvideo_client.journal import Journal
from tusvideo_client.model import Choice, Protocol, UploadResult
from tusvideo_client.state import MIB, RetryPolicy
from tusvideo_client.throttle import throttle_of
from tusvideo_client.uploader import CHUNK_PROFILE, AsyncUploader

from .access import Keys

STALL, STALL_OF_CHUNKS = 15.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One file, where it is to go, and with which facts.

    Attributes:
        path: The file; None for standard input.
        server: Root of the server.
        protocol: What to speak.
        account: Keeps uploads of several accounts apart.
        profile: The server's profile; None for its default.
        name: Name to send instead of the file's own.
        size: Bytes that standard input gives; None if that is not known.
        follow: When the file, which is still being written, has ended; None for one that is finished.
        title: Title of the video record.
        description: Description of the video record.
        metadata: Further pairs; not sent with chunks.
        replaces: Id of the record whose file this one is to become.
        chunk_size: Bytes in a chunk, or else in a request at most; None for the default.
    """

    path: Path | None
    server: str
    protocol: Choice
    account: str = ""
    profile: str | None = None
    name: str | None = None
    size: int | None = None
    follow: Follow | None = None
    title: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    replaces: str | None = None
    chunk_size: int | None = None

    @property
    def is_once(self) -> bool:
        """True if the bytes come through a pipe, so that no later run can go on with them."""
        try:
            return self.path is None and not _standard_input().seekable()
        except LocalFileError:
            return True


class Senders:
    """Sends files; use it with ``async with``.

    Args:
        options: What the command line says about the link.
        keys: Credentials, or how to get them, for each server.
    """

    def __init__(self, options: argparse.Namespace, *, keys: Mapping[str, Keys]) -> None:
        self._options = options
        self._keys = keys
        self._retry: RetryPolicy = options.retry_for or RetryPolicy()
        self._throttle = throttle_of(options.limit_rate, clock=Clock())
        self._stack = AsyncExitStack()
        self._uploaders: dict[tuple[str, str, Choice], AsyncUploader] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def send(self, wish: Wish, *, on_event: OnEvent) -> UploadResult:
        """Upload a file, or go on with it.

        Raises:
            UploadError: See :mod:`tusvideo_client.errors`.
            ValueError: The server's address cannot be used.
        """
        source = _standard_input() if wish.path is None else wish.path
        if wish.protocol == "chunks":
            return await self._chunked(wish).upload(
                source,
                title=wish.title,
                description=wish.description,
                name=wish.name,
                replaces=wish.replaces,
                on_event=on_event,
            )
        uploader = await self._uploader(wish)
        return await uploader.upload(
            source,
            title=wish.title,
            description=wish.description,
            profile=wish.profile,
            name=wish.name,
            size=wish.size,
            follow=wish.follow or False,
            metadata=wish.metadata,
            replaces=wish.replaces,
            on_event=on_event,
        )

    @staticmethod
    def remaining(wishes: Sequence[Wish]) -> list[int]:
        """Bytes that are left to send of each; of a stream nobody knows them, so that it comes last."""
        found = iter(
            left_of([(wish.path, _way_of(wish)) for wish in wishes if wish.path is not None], journal=Journal())
        )
        return [sys.maxsize if wish.path is None else next(found) for wish in wishes]

    def _chunked(self, wish: Wish) -> AsyncChunkedVideoUploader:
        return AsyncChunkedVideoUploader(
            wish.server,
            **self._keys[wish.server],
            profile=wish.profile or CHUNK_PROFILE,
            account=wish.account,
            chunk_size=wish.chunk_size,
            retry=self._retry,
            stall_timeout=self._options.stall or STALL_OF_CHUNKS,
            connect_timeout=self._options.connect_timeout,
            connections=self._options.connections,
            rate_limit=self._throttle,
        )

    async def _uploader(self, wish: Wish) -> AsyncUploader:
        key = wish.server, wish.account, wish.protocol
        if key not in self._uploaders:
            uploader = AsyncUploader(
                wish.server,
                protocol=wish.protocol,
                **self._keys[wish.server],
                account=wish.account,
                retry=self._retry,
                request_bytes=self._options.chunk_size or 64 * MIB,
                stall_timeout=self._options.stall or STALL,
                connect_timeout=self._options.connect_timeout,
                rate_limit=self._throttle,
                integrity=self._options.integrity,
            )
            self._uploaders[key] = await self._stack.enter_async_context(uploader)
        return self._uploaders[key]


def _way_of(wish: Wish) -> Way:
    protocol: Protocol = "chunks" if wish.protocol == "chunks" else "tus"
    return Way(endpoint=wish.server, account=wish.account, protocol=protocol)


def _standard_input() -> FileIO:
    """Standard input without a buffer: a thread that still waits for it must hold no lock when the process ends."""
    try:
        return FileIO(0, "rb", closefd=False)
    except OSError as error:
        message = f"standard input cannot be read: {error.strerror or error}"
        raise LocalFileError(message, hint="give it something to read, as in `program | tusvideo upload -`") from error
