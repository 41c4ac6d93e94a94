"""Forms as a browser or a client would send them, and bodies that come in pieces of any size."""

from collections.abc import Sequence

from tusvideo.errors import BodyCut, Preempted

BOUNDARY = "b0undary"
TYPE = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"

CHUNK = "/api/poster/video/chunk"
"""Where a chunk goes."""
FINALIZE = "/api/poster/video/finalize"
"""Where the end of its upload goes."""

MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * 8
"""A video as short as can be recognised."""

Part = tuple[str, bytes]


def part(name: str, data: bytes, *, extra: str = "", filename: str | None = None) -> bytes:
    """Write one part."""
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n{extra}\r\n'
    return head.encode() + data + b"\r\n"


def form(*parts: Part) -> bytes:
    """Write a form; the part ``chunk`` is a file."""
    written = [part(name, data, filename="blob" if name == "chunk" else None) for name, data in parts]
    return b"".join(written) + f"--{BOUNDARY}--\r\n".encode()


def chunk_fields(index: int = 0, total: int = 1, *, key: str = "k") -> list[Part]:
    """The fields that a chunk needs."""
    return [("uploadId", key.encode()), ("chunkIndex", b"%d" % index), ("totalChunks", b"%d" % total)]


class Pieces:
    """A body that comes in these pieces, and then ends whole or is cut. Implements Body."""

    silent_seconds = 0.0
    is_cut = False

    def __init__(self, pieces: Sequence[bytes], *, cut: bool = False) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self._cut = cut
        self._interrupted = False

    async def read(self) -> bytes:
        """Give the next piece."""
        if self._interrupted:
            raise Preempted
        if self._pieces:
            return self._pieces.pop(0)
        if self._cut:
            raise BodyCut
        return b""

    def tap(self) -> None:
        """Give nothing in another way."""

    def interrupt(self) -> None:
        """End the body."""
        self._interrupted = True
