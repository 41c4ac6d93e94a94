"""Session rows in SQLite: SessionRepository, VideoRepository and CaptionRepository on one database file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Self, TypeVar

from tusvideo.commands import ChangeVideo, Place, VideoFilter
from tusvideo.model import ClientKey, Location, Part, Standing, Status, Upload, UploadId, UserId
from tusvideo.records import ALL, NEWEST, CaptionText, Leaving
from tusvideo.rules.records import record_of
from tusvideo.sessions import sqlite_captions, sqlite_facts, sqlite_replacing
from tusvideo.sessions import sqlite_uploads as uploads
from tusvideo.sessions import sqlite_videos as videos
from tusvideo.sessions.committed import CommittedRows
from tusvideo.sessions.database import Database
from tusvideo.sessions.leaving import LeavingUploads
from tusvideo.sessions.rows import instant, milliseconds
from tusvideo.sessions.thread import Work
from tusvideo.video import Caption, Facts, Video, VideoSort, VideoState

T = TypeVar("T")


class SqliteSessions:
    """The session table of a server. One object per database file and process; made by ``open``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = CommittedRows()
        self._leaving = LeavingUploads()

    @classmethod
    async def open(cls, path: Path, *, busy_seconds: float = 5.0) -> Self:
        """Open the session table, made (0600) when it is not there, and bring it up to date.

        The folder must exist. ``busy_seconds`` is how long a call waits while another process holds the file; then it
        raises Busy. Raises StorageFailed with a sentence for the operator when the file is damaged, newer than this
        program, or not a session table; it is left as it was.
        """
        return cls(await Database.open(path, busy_seconds=busy_seconds))

    async def close(self) -> None:
        """Finish what was begun and let go of the file; later calls raise StorageFailed. Safe to repeat."""
        await self._database.close()

    async def add(self, upload: Upload) -> Upload:
        return await self._write(upload.id, partial(uploads.add_upload, upload=upload))

    async def get(self, upload_id: UploadId) -> Upload | None:
        row = self._rows.get(upload_id)
        if row is not None and self._database.is_open:
            return row
        ticket, row = self._rows.begin_load(upload_id), None
        try:
            row = await self._database.read(partial(uploads.load_upload, upload_id=upload_id))
        finally:
            self._rows.end_load(upload_id, ticket, row)
        return row

    async def find(self, owner: UserId, client_key: ClientKey) -> Upload | None:
        row = self._rows.find(owner, client_key)
        if row is not None and self._database.is_open:
            return row
        return await self._database.read(partial(uploads.find_upload, owner=owner, client_key=client_key))

    async def created(self, owner: UserId, creation_key: str) -> Upload | None:
        return await self._database.read(partial(uploads.load_created, owner=owner, creation_key=creation_key))

    async def save(self, upload: Upload, *, was: Upload, first: Callable[[], None] | None = None) -> None:
        is_row = self._rows.is_kept(was)
        await self._write(upload.id, partial(uploads.save_upload, upload=upload, was=was, is_row=is_row), first=first)

    async def parts(self, upload_id: UploadId) -> Sequence[Part]:
        return await self._database.read(partial(uploads.list_parts, upload_id=upload_id))

    async def part(self, upload_id: UploadId, index: int) -> Part | None:
        return await self._database.read(partial(uploads.load_part, upload_id=upload_id, index=index))

    async def add_part(self, upload_id: UploadId, part: Part, *, now: datetime, expires_at: datetime) -> Upload:
        return await self._write(
            upload_id,
            partial(
                uploads.insert_part,
                upload_id=upload_id,
                part=part,
                stored_at=milliseconds(now),
                expires_at=milliseconds(expires_at),
            ),
        )

    async def move_part(self, upload_id: UploadId, part: Part) -> None:
        await self._database.write(partial(uploads.move_part, upload_id=upload_id, part=part))

    async def complete(self, upload: Upload, *, was: Upload, video: Video | None) -> Video | None:
        self._rows.begin_write(upload.id)
        row: Upload | None = None
        try:
            row, stored = await self._write_leaving(partial(_complete, upload=upload, was=was, video=video))
        finally:
            self._rows.end_write(upload.id, row)
            if upload.replaces is not None:
                self._leaving.changed()
        return stored

    async def draft(
        self, owner: UserId, upload_id: UploadId, *, title: str | None, description: str | None
    ) -> Upload | None:
        return await self._write(
            upload_id,
            partial(uploads.draft_texts, owner=owner, upload_id=upload_id, title=title, description=description),
        )

    async def recent(self, owner: UserId, *, since: datetime, limit: int) -> Sequence[Upload]:
        return await self._database.list(
            partial(uploads.list_recent, owner=owner, since=milliseconds(since), limit=limit), user=owner
        )

    async def remove(self, upload_id: UploadId) -> None:
        await self._write(upload_id, partial(uploads.delete_upload, upload_id=upload_id))

    async def mark_synced(self, upload_id: UploadId, *, offset: int) -> None:
        await self._write(upload_id, partial(uploads.mark_synced, upload_id=upload_id, offset=offset))

    async def unsynced(self, *, limit: int) -> Sequence[Upload]:
        return await self._database.read(partial(uploads.list_unsynced, limit=limit))

    async def due(self, *, before: datetime, limit: int) -> Sequence[Upload]:
        return await self._database.read(partial(uploads.list_due, before=milliseconds(before), limit=limit))

    async def tombstones(self, *, before: datetime, limit: int) -> Sequence[UploadId]:
        return await self._database.read(partial(uploads.list_tombstones, before=milliseconds(before), limit=limit))

    async def with_status(self, status: Status, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        return await self._database.read(partial(uploads.list_with_status, status=status, after=after, limit=limit))

    async def standings(self, *, after: UploadId | None, limit: int) -> Sequence[Standing]:
        return await self._database.read(partial(uploads.list_standings, after=after, limit=limit))

    async def several(self, upload_ids: Sequence[UploadId]) -> Mapping[UploadId, Upload]:
        return await self._database.read(partial(uploads.load_several, upload_ids=upload_ids))

    async def present(self, upload_ids: Sequence[UploadId], *, owner: UserId) -> Mapping[UploadId, Upload]:
        kept = {upload_id: self._rows.get(upload_id) for upload_id in upload_ids if self._database.is_open}
        found = {upload_id: row for upload_id, row in kept.items() if row is not None}
        others = [upload_id for upload_id in upload_ids if upload_id not in found]
        if others:
            found |= await self._database.list(partial(uploads.load_several, upload_ids=others), user=owner)
        return {upload_id: row for upload_id, row in found.items() if row.owner == owner}

    async def finals_of(self, source: Upload) -> Sequence[Upload]:
        return await self._database.read(partial(uploads.list_finals_of, source=source))

    async def open_finals(self, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        return await self._database.read(partial(uploads.list_open_finals, after=after, limit=limit))

    async def published(self, location: Location) -> Upload | None:
        return await self._database.read(partial(uploads.load_published, location=location))

    async def published_elsewhere(self, location: Location, *, owner: UserId, profile: str) -> Upload | None:
        return await self._database.read(
            partial(uploads.load_published_elsewhere, location=location, owner=owner, profile=profile)
        )

    async def last_epoch(self) -> int:
        return await self._database.read(uploads.load_last_epoch)

    async def check(self) -> None:
        await self._database.read(uploads.answer)

    async def put_video(self, video: Video, *, keeps_description: bool = False) -> tuple[Video, bool]:
        return await self._write_leaving(partial(videos.put_video, video=video, keeps_description=keeps_description))

    async def video(self, owner: UserId, video_id: str) -> Video | None:
        return await self._database.read(partial(videos.load_video, owner=owner, video_id=video_id))

    async def any_video(self, video_id: str) -> Video | None:
        return await self._database.read(partial(videos.load_any_video, video_id=video_id))

    async def video_of(self, owner: UserId, *, profile: str, filename: str) -> Video | None:
        return await self._database.read(partial(videos.load_video_of, owner=owner, profile=profile, filename=filename))

    async def change_video(self, owner: UserId, command: ChangeVideo, *, now: datetime) -> Video | None:
        return await self._database.write(partial(videos.change_video, owner=owner, command=command, now=now))

    async def videos(
        self,
        owner: UserId,
        *,
        limit: int,
        wanted: VideoFilter = ALL,
        sort: VideoSort = NEWEST,
        after: Place | None = None,
    ) -> Sequence[Video]:
        return await self._database.list(
            partial(videos.list_videos, owner=owner, wanted=wanted, sort=sort, after=after, limit=limit), user=owner
        )

    async def count_videos(self, owner: UserId, *, wanted: VideoFilter = ALL) -> int:
        return await self._database.list(partial(videos.count_videos, owner=owner, wanted=wanted), user=owner)

    async def begin_removal(self, video: Video, *, due: datetime, upload_id: UploadId | None) -> bool:
        return await self._write_leaving(
            partial(videos.hide_video, video=video, due=milliseconds(due), upload_id=upload_id)
        )

    async def leaving(self, owner: UserId, *, profile: str, filename: str) -> Leaving | None:
        return await self._database.read(partial(videos.load_leaving, owner=owner, profile=profile, filename=filename))

    async def hidden(self, owner: UserId, video_id: str) -> Leaving | None:
        return await self._database.read(partial(videos.load_hidden, owner=owner, video_id=video_id))

    async def is_leaving(self, upload_id: UploadId) -> bool:
        found = self._leaving.known
        if found is None or not self._database.is_open:
            ticket = self._leaving.begin_load()
            found = await self._database.read(videos.list_leaving_uploads)
            self._leaving.end_load(ticket, found)
        return upload_id in found

    async def restore_video(self, owner: UserId, video_id: str, *, now: datetime) -> Video | None:
        return await self._write_leaving(
            partial(videos.restore_video, owner=owner, video_id=video_id, now=milliseconds(now))
        )

    async def take_removals(self, *, now: datetime, limit: int) -> Sequence[Leaving]:
        return await self._database.write(partial(videos.take_removals, now=milliseconds(now), limit=limit))

    async def next_removal(self) -> datetime | None:
        due = await self._database.read(videos.next_removal)
        return None if due is None else instant(due)

    async def remove_video(self, video: Video) -> bool:
        return await self._write_leaving(partial(videos.delete_video, video=video))

    async def remove_video_of(self, owner: UserId, *, profile: str, filename: str) -> bool:
        return await self._write_leaving(
            partial(videos.delete_video_of, owner=owner, profile=profile, filename=filename)
        )

    async def checking(self, *, limit: int) -> Sequence[Video]:
        return await self._database.read(partial(sqlite_facts.list_checking, limit=limit))

    async def begin_check(self, video: Video, *, tries: int) -> Video | None:
        return await self._database.write(partial(sqlite_facts.begin_check, video=video, tries=tries))

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
        return await self._database.write(
            partial(
                sqlite_facts.end_check,
                video=video,
                state=state,
                reason=reason,
                facts=facts,
                thumbnail=thumbnail,
                beginning=beginning,
            )
        )

    async def begin_checking(self, types: Collection[str]) -> int:
        return await self._database.write(partial(sqlite_facts.begin_checking, types=types))

    async def end_checking(self) -> int:
        return await self._database.write(sqlite_facts.end_checking)

    async def thumbnails(self) -> frozenset[str]:
        return await self._database.read(sqlite_facts.list_thumbnails)

    async def beginnings(self) -> frozenset[str]:
        return await self._database.read(sqlite_facts.list_beginnings)

    async def put_captions(
        self, owner: UserId, video_id: str, caption: Caption, content: bytes, *, now: datetime
    ) -> tuple[Video, bool] | None:
        return await self._database.write(
            partial(
                sqlite_captions.put_captions,
                owner=owner,
                video_id=video_id,
                caption=caption,
                content=content,
                now=milliseconds(now),
            )
        )

    async def captions(self, video_id: str, language: str) -> CaptionText | None:
        return await self._database.read(partial(sqlite_captions.load_captions, video_id=video_id, language=language))

    async def remove_captions(self, owner: UserId, video_id: str, language: str, *, now: datetime) -> Video | None:
        return await self._database.write(
            partial(
                sqlite_captions.delete_captions,
                owner=owner,
                video_id=video_id,
                language=language,
                now=milliseconds(now),
            )
        )

    async def _write_leaving(self, work: Work[T]) -> T:
        """Run a transaction that may change which uploads are being removed."""
        try:
            return await self._database.write(work)
        finally:
            self._leaving.changed()

    async def _write(self, upload_id: UploadId, work: Work[T], *, first: Callable[[], None] | None = None) -> T:
        """Run a transaction that changes this row and no other; one that leaves it there gives it."""
        row: Upload | None = None
        self._rows.begin_write(upload_id)
        try:
            left = await self._database.write(work, first=first)
            row = left if isinstance(left, Upload) else None
        finally:
            self._rows.end_write(upload_id, row)
        return left


def _complete(
    connection: Connection, *, upload: Upload, was: Upload, video: Video | None
) -> tuple[Upload, Video | None]:
    done = uploads.save_upload(connection, upload=upload, was=was)
    replaced = None if video is None else sqlite_replacing.replace_file(connection, upload=done, file=video)
    if replaced is not None:
        return done, replaced
    named = None if video is None else record_of(done, video)
    return done, None if named is None else videos.put_video(connection, video=named)[0]
