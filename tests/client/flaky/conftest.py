"""The server for users' tests, and single requests that it is asked."""

import http.client
from collections.abc import Iterator

import pytest

from tusvideo_client.testing import FlakyServer

KIB = 1024
TOKEN = "first"
TUS = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {TOKEN}"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    """A server that asks for a token."""
    with FlakyServer(token=TOKEN) as server:
        yield server
        assert not [request for request in server.requests if request.status == 500 and request.fault is None]


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
