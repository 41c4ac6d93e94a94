"""Publishing: a whole upload gets its final name, once, whatever happens in between.

The order is: commit the chosen name together with FINALIZING; link the file and make the folder durable; commit
COMPLETE, with the video record if a title came along, or with the record whose file this one becomes; drop the staging
name. After a crash the same steps run again from where they stopped, with the name that was committed.

The file that a record had before is noted in that last commit, and goes after it: at no moment is there a record whose
file is not whole and durable.
"""

import asyncio
import random
import uuid
from collections.abc import Mapping
from dataclasses import replace
from weakref import WeakValueDictionary

from tusvideo.commands import UploadEvent
from tusvideo.errors import DiskFull, NotFound, StorageFailed
from tusvideo.model import Durability, Limits, Location, Profile, Status, Upload, UploadId, UserId
from tusvideo.ports import Clock, EventSink, SessionRepository, UploadStore
from tusvideo.rules.facts import first_state
from tusvideo.rules.names import location as choose_location
from tusvideo.rules.names import next_attempt, user_folder
from tusvideo.rules.sniff import ANY_TYPE, KINDS, judge_type
from tusvideo.rules.uploads import ended, finalizing
from tusvideo.service.judging import staged_head
from tusvideo.service.transfer import CheckpointTurns
from tusvideo.service.watching import Watchers
from tusvideo.video import Video, VideoState

MAX_NAMES_TRIED = 100
"""By then numbers are so large that no folder has files under most of them."""


class Publisher:
    """Brings whole uploads to their final place; used by every protocol, by recovery and by the sweeper."""

    def __init__(
        self,
        *,
        store: UploadStore,
        sessions: SessionRepository,
        events: EventSink,
        clock: Clock,
        profiles: Mapping[str, Profile],
        limits: Limits,
        durability: Durability = Durability.STRICT,
        inspects: bool = False,
    ) -> None:
        self.store = store
        self.sessions = sessions
        self.events = events
        self.clock = clock
        self.profiles = profiles
        self.limits = limits
        self.durability = durability
        self.inspects = inspects
        self.bell = asyncio.Event()
        """Rung when a record waits to be examined."""
        self.removals = asyncio.Event()
        """Rung when a record is to be removed."""
        self.turns = CheckpointTurns()
        self.watchers = Watchers()
        self._syncing: WeakValueDictionary[UploadId, asyncio.Lock] = WeakValueDictionary()

    def profile(self, name: str) -> Profile:
        """Give a configured profile. Raises NotFound when there is none of that name."""
        try:
            return self.profiles[name]
        except KeyError:
            raise NotFound("profile") from None

    async def file_of(self, owner: UserId, *, profile: str, filename: str) -> Upload | None:
        """Give the complete upload whose file a record of that owner, profile and name has, wherever it lies: also one
        that was published before the directory of the profile was changed.

        None when there is none, or when it is somebody else's. Raises NotFound when the profile is not configured.
        """
        directory = self.profile(profile).directory
        location = Location(directory=directory, folder=user_folder(owner), filename=filename)
        upload = await self.sessions.published(location)
        if upload is None:
            upload = await self.sessions.published_elsewhere(location, owner=owner, profile=profile)
        return None if upload is None or upload.owner != owner else upload

    def syncing(self, upload_id: UploadId) -> asyncio.Lock:
        """Give the lock of those who make bytes durable that others wrote, from the sync to the commit of what came of
        it: of two syncs at once only one would hear what the disk has lost."""
        return self._syncing.setdefault(upload_id, asyncio.Lock())

    async def judge_room(self, wanted: int) -> None:
        """Raise DiskFull unless so many bytes can be stored and the floor of free room is kept."""
        if await self.store.free_bytes() < wanted + self.limits.min_free_bytes:
            raise DiskFull

    async def publish(self, upload: Upload) -> Upload:
        """Publish an upload that has all its bytes, or go on with one that is FINALIZING; give the complete session.

        The caller holds the upload alone. Safe to repeat after any error or crash: the upload stays FINALIZING and the
        next call goes on. Raises UnsupportedType (the upload is FAILED then and its bytes are gone), DiskFull,
        StorageFailed.
        """
        if upload.length is None:
            raise StorageFailed
        if upload.status is Status.OPEN:
            upload = await self._begin(upload)
        tried = attempt = 0
        while not await self._link(upload):
            tried += 1
            if tried > MAX_NAMES_TRIED:
                raise StorageFailed
            attempt = next_attempt(attempt, chance=random.random())  # noqa: S311 - it finds a free name and opens nothing
            upload = await self._rename(upload, attempt)
        done = ended(upload, Status.COMPLETE, now=self.clock.now())
        video = await self.sessions.complete(done, was=upload, video=self._video_of(done))
        self.emit("upload_completed", done)
        if video is not None:
            self.ring(video)
            self.watchers.tell_video(video.owner, video.id)
            self._tell_replaced(done, video)
        await self.store.discard(done.id)
        return done

    async def refuse(self, upload: Upload, *, code: str) -> None:
        """Refuse an upload for good: commit FAILED, then drop its bytes."""
        failed = ended(upload, Status.FAILED, now=self.clock.now(), reason=code)
        await self.sessions.save(failed, was=upload)
        self.emit("upload_failed", failed, reason=code)
        await self.store.discard(failed.id)

    def emit(self, name: str, upload: Upload, **data: int | str) -> None:
        """Tell what happened to an upload, after it was committed."""
        self.watchers.tell_upload(upload)
        self.events.emit(UploadEvent(name=name, upload=upload, at=self.clock.now(), data=data))

    def first_state(self, content_type: str) -> VideoState:
        """Give the state of the record of a file that nobody has examined."""
        return first_state(content_type, inspects=self.inspects)

    def ring(self, video: Video) -> None:
        """Say that a record may wait to be examined, after it was committed."""
        if video.state is VideoState.CHECKING:
            self.bell.set()

    async def judged(self, upload: Upload) -> Upload:
        """Give the upload with its type judged from the stored bytes. Raises UnsupportedType; nothing is committed."""
        if upload.content_type is not None:
            return upload
        head = await staged_head(upload, store=self.store)
        return replace(upload, content_type=judge_type(head, self.profile(upload.profile)))

    async def begun(self, upload: Upload) -> Upload:
        """Give the session of a whole upload as FINALIZING, type judged and name chosen, to be saved by the caller.

        Raises UnsupportedType; nothing is committed.
        """
        if not upload.length:
            # No byte ever made the staging file that is to be linked.
            writer = await self.store.open_writer(upload.id, position=0, fresh=True)
            await writer.close()
        judged = await self.judged(upload)
        return finalizing(judged, self._choose(judged, attempt=0))

    def _tell_replaced(self, upload: Upload, video: Video) -> None:
        if upload.replaces == video.id:
            self.emit("video_replaced", upload, video=video.id)
            self.removals.set()
        elif upload.replaces is not None:
            # It was removed while the bytes came: they are kept, under a record of their own.
            self.emit("replaced_video_gone", upload, replaces=upload.replaces, video=video.id)

    async def _begin(self, upload: Upload) -> Upload:
        begun = await self.begun(upload)
        await self.sessions.save(begun, was=upload)
        return begun

    async def _rename(self, upload: Upload, attempt: int) -> Upload:
        renamed = finalizing(upload, self._choose(upload, attempt=attempt))
        await self.sessions.save(renamed, was=upload)
        return renamed

    async def _link(self, upload: Upload) -> bool:
        if upload.location is None or upload.length is None:
            raise StorageFailed
        return await self.store.publish(upload.id, length=upload.length, location=upload.location)

    def _choose(self, upload: Upload, *, attempt: int) -> Location:
        return choose_location(
            profile=self.profile(upload.profile),
            owner=upload.owner,
            original_name=upload.original_name,
            kind=KINDS.get(upload.content_type or ANY_TYPE),
            milliseconds=int(self.clock.now().timestamp() * 1000),
            attempt=attempt,
        )

    def _video_of(self, upload: Upload) -> Video | None:
        if upload.location is None:
            return None
        now = self.clock.now()
        return Video(
            id=uuid.uuid4().hex,
            owner=upload.owner,
            profile=upload.profile,
            filename=upload.location.filename,
            title=upload.title or "",
            description=upload.description or "",
            size=upload.offset,
            content_type=upload.content_type or ANY_TYPE,
            created_at=now,
            updated_at=now,
            original_name=upload.original_name,
            state=self.first_state(upload.content_type or ANY_TYPE),
        )
