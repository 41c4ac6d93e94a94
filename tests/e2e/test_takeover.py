"""Who may write when two requests want one upload: the newcomer when it knows the offset, and never both."""

import asyncio
import contextlib
import os
import time

import pytest

from tests.e2e import tus
from tests.e2e.conftest import Start
from tests.e2e.disk import place_of, staged
from tests.faults.processes import ServerProcess
from tests.web.wire import Wire, until

HALF = 400_000
STEP = 200_000
SIZES = pytest.mark.parametrize("size", [1_000_000, 12_000_000], ids=["short", "long"])
"""Long bodies go another way through the server."""


async def half_open(port: int, data: bytes) -> tuple[str, Wire]:
    """Begin a PATCH of the whole, send less than half of it, wait until that is stored, and fall silent."""
    path = await tus.create(port, len(data), tus.metadata(filename="wanted.bin"))
    wire = await tus.open_patch(port, path, at=0, length=len(data))
    await wire.raw(data[:HALF])

    async def stored() -> bool:
        return await tus.offset(port, path) == HALF

    await until(stored)
    return path, wire


async def write_on(wire: Wire, body: bytes) -> None:
    """Go on writing on a connection that may have ended."""
    with contextlib.suppress(ConnectionError):
        await wire.raw(body)


@SIZES
async def test_a_new_patch_takes_over_from_a_silent_one(size: int, server: ServerProcess) -> None:
    """A PATCH whose client fell silent gives way within a second, and nothing that it sends later is stored."""
    data = os.urandom(size)
    path, old = await half_open(server.port, data)
    begun = time.monotonic()
    answer = await tus.patch(server.port, path, at=HALF, body=data[HALF:-1])
    assert time.monotonic() - begun < 1
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(size - 1))
    await write_on(old, bytes(500_000))
    assert await tus.offset(server.port, path) == size - 1
    answer = await tus.patch(server.port, path, at=size - 1, body=data[-1:])
    assert answer.status == 204
    assert place_of(server.data_dir, answer.headers["Content-Location"]).read_bytes() == data
    told = await old.answer(method="PATCH")
    assert (told.status, told.closes) == (423, True), "the old one is told to ask again, and its connection ends"
    await old.close()


@SIZES
async def test_a_delete_takes_over_from_a_silent_patch(size: int, server: ServerProcess) -> None:
    """DELETE stops a running PATCH within a second; nothing of the upload is left, whatever is sent later."""
    path, old = await half_open(server.port, bytes(size))
    begun = time.monotonic()
    assert (await tus.delete(server.port, path)).status == 204
    assert time.monotonic() - begun < 1
    await write_on(old, bytes(500_000))
    assert (await tus.head(server.port, path)).status == 404
    assert (await tus.delete(server.port, path)).status == 404
    assert (await old.answer(method="PATCH")).status == 423
    assert staged(server.data_dir) == []
    await old.close()


@SIZES
async def test_a_patch_with_a_stale_offset_disturbs_nobody(size: int, server: ServerProcess) -> None:
    """An offset below the stored one gets 409 with the true one at once; the running PATCH goes on to its end."""
    data = os.urandom(size)
    path, live = await half_open(server.port, data)
    for at in (0, 1, HALF - 1):
        refused = await tus.patch(server.port, path, at=at, body=b"stale")
        assert (refused.status, refused.headers["Upload-Offset"]) == (409, str(HALF))
    await live.raw(data[HALF:])
    answer = await live.answer(method="PATCH")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(size))
    assert place_of(server.data_dir, answer.headers["Content-Location"]).read_bytes() == data
    await live.close()


@SIZES
async def test_questions_do_not_end_a_live_patch(size: int, server: ServerProcess) -> None:
    """However often HEAD asks, a PATCH that still sends goes on."""
    data = os.urandom(size)
    path, live = await half_open(server.port, data)
    for at in range(HALF, size, STEP):
        assert await tus.offset(server.port, path) >= HALF
        await live.raw(data[at : at + STEP])
    assert (await live.answer(method="PATCH")).status == 204
    await live.close()


@SIZES
async def test_a_question_ends_a_patch_that_was_silent_for_long(size: int, start: Start) -> None:
    """After takeover_seconds of silence a HEAD stops the PATCH, so that its client can go on at once elsewhere."""
    server = await start(limits_takeover_seconds="0.1")
    path, silent = await half_open(server.port, bytes(size))

    told = asyncio.ensure_future(silent.answer(method="PATCH"))

    async def stopped() -> bool:
        assert await tus.offset(server.port, path) == HALF
        return told.done()

    await until(stopped)
    assert (await told).status == 423
    await silent.close()
    answer = await tus.patch(server.port, path, at=HALF, body=bytes(size - HALF))
    assert answer.status == 204


@SIZES
async def test_of_many_patches_at_one_offset_at_most_one_wins(size: int, server: ServerProcess) -> None:
    """Eight clients append other bytes at the same offset: what is stored is one run of one of them, not a mixture."""
    path = await tus.create(server.port, size, tus.metadata(filename="raced.bin"))
    bodies = [bytes([number]) * HALF for number in range(8)]
    answers = await asyncio.gather(*(tus.patch(server.port, path, at=0, body=body) for body in bodies))
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {204, 409, 423}
    assert statuses.count(204) <= 1
    offset = await tus.offset(server.port, path)
    assert offset <= HALF
    assert offset == HALF or 204 not in statuses
    answer = await tus.patch(server.port, path, at=offset, body=bytes(size - offset))
    stored = place_of(server.data_dir, answer.headers["Content-Location"]).read_bytes()
    assert len(set(stored[:offset])) <= 1, "the bytes of one client only"
    assert stored[offset:] == bytes(size - offset)
