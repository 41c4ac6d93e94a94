"""What whoever runs the server sees of it: failures, readiness, the log."""

from typing import Any

import pytest

from tests.web.conftest import TUS, Lines, Served, Start, TokenAuthenticator, patch
from tests.web.forms import CHUNK


class Broken:
    """A service whose every method fails in a way that nobody foresaw."""

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError("secret /data/path of the server")

        return fail


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /files/ HTTP/1.1", 500),
        (f"HEAD /files/{'0' * 32} HTTP/1.1", 423),
        (f"DELETE {CHUNK}?uploadId=k HTTP/1.1", 500),
        ("GET /api/videos HTTP/1.1", 500),
        ("GET /uploads/a/b/c HTTP/1.1", 500),
    ],
)
async def test_the_unforeseen_is_answered_without_a_word_about_it(
    start: Start, caplog: pytest.LogCaptureFixture, line: str, status: int
) -> None:
    """Threat 29: a fixed sentence and the request id for the client, the traceback for the log."""
    served = await start(uploads=Broken(), parts=Broken(), videos=Broken())
    answer = await served.ask(line, TUS, "Upload-Length: 5")
    assert answer.status == status
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    if answer.body:
        assert answer.json["requestId"] == answer.headers["X-Request-ID"]
    failed = [record for record in caplog.records if record.getMessage() == "request_failed"]
    assert len(failed) == 1
    assert failed[0].exc_info is not None


@pytest.mark.parametrize(("ready", "status", "text"), [(True, 200, "ok"), (False, 503, "failing")])
async def test_readiness_tells_whether_bytes_can_be_stored(start: Start, ready: bool, status: int, text: str) -> None:
    """/readyz asks disk and database; /healthz does not."""

    async def check() -> None:
        if not ready:
            raise OSError("no disk")

    served = await start(ready=check, authenticator=TokenAuthenticator())
    answer = await served.ask("GET /readyz HTTP/1.1")
    assert (answer.status, answer.json) == (status, {"status": text})
    assert (await served.ask("GET /healthz HTTP/1.1")).json == {"status": "ok", "durability": "strict"}
    assert (await served.ask("GET /readyz HTTP/1.1", "Host: evil.example")).status == 403


async def test_a_stopping_server_is_not_ready(served: Served) -> None:
    """While it stops, the server lives and is not ready."""
    served.house.stopping.set()
    assert (await served.ask("GET /readyz HTTP/1.1")).json == {"status": "stopping"}
    assert (await served.ask("HEAD /healthz HTTP/1.1")).status == 200


async def test_one_line_per_request(served: Served, lines: Lines) -> None:
    """The log tells ids, numbers and codes; no query, no token, no metadata."""
    path = await served.create(5, "Upload-Metadata: filename c2VjcmV0", "Authorization: Bearer secret")
    await served.ask(
        f"{patch(path, 0, 5)[0].replace(' HTTP', '?token=secret HTTP')}", *patch(path, 0, 5)[1:], body=b"hello"
    )
    await served.ask(*patch(path, 3, 1), body=b"x")
    await lines.reached(3)
    created, appended, refused = lines.requests()
    assert (created["method"], created["route"], created["status"]) == ("POST", "/files/", 201)
    assert created["upload"] == path.removeprefix("/files/")
    assert (appended["offset"], appended["bytes"], appended["code"]) == (5, 5, None)
    assert (refused["status"], refused["code"], refused["upload"]) == (409, "offset_mismatch", created["upload"])
    assert all(line["duration_ms"] >= 0 for line in lines.requests())
    assert "secret" not in str(lines.requests())
