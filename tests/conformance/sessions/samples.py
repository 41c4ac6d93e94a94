"""Uploads and records to store, and the shape of what stores them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from tusvideo.model import Location, Part, Status, Upload, UploadId, UserId
from tusvideo.model import Protocol as Dialect
from tusvideo.ports import SessionRepository
from tusvideo.records import CaptionRepository, VideoRepository
from tusvideo.video import Video

NOW: Final = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
ANNA: Final = UserId("anna")
BERT: Final = UserId("bert")


class Sessions(SessionRepository, VideoRepository, CaptionRepository, Protocol):
    """All ports of the session table."""


def upload_id(number: int) -> UploadId:
    """Make an id that sorts as its number does."""
    return UploadId(f"{number:032x}")


def an_upload(number: int = 1, **facts: Any) -> Upload:
    """Make an upload that was created a moment ago; ``facts`` are those that matter to the test."""
    return Upload(
        **{
            "id": upload_id(number),
            "owner": ANNA,
            "protocol": Dialect.TUS,
            "profile": "videos",
            "status": Status.OPEN,
            "created_at": NOW,
            "stored_at": NOW,
            "expires_at": NOW + 60 * SECOND,
            **facts,
        }
    )


def a_full_upload(number: int = 1) -> Upload:
    """Make an upload in which every field that may be empty is not."""
    return an_upload(
        number,
        protocol=Dialect.CHUNKS,
        length=7_000_000_000_000,
        offset=12,
        epoch=3,
        client_key="key_1-A",
        creation_key='"8e03978e"',
        metadata="filename d29ybGQ=,is_confidential",
        original_name="Über 'quoted\"; DROP TABLE uploads;--\u202e.mp4",
        title="nul\x00and 🎬",
        description="two\r\nlines",
        content_type="video/mp4",
        checksum="ab" * 32,
        total_parts=100_000,
        part_size=1_048_576,
        parts_stored=0,
        next_part=0,
        location=Location(directory="videos", folder="anna", filename="1.mp4"),
        reason="too_large",
        concat="partial",
        needs_completion=True,
        ended_at=NOW + 5 * SECOND,
        vanishes=True,
        digests=(("sha-256", "ab" * 32), ("sha-512", "cd" * 64)),
        wants_digest="sha-512",
    )


def a_part(index: int, *, size: int = 10) -> Part:
    """Make a part of ten bytes, placed where parts of ten bytes go."""
    return Part(index=index, size=size, position=index * 10)


def a_video(number: int = 1, **facts: Any) -> Video:
    """Make a record; ``facts`` are those that matter to the test."""
    return Video(
        **{
            "id": f"{number:032x}",
            "owner": ANNA,
            "profile": "videos",
            "filename": f"{number}.mp4",
            "title": "First",
            "description": "",
            "size": 5,
            "content_type": "video/mp4",
            "created_at": NOW,
            "updated_at": NOW,
            **facts,
        }
    )


async def add_all(sessions: Sessions, *uploads: Upload) -> None:
    """Add rows, each of which is new."""
    for upload in uploads:
        assert await sessions.add(upload) == upload
