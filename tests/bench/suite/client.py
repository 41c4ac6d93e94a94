"""A sender that costs little: blocking sockets, one block sent again and again, just enough of HTTP and tus."""

import base64
import contextlib
import itertools
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tests.bench.peers.process import LOOPBACK, BenchError, Server

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB
PATIENCE_SECONDS: Final = 120
TUS: Final = "Tus-Resumable: 1.0.0"
BYTES: Final = "Content-Type: application/offset+octet-stream"
BLOCK: Final = memoryview(os.urandom(MIB))
"""What every body consists of; it stays in the processor's cache, so that sending costs the machine least."""

_numbers: Final = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The head of a response; its body was read and dropped."""

    status: int
    fields: Mapping[str, str]

    @property
    def closes(self) -> bool:
        """True when this connection takes no further request."""
        return self.fields.get("connection", "").lower() == "close"


class Connection:
    """One connection, opened again when the server closed it after an answer."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket: socket.socket | None = None
        self._held = b""

    def ask(self, start: str, *fields: str, body: bytes = b"", size: int = 0) -> Answer:
        """Send a request with this body, or with one of ``size`` bytes, and wait for the end of its answer."""
        self.send(start, *fields, body=body, size=size)
        return self.answer(start.partition(" ")[0])

    def send(self, start: str, *fields: str, body: bytes = b"", size: int = 0) -> None:
        """Send a request."""
        plug = self.open()
        lines = [start, f"Host: localhost:{self._server.port}", *fields]
        length = len(body) or size
        if length or not start.startswith(("GET", "HEAD")):
            lines.append(f"Content-Length: {length}")
        plug.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        while size:
            step = min(size, MIB)
            plug.sendall(BLOCK[:step])
            size -= step

    def answer(self, method: str) -> Answer:
        """Read an answer to its end."""
        answer = self.head()
        if method != "HEAD" and answer.status not in {204, 304}:
            self._skip_body(answer)
        if answer.closes:
            self.close()
        return answer

    def head(self) -> Answer:
        """Read the head of an answer."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            self._receive()
        head, self._held = self._held[:end], self._held[end + 4 :]
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return Answer(status=int(status.split()[1]), fields={name.lower(): value.strip() for name, _, value in pairs})

    def drop(self, size: int, *, into: memoryview) -> None:
        """Receive and drop ``size`` bytes of a body."""
        size -= len(self._held)
        self._held = b""
        plug = self.open()
        while size:
            count = plug.recv_into(into)
            if not count:
                raise BenchError(f"{self._server.name} ended a body {size} bytes early")
            size -= count

    def open(self) -> socket.socket:
        """Give the socket, connected."""
        if self._socket is None:
            self._socket = socket.create_connection((LOOPBACK, self._server.port), timeout=PATIENCE_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._held = b""
        return self._socket

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _receive(self) -> None:
        block = self.open().recv(65_536)
        if not block:
            self.close()
            raise BenchError(f"{self._server.name} ended the connection instead of answering")
        self._held += block

    def _skip_body(self, answer: Answer) -> None:
        if answer.fields.get("transfer-encoding") == "chunked":
            while not self._held.endswith(b"0\r\n\r\n"):
                self._receive()
            self._held = b""
        elif (length := answer.fields.get("content-length")) is not None:
            while len(self._held) < int(length):
                self._receive()
            self._held = self._held[int(length) :]
        elif not answer.closes:
            raise BenchError(f"{self._server.name} sent an answer without an end: {answer}")


@contextmanager
def connected(server: Server) -> Iterator[Connection]:
    """Talk to a server for a while."""
    connection = Connection(server)
    try:
        yield connection
    finally:
        connection.close()


def creation(server: Server, *, length: int) -> tuple[str, ...]:
    """Give the head that makes an upload: with a name of its own, as players and browsers send it."""
    name = base64.b64encode(f"bench-{os.getpid()}-{next(_numbers)}.bin".encode()).decode()
    kind = base64.b64encode(b"application/octet-stream").decode()
    metadata = f"Upload-Metadata: filename {name},filetype {kind}"
    return (f"POST {server.base} HTTP/1.1", TUS, f"Upload-Length: {length}", metadata)


def make(connection: Connection, server: Server, *, length: int) -> str:
    """Make an upload and give its path."""
    answer = connection.ask(*creation(server, length=length))
    expect(answer, status=201, server=server)
    return urlsplit(answer.fields["location"]).path


def append(connection: Connection, server: Server, *, path: str, offset: int, size: int) -> None:
    """Send one PATCH and wait for its answer."""
    answer = connection.ask(f"PATCH {path} HTTP/1.1", TUS, f"Upload-Offset: {offset}", BYTES, size=size)
    expect(answer, status=204, server=server)


def remove(server: Server, path: str) -> None:
    """Delete an upload, so that its bytes leave the page cache unwritten; the folder goes at the end anyway."""
    with connected(server) as connection, contextlib.suppress(BenchError):
        connection.ask(f"DELETE {path} HTTP/1.1", TUS)


def expect(answer: Answer, *, status: int, server: Server) -> None:
    """Raise BenchError when an answer is another one."""
    if answer.status != status:
        raise BenchError(f"{server.name} answered {answer.status} where {status} was expected")
