"""Wholes that are not there at once: they wait for their pieces, and outlive stops, kills and failing disks."""

import asyncio
import contextlib

import pytest

from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, House
from tests.service.appends import append
from tests.service.concatenations import copies_wait, ended, looked, made, piece, terminated
from tests.service.wishes import creation, some
from tests.web.wire import until
from tusvideo.errors import (
    Busy,
    DiskFull,
    Expired,
    NotFound,
    StorageFailed,
)
from tusvideo.model import PARTIAL, Status
from tusvideo.service import concatenating


class TestWaiting:
    async def test_it_is_put_together_when_its_last_piece_is_whole(self, house: House) -> None:
        """N-17, N-18: until then it has a length and no bytes."""
        hello, world = await piece(house, b"hel", of=5), await piece(house, b"", of=6)
        final = await made(house, hello, world)
        assert (final.status, final.offset, final.length) == (Status.OPEN, 0, 11)
        await append(house, hello, b"lo", at=3)
        await ended(house)
        assert (await looked(house, final)).status is Status.OPEN
        await append(house, world, b" world", at=0)
        await ended(house)
        assert await house.published(await looked(house, final)) == b"hello world"

    async def test_its_length_is_told_as_soon_as_it_is_known(self, house: House) -> None:
        """N-19: a piece of unknown length keeps it back."""
        late = (await house.uploads.create(ANNA, creation(None, concat=PARTIAL), None)).upload
        hello = await piece(house, b"hello")
        final = await made(house, hello, late)
        assert (await looked(house, final)).length is None
        await append(house, late, b" wor", at=0, length=6)
        assert (await looked(house, final)).length == 11
        await append(house, late, b"ld", at=4)
        await ended(house)
        assert await house.published(await looked(house, final)) == b"hello world"

    @pytest.mark.parametrize("how", ["terminated", "expired"])
    async def test_a_piece_that_goes_ends_it(self, house: House, how: str) -> None:
        """N-20: 404, or 410 when its piece is 410; never finished."""
        hello, late = await piece(house, b"hello"), await piece(house, b"", of=6)
        final = await made(house, hello, late)
        if how == "terminated":
            await terminated(house, late)
        else:
            house.clock.move(house.limits.expiry_seconds - 10)
            await append(house, late, b" ", at=0)
            await house.concatenating.run()
            house.clock.move(11)
            await house.sweeper.run()
            assert (await house.row(late.id)).status is Status.OPEN
            assert (await house.row(final.id)).status is Status.OPEN, "it lasts as long as what it waits for"
        for _ in range(2):
            with pytest.raises(NotFound if how == "terminated" else Expired):
                await looked(house, final)

    async def test_a_whole_that_grows_too_large_ends(self, house: House) -> None:
        """A length that is told late may be too much."""
        late = (await house.uploads.create(ANNA, creation(None, concat=PARTIAL), None)).upload
        big = await piece(house, b"", of=60_000)
        final = await made(house, big, late)
        await append(house, late, b"", at=0, length=60_000)
        with pytest.raises(NotFound):
            await looked(house, final)
        assert (await house.row(final.id)).reason == "too_large"

    async def test_a_wrong_type_shows_when_it_is_whole(self, house: House) -> None:
        """Refused for good, and nothing is left of it."""
        late = await piece(house, b"", of=6000)
        final = await made(house, late, profile="poster")
        await append(house, late, some(6000), at=0)
        await ended(house)
        assert (await house.row(final.id)).status is Status.FAILED
        assert await house.store.staged_ids() == [late.id]


class TestPromises:
    async def test_a_piece_of_a_promised_whole_stays(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between the answer and the end of a copy nobody can take its bytes away: 423, as for any busy upload."""
        monkeypatch.setattr(concatenating, "ANSWER_SECONDS", 0)
        impatient = house.with_limits(patience_seconds=0.05)
        hello = await piece(house, b"hello")
        gate = copies_wait(house, monkeypatch)
        final = await made(house, hello)
        assert (final.status, final.offset, final.length) == (Status.OPEN, 0, 5)
        assert (await looked(house, final)).offset == 0
        with pytest.raises(Busy):
            await terminated(impatient, hello)
        gate.set()
        await ended(house)
        assert await house.published(await looked(house, final)) == b"hello"
        await terminated(impatient, hello)

    async def test_also_after_a_stop(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """The row of the whole says so, whoever is there to put it together; asking for the removal begins it."""
        hello = await piece(house, b"hello")
        dying = house.with_steps(Steps(at=8))
        with pytest.raises(Crash):
            await made(dying, hello)
        await ended(dying)
        after, _ = await house.restarted()
        [final] = await after.sessions.open_finals(after=None, limit=9)
        with pytest.raises(Busy):
            await terminated(after, hello)
        await ended(after)
        assert await after.published(await after.row(final.id)) == b"hello"
        await terminated(after, hello)

    async def test_a_whole_can_be_removed_while_it_is_made(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """The copy is asked to leave, and leaves between two steps."""
        monkeypatch.setattr(concatenating, "ANSWER_SECONDS", 0)
        monkeypatch.setattr(concatenating, "STEP_BYTES", 2)
        hello = await piece(house, b"hello")
        gate = copies_wait(house, monkeypatch)
        final = await made(house, hello)
        await until(lambda: bool(house.locks.transfers(final.id)))
        removing = asyncio.create_task(terminated(house, final))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not removing.done()
        gate.set()
        await removing
        await ended(house)
        assert await house.sessions.get(final.id) is None
        assert await house.store.staged_ids() == [hello.id]
        assert "upload_concatenated" not in house.events.names()


class TestStops:
    async def test_killed_at_any_step(self, house: House) -> None:
        """N-33: the next start repeats or finishes it; never is it complete with anything but all bytes."""
        for at in range(200):
            hello, world = await piece(house, b"hello"), await piece(house, b" world")
            steps = Steps(at=at)
            dying = house.with_steps(steps)
            with contextlib.suppress(Crash):
                await made(dying, hello, world)
            await ended(dying)
            for upload in await house.sessions.with_status(Status.COMPLETE, after=None, limit=999):
                assert await house.published(upload) == b"hello world"
            house, recovered = await house.restarted()
            assert recovered.damaged == 0
            await house.concatenating.run()
            await ended(house)
            final = await made(house, hello, world)
            assert await house.published(final) == b"hello world"
            for upload in (hello, world, final):
                await terminated(house, upload)
            assert await house.store.staged_ids() == []
            if steps.is_over:
                assert at > 12
                return
        raise AssertionError

    @pytest.mark.parametrize("error", [StorageFailed, DiskFull])
    async def test_a_disk_that_fails_for_a_moment(self, house: House, error: type[Exception]) -> None:
        """At whatever step: the whole is made later, by the next request or the next pass."""
        for at in range(200):
            hello = await piece(house, b"hello")
            steps = Steps(at=at, error=error, once=True)
            failing = house.with_steps(steps)
            with contextlib.suppress(StorageFailed, DiskFull):
                await made(failing, hello)
            await ended(failing)
            await house.concatenating.run()
            await ended(house)
            final = await made(house, hello)
            assert await house.published(final) == b"hello"
            await terminated(house, final)
            if steps.is_over:
                assert at > 8
                return
        raise AssertionError

    async def test_a_shutdown_waits_for_a_step_and_no_longer(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was begun is begun again by the next start."""
        monkeypatch.setattr(concatenating, "ANSWER_SECONDS", 0)
        hello = await piece(house, b"hello")
        final = await made(house, hello)
        house.locks.stop_all()
        await house.concatenating.close()
        await house.concatenating.close()
        after, _ = await house.restarted()
        done = await after.concatenating.run()
        await ended(after)
        assert done.begun in {0, 1}
        assert await after.published(await after.row(final.id)) == b"hello"

    async def test_a_pass_ends_what_can_never_be(self, house: House) -> None:
        """Also when nobody asks for it."""
        late = await piece(house, b"", of=5)
        final = await made(house, late)
        await terminated(house, late)
        done = await house.concatenating.run()
        await ended(house)
        assert (done.begun, done.ended) == (0, 1)
        assert (await house.row(final.id)).status is Status.FAILED

    async def test_a_profile_that_is_gone_may_come_back(self, house: House) -> None:
        """A change of the configuration condemns nothing."""
        late = await piece(house, b"", of=5)
        final = await made(house, late)
        without = house.with_(profiles={"poster": house.profiles["poster"]})
        await without.concatenating.run()
        await ended(without)
        with pytest.raises(Busy):
            await looked(without, final)
        await append(house, late, b"hello", at=0)
        await ended(house)
        assert await house.published(await house.row(final.id)) == b"hello"
