"""The server for users' tests: each fault against our uploaders and tuspy, and the protocols it speaks."""

import asyncio
import base64
import gc
import hashlib
import http.client
import json
import random
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from tusvideo_client import (
    AsyncUploader,
    ChunkedVideoUploader,
    RejectedError,
    RetryPolicy,
    Uploader,
)
from tusvideo_client.clock import Clock
from tusvideo_client.testing import FlakyServer

KIB = 1024
PIECE = 256 * KIB
SIZE = 5 * PIECE + 7
STALL = 0.4
TOKEN = "first"
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
    "busy for bytes": Row(tell=lambda s: s.refuse(status=500, times=2, step="append"), clients=ALL, happens=2),
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
def server() -> Iterator[FlakyServer]:
    """A server that asks for a token."""
    with FlakyServer(token=TOKEN) as server:
        yield server
        assert not [request for request in server.requests if request.status == 500 and request.fault is None]


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


# tus

TUS = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {TOKEN}"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


def ask(
    server: FlakyServer, method: str, path: str, body: bytes | None = None, /, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Make a request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=10)
    try:
        fields = {"Authorization": f"Bearer {TOKEN}"} | {key.replace("_", "-"): word for key, word in headers.items()}
        connection.request(method, path, body=body, headers=fields)
        answer = connection.getresponse()
        return answer.status, {key.lower(): word for key, word in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def create(server: FlakyServer, *, length: int) -> str:
    """Make an upload over tus; gives its path."""
    status, headers, _ = ask(server, "POST", "/files/", **TUS, Upload_Length=str(length))
    assert status == 201
    return headers["location"]


def patch(server: FlakyServer, path: str, data: bytes, offset: int = 0, **headers: str) -> tuple[int, dict[str, str]]:
    """Append bytes over tus."""
    status, answered, _ = ask(server, "PATCH", path, data, **TUS, **BYTES, Upload_Offset=str(offset), **headers)
    return status, answered


def test_options(server: FlakyServer) -> None:
    """OPTIONS tells version, extensions and algorithms, to everybody. Spec: tus 1.0.0 § OPTIONS."""
    server.token = "another"
    status, headers, _ = ask(server, "OPTIONS", "/files/")
    assert (status, headers["tus-version"]) == (204, "1.0.0")
    extensions = headers["tus-extension"].split(",")
    assert extensions == ["creation", "creation-with-upload", "creation-defer-length", "termination", "checksum"]
    assert "sha1" in headers["tus-checksum-algorithm"].split(",")


def test_creation_with_upload_and_metadata(server: FlakyServer) -> None:
    """The first bytes come with the creation. Spec: tus 1.0.0 § Creation With Upload."""
    told = f"filename {base64.b64encode('übung.txt'.encode()).decode()},empty"
    status, headers, _ = ask(server, "POST", "/files/", b"abc", **TUS, **BYTES, Upload_Length="5", Upload_Metadata=told)
    assert (status, headers["upload-offset"]) == (201, "3")
    assert server.upload.metadata == {"filename": "übung.txt", "empty": ""}
    assert patch(server, headers["location"], b"de", 3)[1]["upload-offset"] == "5"
    server.assert_holds(b"abcde")
    assert server.upload.filename == "übung.txt"
    status, headers, _ = ask(server, "HEAD", headers["location"], **TUS)
    assert (headers["upload-offset"], headers["upload-length"], headers["cache-control"]) == ("5", "5", "no-store")
    assert ask(server, "GET", headers["content-location"])[2] == b"abcde"


def test_deferred_length(server: FlakyServer) -> None:
    """The length is told later, once. Spec: tus 1.0.0 § Upload-Defer-Length."""
    _, headers, _ = ask(server, "POST", "/files/", **TUS, Upload_Defer_Length="1")
    path = headers["location"]
    assert ask(server, "HEAD", path, **TUS)[1]["upload-defer-length"] == "1"
    assert patch(server, path, b"abc")[0] == 204
    assert not server.upload.is_complete
    assert patch(server, path, b"", 3, Upload_Length="3")[0] == 204
    server.assert_holds(b"abc")
    assert patch(server, path, b"", 3, Upload_Length="4")[0] == 400


@pytest.mark.parametrize(
    ("algorithm", "data", "status", "offset"),
    [
        ("sha1", b"abc", 204, 3),
        ("sha256", b"abc", 204, 3),
        ("md5", b"abc", 204, 3),
        ("sha512", b"abc", 204, 3),
        ("sha1", b"abd", 460, 0),
    ],
)
def test_checksum(algorithm: str, data: bytes, status: int, offset: int, server: FlakyServer) -> None:
    """A body counts if it has its checksum, and leaves nothing if it has not. Spec: tus 1.0.0 § Checksum."""
    path = create(server, length=5)
    digest = base64.b64encode(hashlib.new(algorithm, b"abc").digest()).decode()
    assert patch(server, path, data, Upload_Checksum=f"{algorithm} {digest}")[0] == status
    assert server.upload.offset == offset


def test_termination(server: FlakyServer) -> None:
    """After DELETE the upload is gone. Spec: tus 1.0.0 § Termination."""
    path = create(server, length=5)
    assert ask(server, "DELETE", path, **TUS)[0] == 204
    assert [ask(server, method, path, **TUS)[0] for method in ("HEAD", "DELETE")] == [404, 404]
    assert patch(server, path, b"a")[0] == 404
    assert (server.uploads, server.creations) == ([], 1)


def test_the_same_key_makes_the_same_upload(server: FlakyServer) -> None:
    """A creation that comes again with its Idempotency-Key makes no second upload."""
    first = ask(server, "POST", "/files/", **TUS, Upload_Length="5", Idempotency_Key="k")
    again = ask(server, "POST", "/files/", **TUS, Upload_Length="5", Idempotency_Key="k")
    assert (again[0], again[1]["location"], again[1]["upload-offset"]) == (201, first[1]["location"], "0")
    assert server.creations == 1


def test_method_override(server: FlakyServer) -> None:
    """X-HTTP-Method-Override names the method. Spec: tus 1.0.0 § X-HTTP-Method-Override."""
    path = create(server, length=3)
    status, _, _ = ask(server, "POST", path, b"abc", **TUS, **BYTES, Upload_Offset="0", X_HTTP_Method_Override="PATCH")
    assert status == 204
    server.assert_holds(b"abc")


def test_expect_continue(server: FlakyServer) -> None:
    """Who waits for 100 Continue before the body, as curl does, gets it. Spec: RFC 9110 § 10.1.1."""
    path = create(server, length=3)
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as client:
        fields = {**TUS, **BYTES, "Host": "a", "Upload-Offset": "0", "Content-Length": "3", "Expect": "100-continue"}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client.sendall(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"abc")
        assert client.recv(100).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Upload_Length": "5", "Tus_Resumable": "0.2.2"}, 412),
        ("POST", {}, 400),
        ("POST", {"Upload_Length": "5", "Upload_Defer_Length": "1"}, 400),
        ("POST", {"Upload_Length": "-1"}, 400),
        ("POST", {"Upload_Length": "5", "Upload_Metadata": "filename §"}, 400),
        ("POST", {"Upload_Length": "5", "Upload_Metadata": "a YQ==,a YQ=="}, 400),
        ("POST", {"Upload_Length": "5", "Authorization": "Bearer wrong"}, 401),
        ("PATCH", {"Upload_Offset": "0"}, 415),
        ("PATCH", {"Content_Type": BYTES["Content-Type"]}, 400),
        ("PATCH", {"Upload_Offset": "x", **BYTES}, 400),
        ("PATCH", {"Upload_Offset": "2", **BYTES}, 409),
        ("PATCH", {"Upload_Offset": "0", "Upload_Length": "6", **BYTES}, 400),
        ("PATCH", {"Upload_Offset": "0", "Upload_Checksum": "crc99 YWJj", **BYTES}, 400),
        ("PATCH", {"Upload_Offset": "0", "Upload_Checksum": "sha1 §", **BYTES}, 400),
        ("PATCH", {"Upload_Offset": "00", **BYTES}, 400),
        ("PATCH", {"Upload_Offset": "0", "Content_Encoding": "gzip", **BYTES}, 415),
        ("PUT", {}, 405),
        ("HEAD", {"Tus_Resumable": ""}, 412),
    ],
)
def test_what_tus_does_not_allow_is_refused(
    method: str, headers: dict[str, str], status: int, server: FlakyServer
) -> None:
    """A script that does not keep to the protocol hears it, in words, and nothing changes."""
    path = "/files/" if method == "POST" else create(server, length=5)
    before = server.creations
    fields = TUS | {name.replace("_", "-"): value.replace("§", "%") for name, value in headers.items()}
    answer = ask(server, method, path, b"abc" if method == "PATCH" else None, **fields)
    assert answer[0] == status
    if method != "HEAD":
        assert json.loads(answer[2])["detail"]
    if status == 409:
        assert answer[1]["upload-offset"] == "0"
    assert (server.creations, server.received) == (before, 0)


def test_more_bytes_than_told_are_refused(server: FlakyServer) -> None:
    """Neither by Content-Length nor in a chunked body may more come than the upload has."""
    path = create(server, length=2)
    assert patch(server, path, b"abc")[0] == 413
    body: Any = iter([b"a", b"bc"])
    assert patch(server, path, body)[0] == 413
    assert server.upload.offset <= 1


def test_digests_of_what_is_stored(server: FlakyServer) -> None:
    """GET …/digest tells the SHA-256 of a range, within what is stored."""
    path = create(server, length=5)
    patch(server, path, b"abc")
    status, _, body = ask(server, "GET", f"{path}/digest?from=1&to=3")
    told = json.loads(body)
    assert (status, told["algorithm"], told["digest"]) == (200, "sha-256", hashlib.sha256(b"bc").hexdigest())
    assert ask(server, "GET", f"{path}/digest?from=1&to=4")[0] == 400


# the chunk API

PLACE = "/api/poster/video/chunk"


def put(server: FlakyServer, data: bytes, *, file_first: bool = False, **fields: object) -> tuple[int, dict[str, Any]]:
    """Send one chunk as a form, as it is documented."""
    plain = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in ({"uploadId": "k", "totalChunks": 2} | fields).items()
    ]
    head = b'--b\r\nContent-Disposition: form-data; name="chunk"; filename="c"\r\n\r\n'
    file = head + data + b"\r\n"
    parts = [file, *plain] if file_first else [*plain, file]
    body = b"".join(parts) + b"--b--\r\n"
    status, _, answer = ask(server, "POST", PLACE, body, Content_Type="multipart/form-data; boundary=b")
    return status, json.loads(answer)


def finalize(server: FlakyServer, **facts: object) -> tuple[int, dict[str, Any]]:
    """Finalize over JSON."""
    told = json.dumps({"uploadId": "k", "filename": "talk.webm", "totalChunks": 2} | facts).encode()
    status, _, answer = ask(server, "POST", "/api/poster/video/finalize", told, Content_Type="application/json")
    return status, json.loads(answer)


@pytest.mark.parametrize("file_first", [True, False])
def test_chunks_in_any_order(file_first: bool, server: FlakyServer) -> None:
    """Chunks come in any order, with their fields before or behind, and again; finalize says the same twice."""
    assert put(server, b"de", chunkIndex=1, file_first=file_first)[1]["offset"] == 0
    status, headers, body = ask(server, "GET", f"{PLACE}?uploadId=k")
    facts = json.loads(body)
    assert (status, headers["upload-next-chunk"], facts["received"], facts["missing"]) == (200, "0", [[1, 1]], [[0, 0]])
    assert finalize(server) == (409, {"success": False, "error": "chunks are missing", "missing": [0]})
    for _ in range(2):
        stored = put(server, b"abc", chunkIndex=0, chunkSize=3, fileSize=5, file_first=file_first)
        assert (stored[0], stored[1]["offset"], stored[1]["received"]) == (200, 5, 2)
    assert put(server, b"abX", chunkIndex=0)[0] == 409
    done = finalize(server, checksum=hashlib.sha256(b"abcde").hexdigest())
    assert done == finalize(server)
    assert (done[0], done[1]["size"], done[1]["filename"][-5:]) == (200, 5, ".webm")
    server.assert_holds(b"abcde")
    assert server.repeated == 6
    headers = ask(server, "HEAD", f"{PLACE}?uploadId=k")[1]
    assert (headers["upload-offset"], headers["upload-length"]) == ("5", "5")
    assert headers["content-location"] == done[1]["url"]
    assert put(server, b"abc", chunkIndex=0)[1]["filename"] == done[1]["filename"]
    assert put(server, b"abX", chunkIndex=0)[0] == 409
    assert ask(server, "GET", done[1]["url"])[2] == b"abcde"


def test_a_torn_chunk_leaves_no_trace(server: FlakyServer) -> None:
    """What was cut is not there; what came of it counts as having come."""
    server.cut(after_bytes=2)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        put(server, b"abc", chunkIndex=0, fileSize=5)
    assert ask(server, "HEAD", f"{PLACE}?uploadId=k")[0] == 404
    assert (server.uploads, server.creations, server.received) == ([], 0, 2)
    assert put(server, b"abc", chunkIndex=0, fileSize=5)[0] == 200
    assert (server.creations, server.repeated) == (1, 2)


def test_records(server: FlakyServer) -> None:
    """A published file gets a record, once; another name is unknown."""
    put(server, b"abc", chunkIndex=0, totalChunks=1)
    filename = finalize(server, totalChunks=1)[1]["filename"]

    def record(**facts: str) -> int:
        body = json.dumps(facts).encode()
        return ask(server, "POST", "/api/videos/metadata", body, Content_Type="application/json")[0]

    assert record(filename=filename, title="A") == 201
    assert record(filename=filename, title="B") == 200
    assert record(filename="other.mp4", title="B") == 404
    assert record(filename=filename) == 400
    assert server.records == [{"filename": filename, "title": "B"}]


def test_finalize_takes_a_form_and_compares(server: FlakyServer) -> None:
    """Finalize comes as a form too; with another checksum the upload is gone."""
    put(server, b"abc", chunkIndex=0, totalChunks=1)
    body = f"uploadId=k&filename=a.mp4&totalChunks=1&checksum={'0' * 64}".encode()
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(server, "POST", "/api/poster/video/finalize", body, **form)[0] == 422
    assert server.uploads == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"chunkIndex": "x"}, 400),
        ({"chunkIndex": 2}, 400),
        ({"chunkIndex": 0, "uploadId": "a/b"}, 400),
        ({"chunkIndex": 0, "checksum": "0" * 64}, 422),
    ],
)
def test_what_the_chunk_api_does_not_allow_is_refused(
    fields: dict[str, object], status: int, server: FlakyServer
) -> None:
    """A script that leaves out or makes up a field hears it, in words."""
    answer = put(server, b"abc", file_first=False, **fields)
    assert answer[0] == status
    assert answer[1]["detail"]
    assert all(upload.chunks == {} for upload in server.uploads)


def test_other_bodies_than_forms_and_json_are_refused(server: FlakyServer) -> None:
    """415 for a chunk that is no form, 400 for JSON that is none or for a form without a file."""
    assert ask(server, "POST", PLACE, b"abc")[0] == 415
    for form in (b"--b--\r\n", b"nothing of it", b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n"):
        assert ask(server, "POST", PLACE, form, Content_Type="multipart/form-data; boundary=b")[0] == 400
    assert ask(server, "POST", "/api/poster/video/finalize", b"[", Content_Type="application/json")[0] == 400
    put(server, b"abc", chunkIndex=0)
    assert ask(server, "DELETE", f"{PLACE}?uploadId=k")[0] == 204
    assert ask(server, "DELETE", f"{PLACE}?uploadId=k")[0] == 404
    assert server.count("terminate") == 2
