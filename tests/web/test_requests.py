"""Requests on the wire: what is judged when, what crosses the connection, and how it ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.conftest import BYTES, TUS, Lines, Served, Start, TokenAuthenticator
from tests.web.forms import TYPE, chunk_fields, form
from tests.web.wire import Answer, Wire, until
from tusvideo.model import Limits
from tusvideo.web.keys import Policy

GIGABYTE = 10**9
BLOCK = b"x" * 65_536
EXPECT = "Expect: 100-continue"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * 8
CHUNK = "/api/poster/video/chunk"


def patch(path: str, offset: int, length: int, *more: str) -> tuple[str, ...]:
    """The head of a PATCH."""
    return f"PATCH {path} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {offset}", f"Content-Length: {length}", *more


# --- 100 Continue ------------------------------------------------------------------------------------------------


async def test_continue_comes_after_the_judgement(served: Served) -> None:
    """A good request is told to go on, and then stored."""
    path = await served.create(5)
    async with served.wire() as wire:
        await wire.send(*patch(path, 0, 5, EXPECT))
        assert (await wire.head())[0] == 100
        await wire.raw(b"hello")
        answer = await wire.answer()
    assert (answer.status, answer.interim, answer.headers["Upload-Offset"]) == (204, (), "5")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (("Upload-Offset: 3", BYTES), 409),
        (("Upload-Offset: 0", "Content-Type: text/plain"), 415),
        (("Upload-Offset: 0", BYTES, "Content-Encoding: gzip"), 415),
        (("Upload-Offset: x", BYTES), 400),
        ((BYTES,), 400),
    ],
)
async def test_a_refusal_comes_instead_of_continue(served: Served, fields: tuple[str, ...], status: int) -> None:
    """Who is refused is not asked for a byte, and the connection ends."""
    path = await served.create(100)
    answer = await served.ask(f"PATCH {path} HTTP/1.1", TUS, "Content-Length: 50", EXPECT, *fields)
    assert (answer.status, answer.interim, answer.closes) == (status, (), True)


async def test_a_creation_that_comes_again_is_not_asked_for_its_body(served: Served) -> None:
    """C-17: the second answer names the first upload and what is stored of it, without 100; the body is not read."""
    lines = ("POST /files/ HTTP/1.1", TUS, BYTES, "Upload-Length: 10", "Content-Length: 5", "Idempotency-Key: k")
    first = await served.ask(*lines, body=b"hello")
    again = await served.ask(*lines, EXPECT)
    assert (again.status, again.interim, again.closes) == (201, (), True)
    assert again.headers["Location"] == first.headers["Location"]
    assert (first.headers["Upload-Offset"], again.headers["Upload-Offset"]) == ("5", "5")


async def test_a_creation_over_the_limit_is_not_asked_for_its_body(served: Served) -> None:
    """W-06: 413 without 100."""
    length = f"Upload-Length: {10**15}"
    answer = await served.ask("POST /files/ HTTP/1.1", TUS, length, BYTES, "Content-Length: 50", EXPECT)
    assert (answer.status, answer.interim) == (413, ())


async def test_other_expectations_fail(served: Served) -> None:
    """S-29: 417, with the fields of tus."""
    answer = await served.ask("POST /files/ HTTP/1.1", TUS, "Upload-Length: 1", "Expect: miracles")
    assert (answer.status, answer.headers["Tus-Resumable"]) == (417, "1.0.0")


async def test_unknown_paths_are_not_asked_for_a_body(served: Served) -> None:
    """Nowhere is judged before 100 Continue as well."""
    answer = await served.ask("POST /nowhere HTTP/1.1", "Content-Length: 50", EXPECT)
    assert (answer.status, answer.interim) == (404, ())


# --- early answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (lambda path: patch(path, 7, 100), 409),
        (lambda path: (f"PATCH {path} HTTP/1.1", TUS, "Upload-Offset: 0", "Content-Length: 100"), 415),
        (lambda path: patch(path, 0, GIGABYTE * 2), 413),
        (lambda _: (f"POST {CHUNK} HTTP/1.1", TYPE, f"Content-Length: {GIGABYTE}"), 413),
        (lambda _: ("POST /api/videos/metadata HTTP/1.1", f"Content-Length: {GIGABYTE}"), 415),
        (lambda _: ("PUT /nowhere HTTP/1.1", f"Content-Length: {GIGABYTE}"), 404),
    ],
    ids=["409", "415", "413", "413 form", "415 json", "404"],
)
async def test_a_refusal_is_readable_while_a_huge_body_is_on_its_way(
    served: Served, lines: Lines, head: Callable[[str], tuple[str, ...]], status: int
) -> None:
    """A client in the middle of a gigabyte reads the answer, and the server reads at most 1.5 MiB of it."""
    path = await served.create(GIGABYTE)
    head_lines = [line.replace("Content-Length: 100", f"Content-Length: {GIGABYTE}") for line in head(path)]
    async with served.wire() as wire:
        began = asyncio.get_running_loop().time()
        await wire.send(*head_lines)
        pushing = asyncio.create_task(wire.push(BLOCK, most=GIGABYTE))
        answer = await wire.answer()
        assert (answer.status, answer.closes) == (status, True)
        assert asyncio.get_running_loop().time() - began < 1
        assert await pushing < 30_000_000
        await wire.ended()
        assert asyncio.get_running_loop().time() - began < 3
    await lines.reached(2)
    assert lines.requests()[-1]["bytes"] <= 1_572_864


async def test_a_body_that_grows_too_large_is_refused_early(served: Served, lines: Lines) -> None:
    """A chunked body beyond the length of the upload is cut off where it is too long, and stores no completion."""
    path = await served.create(1000)
    head = (f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    async with served.wire() as wire:
        await wire.send(*head)
        pushing = asyncio.create_task(wire.push(b"10000\r\n" + BLOCK + b"\r\n", most=GIGABYTE))
        answer = await wire.answer()
        assert (answer.status, answer.closes) == (413, True)
        await pushing
    await lines.reached(2)
    # Half a MiB may have been held already when the refusal came.
    assert lines.requests()[-1]["bytes"] <= 2_097_152


async def test_a_refusal_of_a_small_body_reaches_a_client_that_sends_first_and_reads_then(served: Served) -> None:
    """A client that sends all of its body before it looks finds the answer, not a reset."""
    path = await served.create(GIGABYTE)
    async with served.wire() as wire:
        await wire.send(*patch(path, 7, 500_000))
        await wire.raw(b"x" * 500_000)
        answer = await wire.answer()
        assert (answer.status, answer.headers["Upload-Offset"]) == (409, "0")
        assert await wire.ended() == b""


async def test_a_refused_body_is_never_read_as_a_request(served: Served, lines: Lines) -> None:
    """Threat 50: bytes after an early answer are not parsed as another request."""
    path = await served.create(1000)
    smuggled = f"DELETE {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n\r\n".encode()
    async with served.wire() as wire:
        answer = await wire.ask(*patch(path, 7, 500), body=smuggled)
        assert answer.status == 409
        assert await wire.ended() == b""
    assert await served.offset(path) == 0


# --- connections -------------------------------------------------------------------------------------------------


async def test_a_connection_lives_on_after_a_body_was_read(served: Served) -> None:
    """Ten appends over one connection."""
    path = await served.create(10)
    async with served.wire() as wire:
        for offset in range(10):
            answer = await wire.ask(*patch(path, offset, 1), body=b"x")
            assert (answer.status, answer.closes) == (204, False)
    assert await served.offset(path) == 10


async def test_a_connection_lives_on_after_a_refusal_without_a_body(served: Served) -> None:
    """A refusal that leaves nothing unread closes nothing."""
    async with served.wire() as wire:
        for _ in range(3):
            answer = await wire.ask(f"HEAD /files/{'0' * 32} HTTP/1.1", TUS)
            assert (answer.status, answer.closes) == (404, False)


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    """Requests that come in one packet are carried out one after another."""
    path = await served.create(4)
    one = "\r\n".join([*patch(path, 0, 2), "Host: localhost", "", ""]).encode() + b"ab"
    two = "\r\n".join([*patch(path, 2, 2), "Host: localhost", "", ""]).encode() + b"cd"
    three = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    async with served.wire() as wire:
        await wire.raw(one + two + three)
        offsets = [(await wire.answer(method="HEAD")).headers["Upload-Offset"] for _ in range(3)]
    assert offsets == ["2", "4", "4"]


@pytest.mark.parametrize("end", [Wire.reset, lambda wire: wire.writer.close()], ids=["RST", "FIN"])
async def test_what_came_before_a_cut_is_stored(served: Served, lines: Lines, end: Callable[[Wire], None]) -> None:
    """P-17: the offset counts every byte that arrived, and the log has no status."""
    path = await served.create(1_000_000)
    async with served.wire() as wire:
        await wire.send(*patch(path, 0, 1_000_000), body=b"x" * 100_000)
        await served.reached(path, 100_000)
        end(wire)
        await until(lambda: any(line["code"] == "body_cut" for line in lines.requests()))
    assert await served.offset(path) == 100_000
    cut = next(line for line in lines.requests() if line["code"] == "body_cut")
    assert (cut["status"], cut["bytes"]) == (None, 100_000)


async def test_a_stalled_body_is_stored_and_its_connection_closed(start: Start) -> None:
    """P-19: after the limit without a byte the connection ends without an answer; what came is kept."""
    served = await start(limits=Limits(stall_seconds=0.2))
    path = await served.create(10)
    async with served.wire() as wire:
        await wire.send(*patch(path, 0, 10), body=b"abcd")
        assert await wire.ended() == b""
    assert await served.offset(path) == 4


async def test_a_preempted_append_is_told_so(served: Served) -> None:
    """A second PATCH takes over; the first is answered 423, and its bytes count."""
    path = await served.create(10)
    async with served.wire() as first:
        await first.send(*patch(path, 0, 10), body=b"abcd")
        await served.reached(path, 4)
        second = await served.ask(*patch(path, 4, 6), body=b"efghij")
        answer = await first.answer()
        assert (answer.status, answer.closes) == (423, True)
        await first.ended()
    assert (second.status, await served.offset(path)) == (204, 10)


async def test_a_stopping_server_says_so(served: Served) -> None:
    """S-16: at shutdown a running PATCH gets 503, what came is stored."""
    path = await served.create(10)
    async with served.wire() as wire:
        await wire.send(*patch(path, 0, 10), body=b"abcd")
        await served.reached(path, 4)
        served.house.stopping.set()
        served.locks.stop_all()
        answer = await wire.answer()
        assert (answer.status, answer.json["code"], answer.closes) == (503, "stopping", True)


async def test_a_chunked_append_is_stored(served: Served) -> None:
    """P-16: a body need not have a length."""
    path = await served.create(7)
    head = (f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    answer = await served.ask(*head, body=b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, "7")


# --- HTTP as it should not be ------------------------------------------------------------------------------------


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


# --- who asks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "POST /files/ HTTP/1.1",
        f"PATCH /files/{'0' * 32} HTTP/1.1",
        f"POST {CHUNK} HTTP/1.1",
        "POST /api/poster/video/finalize HTTP/1.1",
        "POST /api/videos/metadata HTTP/1.1",
    ],
)
@pytest.mark.parametrize("token", [None, "Bearer", "Bearer eve", "Basic YWxpY2U6"])
async def test_strangers_are_not_asked_for_a_body(start: Start, line: str, token: str | None) -> None:
    """Threat 1: 401 with a challenge, no 100 Continue, the connection ends."""
    served = await start(authenticator=TokenAuthenticator())
    fields = [TUS, "Content-Length: 1000", EXPECT, *([f"Authorization: {token}"] if token else [])]
    answer = await served.ask(line, *fields)
    assert (answer.status, answer.interim, answer.closes) == (401, (), True)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_strangers_see_public_files_only(start: Start) -> None:
    """Files of public profiles are for anybody but those with wrong credentials, others are for their owner."""
    served = await start(authenticator=TokenAuthenticator())
    alice = "Authorization: Bearer alice"
    metadata = "Upload-Metadata: profile cG9zdGVy"
    urls = []
    for data, more in ((MP4, [metadata]), (b"note", [])):
        head = (
            "POST /files/ HTTP/1.1",
            TUS,
            BYTES,
            alice,
            f"Upload-Length: {len(data)}",
            f"Content-Length: {len(data)}",
        )
        answer = await served.ask(*head, *more, body=data)
        assert answer.status == 201
        urls.append(answer.headers["Content-Location"])
    public, private = urls

    async def status(url: str, *fields: str) -> int:
        return (await served.ask(f"GET {url} HTTP/1.1", *fields)).status

    assert (await status(public), await status(public, alice)) == (200, 200)
    assert await status(public, "Authorization: Bearer eve") == 401
    assert (await status(private), await status(private, alice)) == (404, 200)
    assert await status(private, "Authorization: Bearer bob") == 404


EVIL = "Origin: https://evil.example"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (("Host: localhost",), 201),
        (("Host: localhost:8080",), 201),
        (("Host: 127.0.0.1",), 201),
        (("Host: [::1]:8080",), 201),
        (("Host: media.example",), 201),
        (("Host: evil.example",), 403),
        (("Host: localhost.evil.example",), 403),
        (("Host: local host",), 400),
        (("Host:",), 400),
        (("Origin: http://localhost",), 201),
        (("Host: 127.0.0.1:80", "Origin: http://127.0.0.1"), 201),
        (("Origin: https://app.example",), 201),
        ((EVIL,), 403),
        (("Origin: null",), 403),
        (("Origin: https://app.example.evil.example",), 403),
        (("Sec-Fetch-Site: cross-site",), 403),
        (("Sec-Fetch-Site: same-origin",), 201),
        (("X-Forwarded-Host: media.example",), 403),
        (("X-Forwarded-For: 10.0.0.1",), 403),
        (("Forwarded: host=media.example",), 403),
    ],
)
async def test_who_may_create(start: Start, fields: tuple[str, ...], status: int) -> None:
    """Hosts, origins and forwarding fields that are not ours are refused before anything is made."""
    served = await start(policy=Policy(allowed_hosts=("media.example",), allowed_origins=("https://app.example",)))
    answer = await served.ask("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", *fields)
    assert answer.status == status
    assert answer.headers["Tus-Resumable"] == "1.0.0"


async def test_a_missing_host_is_refused(served: Served) -> None:
    """A request that names no host is 400."""
    async with served.wire() as wire:
        await wire.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await wire.answer()).status == 400


async def test_forwarding_fields_of_a_proxy_are_taken(start: Start) -> None:
    """From a configured proxy they are fine."""
    import ipaddress

    served = await start(policy=Policy(trusted_proxies=[ipaddress.ip_network("127.0.0.0/8")]))
    answer = await served.ask("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", "X-Forwarded-For: 10.0.0.1")
    assert answer.status == 201


async def test_a_web_page_cannot_post_a_form_to_this_machine(served: Served) -> None:
    """Threat 32: the form that a browser sends for a page of another site stores nothing."""
    body = form(*chunk_fields(), ("chunk", MP4))
    answer = await served.ask(
        f"POST {CHUNK} HTTP/1.1",
        "Host: 127.0.0.1:8080",
        EVIL,
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: navigate",
        TYPE,
        f"Content-Length: {len(body)}",
        body=body,
    )
    assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert not served.store.staged
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "line",
    ["POST /files/ HTTP/1.1", f"HEAD /files/{'0' * 32} HTTP/1.1", "GET /nowhere HTTP/1.1", "OPTIONS /files/ HTTP/1.1"],
)
async def test_an_allowed_page_can_read_every_answer(start: Start, line: str) -> None:
    """G-11: answers and errors alike carry the CORS fields for an allowed origin."""
    served = await start(policy=Policy(allowed_origins=("https://app.example",)))
    answer = await served.ask(line, TUS, "Origin: https://app.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Origin" in answer.headers["Vary"]
    assert ("Access-Control-Allow-Methods" in answer.headers) == line.startswith("OPTIONS")


async def test_the_request_id_of_a_proxy_is_taken_over(served: Served, lines: Lines) -> None:
    """A good X-Request-ID is echoed and logged; others are replaced."""
    used = []
    for given, kept in (("abc-1", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("\xe9", False)):
        answer = await served.ask("GET /healthz HTTP/1.1", f"X-Request-ID: {given}")
        assert (answer.headers["X-Request-ID"] == given) is kept
        used.append(answer.headers["X-Request-ID"])
    await lines.reached(len(used))
    assert [line["request_id"] for line in lines.requests()] == used


# --- when things go wrong ----------------------------------------------------------------------------------------


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


async def test_the_greeting_says_how_to_upload(served: Served) -> None:
    """Who asks for no HTML, as curl does, is told what to do in a few lines of text."""
    answer: Answer = await served.ask("GET / HTTP/1.1")
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


async def test_broken_framing_ends_as_silence_does(start: Start) -> None:
    """Nothing tells aiohttp's stream that its framing broke, so the stall timer ends the body; what came is kept."""
    served = await start(limits=Limits(stall_seconds=0.3))
    path = await served.create(100)
    head = (f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    async with served.wire() as wire:
        await wire.send(*head, body=b"5\r\nhello\r\n")
        await served.reached(path, 5)
        await wire.raw(b"nonsense\r\n")
        assert b" 204 " not in await wire.ended()
    assert await served.offset(path) == 5
