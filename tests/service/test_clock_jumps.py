"""Sweeper: a wall clock that somebody set makes no upload old."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.body import FakeBody
from tests.fakes.clock import HandClock
from tests.fakes.house import ANNA, LIMITS, House
from tests.service.appends import begun
from tests.service.wishes import appending
from tusvideo.model import Status
from tusvideo.service.sweeper import NUDGE_SECONDS, START_SECONDS, Swept
from tusvideo.sessions.memory import MemorySessions
from tusvideo.stores.memory import MemoryStore

EXPIRY = LIMITS.expiry_seconds
DAY = 24 * 3600.0
YEAR = 366 * DAY
HOUR_ONE = START_SECONDS + 1


def set_clock(clock: HandClock, *, by: float) -> None:
    """Move the wall clock by seconds while no time passes."""
    clock._start += timedelta(seconds=by)


@pytest.mark.parametrize("by", [YEAR, EXPIRY + 1.0, -YEAR, -EXPIRY - 1.0])
async def test_nothing_goes_because_the_clock_was_set(house: House, by: float) -> None:
    """However long it stays wrong, and when it is set right, an upload goes no sooner than it must."""
    house.clock.move(HOUR_ONE)
    upload = await begun(house, length=50)
    for seconds, change in ((0.0, by), (60.0, 0.0), (DAY, 0.0), (DAY, -by), (60.0, 0.0), (DAY, 0.0)):
        house.clock.move(seconds)
        set_clock(house.clock, by=change)
        assert await house.sweeper.run() == Swept()
    assert await house.row(upload.id) == upload


async def test_an_upload_of_a_wrong_time_has_its_full_time(house: House) -> None:
    """Bytes that came while the clock was behind are not old once it is set right."""
    house.clock.move(HOUR_ONE)
    set_clock(house.clock, by=-YEAR)
    await house.sweeper.run()
    upload = await begun(house, length=50)
    set_clock(house.clock, by=YEAR)
    for _ in range(6):
        assert await house.sweeper.run() == Swept()
        house.clock.move(DAY)
    assert (await house.row(upload.id)).status is Status.OPEN
    house.clock.move(DAY + 1)
    assert await house.sweeper.run() == Swept(expired=1)


async def test_a_clock_that_stays_is_believed_in_the_end(house: House) -> None:
    """An upload of before the change goes when its time is over, not sooner and not much later."""
    house.clock.move(HOUR_ONE)
    upload = await begun(house, length=50)
    set_clock(house.clock, by=YEAR)
    house.clock.move(EXPIRY - 1)
    assert await house.sweeper.run() == Swept()
    house.clock.move(2)
    assert await house.sweeper.run() == Swept(expired=1)
    assert (await house.row(upload.id)).status is Status.EXPIRED


async def test_a_clock_that_is_nudged_is_believed(house: House) -> None:
    """Small corrections, as time servers make them all the time, hold nothing up."""
    house.clock.move(HOUR_ONE)
    await begun(house, length=50)
    for _ in range(int(EXPIRY / DAY)):
        house.clock.move(DAY)
        set_clock(house.clock, by=NUDGE_SECONDS / 2)
        assert await house.sweeper.run() == Swept()
    house.clock.move(1)
    assert await house.sweeper.run() == Swept(expired=1)


async def test_a_start_is_no_time_to_remove_things(house: House) -> None:
    """Clients that met no server while it was down come back first, and a clock that is ahead is set right."""
    upload = await begun(house, length=50)
    house.clock.move(10 * EXPIRY)
    house, _ = await house.restarted()
    for _ in range(2):
        assert await house.sweeper.run() == Swept()
        house.clock.move(START_SECONDS / 2)
    await house.uploads.append(ANNA, appending(upload, 1, at=3), FakeBody(b"l"))
    other = await begun(house, length=50)
    assert await house.sweeper.run() == Swept()
    assert {(await house.row(one.id)).status for one in (upload, other)} == {Status.OPEN}


async def test_what_nobody_came_back_for_goes_an_hour_after_a_start(house: House) -> None:
    """A server that is restarted every day removes old uploads all the same."""
    await begun(house, length=50)
    house.clock.move(EXPIRY + 1)
    house, _ = await house.restarted()
    house.clock.move(START_SECONDS)
    assert await house.sweeper.run() == Swept(expired=1)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["pass", "bytes", "set"]),
        st.sampled_from([1.0, 60.0, DAY, EXPIRY / 2, EXPIRY - 1.0, EXPIRY + 1.0]),
        st.sampled_from([-YEAR, -EXPIRY - 1.0, -2.0, -0.4, 0.4, 2.0, EXPIRY - 1.0, EXPIRY + 1.0, YEAR]),
    ),
    max_size=30,
)


@given(changes=CHANGES)
async def test_no_upload_goes_before_its_time_whatever_happens_to_the_clock(
    changes: list[tuple[str, float, float]],
) -> None:
    """Bytes and passes at any moment, a clock that is set to any time between two passes: what a pass removes got its
    last byte at least ``expiry_seconds`` of real time ago."""
    house = House(store=MemoryStore(), sessions=MemorySessions())
    await house.sweeper.run()
    upload, stored = await begun(house, length=50), 0.0
    for what, seconds, by in changes:
        house.clock.move(seconds)
        if what == "set":
            await house.sweeper.run()  # a clock that is set twice between two passes is beyond what can be known
            set_clock(house.clock, by=by)
        elif what == "bytes":
            at = (await house.row(upload.id)).offset
            await house.uploads.append(ANNA, appending(upload, 1, at=at), FakeBody(b"l"))
            stored = house.clock.monotonic()
        await house.sweeper.run()
        if (await house.row(upload.id)).status is Status.EXPIRED:
            assert house.clock.monotonic() - stored >= EXPIRY
            upload, stored = await begun(house, length=50), house.clock.monotonic()
