"""Durability: an upload that was begun at the level ``relaxed`` and goes on at the level ``strict``."""

from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, House
from tests.service.appends import append
from tests.service.wishes import appending, creation
from tusvideo.errors import StorageFailed
from tusvideo.model import Durability, Status, Upload, UploadId
from tusvideo.sessions.memory import MemorySessions
from tusvideo.stores.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    """A disk whose boots and syncs a test can see."""
    return MemoryStore()


async def begun(store: MemoryStore, *, length: int | None) -> tuple[House, Upload]:
    """Store three bytes at the level ``relaxed``; then the server is started anew at ``strict``."""
    relaxed = House(store=store, sessions=MemorySessions(), durability=Durability.RELAXED)
    upload = (await relaxed.uploads.create(ANNA, creation(length), None)).upload
    upload = (await relaxed.uploads.append(ANNA, appending(upload, 3, at=0), FakeBody(b"hel"))).upload
    strict, _ = await relaxed.with_(durability=Durability.STRICT).restarted()
    return strict, await strict.row(upload.id)


async def test_what_strict_acknowledged_survives_a_power_loss(store: MemoryStore) -> None:
    """The sync of a strict append is one of the whole file, so nothing of it is given up after another boot."""
    house, upload = await begun(store, length=5)
    assert upload.boot_id == "first boot"
    await append(house, upload, b"l", at=3)
    store.boot = "second boot"
    after, recovered = await house.restarted()
    assert recovered.rewound == 0
    assert (await after.row(upload.id)).offset == 4


async def test_a_length_alone_makes_nothing_durable(store: MemoryStore) -> None:
    """Bytes at risk stay so when only their length is told."""
    house, upload = await begun(store, length=None)
    await append(house, upload, b"", at=3, length=9)
    store.boot = "second boot"
    after, recovered = await house.restarted()
    assert recovered.rewound == 1
    assert (await after.row(upload.id)).offset == 0


async def test_what_is_to_be_published_is_synced_first(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A length that completes bytes at risk has them synced before the row says that they are all there."""
    house, upload = await begun(store, length=None)
    synced: list[UploadId] = []
    sync_staged = store.sync_staged

    async def recording(upload_id: UploadId) -> None:
        assert (await house.row(upload.id)).status is Status.OPEN
        await sync_staged(upload_id)
        synced.append(upload_id)

    async def fails(*args: Any, **facts: Any) -> bool:
        raise StorageFailed

    monkeypatch.setattr(store, "sync_staged", recording)
    monkeypatch.setattr(store, "publish", fails)
    with pytest.raises(StorageFailed):
        await append(house, upload, b"", at=3, length=3)
    assert synced == [upload.id]
    row = await house.row(upload.id)
    assert (row.status, row.boot_id) == (Status.FINALIZING, None)
