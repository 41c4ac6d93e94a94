"""Session rows in memory, for tests and for nothing that must outlive the process; the promises are those of SQLite."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from tusvideo.commands import ChangeVideo, Place, VideoFilter
from tusvideo.errors import TooManyCaptions
from tusvideo.model import ClientKey, Location, Part, Standing, Status, Upload, UploadId, UserId
from tusvideo.records import ALL, NEWEST, CaptionText, Leaving
from tusvideo.rules.records import changed, described, left_behind, record_of, with_file
from tusvideo.rules.search import matches, place_of
from tusvideo.sessions.committed import DEAD
from tusvideo.sessions.rows import (
    Row,
    changes,
    conflict,
    decode_upload,
    encode_upload,
    encode_video,
    instant,
    kept,
    milliseconds,
    video_from_row,
)
from tusvideo.video import MAX_CAPTIONS, Caption, Facts, Video, VideoSort, VideoState

_TOMBSTONES = frozenset({Status.EXPIRED, Status.TERMINATED, Status.FAILED})


class MemorySessions:
    """The session table as two dictionaries. No call gives up the event loop, so each one is a transaction.

    Rows are kept in the form in which SQLite keeps them, so that what comes back is cut to milliseconds here as there.
    """

    def __init__(self) -> None:
        self._rows: dict[UploadId, Row] = {}
        self._parts: dict[UploadId, dict[int, Part]] = {}
        self._videos: dict[str, Video] = {}
        self._leaving: dict[str, tuple[datetime, UploadId | None]] = {}
        """By record: when it is to be removed, and the upload that goes with it."""
        self._captions: dict[str, dict[str, tuple[Caption, datetime, bytes]]] = {}
        """By record and language."""

    async def add(self, upload: Upload) -> Upload:
        mine = [stored for stored in self._uploads() if stored.owner == upload.owner]
        for key in ("creation_key", "client_key"):
            wanted = getattr(upload, key)
            for stored in mine:
                if wanted is not None and getattr(stored, key) == wanted and stored.status not in DEAD:
                    return stored
        if upload.id in self._rows:
            raise conflict(upload.id)
        for key in ("creation_key", "client_key"):
            for stored in mine:
                if getattr(stored, key) == getattr(upload, key):
                    self._rows[stored.id][key] = None
        self._rows[upload.id] = encode_upload(upload)
        self._parts[upload.id] = {}
        return self._load(upload.id)

    async def get(self, upload_id: UploadId) -> Upload | None:
        return self._load(upload_id) if upload_id in self._rows else None

    async def find(self, owner: UserId, client_key: ClientKey) -> Upload | None:
        found = (stored for stored in self._uploads() if (stored.owner, stored.client_key) == (owner, client_key))
        return next(found, None)

    async def created(self, owner: UserId, creation_key: str) -> Upload | None:
        found = (u for u in self._uploads() if (u.owner, u.creation_key) == (owner, creation_key))
        return next((holder for holder in found if holder.status not in DEAD), None)

    async def save(self, upload: Upload, *, was: Upload, first: Callable[[], None] | None = None) -> None:
        if first is not None:
            first()
        self._save(upload, was=was)

    async def parts(self, upload_id: UploadId) -> Sequence[Part]:
        stored = self._parts.get(upload_id, {})
        return tuple(stored[index] for index in sorted(stored))

    async def part(self, upload_id: UploadId, index: int) -> Part | None:
        return self._parts.get(upload_id, {}).get(index)

    async def add_part(self, upload_id: UploadId, part: Part, *, now: datetime, expires_at: datetime) -> Upload:
        if upload_id not in self._rows:
            raise conflict(upload_id)
        stored, parts = self._load(upload_id), self._parts[upload_id]
        if stored.status is not Status.OPEN or part.index in parts:
            raise conflict(upload_id)
        parts[part.index] = part
        offset, next_part = stored.offset, stored.next_part
        while next_part in parts:
            offset += parts[next_part].size
            next_part += 1
        grown = replace(
            stored,
            offset=offset,
            next_part=next_part,
            parts_stored=stored.parts_stored + 1,
            stored_at=now,
            expires_at=expires_at,
        )
        self._rows[upload_id] = encode_upload(grown)
        return self._load(upload_id)

    async def move_part(self, upload_id: UploadId, part: Part) -> None:
        stored = self._parts.get(upload_id, {}).get(part.index)
        if stored is None:
            raise conflict(upload_id)
        self._parts[upload_id][part.index] = replace(stored, position=part.position)

    async def complete(self, upload: Upload, *, was: Upload, video: Video | None) -> Video | None:
        self._save(upload, was=was)
        done = self._load(upload.id)
        replaced = None if video is None else await self._replace_file(done, video)
        if replaced is not None:
            return replaced
        named = None if video is None else record_of(done, video)
        return None if named is None else self._put_video(named)[0]

    async def draft(
        self, owner: UserId, upload_id: UploadId, *, title: str | None, description: str | None
    ) -> Upload | None:
        row = self._rows.get(upload_id)
        if row is None or row["owner"] != owner or row["status"] not in {"open", "finalizing"}:
            return None
        row.update(
            {name: text for name, text in {"title": title, "description": description}.items() if text is not None}
        )
        return self._load(upload_id)

    async def recent(self, owner: UserId, *, since: datetime, limit: int) -> Sequence[Upload]:
        ended, going = {Status.COMPLETE, Status.FAILED}, {Status.OPEN, Status.FINALIZING}
        after = instant(milliseconds(since))
        mine = [upload for upload in self._uploads() if upload.owner == owner and not upload.is_partial]
        found = [
            u
            for u in mine
            if u.status in going or (u.status in ended and u.ended_at is not None and u.ended_at > after)
        ]
        return tuple(sorted(found, key=lambda upload: (upload.created_at, upload.id), reverse=True)[:limit])

    async def remove(self, upload_id: UploadId) -> None:
        self._rows.pop(upload_id, None)
        self._parts.pop(upload_id, None)

    async def mark_synced(self, upload_id: UploadId, *, offset: int) -> None:
        if upload_id not in self._rows or (stored := self._load(upload_id)).boot_id is None:
            return
        row = self._rows[upload_id]
        row["synced_offset"] = max(stored.synced_offset, offset)
        row["boot_id"] = stored.boot_id if stored.offset > offset else None

    async def unsynced(self, *, limit: int) -> Sequence[Upload]:
        at_risk = [stored for stored in self._uploads() if stored.boot_id is not None and stored.status is Status.OPEN]
        return tuple(at_risk[:limit])

    async def due(self, *, before: datetime, limit: int) -> Sequence[Upload]:
        return self._expiring({Status.OPEN}, before=before)[:limit]

    async def tombstones(self, *, before: datetime, limit: int) -> Sequence[UploadId]:
        found = self._expiring(_TOMBSTONES, before=before)
        over = [stored for stored in found if stored.status is not Status.TERMINATED or stored.location is None]
        return tuple(stored.id for stored in over[:limit])

    async def with_status(self, status: Status, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        found = [stored for stored in self._uploads() if stored.status is status and stored.id > (after or "")]
        return tuple(sorted(found, key=lambda stored: stored.id)[:limit])

    async def standings(self, *, after: UploadId | None, limit: int) -> Sequence[Standing]:
        found = await self.with_status(Status.OPEN, after=after, limit=limit)
        return tuple(Standing(*(getattr(upload, field) for field in Standing._fields)) for upload in found)

    async def several(self, upload_ids: Sequence[UploadId]) -> Mapping[UploadId, Upload]:
        return {upload_id: self._load(upload_id) for upload_id in upload_ids if upload_id in self._rows}

    async def present(self, upload_ids: Sequence[UploadId], *, owner: UserId) -> Mapping[UploadId, Upload]:
        found = await self.several(upload_ids)
        return {upload_id: row for upload_id, row in found.items() if row.owner == owner}

    async def finals_of(self, source: Upload) -> Sequence[Upload]:
        finals = await self.open_finals(after=None, limit=len(self._rows))
        return tuple(final for final in finals if final.owner == source.owner and source.id in final.sources)

    async def open_finals(self, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        found = [u for u in self._uploads() if u.status is Status.OPEN and u.is_final and u.id > (after or "")]
        return tuple(sorted(found, key=lambda stored: stored.id)[:limit])

    async def published(self, location: Location) -> Upload | None:
        found = [u for u in self._uploads() if u.status is Status.COMPLETE and u.location == location]
        return max(found, key=lambda stored: (stored.stored_at, stored.id), default=None)

    async def published_elsewhere(self, location: Location, *, owner: UserId, profile: str) -> Upload | None:
        mine = [u for u in self._uploads() if (u.status, u.owner, u.profile) == (Status.COMPLETE, owner, profile)]
        found = [
            u
            for u in mine
            if u.location is not None
            and u.location != location
            and replace(u.location, directory=location.directory) == location
        ]
        return max(found, key=lambda stored: (stored.stored_at, stored.id), default=None)

    async def last_epoch(self) -> int:
        return max((stored.epoch for stored in self._uploads()), default=0)

    async def check(self) -> None:
        """Memory always answers."""

    async def put_video(self, video: Video, *, keeps_description: bool = False) -> tuple[Video, bool]:
        return self._put_video(video, keeps_description=keeps_description)

    async def video(self, owner: UserId, video_id: str) -> Video | None:
        stored = self._videos.get(video_id)
        is_shown = stored is not None and stored.owner == owner and video_id not in self._leaving
        return stored if is_shown else None

    async def video_of(self, owner: UserId, *, profile: str, filename: str) -> Video | None:
        stored = self._video_of(owner, profile, filename)
        return None if stored is None else await self.video(owner, stored.id)

    async def change_video(self, owner: UserId, command: ChangeVideo, *, now: datetime) -> Video | None:
        stored = await self.video(owner, command.video_id)
        if stored is None:
            return None
        self._videos[stored.id] = replace(changed(stored, command), updated_at=instant(milliseconds(now)))
        return self._videos[stored.id]

    async def videos(
        self,
        owner: UserId,
        *,
        limit: int,
        wanted: VideoFilter = ALL,
        sort: VideoSort = NEWEST,
        after: Place | None = None,
    ) -> Sequence[Video]:
        descends = sort not in {VideoSort.OLDEST, VideoSort.TITLE}

        def key(video: Video) -> tuple[Any, str]:
            return place_of(video, sort).key, video.id

        mine = sorted(self._wanted(owner, wanted), key=key, reverse=descends)
        if after is not None:
            place: tuple[Any, str] = (after.key, after.video_id)
            mine = [video for video in mine if (key(video) < place if descends else key(video) > place)]
        return tuple(mine[:limit])

    async def count_videos(self, owner: UserId, *, wanted: VideoFilter = ALL) -> int:
        return len(self._wanted(owner, wanted))

    async def begin_removal(self, video: Video, *, due: datetime, upload_id: UploadId | None) -> bool:
        if self._same_file(video) is None or video.id in self._leaving:
            return False
        self._leaving[video.id] = instant(milliseconds(due)), upload_id
        return True

    async def restore_video(self, owner: UserId, video_id: str, *, now: datetime) -> Video | None:
        if video_id not in self._leaving or self._videos[video_id].owner != owner:
            return None
        if self._leaving[video_id][0] <= instant(milliseconds(now)):
            return None
        del self._leaving[video_id]
        return self._videos[video_id]

    async def leaving(self, owner: UserId, *, profile: str, filename: str) -> Leaving | None:
        stored = self._video_of(owner, profile, filename)
        hidden = None if stored is None else self._leaving.get(stored.id)
        return None if stored is None or hidden is None else Leaving(stored, hidden[1])

    async def hidden(self, owner: UserId, video_id: str) -> Leaving | None:
        hidden, stored = self._leaving.get(video_id), self._videos.get(video_id)
        if hidden is None or stored is None or stored.owner != owner:
            return None
        return Leaving(stored, hidden[1])

    async def is_leaving(self, upload_id: UploadId) -> bool:
        return any(upload_id == leaving for _, leaving in self._leaving.values())

    async def take_removals(self, *, now: datetime, limit: int) -> Sequence[Leaving]:
        order = sorted(self._leaving, key=lambda video_id: (self._is_taken(video_id), self._leaving[video_id][0]))
        due = [video_id for video_id in order if self._leaving[video_id][0] <= instant(milliseconds(now))][:limit]
        for video_id in due:
            self._leaving[video_id] = instant(0), self._leaving[video_id][1]
        return tuple(Leaving(self._videos[video_id], self._leaving[video_id][1]) for video_id in due)

    async def next_removal(self) -> datetime | None:
        waiting = (due for video_id, (due, _) in self._leaving.items() if not self._is_taken(video_id))
        return min(waiting, default=None)

    def _is_taken(self, video_id: str) -> bool:
        return self._leaving[video_id][0] == instant(0)

    async def remove_video(self, video: Video) -> bool:
        stored = self._same_file(video)
        return stored is not None and self._forget(stored)

    async def remove_video_of(self, owner: UserId, *, profile: str, filename: str) -> bool:
        stored = self._video_of(owner, profile, filename)
        return stored is not None and self._forget(stored)

    async def checking(self, *, limit: int) -> Sequence[Video]:
        waiting = (
            video
            for video in self._videos.values()
            if video.state is VideoState.CHECKING and video.id not in self._leaving
        )
        return tuple(sorted(waiting, key=lambda video: (video.tries, video.created_at, video.id)))[:limit]

    async def begin_check(self, video: Video, *, tries: int) -> Video | None:
        return self._change_checking(video, tries=tries)

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
        told = {"thumbnail": thumbnail, "beginning": beginning, **asdict(facts)}
        return self._change_checking(video, state=state, reason=reason, **told)

    async def begin_checking(self, types: Collection[str]) -> int:
        never = [v for v in self._videos.values() if v.state is VideoState.READY and not v.tries]
        wanted = [video for video in never if video.content_type in types]
        self._videos.update({video.id: replace(video, state=VideoState.CHECKING) for video in wanted})
        return len(wanted)

    async def end_checking(self) -> int:
        waiting = await self.checking(limit=len(self._videos))
        self._videos.update({video.id: replace(video, state=VideoState.READY, tries=0) for video in waiting})
        return len(waiting)

    async def thumbnails(self) -> frozenset[str]:
        return frozenset(f"{video.id}-{video.thumbnail}" for video in self._videos.values() if video.thumbnail)

    async def put_captions(
        self, owner: UserId, video_id: str, caption: Caption, content: bytes, *, now: datetime
    ) -> tuple[Video, bool] | None:
        if await self.video(owner, video_id) is None:
            return None
        kept = self._captions.setdefault(video_id, {})
        is_new = caption.language not in kept
        if is_new and len(kept) >= MAX_CAPTIONS:
            raise TooManyCaptions(most=MAX_CAPTIONS)
        kept[caption.language] = caption, instant(milliseconds(now)), content
        return self._recaptioned(video_id, now), is_new

    async def captions(self, video_id: str, language: str) -> CaptionText | None:
        found = self._captions.get(video_id, {}).get(language)
        if found is None or video_id in self._leaving:
            return None
        return CaptionText(self._videos[video_id], *found)

    async def remove_captions(self, owner: UserId, video_id: str, language: str, *, now: datetime) -> Video | None:
        kept = self._captions.get(video_id, {})
        if await self.video(owner, video_id) is None or kept.pop(language, None) is None:
            return None
        return self._recaptioned(video_id, now)

    def _recaptioned(self, video_id: str, now: datetime) -> Video:
        told = tuple(caption for _, (caption, _, _) in sorted(self._captions[video_id].items()))
        self._videos[video_id] = replace(self._videos[video_id], captions=told, updated_at=instant(milliseconds(now)))
        return self._videos[video_id]

    async def beginnings(self) -> frozenset[str]:
        return frozenset(f"{video.id}-{video.beginning}" for video in self._videos.values() if video.beginning)

    async def any_video(self, video_id: str) -> Video | None:
        return None if video_id in self._leaving else self._videos.get(video_id)

    def _wanted(self, owner: UserId, wanted: VideoFilter) -> list[Video]:
        shown = (video for video in self._videos.values() if video.owner == owner and video.id not in self._leaving)
        return [video for video in shown if matches(video, wanted)]

    def _same_file(self, video: Video) -> Video | None:
        stored = self._video_of(video.owner, video.profile, video.filename)
        return stored if stored is not None and stored.id == video.id else None

    def _forget(self, video: Video) -> bool:
        self._leaving.pop(video.id, None)
        self._captions.pop(video.id, None)
        return self._videos.pop(video.id) is video

    def _load(self, upload_id: UploadId) -> Upload:
        return decode_upload(tuple(self._rows[upload_id].values()))

    def _uploads(self) -> list[Upload]:
        return [self._load(upload_id) for upload_id in self._rows]

    def _expiring(self, statuses: frozenset[Status] | set[Status], *, before: datetime) -> tuple[Upload, ...]:
        end = instant(milliseconds(before))
        found = [stored for stored in self._uploads() if stored.status in statuses and stored.expires_at < end]
        return tuple(sorted(found, key=lambda stored: (stored.expires_at, stored.id)))

    def _save(self, upload: Upload, *, was: Upload) -> None:
        row = self._rows.get(upload.id)
        if row is None or self._load(upload.id).epoch > upload.epoch:
            raise conflict(upload.id)
        if any(row[column] != expected for column, expected in kept(was).items()):
            raise conflict(upload.id)
        row.update(changes(upload, was=was))

    def _change_checking(self, video: Video, **changes: Any) -> Video | None:  # noqa: ANN401 - fields of a record
        stored = self._videos.get(video.id)
        if stored is None or stored.state is not VideoState.CHECKING:
            return None
        if (stored.owner, stored.profile, stored.filename) != (video.owner, video.profile, video.filename):
            return None
        self._videos[video.id] = replace(stored, **changes)
        return self._videos[video.id]

    def _video_of(self, owner: UserId, profile: str, filename: str) -> Video | None:
        place = (owner, profile, filename)
        same = (stored for stored in self._videos.values() if (stored.owner, stored.profile, stored.filename) == place)
        return next(same, None)

    async def _replace_file(self, upload: Upload, file: Video) -> Video | None:
        stored = None if upload.replaces is None else await self.video(upload.owner, upload.replaces)
        if stored is None or upload.location is None or stored.profile != upload.profile:
            return None
        namesake = self._video_of(file.owner, file.profile, file.filename)
        if namesake is not None and namesake.id != stored.id:
            self._forget(namesake)
        self._videos[stored.id] = video_from_row(encode_video(with_file(stored, upload, file)))
        location = replace(upload.location, filename=stored.filename)
        old = await self.published(location) if location != upload.location else None
        if old is None:
            old = await self.published_elsewhere(location, owner=upload.owner, profile=upload.profile)
        if old is not None:
            self._videos[old.id] = left_behind(stored, old, directory=location.directory)
            self._leaving[old.id] = instant(0), old.id
        return self._videos[stored.id]

    def _put_video(self, video: Video, *, keeps_description: bool = False) -> tuple[Video, bool]:
        stored = self._video_of(video.owner, video.profile, video.filename)
        if stored is not None and stored.id in self._leaving:
            self._forget(stored)
            stored = None
        told = video_from_row(encode_video(video))
        if stored is not None:
            told = described(stored, told, keeps_description=keeps_description)
        self._videos[told.id] = told
        return told, stored is None
