"""What a server for tests writes down: its uploads, and the requests that came. For the eyes of tests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .faults import Fault, Step


@dataclass(kw_only=True)
class Request:
    """One request as it came, and how it ended.

    Attributes:
        number: Which one, from 1.
        method: HTTP method.
        path: Path with query, as it was sent.
        step: What it asks for, whatever the protocol; None for a place that does not exist.
        headers: Fields by lower-case name.
        received: Bytes of a file that came with it.
        start: The first byte (tus) or the chunk that they begin with.
        status: Status of the answer; None if none was sent.
        fault: What went wrong, if something was told to.
    """

    number: int
    method: str
    path: str
    step: Step | None
    headers: Mapping[str, str] = field(repr=False)
    received: int = 0
    start: int | None = None
    status: int | None = None
    fault: Fault | None = None

    def __str__(self) -> str:
        came = f"  {self.received} bytes" if self.received else ""
        came += "" if self.start is None else f" from {self.start}"
        wrong = "" if self.fault is None else f"  [{self.fault}]"
        return f"{self.number:3}  {self.method:7} {self.path}{came}  -> {self.status or 'no answer'}{wrong}"


class Upload:
    """One upload as the server has it.

    Attributes:
        id: Its name in addresses (tus) or the client's ``uploadId`` (chunk API).
        protocol: ``tus`` or ``chunks``.
        path: Where it is asked for.
        length: Bytes of the whole; None while nobody told.
        metadata: What the client told about it.
        filename: The name that it was published under; None until it is complete.
        url: The path that it was published at; None until it is complete.
        received: Bytes of it that came, repetitions included.
        repeated: Those of them that had come before.
        is_complete: True when all bytes are there (tus), or after finalize (chunk API).
        is_gone: True if it was terminated, or the server was told to forget it.
        total: How many chunks there are (chunk API).
        chunks: The chunks that are stored (chunk API).
        chunk_size: Bytes in every chunk but the last, if the client told.
        key: The Idempotency-Key of its creation.
        told: Its metadata as they were sent.
    """

    def __init__(
        self,
        name: str,
        *,
        protocol: Literal["tus", "chunks"],
        path: str,
        length: int | None = None,
        metadata: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> None:
        self.id = name
        self.protocol = protocol
        self.path = path
        self.length = length
        self.metadata = dict(metadata or {})
        self.key = key
        self.filename: str | None = None
        self.url: str | None = None
        self.received = self.repeated = 0
        self.is_complete = self.is_gone = False
        self.total: int | None = None
        self.chunk_size: int | None = None
        self.chunks: dict[int, bytes] = {}
        self.stored = bytearray()
        self.writer: object = None
        self.told: str | None = None
        self._reached: dict[int, int] = {}

    def __repr__(self) -> str:
        whole = "?" if self.length is None else self.length
        state = "gone" if self.is_gone else "complete" if self.is_complete else "unfinished"
        return f"<Upload {self.id} ({self.protocol}): {self.offset} of {whole} bytes, {state}, {self.repeated} twice>"

    @property
    def data(self) -> bytes:
        """What is stored, from byte 0 without a gap."""
        if self.protocol == "tus":
            return bytes(self.stored)
        return b"".join(self.chunks[index] for index in range(self.next_chunk))

    @property
    def offset(self) -> int:
        """Bytes that are stored, from byte 0 without a gap."""
        if self.protocol == "tus":
            return len(self.stored)
        return sum(len(self.chunks[index]) for index in range(self.next_chunk))

    @property
    def sha256(self) -> str:
        """SHA-256 of what is stored, as hex digits."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def next_chunk(self) -> int:
        """The first chunk that is not stored (chunk API)."""
        index = 0
        while index in self.chunks:
            index += 1
        return index

    def count(self, received: int, *, start: int = 0, chunk: int = 0) -> None:
        """Book bytes that came for this place, be they stored or not."""
        reached = self._reached.get(chunk, 0)
        self.received += received
        self.repeated += max(0, min(start + received, reached) - start)
        self._reached[chunk] = max(reached, start + received)

    def inherit(self, gone: "Upload") -> None:
        """What came for an upload that the server forgot came before."""
        for chunk, reached in gone._reached.items():  # noqa: SLF001  # its own kind
            self._reached[chunk] = max(reached, self._reached.get(chunk, 0))
