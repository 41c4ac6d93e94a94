"""The one place where errors of the HTTP library become ours."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.client.peer import Peer
from tusvideo_client import AsyncUploader, AuthError
from tusvideo_client.body import Body
from tusvideo_client.state import Timeouts, Trouble
from tusvideo_client.transport import ANSWER_LIMIT, Interrupted, Patience, Transport, _trouble

KEY: Any = None  # what a connector error says about its connection does not matter here


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), Trouble.UNREACHABLE),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown name")), Trouble.UNREACHABLE),
        (aiohttp.ConnectionTimeoutError(), Trouble.UNREACHABLE),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.CertificateError()), Trouble.UNTRUSTED),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError()), Trouble.CUT),
        (aiohttp.ServerDisconnectedError(), Trouble.CUT),
        (aiohttp.ClientOSError(104, "reset"), Trouble.CUT),
        (aiohttp.ClientPayloadError(), Trouble.CUT),
        (ConnectionResetError(), Trouble.CUT),
        (TimeoutError(), Trouble.STALLED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.name,
)
def test_every_error_has_its_trouble(error: Exception, trouble: Trouble) -> None:
    """What the planner is told does not depend on the library's class tree."""
    assert _trouble(error) is trouble


async def test_a_port_where_nobody_listens_is_unreachable(peer: Peer) -> None:
    """A refused connection is told apart from one that was lost."""
    await peer.stop()
    async with Transport(peer.url) as transport:
        with pytest.raises(Interrupted) as caught:
            await transport.send("GET", peer.url)
    assert (caught.value.trouble, caught.value.moved) == (Trouble.UNREACHABLE, 0)


async def test_a_name_is_looked_up_for_every_connection(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has moved is found at once: the address under which nobody is any more is not remembered."""
    addresses = iter(("127.0.0.9", "127.0.0.1"))

    async def look_up(_: str, port: int, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (next(addresses), port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    url = peer.url.replace("127.0.0.1", "localhost")
    async with Transport(url) as transport:
        with pytest.raises(Interrupted) as caught:
            await transport.send("OPTIONS", f"{url}/files/")
        assert caught.value.trouble is Trouble.UNREACHABLE
        assert (await transport.send("OPTIONS", f"{url}/files/")).status


async def test_a_server_that_never_answers_is_given_up() -> None:
    """Silence after the request is a stall; a request that means work may take longer by its patience."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        loop = asyncio.get_running_loop()
        async with Transport(url, timeouts=Timeouts(stall=0.2, response=0.2)) as transport:
            for patience in (0.0, 0.4):
                began = loop.time()
                with pytest.raises(Interrupted) as caught:
                    await transport.send("POST", url, body=b"{}", patience=Patience(answer=patience))
                assert caught.value.trouble is Trouble.STALLED
                assert 0.2 + patience <= loop.time() - began < 0.2 + patience + 2


async def test_after_a_loss_no_idle_connection_is_trusted() -> None:
    """What took one connection may have taken all: neither a rival nor the next request goes over one that was idle."""
    are_dead = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        is_dead = are_dead if not are_dead.is_set() else asyncio.Event()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                if not is_dead.is_set():
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with Transport(url, timeouts=Timeouts(stall=0.2, response=0.2)) as transport:
            await asyncio.gather(*[transport.send("GET", url) for _ in range(3)])
            assert len(writers) == 3
            are_dead.set()
            assert (await transport.send("HEAD", url, is_apart=True)).status == 200
            with pytest.raises(Interrupted):
                await transport.send("GET", url)
            assert (await transport.send("GET", url)).status == 200
            assert (await transport.send("GET", url)).status == 200
        assert len(writers) == 5  # the new one is used again
        for writer in writers:
            writer.close()


async def test_a_token_that_expires_under_two_uploads_is_renewed_for_both(peer: Peer) -> None:
    """The second one to be refused finds the token renewed already, and goes on with it; nobody is asked twice."""
    peer.token = "new"
    tokens = iter(["old", "new"])
    async with Transport(peer.url, token=lambda: next(tokens)) as transport:
        refused = [await transport.send("HEAD", f"{peer.url}/files/{name}") for name in "ab"]
        assert [(reply.status, reply.bearer) for reply in refused] == [(401, "old")] * 2
        assert [await transport.renew_token(reply.bearer) for reply in refused] == [True, True]
        assert (await transport.send("HEAD", f"{peer.url}/files/a")).status == 404
    assert "old" not in repr(refused[0])


async def test_an_endless_answer_is_cut_off() -> None:
    """No answer is read beyond 1 MiB, whatever the server sends."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with Transport(url) as transport:
        reply = await transport.send("GET", url)
    assert len(reply.body) == ANSWER_LIMIT
    server.close()


async def test_a_server_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    """A bad certificate ends the upload at once, without a retry, and says what to check."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl is not installed: no certificate can be made")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    request = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    made = subprocess.run([*request, *names], check=False, capture_output=True)
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the failed handshake, on the server's side
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    (tmp_path / "a").write_bytes(b"x")
    async with AsyncUploader(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as uploader:
        with pytest.raises(AuthError, match="certificate") as caught:
            await uploader.upload(tmp_path / "a")
    assert "certificate" in (caught.value.hint or "")
    server.close()


def test_a_body_counts_the_bytes_of_the_file() -> None:
    """What comes before and after the file in a form is not counted."""

    async def none() -> AsyncIterator[bytes]:
        for piece in list[bytes]():
            yield piece

    body = Body(none(), length=100, lead=10, file_length=80)
    assert [body.file_bytes_of(moved) for moved in (0, 10, 11, 90, 100)] == [0, 0, 1, 80, 80]
