"""Finished files as they are served: whole, in parts, on conditions, and to the end once begun."""

import hashlib
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import pytest_asyncio

from tests.e2e import chunks, tus
from tests.e2e.disk import MIB, published, video
from tests.faults.processes import ServerProcess
from tests.web.wire import connect, until

SIZE = 1000
TEXT = bytes(range(256)) * 4
LARGE = 40 * MIB


@pytest_asyncio.fixture
async def path(server: ServerProcess) -> str:
    """The path of a finished file of 1,000 bytes that is no video."""
    upload = await tus.create(server.port, SIZE, tus.metadata(filename='a "b".txt', filetype="text/html"))
    assert (await tus.patch(server.port, upload, at=0, body=TEXT[:SIZE])).status == 204
    assert (await tus.ask(server.port, f"GET {upload} HTTP/1.1")).body == TEXT[:SIZE]
    return (await tus.head(server.port, upload)).headers["Content-Location"]


async def in_parts(server: ServerProcess, data: bytes) -> str:
    """Publish a video through the chunk API under the key k; give the path of its file."""
    parts = chunks.split(data, 20 * MIB)
    for index, part in enumerate(parts):
        assert (await chunks.put(server.port, "k", index, len(parts), data=part)).status == 200
    return str((await chunks.finalize(server.port, "k", len(parts))).json["url"])


RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-99", 0, 100),
    ("bytes=990-", 990, 1000),
    ("bytes=-10", 990, 1000),
    ("bytes=-5000", 0, 1000),
    ("bytes=500-99999999999999999999999", 500, 1000),
]


async def test_a_range_is_answered_with_those_bytes(server: ServerProcess, path: str) -> None:
    """206 with exactly the bytes asked for, from the start, to the end, or the last ones."""
    for asked, start, stop in RANGES:
        answer = await tus.ask(server.port, f"GET {path} HTTP/1.1", f"Range: {asked}")
        assert (answer.status, answer.body) == (206, TEXT[start:stop]), asked
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert answer.headers["Content-Length"] == str(stop - start)


async def test_a_range_that_is_not_there_is_refused_and_nonsense_is_left_out(server: ServerProcess, path: str) -> None:
    """416 with the size for what lies beyond the end; the whole for what is no single range of bytes."""
    for asked in ("bytes=1000-", "bytes=5000-6000", "bytes=-0"):
        answer = await tus.ask(server.port, f"GET {path} HTTP/1.1", f"Range: {asked}")
        assert (answer.status, answer.headers["Content-Range"], answer.body) == (416, f"bytes */{SIZE}", b""), asked
    for asked in ("bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=٠-١"):
        raw = asked.encode().decode("latin-1")
        answer = await tus.ask(server.port, f"GET {path} HTTP/1.1", f"Range: {raw}")
        assert (answer.status, answer.body) == (200, TEXT[:SIZE]), asked


async def test_if_range_gives_a_part_only_of_the_same_file(server: ServerProcess, path: str) -> None:
    """With the present entity tag the part; with any other, or a date, which two files may have, the whole."""
    whole = await tus.ask(server.port, f"GET {path} HTTP/1.1")
    modified = whole.headers["Last-Modified"]
    earlier = format_datetime(parsedate_to_datetime(modified).replace(year=2001), usegmt=True)
    for condition, status in (
        (whole.headers["ETag"], 206),
        (modified, 200),
        ('"other"', 200),
        (f"W/{whole.headers['ETag']}", 200),
        (earlier, 200),
        ("nonsense", 200),
    ):
        answer = await tus.ask(server.port, f"GET {path} HTTP/1.1", "Range: bytes=10-19", f"If-Range: {condition}")
        assert answer.status == status, condition
        assert answer.body == (TEXT[10:20] if status == 206 else TEXT[:SIZE])


async def test_conditions_save_a_copy_that_is_there_already(server: ServerProcess, path: str) -> None:
    """304 without a body for the same tag or a date that is not older; 412 for a tag that must match and does not."""
    whole = await tus.ask(server.port, f"GET {path} HTTP/1.1")
    tag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    for method in ("GET", "HEAD"):
        for condition, status in (
            (f"If-None-Match: {tag}", 304),
            (f'If-None-Match: "other", W/{tag}', 304),
            ("If-None-Match: *", 304),
            ('If-None-Match: "other"', 200),
            (f"If-Modified-Since: {modified}", 304),
            ("If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT", 200),
            ('If-Match: "other"', 412),
            (f"If-Match: {tag}", 200),
            ("If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT", 412),
        ):
            answer = await tus.ask(server.port, f"{method} {path} HTTP/1.1", condition)
            assert answer.status == status, (method, condition)
            assert answer.body == (TEXT[:SIZE] if (method, status) == ("GET", 200) else b"")
            if status in {200, 304}:
                assert answer.headers["ETag"] == tag


async def test_the_type_comes_from_the_content_and_nobody_may_guess(server: ServerProcess, path: str) -> None:
    """What a client said about the type is not believed; unknown content is for saving, a video is for watching; and
    HEAD tells the same as GET."""
    text = await tus.ask(server.port, f"GET {path} HTTP/1.1")
    assert text.headers["Content-Type"] == "application/octet-stream"
    assert text.headers["Content-Disposition"].startswith("attachment;")
    clip = video(1, 20_000)
    film = await tus.create(server.port, len(clip), tus.metadata(filename="page.html", filetype="text/html"))
    assert (await tus.patch(server.port, film, at=0, body=clip)).status == 204
    told = await tus.head(server.port, film)
    served = await tus.ask(server.port, f"GET {told.headers['Content-Location']} HTTP/1.1")
    asked = await tus.ask(server.port, f"HEAD {told.headers['Content-Location']} HTTP/1.1")
    assert (served.headers["Content-Type"], served.body) == ("video/mp4", clip)
    assert served.headers["Content-Disposition"].startswith("inline;")
    for answer in (text, served, asked):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    changing = {"date", "x-request-id"}
    assert [pair for pair in asked.headers.items() if pair[0].lower() not in changing] == [
        pair for pair in served.headers.items() if pair[0].lower() not in changing
    ]
    assert asked.body == b""


async def test_a_download_ends_whole_though_the_file_is_deleted_meanwhile(server: ServerProcess) -> None:
    """Who has begun to read reads to the end; who comes later finds nothing."""
    data = video(1, LARGE)
    url = await in_parts(server, data)
    reading = await connect(server.port)
    await reading.send(f"GET {url} HTTP/1.1")
    status, headers = await reading.head()
    assert (status, headers["Content-Length"]) == (200, str(LARGE))
    begin = await reading.reader.readexactly(1000)
    assert (await chunks.query(server.port, "k", method="DELETE")).status == 204
    assert published(server.data_dir, "posters") == []
    assert (await tus.ask(server.port, f"GET {url} HTTP/1.1")).status == 404
    rest = await reading.reader.readexactly(LARGE - 1000)
    assert hashlib.sha256(begin + rest).digest() == hashlib.sha256(data).digest()
    await reading.close()


async def test_what_follows_a_download_on_its_connection_is_answered(server: ServerProcess) -> None:
    """Also when it was asked for before the end; every byte comes once and in its place, however slowly it is taken."""
    data = video(2, LARGE)
    url = await in_parts(server, data)
    reading = await connect(server.port)
    await reading.send(f"GET {url} HTTP/1.1")
    await reading.send(f"GET {url} HTTP/1.1", f"Range: bytes={MIB}-{LARGE - 2}")
    await reading.send(f"HEAD {url} HTTP/1.1")
    status, headers = await reading.head()
    assert (status, headers["Content-Length"]) == (200, str(LARGE))
    whole = hashlib.sha256()
    for step in [1, 1000, 100_000] * 20:
        whole.update(await reading.reader.readexactly(step))
    whole.update(await reading.reader.readexactly(LARGE - 20 * 101_001))
    assert whole.digest() == hashlib.sha256(data).digest()
    ranged = await reading.answer()
    assert (ranged.status, ranged.headers["Content-Range"]) == (206, f"bytes {MIB}-{LARGE - 2}/{LARGE}")
    assert hashlib.sha256(ranged.body).digest() == hashlib.sha256(data[MIB : LARGE - 1]).digest()
    assert (await reading.answer(method="HEAD")).headers["Content-Length"] == str(LARGE)
    await reading.close()


async def test_who_leaves_a_download_leaves_nothing_open(server: ServerProcess) -> None:
    """Neither file nor connection, whether the reader closes or resets, and the server goes on."""
    upload = await tus.create(server.port, LARGE)
    assert (await tus.patch(server.port, upload, at=0, body=video(3, LARGE))).status == 204

    def open_now() -> int:
        return sum(1 for _ in Path(f"/proc/{server.pid}/fd").iterdir())

    begun = open_now()
    for number in range(6):
        reading = await connect(server.port)
        await reading.send(f"GET {upload} HTTP/1.1")
        assert (await reading.head())[0] == 200
        await reading.reader.readexactly(1000)
        if number % 2:
            reading.reset()
        else:
            await reading.close()
    await until(lambda: open_now() <= begun)
    assert (await tus.head(server.port, upload)).status == 200
