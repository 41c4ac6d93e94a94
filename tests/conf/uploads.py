"""Uploads through a proxy, and the server behind it."""

import hashlib
import random
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.conf.conftest import serving
from tests.conf.deployments import NAME, TUS, Proxy

MIB = 1024 * 1024
BYTES = {"Content-Type": "application/offset+octet-stream"}


@contextmanager
def served(folder: Path, *, trusted: str) -> Iterator[int]:
    """Run tusvideo under the configured name until the block ends; gives its port."""
    config = folder / "tusvideo.toml"
    config.write_text(f'[server]\nallowed_hosts = ["{NAME}"]\ntrusted_proxies = [{trusted}]\n')
    with serving("--config", config, "--listen", "127.0.0.1:0", "--data-dir", folder / "data") as (_, url):
        port = urlsplit(url).port
        assert port is not None
        yield port


def made(length: int) -> bytes:
    """Bytes that no compression and no shift leaves alike."""
    return random.Random(length).randbytes(length)


def create(proxy: Proxy, length: int, *, name: str = "") -> str:
    """Create a tus upload and give its path."""
    metadata = {"Upload-Metadata": f"filename {b64encode(name.encode()).decode()}"} if name else {}
    answer = proxy.ask("POST", "/files/", Upload_Length=str(length), **metadata, **TUS)
    assert answer.status == 201, answer
    return answer.headers["Location"]


def offset(proxy: Proxy, path: str) -> int:
    """Ask for the stored offset."""
    answer = proxy.ask("HEAD", path, **TUS)
    assert answer.status == 200, answer
    return int(answer.headers["Upload-Offset"])


def digest_of(folder: Path, name: str) -> str:
    """Hash a published file."""
    with (folder / "data/uploads/files/local" / name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """A request head for a bare socket."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {NAME}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
