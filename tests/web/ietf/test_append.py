"""Appends of the IETF draft; numbers are those of the fact sheet's conformance tests."""

import pytest

from tests.web.conftest import Served, Start
from tests.web.ietf.client import FULL, MORE, PARTIAL, V9, C, append, create, query, size, stored
from tusvideo.model import Limits, Status

# --- append ------------------------------------------------------------------------------------------------------


async def test_appends_up_to_the_last(served: Served) -> None:
    """IETF 57, 64, 65, 80, 54: 204 until the last one, which answers as a whole file does; offsets only grow."""
    path = (await create(served, MORE)).headers["Location"]
    first = await append(served, path, 0, MORE, body=b"hello")
    assert (first.status, first.headers["Upload-Complete"], first.headers["Upload-Offset"]) == (204, "?0", "5")
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, MORE, "Upload-Offset: 0005", "Transfer-Encoding: chunked")
    second = await served.ask(*lines, body=b"5\r\nworld\r\n0\r\n\r\n")
    assert (second.status, second.headers["Upload-Offset"]) == (204, "10")
    last = await append(served, path, 10, FULL)
    assert (last.status, last.headers["Upload-Complete"], last.json["size"]) == (201, "?1", 10)
    assert (await served.ask(f"GET {path} HTTP/1.1")).body == b"helloworld"


@pytest.mark.parametrize("offset", [0, 9])
async def test_a_wrong_offset(served: Served, offset: int) -> None:
    """IETF 58, 59: 409 with the true one, nothing is written, and the upload can be used."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    answer = await append(served, path, offset, MORE, body=b"evil")
    assert (answer.status, answer.headers["Upload-Offset"], answer.headers["Upload-Complete"]) == (409, "5", "?0")
    assert (answer.json["expected-offset"], answer.json["provided-offset"]) == (5, offset)
    assert (await append(served, path, 5, FULL)).json["size"] == 5


async def test_a_wrong_offset_is_refused_without_the_body(served: Served) -> None:
    """IETF 60: a client that waits to be asked is told at once."""
    path = (await create(served, MORE)).headers["Location"]
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, MORE, "Upload-Offset: 5", size(10**9), "Expect: 100-continue")
    answer = await served.ask(*lines)
    assert (answer.status, answer.interim) == (409, ())


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((MORE, PARTIAL), 400),
        ((MORE, PARTIAL, "Upload-Offset: -1"), 400),
        ((MORE, PARTIAL, "Upload-Offset: 5.0"), 400),
        ((MORE, PARTIAL, "Upload-Offset: 5", "Upload-Offset: 5"), 400),
        ((MORE, PARTIAL, "Upload-Offset: 9999999999999999"), 400),
        ((PARTIAL, "Upload-Offset: 5"), 400),
        ((MORE, "Upload-Offset: 5"), 415),
        ((MORE, "Upload-Offset: 5", "Content-Type: application/octet-stream"), 415),
        ((MORE, "Upload-Offset: 5", PARTIAL, "Content-Encoding: gzip"), 415),
        ((MORE, "Upload-Offset: 5", PARTIAL, "Content-Digest: md5=:YQ==:"), 400),
    ],
)
async def test_appends_that_cannot_be_read(served: Served, fields: tuple[str, ...], status: int) -> None:
    """IETF 4 to 7, 61, 62, 63: refused by the head, and nothing is appended."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    answer = await served.ask(f"PATCH {path} HTTP/1.1", V9, *fields, size(4), body=b"evil")
    assert (answer.status, answer.headers["Upload-Complete"]) == (status, "?0")
    assert (status == 415) is ("Accept-Patch" in answer.headers or "Accept-Encoding" in answer.headers)
    assert (await query(served, path)).headers["Upload-Offset"] == "5"


async def test_reaching_the_length_completes_nothing(served: Served) -> None:
    """IETF 68: only ?1 does, in version 9."""
    path = (await create(served, MORE, "Upload-Length: 5", body=b"hello")).headers["Location"]
    assert (await query(served, path)).headers["Upload-Complete"] == "?0"
    assert not served.store.published
    assert (await append(served, path, 5, FULL)).status == 201


async def test_lengths_of_appends_must_agree(served: Served) -> None:
    """IETF 71, 72, 73, 74: with what was told before, and with where the body ends."""
    path = (await create(served, MORE, body=b"x" * 20)).headers["Location"]
    assert (await append(served, path, 20, MORE, "Upload-Length: 50")).status == 204
    for answer in (
        await append(served, path, 20, MORE, "Upload-Length: 60"),
        await append(served, path, 20, FULL, body=b"y" * 29),
        await append(served, path, 20, MORE, body=b"y" * 31),
    ):
        assert (answer.status, answer.json["type"].rpartition("#")[2]) == (400, "inconsistent-upload-length")
    assert (await query(served, path)).headers["Upload-Offset"] == "20"
    assert (await append(served, path, 20, FULL, body=b"y" * 30)).json["size"] == 50


async def test_the_last_append_tells_the_length(served: Served) -> None:
    """IETF 72: offset and content make it."""
    path = (await create(served, MORE, body=b"x" * 20)).headers["Location"]
    assert (await append(served, path, 20, FULL, body=b"y" * 5)).headers["Upload-Length"] == "25"


async def test_an_append_beyond_the_length_ends_the_upload(served: Served) -> None:
    """IETF 70: 5 chunked bytes at 8 of 10."""
    path = (await create(served, MORE, "Upload-Length: 10", body=b"x" * 8)).headers["Location"]
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, MORE, "Upload-Offset: 8", "Transfer-Encoding: chunked")
    answer = await served.ask(*lines, body=b"5\r\nyyyyy\r\n0\r\n\r\n")
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    assert (await query(served, path)).status == 404
    assert (await append(served, path, 8, FULL, body=b"yy")).status == 404


async def test_content_that_is_refused_is_the_last_word(served: Served) -> None:
    """IETF 66: a verdict carries ?1, and no append opens the upload again."""
    answer = await served.ask(
        "POST /files/?profile=poster HTTP/1.1", V9, MORE, size(5000), body=b"this is no video " * 294 + b"xx"
    )
    assert (answer.status, answer.headers["Upload-Complete"]) == (415, "?1")
    (row,) = await served.sessions.with_status(Status.FAILED, after=None, limit=9)
    assert (await append(served, f"/files/{row.id}", 0, FULL, body=b"x")).status == 404


async def test_a_complete_upload_takes_nothing(served: Served) -> None:
    """IETF 77, 78: content is refused and the file stays; the last answer is told again, the same."""
    path = (await create(served, MORE)).headers["Location"]
    last = await append(served, path, 0, FULL, body=b"hello")
    refused = await append(served, path, 5, FULL, body=b"evil")
    assert (refused.status, refused.headers["Upload-Complete"]) == (400, "?0")
    assert (await append(served, path, 0, FULL, body=b"evil")).status == 409
    again = await append(served, path, 5, FULL)
    assert (again.status, again.json, again.headers["Upload-Complete"]) == (201, last.json, "?1")
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, FULL, "Upload-Offset: 5", "Transfer-Encoding: chunked")
    assert (await served.ask(*lines, body=b"4\r\nevil\r\n0\r\n\r\n")).status == 400
    assert (await served.ask(f"GET {path} HTTP/1.1")).body == b"hello"


async def test_a_cut_append_keeps_what_came(served: Served) -> None:
    """IETF 75, 76: the prefix, and the upload is not complete though ?1 was announced."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    async with served.wire() as wire:
        await wire.send(f"PATCH {path} HTTP/1.1", V9, PARTIAL, FULL, "Upload-Offset: 5", size(1000), body=b"x" * 300)
    await stored(served, path, 305)
    answer = await query(served, path)
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Complete"]) == ("305", "?0")


async def test_two_lengths_of_a_message_are_refused(served: Served) -> None:
    """IETF 81: a message has one framing."""
    path = (await create(served, MORE)).headers["Location"]
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, MORE, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    assert (await served.ask(*lines, size(5), body=b"5\r\nhello\r\n0\r\n\r\n")).status == 400
    assert (await query(served, path)).headers["Upload-Offset"] == "0"


# --- progress ----------------------------------------------------------------------------------------------------


async def test_progress_is_told_now_and_then(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """IETF 54, 82, 84, 85: durable offsets within the range, without Location, four in all, one answer."""
    monkeypatch.setattr("tusvideo.web.interim.FIRST_SECONDS", 0.0)
    served = await start(limits=Limits(checkpoint_bytes=1, checkpoint_seconds=0.001))
    path = (await create(served, MORE)).headers["Location"]
    seen: list[int] = []
    async with served.wire() as wire:
        await wire.send(f"PATCH {path} HTTP/1.1", V9, PARTIAL, FULL, "Upload-Offset: 0", size(1000))
        for number in range(6):
            await wire.raw(b"x" * 100)
            if number < 4:
                status, headers = await wire.head()
                assert (status, "Location" in headers) == (104, False)
                seen.append(int(headers["Upload-Offset"]))
        await wire.raw(b"x" * 400)
        answer = await wire.answer()
    assert (answer.interim, answer.status) == ((), 201)
    assert seen == sorted(seen)
    assert 0 < seen[0] <= seen[-1] < 1000


@pytest.mark.parametrize("number", [3, 4])
async def test_old_versions_hear_of_no_progress(start: Start, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """§3.2: progress came with version 5."""
    monkeypatch.setattr("tusvideo.web.interim.FIRST_SECONDS", 0.0)
    served = await start(limits=Limits(checkpoint_bytes=1, checkpoint_seconds=0.001))
    completeness = "Upload-Incomplete: ?0" if number == 3 else FULL
    answer = await served.ask(
        C, f"Upload-Draft-Interop-Version: {number}", completeness, size(100_000), body=b"x" * 100_000
    )
    assert (answer.interim, answer.status) == ((104,), 201)
