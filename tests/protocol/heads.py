"""Heads and uploads to test with; what a test does not name is ordinary."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from tusvideo.commands import AppendBytes, CreateUpload, QueryUpload, TerminateUpload
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import ClientKey, Location, Profile, Protocol, Status, Upload, UploadId, UserId
from tusvideo.protocol import tus
from tusvideo.video import Video

ID = UploadId("0123456789abcdef0123456789abcdef")
NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
NEXT_WEEK = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
NEXT_WEEK_TEXT = "Mon, 30 Nov 2026 12:00:00 GMT"
POSTER = Profile(
    name="poster",
    directory="posters",
    types=frozenset({"video/mp4"}),
    max_length=50 * 1024 * 1024,
    chunk_size=1024 * 1024,
    pattern="video_{milliseconds}.{ext}",
    public=True,
)
TUS = ("Tus-Resumable", "1.0.0")
OFFSET_TYPE = ("Content-Type", "application/offset+octet-stream")

Fields = Iterable[tuple[str, str]]


def headers(*fields: tuple[str, str]) -> CIMultiDictProxy[str]:
    """Header fields in this order; a name may come twice."""
    return CIMultiDictProxy(CIMultiDict(fields))


def head(
    method: str, *fields: tuple[str, str], query: Fields = (), content_length: int | None = None, has_body: bool = False
) -> RequestHead:
    """A request head."""
    return RequestHead(
        method=method,
        path="/",
        headers=headers(*fields),
        query=MultiDictProxy(MultiDict(query)),
        content_length=content_length,
        has_body=has_body,
    )


def parse(
    request: RequestHead, *, upload_id: UploadId | None = None
) -> CreateUpload | AppendBytes | QueryUpload | TerminateUpload:
    """Let the tus dialect read a head on a server with two profiles."""
    return tus.parse(
        request, upload_id=upload_id, default_profile="files", profiles=("files", "poster"), base_path="/files/"
    )


def post(*fields: tuple[str, str], **more: Any) -> CreateUpload:
    """POST on the collection with a version and these fields, read by the tus dialect."""
    command = parse(head("POST", TUS, *fields, **more))
    assert isinstance(command, CreateUpload)
    return command


def patch(*fields: tuple[str, str], **more: Any) -> AppendBytes:
    """PATCH on an upload with version, content type and these fields, read by the tus dialect."""
    command = parse(head("PATCH", TUS, OFFSET_TYPE, *fields, **more), upload_id=ID)
    assert isinstance(command, AppendBytes)
    return command


def upload(**facts: Any) -> Upload:
    """An open tus upload of 10 bytes, 3 of them stored."""
    ordinary: dict[str, Any] = {
        "id": ID,
        "owner": UserId("ann"),
        "protocol": Protocol.TUS,
        "profile": "files",
        "status": Status.OPEN,
        "created_at": NOON,
        "stored_at": NOON,
        "expires_at": NEXT_WEEK,
        "length": 10,
        "offset": 3,
    }
    return Upload(**{**ordinary, **facts})


def finished(**facts: Any) -> Upload:
    """A complete tus upload of 10 bytes."""
    place = Location(directory="files", folder="ann", filename="holiday.mp4")
    return upload(**{"status": Status.COMPLETE, "offset": 10, "location": place, "content_type": "video/mp4", **facts})


def chunked(**facts: Any) -> Upload:
    """An open upload of the chunk API: 4 chunks of 1 MiB, of which 0 and 2 are stored."""
    ordinary: dict[str, Any] = {
        "protocol": Protocol.CHUNKS,
        "profile": "poster",
        "client_key": ClientKey("holiday-1"),
        "length": None,
        "offset": 1024 * 1024,
        "total_parts": 4,
        "part_size": 1024 * 1024,
        "parts_stored": 2,
        "next_part": 1,
    }
    return upload(**{**ordinary, **facts})


def video(**facts: Any) -> Video:
    """The record of a published poster."""
    ordinary: dict[str, Any] = {
        "id": "f" * 32,
        "owner": UserId("ann"),
        "profile": "poster",
        "filename": "video_1.mp4",
        "title": "Holiday",
        "description": "",
        "size": 10,
        "content_type": "video/mp4",
        "created_at": NOON,
        "updated_at": NEXT_WEEK,
    }
    return Video(**{**ordinary, **facts})


def told(answer: ResponseHead) -> Mapping[str, str]:
    """The header fields of an answer; no field of ours comes twice."""
    names = [name for name, _ in answer.headers]
    assert len(names) == len({name.lower() for name in names})
    return CIMultiDict(answer.headers)
