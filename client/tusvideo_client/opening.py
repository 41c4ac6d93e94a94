"""What has to be opened in a thread and closed by its owner, also when the owner was cancelled before it had it."""

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


def _close_late(close: Callable[[T], object], opening: asyncio.Future[T]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        close(opening.result())
