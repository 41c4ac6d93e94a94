"""Answers that come before the body, or instead of it."""

import asyncio
from collections.abc import Callable

import pytest

from tests.web.conftest import BYTES, EXPECT, TUS, Lines, Served, patch
from tests.web.forms import CHUNK, TYPE
from tests.web.wire import GIGABYTE

BLOCK = b"x" * 65_536


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
