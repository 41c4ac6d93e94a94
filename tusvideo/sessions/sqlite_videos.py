"""The statements behind VideoRepository; each function is the body of one transaction or query."""

# ruff: noqa: S608  (only names of columns are put into the text of a statement; every value is bound)

import sqlite3
from typing import Final

from tusvideo.model import UserId, Video
from tusvideo.sessions.rows import VIDEO_COLUMNS, decode_video, encode_video

_COLUMNS: Final = ", ".join(VIDEO_COLUMNS)
_VALUES: Final = ", ".join(f":{column}" for column in VIDEO_COLUMNS)

UPDATE: Final = (
    "UPDATE videos SET title = :title, description = :description, updated_at = :updated_at"
    f" WHERE owner = :owner AND profile = :profile AND filename = :filename RETURNING {_COLUMNS}"
)
INSERT: Final = f"INSERT INTO videos ({_COLUMNS}) VALUES ({_VALUES}) RETURNING {_COLUMNS}"
LOAD: Final = f"SELECT {_COLUMNS} FROM videos WHERE id = :id AND owner = :owner"
NEWEST: Final = f"SELECT {_COLUMNS} FROM videos WHERE owner = :owner ORDER BY created_at DESC, id DESC LIMIT :limit"
OLDER: Final = (
    f"SELECT {_COLUMNS} FROM videos WHERE owner = :owner AND (created_at, id) < (:created_at, :id)"
    " ORDER BY created_at DESC, id DESC LIMIT :limit"
)
DELETE: Final = "DELETE FROM videos WHERE id = :id AND owner = :owner"
DELETE_OF: Final = "DELETE FROM videos WHERE owner = :owner AND profile = :profile AND filename = :filename"


def put_video(connection: sqlite3.Connection, *, video: Video) -> tuple[Video, bool]:
    """Update the record of a file, or add one; give it as stored, and whether it is new."""
    row = encode_video(video)
    updated = connection.execute(UPDATE, row).fetchall()
    if updated:
        return decode_video(updated[0]), False
    (inserted,) = connection.execute(INSERT, row).fetchall()
    return decode_video(inserted), True


def load_video(connection: sqlite3.Connection, *, owner: UserId, video_id: str) -> Video | None:
    """Load a record of an owner."""
    row = connection.execute(LOAD, {"id": video_id, "owner": owner}).fetchone()
    return None if row is None else decode_video(row)


def list_videos(
    connection: sqlite3.Connection, *, owner: UserId, before: tuple[int, str] | None, limit: int
) -> tuple[Video, ...]:
    """List records of an owner, newest first, from those before (milliseconds, id)."""
    query = {"owner": owner, "limit": limit}
    if before is None:
        return tuple(map(decode_video, connection.execute(NEWEST, query)))
    return tuple(map(decode_video, connection.execute(OLDER, {**query, "created_at": before[0], "id": before[1]})))


def delete_video(connection: sqlite3.Connection, *, owner: UserId, video_id: str) -> bool:
    """Delete a record of an owner; False when there was none."""
    return connection.execute(DELETE, {"id": video_id, "owner": owner}).rowcount == 1


def delete_video_of(connection: sqlite3.Connection, *, owner: UserId, profile: str, filename: str) -> bool:
    """Delete the record of a file; False when there was none."""
    values = {"owner": owner, "profile": profile, "filename": filename}
    return connection.execute(DELETE_OF, values).rowcount == 1
