"""Between the values of the house and the columns of a row: times in whole milliseconds, names of states as text."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tusvideo.errors import SessionConflict
from tusvideo.model import Location, Protocol, Status, Upload, UploadId, Video

Row = dict[str, str | int | None]
"""A row by column name, as it is bound to a statement."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_TIMES: Final = frozenset({"created_at", "stored_at", "expires_at", "updated_at"})
_LOCATION: Final = tuple(field.name for field in fields(Location))

UPLOAD_COLUMNS: Final = (*(field.name for field in fields(Upload) if field.name != "location"), *_LOCATION)
VIDEO_COLUMNS: Final = tuple(field.name for field in fields(Video))

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
    row: Row = {}
    for column in UPLOAD_COLUMNS:
        row[column] = _column(upload, column)
    return row


def decode_upload(row: Sequence[Any]) -> Upload:
    """Build an upload from its columns in the order of ``UPLOAD_COLUMNS``."""
    named = dict(zip(UPLOAD_COLUMNS, row, strict=True))
    directory, folder, filename = (named.pop(column) for column in _LOCATION)
    if filename is not None:
        named["location"] = Location(directory=directory, folder=folder, filename=filename)
    named["protocol"] = Protocol(named["protocol"])
    named["status"] = Status(named["status"])
    return Upload(**_with_times(named))


def changes(upload: Upload, *, was: Upload) -> Row:
    """Give the columns in which two states of an upload differ, with their new values.

    What both have in common is not the caller's business: another request may have written it meanwhile, and a save
    that put it back would undo that.
    """
    row: Row = {"epoch": upload.epoch}
    if upload.boot_id is not None:
        # Another task may have noted a sync meanwhile, and with it that nothing is at risk; now something is again.
        row["boot_id"] = upload.boot_id
    for field in fields(Upload):
        if getattr(upload, field.name) == getattr(was, field.name):
            continue
        for column in _LOCATION if field.name == "location" else (field.name,):
            row[column] = _column(upload, column)
    return row


def encode_video(video: Video) -> Row:
    """Give the row of a record, in the order of ``VIDEO_COLUMNS``."""
    return {column: _plain(getattr(video, column)) for column in VIDEO_COLUMNS}


def decode_video(row: Sequence[Any]) -> Video:
    """Build a record from its columns in the order of ``VIDEO_COLUMNS``."""
    return Video(**_with_times(dict(zip(VIDEO_COLUMNS, row, strict=True))))


def conflict(upload_id: UploadId) -> SessionConflict:
    """Word the error for a row that is not, or no longer, as the caller read it."""
    return SessionConflict(f"the row of upload {upload_id} is not as it was read; load it again and decide anew")


def _column(upload: Upload, column: str) -> str | int | None:
    if column in _LOCATION:
        return None if upload.location is None else _plain(getattr(upload.location, column))
    return _plain(getattr(upload, column))


def _plain(value: datetime | str | int | None) -> str | int | None:
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, Status | Protocol):
        return value.value
    return value


def _with_times(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: instant(value) if name in _TIMES else value for name, value in named.items()}
