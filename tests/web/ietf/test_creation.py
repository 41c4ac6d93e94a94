"""Creations of the IETF draft; numbers are those of the fact sheet's conformance tests."""

import ipaddress

import pytest

from tests.web.conftest import Served, Start, TokenAuthenticator
from tests.web.ietf.client import FULL, MORE, V9, C, append, begun, create, query, size, staged_or_published, stored
from tests.web.wire import until
from tusvideo.model import InterimAnswers
from tusvideo.protocol.interop import VERSIONS
from tusvideo.web.keys import Policy

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


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
