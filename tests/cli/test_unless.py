"""Work that a stop may come before: recovery, as a server starts."""

import asyncio

import pytest

from tusvideo.errors import StorageFailed
from tusvideo.serving import unless


async def test_work_that_ends_first_gives_its_result() -> None:
    """Without a stop the work runs to its end."""

    async def work() -> int:
        return 7

    assert await unless(asyncio.Event(), work()) == 7


async def test_a_stop_that_comes_first_cancels_the_work() -> None:
    """With a stop the work is cancelled, and has ended when the call returns."""
    stop, ended = asyncio.Event(), asyncio.Event()

    async def work() -> int:
        stop.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()
        return 7

    assert await unless(stop, work()) is None
    assert ended.is_set()


async def test_work_that_fails_tells_its_error() -> None:
    """An error of the work is the caller's."""

    async def work() -> int:
        raise StorageFailed

    with pytest.raises(StorageFailed):
        await unless(asyncio.Event(), work())
