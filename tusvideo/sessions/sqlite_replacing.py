"""The statements that give a record another file; part of the transaction that completes its upload."""

# ruff: noqa: S608  (only names of columns are put into the text of a statement; every value is bound)

import sqlite3
from dataclasses import replace
from typing import Final

from tusvideo.model import Upload
from tusvideo.rules.records import left_behind, with_file
from tusvideo.sessions import sqlite_uploads as uploads
from tusvideo.sessions import sqlite_videos as videos
from tusvideo.sessions.rows import SEARCH_COLUMNS, VIDEO_COLUMNS, decode_video, encode_video
from tusvideo.video import Video

# A record that was left under the name of the new file lost its own: somebody removed that by hand.
DROP_NAMESAKE: Final = (
    "DELETE FROM videos WHERE owner = :owner AND profile = :profile AND filename = :filename AND id <> :id"
)
REPLACE: Final = (
    f"UPDATE videos SET {', '.join(f'{column} = :{column}' for column in (*VIDEO_COLUMNS, *SEARCH_COLUMNS))}"
    f" WHERE id = :id RETURNING {', '.join(VIDEO_COLUMNS)}"
)
# As if it had been taken for removal before: nobody can restore it, and the next pass removes it.
LEAVE: Final = "UPDATE videos SET removal_at = 0, removes_upload = :id WHERE id = :id"


def replace_file(connection: sqlite3.Connection, *, upload: Upload, file: Video) -> Video | None:
    """Give the record that a complete upload replaces its file, and note that the old one is to go.

    ``file`` is what a new record would be. None, and nothing is changed, when the owner sees no such record any more.
    """
    stored = None
    if upload.replaces is not None:
        stored = videos.load_video(connection, owner=upload.owner, video_id=upload.replaces)
    if stored is None or upload.location is None or stored.profile != upload.profile:
        return None
    row = encode_video(with_file(stored, upload, file))
    connection.execute(DROP_NAMESAKE, row)
    [changed] = connection.execute(REPLACE, row).fetchall()
    location = replace(upload.location, filename=stored.filename)
    old = uploads.load_published(connection, location=location) if location != upload.location else None
    if old is None:
        old = uploads.load_published_elsewhere(
            connection, location=location, owner=upload.owner, profile=upload.profile
        )
    if old is not None:
        _leave(connection, left_behind(stored, old, directory=location.directory))
    return decode_video(changed)


def _leave(connection: sqlite3.Connection, hidden: Video) -> None:
    """Queue a file that no record has any more behind the hidden records."""
    connection.execute(videos.INSERT, encode_video(hidden))
    connection.execute(LEAVE, {"id": hidden.id})
