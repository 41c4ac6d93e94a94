"""Requests as they are written, the uploads that they are about, and the bytes of those."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self, TypedDict

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.connection import ANSWER_SECONDS, Connection, Message
from tests.conformance.wire.verdict import Failed

if TYPE_CHECKING:
    from tests.conformance.wire.target import Target

VERSION: Final = "1.0.0"
OFFSET_TYPE: Final = "Content-Type: application/offset+octet-stream"
ORIGIN: Final = "https://app.example"
"""The web page that asks; our own server is set to know it, and others are asked whether they do."""
INTEROP: Final = 9
"""The interop version of the newest draft that is asked about."""
NAMED: Final = "filename Y29uZm9ybWFuY2UuYmlu,filetype dmlkZW8vbXA0"
"""Metadata of an upload when the check is not about that: real clients send these two, and some servers need them."""
SOURCE: Final = bytes((index * 7 + index // 251) % 256 for index in range(1 << 16))
"""Where the bytes of uploads come from, unless a check sends its own."""


class Writing(TypedDict, total=False):
    """How a request is written and read, where that is not as usual; as in ``Target.begin``."""

    framed: bool
    protocol: str
    on: Connection | None
    allow: Sequence[int]
    """Statuses of class 5xx that the check has brought about."""
    bare: bool
    """The request is no HTTP, so that a parser refuses it which knows neither tus nor pages."""


class Options(Writing, total=False):
    """As ``Writing``, in tus."""

    version: str | None
    """Of Tus-Resumable; None leaves it out."""


@dataclass(slots=True, kw_only=True)
class Upload:
    """An upload that was made for a check, and what is known about it."""

    path: str
    """Its request target."""
    length: int | None
    source: bytes
    """What its bytes are to be."""
    offset: int = 0
    metadata: str | None = None
    """As HEAD showed it when the check began."""

    @property
    def rest(self) -> bytes:
        """The bytes that are missing."""
        return self.source[self.offset : self.length]


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that was begun: its head is sent; the body and the reading are up to the check."""

    target: "Target"
    connection: Connection
    method: str
    path: str
    sent: str
    fields: Sequence[str]
    version: str | None
    bare: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, data: bytes) -> "Call":
        """Send a piece of the body."""
        self.connection.send(data)
        return self

    def answer(self, *, seconds: float = ANSWER_SECONDS, allow: Sequence[int] = (), pipelined: bool = False) -> Answer:
        """Read the final answer; ``allow`` names statuses of class 5xx that the check has brought about.

        ``pipelined`` says that more answers were asked for on this connection, so others may stand behind this one.
        """
        try:
            message = self.connection.answer(method=self.method, seconds=seconds)
        except Failed as failure:
            raise type(failure)(f"{self.sent}: expected an answer, got this: {failure}") from None
        if pipelined:
            message = replace(message, surplus=b"")
        return self.target.heard(self, message, allow=allow)


def append_fields(fields: Sequence[str], *, at: int | str | None) -> tuple[str, ...]:
    """Give the fields of a PATCH: the given ones, and what they leave out."""
    told = [name.lower() for name in fields]
    kind = () if any(name.startswith("content-type:") for name in told) else (OFFSET_TYPE,)
    offset = () if at is None else (f"Upload-Offset: {at}",)
    return (*offset, *kind, *fields)


def path_of(upload: Upload | str) -> str:
    """Give the request target of an upload."""
    return upload if isinstance(upload, str) else upload.path


def fields_of_user(fields: Sequence[str]) -> tuple[str, ...]:
    """Give the fields that say who asks: those go with every request of an upload."""
    return tuple(line for line in fields if line.lower().startswith("authorization:"))


def metadata(**values: bytes | str) -> str:
    """Write the value of Upload-Metadata."""
    pairs = ((name, value.encode() if isinstance(value, str) else value) for name, value in values.items())
    return ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in pairs)


def short(text: str, most: int = 60) -> str:
    """Cut a text that is too long for a sentence, and make it printable."""
    plain = text if text.isprintable() else ascii(text)
    return plain if len(plain) <= most else f"{plain[:most]}… ({len(text)} characters)"


def lied(message: Message) -> Message:
    """Falsify an answer: success for refusal and the other way round, and no field of the protocol."""
    status = 204 if message.status >= 300 else 400
    kept = [(name, value) for name, value in message.headers.items() if name.lower().startswith("content-")]
    return replace(message, status=status, headers=type(message.headers)(kept), body=b"lie", interim=())
