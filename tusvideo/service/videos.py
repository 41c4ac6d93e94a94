"""The records that people see: made for published files, listed, changed and removed."""

import contextlib
import uuid
from datetime import timedelta

from tusvideo.commands import (
    ChangeVideo,
    DescribeVideo,
    ListVideos,
    TerminateUpload,
    VideoDescribed,
    VideoFilter,
    VideosListed,
)
from tusvideo.errors import NotFound
from tusvideo.model import Upload, UserId
from tusvideo.ports import PublishedFile
from tusvideo.records import VideoRepository
from tusvideo.rules.search import place_of, words
from tusvideo.rules.sniff import ANY_TYPE
from tusvideo.service.publishing import Publisher
from tusvideo.service.uploads import UploadService
from tusvideo.video import UNDO_SECONDS, Video


class VideoService:
    """Carries out what users ask of their records."""

    def __init__(self, *, publisher: Publisher, videos: VideoRepository, uploads: UploadService) -> None:
        self._publisher = publisher
        self._videos = videos
        self._uploads = uploads

    async def describe(self, user: UserId, command: DescribeVideo) -> VideoDescribed:
        """Make the record of a published file, or update it.

        Raises NotFound when the user has no such file, or removed it. A record that was removed alone is forgotten.
        """
        upload = await self._publisher.file_of(user, profile=command.profile, filename=command.filename)
        if upload is None or await self._videos.is_leaving(upload.id):
            raise NotFound("file")
        now = self._publisher.clock.now()
        video, is_new = await self._videos.put_video(
            Video(
                id=uuid.uuid4().hex,
                owner=user,
                profile=command.profile,
                filename=command.filename,
                title=command.title,
                description=command.description or "",
                size=upload.offset,
                content_type=upload.content_type or ANY_TYPE,
                created_at=now,
                updated_at=now,
                original_name=upload.original_name,
                state=self._publisher.first_state(upload.content_type or ANY_TYPE),
            ),
            keeps_description=command.description is None,
        )
        self._publisher.ring(video)
        self._publisher.watchers.tell_video(user, video.id)
        return VideoDescribed(video=video, is_new=is_new)

    async def list(self, user: UserId, command: ListVideos) -> VideosListed:
        """Give a page of the user's records, and how many there are on all of them. Raises TookTooLong."""
        wanted = VideoFilter(words=words(command.query), profile=command.profile, state=command.state)
        found = await self._videos.videos(
            user, wanted=wanted, sort=command.sort, after=command.after, limit=command.limit + 1
        )
        shown = tuple(found[: command.limit])
        return VideosListed(
            videos=shown,
            next=place_of(shown[-1], command.sort) if len(found) > len(shown) else None,
            total=await self._videos.count_videos(user, wanted=wanted),
        )

    async def get(self, user: UserId, video_id: str) -> Video:
        """Give one record. Raises NotFound."""
        video = await self._videos.video(user, video_id)
        if video is None:
            raise NotFound("video")
        return video

    async def change(self, user: UserId, command: ChangeVideo) -> Video:
        """Change title, description and original name, those that are told. Raises NotFound. Safe to repeat."""
        changed = await self._videos.change_video(user, command, now=self._publisher.clock.now())
        if changed is None:
            raise NotFound("video")
        self._publisher.watchers.tell_video(user, changed.id)
        return changed

    async def open_file(self, user: UserId, video_id: str) -> tuple[Video, Upload, PublishedFile]:
        """Open the file of a record. Raises NotFound, also when the record is all that is left."""
        video = await self.get(user, video_id)
        while True:
            found = await self._publisher.file_of(user, profile=video.profile, filename=video.filename)
            try:
                return video, *await self._uploads.open_file(user, found)
            except NotFound:
                read, video = video, await self.get(user, video_id)
                if video == read:
                    raise
                # It got another file meanwhile, and the one that it had is gone.

    async def remove(self, user: UserId, video_id: str, *, with_file: bool, at_once: bool = False) -> None:
        """Remove a record, and with ``with_file`` the published file too. Raises NotFound, also the second time.

        Unless that is to be ``at_once``, both go after ``UNDO_SECONDS``; until then the record is hidden, and can be
        restored, and the file is served to nobody and stays where it is. What is hidden goes ``at_once`` too, with its
        file if either request said so.
        """
        if at_once:
            await self._remove(user, video_id, with_file=with_file)
        else:
            await self._hide(user, video_id, with_file=with_file)
            self._publisher.removals.set()
        self._publisher.watchers.tell_video(user, video_id)

    async def restore(self, user: UserId, video_id: str) -> Video:
        """Bring back a record that is to be removed. Raises NotFound when it is too late. Safe to repeat in time."""
        video = await self._videos.restore_video(user, video_id, now=self._publisher.clock.now())
        if video is None:
            return await self.get(user, video_id)
        self._publisher.ring(video)
        self._publisher.watchers.tell_video(user, video_id)
        return video

    async def _hide(self, user: UserId, video_id: str, *, with_file: bool) -> None:
        is_hidden = False
        while not is_hidden:  # again if it gets another file meanwhile; ends with NotFound if it is gone
            video = await self.get(user, video_id)
            upload = (
                await self._publisher.file_of(user, profile=video.profile, filename=video.filename)
                if with_file
                else None
            )
            due = self._publisher.clock.now() + timedelta(seconds=UNDO_SECONDS)
            upload_id = None if upload is None else upload.id
            is_hidden = await self._videos.begin_removal(video, due=due, upload_id=upload_id)

    async def _remove(self, user: UserId, video_id: str, *, with_file: bool) -> None:
        hidden = await self._videos.hidden(user, video_id)
        video: Video | None = hidden.video if hidden is not None else await self.get(user, video_id)
        upload_id = None if hidden is None else hidden.upload_id
        while video is not None:
            if upload_id is None and with_file:
                upload = await self._publisher.file_of(user, profile=video.profile, filename=video.filename)
                upload_id = None if upload is None else upload.id
            if upload_id is not None:
                with contextlib.suppress(NotFound):  # gone meanwhile, and that is what was asked for
                    await self._uploads.terminate(user, TerminateUpload(upload_id=upload_id))
            await self._videos.remove_video(video)
            # It is there if it got another file meanwhile.
            video, upload_id = await self._videos.video(user, video_id), None
