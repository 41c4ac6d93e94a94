"""Writers of an UploadStore: where they write, what they draw, and what a disk that fails costs."""

import asyncio
from collections import deque

import pytest

from tests.conformance.store.conftest import Bench
from tests.conformance.store.staged import MIB, ONE, drawn, put, some, staged
from tests.fakes.body import FakeTap
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.ports import UploadStore


async def test_a_writer_goes_on_where_it_is_told(store: UploadStore) -> None:
    """A writer starts at its position; bytes before it stay, leftovers behind it may be overwritten."""
    await put(store, ONE, b"abcdefgh")
    writer = await store.open_writer(ONE, position=3, fresh=False)
    assert writer.position == 3
    await writer.write(b"DEF")
    assert (writer.position, await writer.sync()) == (6, 6)
    await writer.close()
    assert await staged(store, ONE) == b"abcDEFgh"


async def test_opening_removes_no_bytes(store: UploadStore) -> None:
    """Opening a writer, fresh or not, cuts nothing off: what a session counts is for the session to say."""
    await put(store, ONE, b"abcdefgh")
    await (await store.open_writer(ONE, position=0, fresh=True)).close()
    await (await store.open_writer(ONE, position=4, fresh=False)).close()
    assert await staged(store, ONE) == b"abcdefgh"


async def test_sync_tells_what_was_written_before_it(store: UploadStore) -> None:
    """A sync that runs beside a write gives the position from before that write."""
    writer = await store.open_writer(ONE, position=0, fresh=True)
    await writer.write(b"first")
    durable, _ = await asyncio.gather(writer.sync(), writer.write(b"second"))
    assert durable == 5
    assert writer.position == 11
    assert await writer.sync() == 11
    await writer.close()


async def test_writes_follow_one_another(store: UploadStore) -> None:
    """Writes that are begun at once end up one behind the other, in the order of the calls."""
    writer = await store.open_writer(ONE, position=0, fresh=True)
    await asyncio.gather(*(writer.write(bytes([number]) * 1000) for number in range(20)))
    assert await writer.sync() == 20_000
    await writer.close()
    assert await staged(store, ONE) == b"".join(bytes([number]) * 1000 for number in range(20))


async def test_a_full_disk_costs_only_the_write(bench: Bench) -> None:
    """Without room a write raises DiskFull and moves nothing; with room the same write succeeds."""
    writer = await bench.store.open_writer(ONE, position=0, fresh=True)
    await writer.write(b"kept")
    bench.fill()
    with pytest.raises(DiskFull):
        await writer.write(some(1000))
    assert (writer.position, await writer.sync()) == (4, 4)
    bench.free()
    await writer.write(some(1000))
    assert await writer.sync() == 1004
    await writer.close()
    assert await staged(bench.store, ONE) == b"kept" + some(1000)


async def test_a_failed_write_moves_nothing(bench: Bench) -> None:
    """A write that the disk refuses raises StorageFailed; the position stays, and the write may be tried again."""
    writer = await bench.store.open_writer(ONE, position=0, fresh=True)
    bench.break_next_write()
    with pytest.raises(StorageFailed):
        await writer.write(b"lost")
    assert writer.position == 0
    await writer.write(b"kept")
    assert await writer.sync() == 4
    await writer.close()
    assert await staged(bench.store, ONE) == b"kept"


async def test_a_failed_sync_is_never_forgiven(bench: Bench) -> None:
    """After a failed sync every call raises StorageFailed, though the kernel would grant a second sync."""
    writer = await bench.store.open_writer(ONE, position=0, fresh=True)
    await writer.write(b"uncertain")
    bench.break_next_sync()
    for call in (writer.sync, writer.sync, lambda: writer.write(b"more"), writer.sync):
        with pytest.raises(StorageFailed):
            await call()
    assert writer.position == 9
    await writer.close()


async def test_two_syncs_at_once_fail_together(bench: Bench) -> None:
    """When one of two syncs fails the other does not succeed: the kernel tells of lost pages only once."""
    writer = await bench.store.open_writer(ONE, position=0, fresh=True)
    await writer.write(b"uncertain")
    bench.break_next_sync()
    results = await asyncio.gather(writer.sync(), writer.sync(), return_exceptions=True)
    assert [type(result) for result in results] == [StorageFailed, StorageFailed]
    await writer.close()


async def test_a_writer_draws_what_a_tap_gives(store: UploadStore) -> None:
    """Block by block, in order, until the tap has no more; the position moves on by as much."""
    blocks = [some(70_000, seed=number) for number in range(5)]
    writer = await store.open_writer(ONE, position=3, fresh=True)
    assert await drawn(writer, FakeTap(deque(blocks)), most=10 * MIB) == 350_000
    assert (writer.position, await writer.sync()) == (350_003, 350_003)
    assert await drawn(writer, FakeTap(deque()), most=10 * MIB) == 0
    await writer.close()
    assert (await staged(store, ONE))[3:] == b"".join(blocks)


async def test_a_writer_draws_about_as_much_as_it_is_told(store: UploadStore) -> None:
    """The block that reaches the bound is the last one."""
    tap = FakeTap(deque([b"12345", b"67890", b"more"]))
    writer = await store.open_writer(ONE, position=0, fresh=True)
    assert await drawn(writer, tap, most=6) == 10
    assert await drawn(writer, tap, most=6) == 4
    await writer.close()
    assert await staged(store, ONE) == b"1234567890more"


async def test_what_a_full_disk_took_of_a_tap_counts(bench: Bench) -> None:
    """The position stands behind the last block that was written whole, and what follows is written there."""
    writer = await bench.store.open_writer(ONE, position=0, fresh=True)
    with pytest.raises(DiskFull):
        await drawn(writer, FakeTap(deque([b"kept", some(1000)]), before_last=bench.fill), most=MIB)
    assert writer.position == 4
    bench.free()
    assert await drawn(writer, FakeTap(deque([b"more"])), most=MIB) == 4
    assert await writer.sync() == 8
    await writer.close()
    assert (await staged(bench.store, ONE))[:8] == b"keptmore"


async def test_a_dead_writer_draws_nothing(bench: Bench) -> None:
    """After a failed sync it does not even ask for bytes."""
    writer = await bench.store.open_writer(ONE, position=0, fresh=True)
    await writer.write(b"uncertain")
    bench.break_next_sync()
    with pytest.raises(StorageFailed):
        await writer.sync()
    blocks = deque([b"more"])
    with pytest.raises(StorageFailed):
        await drawn(writer, FakeTap(blocks), most=MIB)
    assert blocks
    await writer.close()


async def test_a_new_writer_is_not_dead(bench: Bench) -> None:
    """A failed sync kills its writer only; the client sends the bytes again and a new writer takes them."""
    writer = await bench.store.open_writer(ONE, position=0, fresh=True)
    await writer.write(b"uncertain")
    bench.break_next_sync()
    with pytest.raises(StorageFailed):
        await writer.sync()
    await writer.close()
    await put(bench.store, ONE, b"certain!!")
    assert await staged(bench.store, ONE) == b"certain!!"


async def test_a_closed_writer_writes_no_more(store: UploadStore) -> None:
    """Close may be repeated; write and sync raise StorageFailed afterwards."""
    writer = await store.open_writer(ONE, position=0, fresh=True)
    await writer.write(b"all")
    await asyncio.gather(writer.close(), writer.close())
    await writer.close()
    with pytest.raises(StorageFailed):
        await writer.write(b"more")
    with pytest.raises(StorageFailed):
        await writer.sync()
    assert await staged(store, ONE) == b"all"


async def test_what_was_cut_is_gone_and_written_over(store: UploadStore) -> None:
    """A cut drops all bytes from a position on; the next ones go there."""
    await put(store, ONE, b"kept")
    writer = await store.open_writer(ONE, position=4, fresh=False)
    await writer.write(b"dropped")
    await writer.cut(4)
    assert writer.position == 4
    assert await staged(store, ONE) == b"kept"
    await writer.write(b" too")
    assert await writer.sync() == 8
    await writer.cut(8)
    await writer.close()
    assert await staged(store, ONE) == b"kept too"


async def test_a_closed_writer_cuts_nothing(store: UploadStore) -> None:
    """After close nothing changes any more."""
    await put(store, ONE, b"kept")
    writer = await store.open_writer(ONE, position=4, fresh=False)
    await writer.close()
    with pytest.raises(StorageFailed):
        await writer.cut(0)
    assert await staged(store, ONE) == b"kept"
