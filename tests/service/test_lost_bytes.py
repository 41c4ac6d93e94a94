"""Bytes that a disk has lost at the level ``relaxed``: they never count again, whoever heard of it or not."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, LIMITS, House
from tests.service.lossy import FIRST, REST, LossyStore, appended, uploaded
from tests.service.wishes import appending, creation, creation_with, sha256
from tusvideo.commands import AppendBytes
from tusvideo.errors import OffsetMismatch, StorageFailed
from tusvideo.model import PARTIAL, Durability, Protocol, Status, Upload, UploadId
from tusvideo.service.syncing import BackgroundSync, Synced
from tusvideo.sessions.memory import MemorySessions


@pytest.fixture
def store() -> LossyStore:
    """A disk that loses what a test wants it to."""
    return LossyStore()


@pytest.fixture
def relaxed(store: LossyStore) -> House:
    """Services of the level ``relaxed`` that wait for nobody who holds an upload."""
    limits = replace(LIMITS, patience_seconds=0)
    return House(store=store, sessions=MemorySessions(), durability=Durability.RELAXED, limits=limits)


def syncing_of(house: House) -> BackgroundSync:
    """The background task of a house."""
    return BackgroundSync(publisher=house.publisher, locks=house.locks)


def saves_fail_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next commit of a row fail."""
    save = house.sessions.save

    async def fails(*args: Any, **facts: Any) -> None:
        monkeypatch.setattr(house.sessions, "save", save)
        raise StorageFailed

    monkeypatch.setattr(house.sessions, "save", fails)


async def cancelled_waiter(house: House, store: LossyStore, upload: Upload, patch: pytest.MonkeyPatch) -> None:
    """Let a pass be cancelled while its sync fails."""
    sync_staged, begun = store.sync_staged, asyncio.Event()

    async def ends_in_any_case(upload_id: UploadId) -> None:
        syncing = asyncio.create_task(sync_staged(upload_id))
        begun.set()
        try:
            await asyncio.shield(syncing)
        except asyncio.CancelledError:
            await asyncio.wait([syncing])
            assert isinstance(syncing.exception(), StorageFailed)
            raise

    store.losing = upload.id
    with patch.context() as for_now:
        for_now.setattr(store, "sync_staged", ends_in_any_case)
        task = asyncio.create_task(syncing_of(house).run())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def held_by_somebody(house: House, store: LossyStore, upload: Upload, patch: pytest.MonkeyPatch) -> None:
    """Let a pass find the loss, and not get the lease."""
    del patch
    store.losing = upload.id
    async with house.locks.exclusive(upload.id, grace_seconds=0, patience_seconds=0):
        assert await syncing_of(house).run() == Synced(synced=0, rewound=0)


async def failing_row(house: House, store: LossyStore, upload: Upload, patch: pytest.MonkeyPatch) -> None:
    """Let a pass find the loss, and the database fail as the upload falls back."""
    store.losing = upload.id
    saves_fail_once(house, patch)
    with pytest.raises(StorageFailed):
        await syncing_of(house).run()


async def failing_row_of_a_request(house: House, store: LossyStore, upload: Upload, patch: pytest.MonkeyPatch) -> None:
    """Let the last append find the loss, and the database fail as the upload falls back."""
    store.losing = upload.id
    saves_fail_once(house, patch)
    with pytest.raises(StorageFailed):
        await appended(house, upload, REST, at=len(FIRST))


Loss = Callable[[House, LossyStore, Upload, pytest.MonkeyPatch], Awaitable[None]]


@pytest.mark.parametrize("loss", [cancelled_waiter, held_by_somebody, failing_row, failing_row_of_a_request])
@pytest.mark.parametrize("next_", ["append", "pass"])
async def test_a_loss_is_not_forgotten(
    relaxed: House, store: LossyStore, monkeypatch: pytest.MonkeyPatch, loss: Loss, next_: str
) -> None:
    """Whatever became of who heard of it: the next to hold the upload has it fall back, and what is published in the
    end has no holes."""
    upload = await uploaded(relaxed, FIRST)
    await loss(relaxed, store, upload, monkeypatch)
    if next_ == "append":
        with pytest.raises(OffsetMismatch) as told:
            await appended(relaxed, upload, REST, at=len(FIRST))
        assert told.value.expected == 0
    else:
        assert await syncing_of(relaxed).run() == Synced(synced=0, rewound=1)
    row = await relaxed.row(upload.id)
    assert (row.offset, row.boot_id, store.has_lost(upload.id)) == (0, None, False)
    assert relaxed.events.names().count("upload_rewound") == 1
    done = await appended(relaxed, upload, FIRST + REST, at=0)
    assert await relaxed.published(done) == FIRST + REST


async def lost_as_the_last_come(
    house: House, store: LossyStore, upload: Upload, send: Callable[[FakeBody], Coroutine[Any, Any, object]]
) -> None:
    """Send the last bytes; the disk loses the first ones meanwhile, so this fails and the upload counts nothing."""
    body = FakeBody(REST[:100], is_open=True)
    last = asyncio.create_task(send(body))
    await body.hungry.wait()
    store.lose_unheard(upload.id)
    body.end(REST[100:])
    with pytest.raises(StorageFailed):
        await last
    row = await house.row(upload.id)
    assert (row.status, row.offset) == (Status.OPEN, 0)


async def test_what_is_lost_while_the_last_bytes_come_is_not_published(relaxed: House, store: LossyStore) -> None:
    """The sync before publishing succeeds, as the disk told of it before; the upload falls back all the same."""
    upload = await uploaded(relaxed, FIRST)
    append = appending(upload, len(REST), at=len(FIRST))
    await lost_as_the_last_come(relaxed, store, upload, lambda body: relaxed.uploads.append(ANNA, append, body))
    done = await appended(relaxed, upload, FIRST + REST, at=0)
    assert await relaxed.published(done) == FIRST + REST


async def test_a_digest_is_not_held_against_what_the_disk_lost(relaxed: House, store: LossyStore) -> None:
    """The bytes that came were right: they can be sent again, and the upload has not failed."""
    facts: dict[str, Any] = {"protocol": Protocol.IETF, "needs_completion": True}
    digests = (("sha-256", sha256(FIRST + REST)),)
    upload = (await relaxed.uploads.create(ANNA, creation(len(FIRST + REST), digests=digests, **facts), None)).upload

    async def send(body: FakeBody, *, at: int, size: int, completes: bool) -> Upload:
        command = AppendBytes(
            protocol=Protocol.IETF, upload_id=upload.id, at_offset=at, body_length=size, completes=completes
        )
        return (await relaxed.uploads.append(ANNA, command, body)).upload

    await send(FakeBody(FIRST), at=0, size=len(FIRST), completes=False)
    last = partial(send, at=len(FIRST), size=len(REST), completes=True)
    await lost_as_the_last_come(relaxed, store, upload, last)
    done = await send(FakeBody(FIRST + REST), at=0, size=len(FIRST + REST), completes=True)
    assert await relaxed.published(done) == FIRST + REST


async def test_what_was_synced_before_is_kept(relaxed: House, store: LossyStore) -> None:
    """An upload falls back to the bytes of its last sync."""
    upload = await uploaded(relaxed, FIRST)
    await syncing_of(relaxed).run()
    await appended(relaxed, upload, REST[:3000], at=5000)
    store.lose_unheard(upload.id)
    with pytest.raises(OffsetMismatch) as told:
        await appended(relaxed, upload, REST[3000:], at=8000)
    assert told.value.expected == 5000
    done = await appended(relaxed, upload, REST, at=5000)
    assert await relaxed.published(done) == FIRST + REST


@pytest.mark.parametrize("appends", [[], [FIRST]])
async def test_a_first_body_that_is_lost_can_be_sent_again(
    relaxed: House, store: LossyStore, appends: list[bytes]
) -> None:
    """A loss of bytes that no row counts is forgiven as soon as somebody comes back, at either level."""
    for house in (relaxed, relaxed.with_(durability=Durability.STRICT)):
        upload = await uploaded(house, *appends)
        await syncing_of(house).run()
        store.losing = upload.id
        whole, at = FIRST + REST, upload.offset
        with pytest.raises(StorageFailed):
            await appended(house, upload, whole[at:], at=at)
        assert (await house.row(upload.id)).offset == at
        done = await appended(house, upload, whole[at:], at=at)
        assert await house.published(done) == whole


async def test_strict_does_not_vouch_for_what_relaxed_lost(relaxed: House, store: LossyStore) -> None:
    """A sync of a strict append is one of the whole file, but not of bytes that were lost while its body came."""
    upload = await uploaded(relaxed, FIRST)
    strict = relaxed.with_(durability=Durability.STRICT)
    body = FakeBody(REST[:100], is_open=True)
    going = asyncio.create_task(strict.uploads.append(ANNA, appending(upload, 200, at=len(FIRST)), body))
    await body.hungry.wait()
    store.lose_unheard(upload.id)
    body.end(REST[100:200])
    with pytest.raises(StorageFailed):
        await going
    assert (await strict.row(upload.id)).offset == 0
    done = await appended(strict, upload, FIRST + REST, at=0)
    assert await strict.published(done) == FIRST + REST


async def test_a_pass_does_not_note_what_another_sync_lost(
    relaxed: House, store: LossyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync beside it may have been told of the loss, and its own succeeds without those bytes."""
    upload = await uploaded(relaxed, FIRST)
    sync_staged = store.sync_staged

    async def too_late(upload_id: UploadId) -> None:
        store.lose_unheard(upload_id)
        await sync_staged(upload_id)

    monkeypatch.setattr(store, "sync_staged", too_late)
    assert await syncing_of(relaxed).run() == Synced(synced=0, rewound=1)
    assert (await relaxed.row(upload.id)).offset == 0


@pytest.mark.parametrize("who", ["pass", "append"])
async def test_a_sync_that_never_began_loses_nothing(
    relaxed: House, store: LossyStore, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """Without a descriptor left nothing is synced, and nothing lost: no byte is sent again."""
    upload = await uploaded(relaxed, FIRST)

    async def no_descriptor(*args: Any, **facts: Any) -> None:
        raise StorageFailed

    with monkeypatch.context() as patch:
        patch.setattr(store, "sync_staged", no_descriptor)
        patch.setattr(store, "stage", no_descriptor)
        if who == "pass":
            assert await syncing_of(relaxed).run() == Synced(synced=0, rewound=0)
        else:
            with pytest.raises(StorageFailed):
                await appended(relaxed, upload, REST, at=5000)
    assert (await relaxed.row(upload.id)).offset == 5000
    done = await appended(relaxed, upload, REST, at=5000)
    assert await relaxed.published(done) == FIRST + REST


async def test_a_pass_notes_no_more_than_what_it_synced(
    relaxed: House, store: LossyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that falls back and goes on while the pass is at others counts for what it has by then."""
    first, second = await uploaded(relaxed, FIRST), await uploaded(relaxed, FIRST, REST[:3000])
    sync_staged, mark_synced, noted = store.sync_staged, relaxed.sessions.mark_synced, list[tuple[UploadId, int]]()

    async def meanwhile(upload_id: UploadId) -> None:
        if upload_id == first.id:
            store.lose_unheard(second.id)
            with pytest.raises(OffsetMismatch):
                await appended(relaxed, second, REST[3000:], at=8000)
            await appended(relaxed, second, FIRST[:1000], at=0)
        await sync_staged(upload_id)

    async def recorded(upload_id: UploadId, *, offset: int) -> None:
        noted.append((upload_id, offset))
        await mark_synced(upload_id, offset=offset)

    monkeypatch.setattr(store, "sync_staged", meanwhile)
    monkeypatch.setattr(relaxed.sessions, "mark_synced", recorded)
    assert await syncing_of(relaxed).run() == Synced(synced=2)
    assert noted == [(first.id, 5000), (second.id, 1000)]


async def test_pieces_that_lost_bytes_are_not_put_together(relaxed: House, store: LossyStore) -> None:
    """A piece that nobody synced is synced before it is copied; if bytes of it are lost, it is not whole any more."""
    command = creation_with(FIRST, length=len(FIRST), concat=PARTIAL)
    piece = (await relaxed.uploads.create(ANNA, command, FakeBody(FIRST))).upload
    store.losing = piece.id
    final = (await relaxed.uploads.create(ANNA, creation(None, concat=f"final;/files/{piece.id}"), None)).upload
    assert (await relaxed.row(final.id)).status is Status.OPEN
    assert await syncing_of(relaxed).run() == Synced(synced=0, rewound=1)
    await appended(relaxed, piece, FIRST, at=0)
    await relaxed.concatenating.run()
    while running := [*relaxed.concatenating._running.values()]:
        await asyncio.wait(running)
    assert await relaxed.published(await relaxed.row(final.id)) == FIRST


@pytest.mark.parametrize("end", ["published", "terminated"])
async def test_the_memory_of_losses_does_not_grow(relaxed: House, store: LossyStore, end: str) -> None:
    """What is published or removed is forgiven."""
    upload = await uploaded(relaxed, FIRST)
    store.lose_unheard(upload.id)
    if end == "published":
        with pytest.raises(OffsetMismatch):
            await appended(relaxed, upload, REST, at=5000)
        await appended(relaxed, upload, FIRST + REST, at=0)
    else:
        await relaxed.uploads.remove(upload, grace_seconds=0)
    assert not store.lost
