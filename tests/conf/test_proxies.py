"""conf/nginx.conf, conf/Caddyfile and conf/haproxy.cfg, each run by its real proxy, hold the same promises."""

import hashlib
import http.client
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select
from socket import MSG_WAITALL
from time import monotonic
from typing import BinaryIO

import pytest

from tests.conf.deployments import EACH, NAME, PASSWORD, TUS, Proxy, checked, proxying
from tests.conf.uploads import BYTES, MIB, create, digest_of, head, made, offset, served

LARGE = 64 * MIB
BLOCK = 64 * 1024


@pytest.fixture(scope="module", params=EACH)
def name(request: pytest.FixtureRequest) -> str:
    """Which proxy."""
    found: str = request.param
    return found


class Echo(BaseHTTPRequestHandler):
    """Answers every request with the head that reached it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send the request's own head back."""
        body = f"{self.requestline}\n{self.headers}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def echo(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run the proxy in front of a server that tells what reached it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with proxying(name, tmp_path_factory.mktemp("echo"), upstream=server.server_port) as proxy:
            yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a proxy and its server live."""
    return tmp_path_factory.mktemp(name)


@pytest.fixture(scope="module")
def proxy(name: str, folder: Path) -> Iterator[Proxy]:
    """Run the proxy in front of tusvideo, configured as the file's own comments say."""
    with served(folder, trusted='"127.0.0.1"') as upstream, proxying(name, folder, upstream=upstream) as running:
        yield running


def test_configuration_is_valid(name: str, tmp_path: Path) -> None:
    """The proxy finds no mistake and nothing to warn about in the file."""
    done = checked(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no password"),
        pytest.param({"Authorization": "Basic " + b64encode(b"alice:guess").decode()}, id="wrong password"),
        pytest.param({"Authorization": "Bearer correct horse"}, id="other scheme"),
    ],
)
def test_nothing_passes_without_the_password(echo: Proxy, headers: dict[str, str]) -> None:
    """Without the password every path answers 401, and tusvideo is not asked."""
    for target in ("/", "/files/", "/api/videos", "/uploads/posters/local/video_1.mp4", "/healthz"):
        answer = echo.ask("GET", target, **headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="tusvideo"'
        assert target.encode() + b" HTTP" not in answer.body


def test_what_a_client_claims_about_itself_is_replaced(echo: Proxy) -> None:
    """Forwarding fields say what the proxy saw; Host is the client's; the password stays at the proxy."""
    claims = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "443",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7;host=evil.example",
    }
    answer = echo.ask("GET", "/files/?a=%2F//b", **claims, **PASSWORD)
    line, *fields = answer.body.decode().rstrip().split("\n")
    assert line == "GET /files/?a=%2F//b HTTP/1.1"
    told = dict(field.lower().split(": ", 1) for field in fields if field)
    assert told == {
        "host": NAME,
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": NAME,
        "x-forwarded-proto": "http",
        "connection": "close",
        "accept-encoding": "identity",
    }


def test_long_metadata_passes(echo: Proxy) -> None:
    """A header of 60 KiB, such as a long Upload-Metadata, is not the proxy's to refuse."""
    metadata = "filename " + b64encode(bytes(45_000)).decode()
    answer = echo.ask("GET", "/files/", Upload_Metadata=metadata, **PASSWORD)
    assert answer.status == 200
    assert metadata.encode() in answer.body


def test_upload_is_cut_and_resumed(proxy: Proxy, folder: Path) -> None:
    """Bytes arrive while the request still runs; after a cut the rest is sent and the file on disk is whole."""
    content = made(5 * MIB + 17)
    half = 2 * MIB + 3
    path = create(proxy, len(content), name="cut.bin")
    patch = {
        **TUS,
        **BYTES,
        "Upload-Offset": "0",
        "Content-Length": str(len(content)),
    }
    with proxy.connect() as connection:
        connection.sendall(head("PATCH", path, patch) + content[:half])
        deadline = monotonic() + 20
        while (stored := offset(proxy, path)) < half:
            assert monotonic() < deadline, (
                f"{stored} of {half} bytes passed while the request ran: the proxy holds them back"
            )
    assert offset(proxy, path) == half
    rest = {**patch, "Upload-Offset": str(half), "Content-Length": str(len(content) - half)}
    answer = proxy.ask("PATCH", path, content[half:], **rest)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(content))), answer
    digest = hashlib.sha256(content).hexdigest()
    assert hashlib.sha256(proxy.ask("GET", path, **PASSWORD).body).hexdigest() == digest
    assert digest_of(folder, "cut.bin") == digest


def test_refusal_of_a_long_body_reaches_the_client(proxy: Proxy) -> None:
    """A wrong offset answers 409 through the proxy, with the true offset, while the client still sends 64 MiB.

    It has to go on sending: Caddy passes an early answer on only when the next bytes come.
    """
    path = create(proxy, 64 * MIB)
    patch = {
        **TUS,
        **BYTES,
        "Upload-Offset": "4096",
        "Content-Length": str(64 * MIB - 4096),
    }
    with proxy.connect() as connection:
        connection.sendall(head("PATCH", path, patch))
        # Caddy closes as soon as it has answered, maybe between a look and the next piece; the answer is there then.
        with suppress(ConnectionError):
            for _ in range(64 * MIB // BLOCK - 1):
                if select([connection], [], [], 0)[0]:
                    break
                connection.sendall(bytes(BLOCK))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["Upload-Offset"]) == (409, "0")


def test_part_of_a_file_comes_through(proxy: Proxy) -> None:
    """A range of a finished file is 206 with exactly these bytes, as players ask for it."""
    content = made(3 * MIB)
    path = create(proxy, len(content))
    assert proxy.ask("PATCH", path, content, **TUS, **BYTES, Upload_Offset="0").status == 204
    answer = proxy.ask("GET", path, Range="bytes=1000000-2999999", **PASSWORD)
    assert (answer.status, answer.body == content[1_000_000:3_000_000]) == (206, True)


def test_large_body(proxy: Proxy, folder: Path) -> None:
    """One request of 64 MiB passes, whole."""
    content = made(MIB) * (LARGE // MIB)
    path = create(proxy, LARGE, name="large.bin")
    answer = proxy.ask("PATCH", path, content, **TUS, **BYTES, Upload_Offset="0")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(LARGE)), answer
    assert digest_of(folder, "large.bin") == hashlib.sha256(content).hexdigest()


def test_location_is_a_path(proxy: Proxy) -> None:
    """Location holds no scheme and no host, so nobody on the way can get them wrong."""
    path = create(proxy, 5)
    assert path.startswith("/files/")
    assert offset(proxy, path) == 0


def test_methods_pass(proxy: Proxy) -> None:
    """OPTIONS, DELETE, and a POST that stands for PATCH, reach tusvideo."""
    path = create(proxy, 5)
    assert proxy.ask("OPTIONS", "/files/", **PASSWORD).headers["Tus-Version"] == "1.0.0"
    instead = proxy.ask("POST", path, b"ab", **TUS, **BYTES, Upload_Offset="0", X_HTTP_Method_Override="PATCH")
    assert (instead.status, instead.headers["Upload-Offset"]) == (204, "2")
    assert proxy.ask("DELETE", path, **TUS).status == 204
    assert proxy.ask("HEAD", path, **TUS).status == 404


def test_proxy_that_is_not_trusted_is_told_so(name: str, tmp_path: Path) -> None:
    """Without trusted_proxies nothing passes, and the answer says what to do."""
    with served(tmp_path, trusted="") as upstream, proxying(name, tmp_path, upstream=upstream) as proxy:
        answer = proxy.ask("POST", "/files/", Upload_Length="5", **TUS)
    assert answer.status == 403
    assert b"configured proxies" in answer.body


FIRST_WORD = {"nginx": {100}, "caddy": {100, 409}, "haproxy": {409}}
"""What a client that waits for 100 Continue hears first when its request is refused: of HAProxy what tusvideo said, so
that no byte of the body is sent; of nginx its own 100; of Caddy whichever is quicker."""


@pytest.mark.parametrize("at", [0, 4096], ids=["fits", "does not fit"])
def test_expect_100_continue(at: int, name: str, proxy: Proxy) -> None:
    """A client that waits for 100 Continue gets it, or the refusal."""
    content = made(MIB)
    path = create(proxy, 2 * MIB)
    patch = {**TUS, **BYTES, "Upload-Offset": str(at), "Content-Length": str(MIB), "Expect": "100-continue"}
    with proxy.connect() as connection:
        connection.sendall(head("PATCH", path, patch))
        answer = connection.makefile("rb")
        status = status_of(answer)
        assert status in ({100} if at == 0 else FIRST_WORD[name])
        if status == 100:
            with suppress(ConnectionError):  # as above
                connection.sendall(content)
        while status == 100:  # Caddy may pass tusvideo's own on, besides its own
            status = status_of(answer)
    assert status == (204 if at == 0 else 409)


def status_of(answer: BinaryIO) -> int:
    """Read one head, and give its status."""
    status = int(answer.readline().split()[1])
    while answer.readline() != b"\r\n":
        pass
    return status


def test_interim_answers_stay_behind_a_proxy(proxy: Proxy) -> None:
    """By default a client gets one answer to an upload of the IETF draft, and no 104 before it."""
    fields = {**PASSWORD, "Upload-Draft-Interop-Version": "9", "Upload-Complete": "?1", "Content-Length": "100"}
    with proxy.connect() as connection:
        connection.sendall(head("POST", "/files/", fields) + bytes(100))
        assert connection.recv(12, MSG_WAITALL) == b"HTTP/1.1 201"
