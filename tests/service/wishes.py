"""What users ask for, in short; and contents to send."""

import hashlib
import random
from typing import Any, Final

from tusvideo.checksums import ALGORITHMS, Checksum
from tusvideo.commands import AppendBytes, CreateUpload, Finalize, PutPart
from tusvideo.model import Protocol, Upload, client_key

MP4: Final = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
KEY: Final = client_key("key-1")


def some(size: int, *, seed: int = 1) -> bytes:
    """Bytes that differ from place to place."""
    return random.Random(seed).randbytes(size)


def a_video(size: int, *, seed: int = 1) -> bytes:
    """Bytes that begin as an mp4 does."""
    return (MP4 + some(size, seed=seed))[:size]


def sha256(data: bytes) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def creation(length: int | None, **facts: Any) -> CreateUpload:
    """Ask for an upload of the profile ``files``, over tus."""
    return CreateUpload(
        **{
            "protocol": Protocol.TUS,
            "profile": "files",
            "length": length,
            "original_name": "clip.bin",
            "body_length": 0,
            **facts,
        }
    )


def creation_with(data: bytes, *, length: int | None, chunked: bool = False, **facts: Any) -> CreateUpload:
    """Ask for an upload whose first bytes come along."""
    return creation(length, takes_body=True, body_length=None if chunked else len(data), **facts)


def checksum(data: bytes, *, algorithm: str = "sha1") -> Checksum:
    """Compute what a client says that its bytes amount to."""
    running = ALGORITHMS[algorithm].begin()
    running.update(data)
    return Checksum(algorithm=algorithm, digest=running.digest())


def appending(
    upload: Upload, size: int | None, *, at: int, length: int | None = None, checksum: Checksum | None = None
) -> AppendBytes:
    """Ask to append so many bytes (None: chunked) at an offset."""
    return AppendBytes(
        protocol=Protocol.TUS,
        upload_id=upload.id,
        at_offset=at,
        body_length=size,
        declares_length=length,
        checksum=checksum,
    )


def putting(index: int, total: int, **facts: Any) -> PutPart:
    """Ask to store a part under ``KEY`` in the profile ``poster``."""
    return PutPart(**{"profile": "poster", "client_key": KEY, "index": index, "total_parts": total, **facts})


def finalizing(total: int, **facts: Any) -> Finalize:
    """Ask to publish what is stored under ``KEY``."""
    return Finalize(
        **{"profile": "poster", "client_key": KEY, "filename": "holiday.mp4", "total_parts": total, **facts}
    )
