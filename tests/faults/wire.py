"""A raw HTTP/1.1 client on a blocking socket: any bytes out, exactly one answer in, and how the connection ended."""

import json
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from multidict import CIMultiDict

ANSWER_SECONDS: Final = 5.0
"""A server that needs longer for an answer hangs."""
_BLOCK: Final = 65_536
_NO_BODY: Final = frozenset({204, 304})


class NoAnswer(AssertionError):  # an assertion: every test that waits for an answer states that one comes
    """The server gave no answer, or half of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response as it came; ``interim`` are the statuses of the 1xx answers before it."""

    version: str
    status: int
    headers: CIMultiDict[str]
    body: bytes
    interim: tuple[int, ...] = ()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        """True when the server said that the connection ends here."""
        return self.headers.get("Connection", "").lower() == "close" or (
            self.version == "HTTP/1.0" and "Connection" not in self.headers
        )


class Connection:
    """One connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._socket.close()

    def send(self, *blocks: bytes) -> int:
        """Send until all is sent, an answer is there, or the server hangs up; give the count of bytes that went."""
        return self.push(blocks)

    def push(self, blocks: Iterable[bytes]) -> int:
        """As ``send``, for bodies that are made while they are sent."""
        sent = 0
        for block in blocks:
            view = memoryview(block)
            while view:
                readable, writable, _ = select.select([self._socket], [self._socket], [], ANSWER_SECONDS)
                if readable:
                    # An answer before the end: nobody wants the rest. A small one goes, as a client would send it.
                    return sent + self._finish(view)
                if not writable:
                    raise NoAnswer("the server neither reads nor answers")
                try:
                    went = self._socket.send(view[:_BLOCK])
                except ConnectionError:
                    return sent
                sent += went
                view = view[went:]
        return sent

    def _finish(self, view: memoryview) -> int:
        if len(view) > _BLOCK:
            return 0
        try:
            return self._socket.send(view)
        except OSError:
            return 0

    def answer(self, *, method: str = "GET") -> Answer:
        """Read one final answer to a request with this method, and the interim ones before it."""
        deadline = time.monotonic() + ANSWER_SECONDS
        interim: list[int] = []
        while True:
            version, status, headers = self._head(deadline)
            if status >= 200:
                break
            interim.append(status)
        body = b""
        if method != "HEAD" and status not in _NO_BODY:
            body = self._body(headers, deadline)
        return Answer(version=version, status=status, headers=headers, body=body, interim=tuple(interim))

    def ask(self, request: bytes, *, method: str | None = None) -> Answer:
        """Send a request and read its answer."""
        self.send(request)
        return self.answer(method=method or request.partition(b" ")[0].decode("latin-1"))

    def rest(self, *, seconds: float = ANSWER_SECONDS) -> bytes | None:
        """Give what still comes until the server closes the connection; None when it keeps it open for so long."""
        deadline = time.monotonic() + seconds
        try:
            while self._more(deadline):
                pass
        except NoAnswer:
            return None
        return self._held

    @property
    def is_open(self) -> bool:
        """True while the server has neither closed the connection nor sent anything that nobody has read."""
        readable, _, _ = select.select([self._socket], [], [], 0)
        return not readable and not self._held

    def _head(self, deadline: float) -> tuple[str, int, CIMultiDict[str]]:
        while b"\r\n\r\n" not in self._held:
            if not self._more(deadline):
                raise NoAnswer(f"the connection ended after {self._held[:200]!r}")
        raw, _, self._held = self._held.partition(b"\r\n\r\n")
        start, *lines = raw.decode("latin-1").split("\r\n")
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines:
            name, _, value = line.partition(":")
            headers.add(name, value.strip())
        version, status, *_ = start.split(" ")
        return version, int(status), headers

    def _body(self, headers: CIMultiDict[str], deadline: float) -> bytes:
        if "Content-Length" not in headers:
            raise NoAnswer("an answer whose length nobody told")
        length = int(headers["Content-Length"])
        while len(self._held) < length:
            if not self._more(deadline):
                raise NoAnswer(f"the connection ended after {len(self._held)} of {length} bytes")
        body, self._held = self._held[:length], self._held[length:]
        return body

    def _more(self, deadline: float) -> bool:
        """Read what is there; False at the end of the connection. Raises NoAnswer when nothing comes in time."""
        readable, _, _ = select.select([self._socket], [], [], max(deadline - time.monotonic(), 0))
        if not readable:
            raise NoAnswer(f"no answer within {ANSWER_SECONDS:g} s after {self._held[:200]!r}")
        try:
            block = self._socket.recv(_BLOCK)
        except ConnectionError:
            return False
        self._held += block
        return bool(block)


def request(line: str, *fields: str, body: bytes = b"", host: str | None = "localhost") -> bytes:
    """Write a request. Host is added unless it is None; Content-Length is added to a body unless a field frames it."""
    lines = [line]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += fields
    framed = any(field.lower().startswith(("content-length:", "transfer-encoding:")) for field in fields)
    if body and not framed:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
