"""tus requests, as a test that looks at every byte sends them."""

import base64
from collections.abc import Sequence

from tests.web.wire import Answer, Wire, connect

TUS = "Tus-Resumable: 1.0.0"
BYTES = "Content-Type: application/offset+octet-stream"


def metadata(**values: str) -> str:
    """Write the field Upload-Metadata."""
    pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())
    return "Upload-Metadata: " + ",".join(pairs)


async def ask(port: int, *lines: str, body: bytes = b"") -> Answer:
    """Send one request on a connection of its own."""
    wire = await connect(port)
    try:
        return await wire.ask(*lines, body=body)
    finally:
        await wire.close()


async def create(port: int, length: int, *fields: str) -> str:
    """Make an upload and give its path."""
    answer = await ask(port, "POST /files/ HTTP/1.1", TUS, f"Upload-Length: {length}", *fields)
    assert answer.status == 201, answer.body
    return answer.headers["Location"]


async def head(port: int, path: str) -> Answer:
    """Ask where an upload stands."""
    return await ask(port, f"HEAD {path} HTTP/1.1", TUS)


async def offset(port: int, path: str) -> int:
    """Ask for the offset of an upload that must be there."""
    answer = await head(port, path)
    assert answer.status == 200, answer
    return int(answer.headers["Upload-Offset"])


def patch_lines(path: str, *, at: int, length: int) -> Sequence[str]:
    """Write the head of a PATCH."""
    return (f"PATCH {path} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {at}", f"Content-Length: {length}")


async def patch(port: int, path: str, *, at: int, body: bytes) -> Answer:
    """Append bytes."""
    return await ask(port, *patch_lines(path, at=at, length=len(body)), body=body)


async def open_patch(port: int, path: str, *, at: int, length: int) -> Wire:
    """Begin a PATCH, and leave its body to the caller."""
    wire = await connect(port)
    await wire.send(*patch_lines(path, at=at, length=length))
    return wire


async def delete(port: int, path: str) -> Answer:
    """Remove an upload."""
    return await ask(port, f"DELETE {path} HTTP/1.1", TUS)
