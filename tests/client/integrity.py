"""What proves that bytes arrived as they left, and what hurts them on the way."""

from collections.abc import Callable
from pathlib import Path

from tests.client.peer import Peer
from tusvideo_client import (
    AsyncUploader,
    UploadResult,
)
from tusvideo_client.model import Choice

TUS_WITH_CHECKSUMS = {
    "Tus-Resumable": "1.0.0",
    "Tus-Version": "1.0.0",
    "Tus-Extension": "creation,checksum",
    "Tus-Checksum-Algorithm": "sha1,sha256",
}


def flip_at(*places: int) -> Callable[[bytes], bytes]:
    """Flips one bit at each place, counted over all bytes of bodies that arrive: what is sent again is other bytes."""
    seen = 0

    def mangle(data: bytes) -> bytes:
        nonlocal seen
        start, seen = seen, seen + len(data)
        hurt = bytearray(data)
        for place in places:
            if start <= place < seen:
                hurt[place - start] ^= 4
        return bytes(hurt)

    return mangle


def flip_always(data: bytes) -> bytes:
    """Flips a bit in everything."""
    return bytes([data[0] ^ 4]) + data[1:]


async def upload(peer: Peer, path: Path, *, protocol: Choice = "auto", **made: object) -> UploadResult:
    """One call of ``upload`` with an uploader of its own; ``on_event`` goes to the upload."""
    options = {name: made.pop(name) for name in ("on_event", "progress") & made.keys()}
    async with AsyncUploader(peer.url, protocol=protocol, **made) as uploader:  # type: ignore[arg-type]  # of several types
        return await uploader.upload(path, **options)  # type: ignore[arg-type]  # of several types


def requests(peer: Peer) -> list[str]:
    """What was asked, in order, with the digests of ranges told apart."""
    return ["DIGEST" if seen.path.endswith("/digest") else seen.method for seen in peer.seen]
