"""Resumable uploads of the IETF draft over real sockets; numbers are those of the fact sheet's conformance tests."""

import asyncio
import hashlib
import ipaddress
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from tests.web.conftest import BYTES, TUS, Served, Start, TokenAuthenticator
from tests.web.wire import Answer, Wire, until
from tusvideo.config.settings import BUILT_IN_PROFILES
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import InterimAnswers, Limits, Status, UploadId
from tusvideo.protocol.interop import VERSIONS
from tusvideo.stores.memory import MemoryStore
from tusvideo.web.keys import Policy

V9 = "Upload-Draft-Interop-Version: 9"
FULL, MORE = "Upload-Complete: ?1", "Upload-Complete: ?0"
PARTIAL = "Content-Type: application/partial-upload"
C = "POST /files/ HTTP/1.1"


LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


def _id(path: str) -> UploadId:
    return UploadId(path.rpartition("/")[2])


def size(count: int) -> str:
    """A Content-Length."""
    return f"Content-Length: {count}"


def digest(name: str, data: bytes) -> str:
    """A digest field."""
    return f"{name}: sha-256=:{b64encode(hashlib.sha256(data).digest()).decode()}:"


async def create(served: Served, *fields: str, body: bytes = b"", line: str = C) -> Answer:
    """Make an upload with version 9."""
    return await served.ask(line, V9, *fields, size(len(body)), body=body)


async def append(served: Served, path: str, offset: int, *fields: str, body: bytes = b"") -> Answer:
    """Append with version 9."""
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, f"Upload-Offset: {offset}", *fields, size(len(body)))
    return await served.ask(*lines, body=body)


async def query(served: Served, path: str, *fields: str, method: str = "HEAD") -> Answer:
    """Ask for the offset with version 9."""
    return await served.ask(f"{method} {path} HTTP/1.1", *(fields or (V9,)))


async def begun(wire: Wire, *fields: str, length: int = 100, body: bytes = b"") -> str:
    """Begin a creation whose body does not end, and give the path that the interim answer tells."""
    await wire.send(C, V9, *fields, size(length), body=body)
    status, headers = await wire.head()
    assert status == 104
    return headers["Location"]


async def stored(served: Served, path: str, offset: int) -> None:
    """Wait until so many bytes are stored, disturbing nobody."""

    async def check() -> bool:
        return int((await query(served, path, "X: y")).headers["Upload-Offset"]) >= offset

    await until(check)


def staged_or_published(served: Served) -> int:
    """How many files there are."""
    return len(served.store.staged) + len(served.store.published)


# --- creation ----------------------------------------------------------------------------------------------------


async def test_a_whole_file_in_one_request(served: Served) -> None:
    """IETF 25, 28, 32, 64: the interim answer comes first, with Location, limits and version; the last one says ?1."""
    async with served.wire() as wire:
        await wire.send(C, V9, FULL, size(10), body=b"hello")
        status, headers = await wire.head()
        assert (status, headers["Upload-Draft-Interop-Version"]) == (104, "9")
        assert headers["Upload-Limit"].startswith("max-size=")
        assert "max-age=" in headers["Upload-Limit"]
        await wire.raw(b"world")
        answer = await wire.answer()
    assert (answer.status, answer.headers["Upload-Complete"], answer.headers["Upload-Offset"]) == (201, "?1", "10")
    assert answer.headers["Location"] == headers["Location"]
    assert answer.json["size"] == 10
    assert answer.json["url"] == answer.headers["Content-Location"]
    assert (await served.ask(f"GET {answer.json['url']} HTTP/1.1")).body == b"helloworld"


@pytest.mark.parametrize("version", [None, "7777", "abc"])
async def test_who_announces_no_version_gets_no_interim_answer(served: Served, version: str | None) -> None:
    """IETF 26, 27: and the answer is right all the same."""
    fields = () if version is None else (f"Upload-Draft-Interop-Version: {version}",)
    answer = await served.ask(C, *fields, FULL, size(5), body=b"hello")
    assert (answer.interim, answer.status, answer.headers["Upload-Complete"]) == ((), 201, "?1")
    assert "Upload-Draft-Interop-Version" not in answer.headers


@pytest.mark.parametrize("number", sorted(VERSIONS))
async def test_an_interim_answer_names_the_version_of_the_request(served: Served, number: int) -> None:
    """IETF 104: and no other."""
    completeness = "Upload-Incomplete: ?0" if number == 3 else FULL
    async with served.wire() as wire:
        await wire.send(C, f"Upload-Draft-Interop-Version: {number}", completeness, size(5), body=b"hello")
        status, headers = await wire.head()
        assert (status, headers["Upload-Draft-Interop-Version"]) == (104, str(number))
        assert (await wire.answer()).headers["Upload-Draft-Interop-Version"] == str(number)


async def test_http_1_0_knows_no_interim_answer(served: Served) -> None:
    """IETF 29: nothing comes before the answer."""
    async with served.wire() as wire:
        await wire.send("POST /files/ HTTP/1.0", V9, FULL, size(5), body=b"hello")
        answer = await wire.answer()
    assert (answer.interim, answer.status) == ((), 201)


async def test_interim_answers_can_be_switched_off(start: Start) -> None:
    """Behind proxies that swallow or mangle them, or always."""
    for policy, interim in (
        (Policy(interim_answers=InterimAnswers.NEVER), ()),
        (Policy(trusted_proxies=(LOOPBACK,)), ()),
        (Policy(trusted_proxies=(LOOPBACK,), interim_answers=InterimAnswers.ALWAYS), (104,)),
        (Policy(interim_answers=InterimAnswers.ALWAYS), (104,)),
    ):
        served = await start(policy=policy)
        assert (await create(served, FULL, body=b"hello")).interim == interim


async def test_an_empty_creation(served: Served) -> None:
    """IETF 30: careful creation gives the address and the limits."""
    answer = await create(served, MORE)
    assert (answer.status, answer.headers["Upload-Complete"], answer.headers["Upload-Offset"]) == (201, "?0", "0")
    assert answer.headers["Upload-Limit"].startswith("max-size=")
    assert answer.body == b""
    assert (await query(served, answer.headers["Location"])).headers["Upload-Offset"] == "0"


async def test_a_creation_with_the_first_bytes(served: Served) -> None:
    """IETF 31, 49, 53: 25 bytes of 100; the offset that is told can be continued at."""
    path = (await create(served, MORE, "Upload-Length: 100", body=b"x" * 25)).headers["Location"]
    answer = await query(served, path)
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("25", "100")
    assert (await append(served, path, 25, FULL, body=b"y" * 75)).status == 201


async def test_an_empty_file(served: Served) -> None:
    """IETF 33: ?1 without content."""
    answer = await create(served, FULL)
    assert (answer.status, answer.headers["Upload-Complete"], answer.json["size"]) == (201, "?1", 0)


async def test_lengths_that_contradict(served: Served) -> None:
    """IETF 34: refused by the head; nothing is made."""
    answer = await create(served, FULL, "Upload-Length: 100", body=b"hello")
    assert (answer.status, answer.headers["Upload-Complete"], answer.interim) == (400, "?0", ())
    assert answer.json["type"].endswith("#inconsistent-upload-length")
    assert staged_or_published(served) == 0


async def test_more_bytes_than_the_length(served: Served) -> None:
    """IETF 35: 12 chunked bytes of 10; the upload is used no more and nothing is published."""
    async with served.wire() as wire:
        await wire.send(C, V9, FULL, "Upload-Length: 10", "Transfer-Encoding: chunked", body=b"c\r\nhello world!\r\n")
        _, headers = await wire.head()
        await wire.raw(b"0\r\n\r\n")
        answer = await wire.answer()
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    assert (await query(served, headers["Location"])).status == 404
    assert staged_or_published(served) == 0


async def test_fewer_bytes_than_the_length(served: Served) -> None:
    """IETF 35, 74: 8 chunked bytes of 10 that are said to be all."""
    answer = await served.ask(
        C, V9, FULL, "Upload-Length: 10", "Transfer-Encoding: chunked", body=b"8\r\nhello wo\r\n0\r\n\r\n"
    )
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    assert staged_or_published(served) == 0


async def test_a_creation_that_is_cut_can_be_resumed(served: Served) -> None:
    """IETF 36, 37, 38, 76: every byte that came is kept, the length is known, and nothing is published."""
    async with served.wire() as wire:
        path = await begun(wire, FULL, body=b"x" * 40)
    await stored(served, path, 40)
    answer = await query(served, path)
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Complete"]) == ("40", "?0")
    assert answer.headers["Upload-Length"] == "100"
    assert not served.store.published
    assert (await append(served, path, 40, FULL, body=b"y" * 60)).status == 201


@pytest.mark.parametrize("fields", [(), ("Upload-Draft-Interop-Version: 7777",)])
async def test_a_cut_creation_that_nobody_knows_of_is_dropped(served: Served, fields: tuple[str, ...]) -> None:
    """Without an interim answer and without a key nobody can come back to it."""
    async with served.wire() as wire:
        await wire.send(C, *fields, FULL, size(100), body=b"x" * 40)
        await until(served.is_receiving)
    await until(lambda: staged_or_published(served) == 0)


async def test_a_cut_creation_with_a_key_is_found_again(served: Served) -> None:
    """The same creation again tells the address and the offset; its body is not read."""
    async with served.wire() as wire:
        await wire.send(C, FULL, "Idempotency-Key: k", size(100), body=b"x" * 40)
        await until(served.is_receiving)
    answer = await served.ask(C, FULL, "Idempotency-Key: k", size(100), body=b"x" * 100)
    assert (answer.status, answer.headers["Upload-Complete"]) == (201, "?0")
    path, offset = answer.headers["Location"], int(answer.headers["Upload-Offset"])
    assert (await append(served, path, offset, FULL, body=b"x" * (100 - offset))).status == 201


@pytest.mark.parametrize("line", ["PUT /files/a.mp4 HTTP/1.1", "PUT /files/ HTTP/1.1", "PATCH /files/ HTTP/1.1"])
async def test_other_methods_create_too(served: Served, line: str) -> None:
    """IETF 39, 40: the draft binds creation to no method."""
    answer = await create(served, MORE, line=line)
    assert (answer.status, answer.headers["Upload-Complete"]) == (201, "?0")
    done = await append(served, answer.headers["Location"], 0, FULL, body=b"hello")
    assert done.json["filename"] == ("a.mp4" if "a.mp4" in line else "file")


async def test_the_name_of_the_creation_is_that_of_the_file(served: Served) -> None:
    """IETF 41: also when an append finishes it."""
    named = "Content-Disposition: inline; filename*=UTF-8''na%C3%AFve%20plan.txt"
    path = (await create(served, MORE, named)).headers["Location"]
    assert (await append(served, path, 0, FULL, body=b"hello")).json["filename"] == "naïve plan.txt"


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "a%00b", "a%0D%0ASet-Cookie:%20x", "%2E%2E", "con"])
async def test_names_are_cleaned(served: Served, name: str) -> None:
    """IETF 42: nothing of a hostile name reaches a path or a header."""
    answer = await create(served, FULL, f"Content-Disposition: inline; filename*=UTF-8''{name}", body=b"hello")
    assert answer.status == 201
    assert not set(answer.json["filename"]) & set("/\\\x00\r\n")
    assert answer.json["filename"] not in {"..", ".", "con"}
    download = await served.ask(f"GET {answer.json['url']} HTTP/1.1")
    assert (download.status, "Set-Cookie" in download.headers) == (200, False)


async def test_a_refused_creation_makes_nothing_and_asks_for_nothing(start: Start) -> None:
    """IETF 43: no 104, no 100, no upload."""
    served = await start(authenticator=TokenAuthenticator())
    answer = await served.ask(C, V9, FULL, "Expect: 100-continue", size(5))
    assert (answer.status, answer.interim, staged_or_published(served)) == (401, (), 0)


async def test_100_continue_comes_after_the_interim_answer(served: Served) -> None:
    """IETF 44: both, before the answer."""
    async with served.wire() as wire:
        await wire.send(C, V9, FULL, "Expect: 100-continue", size(5))
        assert [(await wire.head())[0] for _ in range(2)] == [104, 100]
        await wire.raw(b"hello")
        assert (await wire.answer()).status == 201


async def test_a_creation_that_fails_later_tells_where_it_is(start: Start) -> None:
    """IETF 46, 67: 503 with Location and without ?1; the upload can be resumed."""

    class Failing(MemoryStore):
        fails = True

        async def open_writer(self, *args: Any, **more: Any) -> Any:
            if self.fails:
                raise StorageFailed
            return await super().open_writer(*args, **more)

    store = Failing()
    served = await start(store=store)
    answer = await create(served, FULL, body=b"hello")
    assert (answer.status, answer.headers["Upload-Complete"]) == (503, "?0")
    store.fails = False
    assert (await query(served, answer.headers["Location"])).headers["Upload-Offset"] == "0"
    assert (await append(served, answer.headers["Location"], 0, FULL, body=b"hello")).status == 201


@pytest.mark.parametrize("fields", [(MORE, "Upload-Length: 60000000"), (FULL, size(60_000_000))])
async def test_a_file_over_the_limit(served: Served, fields: tuple[str, ...]) -> None:
    """IETF 16, 60: 413 with the limits, before a byte of the body; nothing is made."""
    answer = await served.ask("POST /files/?profile=poster HTTP/1.1", V9, *fields)
    assert (answer.status, answer.headers["Upload-Complete"], answer.interim) == (413, "?0", ())
    assert answer.headers["Upload-Limit"] == f"max-size={50 * 1024 * 1024}"
    assert staged_or_published(served) == 0


async def test_a_length_that_cannot_be_read_is_unknown(served: Served) -> None:
    """IETF 8: as if the field were absent."""
    path = (await create(served, MORE, "Upload-Length: abc")).headers["Location"]
    assert "Upload-Length" not in (await query(served, path)).headers


@pytest.mark.parametrize("field", ["Upload-Complete: ?1;foo=bar", "Upload-Complete: true", "Upload-Complete: 1"])
async def test_what_says_nothing_about_the_end_is_plain(served: Served, field: str) -> None:
    """IETF 1, 2, 3: parameters are ignored; a field that cannot be read leaves a plain upload."""
    answer = await create(served, field, body=b"hello")
    assert (answer.status, answer.json["size"]) == (201, 5)
    assert answer.interim == ((104,) if "?1" in field else ())


# --- offset retrieval --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_where_an_upload_stands(served: Served, method: str) -> None:
    """IETF 47, 48, 50, 51: the same fields for both, nothing to be stored by a cache, no body."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    answer = await query(served, path, method=method)
    assert (answer.status, answer.body, answer.headers["Upload-Offset"]) == (204, b"", "5")
    assert (answer.headers["Upload-Complete"], answer.headers["Cache-Control"]) == ("?0", "no-store")
    assert answer.headers["Upload-Limit"].startswith("max-size=")
    done = await append(served, path, 5, FULL)
    assert (await query(served, path)).headers["Upload-Complete"] == "?1"
    assert (await query(served, path)).headers["Content-Location"] == done.headers["Content-Location"]
    assert (await query(served, path, method="GET")).body == b"hello"


async def test_get_without_a_version_is_a_download(served: Served) -> None:
    """S-20: an unfinished upload has no file."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    assert (await served.ask(f"GET {path} HTTP/1.1")).status == 404


async def test_an_unknown_upload(served: Served) -> None:
    """IETF 52: 404 without an offset, whatever is asked."""
    path = f"/files/{'0' * 32}"
    for answer in (await query(served, path), await append(served, path, 0, FULL), await query(served, path, TUS)):
        assert (answer.status, "Upload-Offset" in answer.headers) == (404, False)
    refused = await served.ask(f"PATCH {path} HTTP/1.1", V9, "Content-Type: text/plain", size(0))
    assert refused.status == 404


@pytest.mark.parametrize(("number", "status"), [(6, 400), (9, 204)])
async def test_fields_on_a_query(served: Served, number: int, status: int) -> None:
    """IETF 56: refused in version 6, ignored in version 9."""
    path = (await create(served, MORE)).headers["Location"]
    answer = await query(served, path, f"Upload-Draft-Interop-Version: {number}", "Upload-Offset: 0")
    assert answer.status == status


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


async def test_an_unknown_length_stays_within_the_limit(start: Start) -> None:
    """IETF 18, 19: 413 with limits; the offset never passes them."""
    served = await start(profiles={"files": replace(BUILT_IN_PROFILES["files"], max_length=10)})
    path = (await create(served, MORE, body=b"x" * 8)).headers["Location"]
    known = await append(served, path, 8, MORE, body=b"y" * 3)
    lines = (f"PATCH {path} HTTP/1.1", V9, PARTIAL, MORE, "Upload-Offset: 8", "Transfer-Encoding: chunked")
    chunked = await served.ask(*lines, body=b"3\r\nyyy\r\n0\r\n\r\n")
    for answer in (known, chunked):
        assert (answer.status, answer.headers["Upload-Complete"]) == (413, "?0")
        assert answer.headers["Upload-Limit"] == "max-size=10"
    assert int((await query(served, path)).headers["Upload-Offset"]) <= 10


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


# --- cancellation and concurrency --------------------------------------------------------------------------------


async def test_cancellation(served: Served) -> None:
    """IETF 86, 88, 107: 204, then 404, and nothing of it is left."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    answer = await query(served, path, method="DELETE")
    assert (answer.status, "Tus-Resumable" in answer.headers) == (204, False)
    assert (await query(served, path, method="DELETE")).status == 404
    assert (await append(served, path, 5, FULL)).status == 404
    assert staged_or_published(served) == 0


async def test_a_finished_upload_can_be_removed(served: Served) -> None:
    """IETF 89, as the design changes it: the file goes, too."""
    done = await create(served, FULL, body=b"hello")
    assert (await query(served, done.headers["Location"], method="DELETE")).status == 204
    assert (await served.ask(f"GET {done.json['url']} HTTP/1.1")).status == 404


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
async def test_a_newcomer_ends_a_stalled_append(served: Served, method: str) -> None:
    """IETF 87, 90: within a second; its connection is closed without an answer, and what came is kept."""
    path = (await create(served, MORE)).headers["Location"]
    async with served.wire() as wire:
        await wire.send(f"PATCH {path} HTTP/1.1", V9, PARTIAL, FULL, "Upload-Offset: 0", size(1000), body=b"x" * 70)
        await until(lambda: len(served.locks.transfers(_id(path))) == 1)
        async with asyncio.timeout(1):
            answer = await query(served, path, method=method)
        assert answer.status == 204
        assert await wire.ended() == b""
    if method == "HEAD":
        assert answer.headers["Upload-Offset"] == "70"
        assert (await append(served, path, 70, FULL, body=b"y" * 930)).json["size"] == 1000


async def test_a_newcomer_ends_a_stalled_creation(served: Served) -> None:
    """IETF 92: its address is known from the interim answer."""
    async with served.wire() as wire:
        path = await begun(wire, FULL, body=b"x" * 40)
        await until(lambda: len(served.locks.transfers(_id(path))) == 1)
        answer = await query(served, path)
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, "40")
        assert await wire.ended() == b""
    assert (await append(served, path, 40, FULL, body=b"y" * 60)).status == 201


async def test_a_query_without_a_version_disturbs_nobody(served: Served) -> None:
    """Design §6: a HEAD by hand, by tus or by a balancer lets the transfer go on."""
    async with served.wire() as wire:
        path = await begun(wire, FULL, body=b"x" * 40)
        await stored(served, path, 40)
        assert (await query(served, path, TUS)).status == 200
        await wire.raw(b"y" * 60)
        assert (await wire.answer()).status == 201


async def test_a_second_append_takes_over(served: Served) -> None:
    """IETF 91: the old one ends, the new one succeeds."""
    path = (await create(served, MORE)).headers["Location"]
    async with served.wire() as wire:
        await wire.send(f"PATCH {path} HTTP/1.1", V9, PARTIAL, MORE, "Upload-Offset: 0", size(100), body=b"x" * 30)
        await stored(served, path, 30)
        assert (await append(served, path, 30, FULL, body=b"yy")).json["size"] == 32
    assert (await served.ask(f"GET {path} HTTP/1.1")).body == b"x" * 30 + b"yy"


async def test_many_appends_at_one_offset(served: Served) -> None:
    """IETF 93: the bytes of exactly one of them are stored."""
    path = (await create(served, MORE)).headers["Location"]
    bodies = [bytes([65 + number]) * 1000 for number in range(20)]
    answers = await asyncio.gather(*(append(served, path, 0, FULL, body=body) for body in bodies))
    assert sum(answer.status == 201 for answer in answers) == 1
    assert (await served.ask(f"GET {path} HTTP/1.1")).body in bodies


async def test_the_last_append_against_a_cancellation(served: Served) -> None:
    """IETF 94: one of them wins, and the other one is told so."""
    for _ in range(5):
        path = (await create(served, MORE, body=b"hello")).headers["Location"]
        done, gone = await asyncio.gather(
            append(served, path, 5, FULL, body=b"world"), query(served, path, method="DELETE")
        )
        assert gone.status == 204
        assert done.status in {201, 404}
        assert (await query(served, path)).status == 404
        assert staged_or_published(served) == 0


async def test_uploads_do_not_disturb_each_other(served: Served) -> None:
    """IETF 95: a newcomer on one leaves the other alone."""
    async with served.wire() as wire:
        path = await begun(wire, FULL, body=b"x" * 40)
        other = (await create(served, MORE)).headers["Location"]
        assert (await query(served, other)).status == 204
        assert (await append(served, other, 0, FULL, body=b"hello")).status == 201
        await wire.raw(b"y" * 60)
        assert (await wire.answer()).status == 201
    assert path != other


# --- older versions ----------------------------------------------------------------------------------------------


async def test_version_3(served: Served) -> None:
    """IETF 98, 99, 100: the inverted field, HEAD with 204, and an append of any type that completes by default."""
    v3 = "Upload-Draft-Interop-Version: 3"
    answer = await served.ask(C, v3, "Upload-Incomplete: ?0", size(5), body=b"hello")
    assert (answer.interim, answer.status, answer.headers["Upload-Incomplete"]) == ((104,), 201, "?0")
    assert answer.headers["Upload-Offset"] == "5"
    begun_ = await served.ask(C, v3, "Upload-Incomplete: ?1", size(5), body=b"hello")
    assert (begun_.status, begun_.headers["Upload-Incomplete"], begun_.headers["Upload-Offset"]) == (201, "?1", "5")
    path = begun_.headers["Location"]
    found = await query(served, path, v3)
    assert (found.status, found.headers["Upload-Incomplete"]) == (204, "?1")
    done = await served.ask(f"PATCH {path} HTTP/1.1", v3, "Upload-Offset: 5", size(5), body=b"world")
    assert (done.status, done.headers["Upload-Incomplete"]) == (201, "?0")
    assert done.json["size"] == 10


@pytest.mark.parametrize("number", [5, 6])
async def test_versions_5_and_6(served: Served, number: int) -> None:
    """IETF 69, 101, 102: 201 for appends, complete at the length, an empty file with no byte sent."""
    version = f"Upload-Draft-Interop-Version: {number}"
    path = (await served.ask(C, version, MORE, "Upload-Length: 10", size(0))).headers["Location"]
    patch = (f"PATCH {path} HTTP/1.1", version, PARTIAL, MORE)
    first = await served.ask(*patch, "Upload-Offset: 0", size(5), body=b"hello")
    assert (first.status, first.headers["Upload-Offset"], first.headers["Upload-Complete"]) == (201, "5", "?0")
    last = await served.ask(*patch, "Upload-Offset: 5", size(5), body=b"world")
    assert (last.status, last.headers["Upload-Complete"], last.json["size"]) == (201, "?1", 10)
    empty = await served.ask(C, version, MORE, "Upload-Length: 0", size(0))
    assert (empty.status, empty.headers["Upload-Complete"]) == (201, "?1")
    assert ("expires=" in first.headers.get("Upload-Limit", "")) is False
    found = await query(served, (await served.ask(C, version, MORE, size(0))).headers["Location"], version)
    assert ("expires=" in found.headers.get("Upload-Limit", "")) is (number == 6)


async def test_version_6_wants_the_media_type(served: Served) -> None:
    """IETF 63, 102: version 5 does not."""
    path = (await create(served, MORE)).headers["Location"]
    for number, status in ((6, 415), (5, 201)):
        lines = (f"PATCH {path} HTTP/1.1", f"Upload-Draft-Interop-Version: {number}", MORE, "Upload-Offset: 0")
        assert (await served.ask(*lines, size(5), body=b"hello")).status == status


async def test_version_8_calls_a_complete_upload_so(served: Served) -> None:
    """IETF 103: the problem type of its draft."""
    path = (await create(served, FULL, body=b"hello")).headers["Location"]
    lines = (f"PATCH {path} HTTP/1.1", "Upload-Draft-Interop-Version: 8", PARTIAL, FULL, "Upload-Offset: 5")
    answer = await served.ask(*lines, size(1), body=b"x")
    assert (answer.status, answer.json["type"].rpartition("#")[2]) == (400, "completed-upload")


# --- one ledger --------------------------------------------------------------------------------------------------


async def test_the_other_dialect_cannot_write(served: Served) -> None:
    """IETF 108: refused without a change, both ways; HEAD tells the same offset in each."""
    ietf_path = (await create(served, MORE, body=b"hello")).headers["Location"]
    tus_path = await served.create(10)
    refused = await served.ask(f"PATCH {ietf_path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 5", size(4), body=b"evil")
    assert (refused.status, refused.json["code"]) == (403, "wrong_protocol")
    other = await append(served, tus_path, 0, MORE, body=b"evil")
    assert (other.status, other.json["code"]) == (403, "wrong_protocol")
    for path, offset in ((ietf_path, "5"), (tus_path, "0")):
        for fields in ((TUS,), (V9,), ("X: y",)):
            assert (await query(served, path, *fields)).headers["Upload-Offset"] == offset
        assert (await query(served, path, TUS, method="DELETE")).status == 204


async def test_an_answer_has_the_fields_of_its_dialect(served: Served) -> None:
    """IETF 105 (as the design changes it), 107: Tus-Resumable makes it tus, whatever else is there."""
    answer = await served.ask(C, TUS, V9, FULL, "Upload-Length: 5", size(0))
    assert (answer.status, answer.headers["Tus-Resumable"], answer.interim) == (201, "1.0.0", ())
    assert "Upload-Complete" not in answer.headers
    assert "Tus-Resumable" not in (await query(served, answer.headers["Location"])).headers
    assert (await query(served, answer.headers["Location"], TUS)).headers["Tus-Resumable"] == "1.0.0"
    assert (await served.ask(C, "Tus-Resumable: 2.0.0", FULL, size(0))).status == 412


async def test_others_uploads_are_unknown(start: Start) -> None:
    """IETF 110: 404 for everything, by somebody else."""
    served = await start(authenticator=TokenAuthenticator())
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    path = (await create(served, MORE, alice, body=b"hello")).headers["Location"]
    assert len(path.rpartition("/")[2]) == 32
    assert (await append(served, path, 5, FULL, bob)).status == 404
    for method in ("HEAD", "DELETE", "GET"):
        assert (await query(served, path, V9, bob, method=method)).status == 404
    assert (await query(served, f"{path}/digest", bob, method="GET")).status == 404
    assert (await append(served, path, 5, FULL, alice)).status == 201


async def test_options_tells_of_all_dialects(served: Served) -> None:
    """IETF 11, 14, 15: one answer for discovery, limits and preflight; no looser than those of a creation."""
    path = (await create(served, MORE)).headers["Location"]
    for target in ("/files/", path, "/files/a.mp4"):
        answer = await served.ask(f"OPTIONS {target} HTTP/1.1")
        assert (answer.status, answer.headers["Tus-Version"]) == (204, "1.0.0")
        assert answer.headers["Upload-Limit"] == f"max-size={20 * 1024**3}, max-age={7 * 24 * 3600}"
        assert "application/partial-upload" in answer.headers["Accept-Patch"]
        assert "PATCH" in answer.headers["Allow"]
    poster = await served.ask("OPTIONS /files/?profile=poster HTTP/1.1")
    assert poster.headers["Upload-Limit"].startswith(f"max-size={50 * 1024**2},")
    assert (await served.ask("OPTIONS /files/?profile=nothing HTTP/1.1")).status == 400


async def test_the_age_does_not_grow_old_early(served: Served) -> None:
    """IETF 23: the instant of expiry does not come nearer than time passes."""
    path = (await create(served, MORE)).headers["Location"]
    ages = [int((await query(served, path)).headers["Upload-Limit"].rpartition("=")[2]) for _ in range(3)]
    assert ages[0] - ages[-1] <= 1


# --- digests -----------------------------------------------------------------------------------------------------


async def test_content_is_checked_before_it_counts(served: Served) -> None:
    """IETF 113: wrong content is not appended, right content is; no progress is told of either."""
    path = (await create(served, MORE, digest("Content-Digest", b"hello"), body=b"hello")).headers["Location"]
    wrong = await append(served, path, 5, FULL, digest("Content-Digest", b"world"), body=b"wOrld")
    assert (wrong.status, wrong.headers["Upload-Complete"]) == (400, "?0")
    assert wrong.json["type"].endswith("#digest-mismatched-values")
    assert (await query(served, path)).headers["Upload-Offset"] == "5"
    right = await append(served, path, 5, FULL, digest("Content-Digest", b"world"), body=b"world")
    assert (right.status, right.interim) == (201, ())


async def test_a_creation_with_wrong_content_vanishes(served: Served) -> None:
    """IETF 113: nothing of it is left."""
    answer = await create(served, FULL, digest("Content-Digest", b"hello"), body=b"hellO")
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    assert staged_or_published(served) == 0


async def test_the_whole_is_checked_before_it_is_published(served: Served) -> None:
    """IETF 114: a wrong Repr-Digest is the last word, and nothing is published."""
    path = (await create(served, MORE, digest("Repr-Digest", b"helloworld"), body=b"hello")).headers["Location"]
    answer = await append(served, path, 5, FULL, body=b"wOrld")
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?1")
    assert answer.json["type"].endswith("#digest-mismatched-values")
    assert (await query(served, path)).status == 404
    assert staged_or_published(served) == 0


async def test_the_digest_of_the_whole_is_told_when_it_is_wanted(served: Served) -> None:
    """IETF 114: in the last answer, and in its replay."""
    wanted = ("Want-Repr-Digest: sha-256=10", digest("Repr-Digest", b"helloworld"))
    path = (await create(served, MORE, *wanted, body=b"hello")).headers["Location"]
    for body, offset in ((b"world", 5), (b"", 10)):
        answer = await append(served, path, offset, FULL, body=body)
        assert f"Repr-Digest: {answer.headers['Repr-Digest']}" == digest("Repr-Digest", b"helloworld")
    plain = await served.ask(C, "Want-Repr-Digest: sha-256=1", size(5), body=b"hello")
    assert f"Repr-Digest: {plain.headers['Repr-Digest']}" == digest("Repr-Digest", b"hello")


async def test_stored_bytes_can_be_proven(served: Served) -> None:
    """A client that comes back asks what its prefix amounts to before it goes on."""
    path = (await create(served, MORE, body=b"helloworld")).headers["Location"]
    answer = await served.ask(f"GET {path}/digest HTTP/1.1")
    assert (answer.status, answer.json["digest"]) == (200, hashlib.sha256(b"helloworld").hexdigest())
    part = await served.ask(f"GET {path}/digest?from=2&to=7 HTTP/1.1")
    assert (part.json["from"], part.json["to"]) == (2, 7)
    assert part.json["digest"] == hashlib.sha256(b"llowo").hexdigest()
    for query_, status in (("from=3&to=2", 400), ("to=11", 400), ("from=x", 400), ("from=1&from=1", 400)):
        assert (await served.ask(f"GET {path}/digest?{query_} HTTP/1.1")).status == status
    await append(served, path, 10, FULL)
    assert (await served.ask(f"GET {path}/digest?to=5 HTTP/1.1")).json["digest"] == hashlib.sha256(b"hello").hexdigest()
    assert (await served.ask(f"GET /files/{'0' * 32}/digest HTTP/1.1")).status == 404


# --- failures ----------------------------------------------------------------------------------------------------


class Broken:
    """A service whose every method fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object, **__: object) -> None:
            raise self._error

        return fail


@pytest.mark.parametrize(("error", "status"), [(RuntimeError("secret"), 500), (DiskFull(), 507)])
async def test_failures_can_be_resumed_from(start: Start, error: Exception, status: int) -> None:
    """IETF 67: no ?1, and nothing of the failure."""
    served = await start(uploads=Broken(error))
    for answer in (
        await create(served, FULL, body=b"hello"),
        await query(served, f"/files/{'0' * 32}"),
        await append(served, f"/files/{'0' * 32}", 0, FULL),
    ):
        assert (answer.status, answer.headers["Upload-Complete"]) == (status, "?0")
        assert b"secret" not in answer.body
    plain = await served.ask(C, size(5), body=b"hello")
    assert (plain.status, "Upload-Complete" in plain.headers) == (status, False)


# --- limits of one request ---------------------------------------------------------------------------------------


async def test_a_body_over_the_limit_of_one_request(start: Start) -> None:
    """IETF 17, 18: nothing of one whose size is told, a beginning of another; the upload goes on from there."""
    served = await start(limits=Limits(max_append_bytes=100))
    made = await served.ask(C, V9, MORE, "Upload-Length: 300")
    path = made.headers["Location"]
    assert "max-append-size=100" in made.headers["Upload-Limit"]
    refused = await served.ask(f"PATCH {path} HTTP/1.1", V9, MORE, PARTIAL, "Upload-Offset: 0", size(101))
    assert (refused.status, refused.headers["Upload-Complete"]) == (413, "?0")
    async with served.wire() as wire:
        await wire.send(f"PATCH {path} HTTP/1.1", V9, MORE, PARTIAL, "Upload-Offset: 0", "Transfer-Encoding: chunked")
        await wire.raw(b"50\r\n" + b"x" * 80 + b"\r\n")
        await until(served.is_receiving)
        await wire.raw(b"50\r\n" + b"y" * 80 + b"\r\n0\r\n\r\n")
        answer = await wire.answer()
    kept = int(answer.headers["Upload-Offset"])
    assert (answer.status, answer.headers["Upload-Complete"]) == (413, "?0")
    assert "max-append-size=100" in answer.headers["Upload-Limit"]
    assert kept in {0, 80}
    rest = await served.ask(
        f"PATCH {path} HTTP/1.1", V9, MORE, PARTIAL, f"Upload-Offset: {kept}", size(100), body=b"z" * 100
    )
    assert int(rest.headers["Upload-Offset"]) == kept + 100


async def test_a_creation_in_chunks_over_the_limit_leaves_nothing(start: Start) -> None:
    """Its answer has no Location, so nobody could go on."""
    served = await start(limits=Limits(max_append_bytes=100))
    body = b"96\r\n" + b"x" * 150 + b"\r\n0\r\n\r\n"
    answer = await served.ask(C, V9, MORE, "Transfer-Encoding: chunked", body=body)
    assert (answer.status, answer.headers.get("Location"), answer.headers.get("Upload-Offset")) == (413, None, None)
    assert staged_or_published(served) == 0


async def test_limits_of_the_server(start: Start) -> None:
    """IETF 13: OPTIONS of * tells them where all profiles have the same, and no less than that."""
    alone = {"files": replace(BUILT_IN_PROFILES["files"], max_length=500)}
    served = await start(profiles=alone, limits=Limits(max_append_bytes=100, min_append_bytes=5))
    answer = await served.ask("OPTIONS * HTTP/1.1")
    told = f"max-size=500, max-append-size=100, min-append-size=5, max-age={Limits().expiry_seconds}"
    assert (answer.status, answer.headers["Upload-Limit"], answer.headers["Allow"]) == (204, told, "OPTIONS")
    mixed = await start()
    assert "Upload-Limit" not in (await mixed.ask("OPTIONS * HTTP/1.1")).headers
