"""Limits of the IETF draft; numbers are those of the fact sheet's conformance tests."""

from dataclasses import replace

import pytest

from tests.web.conftest import Served, Start
from tests.web.ietf.client import FULL, MORE, PARTIAL, V9, C, append, create, query, size, staged_or_published
from tests.web.wire import until
from tusvideo.config.settings import BUILT_IN_PROFILES
from tusvideo.model import Limits


@pytest.mark.parametrize("fields", [(MORE, "Upload-Length: 60000000"), (FULL, size(60_000_000))])
async def test_a_file_over_the_limit(served: Served, fields: tuple[str, ...]) -> None:
    """IETF 16, 60: 413 with the limits, before a byte of the body; nothing is made."""
    answer = await served.ask("POST /files/?profile=poster HTTP/1.1", V9, *fields)
    assert (answer.status, answer.headers["Upload-Complete"], answer.interim) == (413, "?0", ())
    assert answer.headers["Upload-Limit"] == f"max-size={50 * 1024 * 1024}"
    assert staged_or_published(served) == 0


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


async def test_the_age_does_not_grow_old_early(served: Served) -> None:
    """IETF 23: the instant of expiry does not come nearer than time passes."""
    path = (await create(served, MORE)).headers["Location"]
    ages = [int((await query(served, path)).headers["Upload-Limit"].rpartition("=")[2]) for _ in range(3)]
    assert ages[0] - ages[-1] <= 1


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
