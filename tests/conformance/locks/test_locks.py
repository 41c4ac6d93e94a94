"""LockManager: who may work on which upload, in which order, and who is asked to leave."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.fakes.turns import turns
from tusvideo.errors import Busy
from tusvideo.locks.memory import MemoryLocks
from tusvideo.model import UploadId
from tusvideo.ports import Lease, LockManager

KEY = UploadId("1" * 32)
OTHER = UploadId("2" * 32)
LONG = 60.0
"""Patience that no test of a green run ever uses up."""
SHORT = 0.02
"""Patience that is meant to be used up: nobody leaves meanwhile, however slow the machine is."""


class Guest:
    """A transfer that remembers being asked to leave."""

    silent_seconds = 0.0
    is_cut = False

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    def stop(self) -> None:
        self.stopped.set()

    async def checkpoint(self) -> None:
        """Nothing to store."""


@pytest.fixture
def locks() -> LockManager:
    """The lock manager under test."""
    return MemoryLocks()


def holder(
    locks: LockManager, *, grace: float = 0, patience: float = LONG, key: UploadId = KEY
) -> tuple[asyncio.Task[Lease], asyncio.Event]:
    """Start a task that asks for an exclusive lease and holds it until the event is set."""
    leave = asyncio.Event()

    async def hold() -> Lease:
        async with locks.exclusive(key, grace_seconds=grace, patience_seconds=patience) as lease:
            await leave.wait()
            return lease

    task = asyncio.create_task(hold())
    return task, leave


async def test_a_free_upload_is_held_at_once(locks: LockManager) -> None:
    """Nobody waits for an upload that nobody holds."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        assert not lease.release_requested


async def test_uploads_do_not_concern_each_other(locks: LockManager) -> None:
    """Holding one upload is no reason to wait for another."""
    async with (
        locks.exclusive(KEY, grace_seconds=0, patience_seconds=0),
        locks.exclusive(OTHER, grace_seconds=0, patience_seconds=0),
    ):
        pass


async def test_sharers_hold_an_upload_together(locks: LockManager) -> None:
    """Writers of different parts run side by side."""
    async with locks.shared(KEY, patience_seconds=0), locks.shared(KEY, patience_seconds=0):
        pass


@pytest.mark.parametrize("first", ["shared", "exclusive"])
async def test_busy_when_the_holder_stays(locks: LockManager, first: str) -> None:
    """Who waits longer than its patience gets Busy, and the holder keeps the upload."""
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(
            locks.shared(KEY, patience_seconds=0)
            if first == "shared"
            else locks.exclusive(KEY, grace_seconds=0, patience_seconds=0)
        )
        with pytest.raises(Busy):
            async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=SHORT):
                pytest.fail("the upload is held")
        assert lease.release_requested


async def test_a_sharer_waits_for_an_exclusive_holder(locks: LockManager) -> None:
    """A shared lease is not given beside an exclusive one, and who waits for it asks nobody to leave."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        with pytest.raises(Busy):
            async with locks.shared(KEY, patience_seconds=SHORT):
                pytest.fail("the upload is held")
        assert not lease.release_requested


async def test_no_new_sharer_while_somebody_waits_to_be_alone(locks: LockManager) -> None:
    """Finalize and DELETE come through however many chunks keep arriving."""
    async with locks.shared(KEY, patience_seconds=0):
        task, leave = holder(locks)
        await turns()
        with pytest.raises(Busy):
            async with locks.shared(KEY, patience_seconds=SHORT):
                pytest.fail("somebody waits to hold it alone")
    leave.set()
    await task


async def test_a_sharer_comes_in_when_the_one_before_gave_up(locks: LockManager) -> None:
    """A place in the queue that is given up frees those behind it at once."""
    async with locks.shared(KEY, patience_seconds=0):
        task, _ = holder(locks)
        await turns()

        async def share() -> None:
            async with locks.shared(KEY, patience_seconds=LONG):
                pass

        behind = asyncio.create_task(share())
        await turns()
        assert not behind.done()
        task.cancel()
        await asyncio.wait([behind, task])
        assert behind.exception() is None


async def test_without_grace_the_holder_is_asked_at_once(locks: LockManager) -> None:
    """A PATCH that takes over stops the running transfer straight away."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        guest = Guest()
        lease.attach(guest)
        task, leave = holder(locks)
        await guest.stopped.wait()
    leave.set()
    await task


async def test_all_sharers_are_asked(locks: LockManager) -> None:
    """DELETE stops every running chunk."""
    async with locks.shared(KEY, patience_seconds=0) as one, locks.shared(KEY, patience_seconds=0) as two:
        guests = Guest(), Guest()
        one.attach(guests[0])
        two.attach(guests[1])
        task, leave = holder(locks)
        for guest in guests:
            await guest.stopped.wait()
    leave.set()
    await task


async def test_a_holder_is_left_alone_during_the_grace(locks: LockManager) -> None:
    """A holder that leaves within the grace is never asked to."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        task, leave = holder(locks, grace=LONG / 2)
        await turns()
        assert not lease.release_requested
    leave.set()
    await task


async def test_who_came_in_during_its_own_grace_is_not_asked_to_leave(locks: LockManager) -> None:
    """The newcomer does not ask itself: its lease is as good as one that was free."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0):
        task, leave = holder(locks, grace=LONG / 2)
        await turns()
    await turns()
    leave.set()
    assert not (await task).release_requested


async def test_after_the_grace_the_holder_is_asked(locks: LockManager) -> None:
    """When the grace is over the holder is asked; it leaves, and the newcomer comes in."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        guest = Guest()
        lease.attach(guest)
        task, leave = holder(locks, grace=SHORT)
        await guest.stopped.wait()
    leave.set()
    await task


@pytest.mark.parametrize("grace", [SHORT, 2 * SHORT])
async def test_a_grace_as_long_as_the_patience_disturbs_nobody(locks: LockManager, grace: float) -> None:
    """The sweeper waits like this: Busy when its time is over, and the holder never heard of it."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        with pytest.raises(Busy):
            async with locks.exclusive(KEY, grace_seconds=grace, patience_seconds=SHORT):
                pytest.fail("the upload is held")
        assert not lease.release_requested


async def test_first_come_first_go(locks: LockManager) -> None:
    """Those who wait come in by the order of their coming."""
    came: list[int] = []

    async def come(number: int) -> None:
        async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=LONG):
            came.append(number)

    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0):
        tasks = [asyncio.create_task(come(number)) for number in range(20)]
        await turns()
        assert came == []
    await asyncio.gather(*tasks)
    assert came == list(range(20))


async def test_who_comes_in_while_others_ask_is_asked_too(locks: LockManager) -> None:
    """The request to leave holds for everybody who is before the one that made it."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0):
        first, leave_first = holder(locks)
        await turns()
        second, leave_second = holder(locks)
        await turns()
    await turns()
    leave_first.set()
    leave_second.set()
    assert (await first).release_requested
    assert not (await second).release_requested


async def test_a_transfer_attached_after_the_request_is_stopped_at_once(locks: LockManager) -> None:
    """Between getting the lease and naming the transfer no request is missed."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        task, leave = holder(locks)
        await turns()
        guest = Guest()
        lease.attach(guest)
        assert guest.stopped.is_set()
    leave.set()
    await task


async def test_epochs_grow_over_all_leases(locks: LockManager) -> None:
    """Each lease has a larger epoch than every one before, whatever its kind, upload or fate."""
    epochs = []
    for key in (KEY, OTHER, KEY):
        async with locks.exclusive(key, grace_seconds=0, patience_seconds=0) as lease:
            epochs.append(lease.epoch)
        async with locks.shared(key, patience_seconds=0) as lease:
            epochs.append(lease.epoch)
    assert epochs == sorted(set(epochs))


async def test_epochs_go_on_above_those_of_the_rows() -> None:
    """After a restart the first lease is above every row's epoch, and never below what was given."""
    locks = MemoryLocks()
    locks.start_epochs_after(41)
    locks.start_epochs_after(7)
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        assert lease.epoch > 41


async def test_transfers_are_those_of_present_holders(locks: LockManager) -> None:
    """A question finds the live transfers, and none once the holder left."""
    assert list(locks.transfers(KEY)) == []
    async with locks.shared(KEY, patience_seconds=0) as one, locks.shared(KEY, patience_seconds=0):
        assert list(locks.transfers(KEY)) == []
        guest = Guest()
        one.attach(guest)
        assert list(locks.transfers(KEY)) == [guest]
        assert list(locks.transfers(OTHER)) == []
    assert list(locks.transfers(KEY)) == []


async def test_stopping_asks_present_and_future_holders(locks: LockManager) -> None:
    """At shutdown everybody is asked to leave, also who comes in later."""
    guest, late = Guest(), Guest()
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        lease.attach(guest)
        locks.stop_all()
        assert guest.stopped.is_set()
    async with locks.shared(OTHER, patience_seconds=0) as lease:
        lease.attach(late)
        assert late.stopped.is_set()


async def test_an_error_inside_gives_the_lease_back(locks: LockManager) -> None:
    """Whatever happens to the holder, the upload is free afterwards."""
    with pytest.raises(RuntimeError):
        async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0):
            raise RuntimeError
    async with locks.shared(KEY, patience_seconds=0):
        pass


Enter = Callable[[LockManager], Awaitable[None]]


async def _exclusive(locks: LockManager) -> None:
    async with locks.exclusive(KEY, grace_seconds=SHORT, patience_seconds=LONG):
        await asyncio.Event().wait()


async def _shared(locks: LockManager) -> None:
    async with locks.shared(KEY, patience_seconds=LONG):
        await asyncio.Event().wait()


@pytest.mark.parametrize("enter", [_exclusive, _shared])
@pytest.mark.parametrize("at", range(8))
async def test_a_cancelled_waiter_leaves_nothing_behind(locks: LockManager, enter: Enter, at: int) -> None:
    """Cancelled at any moment, also in the very tick in which it was let in, a waiter blocks nobody."""
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0):
        waiting = asyncio.ensure_future(enter(locks))
        await turns(at)
        if at % 2:
            waiting.cancel()
            await asyncio.wait([waiting])
    if not at % 2:
        # It was let in a moment ago and does not know yet.
        waiting.cancel()
        await asyncio.wait([waiting])
    assert waiting.cancelled()
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0) as lease:
        assert not lease.release_requested


async def test_nothing_is_kept_of_uploads_that_nobody_holds() -> None:
    """The table of rooms does not grow with the uploads of a life."""
    locks = MemoryLocks()
    async with locks.exclusive(KEY, grace_seconds=0, patience_seconds=0):
        with pytest.raises(Busy):
            async with locks.shared(KEY, patience_seconds=0):
                pytest.fail("the upload is held")
    assert locks._rooms == {}
