"""The statements behind CaptionRepository; each function is the body of one transaction or query."""

# ruff: noqa: S608  (only names of columns are put into the text of a statement; every value is bound)

import sqlite3
from typing import Final

from tusvideo.errors import TooManyCaptions
from tusvideo.model import UserId
from tusvideo.records import CaptionText
from tusvideo.sessions.rows import VIDEO_COLUMNS, decode_video, encode_captions, instant
from tusvideo.video import MAX_CAPTIONS, Caption, Video

_COLUMNS: Final = ", ".join(VIDEO_COLUMNS)
_OF_VIDEOS: Final = ", ".join(f"videos.{column}" for column in VIDEO_COLUMNS)

_IS_SHOWN: Final = "SELECT 1 FROM videos WHERE id = :id AND owner = :owner AND removal_at IS NULL"
_LANGUAGES: Final = "SELECT language FROM captions WHERE video_id = :id"
PUT: Final = (
    "INSERT INTO captions (video_id, language, label, size, version, updated_at, content)"
    " VALUES (:id, :language, :label, :size, :version, :now, :content)"
    " ON CONFLICT (video_id, language) DO UPDATE SET label = excluded.label, size = excluded.size,"
    " version = excluded.version, updated_at = excluded.updated_at, content = excluded.content"
)
DELETE: Final = "DELETE FROM captions WHERE video_id = :id AND language = :language"
LIST: Final = "SELECT language, label, size, version FROM captions WHERE video_id = :id ORDER BY language"
TELL: Final = f"UPDATE videos SET updated_at = :now, captions = :captions WHERE id = :id RETURNING {_COLUMNS}"
LOAD: Final = (
    "SELECT captions.language, captions.label, captions.size, captions.version, captions.updated_at, captions.content,"
    f" {_OF_VIDEOS} FROM captions JOIN videos ON videos.id = captions.video_id"
    " WHERE video_id = :id AND language = :language AND removal_at IS NULL"
)


def put_captions(
    connection: sqlite3.Connection, *, owner: UserId, video_id: str, caption: Caption, content: bytes, now: int
) -> tuple[Video, bool] | None:
    """Keep captions of a record; None when there is no such record, else it, and whether the language is new."""
    values = {"id": video_id, "owner": owner}
    if connection.execute(_IS_SHOWN, values).fetchone() is None:
        return None
    languages = {language for (language,) in connection.execute(_LANGUAGES, values)}
    is_new = caption.language not in languages
    if is_new and len(languages) >= MAX_CAPTIONS:
        raise TooManyCaptions(most=MAX_CAPTIONS)
    connection.execute(PUT, {**values, **caption._asdict(), "now": now, "content": content})
    return _told(connection, video_id, now), is_new


def load_captions(connection: sqlite3.Connection, *, video_id: str, language: str) -> CaptionText | None:
    """Load captions with their record."""
    row = connection.execute(LOAD, {"id": video_id, "language": language}).fetchone()
    if row is None:
        return None
    *told, updated_at, content = row[:6]
    return CaptionText(decode_video(row[6:]), Caption(*told), instant(updated_at), content)


def delete_captions(
    connection: sqlite3.Connection, *, owner: UserId, video_id: str, language: str, now: int
) -> Video | None:
    """Delete captions of a record; None when there was none such."""
    values = {"id": video_id, "owner": owner, "language": language}
    is_shown = connection.execute(_IS_SHOWN, values).fetchone() is not None
    if not is_shown or not connection.execute(DELETE, values).rowcount:
        return None
    return _told(connection, video_id, now)


def _told(connection: sqlite3.Connection, video_id: str, now: int) -> Video:
    """Let the record tell what captions it has, and when it was changed."""
    told = connection.execute(LIST, {"id": video_id}).fetchall()
    values = {"id": video_id, "now": now, "captions": encode_captions(told)}
    (row,) = connection.execute(TELL, values).fetchall()
    return decode_video(row)
