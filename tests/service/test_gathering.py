"""GatheringWriter: the promises of a Writer, with fewer ways to the disk."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import UploadId
from tusvideo.service.gathering import SHORT_BYTES, TRICKLE_BYTES, GatheringWriter, Held, LateWriter
from tusvideo.stores.memory import MemoryStore

ONE = UploadId("1" * 32)


class GatedStore(MemoryStore):
    """A store whose ``stage`` lasts until the test lets it end; ``calls`` tells what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, bool, bool]] = []
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def stage(
        self, upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> None:
        self.calls.append((position, fresh, durable))
        self.reached.set()
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                continue  # a thread cannot be cancelled
        await super().stage(upload_id, blocks, position=position, fresh=fresh, durable=durable)


@pytest.fixture
def store() -> GatedStore:
    """A store without a disk."""
    return GatedStore()


@pytest.fixture
def held() -> Held:
    """The memory that bodies share."""
    return Held(most=4 * SHORT_BYTES)


def gathering(store: MemoryStore, held: Held, *, position: int = 0) -> GatheringWriter:
    """Make a writer; fresh where the upload begins."""
    return GatheringWriter(store, ONE, position=position, fresh=position == 0, held=held)


def in_file(store: MemoryStore) -> bytes:
    """What lies in the staging file."""
    return bytes(store.staged[ONE].data) if ONE in store.staged else b""


def free(held: Held) -> int:
    """Bytes that nobody holds."""
    return held._free


async def stuck(store: GatedStore, writer: GatheringWriter) -> asyncio.Task[int]:
    """Write five bytes and begin a sync of them, whose call of the store waits for its gate."""
    await writer.write(b"first")
    store.gate.clear()
    syncing = asyncio.create_task(writer.sync())
    await store.reached.wait()
    return syncing


async def test_what_is_written_waits_for_the_sync(store: GatedStore, held: Held) -> None:
    """Blocks are held, the position moves on; a sync writes them in one call, and what comes later follows behind."""
    writer = gathering(store, held)
    for block in (b"one", memoryview(b"two"), b"three"):
        await writer.write(block)
    assert (writer.position, in_file(store), store.calls) == (11, b"", [])
    assert await writer.sync() == 11
    await writer.write(b"four")
    assert (writer.position, in_file(store)) == (15, b"onetwothree")
    assert await writer.sync() == 15
    await writer.close()
    assert in_file(store) == b"onetwothreefour"
    assert store.calls == [(0, True, True), (11, False, True)]


async def test_nothing_of_a_lent_buffer_is_kept(store: GatedStore, held: Held) -> None:
    """Who lends a buffer may use it again at once."""
    writer, lent = gathering(store, held), bytearray(b"mine")
    await writer.write(memoryview(lent))
    lent[:] = b"gone"
    await writer.sync()
    assert in_file(store) == b"mine"


async def test_a_sync_of_nothing_new_reaches_the_disk(store: GatedStore, held: Held) -> None:
    """Bytes that others wrote before, at another level, are made durable by a sync, too."""
    writer = gathering(store, held)
    await writer.write(b"x")
    assert await writer.flush() == 1
    assert (in_file(store), store.synced) == (b"x", [])
    assert await writer.sync() == 1
    assert store.synced == [ONE]


async def test_a_flush_of_nothing_asks_for_nothing(store: GatedStore, held: Held) -> None:
    """A flush without bytes has nothing to hand on."""
    assert await gathering(store, held, position=5).flush() == 5
    assert store.calls == []


async def test_writing_goes_on_beside_a_sync(store: GatedStore, held: Held) -> None:
    """A write does not wait for a sync that runs; the sync tells what was written before it."""
    writer = gathering(store, held)
    syncing = await stuck(store, writer)
    await writer.write(b"second")
    assert writer.position == 11
    store.gate.set()
    assert await syncing == 5
    assert await writer.sync() == 11
    assert in_file(store) == b"firstsecond"


async def test_syncs_follow_one_another(store: GatedStore, held: Held) -> None:
    """Syncs at once write every byte once, at its place."""
    writer = gathering(store, held)
    await writer.write(b"a")
    store.gate.clear()
    first = asyncio.create_task(writer.sync())
    await store.reached.wait()
    await writer.write(b"b")
    others = [asyncio.create_task(writer.sync()) for _ in range(3)]
    await asyncio.sleep(0)
    store.gate.set()
    assert [await first, *[await other for other in others]] == [1, 2, 2, 2]
    assert in_file(store) == b"ab"


async def test_more_than_a_short_body_is_written_as_it_comes(store: GatedStore, held: Held) -> None:
    """At the bound what is held is written, and all that follows at once; memory is given back."""
    before = free(held)
    writer = gathering(store, held)
    await writer.write(bytes(SHORT_BYTES))
    assert free(held) == before - SHORT_BYTES
    await writer.write(b"end")
    assert (free(held), len(in_file(store))) == (before, SHORT_BYTES + 3)
    await writer.write(b"more")
    assert in_file(store).endswith(b"endmore")
    assert writer.position == await writer.flush() == await writer.sync() == SHORT_BYTES + 7
    await writer.close()
    assert store.calls == []


async def test_all_bodies_share_a_bound(store: GatedStore) -> None:
    """Without memory to hold it a body is written as it comes; another one's end makes room again."""
    large = bytes(TRICKLE_BYTES + 1)
    held = Held(most=10)
    first, second = gathering(store, held), gathering(store, held, position=8)
    await first.write(b"12345678")
    await second.write(large)
    await second.write(b"abc")
    assert in_file(store) == bytes(8) + large + b"abc"
    assert store.calls == []
    await first.close()
    assert free(held) == 10
    third = gathering(store, held)
    await third.write(b"1234567890")
    assert free(held) == 0


async def test_a_trickle_without_memory_goes_on_gathering(store: GatedStore) -> None:
    """What was held goes with the block that found no room, in one call; the next one is held again."""
    held = Held(most=10)
    writer = gathering(store, held)
    for block in (b"1234", b"5678"):
        await writer.write(block)
    assert (in_file(store), store.calls) == (b"", [])
    await writer.write(b"abc")
    assert (in_file(store), writer.position, free(held)) == (b"12345678abc", 11, 10)
    await writer.write(b"d")
    assert (in_file(store), writer.position, free(held)) == (b"12345678abc", 12, 9)
    assert await writer.sync() == 12
    assert store.calls == [(0, True, False), (11, False, True)]
    await writer.close()


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("error", [DiskFull, StorageFailed])
async def test_a_failure_counts_nothing_of_what_was_held(
    store: GatedStore, held: Held, error: type[Exception], durable: bool
) -> None:
    """After a call that failed the position is what was safe before, every later call raises, memory is given back."""
    before = free(held)
    writer = gathering(store, held)
    await writer.write(b"kept")
    await writer.sync()
    await writer.write(b"lost")
    if error is DiskFull:
        store.capacity = 0
    else:
        store.failing_writes = 1
    with pytest.raises(error):
        await (writer.sync() if durable else writer.flush())
    assert (writer.position, in_file(store), free(held)) == (4, b"kept", before)
    for call in (writer.sync, writer.flush, lambda: writer.write(b"more")):
        with pytest.raises(StorageFailed):
            await call()
    await writer.close()


async def test_a_failed_sync_is_never_forgiven(store: GatedStore, held: Held) -> None:
    """What a sync refused does not count, and the writer takes nothing any more."""
    writer = gathering(store, held)
    await writer.write(b"uncertain")
    store.failing_syncs = 1
    for call in (writer.sync, writer.sync, lambda: writer.write(b"more")):
        with pytest.raises(StorageFailed):
            await call()
    assert writer.position == 0


async def test_a_failure_beside_a_write_takes_that_along(store: GatedStore, held: Held) -> None:
    """What came while the failing call ran would lie behind a gap."""
    before = free(held)
    writer = gathering(store, held)
    syncing = await stuck(store, writer)
    await writer.write(b"second")
    store.failing_writes = 1
    store.gate.set()
    with pytest.raises(StorageFailed):
        await syncing
    assert (writer.position, free(held)) == (0, before)


async def test_a_failure_on_the_way_to_streaming_keeps_the_beginning(store: GatedStore, held: Held) -> None:
    """When what was held does not fit on the disk, the blocks that did are there and can be made durable."""
    writer = gathering(store, held)
    await writer.write(b"fits")
    await writer.write(bytes(SHORT_BYTES - 4))
    store.capacity = 4
    with pytest.raises(DiskFull):
        await writer.write(b"x")
    assert (writer.position, await writer.sync()) == (4, 4)
    await writer.close()


async def test_close_waits_for_what_runs(store: GatedStore, held: Held) -> None:
    """Close, cancelled or not, ends after the call that runs; what was never synced is dropped."""
    before = free(held)
    writer = gathering(store, held)
    syncing = await stuck(store, writer)
    await writer.write(b"dropped")
    closing = asyncio.create_task(writer.close())
    for _ in range(3):
        await asyncio.sleep(0)
        closing.cancel()
    assert not closing.done()
    store.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert await syncing == 5
    assert (in_file(store), free(held)) == (b"first", before)


async def test_a_closed_writer_writes_no_more(store: GatedStore, held: Held) -> None:
    """Close may be repeated; write, flush and sync raise StorageFailed afterwards."""
    writer = gathering(store, held)
    await writer.write(b"dropped")
    await asyncio.gather(writer.close(), writer.close())
    calls: list[Any] = [writer.sync, writer.flush, lambda: writer.write(b"more")]
    for call in calls:
        with pytest.raises(StorageFailed):
            await call()
    assert in_file(store) == b""


class Saving:
    """A commit; ``calls`` tells what was in the file when it came, and ``before`` what it did first."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.calls: list[tuple[bool, bytes]] = []

    async def __call__(self, *, first: Callable[[], None] | None = None) -> None:
        await asyncio.sleep(0)
        if first is not None:
            first()
        self.calls.append((first is not None, in_file(self.store)))


@pytest.mark.parametrize("durable", [True, False])
async def test_a_body_alone_is_written_by_its_commit(store: GatedStore, held: Held, durable: bool) -> None:
    """A sync only tells the position; what is held lies in the file when the commit goes on. Memory is given back."""
    before, saving, inner = free(held), Saving(store), gathering(store, held)
    writer = LateWriter(inner, durable=durable)
    for text, whole in ((b"one", b"one"), (b"two", b"onetwo")):
        await writer.write(text)
        assert (await writer.sync(), in_file(store)) == (len(whole), whole[:-3])
        await writer.save(saving)
        assert saving.calls.pop() == (True, whole)
        assert free(held) == before
    await writer.save(saving)
    assert saving.calls == [(False, b"onetwo")]
    assert store.calls == []
    await inner.close()


async def test_only_a_durable_body_is_synced_by_its_commit(store: GatedStore, held: Held) -> None:
    """Not durable, it asks the disk for nothing; durable, a sync that fails fails the commit, and nothing counts."""
    store.failing_syncs = 1
    for durable, counted in ((False, 1), (True, 0)):
        inner = gathering(store, held)
        writer = LateWriter(inner, durable=durable)
        await writer.write(b"x")
        assert await writer.sync() == 1
        if durable:
            with pytest.raises(StorageFailed):
                await writer.save(Saving(store))
        else:
            await writer.save(Saving(store))
        assert writer.position == counted
        await inner.close()


async def test_with_others_about_a_sync_writes(store: GatedStore, held: Held) -> None:
    """A commit that writes for one body would hold up those of the others, so with two each sync does it itself."""
    saving, other = Saving(store), gathering(store, held, position=9)
    writer = LateWriter(gathering(store, held), durable=True)
    await writer.write(b"one")
    assert (await writer.sync(), in_file(store)) == (3, b"one")
    await writer.save(saving)
    await asyncio.gather(other.close(), other.close())
    await writer.write(b"two")
    assert (await writer.sync(), in_file(store)) == (6, b"one")
    await writer.save(saving)
    assert saving.calls == [(False, b"one"), (True, b"onetwo")]


@pytest.mark.parametrize("durable", [True, False])
async def test_what_a_sync_left_to_be_done_can_be_done_before_the_commit(
    store: GatedStore, held: Held, durable: bool
) -> None:
    """Pay writes and syncs what a sync only told of, at any level and in one call; the commit has nothing to do first
    then, and what is paid again is the file as it is."""
    saving, writer = Saving(store), LateWriter(gathering(store, held), durable=durable)
    await writer.write(b"all")
    assert (await writer.sync(), writer.owes) == (3, True)
    await writer.pay()
    assert (store.calls, store.synced, writer.owes) == ([(0, True, True)], [], False)
    await writer.pay()
    assert (store.calls, store.synced) == ([(0, True, True)], [ONE])
    await writer.save(saving)
    assert saving.calls == [(False, b"all")]


async def test_a_body_that_grew_beyond_a_short_one_is_synced_before_its_commit(store: GatedStore, held: Held) -> None:
    """Whatever came between a sync and its commit, the commit counts nothing that is not in the file."""
    saving, inner = Saving(store), gathering(store, held)
    writer = LateWriter(inner, durable=True)
    await writer.write(b"x")
    assert await writer.sync() == 1
    await writer.write(bytes(SHORT_BYTES))
    assert len(in_file(store)) == SHORT_BYTES + 1
    store.failing_syncs = 1
    with pytest.raises(StorageFailed):
        await writer.save(saving)
    assert saving.calls == []
    await inner.close()


async def test_more_may_come_while_the_commit_writes(store: GatedStore, held: Held) -> None:
    """What comes meanwhile is held behind it, and is the next sync's."""
    inner = gathering(store, held)
    writer, found = LateWriter(inner, durable=True), []

    async def save(*, first: Callable[[], None] | None = None) -> None:
        await writer.write(b"two")
        assert first is not None
        first()
        found.append((in_file(store), writer.position))

    await writer.write(b"one")
    await writer.sync()
    await writer.save(save)
    assert found == [(b"one", 6)]
    assert (await writer.sync(), in_file(store)) == (6, b"one")
    await inner.close()
    assert in_file(store) == b"one"
