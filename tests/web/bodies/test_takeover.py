"""Long bodies past aiohttp: what is given, and which ones stay with aiohttp."""

import asyncio

import pytest

from tests.web.bodies.conftest import FIRST, MIB, Bench, arrived, collect, pattern
from tests.web.wire import until
from tusvideo.errors import Preempted
from tusvideo.web.intake import BLOCK_BYTES, COPIED_BYTES, Blocks

# -------------------------------------------------------------------------------------------------------- whole bodies


async def test_a_long_body_is_given_whole_and_in_order(bench: Bench) -> None:
    """Every byte is given once, wherever it was received; then b"" for ever, and every block is back."""
    data = pattern(20_000_000)
    wire, body = await bench.taken(len(FIRST) + len(data))
    reading = asyncio.create_task(collect(body))
    await wire.raw(data)
    assert await reading == (data, None)
    assert await body.read() == b""
    assert body.received == len(FIRST) + len(data)
    body.release()
    assert 1 <= bench.blocks.free <= 2


@pytest.mark.parametrize("size", [1, COPIED_BYTES - 1, COPIED_BYTES, COPIED_BYTES + 1, BLOCK_BYTES, BLOCK_BYTES + 1])
@pytest.mark.parametrize("most", [0, 1, 32], ids=lambda most: f"{most} blocks")
async def test_bodies_at_the_borders_of_the_blocks(bench: Bench, size: int, most: int) -> None:
    """Sizes around those of the blocks, with enough blocks, with one and with none, change nothing about the bytes."""
    bench.blocks = Blocks(most=most)
    data = bytes(range(251)) * (size // 251 + 1)
    wire, body = await bench.taken(len(FIRST) + 2 * size)
    reading = asyncio.create_task(collect(body))
    for count in (1, 2):
        await wire.raw(data[:size])
        await arrived(body, count * size)
    assert await reading == (data[:size] * 2, None)


async def test_bytes_are_given_as_soon_as_there_are_any(bench: Bench) -> None:
    """A read does not wait for a block to fill."""
    wire, body = await bench.taken(10_000_000)
    for block in (b"a", b"bc", b"def"):
        await wire.raw(block)
        async with asyncio.timeout(5):
            assert await body.read() == block


async def test_what_is_lent_stays_until_the_next_read(bench: Bench) -> None:
    """While one block is with the reader another one is filled."""
    data = pattern(3 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data[:MIB])
    await arrived(body, MIB)
    lent = await body.read()
    assert isinstance(lent, memoryview)
    size = len(lent)
    pushing = asyncio.create_task(wire.raw(data[MIB:]))
    await arrived(body, min(size + BLOCK_BYTES, 2 * MIB))
    assert lent == data[:size]
    assert await collect(body) == (data[size:], None)
    await pushing


async def test_the_answer_is_read_and_the_connection_ends(bench: Bench) -> None:
    """Behind a body that was taken over comes its answer, which says that it is the last, and the end."""
    data = pattern(2 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data)
    assert await collect(body) == (data, None)
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.body, answer.closes) == (200, b"done", True)
    assert await wire.ended() == b""


async def test_nothing_beyond_the_body_is_taken_for_it(bench: Bench) -> None:
    """Requests that follow a long body at once are neither body nor answered; the answer to the body is whole."""
    data, more = pattern(2 * MIB), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30_000
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data + more)
    assert await collect(body) == (data, None)
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.body) == (200, b"done")
    assert await wire.ended() == b""
    assert bench.served == 1


async def test_a_client_that_waits_for_100_continue_gets_it(bench: Bench) -> None:
    """The first read asks for the body, and the final answer comes whole after it."""
    size = 3 * MIB
    wire, body = await bench.begin("PATCH / HTTP/1.1", "Expect: 100-continue", f"Content-Length: {size}")
    reading = asyncio.create_task(collect(body))
    assert (await wire.head())[0] == 100
    await wire.raw(pattern(size))
    assert await reading == (pattern(size), None)
    assert body.is_taken
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.interim, answer.body) == (200, (), b"done")


# ------------------------------------------------------------------------------------------------- out of the way for …


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("PATCH / HTTP/1.1", "Content-Length: 6"), id="a short body"),
        pytest.param(("PATCH / HTTP/1.1", "Transfer-Encoding: chunked"), id="a chunked body"),
    ],
)
async def test_other_bodies_stay_with_aiohttp(bench: Bench, lines: tuple[str, ...]) -> None:
    """They are read as ever, and the connection serves the next request."""
    bench.least_bytes = 100
    chunked = "chunked" in lines[1]
    wire, body = await bench.begin(*lines, data=b"6\r\nabcdef\r\n0\r\n\r\n" if chunked else b"abcdef")
    assert await collect(body) == (b"abcdef", None)
    assert not body.is_taken
    bench.done.set()
    assert (await wire.answer()).status == 200
    assert (await wire.ask("GET / HTTP/1.1")).status == 200
    assert bench.served == 2


async def test_a_body_with_little_to_come_stays_with_aiohttp(bench: Bench) -> None:
    """What counts is what is still to come when the first bytes were read."""
    bench.least_bytes = 1000
    wire, body = await bench.begin("PATCH / HTTP/1.1", "Content-Length: 1100", data=bytes(101))
    assert len(await body.read()) == 101
    assert not body.is_taken
    await wire.raw(bytes(999))
    assert await collect(body) == (bytes(999), None)


async def test_a_body_that_was_interrupted_before_is_not_taken_over(bench: Bench) -> None:
    """Bytes that came before an interruption are given, and nothing else is begun."""
    _, body = await bench.begin("PATCH / HTTP/1.1", "Content-Length: 10000000", data=FIRST)
    await until(lambda: body.received == len(FIRST))
    body.interrupt()
    assert await collect(body) == (FIRST, Preempted)
    assert not body.is_taken
