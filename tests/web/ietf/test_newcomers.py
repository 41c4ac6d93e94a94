"""Requests of the IETF draft that meet others on an upload; numbers are those of the fact sheet's conformance tests."""

import asyncio

import pytest

from tests.web.conftest import TUS, Served
from tests.web.ietf.client import (
    FULL,
    MORE,
    PARTIAL,
    V9,
    append,
    begun,
    create,
    id_of,
    query,
    size,
    staged_or_published,
    stored,
)
from tests.web.wire import until


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
        await until(lambda: len(served.locks.transfers(id_of(path))) == 1)
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
        await until(lambda: len(served.locks.transfers(id_of(path))) == 1)
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
