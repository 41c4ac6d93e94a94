"""What the web needs from the rest of the house."""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tusvideo.commands import (
    AppendBytes,
    Appended,
    CaptionsPut,
    ChangeVideo,
    Created,
    CreateUpload,
    DescribeVideo,
    DraftUpload,
    Finalize,
    Finalized,
    ListVideos,
    PartsListed,
    PartStored,
    Proven,
    ProveRange,
    PutCaptions,
    PutPart,
    Queried,
    QueryParts,
    QueryUpload,
    TerminateParts,
    TerminateUpload,
    UploadShown,
    VideoDescribed,
    VideosListed,
)
from tusvideo.model import Durability, InterimAnswers, Limits, Location, Profile, Upload, UploadId, UserId
from tusvideo.ports import Authenticator, Clock, Listener, PublishedFile
from tusvideo.records import CaptionText
from tusvideo.service.watching import News, Watcher
from tusvideo.streams import Body, BytesBody, PartBody, Spool
from tusvideo.video import Video
from tusvideo.web.admission import Admission
from tusvideo.web.intake import Blocks


class Uploads(Protocol):
    """The service behind ``/files/`` and ``/uploads/``; judges before it reads a body. Raises TusvideoError."""

    async def create(
        self, user: UserId, command: CreateUpload, body: Body | None, listener: Listener | None = None
    ) -> Created:
        """Make an upload, and append ``body`` to it if there is one."""

    async def append(
        self, user: UserId, command: AppendBytes, body: Body, listener: Listener | None = None
    ) -> Appended:
        """Add bytes."""

    async def query(self, user: UserId, command: QueryUpload) -> Queried:
        """Tell where an upload stands."""

    async def terminate(self, user: UserId, command: TerminateUpload) -> None:
        """Remove an upload."""

    async def open_upload(self, user: UserId, upload_id: UploadId) -> tuple[Upload, PublishedFile]:
        """Open the file of a complete upload."""

    async def open_published(self, user: UserId | None, location: Location) -> tuple[Upload, PublishedFile]:
        """Open a published file: those of public profiles for anybody, others for their owner."""


class Proofs(Protocol):
    """The service that tells what stored bytes amount to. Raises TusvideoError."""

    async def prove(self, user: UserId, command: ProveRange) -> Proven:
        """Compute the checksum of a range."""


class Parts(Protocol):
    """The service behind the chunk routes. Raises TusvideoError."""

    async def put(self, user: UserId, command: PutPart, body: PartBody) -> PartStored:
        """Store a part whose required fields came before its bytes."""

    async def open_spool(self) -> Spool:
        """Open a place where bytes wait for their fields."""

    async def put_spooled(self, user: UserId, command: PutPart, spool: Spool) -> PartStored:
        """Store a part whose bytes waited."""

    async def query(self, user: UserId, command: QueryParts) -> PartsListed:
        """Tell what is stored."""

    async def terminate(self, user: UserId, command: TerminateParts) -> None:
        """Remove an upload and its parts."""


class Finalizing(Protocol):
    """The service that puts parts together. Raises TusvideoError."""

    async def finalize(self, user: UserId, command: Finalize) -> Finalized:
        """Publish the file."""


class Videos(Protocol):
    """The service behind ``/api/videos``. Raises TusvideoError."""

    async def describe(self, user: UserId, command: DescribeVideo) -> VideoDescribed:
        """Make or update a record."""

    async def list(self, user: UserId, command: ListVideos) -> VideosListed:
        """Give a page of records."""

    async def get(self, user: UserId, video_id: str) -> Video:
        """Give a record."""

    async def open_file(self, user: UserId, video_id: str) -> tuple[Video, Upload, PublishedFile]:
        """Open the file of a record."""

    async def change(self, user: UserId, command: ChangeVideo) -> Video:
        """Change a record."""

    async def remove(self, user: UserId, video_id: str, *, with_file: bool, at_once: bool = False) -> None:
        """Remove a record, and its file if wanted; it can be restored for a while unless that is to be at once."""

    async def restore(self, user: UserId, video_id: str) -> Video:
        """Bring back a record that is to be removed."""


class Progress(Protocol):
    """The service behind ``/api/uploads`` and ``/api/events``. Raises TusvideoError."""

    async def list(self, user: UserId) -> Sequence[UploadShown]:
        """List what is on its way."""

    async def get(self, user: UserId, upload_id: UploadId) -> UploadShown:
        """Tell how an upload gets on."""

    async def draft(self, user: UserId, command: DraftUpload) -> UploadShown:
        """Keep what the record of an upload is to say."""

    def watch(self, user: UserId, *, is_gone: Callable[[], bool]) -> Watcher:
        """Begin to follow what changes; ``is_gone`` tells that nobody reads any more."""

    def follow(self, watcher: Watcher) -> AsyncGenerator[Sequence[News], None]:
        """Give what changes, and nothing now and then."""

    def leave(self, watcher: Watcher) -> None:
        """End to follow."""


class Pictures(Protocol):
    """The service that has the thumbnails of videos. Raises TusvideoError."""

    async def picture(self, video: Video) -> bytes:
        """Give the JPEG of a record."""


class Captions(Protocol):
    """The service that has the captions of videos. Raises TusvideoError."""

    async def put(self, user: UserId, command: PutCaptions, body: BytesBody) -> CaptionsPut:
        """Keep a file of captions."""

    async def get(self, user: UserId | None, video_id: str, language: str) -> CaptionText:
        """Give captions: anybody's of public profiles, others to their owner."""

    async def remove(self, user: UserId, video_id: str, language: str) -> None:
        """Remove captions."""


class Playing(Protocol):
    """The service that opens videos for players. Raises TusvideoError."""

    async def open(self, user: UserId | None, video_id: str) -> tuple[Upload, PublishedFile]:
        """Open what a player gets: anybody of public profiles, else the owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may speak to this server, and how much of a head is read."""

    allowed_hosts: Collection[str] = ()
    allowed_origins: Collection[str] = ()
    trusted_proxies: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()
    max_header_bytes: int = 64 * 1024
    interim_answers: InterimAnswers = InterimAnswers.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that a handler may call. ``ready`` returns when the server can store bytes and raises when not."""

    uploads: Uploads
    proofs: Proofs
    parts: Parts
    finalizing: Finalizing
    videos: Videos
    progress: Progress
    pictures: Pictures
    captions: Captions
    playing: Playing
    authenticator: Authenticator
    clock: Clock
    profiles: Mapping[str, Profile]
    default_profile: str
    """Of uploads on ``/files/`` that name none."""
    limits: Limits
    policy: Policy
    ready: Callable[[], Awaitable[object]]
    durability: Durability = Durability.STRICT
    blocks: Blocks = field(default_factory=Blocks)
    """Memory for long bodies."""
    admission: Admission = field(default_factory=Admission)
    """The bodies that are on their way."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the server shuts down."""
