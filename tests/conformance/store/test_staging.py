"""UploadStore while an upload is unfinished: writers, staged bytes, spools."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator

import pytest

from tests.conformance.store.conftest import Bench
from tests.fakes.body import FakeTap
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import Location, UploadId
from tusvideo.ports import UploadStore
from tusvideo.streams import Writer

ONE = UploadId("1" * 32)
TWO = UploadId("2" * 32)
MIB = 1024 * 1024


def some(size: int, *, seed: int = 1) -> bytes:
    """Bytes that differ from place to place."""
    return random.Random(seed).randbytes(size)


async def collected(blocks: AsyncIterator[bytes], *, limit: int = MIB) -> bytes:
    """Join the blocks; none may be empty or larger than the limit."""
    found = [block async for block in blocks]
    assert all(0 < len(block) <= limit for block in found)
    return b"".join(found)


async def put(store: UploadStore, upload: UploadId, data: bytes, *, position: int = 0) -> None:
    """Write, sync and close."""
    writer = await store.open_writer(upload, position=position, fresh=position == 0)
    await writer.write(data)
    assert await writer.sync() == position + len(data)
    await writer.close()


async def drawn(writer: Writer, tap: FakeTap, *, most: int) -> int:
    """Draw; both stores can."""
    assert writer.draw is not None
    return await writer.draw(tap, most=most)


async def staged(store: UploadStore, upload: UploadId) -> bytes:
    """Everything in the staging file."""
    size = await store.staged_size(upload)
    assert size is not None
    return await collected(store.read_staged(upload, start=0, stop=size))


async def test_nothing_is_staged_at_first(store: UploadStore) -> None:
    """An upload without bytes has no staging file and is not listed."""
    assert await store.staged_size(ONE) is None
    assert list(await store.staged_ids()) == []


async def test_an_opened_upload_is_listed(store: UploadStore) -> None:
    """open_writer makes the staging file, also when no byte follows."""
    for upload in (ONE, TWO):
        await (await store.open_writer(upload, position=0, fresh=True)).close()
    assert sorted(await store.staged_ids()) == [ONE, TWO]
    assert await store.staged_size(ONE) == 0


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB])
async def test_what_is_written_is_read(store: UploadStore, size: int) -> None:
    """Staged bytes come back as they were written, in blocks of at most 1 MiB."""
    data = some(size)
    await put(store, ONE, data)
    assert await store.staged_size(ONE) == size
    assert await staged(store, ONE) == data


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 1), (5, 5), (99, 100), (0, 100), (10, 90)])
async def test_ranges_are_half_open(store: UploadStore, start: int, stop: int) -> None:
    """read_staged gives the bytes from start up to, not including, stop."""
    data = some(100)
    await put(store, ONE, data)
    assert await collected(store.read_staged(ONE, start=start, stop=stop)) == data[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(0, 101), (100, 101), (200, 300)])
async def test_bytes_that_are_not_there_are_not_made_up(store: UploadStore, start: int, stop: int) -> None:
    """read_staged raises StorageFailed before the first block when a byte of the range is missing."""
    await put(store, ONE, some(100))
    with pytest.raises(StorageFailed):
        await anext(aiter(store.read_staged(ONE, start=start, stop=stop)))


async def test_reading_an_unknown_upload_fails(store: UploadStore) -> None:
    """read_staged raises StorageFailed when there is no staging file."""
    with pytest.raises(StorageFailed):
        await anext(aiter(store.read_staged(ONE, start=0, stop=1)))


async def test_an_abandoned_reading_does_no_harm(store: UploadStore) -> None:
    """Whoever stops in the middle of read_staged leaves nothing open and nothing locked."""
    await put(store, ONE, some(2 * MIB))
    blocks = store.read_staged(ONE, start=0, stop=2 * MIB)
    assert len(await anext(aiter(blocks))) == MIB
    del blocks
    await store.discard(ONE)
    assert await store.staged_size(ONE) is None


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


async def test_parts_may_come_out_of_order(store: UploadStore) -> None:
    """Two writers of one upload at different positions do not disturb each other."""
    late = await store.open_writer(ONE, position=MIB, fresh=True)
    early = await store.open_writer(ONE, position=0, fresh=True)
    first, second = some(MIB, seed=2), some(MIB, seed=3)
    await asyncio.gather(late.write(second), early.write(first))
    assert list(await asyncio.gather(late.sync(), early.sync())) == [2 * MIB, MIB]
    await asyncio.gather(late.close(), early.close())
    assert await staged(store, ONE) == first + second


async def test_a_gap_reads_as_zeros(store: UploadStore) -> None:
    """Bytes before a position that nobody wrote are zeros."""
    await put(store, ONE, b"end", position=5)
    assert await staged(store, ONE) == bytes(5) + b"end"


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


@pytest.mark.parametrize("durable", [True, False])
async def test_what_is_staged_by_somebody_else(bench: Bench, durable: bool) -> None:
    """staging gives what stage does as a function for any thread; it does nothing before it is called, and raises
    DiskFull and StorageFailed likewise."""
    store = bench.store
    first = store.staging(ONE, [b"abcd", b"", b"efgh"], position=0, fresh=True, durable=durable)
    assert await store.staged_size(ONE) is None
    await asyncio.to_thread(first)
    await asyncio.to_thread(store.staging(ONE, [b"C", b"DE"], position=2, fresh=False, durable=durable))
    assert await staged(store, ONE) == b"abCDEfgh"
    more = store.staging(ONE, [some(1000)], position=8, fresh=False, durable=durable)
    bench.fill()
    with pytest.raises(DiskFull):
        await asyncio.to_thread(more)
    bench.free()
    bench.break_next_write()
    with pytest.raises(StorageFailed):
        await asyncio.to_thread(more)
    place = Location(directory="posters", folder="local", filename="1.mp4")
    assert await store.publish(ONE, length=8, location=place)
    with pytest.raises(StorageFailed):
        await asyncio.to_thread(more)


@pytest.mark.parametrize("durable", [True, False])
async def test_blocks_are_staged_in_one_go(store: UploadStore, durable: bool) -> None:
    """stage writes its blocks one behind the other from a position, and leaves the rest of the file alone."""
    await store.stage(ONE, [b"abcd", b"", b"efgh"], position=0, fresh=True, durable=durable)
    await store.stage(ONE, [b"C", b"DE"], position=2, fresh=False, durable=durable)
    await store.stage(ONE, [b"end"], position=10, fresh=False, durable=durable)
    assert await staged(store, ONE) == b"abCDEfgh" + bytes(2) + b"end"


async def test_staging_nothing_makes_the_file(store: UploadStore) -> None:
    """stage makes the staging file as open_writer does, also without a byte."""
    await store.stage(ONE, [], position=0, fresh=True, durable=True)
    assert await store.staged_size(ONE) == 0


async def test_a_full_disk_refuses_a_stage(bench: Bench) -> None:
    """Without room stage raises DiskFull; with room the same call succeeds."""
    await put(bench.store, ONE, b"kept")
    bench.fill()
    with pytest.raises(DiskFull):
        await bench.store.stage(ONE, [some(500), some(500)], position=4, fresh=False, durable=True)
    bench.free()
    await bench.store.stage(ONE, [some(500), some(500)], position=4, fresh=False, durable=True)
    assert await staged(bench.store, ONE) == b"kept" + some(500) * 2


@pytest.mark.parametrize("fault", ["break_next_write", "break_next_sync"])
async def test_a_failed_stage_may_be_tried_again(bench: Bench, fault: str) -> None:
    """Whether the write or the sync fails, stage raises StorageFailed; the bytes, all of them, can be sent again."""
    getattr(bench, fault)()
    with pytest.raises(StorageFailed):
        await bench.store.stage(ONE, [b"all"], position=0, fresh=True, durable=True)
    await bench.store.stage(ONE, [b"all"], position=0, fresh=True, durable=True)
    assert await staged(bench.store, ONE) == b"all"


async def test_a_published_file_takes_no_stage(store: UploadStore) -> None:
    """Once publish has begun the bytes change no more, as for a writer."""
    await put(store, ONE, b"done")
    place = Location(directory="posters", folder="local", filename="1.mp4")
    assert await store.publish(ONE, length=4, location=place)
    with pytest.raises(StorageFailed):
        await store.stage(ONE, [b"more"], position=4, fresh=False, durable=True)
    assert await staged(store, ONE) == b"done"


@pytest.mark.parametrize(("source", "target", "size"), [(4, 0, 4), (0, 4, 4), (0, 100, 8), (2, 5, 0)])
async def test_copying_within_a_file(store: UploadStore, source: int, target: int, size: int) -> None:
    """copy_staged puts the bytes of one range at another place and leaves the rest alone."""
    data = bytearray(b"abcdefgh")
    await put(store, ONE, bytes(data))
    await store.copy_staged(ONE, source=source, target=target, size=size)
    data.extend(bytes(max(0, target + size - len(data))))
    data[target : target + size] = data[source : source + size]
    assert await staged(store, ONE) == bytes(data)


@pytest.mark.parametrize("upload", [ONE, TWO], ids=["too short", "not there"])
async def test_copying_what_is_not_there_fails(store: UploadStore, upload: UploadId) -> None:
    """copy_staged raises StorageFailed when a byte of the source is missing."""
    await put(store, ONE, b"abcdefgh")
    with pytest.raises(StorageFailed):
        await store.copy_staged(upload, source=4, target=20, size=5)


async def test_discard(store: UploadStore) -> None:
    """Discard removes the staging file, may be repeated, and leaves other uploads alone."""
    await put(store, ONE, b"one")
    await put(store, TWO, b"two")
    await store.discard(ONE)
    await store.discard(ONE)
    assert list(await store.staged_ids()) == [TWO]
    assert await store.staged_size(ONE) is None


async def test_all_sizes_at_once(store: UploadStore) -> None:
    """staged_sizes tells the size of every staging file, and nothing when there is none."""
    assert await store.staged_sizes() == {}
    await put(store, ONE, b"one")
    await put(store, TWO, b"two!", position=100)
    assert await store.staged_sizes() == {ONE: 3, TWO: 104}


async def test_setting_aside(store: UploadStore) -> None:
    """set_aside takes the file out of staging, may be repeated, and takes a second file of the same upload, too."""
    for data in (b"one", b"another"):
        await put(store, ONE, data)
        await store.set_aside(ONE)
        await store.set_aside(ONE)
        assert await store.staged_size(ONE) is None
    assert list(await store.staged_ids()) == []


async def test_room_is_told(store: UploadStore) -> None:
    """free_bytes tells a number of bytes."""
    assert await store.free_bytes() > 0


@pytest.mark.parametrize("size", [0, 1, MIB + 1, 3 * MIB])
async def test_a_spool_gives_back_what_it_took(store: UploadStore, size: int) -> None:
    """A spool counts its bytes and gives them from the start, as often as asked, without a staging file."""
    data = some(size)
    spool = await store.open_spool()
    for start in range(0, size, 300_000):
        await spool.write(data[start : start + 300_000])
    assert spool.size == size
    assert list(await store.staged_ids()) == []
    for _ in range(2):
        assert await collected(spool.read()) == data
    await spool.close()


async def test_a_closed_spool_is_gone(store: UploadStore) -> None:
    """Close may be repeated; the spool takes and gives no bytes afterwards."""
    spool = await store.open_spool()
    await spool.write(b"gone")
    await spool.close()
    await spool.close()
    with pytest.raises(StorageFailed):
        await spool.write(b"more")
    with pytest.raises(StorageFailed):
        await anext(aiter(spool.read()))


async def test_a_full_disk_stops_a_spool(bench: Bench) -> None:
    """A spool without room raises DiskFull and counts nothing."""
    spool = await bench.store.open_spool()
    bench.fill()
    with pytest.raises(DiskFull):
        await spool.write(b"too much")
    assert spool.size == 0
    await spool.close()


async def test_all_staged_bytes_can_be_synced(store: UploadStore) -> None:
    """Syncing an upload is safe to repeat, beside a writer, and when nothing is staged."""
    await store.sync_staged(TWO)
    writer = await store.open_writer(ONE, position=0, fresh=True)
    await writer.write(some(10))
    await store.sync_staged(ONE)
    await store.sync_staged(ONE)
    await writer.close()
    assert await staged(store, ONE) == some(10)


async def test_a_boot_has_one_name(store: UploadStore) -> None:
    """The name of the present boot is the same whenever it is asked for, and not empty."""
    assert store.boot_id
    assert store.boot_id == store.boot_id


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


@pytest.mark.parametrize(
    ("start", "to", "size"), [(0, 0, 10), (3, 10, 7), (9, 2, 1), (0, 0, 3 * MIB), (5, MIB + 1, MIB)]
)
async def test_bytes_are_copied_from_one_upload_to_another(store: UploadStore, start: int, to: int, size: int) -> None:
    """Any range to any place; the source stays as it is, and a sync of the target makes them durable."""
    source, target = some(3 * MIB), some(to, seed=2)
    await put(store, ONE, source)
    await put(store, TWO, target)
    await store.copy_between(ONE, TWO, start=start, to=to, size=size)
    writer = await store.open_writer(TWO, position=to + size, fresh=False)
    assert await writer.sync() == to + size
    await writer.close()
    assert await staged(store, TWO) == target + source[start : start + size]
    assert await staged(store, ONE) == source


@pytest.mark.parametrize(("start", "size"), [(0, 5), (4, 1), (10, 1)])
async def test_bytes_that_are_not_there_are_not_copied(store: UploadStore, start: int, size: int) -> None:
    """A source that is too short fails before a byte of the target changes."""
    await put(store, ONE, b"four")
    await put(store, TWO, b"target")
    with pytest.raises(StorageFailed):
        await store.copy_between(ONE, TWO, start=start, to=0, size=size)
    assert await staged(store, TWO) == b"target"


@pytest.mark.parametrize("missing", [ONE, TWO])
async def test_both_uploads_must_be_there(store: UploadStore, missing: UploadId) -> None:
    """Neither is made by a copy."""
    await put(store, TWO if missing == ONE else ONE, b"bytes")
    with pytest.raises(StorageFailed):
        await store.copy_between(ONE, TWO, start=0, to=0, size=5)
    assert await store.staged_size(missing) is None
