"""conf/nginx.conf, run by a real nginx: three values are replaced, everything else is as written.

Replaced are what a test cannot have: port 80, port 8080 of the upstream, and the password file under /etc.
"""

import hashlib
import http.client
import os
import random
import shutil
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.conf.conftest import ServeFactory

CONF = Path(__file__).parents[2] / "conf/nginx.conf"
NAME = "uploads.example.org"
PASSWORD = {"Authorization": "Basic " + b64encode(b"alice:correct horse").decode()}
HTPASSWD = "alice:{PLAIN}correct horse\n"
TUS = {"Tus-Resumable": "1.0.0", **PASSWORD}
MIB = 1024 * 1024

PROGRAM = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed: apt-get install nginx")


class Answer(NamedTuple):
    """What came back through nginx."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Proxy:
    """A running nginx with the configuration under test."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self) -> socket.socket:
        """Open a connection to nginx."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, method: str, target: str, body: bytes | None = None, /, **headers: str) -> Answer:
        """Send one request under the configured name; underscores in header names stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, {"Host": NAME, **named})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())


def replace_once(text: str, old: str, new: str) -> str:
    """Replace the one place where a text occurs."""
    assert text.count(old) == 1, f"expected {old!r} exactly once in conf/nginx.conf"
    return text.replace(old, new)


def written(folder: Path, *, listen: int, upstream: int) -> Path:
    """Write a configuration that includes conf/nginx.conf with its three replacements; gives the path of the whole."""
    password = folder / "htpasswd"
    password.write_text(HTPASSWD)
    text = CONF.read_text()
    text = replace_once(text, "listen 80;", f"listen 127.0.0.1:{listen};")
    text = replace_once(text, "server 127.0.0.1:8080;", f"server 127.0.0.1:{upstream};")
    text = replace_once(
        text, "auth_basic_user_file /etc/nginx/tusvideo.htpasswd;", f'auth_basic_user_file "{password}";'
    )
    site = folder / "tusvideo.conf"
    site.write_text(text)
    temporary = "\n".join(
        f'    {kind}_temp_path "{folder / kind}";' for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The password file is readable for the one who runs the test, so nginx's worker has to be the same one.
    user = "user root root;" if os.geteuid() == 0 else ""
    whole = folder / "nginx.conf"
    whole.write_text(
        f'{user}\ndaemon off;\nworker_processes 1;\npid "{folder / "pid"}";\nerror_log stderr notice;\n'
        f'events {{}}\nhttp {{\n    access_log off;\n{temporary}\n    include "{site}";\n}}\n'
    )
    return whole


@contextmanager
def proxying(folder: Path, upstream: str) -> Iterator[Proxy]:
    """Run nginx in front of a server on loopback until the block ends."""
    assert PROGRAM is not None
    port = urlsplit(upstream).port
    assert port is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The socket is handed over open, so that a connection waits for nginx instead of the test.
        listen = listener.getsockname()[1]
        whole = written(folder, listen=listen, upstream=port)
        with (folder / "nginx.log").open("wb") as log:
            process = subprocess.Popen(
                [PROGRAM, "-p", folder, "-e", "stderr", "-c", whole],
                env={"NGINX": f"{listener.fileno()};"},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
    with process:
        try:
            yield Proxy(listen)
        finally:
            process.terminate()
            process.wait(timeout=10)


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


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Proxy]:
    """Run nginx in front of a server that tells what reached it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with proxying(tmp_path, f"http://127.0.0.1:{server.server_port}") as proxy:
            yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The server's data folder."""
    return tmp_path / "data"


@pytest.fixture
def proxy(tmp_path: Path, data: Path, serve: ServeFactory) -> Iterator[Proxy]:
    """Run nginx in front of tusvideo, configured as the file's own comments say."""
    config = tmp_path / "tusvideo.toml"
    config.write_text(f'[server]\nallowed_hosts = ["{NAME}"]\ntrusted_proxies = ["127.0.0.1"]\n')
    upstream = serve("--config", config, "--listen", "127.0.0.1:0", "--data-dir", data)
    with proxying(tmp_path, upstream) as running:
        yield running


def made(length: int) -> bytes:
    """Bytes that no compression and no shift leaves alike."""
    return random.Random(length).randbytes(length)


def create(proxy: Proxy, length: int) -> str:
    """Create a tus upload and give its path."""
    answer = proxy.ask("POST", "/files/", Upload_Length=str(length), **TUS)
    assert answer.status == 201, answer
    return answer.headers["Location"]


def offset(proxy: Proxy, path: str) -> int:
    """Ask for the stored offset."""
    answer = proxy.ask("HEAD", path, **TUS)
    assert answer.status == 200, answer
    return int(answer.headers["Upload-Offset"])


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """A request head for a bare socket."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {NAME}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def test_configuration_is_valid(tmp_path: Path) -> None:
    """Nginx finds no mistake and nothing to warn about in the file."""
    assert PROGRAM is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        whole = written(tmp_path, listen=free.getsockname()[1], upstream=8080)
    command: list[str | Path] = [PROGRAM, "-t", "-q", "-p", tmp_path, "-e", "stderr", "-c", whole]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


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
    """Forwarding headers say what nginx saw; Host is the client's; the password stays at nginx."""
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
    told = dict(field.split(": ", 1) for field in fields if field)
    assert told == {
        "Host": NAME,
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": NAME,
        "X-Forwarded-Proto": "http",
        "Connection": "close",
        "Accept-Encoding": "identity",
    }


def test_long_metadata_passes(echo: Proxy) -> None:
    """A header of 60 KiB, such as a long Upload-Metadata, is not nginx's to refuse."""
    metadata = "filename " + b64encode(bytes(45_000)).decode()
    answer = echo.ask("GET", "/files/", Upload_Metadata=metadata, **PASSWORD)
    assert answer.status == 200
    assert metadata.encode() in answer.body


def test_upload_is_cut_and_resumed(proxy: Proxy, data: Path) -> None:
    """Bytes arrive while the request still runs; after a cut the rest is sent and the file on disk is whole."""
    content = made(5 * MIB + 17)
    half = 2 * MIB + 3
    path = create(proxy, len(content))
    patch = {
        **TUS,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "0",
        "Content-Length": str(len(content)),
    }
    with proxy.connect() as connection:
        connection.sendall(head("PATCH", path, patch) + content[:half])
        deadline = monotonic() + 20
        while (stored := offset(proxy, path)) < half:
            assert monotonic() < deadline, (
                f"{stored} of {half} bytes passed while the request ran: nginx holds them back"
            )
    assert offset(proxy, path) == half
    rest = {**patch, "Upload-Offset": str(half), "Content-Length": str(len(content) - half)}
    answer = proxy.ask("PATCH", path, content[half:], **rest)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(content))), answer
    digest = hashlib.sha256(content).hexdigest()
    assert hashlib.sha256(proxy.ask("GET", path, **PASSWORD).body).hexdigest() == digest
    published = [file for file in (data / "uploads").rglob("*") if file.is_file()]
    assert [hashlib.sha256(file.read_bytes()).hexdigest() for file in published] == [digest]


def test_refusal_of_a_long_body_reaches_the_client(proxy: Proxy) -> None:
    """A wrong offset answers 409 through nginx, with the true offset, while the client still sends 64 MiB."""
    path = create(proxy, 64 * MIB)
    patch = {
        **TUS,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "4096",
        "Content-Length": str(64 * MIB - 4096),
    }
    with proxy.connect() as connection:
        connection.sendall(head("PATCH", path, patch) + bytes(64 * 1024))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["Upload-Offset"]) == (409, "0")


def test_part_of_a_file_comes_through(proxy: Proxy) -> None:
    """A range of a finished file is 206 with exactly these bytes, as players ask for it."""
    content = made(3 * MIB)
    path = create(proxy, len(content))
    patch = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert proxy.ask("PATCH", path, content, **TUS, **patch).status == 204
    answer = proxy.ask("GET", path, Range="bytes=1000000-2999999", **PASSWORD)
    assert (answer.status, answer.body == content[1_000_000:3_000_000]) == (206, True)
