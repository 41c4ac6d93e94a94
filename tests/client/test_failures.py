"""Everything that a connection can do wrong, done by a server of bare sockets: it is mended or told in our words.

Not one exception of the HTTP library, of asyncio or of the system comes out of ``upload``.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.client.conftest import Waits
from tusvideo_client import AsyncUploader, GaveUpError, ProtocolError, RetryPolicy, UploadError, UploadResult

IMPATIENT = RetryPolicy(no_progress=0, max_offline=0, busy=0)
FOR_EVER = 10**6

Deed = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class BareServer:
    """tus in a few lines, one request for each connection; does something else instead of answering, if it is told."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.length = 0
        self.method = ""
        self.deed: Deed | None = None
        self.times = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The root that clients are given."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method = head.partition(" ")[0]
            if method == self.method and self.times and self.deed is not None:
                self.times -= 1
                await self.deed(reader, writer)
            else:
                writer.write(await self._answer(method, head, reader))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        finally:
            writer.close()

    async def _answer(self, method: str, head: str, reader: asyncio.StreamReader) -> bytes:
        if method == "POST":
            self.length = _number_in(head, "Upload-Length")
            return b"HTTP/1.1 201 Created\r\nLocation: /files/a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        if method == "PATCH":
            assert _number_in(head, "Upload-Offset") == len(self.data)
            self.data += await reader.readexactly(_number_in(head, "Content-Length"))
        status = "204 No Content" if method == "PATCH" else "200 OK"
        place = f"Upload-Offset: {len(self.data)}\r\nUpload-Length: {self.length}"
        return f"HTTP/1.1 {status}\r\n{place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def _number_in(head: str, name: str) -> int:
    found = re.search(rf"(?i)\r\n{name}: (\d+)\r\n", head)
    assert found is not None, head
    return int(found[1])


def says(text: bytes) -> Deed:
    """Answers with these bytes, and closes."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return answer


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a reset."""
    writer.transport.abort()


async def sleep_until_left(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes everything and never answers."""
    while await reader.read(65536):
        pass


TRANSPORT_FAILURES = {
    "a reset": reset,
    "an end without an answer": says(b""),
    "an end within the status line": says(b"HTTP/1.1 20"),
    "an end within the fields": says(b"HTTP/1.1 200 OK\r\nUpload-Off"),
    "a body that is cut": says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
    "a chunked body that is cut": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
    "a chunked body that is none": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nab\r\n"),
    "a packed body that cannot be unpacked": says(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    ),
    "another protocol": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "an alert of TLS": says(b"\x15\x03\x01\x00\x02\x02\x46"),
    "a status that is no number": says(b"HTTP/1.1 okay OK\r\n\r\n"),
    "a field without a colon": says(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
    "a field that is too long": says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
    "two lengths": says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "silence": sleep_until_left,
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[BareServer]:
    """A bare server that does what it should."""
    made = BareServer()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as listener:
        made.port = listener.sockets[0].getsockname()[1]
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file of 100 000 bytes."""
    path = tmp_path / "small.bin"
    path.write_bytes(bytes(range(250)) * 400)
    return path


async def upload(url: str, path: Path, **made: object) -> UploadResult:
    """One call of ``upload`` that soon takes silence for a dead connection."""
    options: dict[str, object] = {"protocol": "tus", "integrity": "never", "stall_timeout": 0.5, **made}
    async with AsyncUploader(url, **options) as uploader:  # type: ignore[arg-type]  # rows of a table
        return await uploader.upload(path)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("name", TRANSPORT_FAILURES)
async def test_a_failure_of_the_transport_is_mended(
    name: str, method: str, server: BareServer, small: Path, waits: Waits
) -> None:
    """Twice in a row, and the upload goes on; not one byte of the file is lost or doubled."""
    server.method, server.deed, server.times = method, TRANSPORT_FAILURES[name], 2
    result = await upload(server.url, small, clock=waits.clock)
    assert bytes(server.data) == small.read_bytes()
    assert (result.size, server.times) == (small.stat().st_size, 0)
    assert result.stats.retries >= 1


@pytest.mark.parametrize("name", TRANSPORT_FAILURES)
async def test_a_failure_that_stays_is_told_in_our_words(name: str, server: BareServer, small: Path) -> None:
    """When patience is at its end: GaveUpError, which may be repeated, and no exception from below."""
    server.method, server.deed, server.times = "POST", TRANSPORT_FAILURES[name], FOR_EVER
    with pytest.raises(GaveUpError) as caught:
        await upload(server.url, small, retry=IMPATIENT)
    assert caught.value.retryable


async def test_a_server_that_is_not_there(small: Path) -> None:
    """Nobody listens: that is being offline, and told when it lasted too long."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        with pytest.raises(GaveUpError, match="cannot be reached"):
            await upload(f"http://127.0.0.1:{taken.getsockname()[1]}", small, retry=IMPATIENT)


async def test_a_name_that_nobody_knows(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed look-up is being offline, too."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(GaveUpError, match="cannot be reached"):
        await upload("http://media.example.org", small, retry=IMPATIENT)


async def test_tls_spoken_to_a_server_without(small: Path) -> None:
    """An answer that is no TLS is a lost connection, not an untrusted certificate."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(GaveUpError, match="connection was lost"):
            await upload(f"https://127.0.0.1:{port}", small, retry=IMPATIENT)


@pytest.mark.parametrize("place", ["/elsewhere", "http://h:99999999/", "http://[::1/", "ht tp://h/"])
async def test_a_redirect_is_told_wherever_it_leads(place: str, server: BareServer, small: Path) -> None:
    """None is followed, so there is no loop of them, and no address that cannot be read."""
    server.method, server.times = "POST", FOR_EVER
    server.deed = says(f"HTTP/1.1 307 T\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(ProtocolError, match="307"):
        await upload(server.url, small)


@pytest.mark.parametrize("place", ["http://h:99999999/", "http://[::1/", "ftp://h/a", "//", "http://\u2100.example/"])
async def test_a_location_that_is_no_address_is_told(place: str, server: BareServer, small: Path) -> None:
    """The server made an upload at a place that no request can be sent to."""
    server.method, server.times = "POST", FOR_EVER
    server.deed = says(f"HTTP/1.1 201 C\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(UploadError):
        await upload(server.url, small, retry=IMPATIENT)
