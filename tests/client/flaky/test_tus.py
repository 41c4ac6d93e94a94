"""What the server for users' tests speaks of tus."""

import base64
import hashlib
import json
import socket
from typing import Any

import pytest

from tests.client.flaky.conftest import BYTES, TUS, ask, create, patch
from tusvideo_client.testing import FlakyServer


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
