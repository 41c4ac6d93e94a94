"""The seam to where the records of videos are kept, which people see and search."""

from collections.abc import Collection, Container, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from tusvideo.commands import ChangeVideo, Place, VideoFilter
from tusvideo.model import UploadId, UserId
from tusvideo.video import Caption, Facts, Video, VideoSort, VideoState

ALL: Final = VideoFilter()
NEWEST: Final = VideoSort.NEWEST


class Leaving(NamedTuple):
    """A hidden record, and the published upload that goes with it; None when its file stays."""

    video: Video
    upload_id: UploadId | None


class CaptionText(NamedTuple):
    """Captions as they are shown, and the record that they belong to."""

    video: Video
    caption: Caption
    updated_at: datetime
    content: bytes
    """WebVTT."""


class CaptionRepository(Protocol):
    """The captions of records, which go with them. Same promises as ``ports.SessionRepository``."""

    async def put_captions(
        self, owner: UserId, video_id: str, caption: Caption, content: bytes, *, now: datetime
    ) -> tuple[Video, bool] | None:
        """Keep captions of a record, in the place of those in the same language, and note when it was changed.

        Gives the stored record and whether it had none in that language; None when there is no such record. Raises
        TooManyCaptions when it has captions in ``MAX_CAPTIONS`` others; nothing is changed then.
        """

    async def captions(self, video_id: str, language: str) -> CaptionText | None:
        """Load captions, of whomever; the caller judges who may read them. None also when their record is hidden."""

    async def remove_captions(self, owner: UserId, video_id: str, language: str, *, now: datetime) -> Video | None:
        """Delete captions of a record, and note when it was changed; None when there was none such."""


class VideoRepository(Protocol):
    """The records that people see. Same promises as ``ports.SessionRepository``."""

    async def put_video(self, video: Video, *, keeps_description: bool = False) -> tuple[Video, bool]:
        """Add a record, or update title, description and updated_at of the one for (owner, profile, filename), or all
        but its description. Gives the stored record and whether it is new. A hidden record of the file is forgotten."""

    async def video(self, owner: UserId, video_id: str) -> Video | None:
        """Load a record of an owner."""

    async def any_video(self, video_id: str) -> Video | None:
        """Load a record, of whomever; the caller judges who may have what."""

    async def video_of(self, owner: UserId, *, profile: str, filename: str) -> Video | None:
        """Load the record of a published file."""

    async def change_video(self, owner: UserId, command: ChangeVideo, *, now: datetime) -> Video | None:
        """Change what a record says, and when it was changed. Gives the stored record, None when there is none."""

    async def videos(
        self,
        owner: UserId,
        *,
        limit: int,
        wanted: VideoFilter = ALL,
        sort: VideoSort = NEWEST,
        after: Place | None = None,
    ) -> Sequence[Video]:
        """List records of an owner in an order, from those behind a place in it. Raises TookTooLong."""

    async def count_videos(self, owner: UserId, *, wanted: VideoFilter = ALL) -> int:
        """Count the records that ``videos`` lists on all its pages. Raises TookTooLong."""

    async def begin_removal(self, video: Video, *, due: datetime, upload_id: UploadId | None) -> bool:
        """Hide a record until it is removed or restored; False when it is gone, hidden, or has another file than when
        it was read. ``upload_id`` is kept beside it."""

    async def leaving(self, owner: UserId, *, profile: str, filename: str) -> Leaving | None:
        """Load the hidden record of a file."""

    async def hidden(self, owner: UserId, video_id: str) -> Leaving | None:
        """Load a hidden record by its id."""

    async def is_leaving(self, upload_id: UploadId) -> bool:
        """Tell whether an upload goes with a hidden record. Asked for each download, so it costs next to nothing."""

    async def restore_video(self, owner: UserId, video_id: str, *, now: datetime) -> Video | None:
        """Show a hidden record again, as it was, and give it; None when there is none that is due after ``now``."""

    async def take_removals(self, *, now: datetime, limit: int) -> Sequence[Leaving]:
        """Give hidden records that are due by ``now``; they cannot be restored any more, and are given again until they
        are removed. Those that were not given before come first, so that none waits behind some that cannot go."""

    async def next_removal(self) -> datetime | None:
        """Tell when the next hidden record is due that was not taken yet."""

    async def remove_video(self, video: Video) -> bool:
        """Delete a record, shown or hidden; False when it is gone, or has another file than when it was read."""

    async def remove_video_of(self, owner: UserId, *, profile: str, filename: str) -> bool:
        """Delete the record of a published file; False when there was none."""

    async def checking(self, *, limit: int) -> Sequence[Video]:
        """List records that wait to be examined: those with the fewest tries first, then the oldest."""

    async def begin_check(self, video: Video, *, tries: int) -> Video | None:
        """Set how often a record that waits was tried; None when it is gone, or has another file by now."""

    async def end_check(
        self,
        video: Video,
        *,
        state: VideoState,
        reason: str | None,
        facts: Facts,
        thumbnail: str | None,
        beginning: str | None = None,
    ) -> Video | None:
        """Keep what came of examining the file of a record that waits; None as ``begin_check``. Its texts and times
        stay as they are."""

    async def begin_checking(self, types: Collection[str]) -> int:
        """Let all records of these content types wait that are ready and were never tried; give how many."""

    async def end_checking(self) -> int:
        """Make all records ready that wait, as if they had never been tried; give how many."""

    async def thumbnails(self) -> Container[str]:
        """Tell the thumbnails of all records, each as ``{id}-{thumbnail}``."""

    async def beginnings(self) -> Container[str]:
        """Tell the beginnings of all records, each as ``{id}-{beginning}``."""
