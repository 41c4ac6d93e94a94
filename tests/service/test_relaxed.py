"""Durability ``relaxed``: acknowledged bytes survive a kill; after a power loss the synced ones are left, no zeros."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.house import ANNA, House
from tests.service.lossy import LossyStore
from tusvideo.commands import AppendBytes, CreateUpload, QueryUpload, TerminateUpload
from tusvideo.errors import StorageFailed
from tusvideo.model import Durability, Protocol, Status, Upload, UploadId
from tusvideo.service.syncing import BackgroundSync, Synced
from tusvideo.sessions.memory import MemorySessions
from tusvideo.stores.memory import MemoryStore

FIRST = b"a" * 5000
MORE = b"b" * 3000
LENGTH = 10_000


@pytest.fixture
def store() -> LossyStore:
    """A disk whose boot and syncs a test can see and change."""
    return LossyStore()


@pytest.fixture
def relaxed(store: MemoryStore) -> House:
    """Services of the level ``relaxed``."""
    return House(store=store, sessions=MemorySessions(), durability=Durability.RELAXED)


async def _uploaded(house: House, *appends: bytes) -> Upload:
    """Begin an upload and append to it, one request each."""
    command = CreateUpload(protocol=Protocol.TUS, profile="files", length=LENGTH)
    upload = (await house.uploads.create(ANNA, command, None)).upload
    for data in appends:
        at = (await house.row(upload.id)).offset
        append = AppendBytes(protocol=Protocol.TUS, upload_id=upload.id, at_offset=at, body_length=len(data))
        upload = (await house.uploads.append(ANNA, append, FakeBody(data))).upload
    return await house.row(upload.id)


async def _offset(house: House, upload: Upload) -> int:
    return (await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id))).upload.offset


def _syncs(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Sequence[int]:
    """Record up to where the disk was asked for a sync."""
    seen: list[int] = []
    open_writer, sync_staged, stage_later = store.open_writer, store.sync_staged, store.stage_later

    def recorded_stage(
        upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> Callable[[], None]:
        stage = stage_later(upload_id, blocks, position=position, fresh=fresh, durable=durable)

        def recorded() -> None:
            stage()
            if durable:
                seen.append(position + sum(map(len, blocks)))

        return recorded

    async def recorded_whole(upload_id: UploadId) -> None:
        await sync_staged(upload_id)
        seen.append(await store.staged_size(upload_id) or 0)

    async def recording(*args: object, **facts: object) -> object:
        writer = await open_writer(*args, **facts)  # type: ignore[arg-type]  # passed on as they came
        sync = writer.sync

        async def recorded() -> int:
            seen.append(await sync())
            return seen[-1]

        monkeypatch.setattr(writer, "sync", recorded)
        return writer

    monkeypatch.setattr(store, "open_writer", recording)
    monkeypatch.setattr(store, "sync_staged", recorded_whole)
    monkeypatch.setattr(store, "stage_later", recorded_stage)
    return seen


async def test_appends_are_acknowledged_without_a_sync(
    relaxed: House, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No append waits for the disk, and its row says in which boot its bytes were counted."""
    syncs = _syncs(store, monkeypatch)
    row = await _uploaded(relaxed, FIRST, MORE)
    assert (row.offset, row.boot_id, row.synced_offset) == (8000, store.boot_id, 0)
    assert syncs == []


async def test_strict_syncs_every_append(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the level ``strict`` every append is synced, and its row is never at risk."""
    syncs = _syncs(store, monkeypatch)
    row = await _uploaded(House(store=store, sessions=MemorySessions()), FIRST, MORE)
    assert (row.offset, row.boot_id) == (8000, None)
    assert syncs == [5000, 8000]


async def test_a_kill_loses_nothing(relaxed: House) -> None:
    """After a restart in the same boot the offset is what was acknowledged."""
    row = await _uploaded(relaxed, FIRST, MORE)
    house, recovered = await relaxed.restarted()
    assert recovered.rewound == 0
    assert await _offset(house, row) == 8000


async def test_a_power_loss_falls_back_to_what_was_synced(relaxed: House, store: MemoryStore) -> None:
    """After another boot the offset is the synced one, even if the file is long enough: it may hold zeros."""
    row = await _uploaded(relaxed, FIRST)
    await BackgroundSync(publisher=relaxed.publisher, locks=relaxed.locks).run()
    await _uploaded(relaxed)  # another upload in between changes nothing
    append = AppendBytes(protocol=Protocol.TUS, upload_id=row.id, at_offset=5000, body_length=3000)
    await relaxed.uploads.append(ANNA, append, FakeBody(MORE))
    store.boot = "second boot"
    house, recovered = await relaxed.restarted()
    assert recovered.rewound == 1
    assert await _offset(house, row) == 5000
    assert (await house.row(row.id)).boot_id is None
    again = replace(append, body_length=LENGTH - 5000)
    done = await house.uploads.append(ANNA, again, FakeBody(MORE + b"c" * 2000))
    assert await house.published(done.upload) == FIRST + MORE + b"c" * 2000


async def test_a_second_recovery_changes_nothing(relaxed: House, store: MemoryStore) -> None:
    """Recovery after a power loss is safe to repeat."""
    row = await _uploaded(relaxed, FIRST)
    store.boot = "second boot"
    house, _ = await relaxed.restarted()
    before = await house.row(row.id)
    house, recovered = await house.restarted()
    assert recovered.rewound == 0
    assert await house.row(row.id) == before
    assert before.offset == 0


async def test_a_type_judged_by_lost_bytes_is_judged_again(relaxed: House, store: MemoryStore) -> None:
    """With its first bytes the upload loses its judged type."""
    row = await _uploaded(relaxed, FIRST)
    assert row.content_type is not None
    store.boot = "second boot"
    house, _ = await relaxed.restarted()
    assert (await house.row(row.id)).content_type is None


async def test_the_background_sync_takes_the_risk_away(relaxed: House, store: MemoryStore) -> None:
    """A pass syncs what is at risk, once, and notes it."""
    row = await _uploaded(relaxed, FIRST)
    syncing = BackgroundSync(publisher=relaxed.publisher, locks=relaxed.locks)
    assert (await syncing.run()).synced == 1
    assert store.synced == [row.id]
    assert (await relaxed.row(row.id)).boot_id is None
    assert (await syncing.run()).synced == 0


async def test_what_is_published_was_synced_before(
    relaxed: House, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The append that makes an upload whole is synced before the row says so, whatever the level."""
    syncs = _syncs(store, monkeypatch)
    row = await _uploaded(relaxed, FIRST, b"b" * 5000)
    assert row.status is Status.COMPLETE
    assert row.boot_id is None
    assert syncs == [LENGTH]


async def test_a_cut_append_counts_what_came(relaxed: House, store: MemoryStore) -> None:
    """What arrived before a cut is counted, and at risk like the rest."""
    row = await _uploaded(relaxed, FIRST)
    append = AppendBytes(protocol=Protocol.TUS, upload_id=row.id, at_offset=5000, body_length=3000)
    with pytest.raises(Exception, match="the connection ended"):
        await relaxed.uploads.append(ANNA, append, cut_body(MORE[:100]))
    row = await relaxed.row(row.id)
    assert (row.offset, row.boot_id) == (5100, store.boot_id)


async def test_what_cannot_be_synced_is_sent_again_and_holds_up_nobody(relaxed: House, store: LossyStore) -> None:
    """A disk tells once that it lost bytes: an upload that went on as if nothing had been would be published without
    them."""
    lost, other = await _uploaded(relaxed, FIRST), await _uploaded(relaxed, FIRST)
    syncing = BackgroundSync(publisher=relaxed.publisher, locks=relaxed.locks)
    store.losing = lost.id
    assert await syncing.run() == Synced(synced=1, rewound=1)
    assert await syncing.run() == Synced(synced=0)
    assert [(await relaxed.row(each.id)).boot_id for each in (lost, other)] == [None, None]
    assert [await _offset(relaxed, each) for each in (lost, other)] == [0, 5000]
    assert "upload_rewound" in relaxed.events.names()
    append = AppendBytes(protocol=Protocol.TUS, upload_id=lost.id, at_offset=0, body_length=LENGTH)
    done = await relaxed.uploads.append(ANNA, append, FakeBody(FIRST + b"b" * 5000))
    assert await relaxed.published(done.upload) == FIRST + b"b" * 5000


async def test_a_last_sync_that_fails_takes_back_what_nobody_synced(relaxed: House, store: LossyStore) -> None:
    """It covers the whole file, and the next one would succeed."""
    row = await _uploaded(relaxed, FIRST)
    append = AppendBytes(protocol=Protocol.TUS, upload_id=row.id, at_offset=5000, body_length=5000)
    store.losing = row.id
    with pytest.raises(StorageFailed):
        await relaxed.uploads.append(ANNA, append, FakeBody(b"b" * 5000))
    assert await _offset(relaxed, row) == 0
    again = replace(append, at_offset=0, body_length=LENGTH)
    done = await relaxed.uploads.append(ANNA, again, FakeBody(FIRST + b"b" * 5000))
    assert await relaxed.published(done.upload) == FIRST + b"b" * 5000


@pytest.mark.parametrize("meanwhile", ["ended", "held"])
async def test_an_upload_that_cannot_be_taken_back_now_is_left_alone(
    relaxed: House, store: LossyStore, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """Whoever ended it meanwhile synced it; one that is held for long falls back with the next pass."""
    row = await _uploaded(relaxed, FIRST)
    impatient = relaxed.with_limits(patience_seconds=0)

    async def fails(upload_id: UploadId) -> None:
        store.lose_unheard(upload_id)
        if meanwhile == "ended":
            await relaxed.uploads.terminate(ANNA, TerminateUpload(upload_id=upload_id))
        raise StorageFailed

    syncing = BackgroundSync(publisher=impatient.publisher, locks=relaxed.locks)
    async with contextlib.AsyncExitStack() as stack:
        if meanwhile == "held":
            await stack.enter_async_context(relaxed.locks.exclusive(row.id, grace_seconds=0, patience_seconds=0))
        with monkeypatch.context() as patch:
            patch.setattr(store, "sync_staged", fails)
            assert await syncing.run() == Synced(synced=0)
    assert await syncing.run() == Synced(synced=0, rewound=1 if meanwhile == "held" else 0)
    stored = await relaxed.sessions.get(row.id)
    assert (None if stored is None else stored.offset) == (None if meanwhile == "ended" else 0)
