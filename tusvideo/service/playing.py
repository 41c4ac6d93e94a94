"""What players get: the file of a record, with a beginning of ours where its own would make them wait."""

import struct
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from tusvideo.errors import NotFound, StorageFailed
from tusvideo.model import Upload, UploadId, UserId
from tusvideo.ports import Beginnings, PublishedFile
from tusvideo.records import VideoRepository
from tusvideo.service.publishing import Publisher
from tusvideo.service.uploads import UploadService
from tusvideo.video import Beginning, Video

_HEAD: Final = struct.Struct(">8s32s3Q")
_KIND: Final = b"tvstart1"


class PlayService:
    """Opens files for players. The file itself, its address, its digests and its download know nothing of it."""

    def __init__(
        self, *, publisher: Publisher, videos: VideoRepository, uploads: UploadService, beginnings: Beginnings
    ) -> None:
        self._publisher = publisher
        self._videos = videos
        self._uploads = uploads
        self._beginnings = beginnings

    async def open(self, user: UserId | None, video_id: str) -> tuple[Upload, PublishedFile]:
        """Open what a player gets: anybody of a public profile, else the owner. Raises NotFound, the same whether there
        is no such record, no file, or none for this user.

        A beginning that is gone, or was made for another file, is left out: the file plays as it is.
        """
        try:
            video, upload, file = await self._opened(user, video_id)
        except NotFound:
            raise NotFound("file") from None
        try:
            spliced = await self._spliced(video, upload, file)
        except BaseException:
            await file.close()
            raise
        return upload, file if spliced is None else spliced

    async def _opened(self, user: UserId | None, video_id: str) -> tuple[Video, Upload, PublishedFile]:
        video = await self._video(video_id)
        while True:
            found = await self._publisher.file_of(video.owner, profile=video.profile, filename=video.filename)
            try:
                return video, *await self._uploads.open_file(user, found)
            except NotFound:
                read, video = video, await self._video(video_id)
                if video == read:
                    raise
                # It got another file meanwhile, and the one that it had is gone.

    async def _video(self, video_id: str) -> Video:
        video = await self._videos.any_video(video_id)
        if video is None:
            raise NotFound("video")
        return video

    async def _spliced(self, video: Video, upload: Upload, file: PublishedFile) -> "SplicedFile | None":
        if video.beginning is None:
            return None
        start = await self._beginnings.open(video.owner, f"{video.id}-{video.beginning}")
        if start is None:
            return None
        try:
            head = b"".join([block async for block in start.read(0, min(_HEAD.size, start.size))])
            places = _places(head, upload.id, size=file.size)
        except BaseException:
            await start.close()
            raise
        if places is None:
            await start.close()
            return None
        return SplicedFile(start=start, file=file, places=places, version=video.beginning)


def pack(beginning: Beginning, upload_id: UploadId) -> bytes:
    """Write a beginning as it is kept, with the upload that it was made for."""
    places = (beginning.start, beginning.gap_start, beginning.gap_stop)
    return _HEAD.pack(_KIND, upload_id.encode("ascii"), *places) + beginning.content


def _places(head: bytes, upload_id: UploadId, *, size: int) -> tuple[int, int, int] | None:
    """Read where a file of ``size`` bytes goes on behind a beginning; None when it was not made for that upload."""
    if len(head) != _HEAD.size:
        return None
    kind, made_for, start, gap_start, gap_stop = _HEAD.unpack(head)
    fits = kind == _KIND and made_for == upload_id.encode("ascii") and start <= gap_start <= gap_stop <= size
    return (start, gap_start, gap_stop) if fits else None


class SplicedFile:
    """A file with another beginning and without a gap; see PublishedFile. Nothing of it is copied or held."""

    def __init__(
        self, *, start: PublishedFile, file: PublishedFile, places: tuple[int, int, int], version: str
    ) -> None:
        first, gap_start, gap_stop = places
        self._files = (start, file)
        self._file = file
        self._version = version
        self._pieces = ((start, _HEAD.size, start.size), (file, first, gap_start), (file, gap_stop, file.size))

    @property
    def size(self) -> int:
        return sum(stop - start for _, start, stop in self._pieces)

    @property
    def modified_at(self) -> datetime:
        return self._file.modified_at

    @property
    def etag(self) -> str:
        return f'{self._file.etag[:-1]}-{self._version}"'

    @property
    def descriptor(self) -> int:
        raise StorageFailed

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for file, first, last in self._ranges(start, stop):
            async for block in file.read(first, last):
                yield block

    async def send(self, taker: int, *, start: int, stop: int) -> int:
        for file, first, last in self._ranges(start, stop):
            return await file.send(taker, start=first, stop=last)
        raise StorageFailed

    async def close(self) -> None:
        for file in self._files:
            await file.close()

    def _ranges(self, start: int, stop: int) -> list[tuple[PublishedFile, int, int]]:
        """Tell where the bytes [start, stop) lie, in order."""
        found, position = [], 0
        for file, first, last in self._pieces:
            low, high = max(start, position), min(stop, position + last - first)
            if low < high:
                found.append((file, first + low - position, first + high - position))
            position += last - first
        return found
