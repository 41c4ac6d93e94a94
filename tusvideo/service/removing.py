"""Removing for good what nobody restored in time: first it is committed that it goes, then its file does.

The session table is the queue: a record that is to go has the moment in its row. A stop in between loses none and
removes none early; what was taken is given again until it is gone.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from tusvideo.errors import NotFound, SessionConflict, Unavailable
from tusvideo.model import Status, UploadId
from tusvideo.records import VideoRepository
from tusvideo.service.publishing import Publisher
from tusvideo.service.uploads import UploadService

BATCH = 100
"""So many records are removed in one pass."""
ROUND_SECONDS = 60.0
"""So often it is looked for what is due, whether or not somebody said that there is any."""


@dataclass(slots=True)
class Removed:
    """What one pass did, in counts of records."""

    removed: int = 0
    postponed: int = 0
    """Their files could not be removed now; the next pass tries again."""


class Removing:
    """Makes one pass at a time over the records whose time to be restored is over."""

    def __init__(self, *, publisher: Publisher, videos: VideoRepository, uploads: UploadService) -> None:
        self._publisher = publisher
        self._videos = videos
        self._uploads = uploads
        self._pause = 0.0

    async def wait(self) -> None:
        """Return when the next record is due, as far as the last pass knew, or when somebody removed another one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._publisher.removals.wait()

    async def run(self) -> Removed:
        """Make one pass. Safe to repeat and to cancel. Raises StorageFailed when the database does not answer."""
        done = Removed()
        self._pause = ROUND_SECONDS
        self._publisher.removals.clear()
        for video, upload_id in await self._videos.take_removals(now=self._publisher.clock.now(), limit=BATCH):
            try:
                if upload_id is not None:
                    await self._remove_file(upload_id)
            except (Unavailable, SessionConflict, NotFound):
                # NotFound: its profile is gone from the configuration, and may come back.
                done.postponed += 1
            else:
                await self._videos.remove_video(video)
                done.removed += 1
        due = await self._videos.next_removal()
        if due is not None:
            left = (due - self._publisher.clock.now()).total_seconds()
            self._pause = min(max(left, 0.0), ROUND_SECONDS)
        return done

    async def _remove_file(self, upload_id: UploadId) -> None:
        # By its id: under the name of a file that went meanwhile there may be another one by now.
        upload = await self._publisher.sessions.get(upload_id)
        if upload is not None and upload.status is Status.COMPLETE:
            await self._uploads.remove(upload, grace_seconds=0)
