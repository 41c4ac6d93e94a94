"""Takes a client's byte stream apart: heads of requests, bytes of bodies, and the frames of chunked bodies."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a piece of the stream is."""

    HEAD = "head"
    BODY = "body"
    FRAME = "frame"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the stream; a head is always whole."""

    kind: Kind
    data: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request; names of fields in lower case."""

    method: str
    target: str
    fields: dict[str, str]

    @property
    def offset(self) -> int | None:
        """Where an append begins, if it is one."""
        text = self.fields.get("upload-offset", "")
        return int(text) if text.isdecimal() else None

    @property
    def length(self) -> int:
        """Bytes of the body, as far as the head tells."""
        return int(self.fields.get("content-length", "0"))

    @classmethod
    def read(cls, head: bytes) -> "Request":
        """Read a head."""
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, *_ = [*first.split(" "), "", ""]
        pairs = (line.partition(":") for line in rest if line)
        return cls(method, target, {name.strip().lower(): value.strip() for name, _, value in pairs})


class Splitter:
    """Feed it what comes; it gives pieces in order, and all bytes again."""

    def __init__(self) -> None:
        self.in_body = False
        self._held = b""
        self._left = 0
        self._chunked = ""

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Take the next bytes."""
        while data:
            if self._left:
                taken, data = data[: self._left], data[self._left :]
                self._left -= len(taken)
                self.in_body = bool(self._left or self._chunked)
                yield Piece(Kind.BODY, taken)
                continue
            end = b"\r\n" if self._chunked else b"\r\n\r\n"
            text = self._held + data
            at = text.find(end)
            if at < 0:
                self._held = text
                return
            piece, data, self._held = text[: at + len(end)], text[at + len(end) :], b""
            if self._chunked:
                self._frame(piece.strip())
                yield Piece(Kind.FRAME, piece)
            else:
                self._head(piece)
                yield Piece(Kind.HEAD, piece)

    def _head(self, head: bytes) -> None:
        fields = Request.read(head).fields
        self._left = int(fields.get("content-length", "0"))
        self._chunked = "size" if "transfer-encoding" in fields else ""
        self.in_body = bool(self._left or self._chunked)

    def _frame(self, line: bytes) -> None:
        if self._chunked == "size":
            self._left = int(line.partition(b";")[0], 16)
            self._chunked = "after" if self._left else "trailer"
        elif self._chunked == "after":
            self._chunked = "size"
        elif not line:
            self._chunked = ""
            self.in_body = False
