"""What is opened and closed in a thread, also when its owner is cancelled on the way."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def opened(begin: Callable[[], T], *, close: Callable[[T], object]) -> T:
    """What a thread opens; raises what ``begin`` raises. Safe to cancel: what is opened after that is closed.

    Args:
        begin: Called in a thread, to its end whatever happens here; it leaves nothing open if it raises.
        close: Called in the event loop, and only with what nobody got.
    """
    # No task: the end of the loop cancels tasks, but waits for its threads.
    opening = asyncio.get_running_loop().run_in_executor(None, begin)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(partial(_close_late, close))
        raise


async def closed(end: Callable[[], object]) -> None:
    """Close something in a thread. Safe to cancel: it is closed all the same, though nobody waits for it then.

    Args:
        end: Called in a thread, to its end whatever happens here.
    """
    # A bare thread's call is taken back by a cancel that comes before its turn.
    await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, end))


def _close_late(close: Callable[[T], object], opening: asyncio.Future[T]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        close(opening.result())
