"""The two ways in which a file leaves: from file to socket past asyncio, and block by block."""

import asyncio

import pytest
from aiohttp import web

from tests.web.conftest import BYTES, TUS, Lines, Served
from tests.web.wire import connect, until
from tusvideo.web import download

MIB = 1024 * 1024
DATA = bytes(range(256)) * 4096 * 24


async def stored(served: Served) -> str:
    """Upload the data; give the path of the upload."""
    path = await served.create(len(DATA))
    answer = await served.ask(
        f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(DATA)}", body=DATA
    )
    assert answer.status == 204
    return path


def block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no connection be one that takes bytes directly, as one with TLS is not."""

    def none(request: web.BaseRequest) -> None:
        del request

    monkeypatch.setattr(download, "_plain_transport", none)


@pytest.mark.parametrize("directly", [True, False])
@pytest.mark.parametrize(("first", "last"), [(0, len(DATA) - 1), (MIB - 1, 20 * MIB), (5, 5)])
async def test_both_ways_give_the_same_bytes(
    served: Served, monkeypatch: pytest.MonkeyPatch, *, directly: bool, first: int, last: int
) -> None:
    """Whole or in part, and the connection serves another request afterwards."""
    if not directly:
        block_by_block(monkeypatch)
    path = await stored(served)
    async with served.wire() as wire:
        for _ in range(2):
            answer = await wire.ask(f"GET {path} HTTP/1.1", f"Range: bytes={first}-{last}")
            assert (answer.status, answer.body == DATA[first : last + 1]) == (206, True)


@pytest.mark.parametrize("directly", [True, False])
async def test_a_reader_that_takes_nothing_is_given_up(
    served: Served, lines: Lines, monkeypatch: pytest.MonkeyPatch, *, directly: bool
) -> None:
    """The connection ends before the file does."""
    if not directly:
        block_by_block(monkeypatch)
    path = await stored(served)
    monkeypatch.setattr(download, "_MAX_UNSENT_SECONDS", 0.2)
    before = len(lines.requests())
    async with served.wire() as wire:
        await wire.send(f"GET {path} HTTP/1.1")
        await lines.reached(before + 1)
        assert len(await wire.ended()) < len(DATA)


async def test_a_reader_that_takes_a_little_is_not_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than what makes the kernel tell of room: what counts is that bytes were taken at all."""
    path = await stored(served)
    waits = 0
    wait_for_room = download._wait_for_room

    async def in_vain(taker: int) -> bool:
        nonlocal waits
        waits += 1
        assert await wait_for_room(taker)
        return False

    monkeypatch.setattr(download, "_wait_for_room", in_vain)
    assert (await served.ask(f"GET {path} HTTP/1.1")).body == DATA
    assert waits


async def test_a_stop_ends_a_download_that_nobody_takes(served: Served, lines: Lines) -> None:
    """Its connection is open in two places then, and ends all the same."""
    path = await stored(served)
    before = len(lines.requests())
    wire = await connect(served.port)
    await wire.send(f"GET {path} HTTP/1.1")
    assert (await wire.head())[0] == 200
    stopping = asyncio.create_task(served.stop())
    await until(lambda: len(lines.requests()) > before)
    assert len(await wire.ended()) < len(DATA)
    await stopping
    await wire.close()
