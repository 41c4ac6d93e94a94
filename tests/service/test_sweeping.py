"""Sweeper: what stayed unfinished for too long goes, what is alive or finished stays."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, LIMITS, House
from tests.service.appends import begun
from tests.service.wishes import KEY, appending, putting
from tusvideo.commands import QueryParts, QueryUpload, TerminateUpload
from tusvideo.errors import DiskFull, Expired, NotFound, StorageFailed
from tusvideo.model import Location, Status
from tusvideo.service import sweeper
from tusvideo.service.sweeper import Swept


async def test_what_is_not_due_stays(house: House) -> None:
    """To the very millisecond."""
    upload = await begun(house)
    house.clock.move(LIMITS.expiry_seconds)
    assert await house.sweeper.run() == Swept()
    assert await house.row(upload.id) == upload


async def test_what_is_due_goes(house: House) -> None:
    """Bytes go, a tombstone stays, and it is told; a second pass finds nothing (X-09)."""
    upload = await begun(house)
    house.clock.move(LIMITS.expiry_seconds + 1)
    assert await house.sweeper.run() == Swept(expired=1)
    assert (await house.row(upload.id)).status is Status.EXPIRED
    assert await house.store.staged_ids() == []
    assert house.events.names()[-1] == "upload_expired"
    assert await house.sweeper.run() == Swept()
    with pytest.raises(Expired):
        await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id))


async def test_parts_go_as_well(house: House) -> None:
    """An unfinished upload in parts has the same time."""
    command = putting(0, 3)
    await house.parts.put(ANNA, command, FakeBody(bytes(9), command=command))
    house.clock.move(LIMITS.expiry_seconds + 1)
    assert (await house.sweeper.run()).expired == 1
    with pytest.raises(Expired):
        await house.parts.query(ANNA, QueryParts(profile="poster", client_key=KEY))


async def test_finished_uploads_never_go(house: House) -> None:
    """However old they are (X-06)."""
    upload = await begun(house, b"hello")
    house.clock.move(100 * LIMITS.expiry_seconds)
    assert await house.sweeper.run() == Swept()
    assert await house.published(upload) == b"hello"


async def test_a_live_transfer_wins(house: House) -> None:
    """An append that runs past the time is neither stopped nor robbed of its upload (X-08)."""
    upload = await begun(house)
    body = FakeBody(b"l", is_open=True)
    running = asyncio.create_task(house.uploads.append(ANNA, appending(upload, 2, at=3), body))
    await body.hungry.wait()
    house.clock.move(LIMITS.expiry_seconds + 1)
    assert await house.sweeper.run() == Swept()
    body.end(b"o")
    assert await house.published((await running).upload) == b"hello"


async def test_a_holder_without_a_transfer_is_left_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the upload and has not begun to read is not asked to leave either."""
    monkeypatch.setattr(sweeper, "WAIT_SECONDS", 0.02)
    upload = await begun(house)
    house.clock.move(LIMITS.expiry_seconds + 1)
    async with house.locks.exclusive(upload.id, grace_seconds=0, patience_seconds=0) as lease:
        assert await house.sweeper.run() == Swept()
        assert not lease.release_requested
    assert await house.sweeper.run() == Swept(expired=1)


async def test_an_upload_that_moved_on_meanwhile_stays(house: House) -> None:
    """Between the list and the lease it may get new bytes, or go by itself."""
    kept, gone = await begun(house), await begun(house)
    house.clock.move(LIMITS.expiry_seconds + 1)
    due = house.sessions.due

    async def then_things_happen(**kwargs: Any) -> Any:
        found = await due(**kwargs)
        later = replace(kept, offset=4, expires_at=house.clock.now() + (kept.expires_at - kept.created_at))
        await house.sessions.save(later, was=kept)
        await house.sessions.remove(gone.id)
        return found

    house.sessions.due = then_things_happen  # type: ignore[method-assign]  # a double for a while
    assert await house.sweeper.run() == Swept()
    assert (await house.row(kept.id)).status is Status.OPEN


@pytest.mark.parametrize("error", [StorageFailed, DiskFull])
async def test_interrupted_publications_are_tried_again(house: House, error: type[Exception]) -> None:
    """As often as it takes, and never while somebody works on them."""
    publish = house.store.publish

    async def fails(*args: Any, **kwargs: Any) -> bool:
        raise error

    house.store.publish = fails  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(error):
        await begun(house, b"hello")
    assert await house.sweeper.run() == Swept()
    house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
    assert await house.sweeper.run() == Swept(published=1)
    (row,) = await house.sessions.with_status(Status.COMPLETE, after=None, limit=9)
    assert await house.published(row) == b"hello"
    assert await house.sweeper.run() == Swept()


async def test_tombstones_are_forgotten(house: House) -> None:
    """A month after it went nothing is left of an expired upload; it is unknown then."""
    upload = await begun(house)
    house.clock.move(LIMITS.expiry_seconds + 1)
    await house.sweeper.run()
    house.clock.move(LIMITS.tombstone_seconds)
    assert await house.sweeper.run() == Swept()
    house.clock.move(1)
    assert await house.sweeper.run() == Swept(forgotten=1)
    assert await house.sessions.get(upload.id) is None
    with pytest.raises(NotFound):
        await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id))


async def test_a_file_that_could_not_be_removed_is_not_forgotten(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the server runs after a removal that failed half-way: its next start ends it."""
    upload = await begun(house, b"hello")
    assert upload.location is not None

    async def fails(_: Location) -> None:
        raise StorageFailed

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "remove_published", fails)
        with pytest.raises(StorageFailed):
            await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    house.clock.move(LIMITS.expiry_seconds)
    await house.sweeper.run()
    house.clock.move(LIMITS.tombstone_seconds + 1)
    assert await house.sweeper.run() == Swept()
    house, recovered = await house.restarted()
    assert recovered.cleared == 1
    assert await house.store.open_published(upload.location) is None
    assert await house.sessions.get(upload.id) is None


async def test_a_pass_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many due uploads go in several passes."""
    monkeypatch.setattr(sweeper, "BATCH", 2)
    for _ in range(5):
        await begun(house)
    house.clock.move(LIMITS.expiry_seconds + 1)
    assert [(await house.sweeper.run()).expired for _ in range(4)] == [2, 2, 1, 0]
