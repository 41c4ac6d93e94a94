"""The server for users' tests: each fault against our uploaders and tuspy."""

import asyncio
import gc
import hashlib
import random
import socket
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from tests.client.flaky.conftest import KIB, TOKEN, TUS, ask, create, patch
from tusvideo_client import AsyncUploader, ChunkedVideoUploader, RejectedError, RetryPolicy, Uploader
from tusvideo_client.clock import Clock
from tusvideo_client.testing import FlakyServer

PIECE = 256 * KIB
SIZE = 5 * PIECE + 7
STALL = 0.4
FRESH = "second"


async def nap(seconds: float) -> None:
    """Wait as an uploader does, but no longer than a moment."""
    await asyncio.sleep(min(seconds, 0.03))


HASTY = Clock(sleep=nap)
PATIENT = RetryPolicy(delays=(0.1,) * 20)


class Provider:
    """Gives the first token, and another one when it is asked again."""

    def __init__(self) -> None:
        self._tokens = [FRESH, TOKEN]

    def __call__(self) -> str:
        return self._tokens.pop() if self._tokens else FRESH


def blocking(server: FlakyServer, path: Path, stall: float = 15.0) -> None:
    """Our blocking uploader, over tus."""
    with Uploader(server.url, token=Provider(), stall_timeout=stall, clock=HASTY) as uploader:
        uploader.upload(path)


def awaited(server: FlakyServer, path: Path, stall: float = 15.0) -> None:
    """Our uploader to await, over tus."""

    async def send() -> None:
        async with AsyncUploader(server.url, token=Provider(), stall_timeout=stall, clock=HASTY) as uploader:
            await uploader.upload(path)

    asyncio.run(send())


def chunked(server: FlakyServer, path: Path, stall: float = 15.0) -> None:
    """Our uploader over the documented chunk API."""
    uploader = ChunkedVideoUploader(
        server.url, Provider(), chunk_size=PIECE, retry=PATIENT, stall_timeout=stall, clock=HASTY
    )
    uploader.upload_video(path)


def tuspy(server: FlakyServer, path: Path, _: float = 0.0, *, upload_checksum: bool = False) -> None:
    """The tus client of others, as its documentation sets it up for bad links."""
    client = TusClient(server.tus_url, headers={"Authorization": f"Bearer {TOKEN}"})
    with path.open("rb") as stream:
        client.uploader(
            file_stream=stream,
            chunk_size=PIECE,
            retries=20,
            retry_delay=0,
            metadata={"filename": path.name},
            upload_checksum=upload_checksum,
        ).upload()


def checked(server: FlakyServer, path: Path, _: float = 0.0) -> None:
    """tuspy with a checksum for each request."""
    tuspy(server, path, upload_checksum=True)


Client = Callable[[FlakyServer, Path, float], None]
Tell = Callable[[FlakyServer], object]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a server is told, who gets through it, and what it costs them.

    Attributes:
        tell: What it is told.
        clients: Who gets through.
        creations: Uploads made.
        twice: Bytes that may come twice at most.
        happens: How often something goes wrong.
        stall: Seconds of silence that our uploaders bear.
    """

    tell: Tell
    clients: tuple[Client, ...]
    creations: int = 1
    twice: int = 0
    happens: int = 1
    stall: float = 15.0


OURS = (blocking, awaited, chunked)
ALL = (*OURS, tuspy)
ROWS = {
    "nothing": Row(tell=lambda _: None, clients=(*ALL, checked), happens=0),
    "cut in the middle": Row(tell=lambda s: s.cut(after_bytes=PIECE + 5), clients=ALL, twice=PIECE),
    "cut at once": Row(tell=lambda s: s.cut(after_bytes=0), clients=ALL),
    "cut after the last byte": Row(tell=lambda s: s.cut(after_bytes=SIZE), clients=ALL, twice=PIECE),
    "three cuts": Row(tell=lambda s: s.cut(after_bytes=PIECE + 5, times=3), clients=ALL, twice=3 * PIECE, happens=3),
    "silence": Row(tell=lambda s: s.go_silent(after_bytes=PIECE + 5), clients=OURS, twice=2 * PIECE, stall=STALL),
    "busy": Row(tell=lambda s: s.refuse(status=503, times=2, retry_after=0), clients=OURS, happens=2),
    "busy for bytes": Row(
        tell=lambda s: s.refuse(status=HTTPStatus.INTERNAL_SERVER_ERROR, times=2, step="append"), clients=ALL, happens=2
    ),
    "down for a while": Row(tell=lambda s: s.go_down(after_bytes=PIECE + 5, seconds=0.15), clients=OURS, twice=PIECE),
    "first answer lost": Row(tell=lambda s: s.lose_answer("create"), clients=(blocking, awaited)),
    "answer to bytes lost": Row(tell=lambda s: s.lose_answer("append"), clients=ALL, twice=PIECE),
    "last answer lost": Row(tell=lambda s: s.lose_answer("finalize", times=2), clients=(chunked,), happens=2),
    "upload forgotten": Row(
        tell=lambda s: s.forget_upload(after_bytes=PIECE + 5),
        clients=OURS,
        creations=2,
        twice=2 * PIECE,
    ),
    "bit flipped": Row(tell=lambda s: s.flip_bit(at=PIECE + 5), clients=(chunked, checked), twice=PIECE),
    "token expired": Row(tell=lambda s: s.expire_token(FRESH, after_bytes=PIECE + 5), clients=OURS, twice=PIECE),
    "slow to answer": Row(tell=lambda s: setattr(s, "latency", 0.005), clients=ALL, happens=0),
    "slow to take": Row(tell=lambda s: setattr(s, "rate", 16_000_000), clients=ALL, happens=0),
}
TABLE = [
    pytest.param(row, client, id=f"{name}, {client.__name__}") for name, row in ROWS.items() for client in row.clients
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of five pieces and a bit."""
    path = tmp_path / "talk.mp4"
    path.write_bytes(random.Random(29).randbytes(SIZE))
    return path


@pytest.mark.parametrize(("row", "client"), TABLE)
def test_faults(row: Row, client: Client, server: FlakyServer, path: Path) -> None:
    """Each fault, and every client that is made to survive it: the file is there, whole, for what the row allows."""
    row.tell(server)
    client(server, path, row.stall)
    server.assert_holds(path)
    server.assert_faults_happened()
    upload = server.upload
    assert (upload.sha256, upload.length, upload.offset) == (hashlib.sha256(path.read_bytes()).hexdigest(), SIZE, SIZE)
    assert server.creations == row.creations
    assert server.repeated <= row.twice
    assert server.received == SIZE + server.repeated
    faults = {id(request.fault): request.fault for request in server.requests if request.fault}
    assert sum(fault.happened for fault in faults.values()) == row.happens
    assert sum(request.fault is not None for request in server.requests) == row.happens


def test_tus_sends_nothing_twice_after_a_cut(server: FlakyServer, path: Path) -> None:
    """What came before a cut is stored to the byte, so that a client that asks sends on from there."""
    server.cut(after_bytes=PIECE + 5, times=3)
    blocking(server, path)
    assert server.repeated == 0
    ends = [(request.start or 0) + request.received for request in server.requests if request.fault is not None]
    assert ends == [PIECE + 5, 2 * (PIECE + 5), 3 * (PIECE + 5)]


@pytest.mark.parametrize(
    "tell",
    [
        pytest.param(lambda s: s.lose_answer("create"), id="first answer lost"),
        pytest.param(lambda s: s.expire_token(FRESH, after_bytes=PIECE), id="token expired"),
        pytest.param(lambda s: s.refuse(status=503, step="create"), id="busy at the creation"),
    ],
)
def test_what_tuspy_does_not_survive(tell: Tell, server: FlakyServer, path: Path) -> None:
    """It sends the creation once, and has no other token; the test sees it, as a user's test would."""
    tell(server)
    with pytest.raises(TusCommunicationError):
        tuspy(server, path)


@pytest.mark.parametrize("client", [blocking, awaited])
def test_a_damaged_byte_is_found_before_the_end(client: Client, server: FlakyServer, path: Path) -> None:
    """Over tus, without TLS, what is stored is compared before the last byte is sent, and the upload begins anew."""
    server.flip_bit(at=PIECE + 5)
    client(server, path, 15.0)
    server.assert_faults_happened()
    assert [upload.data for upload in server.uploads if upload.is_complete] == [path.read_bytes()]
    assert server.creations == 2


def test_a_damaged_byte_is_found_when_the_upload_goes_on(server: FlakyServer, path: Path) -> None:
    """The next run compares the digest of what is stored, and begins anew."""
    server.flip_bit(at=5)
    server.cut(after_bytes=PIECE)
    server.refuse(status=400, step="offset")
    with pytest.raises(RejectedError):
        blocking(server, path)
    assert server.upload.data[:6] != path.read_bytes()[:6]
    blocking(server, path)
    assert server.uploads[-1].data == path.read_bytes()
    assert server.creations == 2


async def test_it_can_be_told_while_an_upload_runs(server: FlakyServer, path: Path) -> None:
    """In async code, beside the upload: wait for the silence, then take the server away and bring it back."""
    silence = server.go_silent(after_bytes=PIECE)
    async with AsyncUploader(server.url, token=Provider(), clock=HASTY) as uploader:
        handle = uploader.start(path)
        await asyncio.to_thread(silence.wait)
        assert server.received == PIECE
        server.go_down()
        server.come_back()
        server.come_back()
        await handle
    server.assert_holds(path)
    assert server.repeated == 0


def test_latency_and_rate_are_floors(server: FlakyServer) -> None:
    """An answer comes no earlier than the latency, and bytes no faster than the rate."""
    server.latency = 0.05
    began = time.monotonic()
    ask(server, "OPTIONS", "/files/")
    assert time.monotonic() - began >= 0.05
    server.latency, server.rate = 0.0, 200_000.0
    assert (server.latency, server.rate) == (0.0, 200_000.0)
    began = time.monotonic()
    patch(server, create(server, length=20_000), bytes(20_000))
    assert time.monotonic() - began >= 0.1


def test_down_means_refused_and_back_means_the_same_port(path: Path) -> None:
    """While it is down nobody else can have its port; what was stored is still there afterwards."""
    with FlakyServer(token=TOKEN) as server:
        created = create(server, length=3)
        url = server.url
        server.go_down()
        server.go_down()
        port = int(url.rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            pass
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", port))
        server.come_back()
        assert server.url == url
        assert ask(server, "HEAD", created, **TUS)[0] == 200


def break_off(server: FlakyServer) -> None:
    """A test that breaks off while the server is silent in the middle of a body."""
    server.start()
    silence = server.go_silent(after_bytes=0)
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as client:
        client.sendall(b"POST /files/ HTTP/1.1\r\nHost: a\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 5\r\n")
        client.sendall(b"Content-Type: application/offset+octet-stream\r\nContent-Length: 5\r\n\r\nab")
        silence.wait()
        raise ZeroDivisionError


def test_nothing_is_left_behind() -> None:
    """No thread, no socket and no warning, whatever the clients were doing; and it can be started again."""
    before = set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            server = FlakyServer()
            server.stop()
            with pytest.raises(RuntimeError, match="does not run"):
                server.go_down()
            for _ in range(2):
                with pytest.raises(ZeroDivisionError), server:
                    break_off(server)
                assert set(threading.enumerate()) <= before
        gc.collect()


# what it says to a test
def test_its_words(server: FlakyServer, path: Path) -> None:
    """repr, the log and the failed assertions tell what came, and what went wrong."""
    assert "no uploads; 0 requests" in repr(server)
    with pytest.raises(AssertionError, match="expected one upload, but there are 0"):
        _ = server.upload
    server.cut(after_bytes=100)
    blocking(server, path)
    server.lose_answer("finalize")
    with pytest.raises(AssertionError, match="never happened: answer lost \\(finalize\\)"):
        server.assert_faults_happened()
    server.forgive()
    server.assert_faults_happened()
    upload = server.upload
    assert repr(upload) == f"<Upload {upload.id} (tus): {SIZE} of {SIZE} bytes, complete, 0 twice>"
    assert f"{upload.id} (tus)" in repr(server)
    lines = server.log.splitlines()
    appended = [line for line in lines if line.split()[1] == "PATCH"]
    assert appended[0].endswith("100 bytes from 0  -> no answer  [connection cut after 100 bytes]")
    assert all(line.endswith("  -> 204") for line in appended[1:])
    assert server.count("append") == len(appended)
    assert server.count("create") == 1
    with pytest.raises(AssertionError, match="byte 0 is 0x"):
        server.assert_holds(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(AssertionError, match=f"expected 3 bytes, complete; the server has <Upload {upload.id}"):
        server.assert_holds(path.read_bytes()[:3])


def test_its_settings_are_judged() -> None:
    """A fault that cannot happen is an error where it is told."""
    with pytest.raises(ValueError, match="after_bytes must be at least 0"):
        FlakyServer().cut(after_bytes=-1)
