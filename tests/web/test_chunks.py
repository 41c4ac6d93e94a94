"""The documented routes on the wire: forms in, JSON out, files back."""

import asyncio
import json
import os
from itertools import permutations
from pathlib import Path

import pytest

from tests.web.conftest import BYTES, TUS, Lines, Served, Start
from tests.web.forms import CHUNK, FINALIZE, MP4, TYPE, Part, chunk_fields, form, part
from tests.web.wire import GIGABYTE, Answer
from tusvideo.model import Limits

JSON = "Content-Type: application/json"
VIDEO = MP4 + b"moov" * 1000


async def put(served: Served, *parts: Part) -> Answer:
    """Send a chunk form."""
    body = form(*parts)
    return await served.ask(f"POST {CHUNK} HTTP/1.1", TYPE, f"Content-Length: {len(body)}", body=body)


async def post_json(served: Served, path: str, document: object, *, method: str = "POST") -> Answer:
    """Send JSON."""
    body = json.dumps(document).encode()
    return await served.ask(f"{method} {path} HTTP/1.1", JSON, f"Content-Length: {len(body)}", body=body)


async def publish(served: Served) -> Answer:
    """Send a video in one chunk and finalize it."""
    assert (await put(served, *chunk_fields(), ("chunk", VIDEO))).status == 200
    answer = await post_json(served, FINALIZE, {"uploadId": "k", "filename": "talk.mp4", "totalChunks": 1})
    assert answer.status == 200, answer.body
    return answer


@pytest.mark.parametrize("parts", list(permutations([*chunk_fields(), ("chunk", VIDEO)])))
async def test_fields_and_file_come_in_any_order(served: Served, parts: tuple[Part, ...]) -> None:
    """A chunk is stored whatever the order of the form."""
    answer = await put(served, *parts)
    assert (answer.status, answer.json["offset"], answer.json["received"]) == (200, len(VIDEO), 1)
    assert not served.store._spools


SMALL = form(*chunk_fields(), ("chunk", b"abc"))
FILE_FIRST = form(("chunk", b"abc"), *chunk_fields())


@pytest.mark.parametrize("raw", [SMALL, FILE_FIRST], ids=["fields first", "file first"])
async def test_a_torn_form_stores_nothing(served: Served, lines: Lines, raw: bytes) -> None:
    """Cut at any byte, a form leaves no chunk behind."""
    for torn in range(len(raw)):
        async with served.wire() as wire:
            await wire.send(f"POST {CHUNK} HTTP/1.1", TYPE, f"Content-Length: {len(raw)}", body=raw[:torn])
            wire.reset()
    await lines.reached(len(raw))
    answer = await served.ask(f"GET {CHUNK}?uploadId=k HTTP/1.1")
    assert answer.status == 404 or answer.json["received"] == []
    assert not served.store._spools


async def test_a_form_that_breaks_off_in_a_whole_body_is_refused(served: Served) -> None:
    """A form without its last boundary is 400, and no chunk."""
    raw = SMALL[:-10]
    answer = await served.ask(f"POST {CHUNK} HTTP/1.1", TYPE, f"Content-Length: {len(raw)}", body=raw)
    assert answer.status == 400
    assert (await served.ask(f"GET {CHUNK}?uploadId=k HTTP/1.1")).json["received"] == []


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("Content-Type: multipart/form-data", SMALL, 400),
        ("Content-Type: application/octet-stream", SMALL, 415),
        (TYPE, form(*chunk_fields()), 400),
        (TYPE, form(("chunk", b"abc")), 400),
        (TYPE, form(*chunk_fields()[1:], ("chunk", b"abc")), 400),
        (TYPE, form(*chunk_fields(3, 2), ("chunk", b"abc")), 400),
        (TYPE, form(*chunk_fields(), *chunk_fields(), ("chunk", b"abc")), 400),
        (TYPE, form(*chunk_fields(0, 10**9), ("chunk", b"abc")), 400),
        (TYPE, form(*chunk_fields(key="../x"), ("chunk", b"abc")), 400),
        (TYPE, form(*chunk_fields(), ("chunk", b"abc"), ("checksum", b"nonsense")), 400),
        (TYPE, form(*chunk_fields(), ("chunk", b"abc"), ("checksum", b"0" * 64)), 422),
        (TYPE, part("chunk", b"", extra="Content-Transfer-Encoding: base64\r\n"), 415),
        (TYPE, b"", 400),
    ],
)
async def test_bad_forms_are_refused(served: Served, head: str, body: bytes, status: int) -> None:
    """A clear 4xx as a problem, and no chunk stored."""
    answer = await served.ask(f"POST {CHUNK} HTTP/1.1", head, f"Content-Length: {len(body)}", body=body)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json["success"] is False
    listed = await served.ask(f"GET {CHUNK}?uploadId=k HTTP/1.1")
    assert listed.status == 404 or listed.json["received"] == []
    assert not served.store._spools


async def test_a_file_that_comes_first_is_bounded(start: Start) -> None:
    """Bytes that wait for their fields are refused as soon as they are too many, and nothing stays."""
    served = await start(limits=Limits(max_chunk_size=1000))
    body = form(("chunk", b"x" * 1001), *chunk_fields())
    answer = await served.ask(f"POST {CHUNK} HTTP/1.1", TYPE, f"Content-Length: {len(body)}", body=body)
    assert answer.status == 413
    assert not served.store._spools


class Counter:
    """A spool that counts and forgets, so that what stays in memory is the shell's. Implements Spool."""

    size = 0

    async def write(self, buffer: bytes) -> None:
        """Count."""
        self.size += len(buffer)

    async def close(self) -> None:
        """Forget."""


class CountingParts:
    """A service of which only the spool is wanted."""

    def __init__(self) -> None:
        self.spool = Counter()

    async def open_spool(self) -> Counter:
        """Give the counter."""
        return self.spool


def peak_bytes() -> int:
    """Most memory that this process had since the peak was forgotten."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def test_memory_stays_flat_while_a_form_of_256_mib_is_refused(start: Start, lines: Lines) -> None:
    """A chunk that grows beyond its 64 MiB is refused there and costs nobody its size in memory."""
    parts = CountingParts()
    served = await start(parts=parts)
    head = (f"POST {CHUNK} HTTP/1.1", TYPE, "Transfer-Encoding: chunked")
    opening = part("chunk", b"", filename="blob")[:-2]
    block = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_bytes()
    async with served.wire() as wire:
        await wire.send(*head, body=f"{len(opening):x}\r\n".encode() + opening + b"\r\n")
        pushing = asyncio.create_task(wire.push(block, most=256 * 1024 * 1024))
        answer = await wire.answer()
        await pushing
    assert (answer.status, answer.closes) == (413, True)
    await lines.reached(1)
    assert peak_bytes() - before < 16 * 1024 * 1024
    assert 60 * 1024 * 1024 < parts.spool.size <= 64 * 1024 * 1024
    assert lines.requests()[0]["bytes"] < 67 * 1024 * 1024


async def test_a_chunk_that_declares_too_much_is_not_asked_for(served: Served) -> None:
    """413 from the head alone, without 100 Continue."""
    head = (f"POST {CHUNK} HTTP/1.1", TYPE, f"Content-Length: {GIGABYTE}", "Expect: 100-continue")
    answer = await served.ask(*head)
    assert (answer.status, answer.interim, answer.json["code"]) == (413, (), "too_large")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (JSON, b'{"uploadId": "k", "filename": "talk.mp4", "totalChunks": 1}'),
        ("Content-Type: application/x-www-form-urlencoded", b"uploadId=k&filename=talk.mp4&totalChunks=1"),
        (TYPE, form(("uploadId", b"k"), ("filename", b"talk.mp4"), ("totalChunks", b"1"))),
    ],
    ids=["json", "urlencoded", "multipart"],
)
async def test_finalize_takes_json_and_forms(served: Served, head: str, body: bytes) -> None:
    """The same finalize in three notations, and the file under its address."""
    await put(served, *chunk_fields(), ("chunk", VIDEO))
    answer = await served.ask(f"POST {FINALIZE} HTTP/1.1", head, f"Content-Length: {len(body)}", body=body)
    assert (answer.status, answer.json["size"]) == (200, len(VIDEO))
    assert answer.json["url"] == f"/uploads/posters/local/{answer.json['filename']}"
    assert (await served.ask(f"GET {answer.json['url']} HTTP/1.1")).body == VIDEO


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (JSON, b"{", 400),
        (JSON, b"[]", 400),
        (JSON, b"[" * 60_000, 400),
        (JSON, b'{"a":"' + b"x" * 70_000 + b'"}', 413),
        ("Content-Type: text/plain", b"{}", 415),
        ("Content-Type: application/x-www-form-urlencoded", b"uploadId=%ff", 400),
        (TYPE, form(("chunk", b"x")), 415),
        (TYPE, form(("uploadId", b"\xff")), 400),
    ],
)
async def test_bad_finalizes_are_refused(served: Served, head: str, body: bytes, status: int) -> None:
    """Threat 47: bombs and nonsense get a 4xx."""
    answer = await served.ask(f"POST {FINALIZE} HTTP/1.1", head, f"Content-Length: {len(body)}", body=body)
    assert answer.status == status


async def test_a_session_tells_where_it_stands_and_goes(served: Served) -> None:
    """HEAD, GET and DELETE of the chunk route."""
    await put(served, *chunk_fields(0, 2), ("chunk", VIDEO))
    head = await served.ask(f"HEAD {CHUNK}?uploadId=k HTTP/1.1")
    assert (head.status, head.headers["Upload-Offset"], head.body) == (200, str(len(VIDEO)), b"")
    listed = await served.ask(f"GET {CHUNK}?uploadId=k HTTP/1.1")
    assert (listed.json["received"], listed.json["missing"]) == ([[0, 0]], [1])
    assert (await served.ask(f"DELETE {CHUNK}?uploadId=k HTTP/1.1")).status == 204
    for method in ("HEAD", "GET", "DELETE"):
        assert (await served.ask(f"{method} {CHUNK}?uploadId=k HTTP/1.1")).status == 404


async def test_records_are_made_listed_changed_and_removed(served: Served) -> None:
    """The life of a record, to the removal of its file."""
    published = (await publish(served)).json
    about = {"filename": published["filename"], "title": "Talk"}
    made = await post_json(served, "/api/videos/metadata", about)
    again = await post_json(served, "/api/videos/metadata", {**about, "title": "Talk 2"})
    assert (made.status, again.status) == (201, 200)
    path = f"/api/videos/{made.json['id']}"
    changed = await post_json(served, path, {"description": "long"}, method="PATCH")
    assert (changed.json["title"], changed.json["description"], changed.json["url"]) == (
        "Talk 2",
        "long",
        published["url"],
    )
    assert (await served.ask(f"GET {path} HTTP/1.1")).json == changed.json
    listed = await served.ask("GET /api/videos?limit=5 HTTP/1.1")
    assert [video["url"] for video in listed.json["videos"]] == [published["url"]]
    assert (await served.ask(f"DELETE {path}?file=1&undo=0 HTTP/1.1")).status == 204
    assert (await served.ask(f"GET {path} HTTP/1.1")).status == 404
    assert (await served.ask(f"GET {published['url']} HTTP/1.1")).status == 404


async def test_a_published_file_is_served_in_parts(served: Served) -> None:
    """Whole, by range, by condition, and by HEAD; with fields that keep a browser from running it."""
    url = (await publish(served)).json["url"]
    whole = await served.ask(f"GET {url} HTTP/1.1")
    assert (whole.status, whole.body, whole.headers["Content-Type"]) == (200, VIDEO, "video/mp4")
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    tag = whole.headers["ETag"]
    some = await served.ask(f"GET {url} HTTP/1.1", "Range: bytes=4-7", f"If-Range: {tag}")
    assert (some.status, some.body, some.headers["Content-Range"]) == (206, b"ftyp", f"bytes 4-7/{len(VIDEO)}")
    head = await served.ask(f"HEAD {url} HTTP/1.1")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(VIDEO)))
    same = await served.ask(f"GET {url} HTTP/1.1", f"If-None-Match: {tag}")
    assert (same.status, same.body) == (304, b"")
    beyond = await served.ask(f"GET {url} HTTP/1.1", "Range: bytes=999999-")
    assert (beyond.status, beyond.body) == (416, b"")


async def test_a_head_by_override_has_no_body(served: Served) -> None:
    """A POST that stands for a HEAD is framed as what it is on the wire."""
    url = (await publish(served)).json["url"]
    async with served.wire() as wire:
        answer = await wire.ask(f"POST {url} HTTP/1.1", "X-HTTP-Method-Override: HEAD")
        assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")
        assert (await wire.ask("GET /healthz HTTP/1.1")).status == 200


async def test_an_upload_is_served_under_its_own_address_once_finished(served: Served) -> None:
    """S-20: GET of an unfinished upload is 404; of a finished one the file."""
    path = await served.create(5)
    assert (await served.ask(f"GET {path} HTTP/1.1")).status == 404
    head = (f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Content-Length: 5")
    assert (await served.ask(*head, body=b"hello")).status == 204
    answer = await served.ask(f"GET {path} HTTP/1.1")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (await served.ask(f"GET {path} HTTP/1.1", "Tus-Resumable: 9.9.9")).status == 412


async def test_a_body_that_is_no_upload_is_not_stored(served: Served) -> None:
    """W-05: another content type makes an empty upload, and the connection ends."""
    head = ("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", "Content-Type: text/plain", "Content-Length: 500000")
    async with served.wire() as wire:
        await wire.send(*head)
        answer = await wire.answer()
        assert (answer.status, answer.headers["Upload-Offset"], answer.closes) == (201, "0", True)


async def test_a_creation_may_bring_its_bytes(served: Served) -> None:
    """W-01 and W-03: the body of a creation is stored, and a whole one is published."""
    head = ("POST /files HTTP/1.1", TUS, BYTES, "Upload-Length: 5", "Content-Length: 5")
    answer = await served.ask(*head, body=b"hello")
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, "5")
    assert (await served.ask(f"GET {answer.headers['Content-Location']} HTTP/1.1")).body == b"hello"


async def test_a_file_that_fails_in_the_middle_ends_the_connection(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that cannot go on is cut, never filled up or ended as if it were whole."""
    from tusvideo.errors import StorageFailed
    from tusvideo.stores.memory import MemoryPublished

    served = await start()
    url = (await publish(served)).json["url"]

    async def fail(_: MemoryPublished, taker: int, *, start: int, stop: int) -> int:
        if start:
            raise StorageFailed
        return os.write(taker, VIDEO[:100])

    monkeypatch.setattr(MemoryPublished, "send", fail)
    async with served.wire() as wire:
        await wire.send(f"GET {url} HTTP/1.1")
        status, headers = await wire.head()
        assert (status, int(headers["Content-Length"])) == (200, len(VIDEO))
        assert len(await wire.ended()) < len(VIDEO)
    assert any(record.getMessage() == "download_failed" for record in caplog.records)


async def test_a_reader_that_goes_away_lets_go_of_the_file(
    served: Served, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    """A download whose reader is gone ends, and its file is closed."""
    from tusvideo.stores.memory import MemoryPublished

    closed = asyncio.Event()

    async def close(_: MemoryPublished) -> None:
        closed.set()

    monkeypatch.setattr(MemoryPublished, "close", close)
    data = b"x" * (32 * 1024 * 1024)
    head = ("POST /files HTTP/1.1", TUS, BYTES, f"Upload-Length: {len(data)}", f"Content-Length: {len(data)}")
    path = (await served.ask(*head, body=data)).headers["Location"]
    async with served.wire() as wire:
        await wire.send(f"GET {path} HTTP/1.1")
        assert (await wire.head())[0] == 200
        wire.reset()
    async with asyncio.timeout(10):
        await closed.wait()
    await lines.reached(2)
