"""Long bodies past aiohttp: the memory that they hold."""

import asyncio

import pytest

from tests.web.bodies.conftest import FIRST, MIB, Bench, arrived, collect, pattern
from tests.web.wire import until
from tusvideo.errors import Preempted
from tusvideo.web.intake import BLOCK_BYTES, Blocks


async def test_a_slow_connection_holds_no_block(bench: Bench) -> None:
    """A few bytes that nobody reads yet are copied; the block stays free for others."""
    wire, body = await bench.taken(10_000_000)
    for count in range(1, 6):
        await wire.raw(bytes(1000))
        await arrived(body, count * 1000)
        assert bench.blocks.free == 1
    assert await body.read() == bytes(5000)


async def test_a_block_goes_back_when_it_was_read(bench: Bench) -> None:
    """While a read waits for more, the connection holds no block, however fast it was before."""
    wire, body = await bench.taken(100_000_000)
    read: list[bytes] = []
    await wire.raw(pattern(3 * MIB))

    async def reading() -> None:
        while block := await body.read():
            read.append(bytes(block))

    task = asyncio.create_task(reading())
    await until(lambda: sum(map(len, read)) == 3 * MIB)
    assert 1 <= bench.blocks.free <= 2
    body.interrupt()
    with pytest.raises(Preempted):
        await task


async def test_nobody_reads_nothing_is_received_beyond_a_block(bench: Bench) -> None:
    """A connection holds one block that nobody reads; the rest stays with its sender until somebody does."""
    data = pattern(40 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    pushing = asyncio.create_task(wire.raw(data))
    await arrived(body, BLOCK_BYTES)
    assert not pushing.done()
    assert body.received == len(FIRST) + BLOCK_BYTES
    assert await collect(body) == (data, None)
    await pushing


async def test_more_connections_than_blocks(bench: Bench) -> None:
    """When all blocks are lent, others go on in smaller steps, and nothing waits for anything."""
    bench.blocks = Blocks(most=1)
    data = pattern(3 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data[:MIB])
    await arrived(body, MIB)
    bench.body = asyncio.get_running_loop().create_future()
    other_wire, other = await bench.taken(len(FIRST) + len(data))
    reading = asyncio.create_task(collect(other))
    await other_wire.raw(data)
    assert await reading == (data, None)
    pushing = asyncio.create_task(wire.raw(data[MIB:]))
    assert await collect(body) == (data, None)
    await pushing
