"""Requests on the wire, one at a time: what each is answered."""

import pytest

from tests.web.conftest import BYTES, EXPECT, TUS, Served, Start, TokenAuthenticator
from tests.web.forms import CHUNK


async def test_an_old_client_may_append(served: Served) -> None:
    """S-30: HTTP/1.0 works, is not told to continue, and the connection ends."""
    path = await served.create(5)
    head = (f"PATCH {path} HTTP/1.0", TUS, BYTES, "Upload-Offset: 0", "Content-Length: 5", EXPECT)
    async with served.wire() as wire:
        answer = await wire.ask(*head, body=b"hello")
        assert (answer.status, answer.interim) == (204, ())
        assert await wire.ended() == b""


async def test_an_old_client_may_not_send_chunks(served: Served) -> None:
    """Threat 49: HTTP/1.0 with chunked is refused."""
    path = await served.create(5)
    head = (f"PATCH {path} HTTP/1.0", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    answer = await served.ask(*head, body=b"5\r\nhello\r\n0\r\n\r\n")
    assert answer.status == 400
    assert await served.offset(path) == 0


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "identity, gzip"])
@pytest.mark.parametrize("path", ["/files/", CHUNK, "/api/poster/video/finalize", "/api/videos/metadata"])
async def test_compressed_bodies_are_not_opened(served: Served, path: str, coding: str) -> None:
    """Threat 37: 415 on every route that takes a body; nothing is inflated."""
    fields = (TUS, "Upload-Length: 4", BYTES) if path == "/files/" else ("Content-Type: application/json",)
    answer = await served.ask(
        f"POST {path} HTTP/1.1", *fields, f"Content-Encoding: {coding}", "Content-Length: 4", body=b"\x1f\x8b\x08\x00"
    )
    assert (answer.status, answer.headers["Accept-Encoding"]) == (415, "identity")


@pytest.mark.parametrize(
    ("method", "field", "status"),
    [("PATCH", "Tus-Resumable: 9.9.9", 412), ("PATCH", TUS, 415), ("HEAD", TUS, 200), ("GET", TUS, 404)],
)
async def test_the_coding_has_its_turn_after_the_version(served: Served, method: str, field: str, status: int) -> None:
    """S-12: the version is judged first; where no body is read, as on HEAD, its coding does not matter."""
    path = await served.create(5)
    fields = (field, BYTES, "Upload-Offset: 0", "Content-Encoding: gzip", "Content-Length: 5")
    async with served.wire() as wire:
        await wire.send(f"{method} {path} HTTP/1.1", *fields, body=b"hello")
        assert (await wire.answer(method=method)).status == status


async def test_metadata_may_come_in_several_lines(served: Served) -> None:
    """D-18: two lines are one list."""
    path = await served.create(5, "Upload-Metadata: a YQ==", "Upload-Metadata: b Yg==")
    assert (await served.ask(f"HEAD {path} HTTP/1.1", TUS)).headers["Upload-Metadata"] == "a YQ==,b Yg=="


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (("Upload-Offset: 0", "Content-Type: text/plain"), 415),
        (("Upload-Offset: 0", BYTES, "Content-Encoding: gzip"), 415),
        (("Upload-Offset: x", BYTES), 400),
        (("Upload-Offset: 9", BYTES), 409),
    ],
)
async def test_a_refused_append_tells_when_the_upload_expires(
    served: Served, fields: tuple[str, ...], status: int
) -> None:
    """X-03: every answer to a PATCH does, also when its head alone is at fault."""
    path = await served.create(100)
    answer = await served.ask(f"PATCH {path} HTTP/1.1", TUS, "Content-Length: 1", *fields, body=b"x")
    assert (answer.status, "Upload-Expires" in answer.headers) == (status, True)


async def test_an_unknown_upload_has_no_type(served: Served) -> None:
    """S-12: whether the upload is there is judged before the type of what is sent to it."""
    fields = (TUS, "Upload-Offset: 0", "Content-Type: text/plain", "Content-Length: 1")
    answer = await served.ask(f"PATCH /files/{'0' * 32} HTTP/1.1", *fields, body=b"x")
    assert (answer.status, "Upload-Expires" in answer.headers) == (404, False)


async def test_codings_of_the_transfer_are_refused(served: Served) -> None:
    """A body in any transfer coding but chunked is refused."""
    path = await served.create(5)
    head = (f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: gzip, chunked")
    answer = await served.ask(*head, body=b"5\r\nhello\r\n0\r\n\r\n")
    assert answer.status == 400
    assert await served.offset(path) == 0


@pytest.mark.parametrize(
    "field",
    [
        TUS,
        "Upload-Offset: 0",
        BYTES,
        "Host: localhost",
        "Authorization: Bearer a",
        "X-HTTP-Method-Override: PATCH",
        "Origin: http://localhost",
        EXPECT,
    ],
)
async def test_doubled_fields_are_refused(served: Served, field: str) -> None:
    """Threat 52: a field that two components could read differently must be there once."""
    path = await served.create(5)
    needed = [TUS, BYTES, "Upload-Offset: 0", "Host: localhost"]
    fields = [*(line for line in needed if line != field), field, field]
    answer = await served.ask(f"PATCH {path} HTTP/1.1", *fields, "Content-Length: 5", body=b"hello")
    assert answer.status == 400
    assert await served.offset(path) == 0


async def test_large_heads_are_refused(served: Served) -> None:
    """Header fields beyond 64 KiB together are 431, in the words of the protocol."""
    many = [f"X-{i}: {'a' * 30_000}" for i in range(3)]
    answer = await served.ask("POST /files/ HTTP/1.1", TUS, "Upload-Length: 1", *many)
    assert (answer.status, answer.headers["Tus-Resumable"]) == (431, "1.0.0")


async def test_large_metadata_is_read(served: Served) -> None:
    """S-31: a metadata field of 40,000 bytes is no problem."""
    await served.create(1, f"Upload-Metadata: note {'YWFh' * 10_000}")


@pytest.mark.parametrize(
    "path",
    [
        "/files/..%2f..%2fetc%2fpasswd",
        "/files/%2e%2e",
        "/files/%00",
        "/files/0123456789abcdef0123456789abcde%0a",
        "/files/x%0d%0aSet-Cookie:%20a=b",
        "/files/../etc",
        "/%0a",
        "/uploads/posters/local/%2e%2e%2f%2e%2e%2fx",
        "/uploads/posters/local/x%00",
        "/uploads/posters/..%5c/x",
        "/api/%2e%2e/video/chunk",
        "http://localhost/files/..%2fx",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_paths_never_leave_the_house(served: Served, method: str, path: str) -> None:
    """Threat 9: encoded slashes, dots, NUL, CR and LF are 404, with a request id and, on /files, the fields of tus."""
    answer = await served.ask(f"{method} {path} HTTP/1.1")
    assert answer.status == 404
    assert answer.headers["X-Request-ID"]
    assert ("Tus-Resumable" in answer.headers) == ("/files" in path)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost/healthz", "localhost", 200),
        ("http://LOCALHOST/healthz?x=1", "localhost", 200),
        ("http://localhost", "localhost", 200),
        ("http://evil.example/healthz", "localhost", 400),
        ("http://localhost/healthz", "127.0.0.1", 400),
    ],
)
async def test_absolute_targets_name_the_host(served: Served, target: str, host: str, status: int) -> None:
    """A target with a host must agree with the Host field."""
    assert (await served.ask(f"GET {target} HTTP/1.1", f"Host: {host}")).status == status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("TRACE /files/ HTTP/1.1", 405),
        ("PUT /healthz HTTP/1.1", 405),
        (f"PUT /files/{'0' * 32} HTTP/1.1", 405),
        ("BREW /healthz HTTP/1.1", 400),
        ("PROPFIND /healthz HTTP/1.1", 405),
        ("GET /files/ HTTP/1.1", 405),
        ("POST /healthz HTTP/1.1", 405),
        ("PATCH / HTTP/1.1", 405),
        ("CONNECT localhost:80 HTTP/1.1", 404),
        ("GET /api/files/video/chunk?uploadId=x HTTP/1.1", 404),
        ("GET /api/nothing/video/chunk?uploadId=x HTTP/1.1", 404),
    ],
)
async def test_methods_that_do_not_apply(served: Served, line: str, status: int) -> None:
    """405 with Allow; what the parser does not know it answers itself; profiles without chunk routes are unknown."""
    answer = await served.ask(line)
    assert answer.status == status
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "path",
    [
        "/files",
        "/files/",
        f"/files/{'0' * 32}",
        CHUNK,
        "/api/videos",
        f"/api/videos/{'0' * 32}",
        "/uploads/a/b/c",
        "/healthz",
        "/",
        "/api/settings",
        "*",
    ],
)
async def test_options_needs_no_credentials(start: Start, path: str) -> None:
    """OPTIONS is answered on every known path, with the fields of tus on /files."""
    served = await start(authenticator=TokenAuthenticator())
    answer = await served.ask(f"OPTIONS {path} HTTP/1.1")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers.get("Tus-Version") == ("1.0.0" if path.startswith("/files") else None)


async def test_the_greeting_says_how_to_upload(served: Served) -> None:
    """Who asks for no HTML, as curl does, is told what to do in a few lines of text."""
    answer = await served.ask("GET / HTTP/1.1")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert b"tusvideo upload" in answer.body
    assert answer.headers["Server"] == "tusvideo"


async def test_a_termination_takes_an_upload_away(served: Served) -> None:
    """E-01 and E-06: 204 without a body, then 404 for ever."""
    path = await served.create(5)
    answer = await served.ask(f"DELETE {path} HTTP/1.1", TUS)
    assert (answer.status, answer.body, answer.headers["Tus-Resumable"]) == (204, b"", "1.0.0")
    assert "Content-Length" not in answer.headers
    for method in ("HEAD", "DELETE", "GET"):
        assert (await served.ask(f"{method} {path} HTTP/1.1", TUS)).status == 404
