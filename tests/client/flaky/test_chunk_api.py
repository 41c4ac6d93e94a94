"""What the server for users' tests speaks of the chunk API."""

import hashlib
import http.client
import json
from typing import Any

import pytest

from tests.client.flaky.conftest import ask
from tusvideo_client.testing import FlakyServer

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
