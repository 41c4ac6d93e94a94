"""Bodies that are too long, of the wrong kind, or of nothing: the answer comes at once, and little is read."""

import re
import time
from collections.abc import Iterator

import pytest

from tests.e2e.tus import metadata
from tests.faults.wire import Answer, Connection, request
from tests.hostile.target import BYTES, CHUNK, FINALIZE, JSON, METADATA, TUS, VIDEO, Target
from tests.web import forms

GIB = 1 << 30
MIB = 1 << 20
MOST_READ = 7 * MIB // 2
"""What was on its way when the answer was found, in two blocks of a long body, and what is dropped behind it."""
AT_ONCE = 2.0
"""Seconds within which a refusal is there, while a gigabyte is on its way."""
PARTIAL = "Content-Type: application/partial-upload"
HTML = b"<!doctype html><script>alert(1)</script>".ljust(65_536, b" ")


def flood(head: bytes, block: bytes, *, size: int) -> Iterator[bytes]:
    """Make a head, and a body of ``size`` bytes."""
    yield head
    for _ in range(size // len(block)):
        yield block


def push(target: Target, head: bytes, *, block: bytes = HTML, first: bytes = b"") -> Answer:
    """Send a gigabyte until the answer comes; it must come at once, and the server must have read little."""
    target.healthy()
    began = time.monotonic()
    with Connection(target.port) as connection:
        connection.push(flood(head + first, block, size=GIB))
        answer = connection.answer(method="POST")
        assert time.monotonic() - began < AT_ONCE
        assert answer.closes
        connection.rest(seconds=3)
    line = target.logged(answer)
    read = int(re.search(r" bytes=(\d+)", line)[1])  # type: ignore[index]  # every such line has it
    assert read <= MOST_READ, f"{read} bytes were read"
    return answer


def test_a_type_that_tus_refuses(target: Target) -> None:
    """A video profile looks at 4 KiB of a gigabyte, answers 415, and the upload is gone."""
    path = target.create(GIB, metadata(profile="video", filename="a.mp4"))
    head = request(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {GIB}")
    answer = push(target, head)
    assert answer.status == 415
    target.judge(answer, method="PATCH", tus=True, says="expected")
    target.refused(request(f"HEAD {path} HTTP/1.1", TUS), 404)
    target.refused(request(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", body=VIDEO), 404)


def test_a_type_that_a_creation_refuses(target: Target) -> None:
    """The same with the body in the creation: no Location, nothing left."""
    fields = (TUS, BYTES, f"Upload-Length: {GIB}", metadata(profile="video"), f"Content-Length: {GIB}")
    answer = push(target, request("POST /files/ HTTP/1.1", *fields))
    assert (answer.status, "Location" in answer.headers) == (415, False)
    target.judge(answer, method="POST", tus=True, says="expected")


@pytest.mark.parametrize("file_first", [False, True], ids=["fields first", "file first"])
def test_a_type_that_a_chunk_refuses(target: Target, *, file_first: bool) -> None:
    """Over the chunk API a body is bounded by the largest chunk: a gigabyte is refused by its length alone."""
    fields = b"" if file_first else forms.form(*forms.chunk_fields(0, 2, key=target.key()))[: -len(forms.BOUNDARY) - 6]
    opened = forms.part("chunk", b"", filename="a")[:-2]
    answer = push(
        target, request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, f"Content-Length: {GIB}"), first=fields + opened
    )
    assert answer.status == 413
    target.judge(answer, method="POST", says="at most")


def test_a_type_that_an_unmeasured_chunk_refuses(target: Target) -> None:
    """Without a length the content is judged after 4 KiB: 415, and the upload has failed for good."""
    key = target.key()
    head = request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, "Transfer-Encoding: chunked")
    fields = [*forms.chunk_fields(0, 2, key=key), ("chunkSize", b"1048576")]
    start = forms.form(*fields)[: -len(forms.BOUNDARY) - 6]
    start += forms.part("chunk", b"", filename="a")[:-2]
    block = b"%x\r\n%b\r\n" % (len(HTML), HTML)
    answer = push(target, head, first=b"%x\r\n%b\r\n" % (len(start), start), block=block)
    assert answer.status == 415
    target.judge(answer, method="POST", says="expected")
    assert target.ask(request(f"GET {CHUNK}?uploadId={key} HTTP/1.1")).json["received"] == []


def test_a_file_first_is_bounded(target: Target) -> None:
    """The file before its fields waits in a bounded place; a gigabyte of it ends at the largest chunk."""
    head = request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, "Transfer-Encoding: chunked")
    opened = forms.part("chunk", b"", filename="a")[:-2]
    block = b"%x\r\n%b\r\n" % (len(HTML), HTML)
    with Connection(target.port) as connection:
        connection.push(flood(head + b"%x\r\n%b\r\n" % (len(opened), opened), block, size=GIB))
        target.judge(connection.answer(method="POST"), method="POST", says="at most 67108864")
    assert not list((target.server.data_dir / "staging").glob("[!0-9a-f]*"))


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        ("PATCH {partial} HTTP/1.1", (TUS, BYTES, "Upload-Offset: 2048"), 413),
        ("PATCH {partial} HTTP/1.1", (TUS, BYTES, "Upload-Offset: 0"), 409),
        ("PATCH {partial} HTTP/1.1", (TUS, "Upload-Offset: 2048"), 415),
        ("PATCH {partial} HTTP/1.1", (BYTES, "Upload-Offset: 2048"), 412),
        ("PATCH {complete} HTTP/1.1", (TUS, BYTES, "Upload-Offset: 4096"), 413),
        ("PATCH /files/00000000000000000000000000000000 HTTP/1.1", (TUS, BYTES, "Upload-Offset: 0"), 404),
        ("POST /files/ HTTP/1.1", (TUS, BYTES, "Upload-Length: 10"), 413),
        ("POST /files/ HTTP/1.1", (TUS, BYTES, "Upload-Length: x"), 400),
        ("POST /files/ HTTP/1.1", (TUS, BYTES, "Upload-Length: 10", "Origin: http://evil.example"), 403),
        (f"POST {FINALIZE} HTTP/1.1", (JSON,), 413),
        (f"POST {METADATA} HTTP/1.1", (JSON,), 413),
        ("PUT /healthz HTTP/1.1", (), 405),
        ("PUT /files/{partial_name} HTTP/1.1", (), 405),
        ("PUT /files/a.mp4?profile=poster HTTP/1.1", (), 413),
        ("POST /files/?profile=poster HTTP/1.1", ("Upload-Complete: ?1",), 413),
        ("POST /files/ HTTP/1.1", ("Upload-Complete: ?0", "Upload-Length: 10"), 400),
        ("PATCH {partial} HTTP/1.1", (PARTIAL, "Upload-Offset: 2048", "Upload-Complete: ?0"), 403),
        ("PATCH {partial} HTTP/1.1", ("Upload-Offset: 2048", "Upload-Complete: ?0"), 415),
        ("POST /nowhere HTTP/1.1", (), 404),
        ("GET /healthz HTTP/1.1", ("Expect: nonsense",), 417),
    ],
)
def test_a_gigabyte_that_nobody_wants(target: Target, line: str, fields: tuple[str, ...], status: int) -> None:
    """Threat 50, P-07: refused by its head, answered at once, and next to nothing of the body is read."""
    kept = target.kept
    partial_name = kept.partial.rpartition("/")[2]
    line = line.format(partial=kept.partial, complete=kept.complete, partial_name=partial_name)
    answer = push(target, request(line, *fields, f"Content-Length: {GIB}"))
    assert answer.status == status
    target.judge(answer, method=line.partition(" ")[0], tus=bool({TUS, BYTES} & set(fields)))


@pytest.mark.parametrize(
    ("line", "method"),
    [("GET /healthz HTTP/1.1", "GET"), ("HEAD {partial} HTTP/1.1", "HEAD"), ("GET {complete} HTTP/1.1", "GET")],
)
def test_a_body_where_none_belongs(target: Target, line: str, method: str) -> None:
    """H-15: a body that nobody asked for changes nothing, and is never read as the next request."""
    line = line.format(partial=target.kept.partial, complete=target.kept.complete)
    smuggled = request(f"DELETE {target.kept.complete} HTTP/1.1", TUS)
    with Connection(target.port) as connection:
        connection.send(request(line, TUS, body=smuggled))
        assert connection.answer(method=method).status == 200
        connection.send(request("GET /healthz HTTP/1.1", "Connection: close"))
        rest = connection.rest()
    assert rest is not None
    assert rest.count(b"HTTP/1.1 ") <= 1
    assert not rest or rest.startswith(b"HTTP/1.1 200")
    target.stands(nothing_new=True)


@pytest.mark.parametrize("profile", ["video", "poster"])
def test_an_empty_video(target: Target, profile: str) -> None:
    """Zero bytes are no video, told at once or found out later."""
    for field in ("Upload-Length: 0", "Upload-Defer-Length: 1"):
        answer = target.ask(request("POST /files/ HTTP/1.1", TUS, field, metadata(profile=profile)))
        if answer.status == 201:
            fields = (TUS, BYTES, "Upload-Offset: 0", "Upload-Length: 0")
            answer = target.ask(request(f"PATCH {answer.headers['Location']} HTTP/1.1", *fields))
        assert answer.status == 415
        target.sent -= 1
        target.judge(answer, method="POST", tus=True, says="an empty file")


@pytest.mark.parametrize("size", [1, 7, 8, 100, 4095, 4096, 4097])
@pytest.mark.parametrize("start", [b"", b"\x00\x00\x00\x18ftyp", b"\x1aE\xdf\xa3", b"RIFF", b"OggS", b"G"], ids=ascii)
def test_a_short_or_broken_video(target: Target, size: int, start: bytes) -> None:
    """Beginnings that only look like a video: taken or refused, never an error."""
    body = (start + bytes(5000))[:size]
    fields = (TUS, BYTES, f"Upload-Length: {size}", metadata(profile="video"))
    answer = target.ask(request("POST /files/ HTTP/1.1", *fields, body=body))
    assert answer.status in {201, 415}
    target.stands(nothing_new=False)


def test_a_body_that_ends_early(target: Target) -> None:
    """D3: what came of it is kept, and nothing else; the connection has no answer for anybody."""
    path = target.create(1000)
    with Connection(target.port) as connection:
        head = request(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Content-Length: 1000")
        connection.send(head + b"x" * 400)
    assert target.offset(path) in {0, 400}
    target.stands(nothing_new=True)
