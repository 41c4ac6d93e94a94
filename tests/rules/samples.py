"""Values to judge."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tusvideo.commands import AppendBytes, CreateUpload, PutPart
from tusvideo.model import Limits, Profile, Protocol, Status, Upload, UploadId, UserId, client_key

NOW: Final = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
ANNA: Final = UserId("anna")
BERT: Final = UserId("bert")
ID: Final = UploadId("0" * 32)
LIMITS: Final = Limits(max_chunk_size=1000, expiry_seconds=60)
FILES: Final = Profile(
    name="files", directory="files", types=None, max_length=10_000, chunk_size=100, pattern="{name}", public=False
)
VIDEOS: Final = Profile(
    name="poster",
    directory="posters",
    types=frozenset({"mp4", "webm"}),
    max_length=10_000,
    chunk_size=100,
    pattern="video_{milliseconds}.{ext}",
    public=True,
)


def an_upload(**facts: Any) -> Upload:
    """Make an open upload of ten bytes over tus."""
    return Upload(
        **{
            "id": ID,
            "owner": ANNA,
            "protocol": Protocol.TUS,
            "profile": "files",
            "status": Status.OPEN,
            "created_at": NOW,
            "stored_at": NOW,
            "expires_at": NOW + 60 * SECOND,
            "length": 10,
            **facts,
        }
    )


def an_upload_in_parts(**facts: Any) -> Upload:
    """Make an open upload of three parts."""
    return an_upload(
        **{"protocol": Protocol.CHUNKS, "profile": "poster", "length": None, "total_parts": 3, "offset": 0, **facts}
    )


def a_creation(**facts: Any) -> CreateUpload:
    """Ask for an upload."""
    return CreateUpload(**{"protocol": Protocol.TUS, "profile": "files", "length": 10, **facts})


def an_append(**facts: Any) -> AppendBytes:
    """Ask to append five bytes at the start."""
    return AppendBytes(**{"protocol": Protocol.TUS, "upload_id": ID, "at_offset": 0, "body_length": 5, **facts})


def a_part(**facts: Any) -> PutPart:
    """Ask to store the first of three parts."""
    return PutPart(**{"profile": "poster", "client_key": client_key("key"), "index": 0, "total_parts": 3, **facts})
