"""Between the values of the house and the columns of a row: times in whole milliseconds, names of states as text."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final

from tusvideo.errors import SessionConflict
from tusvideo.model import Digests, Location, Protocol, Status, Upload, UploadId
from tusvideo.rules import search
from tusvideo.video import Caption, Video, VideoState

Row = dict[str, str | int | float | None]
"""A row by column name, as it is bound to a statement."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_TIMES: Final = frozenset({"created_at", "stored_at", "expires_at", "ended_at", "updated_at", "replaced_at"})
_UPLOAD_TIMES: Final = tuple(field.name for field in fields(Upload) if field.name in _TIMES)
_LOCATION: Final = tuple(field.name for field in fields(Location))
_PLAIN_FIELDS: Final = tuple(field.name for field in fields(Upload) if field.name != "location")
_plain_values: Final = attrgetter(*_PLAIN_FIELDS)
_STATUSES: Final = {status.value: status for status in Status}
_PROTOCOLS: Final = {protocol.value: protocol for protocol in Protocol}

UPLOAD_COLUMNS: Final = (*_PLAIN_FIELDS, *_LOCATION)
VIDEO_COLUMNS: Final = tuple(field.name for field in fields(Video))
SEARCH_COLUMNS: Final = ("title_key", "duration_key", "search")
"""What lists and searches go by; it follows from what a record says."""

KEPT: Final = ("offset", "status", "length", "total_parts", "part_size")
"""The columns that a compare-and-set compares, beside the epoch."""


def milliseconds(at: datetime) -> int:
    """Count whole milliseconds since 1970 UTC, cutting off what is finer. Raises TypeError for a naive time."""
    return (at - _EPOCH) // _MILLISECOND


def instant(count: int) -> datetime:
    """Tell the time of a count of milliseconds since 1970; aware, UTC."""
    return _EPOCH + count * _MILLISECOND


def encode_upload(upload: Upload) -> Row:
    """Give the row of an upload, every column of it, in the order of ``UPLOAD_COLUMNS``."""
    row: Row = dict(zip(_PLAIN_FIELDS, _plain_values(upload), strict=True))
    row["status"], row["protocol"] = upload.status.value, upload.protocol.value
    row["digests"] = _plain(upload.digests)
    for column in _UPLOAD_TIMES:
        row[column] = _plain(getattr(upload, column))
    for column in _LOCATION:
        row[column] = None if upload.location is None else getattr(upload.location, column)
    return row


def as_stored(upload: Upload) -> Upload:
    """Give an upload as its row tells it."""
    times = {column: getattr(upload, column) for column in _UPLOAD_TIMES}
    finer: dict[str, Any] = {
        column: instant(milliseconds(at))
        for column, at in times.items()
        if at is not None and (at.microsecond % 1000 or at.tzinfo is not UTC)
    }
    return replace(upload, **finer) if finer else upload


def decode_upload(row: Sequence[Any]) -> Upload:
    """Build an upload from its columns in the order of ``UPLOAD_COLUMNS``."""
    named: dict[str, Any] = dict(zip(UPLOAD_COLUMNS, row, strict=True))
    directory, folder, filename = (named.pop(column) for column in _LOCATION)
    if filename is not None:
        named["location"] = Location(directory=directory, folder=folder, filename=filename)
    named["protocol"] = _PROTOCOLS[named["protocol"]]
    named["status"] = _STATUSES[named["status"]]
    named["needs_completion"] = bool(named["needs_completion"])
    named["vanishes"] = bool(named["vanishes"])
    named["digests"] = _digests(named["digests"])
    for column in _UPLOAD_TIMES:
        if named[column] is not None:
            named[column] = instant(named[column])
    return Upload(**named)


def kept(upload: Upload) -> Row:
    """Give the columns that a compare-and-set compares."""
    return {column: _plain(getattr(upload, column)) for column in KEPT}


def changes(upload: Upload, *, was: Upload) -> Row:
    """Give the columns in which two states of an upload differ, with their new values.

    What both have in common is not the caller's business: another request may have written it meanwhile, and a save
    that put it back would undo that.
    """
    row: Row = {"epoch": upload.epoch}
    if upload.boot_id is not None:
        # Another task may have noted a sync meanwhile, and with it that nothing is at risk; now something is again.
        row["boot_id"] = upload.boot_id
    for name, new, old in zip(_PLAIN_FIELDS, _plain_values(upload), _plain_values(was), strict=True):
        if new is not old and new != old:
            row[name] = _plain(new)
    if upload.location != was.location:
        for column in _LOCATION:
            row[column] = None if upload.location is None else getattr(upload.location, column)
    return row


def encode_video(video: Video) -> Row:
    """Give the row of a record, in the order of ``VIDEO_COLUMNS``, and what it is found by."""
    row: Row = {column: _plain(getattr(video, column)) for column in VIDEO_COLUMNS if column != "captions"}
    row["captions"] = encode_captions(video.captions)
    return {column: row[column] for column in VIDEO_COLUMNS} | search_columns(video)


def encode_captions(told: Sequence[Sequence[Any]]) -> str:
    """Give what a record tells of its captions: the fields of each, as JSON."""
    return json.dumps([tuple(caption) for caption in told])


def search_columns(video: Video) -> Row:
    """Give what a record is found by."""
    text = search.text_of(video.title, video.description, video.original_name or video.filename)
    return {
        "title_key": search.title_key(video.title),
        "duration_key": search.UNKNOWN if video.duration is None else video.duration,
        "search": text,
    }


def video_from_row(row: Row) -> Video:
    """Give a record as it comes back once its row is kept: its times are cut."""
    return decode_video([row[column] for column in VIDEO_COLUMNS])


def decode_video(row: Sequence[Any]) -> Video:
    """Build a record from its columns in the order of ``VIDEO_COLUMNS``."""
    named = _with_times(dict(zip(VIDEO_COLUMNS, row, strict=True)))
    named["state"] = VideoState(named["state"])
    named["faststart"] = None if named["faststart"] is None else bool(named["faststart"])
    named["captions"] = tuple(Caption(*told) for told in json.loads(named["captions"]))
    return Video(**named)


def conflict(upload_id: UploadId) -> SessionConflict:
    """Word the error for a row that is not, or no longer, as the caller read it."""
    return SessionConflict(f"the row of upload {upload_id} is not as it was read; load it again and decide anew")


def _plain(value: datetime | str | float | Digests | None) -> str | int | float | None:
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, tuple):
        return " ".join("=".join(pair) for pair in value)
    if isinstance(value, Status | Protocol | VideoState):
        return value.value
    return value


def _digests(text: str) -> Digests:
    pairs = (pair.partition("=") for pair in text.split(" ") if pair)
    return tuple((algorithm, value) for algorithm, _, value in pairs)


def _with_times(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: instant(value) if name in _TIMES and value is not None else value for name, value in named.items()}
