"""Examining published videos: a few at a time, each in a process of its own, and never to the harm of an upload.

The session table is the queue: a record waits in the state CHECKING until its facts, or a reason why there are none,
are committed. So nothing that waits is lost by a stop, and none of it takes memory.
"""

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass

from tusvideo.errors import NotFound, TusvideoError
from tusvideo.model import Faststart
from tusvideo.ports import Beginnings, Inspector, Thumbnails
from tusvideo.records import VideoRepository
from tusvideo.rules.facts import MAX_TRIES, settled
from tusvideo.rules.sniff import KINDS
from tusvideo.service.playing import pack
from tusvideo.service.publishing import Publisher
from tusvideo.video import Fault, Inspection, Video, VideoState

AT_ONCE = 2
"""So many videos are examined side by side: one that hangs does not hold up the others."""
ROUND_SECONDS = 60.0
"""So often it is looked for records that wait, whether or not somebody said that there are any."""
SWEEP_SECONDS = 600.0
"""So often thumbnails are dropped whose records are gone; nobody is shown one meanwhile."""


@dataclass(slots=True)
class Inspected:
    """What one pass did, in counts of videos."""

    ready: int = 0
    failed: int = 0
    dropped: int = 0
    """Thumbnails and beginnings without a record."""


class Inspecting:
    """Makes one pass at a time over the records that wait to be examined."""

    def __init__(
        self,
        *,
        publisher: Publisher,
        videos: VideoRepository,
        inspector: Inspector | None,
        thumbnails: Thumbnails,
        beginnings: Beginnings,
    ) -> None:
        self._publisher = publisher
        self._videos = videos
        self._inspector = inspector
        self._thumbnails = thumbnails
        self._beginnings = beginnings
        self._has_begun = False
        self._has_waited = False
        self._sweeps_at = 0.0

    async def wait(self) -> None:
        """Return when somebody said that a record waits, or after a minute; the first time at once, for the first pass
        goes on with what an earlier server left."""
        if not self._has_waited:
            self._has_waited = True
            return
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                await self._publisher.bell.wait()
        except TimeoutError:
            return

    async def run(self) -> Inspected:
        """Examine whatever waits, also what comes meanwhile; give the counts.

        Safe to repeat and to cancel: what was not committed is examined again, at most ``MAX_TRIES`` times. Raises
        StorageFailed, DiskFull or Busy when disk or database do not work; the rest waits for the next pass.
        """
        done = Inspected()
        self._publisher.bell.clear()
        if not self._has_begun:
            await self._begin()
            self._has_begun = True
        now = self._publisher.clock.monotonic()
        if now >= self._sweeps_at:
            done.dropped = await self._thumbnails.drop_others(await self._videos.thumbnails())
            done.dropped += await self._beginnings.drop_others(await self._videos.beginnings())
            self._sweeps_at = now + SWEEP_SECONDS
        if self._inspector is None:
            return done
        held: set[str] = set()
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(AT_ONCE):
                    lanes.create_task(self._work(self._inspector, held, done))
        except* TusvideoError as group:
            raise _first_of(group) from group
        return done

    async def picture(self, video: Video) -> bytes:
        """Give the thumbnail of a record. Raises NotFound when there is none."""
        picture = (
            None
            if video.thumbnail is None
            else await self._thumbnails.get(video.owner, name_of(video, video.thumbnail))
        )
        if picture is None:
            raise NotFound("thumbnail")
        return picture

    async def _begin(self) -> None:
        """Let records wait that were made when nobody examined videos; or nobody wait when nobody does now."""
        if self._inspector is None:
            await self._videos.end_checking()
        else:
            await self._videos.begin_checking(KINDS)

    async def _work(self, inspector: Inspector, held: set[str], done: Inspected) -> None:
        while True:
            waiting = await self._videos.checking(limit=AT_ONCE + len(held))
            video = next((each for each in waiting if each.id not in held), None)
            if video is None:
                return
            held.add(video.id)
            # It stays among those held: what cannot be committed must not be tried again in the same pass.
            settled_as = await self._check(video, inspector)
            done.ready += settled_as is VideoState.READY
            done.failed += settled_as is VideoState.FAILED

    async def _check(self, video: Video, inspector: Inspector) -> VideoState | None:
        """Examine one; None when its record went, or got another file, meanwhile."""
        begun = await self._videos.begin_check(video, tries=video.tries + 1)
        if begun is None:
            return None
        try:
            return await self._checked(begun, inspector)
        except (TusvideoError, asyncio.CancelledError):
            # Neither a disk that fails nor an orderly stop is a try: only a server that died on the way counts.
            with contextlib.suppress(TusvideoError):
                await self._videos.begin_check(begun, tries=video.tries)
            raise

    async def _checked(self, video: Video, inspector: Inspector) -> VideoState | None:
        inspection, start = Inspection(fault=Fault.GIVEN_UP), None
        if video.tries <= MAX_TRIES:
            inspection, start = await self._inspect(video, inspector)
        thumbnail = await _kept(self._thumbnails, video, inspection.thumbnail)
        beginning = await _kept(self._beginnings, video, start)
        state, reason = settled(inspection.fault)
        changed = await self._videos.end_check(
            video, state=state, reason=reason, facts=inspection.facts, thumbnail=thumbnail, beginning=beginning
        )
        if changed is None:
            await _drop(self._thumbnails, video, thumbnail)
            await _drop(self._beginnings, video, beginning)
            return None
        self._publisher.watchers.tell_video(video.owner, video.id)
        if video.thumbnail != thumbnail:
            await _drop(self._thumbnails, video, video.thumbnail)
        if video.beginning != beginning:
            await _drop(self._beginnings, video, video.beginning)
        return state

    async def _inspect(self, video: Video, inspector: Inspector) -> tuple[Inspection, bytes | None]:
        """Examine the file of a record; give also the beginning for it as it is kept, if one was made."""
        profile = self._publisher.profiles.get(video.profile)
        if profile is None:
            return Inspection(fault=Fault.GONE), None
        # Before the file is opened: what comes under its name later is another upload's, and never taken for it.
        upload = await self._publisher.file_of(video.owner, profile=video.profile, filename=video.filename)
        if upload is None or upload.location is None:
            return Inspection(fault=Fault.GONE), None
        file = await self._publisher.store.open_published(upload.location)
        if file is None:
            return Inspection(fault=Fault.GONE), None
        repairs = profile.faststart is Faststart.REPAIR
        try:
            inspection = await inspector.inspect(file, kind=KINDS[video.content_type], repairs=repairs)
        finally:
            await file.close()
        if inspection.beginning is None:
            return inspection, None
        return inspection, pack(inspection.beginning, upload.id)


def name_of(video: Video, version: str) -> str:
    """Name what was made from the video of a record: other content, other name."""
    return f"{video.id}-{version}"


async def _kept(place: Thumbnails | Beginnings, video: Video, content: bytes | None) -> str | None:
    """Keep what was made from a video; give what tells it from every other."""
    if content is None:
        return None
    version = hashlib.sha256(content).hexdigest()[:16]
    await place.put(video.owner, name_of(video, version), content)
    return version


async def _drop(place: Thumbnails | Beginnings, video: Video, version: str | None) -> None:
    if version is not None:
        await place.remove(video.owner, name_of(video, version))


def _first_of(group: BaseExceptionGroup[TusvideoError]) -> TusvideoError:
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
