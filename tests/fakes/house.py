"""A whole server without its web: services over adapters that a test chooses, and their restart."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from tests.fakes.clock import HandClock
from tests.fakes.events import Recorder
from tests.fakes.faults import Faulty, Steps
from tests.fakes.media import MemoryBeginnings, MemoryThumbnails
from tusvideo.locks.memory import MemoryLocks
from tusvideo.model import Durability, Limits, Profile, Upload, UploadId, UserId
from tusvideo.ports import Inspector, SessionRepository, UploadStore
from tusvideo.records import CaptionRepository, VideoRepository
from tusvideo.rules.sniff import MEDIA_TYPES
from tusvideo.service.captions import CaptionService
from tusvideo.service.concatenating import Concatenating
from tusvideo.service.finalizing import FinalizeService
from tusvideo.service.inspecting import Inspecting
from tusvideo.service.parts import PartService
from tusvideo.service.playing import PlayService
from tusvideo.service.progress import ProgressService
from tusvideo.service.publishing import Publisher
from tusvideo.service.recovery import Recovered, Recovery
from tusvideo.service.removing import Removing
from tusvideo.service.sweeper import Sweeper
from tusvideo.service.uploads import UploadService
from tusvideo.service.videos import VideoService

ANNA = UserId("anna")
BERT = UserId("bert")

FILES = Profile(
    name="files", directory="files", types=None, max_length=100_000, chunk_size=1000, pattern="{name}", public=False
)
POSTER = Profile(
    name="poster",
    directory="posters",
    types=frozenset(MEDIA_TYPES),
    max_length=100_000,
    chunk_size=1000,
    pattern="video_{milliseconds}.{ext}",
    public=True,
)
LIMITS = Limits(max_chunk_size=50_000, checkpoint_bytes=10_000, min_free_bytes=1000)


class Sessions(SessionRepository, VideoRepository, CaptionRepository, Protocol):
    """All ports of the session table."""


class House:
    """The services of one process. ``restarted`` gives those of the next one over the same disk and database."""

    def __init__(
        self,
        *,
        store: UploadStore,
        sessions: Sessions,
        clock: HandClock | None = None,
        profiles: Mapping[str, Profile] | None = None,
        limits: Limits = LIMITS,
        steps: Steps | None = None,
        locks: MemoryLocks | None = None,
        durability: Durability = Durability.STRICT,
        inspector: Inspector | None = None,
        thumbnails: MemoryThumbnails | None = None,
        beginnings: MemoryBeginnings | None = None,
    ) -> None:
        self.store = store
        self.sessions = sessions
        self.clock = clock or HandClock()
        self.profiles = dict(profiles or {"files": FILES, "poster": POSTER})
        self.limits = limits
        self.events = Recorder()
        self.locks = locks or MemoryLocks()
        seen_store: Any = store if steps is None else Faulty(store, steps)
        seen_sessions: Any = sessions if steps is None else Faulty(sessions, steps)
        self.publisher = Publisher(
            store=seen_store,
            sessions=seen_sessions,
            events=self.events,
            clock=self.clock,
            profiles=self.profiles,
            limits=limits,
            durability=durability,
            inspects=inspector is not None,
        )
        self.concatenating = Concatenating(publisher=self.publisher, locks=self.locks, videos=seen_sessions)
        self.uploads = UploadService(
            publisher=self.publisher, locks=self.locks, videos=seen_sessions, concatenating=self.concatenating
        )
        self.parts = PartService(publisher=self.publisher, locks=self.locks, uploads=self.uploads)
        self.finalizing = FinalizeService(publisher=self.publisher, locks=self.locks, videos=seen_sessions)
        self.videos = VideoService(publisher=self.publisher, videos=seen_sessions, uploads=self.uploads)
        self.captions = CaptionService(publisher=self.publisher, captions=seen_sessions)
        self.progress = ProgressService(
            publisher=self.publisher, locks=self.locks, records=seen_sessions, videos=self.videos
        )
        self.recovery = Recovery(publisher=self.publisher, uploads=self.uploads)
        self.sweeper = Sweeper(publisher=self.publisher, locks=self.locks)
        self.removing = Removing(publisher=self.publisher, videos=seen_sessions, uploads=self.uploads)
        self.inspector = inspector
        self.thumbnails = thumbnails or MemoryThumbnails()
        self.beginnings = beginnings or MemoryBeginnings()
        self.inspecting = Inspecting(
            publisher=self.publisher,
            videos=seen_sessions,
            inspector=inspector,
            thumbnails=self.thumbnails,
            beginnings=self.beginnings,
        )
        self.playing = PlayService(
            publisher=self.publisher, videos=seen_sessions, uploads=self.uploads, beginnings=self.beginnings
        )

    def with_steps(self, steps: Steps) -> "House":
        """Give services over the same adapters that count, and fail, their steps."""
        return self.with_(steps=steps)

    def with_limits(self, **limits: Any) -> "House":
        """Give services of the same process with other limits."""
        return self.with_(limits=replace(self.limits, **limits))

    def with_(self, **facts: Any) -> "House":
        """Give services that differ in some arguments; they share locks with these unless others are given."""
        same = {
            "store": self.store,
            "sessions": self.sessions,
            "clock": self.clock,
            "profiles": self.profiles,
            "limits": self.limits,
            "locks": self.locks,
            "durability": self.publisher.durability,
            "inspector": self.inspector,
            "thumbnails": self.thumbnails,
            "beginnings": self.beginnings,
        }
        return House(**{**same, **facts})

    async def restarted(self) -> tuple["House", Recovered]:
        """Start anew after a stop or a crash: new services and locks, then recovery, as a server does."""
        house = self.with_(locks=MemoryLocks())
        house.locks.start_epochs_after(await self.sessions.last_epoch())
        return house, await house.recovery.run()

    async def row(self, upload_id: UploadId) -> Upload:
        """The row of an upload as it is committed; it must be there."""
        found = await self.sessions.get(upload_id)
        assert found is not None
        return found

    async def staged(self, upload: Upload) -> bytes:
        """The bytes that the row counts, as they lie in staging."""
        if not upload.offset:
            return b""
        return b"".join([block async for block in self.store.read_staged(upload.id, start=0, stop=upload.offset)])

    async def published(self, upload: Upload) -> bytes:
        """The bytes of the published file of an upload; it must be there."""
        assert upload.location is not None
        file = await self.store.open_published(upload.location)
        assert file is not None
        try:
            return b"".join([block async for block in file.read(0, file.size)])
        finally:
            await file.close()
