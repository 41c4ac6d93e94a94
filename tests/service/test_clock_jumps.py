"""Sweeper: a wall clock that somebody set makes no upload old."""

from datetime import timedelta

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, LIMITS, House
from tests.service.wishes import creation_with
from tusvideo.model import Status, Upload
from tusvideo.service.sweeper import DISTRUST_SECONDS, JUMP_SECONDS, Swept

YEAR = 366 * 24 * 3600.0


async def begun(house: House) -> Upload:
    """Make an upload with some bytes stored."""
    return (await house.uploads.create(ANNA, creation_with(b"hel", length=5), FakeBody(b"hel"))).upload


def set_clock(house: House, *, by: float) -> None:
    """Move the wall clock by seconds while no time passes."""
    house.clock._start += timedelta(seconds=by)


@pytest.mark.parametrize("by", [YEAR, LIMITS.expiry_seconds + JUMP_SECONDS])
async def test_nothing_goes_because_the_clock_was_set(house: House, by: float) -> None:
    """After a jump ahead no pass removes anything, and after the way back the upload is what it was."""
    upload = await begun(house)
    set_clock(house, by=by)
    assert await house.sweeper.run() == Swept()
    house.clock.move(60)
    assert await house.sweeper.run() == Swept()
    set_clock(house, by=-by)
    assert await house.sweeper.run() == Swept()
    assert await house.row(upload.id) == upload


async def test_a_clock_that_stays_is_believed_in_the_end(house: House) -> None:
    """An hour after the jump ages count again."""
    upload = await begun(house)
    set_clock(house, by=LIMITS.expiry_seconds)
    assert await house.sweeper.run() == Swept()
    house.clock.move(DISTRUST_SECONDS)
    assert await house.sweeper.run() == Swept(expired=1)
    assert (await house.row(upload.id)).status is Status.EXPIRED


async def test_a_clock_that_is_nudged_is_believed(house: House) -> None:
    """Corrections of up to five minutes, as time servers make them, hold nothing up."""
    await begun(house)
    house.clock.move(LIMITS.expiry_seconds + 1)
    set_clock(house, by=JUMP_SECONDS)
    assert await house.sweeper.run() == Swept(expired=1)
