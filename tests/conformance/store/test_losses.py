"""What an UploadStore remembers of syncs that failed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.conformance.store.conftest import Bench
from tests.conformance.store.staged import ONE, TWO, put, some
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import Location
from tusvideo.ports import UploadStore

Syncing = Callable[[UploadStore], Awaitable[object]]


async def by_writer(store: UploadStore) -> None:
    """Sync through a writer."""
    writer = await store.open_writer(ONE, position=3, fresh=False)
    try:
        await writer.sync()
    finally:
        await writer.close()


async def by_stage_later(store: UploadStore) -> None:
    """Write and sync in a thread of one's own."""
    await asyncio.to_thread(store.stage_later(ONE, [b"!"], position=3, fresh=False, durable=True))


SYNCING: list[Syncing] = [
    by_writer,
    by_stage_later,
    lambda store: store.stage(ONE, [b"!"], position=3, fresh=False, durable=True),
    lambda store: store.sync_staged(ONE),
    lambda store: store.copy_staged(ONE, source=0, target=3, size=1),
]


@pytest.mark.parametrize("syncing", SYNCING, ids=["writer", "stage_later", "stage", "sync_staged", "copy_staged"])
async def test_a_sync_that_failed_is_remembered_until_it_is_forgiven(bench: Bench, syncing: Syncing) -> None:
    """has_lost tells of every kind of sync of that upload, also after one that succeeded; forgive may be repeated."""
    store = bench.store
    await put(store, ONE, b"one")
    assert not store.has_lost(ONE)
    bench.break_next_sync()
    with pytest.raises(StorageFailed):
        await syncing(store)
    await syncing(store)
    assert (store.has_lost(ONE), store.has_lost(TWO)) == (True, False)
    store.forgive(ONE)
    store.forgive(ONE)
    assert not store.has_lost(ONE)


@pytest.mark.parametrize("fault", ["fill", "break_next_write"])
async def test_what_fails_before_the_sync_loses_nothing(bench: Bench, fault: str) -> None:
    """A write that failed was told to its writer, and takes nothing along that others wrote."""
    await put(bench.store, ONE, b"one")
    getattr(bench, fault)()
    with pytest.raises((DiskFull, StorageFailed)):
        await bench.store.stage(ONE, [some(1000)], position=3, fresh=False, durable=True)
    assert not bench.store.has_lost(ONE)


async def test_what_is_over_is_forgiven(bench: Bench) -> None:
    """publish and discard leave nothing to be remembered."""
    place = Location(directory="posters", folder="local", filename="1.mp4")
    for end in ("publish", "discard"):
        await put(bench.store, ONE, b"one")
        bench.break_next_sync()
        with pytest.raises(StorageFailed):
            await bench.store.sync_staged(ONE)
        if end == "publish":
            assert await bench.store.publish(ONE, length=3, location=place)
            assert not bench.store.has_lost(ONE)
        await bench.store.discard(ONE)
        assert not bench.store.has_lost(ONE)
