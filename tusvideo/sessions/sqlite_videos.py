"""The statements behind VideoRepository; each function is the body of one transaction or query."""

# ruff: noqa: S608  (only names of columns are put into the text of a statement; every value is bound)

import sqlite3
from dataclasses import replace
from datetime import datetime
from typing import Final

from tusvideo.commands import ChangeVideo, Place, VideoFilter
from tusvideo.model import UploadId, UserId
from tusvideo.records import ALL, Leaving
from tusvideo.rules.records import changed, described
from tusvideo.sessions.rows import SEARCH_COLUMNS, VIDEO_COLUMNS, Row, decode_video, encode_video, video_from_row
from tusvideo.video import Video, VideoSort

_COLUMNS: Final = ", ".join(VIDEO_COLUMNS)
_STORED: Final = (*VIDEO_COLUMNS, *SEARCH_COLUMNS)
_TEXTS: Final = ("title", "description", "original_name", "updated_at", *SEARCH_COLUMNS)

LOAD: Final = f"SELECT {_COLUMNS} FROM videos WHERE id = :id AND owner = :owner AND removal_at IS NULL"
LOAD_ANY: Final = f"SELECT {_COLUMNS} FROM videos WHERE id = :id AND removal_at IS NULL"
_OF_FILE: Final = "owner = :owner AND profile = :profile AND filename = :filename"
LOAD_OF: Final = f"SELECT {_COLUMNS} FROM videos WHERE {_OF_FILE} AND removal_at IS NULL"
UPDATE: Final = f"UPDATE videos SET {', '.join(f'{column} = :{column}' for column in _TEXTS)} WHERE id = :id"
INSERT: Final = f"INSERT INTO videos ({', '.join(_STORED)}) VALUES ({', '.join(f':{column}' for column in _STORED)})"
THIS_FILE: Final = f"id = :id AND {_OF_FILE}"
"""A record as it was read, unless it got another file meanwhile."""
DELETE: Final = f"DELETE FROM videos WHERE {THIS_FILE}"
DELETE_OF: Final = "DELETE FROM videos WHERE owner = :owner AND profile = :profile AND filename = :filename"

SEARCH: Final = "videos_search"
"""The index that has all that is looked for."""
DELETE_HIDDEN: Final = f"DELETE FROM videos WHERE {_OF_FILE} AND removal_at IS NOT NULL"
HIDE: Final = (
    f"UPDATE videos SET removal_at = :due, removes_upload = :upload_id WHERE {THIS_FILE} AND removal_at IS NULL"
)
RESTORE: Final = (
    "UPDATE videos SET removal_at = NULL, removes_upload = NULL"
    f" WHERE id = :id AND owner = :owner AND removal_at > :now RETURNING {_COLUMNS}"
)
LEAVING: Final = f"SELECT {_COLUMNS}, removes_upload FROM videos WHERE {_OF_FILE} AND removal_at IS NOT NULL"
HIDDEN: Final = (
    f"SELECT {_COLUMNS}, removes_upload FROM videos WHERE id = :id AND owner = :owner AND removal_at IS NOT NULL"
)
LEAVING_UPLOADS: Final = (
    "SELECT removes_upload FROM videos INDEXED BY videos_leaving"
    " WHERE removal_at IS NOT NULL AND removes_upload IS NOT NULL"
)
# 1970 is no moment from which anything can be restored, and tells what was taken before.
TAKE: Final = (
    "UPDATE videos SET removal_at = 0 WHERE id IN (SELECT id FROM videos INDEXED BY videos_leaving"
    " WHERE removal_at IS NOT NULL AND removal_at <= :now ORDER BY removal_at = 0,"
    " CASE removal_at WHEN 0 THEN random() ELSE removal_at END, id LIMIT :limit)"
    f" RETURNING {_COLUMNS}, removes_upload"
)
NEXT: Final = "SELECT min(removal_at) FROM videos INDEXED BY videos_leaving WHERE removal_at > 0"
_ORDERS: Final = {
    VideoSort.NEWEST: ("videos_newest", "created_at", "DESC"),
    VideoSort.OLDEST: ("videos_newest", "created_at", "ASC"),
    VideoSort.TITLE: ("videos_title", "title_key", "ASC"),
    VideoSort.LARGEST: ("videos_largest", "size", "DESC"),
    VideoSort.LONGEST: ("videos_longest", "duration_key", "DESC"),
}
"""By order: the index, its column, the direction. Left alone, SQLite may take another index and sort all it finds."""


def put_video(connection: sqlite3.Connection, *, video: Video, keeps_description: bool = False) -> tuple[Video, bool]:
    """Update the record of a file, or add one; give it as stored, and whether it is new."""
    row = encode_video(video)
    found = connection.execute(LOAD_OF, row).fetchone()
    if found is None:
        connection.execute(DELETE_HIDDEN, row)
        connection.execute(INSERT, row)
        return video_from_row(row), True
    again = described(decode_video(found), video_from_row(row), keeps_description=keeps_description)
    connection.execute(UPDATE, encode_video(again))
    return again, False


def change_video(connection: sqlite3.Connection, *, owner: UserId, command: ChangeVideo, now: datetime) -> Video | None:
    """Change what a record says; None when there is none."""
    stored = load_video(connection, owner=owner, video_id=command.video_id)
    if stored is None:
        return None
    row = encode_video(replace(changed(stored, command), updated_at=now))
    connection.execute(UPDATE, row)
    return video_from_row(row)


def load_video(connection: sqlite3.Connection, *, owner: UserId, video_id: str) -> Video | None:
    """Load a record of an owner."""
    row = connection.execute(LOAD, {"id": video_id, "owner": owner}).fetchone()
    return None if row is None else decode_video(row)


def load_any_video(connection: sqlite3.Connection, *, video_id: str) -> Video | None:
    """Load a record of whomever."""
    row = connection.execute(LOAD_ANY, {"id": video_id}).fetchone()
    return None if row is None else decode_video(row)


def load_video_of(connection: sqlite3.Connection, *, owner: UserId, profile: str, filename: str) -> Video | None:
    """Load the record of a file."""
    row = connection.execute(LOAD_OF, {"owner": owner, "profile": profile, "filename": filename}).fetchone()
    return None if row is None else decode_video(row)


def list_statement(sort: VideoSort, *, wanted: VideoFilter, after: Place | None) -> tuple[str, Row]:
    """Word the query for a page, and give the values of its filter and place."""
    index, column, direction = _ORDERS[sort]
    condition, values = _condition(wanted)
    if after is not None:
        condition += f" AND ({column}, id) {'<' if direction == 'DESC' else '>'} (:after_key, :after_id)"
        values |= {"after_key": after.key, "after_id": after.video_id}
    order = f"ORDER BY {column} {direction}, id {direction}"
    if wanted == ALL:
        return f"SELECT {_COLUMNS} FROM videos INDEXED BY {index} WHERE {condition} {order} LIMIT :limit", values
    # What is wanted may be rare, so all that can match is looked at where it lies side by side: in one index.
    found = f"SELECT id FROM videos INDEXED BY {SEARCH} WHERE {condition} {order} LIMIT :limit"
    return f"SELECT {_COLUMNS} FROM videos WHERE id IN ({found}) {order}", values


def count_statement(wanted: VideoFilter) -> tuple[str, Row]:
    """Word the query that counts records, and give the values of its filter."""
    condition, values = _condition(wanted)
    index = "videos_newest" if wanted == ALL else SEARCH
    return f"SELECT count(*) FROM videos INDEXED BY {index} WHERE {condition}", values


def list_videos(
    connection: sqlite3.Connection,
    *,
    owner: UserId,
    wanted: VideoFilter,
    sort: VideoSort,
    after: Place | None,
    limit: int,
) -> tuple[Video, ...]:
    """List records of an owner in an order, from those behind a place."""
    statement, values = list_statement(sort, wanted=wanted, after=after)
    return tuple(map(decode_video, connection.execute(statement, {**values, "owner": owner, "limit": limit})))


def count_videos(connection: sqlite3.Connection, *, owner: UserId, wanted: VideoFilter) -> int:
    """Count records of an owner."""
    statement, values = count_statement(wanted)
    return int(connection.execute(statement, {**values, "owner": owner}).fetchone()[0])


def hide_video(connection: sqlite3.Connection, *, video: Video, due: int, upload_id: UploadId | None) -> bool:
    """Hide a record until a count of milliseconds; False when it is not as it was read."""
    return connection.execute(HIDE, {**this_file(video), "due": due, "upload_id": upload_id}).rowcount == 1


def restore_video(connection: sqlite3.Connection, *, owner: UserId, video_id: str, now: int) -> Video | None:
    """Show a hidden record again; None when it is too late, or there is none."""
    rows = connection.execute(RESTORE, {"id": video_id, "owner": owner, "now": now}).fetchall()
    return decode_video(rows[0]) if rows else None


def load_leaving(connection: sqlite3.Connection, *, owner: UserId, profile: str, filename: str) -> Leaving | None:
    """Load the hidden record of a file."""
    row = connection.execute(LEAVING, {"owner": owner, "profile": profile, "filename": filename}).fetchone()
    return None if row is None else Leaving(decode_video(row[:-1]), row[-1])


def load_hidden(connection: sqlite3.Connection, *, owner: UserId, video_id: str) -> Leaving | None:
    """Load a hidden record of an owner."""
    row = connection.execute(HIDDEN, {"id": video_id, "owner": owner}).fetchone()
    return None if row is None else Leaving(decode_video(row[:-1]), row[-1])


def list_leaving_uploads(connection: sqlite3.Connection) -> frozenset[UploadId]:
    """List the uploads that go with hidden records."""
    return frozenset(UploadId(row[0]) for row in connection.execute(LEAVING_UPLOADS))


def take_removals(connection: sqlite3.Connection, *, now: int, limit: int) -> tuple[Leaving, ...]:
    """Give hidden records that are due, those that were never given first."""
    rows = connection.execute(TAKE, {"now": now, "limit": limit}).fetchall()
    return tuple(Leaving(decode_video(row[:-1]), row[-1]) for row in rows)


def next_removal(connection: sqlite3.Connection) -> int | None:
    """Give the milliseconds at which the next hidden record is due."""
    due: int | None = connection.execute(NEXT).fetchone()[0]
    return due


def delete_video(connection: sqlite3.Connection, *, video: Video) -> bool:
    """Delete a record, shown or hidden; False when it is not as it was read."""
    return connection.execute(DELETE, this_file(video)).rowcount == 1


def delete_video_of(connection: sqlite3.Connection, *, owner: UserId, profile: str, filename: str) -> bool:
    """Delete the record of a file; False when there was none."""
    values = {"owner": owner, "profile": profile, "filename": filename}
    return connection.execute(DELETE_OF, values).rowcount == 1


def this_file(video: Video) -> Row:
    """Give the values of ``THIS_FILE``."""
    return {"id": video.id, "owner": video.owner, "profile": video.profile, "filename": video.filename}


def _condition(wanted: VideoFilter) -> tuple[str, Row]:
    values: Row = {}
    condition = "owner = :owner AND removal_at IS NULL"
    if wanted.profile is not None:
        condition += " AND profile = :profile"
        values["profile"] = wanted.profile
    if wanted.state is not None:
        condition += " AND state = :state"
        values["state"] = wanted.state.value
    for number, word in enumerate(wanted.words):
        condition += f" AND instr(search, :word_{number})"
        values[f"word_{number}"] = word
    return condition, values
