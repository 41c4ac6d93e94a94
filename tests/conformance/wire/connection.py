"""One connection, byte by byte: what goes out is what the check wrote, and what comes in must be HTTP to the letter.

A usual client hides bad framing, early answers and half-open connections; this one is here to see them.
"""

import contextlib
import re
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import SplitResult

from multidict import CIMultiDict

from tests.conformance.wire.verdict import Failed

ANSWER_SECONDS: Final = 10.0
"""A server that needs longer for an answer hangs."""
MAX_HEAD: Final = 256 * 1024
MAX_BODY: Final = 64 * 1024 * 1024
_BLOCK: Final = 65_536
_NO_BODY: Final = frozenset({204, 304})

_START: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2}) [^\x00-\x08\x0a-\x1f\x7f]*")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_LENGTH: Final = re.compile(r"[0-9]+", re.ASCII)
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]*)?")


class BadFraming(Failed):
    """What came is not an answer of HTTP/1.1."""


class NoAnswer(Failed):
    """The connection ended, or nothing came in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interim:
    """An answer of the class 1xx."""

    status: int
    headers: CIMultiDict[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One final answer as it came, and the interim ones before it."""

    version: str
    status: int
    headers: CIMultiDict[str]
    body: bytes
    interim: tuple[Interim, ...] = ()
    surplus: bytes = b""
    """What came behind it at once, though nobody had asked for more."""
    seconds: float = 0.0
    """From the end of the request to the end of the answer."""


@dataclass(slots=True)
class Connection:
    """A connection to the server. ``idle`` is called with every wait, so that a check can do two things at once."""

    base: SplitResult
    _socket: socket.socket = field(init=False)
    _held: bytes = field(default=b"", init=False)
    _ended: bool = field(default=False, init=False)
    _sent_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        port = self.base.port or (443 if self.base.scheme == "https" else 80)
        plain = socket.create_connection((self.base.hostname or "localhost", port), timeout=ANSWER_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain
        if self.base.scheme == "https":
            context = ssl.create_default_context()
            self._socket = context.wrap_socket(plain, server_hostname=self.base.hostname)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    # --- out

    def send(self, data: bytes) -> None:
        """Send all of it, whether anybody listens or not."""
        self._socket.settimeout(ANSWER_SECONDS)
        with contextlib.suppress(OSError):
            self._socket.sendall(data)
        self._sent_at = time.monotonic()

    def push(self, block: bytes, *, most: int, seconds: float = ANSWER_SECONDS) -> int:
        """Send a block again and again until ``most`` bytes went, the server ended the connection, or it takes no more
        for so long; give the count. An answer that is already there does not stop the sending."""
        sent, until = 0, time.monotonic() + seconds
        self._socket.settimeout(0.05)
        while sent < most and time.monotonic() < until:
            try:
                went = self._socket.send(block[: most - sent])
            except (TimeoutError, ssl.SSLWantWriteError):
                continue
            except OSError:
                break
            sent += went
            until = time.monotonic() + seconds
        self._sent_at = time.monotonic()
        return sent

    def half_close(self) -> None:
        """Say that no more will be sent (FIN), and go on reading."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection with RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Close the connection as a client does that is done."""
        self._socket.close()

    # --- in

    def answer(self, *, method: str, seconds: float = ANSWER_SECONDS) -> Message:
        """Read one final answer to a request with this method, and the interim ones before it."""
        until = time.monotonic() + seconds
        interim: list[Interim] = []
        while True:
            version, status, headers = self._head(until)
            if status >= 200 or status == 101:
                break
            interim.append(Interim(status=status, headers=headers))
        body = b"" if method == "HEAD" or status in _NO_BODY else self._body(headers, until)
        self._look()
        return Message(
            version=version,
            status=status,
            headers=headers,
            body=body,
            interim=tuple(interim),
            surplus=self._held,
            seconds=time.monotonic() - self._sent_at,
        )

    def interim(self, *, seconds: float = ANSWER_SECONDS) -> Interim:
        """Read one interim answer. Raises BadFraming when a final one comes."""
        _, status, headers = self._head(time.monotonic() + seconds)
        if status >= 200:
            raise BadFraming(f"a final answer {status} where an interim one was due")
        return Interim(status=status, headers=headers)

    def quiet(self, *, seconds: float) -> bool:
        """Tell whether nothing comes for so long: no byte, and no end of the connection."""
        self._look(seconds)
        return not self._held and not self._ended

    def ends(self, *, seconds: float) -> bool:
        """Tell whether the server ends the connection within so long; what comes until then is kept for ``answer``."""
        until = time.monotonic() + seconds
        while not self._ended and (left := until - time.monotonic()) > 0:
            self._look(left)
        return self._ended

    @property
    def unread(self) -> bytes:
        """What came and was read by nobody."""
        return self._held

    def _head(self, until: float) -> tuple[str, int, CIMultiDict[str]]:
        raw = self._until(lambda held: held.find(b"\r\n\r\n"), until, what="a head")
        self._held = self._held[4:]
        start, *lines = raw.split(b"\r\n")
        found = _START.fullmatch(start)
        if found is None:
            raise BadFraming(f"{start[:80]!r} is no status line")
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines:
            parted = _FIELD.fullmatch(line)
            if parted is None:
                raise BadFraming(f"{line[:80]!r} is no header field")
            headers.add(parted[1].decode("ascii"), parted[2].decode("latin-1"))
        return start[:8].decode("ascii"), int(found[1]), headers

    def _body(self, headers: CIMultiDict[str], until: float) -> bytes:
        lengths, codings = headers.getall("Content-Length", []), headers.getall("Transfer-Encoding", [])
        if lengths and codings:
            raise BadFraming("an answer with both Content-Length and Transfer-Encoding")
        if len(set(lengths)) > 1 or any(_LENGTH.fullmatch(length) is None for length in lengths):
            raise BadFraming(f"an answer with Content-Length {lengths}")
        if codings:
            if [coding.lower() for coding in codings] != ["chunked"]:
                raise BadFraming(f"an answer with Transfer-Encoding {codings}")
            return self._chunks(until)
        if lengths:
            return self._exactly(int(lengths[0]), until)
        while self._more(until):
            pass
        body, self._held = self._held, b""
        return body

    def _chunks(self, until: float) -> bytes:
        body = b""
        while True:
            line = self._line(until)
            found = _CHUNK.fullmatch(line)
            if found is None:
                raise BadFraming(f"{line[:40]!r} is no size of a chunk")
            size = int(found[1], 16)
            if size == 0:
                break
            body += self._exactly(size, until)
            if self._exactly(2, until) != b"\r\n":
                raise BadFraming("a chunk that is longer than it says")
        while self._line(until):
            pass  # trailer fields
        return body

    def _line(self, until: float) -> bytes:
        line = self._until(lambda held: held.find(b"\r\n"), until, what="a line of a chunked body")
        self._held = self._held[2:]
        return line

    def _exactly(self, count: int, until: float) -> bytes:
        if count > MAX_BODY:
            raise BadFraming(f"a body of {count} bytes")
        return self._until(lambda held: count if len(held) >= count else -1, until, what=f"a body of {count} bytes")

    def _until(self, find: Callable[[bytes], int], until: float, *, what: str) -> bytes:
        while (at := find(self._held)) < 0:
            if len(self._held) > MAX_BODY:
                raise BadFraming(f"no end of {what} within {MAX_BODY} bytes")
            if not self._more(until):
                after = f" after {self._held[:80]!r}" if self._held else ""
                raise NoAnswer(f"the connection ended where {what} was due{after}")
        found, self._held = self._held[:at], self._held[at:]
        return found

    def _more(self, until: float) -> bool:
        """Wait for more; False at the end of the connection. Raises NoAnswer when nothing comes in time."""
        if self._ended:
            return False
        left = until - time.monotonic()
        before = len(self._held)
        if left <= 0 or not self._look(left):
            raise NoAnswer("no answer came in time" + (f", only {self._held[:80]!r}" if before else ""))
        return not self._ended

    def _look(self, seconds: float = 0.0) -> bool:
        """Take what is there within so long; False when nothing came, True also for the end of the connection."""
        if self._ended:
            return True
        self._socket.settimeout(seconds)
        try:
            block = self._socket.recv(_BLOCK)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            block = b""
        self._ended = not block
        self._held += block
        return True


def write(line: str, fields: Iterable[str], *, body: bytes = b"") -> bytes:
    """Write a request: latin-1, as many fields as given, nothing added."""
    return "\r\n".join([line, *fields, "", ""]).encode("latin-1") + body


def chunked(*blocks: bytes, end: bool = True) -> bytes:
    """Write a body in chunks."""
    parts = [b"%x\r\n%s\r\n" % (len(block), block) for block in blocks if block]
    return b"".join(parts) + (b"0\r\n\r\n" if end else b"")
