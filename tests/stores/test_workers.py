"""The threads that wait for the disk: few, in order, and never left alone with a file."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.stores.workers import Workers

PATIENCE = 20.0
"""Seconds after which a test fails instead of hanging."""


@pytest_asyncio.fixture
async def workers() -> AsyncIterator[Workers]:
    """Two threads."""
    workers = Workers(threads=2)
    yield workers
    await workers.close()


class Gate:
    """A call that lasts until the test lets it end."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.opened = threading.Event()
        self.ended = False

    def __call__(self) -> int:
        self.begun.set()
        assert self.opened.wait(PATIENCE)
        self.ended = True
        return threading.get_ident()

    async def reached(self) -> None:
        """Wait until a thread is in the call."""
        assert await asyncio.to_thread(self.begun.wait, PATIENCE)


async def test_calls_that_follow_one_another_stay_in_one_thread(workers: Workers) -> None:
    """A single writer is always served by the same thread, whatever ran beside it before."""
    gates = Gate(), Gate()
    running = [workers.submit(gate) for gate in gates]
    for gate in gates:
        await gate.reached()
        gate.opened.set()
    await asyncio.gather(*running)
    assert len({await workers.run(threading.get_ident) for _ in range(20)}) == 1


async def test_only_so_many_calls_run_at_a_time_and_the_others_in_their_order(workers: Workers) -> None:
    """Two threads run two calls; what waits begins when one of them ends, first come first."""
    gates = Gate(), Gate()
    order: list[int] = []
    running = [workers.submit(gate) for gate in gates]
    for gate in gates:
        await gate.reached()
    waiting = [workers.submit(order.append, number) for number in range(5)]
    await asyncio.sleep(0)
    assert order == []
    gates[1].opened.set()
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]
    assert not gates[0].ended
    gates[0].opened.set()
    assert len(set(await asyncio.gather(*running))) == 2


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancelled_caller_hears_of_it_when_the_call_has_ended(workers: Workers, times: int) -> None:
    """However often a caller is cancelled, it goes on only when no thread is in its call any more."""
    gate = Gate()
    calling = asyncio.create_task(workers.run(gate))
    await gate.reached()
    for _ in range(times):
        calling.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not calling.done()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert gate.ended


async def test_a_caller_that_gives_up_after_a_while_waits_for_the_end(workers: Workers) -> None:
    """A time limit is told when the call has ended, as TimeoutError."""
    gate = Gate()
    asyncio.get_running_loop().call_later(0.2, gate.opened.set)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await workers.run(gate)
    assert gate.ended


async def test_a_failing_call_whose_caller_was_cancelled_is_a_cancellation(workers: Workers) -> None:
    """What the call raises then is nobody's, and nothing complains that it was never seen."""
    gate = Gate()

    def fail() -> None:
        gate()
        raise OSError

    calling = asyncio.create_task(workers.run(fail))
    await gate.reached()
    calling.cancel()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_what_a_call_raises_comes_out(workers: Workers) -> None:
    """No room is DiskFull, other errors of the system are StorageFailed, and mistakes stay what they are."""

    def fail(error: BaseException) -> None:
        raise error

    for raised, expected in (
        (OSError(28, "No space left on device"), DiskFull),
        (OSError(5, "Input/output error"), StorageFailed),
        (ValueError("a mistake"), ValueError),
    ):
        with pytest.raises(expected):
            await workers.run(fail, raised)
    assert await workers.run(int, "7") == 7


async def test_closing_waits_for_every_call(workers: Workers) -> None:
    """Running and waiting calls end before the threads do; later ones are refused; closing again does nothing."""
    gates = Gate(), Gate(), Gate()
    running = [workers.submit(gate) for gate in gates]
    await gates[0].reached()
    closing = asyncio.create_task(workers.close())
    await asyncio.sleep(0)
    with pytest.raises(StorageFailed):
        await workers.submit(int)
    for gate in gates:
        assert not closing.done()
        gate.opened.set()
    await closing
    assert all(gate.ended for gate in gates)
    assert all(call.done() for call in running)
    assert not any(thread.name in {"disk-0", "disk-1"} for thread in threading.enumerate())
    await workers.close()


async def test_a_cancelled_close_ends_the_threads_all_the_same(workers: Workers) -> None:
    """Whoever closes and is cancelled hears of it when calls and threads have ended."""
    gate = Gate()
    running = workers.submit(gate)
    await gate.reached()
    closing = asyncio.create_task(workers.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.sleep(0)
    assert not closing.done()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert running.done()
    assert not any(thread.name == "disk-0" for thread in threading.enumerate())
