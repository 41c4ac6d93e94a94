"""Requests of the IETF draft, as a client of its version 9 sends them."""

import hashlib
from base64 import b64encode

from tests.web.conftest import Served
from tests.web.wire import Answer, Wire, until
from tusvideo.model import UploadId

V9 = "Upload-Draft-Interop-Version: 9"
FULL, MORE = "Upload-Complete: ?1", "Upload-Complete: ?0"
PARTIAL = "Content-Type: application/partial-upload"
C = "POST /files/ HTTP/1.1"


def id_of(path: str) -> UploadId:
    """The upload that a path names."""
    return UploadId(path.rpartition("/")[2])


def size(count: int) -> str:
    """A Content-Length."""
    return f"Content-Length: {count}"


def digest(name: str, data: bytes) -> str:
    """A digest field."""
    return f"{name}: sha-256=:{b64encode(hashlib.sha256(data).digest()).decode()}:"


async def create(served: Served, *fields: str, body: bytes = b"", line: str = C) -> Answer:
    """Make an upload with version 9."""
    return await served.ask(line, V9, *fields, size(len(body)), body=body)


async def append(served: Served, path: str, offset: int, *fields: str, body: bytes = b"") -> Answer:
    """Append with version 9."""
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, f"Upload-Offset: {offset}", *fields, size(len(body)))
    return await served.ask(*lines, body=body)


async def query(served: Served, path: str, *fields: str, method: str = "HEAD") -> Answer:
    """Ask for the offset with version 9."""
    return await served.ask(f"{method} {path} HTTP/1.1", *(fields or (V9,)))


async def begun(wire: Wire, *fields: str, length: int = 100, body: bytes = b"") -> str:
    """Begin a creation whose body does not end, and give the path that the interim answer tells."""
    await wire.send(C, V9, *fields, size(length), body=body)
    status, headers = await wire.head()
    assert status == 104
    return headers["Location"]


async def stored(served: Served, path: str, offset: int) -> None:
    """Wait until so many bytes are stored, disturbing nobody."""

    async def check() -> bool:
        return int((await query(served, path, "X: y")).headers["Upload-Offset"]) >= offset

    await until(check)


def staged_or_published(served: Served) -> int:
    """How many files there are."""
    return len(served.store.staged) + len(served.store.published)
