"""What it costs to let a proxy buffer: bytes that a client has sent and that a cut loses."""

import fcntl
import socket
import struct
import termios
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.conf.deployments import TUS, Edit, Proxy, as_written, program, proxying, replace_once
from tests.conf.uploads import BYTES, MIB, create, head, offset, served

PATIENCE_SECONDS = 20
LENGTH = 64 * MIB
FEW = 40 * 1024
"""Less than HAProxy waits for when it is told to look into bodies."""


def nginx_buffers(text: str) -> str:
    """What nginx does unless it is told not to."""
    return replace_once(text, "proxy_request_buffering off;", "proxy_request_buffering on;")


def haproxy_buffers(text: str) -> str:
    """What HAProxy does for rules that look into bodies."""
    return replace_once(
        text, "    option http-server-close\n", "    option http-server-close\n    option http-buffer-request\n"
    )


TABLE = [
    pytest.param("nginx", as_written, 8 * MIB, 0, id="nginx"),
    pytest.param("caddy", as_written, 8 * MIB, 0, id="caddy"),
    pytest.param("haproxy", as_written, 8 * MIB, 0, id="haproxy"),
    pytest.param("haproxy", as_written, FEW, 0, id="haproxy, few bytes"),
    pytest.param("nginx", nginx_buffers, 8 * MIB, 8 * MIB, id="nginx, proxy_request_buffering on"),
    pytest.param("haproxy", haproxy_buffers, 8 * MIB, 0, id="haproxy, option http-buffer-request"),
    pytest.param("haproxy", haproxy_buffers, FEW, FEW, id="haproxy, option http-buffer-request, few bytes"),
]


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[int]:
    """A server that trusts the proxy; gives its port."""
    with served(tmp_path, trusted='"127.0.0.1"') as port:
        yield port


@pytest.mark.parametrize(("name", "edit", "sent", "lost"), TABLE)
def test_bytes_lost_at_a_cut(name: str, edit: Edit, sent: int, lost: int, upstream: int, tmp_path: Path) -> None:
    """Of a body cut after ``sent`` bytes a proxy that passes on loses nothing, and one that buffers what it holds."""
    if program(name) is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    with proxying(name, tmp_path, upstream=upstream, edit=edit) as proxy:
        path = create(proxy, LENGTH)
        fields = {**TUS, **BYTES, "Upload-Offset": "0", "Content-Length": str(LENGTH)}
        with proxy.connect() as connection:
            connection.sendall(head("PATCH", path, fields) + bytes(sent))
            wait_for(proxy, path, stored=sent - lost, taken=connection)
        assert offset(proxy, path) == sent - lost


def wait_for(proxy: Proxy, path: str, *, stored: int, taken: socket.socket) -> None:
    """Wait until the proxy's machine has taken all that was sent, and the server has stored what it is to store."""
    deadline = monotonic() + PATIENCE_SECONDS
    while (found := offset(proxy, path)) < stored or unsent(taken):
        assert monotonic() < deadline, f"{found} bytes are stored, {unsent(taken)} are still to be sent"
        sleep(0.01)


def unsent(connection: socket.socket) -> int:
    """Tell how many bytes the other end has not acknowledged."""
    count: int = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]
    return count
