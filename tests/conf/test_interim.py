"""Interim answers of the IETF draft (104) through each proxy: who passes them on, and who must not be given any."""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conf.conftest import serving
from tests.conf.deployments import EACH, NAME, PASSWORD, Proxy, program, proxying
from tests.conf.uploads import head

PASSED_ON_BY = ("caddy", "haproxy")
"""Caddy 2.6 and HAProxy 2.6, in HTTP/1.1 and HTTP/2. nginx 1.22 takes the first 104 for the last answer."""
DRAFT = {**PASSWORD, "Upload-Draft-Interop-Version": "9", "Upload-Complete": "?1"}
SIZE = 100
PROTOCOL_ERROR = 92
"""With this curl ends when an HTTP/2 stream breaks."""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")


@pytest.fixture(scope="module", params=[each for each in EACH if each.values[0] in PASSED_ON_BY])
def name(request: pytest.FixtureRequest) -> str:
    """Which proxy of those."""
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that sends interim answers through its proxy, too; gives its port."""
    folder = tmp_path_factory.mktemp("server")
    config = folder / "tusvideo.toml"
    lines = (f'allowed_hosts = ["{NAME}"]', 'trusted_proxies = ["127.0.0.1"]', 'interim_answers = "always"')
    config.write_text("\n".join(("[server]", *lines, "")))
    with serving("--config", config, "--listen", "127.0.0.1:0", "--data-dir", folder / "data") as (_, url):
        port = urlsplit(url).port
        assert port is not None
        yield port


def next_head(connection: socket.socket) -> tuple[int, dict[str, str]]:
    """Read one head, and not a byte behind it."""
    came = b""
    while not came.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, came
        came += byte
    first, *lines = came.decode().splitlines()
    fields = dict(line.split(": ", 1) for line in lines if line)
    return int(first.split()[1]), {key.lower(): value for key, value in fields.items()}


def test_interim_answers_are_passed_on(name: str, upstream: int, tmp_path: Path) -> None:
    """The client learns of its upload while it still sends, and the last answer names the same upload."""
    with proxying(name, tmp_path, upstream=upstream) as proxy, proxy.connect() as connection:
        connection.sendall(head("POST", "/files/", {**DRAFT, "Content-Length": str(SIZE)}) + bytes(SIZE // 2))
        status, told = next_head(connection)
        assert (status, told["upload-draft-interop-version"]) == (104, "9")
        assert told["upload-limit"].startswith("max-size=")
        connection.sendall(bytes(SIZE - SIZE // 2))
        status, last = next_head(connection)
        assert (status, last["upload-complete"], last["location"]) == (201, "?1", told["location"])


async def statuses(proxy: Proxy, folder: Path) -> tuple[int, list[str]]:
    """Send a whole file by curl over HTTP/2; gives its exit code and the statuses that it saw."""
    source = folder / "source"
    source.write_bytes(bytes(SIZE))
    fields = [word for key, value in {"Host": NAME, **DRAFT}.items() for word in ("-H", f"{key}: {value}")]
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "--http2-prior-knowledge", "-D", "-", "-o", "/dev/null", *fields),
        *("--data-binary", f"@{source}", f"http://127.0.0.1:{proxy.port}/files/"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, [line.split()[1] for line in out.decode().splitlines() if line.startswith("HTTP/2")]


@needs_curl
async def test_interim_answers_are_passed_on_in_http2(name: str, upstream: int, tmp_path: Path) -> None:
    """As browsers and phones speak to a proxy with a certificate."""
    with proxying(name, tmp_path, upstream=upstream, http2=True) as proxy:
        assert await statuses(proxy, tmp_path) == (0, ["104", "201"])


@needs_curl
@pytest.mark.skipif(program("nginx") is None, reason="nginx is not installed: apt-get install nginx")
async def test_nginx_must_not_be_given_any(upstream: int, tmp_path: Path) -> None:
    """It ends the HTTP/2 stream with the first 104: the file is stored, and its client is told of a broken connection.

    When this fails, nginx has learned it, and the README, conf/ and decisions/0022 may say so.
    """
    with proxying("nginx", tmp_path, upstream=upstream, http2=True) as proxy:
        assert await statuses(proxy, tmp_path) == (PROTOCOL_ERROR, ["104"])
