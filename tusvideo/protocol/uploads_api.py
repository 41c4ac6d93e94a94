"""Uploads as people see them get on, ``/api/uploads``, and news of what changes, ``/api/events``.

Spec: the table of the documented API; the README has it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tusvideo.commands import Change, DraftUpload, UploadGone, UploadShown
from tusvideo.errors import InvalidField, MissingField
from tusvideo.message import ResponseHead
from tusvideo.model import UploadId
from tusvideo.protocol import fields, json_body, texts, video_record
from tusvideo.video import Video

BEAT: Final = b": still here\n\n"
"""A comment: whoever reads it learns that the connection lives."""
RETRY: Final = b"retry: 2000\n\n"
"""So many milliseconds after the end of a connection a browser opens it again."""
HEADERS: Final = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    # Or nginx would keep news until it has a block full of them.
    ("X-Accel-Buffering", "no"),
)


def parse_draft(document: Mapping[str, object], *, upload_id: UploadId) -> DraftUpload:
    """Turn the JSON object of ``PATCH /api/uploads/{id}`` into a command; null is as if absent.

    Raises MissingField when neither ``title`` nor ``description`` is there, InvalidField.
    Spec: PATCH /api/uploads/{id}.
    """
    title, description = _text(document, "title"), _text(document, "description")
    if title is None and description is None:
        raise MissingField("title or description", expected="at least one text to keep")
    return DraftUpload(
        upload_id=upload_id,
        title=None if title is None else texts.parse_title(title),
        description=None if description is None else texts.parse_description(description),
    )


def render_upload(shown: UploadShown) -> ResponseHead:
    """Answer a read or a draft: 200 with the upload.

    Spec: GET, PATCH /api/uploads/{id}.
    """
    return json_body.render({"success": True, **_upload(shown)})


def render_uploads(uploads: Sequence[UploadShown]) -> ResponseHead:
    """Answer ``GET /api/uploads``: 200 with the uploads.

    Spec: GET /api/uploads.
    """
    return json_body.render({"success": True, "uploads": [_upload(shown) for shown in uploads]})


def build_event(change: Change | None, *, url_of: Callable[[Video], str]) -> bytes:
    """Write what changed as an event of one line of data; None as a comment.

    Spec: HTML § Server-sent events; GET /api/events.
    """
    match change:
        case None:
            return BEAT
        case UploadShown():
            return _event("upload", _upload(change))
        case UploadGone():
            return _event("upload_gone", {"id": change.upload_id})
        case Video():
            return _event("video", video_record.build(change, url=url_of(change)))
        case _:
            return _event("video_gone", {"id": change.video_id})


def _event(name: str, data: Mapping[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode("ascii")


def _upload(shown: UploadShown) -> dict[str, object]:
    upload = shown.upload
    return {
        "id": upload.id,
        "state": shown.state.value,
        "reason": upload.reason,
        "filename": upload.original_name,
        "profile": upload.profile,
        "offset": upload.offset,
        "length": upload.length,
        "expiresAt": fields.build_timestamp(upload.expires_at),
        "title": upload.title,
        "description": upload.description,
        "updatedAt": fields.build_timestamp(upload.stored_at),
        "videoId": shown.video_id,
        "replaces": upload.replaces,
        "url": f"/files/{upload.id}",
    }


def _text(document: Mapping[str, object], name: str) -> str | None:
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(name, expected="a string", got=type(value).__name__)
