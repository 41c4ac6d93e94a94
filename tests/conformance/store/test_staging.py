"""UploadStore while an upload is unfinished: staged bytes, spools."""

import asyncio

import pytest

from tests.conformance.store.conftest import Bench
from tests.conformance.store.staged import MIB, ONE, TWO, collected, put, some, staged
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import Location, UploadId
from tusvideo.ports import UploadStore


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


@pytest.mark.parametrize("durable", [True, False])
async def test_what_is_staged_by_somebody_else(bench: Bench, durable: bool) -> None:
    """stage_later gives what stage does as a function for any thread; it does nothing before it is called, and raises
    DiskFull and StorageFailed likewise."""
    store = bench.store
    first = store.stage_later(ONE, [b"abcd", b"", b"efgh"], position=0, fresh=True, durable=durable)
    assert await store.staged_size(ONE) is None
    await asyncio.to_thread(first)
    await asyncio.to_thread(store.stage_later(ONE, [b"C", b"DE"], position=2, fresh=False, durable=durable))
    assert await staged(store, ONE) == b"abCDEfgh"
    more = store.stage_later(ONE, [some(1000)], position=8, fresh=False, durable=durable)
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
