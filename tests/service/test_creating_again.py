"""Creations that come again because their answer was lost: one upload, its bytes once (C-17)."""

import asyncio
from typing import Any

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.house import ANNA, BERT, House
from tests.service.appends import append
from tests.service.wishes import creation, creation_with
from tusvideo.commands import CreateUpload, TerminateUpload
from tusvideo.errors import BodyCut, DiskFull, Expired, FactConflict
from tusvideo.model import PARTIAL, Status, Upload, UserId

DATA = b"0123456789"
COMMAND = creation_with(DATA, length=20, creation_key="k")


async def created(house: House, command: CreateUpload = COMMAND, *, user: UserId = ANNA) -> tuple[Upload, bool, int]:
    """Create; give the upload, whether the body was stored, and how often it was read."""
    body = FakeBody(DATA)
    made = await house.uploads.create(user, command, body)
    return made.upload, made.stored_body, body.reads


async def test_a_body_that_comes_again_is_not_read(house: House) -> None:
    """The second answer names the first upload with what is stored of it, and the client goes on from there."""
    first, stored, _ = await created(house)
    assert (stored, first.offset) == (True, 10)
    again, stored, reads = await created(house)
    assert (again, stored, reads) == (first, False, 0)
    await append(house, first, b"abcdefghij", at=10)
    done, stored, reads = await created(house)
    assert (done.status, done.offset, stored, reads) == (Status.COMPLETE, 20, False, 0)
    assert await house.published(done) == DATA + b"abcdefghij"


async def test_twenty_at_once_are_one(house: House) -> None:
    """One of them stores its body, the others give the same address; no event comes twice."""
    made = await asyncio.gather(*(created(house) for _ in range(20)))
    assert len({upload.id for upload, _, _ in made}) == 1
    assert [stored for _, stored, _ in made].count(True) == 1
    assert house.events.names().count("upload_created") == 1
    row = await house.row(made[0][0].id)
    assert (row.offset, await house.staged(row)) == (10, DATA)


async def test_the_first_one_may_still_be_sending(house: House) -> None:
    """A server that has not noticed the dead connection is asked for what came so far, and nobody is stopped."""
    body = FakeBody(DATA[:4], is_open=True)
    task = asyncio.create_task(house.uploads.create(ANNA, COMMAND, body))
    await body.hungry.wait()
    again, stored, reads = await created(house)
    assert (again.offset, stored, reads) == (4, False, 0)
    body.end(DATA[4:])
    assert (await task).upload.id == again.id


async def test_one_that_was_cut_is_gone_on_with(house: House) -> None:
    """What came is kept, and found by the key (W-08)."""
    with pytest.raises(BodyCut):
        await house.uploads.create(ANNA, COMMAND, cut_body(DATA[:3]))
    again, stored, reads = await created(house)
    assert (again.offset, stored, reads) == (3, False, 0)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"length": 21}, "Upload-Length"),
        ({"profile": "poster"}, "profile"),
        ({"metadata": "filename eA=="}, "Upload-Metadata"),
        ({"concat": PARTIAL}, "Upload-Concat"),
    ],
)
async def test_another_request_under_the_same_key_is_a_mistake(house: House, facts: dict[str, Any], field: str) -> None:
    """It is refused before its body is read, and the upload of the first one stays as it is."""
    first, _, _ = await created(house)
    body = FakeBody(DATA)
    command = creation_with(DATA, **{"length": 20, "creation_key": "k", **facts})
    with pytest.raises(FactConflict, match=field):
        await house.uploads.create(ANNA, command, body)
    assert body.reads == 0
    assert await house.row(first.id) == first


async def test_one_that_has_its_room_is_told_where_it_stands_on_a_full_disk(house: House) -> None:
    """The answer that was lost is given again, though a new upload would be refused by now."""
    first, _, _ = await created(house)
    tight = house.with_limits(min_free_bytes=await house.store.free_bytes() + 10**12)
    assert await created(tight) == (first, False, 0)
    with pytest.raises(DiskFull):
        await created(tight, creation_with(DATA, length=20, creation_key="other"))


async def test_keys_are_those_of_their_owner(house: House) -> None:
    """Somebody else's key is another one."""
    mine, _, _ = await created(house)
    hers, stored, _ = await created(house, user=BERT)
    assert (mine.id == hers.id, stored) == (False, True)


class TestLifetime:
    async def test_a_key_lives_as_long_as_its_upload(self, house: House) -> None:
        """A finished upload keeps it, however old; a removed one gives it up at once."""
        whole = creation_with(DATA, length=10, creation_key="k")
        first, _, _ = await created(house, whole)
        house.clock.move(house.limits.expiry_seconds + house.limits.tombstone_seconds)
        await house.sweeper.run()
        assert (await created(house, whole))[0].id == first.id
        await house.uploads.terminate(ANNA, TerminateUpload(upload_id=first.id))
        again, stored, _ = await created(house, whole)
        assert (again.id == first.id, stored) == (False, True)

    async def test_an_expired_one_is_told_until_it_is_forgotten(self, house: House) -> None:
        """410, so that nobody believes that bytes are still there; after the tombstone the key is free."""
        first, _, _ = await created(house)
        house.clock.move(house.limits.expiry_seconds + 1)
        await house.sweeper.run()
        with pytest.raises(Expired):
            await created(house)
        house.clock.move(house.limits.tombstone_seconds + 1)
        await house.sweeper.run()
        again, stored, _ = await created(house)
        assert (again.id == first.id, stored) == (False, True)

    async def test_it_outlives_a_stop(self, house: House) -> None:
        """The key lies in the row."""
        first, _, _ = await created(house)
        house, _ = await house.restarted()
        again, stored, _ = await created(house)
        assert (again.id, stored) == (first.id, False)


async def test_without_a_key_every_creation_is_another(house: House) -> None:
    """Nothing is guessed for uploads that take bytes."""
    command = creation(10)
    assert (await created(house, command))[0].id != (await created(house, command))[0].id
