"""How uploads get on, for people: lists of them, what their records are to say, and news of all that changes."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from tusvideo.commands import Change, ChangeVideo, DescribeVideo, DraftUpload, UploadGone, UploadShown, VideoGone
from tusvideo.errors import NotFound, TookTooLong, Unavailable
from tusvideo.model import Status, Upload, UploadId, UploadState, UserId
from tusvideo.ports import LockManager
from tusvideo.records import VideoRepository
from tusvideo.rules import progress as rules
from tusvideo.rules.uploads import judge_known, judge_owner
from tusvideo.service.publishing import Publisher
from tusvideo.service.videos import VideoService
from tusvideo.service.watching import MOST_MARKS, Feed, Mark, News, OfUpload, OfVideo, Watcher
from tusvideo.video import Video

MOST_SHOWN = 200
"""So many uploads are listed."""
BEAT_SECONDS = 15.0
"""So often one who follows hears that the connection lives, when nothing happens."""


class ProgressService:
    """Tells users how their uploads get on."""

    def __init__(
        self, *, publisher: Publisher, locks: LockManager, records: VideoRepository, videos: VideoService
    ) -> None:
        self._publisher = publisher
        self._sessions = publisher.sessions
        self._clock = publisher.clock
        self._locks = locks
        self._records = records
        self._videos = videos

    async def list(self, user: UserId) -> tuple[UploadShown, ...]:
        """List what is on its way, and what ended in the last minute, newest first. Raises TookTooLong."""
        since = self._clock.now() - timedelta(seconds=rules.SHOWN_SECONDS)
        found = [await self._shown(each) for each in await self._sessions.recent(user, since=since, limit=MOST_SHOWN)]
        for shown in found:
            if shown.state is UploadState.UPLOADING:
                # Whoever asks and follows is to hear of a line that died before.
                self._publisher.watchers.look_again(user, shown.upload.id, after=rules.QUIET_SECONDS)
        return tuple(found)

    async def get(self, user: UserId, upload_id: UploadId) -> UploadShown:
        """Tell how one upload gets on. Raises NotFound, Expired."""
        upload = judge_owner(await self._sessions.get(upload_id), user)
        if upload.status is not Status.FAILED:
            judge_known(upload)
        return await self._shown(upload)

    async def draft(self, user: UserId, command: DraftUpload) -> UploadShown:
        """Keep what the record of an upload is to say; of one that is published, change the record, or make it.

        Raises NotFound, also for a description of a file without a record; Expired. Safe to repeat.
        """
        drafted = await self._sessions.draft(
            user, command.upload_id, title=command.title, description=command.description
        )
        if drafted is None:
            drafted = judge_owner(await self._sessions.get(command.upload_id), user)
            judge_known(drafted)
            await self._describe(drafted, command)
        self._publisher.watchers.tell_upload(drafted)
        return await self._shown(drafted)

    def watch(self, user: UserId, *, is_gone: Callable[[], bool]) -> Watcher:
        """Begin to follow what happens to the things of a user, until ``leave``. Raises TooManyStreams."""
        return self._publisher.watchers.seat(user, is_gone=is_gone, tell=self._tell)

    def leave(self, watcher: Watcher) -> None:
        """End to follow. Safe to repeat."""
        self._publisher.watchers.close(watcher)

    async def follow(self, watcher: Watcher) -> AsyncGenerator[Sequence[News], None]:
        """Give what changes, each as it is by then; nothing every quarter of a minute in which nothing does.

        Ends when so much happened that was not read that one has to begin anew, or when it cannot be looked at.
        """
        while True:
            news = await watcher.next(patience_seconds=BEAT_SECONDS)
            if watcher.is_lost:
                return
            yield news

    async def _tell(self, feed: Feed) -> None:
        """Look at what happens to the things of a user, and tell it to all who follow."""
        told = _Told()
        try:
            while True:
                marks = await feed.next()
                try:
                    await self._look(feed, marks, told)
                except TookTooLong:
                    # Behind lists of others; it is told later.
                    for mark in marks:
                        feed.mark(mark)
        except Unavailable:
            return
        finally:
            feed.lose_all()

    async def _look(self, feed: Feed, marks: Sequence[Mark], told: "_Told") -> None:
        """Load what was marked, and tell it unless it is as it was told."""
        uploads = await self._sessions.present(
            [mark.id for mark in marks if isinstance(mark, OfUpload)], owner=feed.owner
        )
        for mark in marks:
            if isinstance(mark, OfVideo):
                if (upload_id := told.by_video.get(mark.id)) is not None:
                    feed.mark(OfUpload(upload_id))
                feed.tell(mark, await self._records.video(feed.owner, mark.id) or VideoGone(video_id=mark.id))
            elif (change := await self._change(feed, mark, uploads.get(mark.id), told)) is not None:
                feed.tell(mark, change)

    async def _change(self, feed: Feed, mark: OfUpload, upload: Upload | None, told: "_Told") -> Change | None:
        """Give what is to be told of an upload; None when it is as it was told."""
        if upload is not None and upload.is_partial:
            return None
        if upload is None or not rules.is_shown(upload):
            told.drop(mark.id)
            return UploadGone(upload_id=mark.id)
        # What a client said of it may be long, and is no part of what is told.
        shown = await self._shown(replace(upload, metadata=""))
        was = told.drop(mark.id)
        if shown.state is UploadState.UPLOADING:
            # Nothing happens when a line dies; so it is looked again.
            feed.look_again(mark, after=rules.QUIET_SECONDS)
        if shown.state not in {UploadState.READY, UploadState.FAILED}:
            told.keep(shown)
        return None if shown == was else shown

    async def _shown(self, upload: Upload) -> UploadShown:
        video = await self._record_of(upload) if upload.status is Status.COMPLETE else None
        silent = [transfer.silent_seconds for transfer in self._locks.transfers(upload.id)]
        state = rules.state_of(upload, video=video, silent_seconds=min(silent, default=None), now=self._clock.now())
        return UploadShown(upload=upload, state=state, video_id=None if video is None else video.id)

    async def _record_of(self, upload: Upload) -> Video | None:
        if upload.location is None:
            return None
        return await self._records.video_of(upload.owner, profile=upload.profile, filename=upload.location.filename)

    async def _describe(self, upload: Upload, command: DraftUpload) -> None:
        video = await self._record_of(upload)
        if upload.location is not None and await self._records.leaving(
            upload.owner, profile=upload.profile, filename=upload.location.filename
        ):
            raise NotFound("video")  # a draft that comes late brings nothing back that was removed
        if video is not None:
            change = ChangeVideo(video_id=video.id, title=command.title, description=command.description)
            await self._videos.change(upload.owner, change)
        elif command.title is not None and upload.location is not None:
            description = DescribeVideo(
                profile=upload.profile,
                filename=upload.location.filename,
                title=command.title,
                description=command.description,
            )
            await self._videos.describe(upload.owner, description)
        else:
            raise NotFound("video")


class _Told:
    """What those who follow a user were told of uploads that go on."""

    def __init__(self) -> None:
        self.by_video: dict[str, UploadId] = {}
        """The uploads among them that have a record, by its id."""
        self._shown: dict[UploadId, UploadShown] = {}

    def keep(self, shown: UploadShown) -> None:
        """Keep what is told; beyond a bound the oldest is dropped, and told once more at worst."""
        self._shown[shown.upload.id] = shown
        if shown.video_id is not None:
            self.by_video[shown.video_id] = shown.upload.id
        if len(self._shown) > MOST_MARKS:
            self.drop(next(iter(self._shown)))

    def drop(self, upload_id: UploadId) -> UploadShown | None:
        """Drop what was told of an upload, and give it."""
        shown = self._shown.pop(upload_id, None)
        if shown is not None and shown.video_id is not None:
            self.by_video.pop(shown.video_id, None)
        return shown
