"""Recovery: rows and files are brought together after any stop, and nothing that a row counts is removed."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, FILES, House
from tests.service.appends import begun
from tests.service.wishes import a_video, appending, creation, creation_with, finalizing, putting
from tusvideo.commands import CreateUpload, ListVideos, QueryUpload
from tusvideo.errors import NotFound, StorageFailed
from tusvideo.model import Protocol, Status, Upload, UploadId
from tusvideo.rules.uploads import finalizing as chosen
from tusvideo.service import recovery
from tusvideo.service.recovery import Recovered

STRAY = UploadId("f" * 32)


async def stage(house: House, upload_id: UploadId, data: bytes, *, position: int = 0) -> None:
    """Put bytes into a staging file behind the back of the services."""
    writer = await house.store.open_writer(upload_id, position=position, fresh=True)
    await writer.write(data)
    await writer.sync()
    await writer.close()


async def set_status(house: House, upload: Upload, status: Status) -> Upload:
    """Put a row into a status behind the back of the services."""
    after = replace(upload, status=status)
    await house.sessions.save(after, was=upload)
    return after


async def test_a_clean_stop_leaves_nothing_to_do(house: House) -> None:
    """Open uploads are looked at, and stay as they are."""
    upload = await begun(house)
    after, done = await house.restarted()
    assert done == Recovered(checked=1)
    assert await after.row(upload.id) == upload
    assert await after.staged(upload) == b"hel"


async def test_bytes_beyond_what_is_counted_are_leftovers(house: House) -> None:
    """They are no damage, and the next append writes over them."""
    upload = await begun(house)
    await stage(house, upload.id, b"XYZ", position=3)
    after, done = await house.restarted()
    assert done == Recovered(checked=1)
    outcome = await after.uploads.append(ANNA, appending(upload, 2, at=3), FakeBody(b"lo"))
    assert await after.published(outcome.upload) == b"hello"


@pytest.mark.parametrize("is_short", [True, False])
async def test_a_row_without_its_bytes_is_damaged(house: House, is_short: bool) -> None:
    """It is told loudly, its client finds nothing, and what bytes there are stay."""
    upload = await begun(house)
    await house.store.discard(upload.id)
    if is_short:
        await stage(house, upload.id, b"he")
    after, done = await house.restarted()
    assert (done.damaged, after.events.names()) == (1, ["upload_damaged"])
    assert (await after.row(upload.id)).status is Status.DAMAGED
    assert await after.store.staged_size(upload.id) == (2 if is_short else None)
    with pytest.raises(NotFound):
        await after.uploads.query(ANNA, QueryUpload(upload_id=upload.id))
    assert (await after.restarted())[1] == Recovered()


@pytest.mark.parametrize("size", [2499, 2500, 9000])
async def test_parts_need_their_bytes_where_they_lie(house: House, size: int) -> None:
    """The part that lies farthest decides, though a gap lies before it."""
    command = putting(2, 3, part_size=1000)
    upload = (await house.parts.put(ANNA, command, FakeBody(bytes(500), command=command))).upload
    await house.store.discard(upload.id)
    await stage(house, upload.id, bytes(size))
    _, done = await house.restarted()
    assert done.damaged == (size < 2500)


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("discarded", [True, False])
async def test_a_publication_goes_on(house: House, linked: bool, discarded: bool) -> None:
    """With and without the link made, the file gets the name that was committed, once."""
    upload = await begun(house, b"hello", length=6, original_name="a.txt")
    row = replace(upload, offset=5, length=5)
    begun_row = await house.publisher.begun(row)
    await house.sessions.save(begun_row, was=upload)
    assert begun_row.location is not None
    if linked:
        assert await house.store.publish(upload.id, length=5, location=begun_row.location)
        if discarded:
            await house.store.discard(upload.id)
    after, done = await house.restarted()
    assert done == Recovered(published=1)
    found = await after.row(upload.id)
    assert (found.status, found.location) == (Status.COMPLETE, begun_row.location)
    assert await after.published(found) == b"hello"
    assert await after.store.staged_ids() == []
    assert (await after.restarted())[1] == Recovered()


async def test_a_publication_whose_bytes_are_gone_is_damaged(house: House) -> None:
    """Neither staged nor published: the start goes on without it."""
    upload = await begun(house, b"hello", length=6)
    whole = await house.publisher.begun(replace(upload, length=5))
    await house.sessions.save(whole, was=upload)
    await house.store.discard(upload.id)
    after, done = await house.restarted()
    assert done.damaged == 1
    assert (await after.row(upload.id)).status is Status.DAMAGED


async def test_a_publication_never_takes_the_file_of_another(house: House) -> None:
    """Its own bytes are gone, and another upload was published under the name that it chose."""
    other = await begun(house, b"world", length=5, original_name="a.txt")
    upload = await begun(house, b"hello", length=6, original_name="a.txt")
    assert other.location is not None
    await house.sessions.save(chosen(replace(upload, length=5), other.location), was=upload)
    await house.store.discard(upload.id)
    after, done = await house.restarted()
    assert done.damaged == 1
    assert await after.published(other) == b"world"


async def test_a_publication_that_does_not_work_keeps_nobody_waiting(house: House) -> None:
    """It stays as it is for the sweeper; the others are brought to their end."""
    for name in ("a", "b"):
        upload = await begun(house, b"hello", length=6, original_name=name)
        await house.sessions.save(await house.publisher.begun(replace(upload, length=5)), was=upload)
    publish, tried = house.store.publish, []

    async def fails_once(*args: Any, **kwargs: Any) -> bool:
        tried.append(args)
        if len(tried) == 1:
            raise StorageFailed
        return await publish(*args, **kwargs)

    house.store.publish = fails_once  # type: ignore[method-assign]  # a double for a while
    after, done = await house.restarted()
    assert (done.published, done.postponed) == (1, 1)
    assert (await after.sweeper.run()).published == 1
    assert await after.store.staged_ids() == []


async def test_a_profile_that_is_gone_keeps_nobody_waiting(house: House) -> None:
    """A name that would have to be chosen anew waits until the profile comes back."""
    upload = await begun(house, b"hello", length=6)
    whole = await house.publisher.begun(replace(upload, length=5))
    await house.sessions.save(whole, was=upload)
    await begun(house, b"taken", length=5)
    without = house.with_(profiles={"other": FILES})
    after, done = await without.restarted()
    assert done.postponed == 1
    assert (await after.sweeper.run()).published == 0
    again, done = await house.restarted()
    assert done.published == 1
    assert await again.published(await again.row(upload.id)) == b"hello"


async def test_an_empty_file_that_broke_off_is_published(house: House) -> None:
    """Its row is all that there ever was."""
    steps = Steps(at=2)
    with pytest.raises(Crash):
        await house.with_steps(steps).uploads.create(ANNA, creation(0), None)
    after, done = await house.restarted()
    assert done == Recovered(checked=1, published=1)
    (row,) = await after.sessions.with_status(Status.COMPLETE, after=None, limit=9)
    assert await after.published(row) == b""


async def test_parts_wait_for_their_finalize(house: House) -> None:
    """An upload whose parts are all there is not published by itself."""
    data = a_video(100)
    command = putting(0, 1)
    upload = (await house.parts.put(ANNA, command, FakeBody(data, command=command))).upload
    after, done = await house.restarted()
    assert done == Recovered(checked=1)
    assert (await after.row(upload.id)).status is Status.OPEN
    assert await after.published((await after.finalizing.finalize(ANNA, finalizing(1))).upload) == data


async def test_terminated_uploads_are_cleared(house: House) -> None:
    """A DELETE that broke off is carried through: bytes, file, record and row."""
    staged = await begun(house)
    published = await begun(house, b"hello", length=5, title="Sea")
    for upload in (staged, published):
        await set_status(house, upload, Status.TERMINATED)
    after, done = await house.restarted()
    assert done.cleared == 2
    assert await after.store.staged_ids() == []
    assert published.location is not None
    assert await after.store.open_published(published.location) is None
    assert (await after.videos.list(ANNA, ListVideos(limit=9))).videos == ()
    assert await after.sessions.get(staged.id) is None
    assert (await after.restarted())[1] == Recovered()


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.FAILED])
async def test_what_is_done_with_leaves_staging(house: House, status: Status) -> None:
    """Its row stays as a tombstone."""
    upload = await begun(house)
    await set_status(house, upload, status)
    after, done = await house.restarted()
    assert done == Recovered(discarded=1)
    assert await after.store.staged_ids() == []
    assert (await after.row(upload.id)).status is status


async def test_a_file_without_a_row_is_set_aside(house: House) -> None:
    """Nobody wants to delete it, and it is in nobody's way."""
    await stage(house, STRAY, b"whose?")
    after, done = await house.restarted()
    assert done == Recovered(set_aside=1)
    assert await after.store.staged_ids() == []
    assert (await after.restarted())[1] == Recovered()


async def test_pages_do_not_hide_anybody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """More uploads than fit a page are all looked at, though their status changes meanwhile."""
    monkeypatch.setattr(recovery, "PAGE", 2)
    for number in range(5):
        await begun(house)
        lost = await begun(house)
        await house.store.discard(lost.id)
        gone = await begun(house, original_name=str(number))
        await set_status(house, gone, Status.TERMINATED)
    _, done = await house.restarted()
    assert (done.checked, done.damaged, done.cleared) == (10, 5, 5)


async def test_recovery_may_be_killed_at_any_step(house: House) -> None:
    """Every step that is left is taken by the next run; what it brings about is the same."""
    for at in range(200):
        finalized = await begun(house, b"hello", length=6, original_name=f"{at}")
        await house.sessions.save(await house.publisher.begun(replace(finalized, length=5)), was=finalized)
        terminated = await set_status(house, await begun(house), Status.TERMINATED)
        expired = await set_status(house, await begun(house), Status.EXPIRED)
        kept = await begun(house)
        steps = Steps(at=at)
        killed = False
        try:
            await house.with_steps(steps).recovery.run()
        except Crash:
            killed = True
        house, _ = await house.restarted()
        assert await house.published(await house.row(finalized.id)) == b"hello"
        assert await house.sessions.get(terminated.id) is None
        assert (await house.row(expired.id)).status is Status.EXPIRED
        assert await house.staged(await house.row(kept.id)) == b"hel"
        assert await house.store.staged_ids() == [kept.id]
        await house.uploads.remove(kept, grace_seconds=0)
        if not killed:
            break
    assert at > 10


def a_plain_one(**facts: Any) -> CreateUpload:
    """Ask for a whole file in one request, of which nobody is told where it is."""
    facts = {"protocol": Protocol.IETF, "completes": True, "needs_completion": True, "forgets_cut": True, **facts}
    return creation_with(b"hello", length=5, **facts)


async def test_a_plain_upload_that_a_stop_cut_is_forgotten(house: House) -> None:
    """Whatever step is the last: it is published whole, or nothing of it is left, and not for days either."""
    for last in range(40):
        steps = Steps(at=last)
        with contextlib.suppress(Crash):
            await house.with_steps(steps).uploads.create(
                ANNA, a_plain_one(original_name=f"{last}.bin"), FakeBody(b"hel", b"lo")
            )
        after, done = await house.restarted()
        assert (done.damaged, done.set_aside) == (0, 0)
        assert list(await after.sessions.with_status(Status.OPEN, after=None, limit=9)) == []
        assert not await after.store.staged_ids()
        for upload in await after.sessions.with_status(Status.COMPLETE, after=None, limit=99):
            assert await after.published(upload) == b"hello"
        if steps.is_over:
            return
    pytest.fail("the upload takes more steps than were tried")


@pytest.mark.parametrize("facts", [{"creation_key": "k"}, {"forgets_cut": False}], ids=["a key", "an address"])
async def test_an_upload_that_somebody_can_come_back_to_is_kept(house: House, facts: dict[str, Any]) -> None:
    """Whoever has its address, or asks for it by a key, goes on where it stands."""
    body = FakeBody(b"hel", is_open=True)
    sending = asyncio.create_task(house.uploads.create(ANNA, a_plain_one(**facts), body))
    await body.hungry.wait()
    [row] = await house.sessions.with_status(Status.OPEN, after=None, limit=9)
    after, done = await house.restarted()
    assert done == Recovered(checked=1)
    assert await after.row(row.id) == row
    sending.cancel()
    await asyncio.wait([sending])
