"""The statements that keep what is known about videos; each function is the body of one transaction or query."""

# ruff: noqa: S608  (only names of columns are put into the text of a statement; every value is bound)

import json
import sqlite3
from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Final

from tusvideo.sessions.rows import VIDEO_COLUMNS, decode_video
from tusvideo.sessions.sqlite_videos import THIS_FILE, this_file
from tusvideo.video import Facts, Video, VideoState

_COLUMNS: Final = ", ".join(VIDEO_COLUMNS)
_FACTS: Final = ", ".join(f"{field.name} = :{field.name}" for field in fields(Facts))
_CHECKED: Final = f"{THIS_FILE} AND state = 'checking'"

WAITING: Final = (
    f"SELECT {_COLUMNS} FROM videos WHERE state = 'checking' AND removal_at IS NULL"
    " ORDER BY tries, created_at, id LIMIT :limit"
)
BEGIN: Final = f"UPDATE videos SET tries = :tries WHERE {_CHECKED} RETURNING {_COLUMNS}"
END: Final = (
    f"UPDATE videos SET state = :state, reason = :reason, thumbnail = :thumbnail, beginning = :beginning, {_FACTS},"
    " duration_key = coalesce(:duration, -1.0)"
    f" WHERE {_CHECKED} RETURNING {_COLUMNS}"
)
ALL_WAIT: Final = (
    "UPDATE videos SET state = 'checking' WHERE state = 'ready' AND tries = 0"
    " AND content_type IN (SELECT value FROM json_each(:types))"
)
NONE_WAITS: Final = "UPDATE videos SET state = 'ready', tries = 0 WHERE state = 'checking'"
THUMBNAILS: Final = "SELECT id || '-' || thumbnail FROM videos WHERE thumbnail IS NOT NULL"
BEGINNINGS: Final = "SELECT id || '-' || beginning FROM videos WHERE beginning IS NOT NULL"


def list_checking(connection: sqlite3.Connection, *, limit: int) -> tuple[Video, ...]:
    """List records that wait to be examined."""
    return tuple(map(decode_video, connection.execute(WAITING, {"limit": limit})))


def begin_check(connection: sqlite3.Connection, *, video: Video, tries: int) -> Video | None:
    """Count a try; None when the record is not as it was read."""
    return _changed(connection, BEGIN, {**this_file(video), "tries": tries})


def end_check(
    connection: sqlite3.Connection,
    *,
    video: Video,
    state: VideoState,
    reason: str | None,
    facts: Facts,
    thumbnail: str | None,
    beginning: str | None,
) -> Video | None:
    """Keep what came of an examination; None when the record is not as it was read."""
    values = {**this_file(video), **asdict(facts), "state": state.value, "reason": reason}
    values |= {"thumbnail": thumbnail, "beginning": beginning}
    return _changed(connection, END, values)


def begin_checking(connection: sqlite3.Connection, *, types: Collection[str]) -> int:
    """Let records of these types wait that never were examined; give how many."""
    return connection.execute(ALL_WAIT, {"types": json.dumps(sorted(types))}).rowcount


def end_checking(connection: sqlite3.Connection) -> int:
    """Let no record wait any more; give how many did."""
    return connection.execute(NONE_WAITS).rowcount


def list_thumbnails(connection: sqlite3.Connection) -> frozenset[str]:
    """List the thumbnails that records have, by their full names."""
    return frozenset(name for (name,) in connection.execute(THUMBNAILS))


def list_beginnings(connection: sqlite3.Connection) -> frozenset[str]:
    """List the beginnings that records have, by their full names."""
    return frozenset(name for (name,) in connection.execute(BEGINNINGS))


def _changed(connection: sqlite3.Connection, statement: str, values: dict[str, object]) -> Video | None:
    rows = connection.execute(statement, values).fetchall()
    return decode_video(rows[0]) if rows else None
