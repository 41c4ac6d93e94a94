"""Ctrl-C and SIGTERM: the first one lets a command save its state, the second one ends the process."""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from .exits import SIGNAL_CODES


class Interrupt:
    """The signal that asked this run to stop, if one did."""

    def __init__(self) -> None:
        self.exit_code: int | None = None


def run_interruptible(task: Callable[[Interrupt], Awaitable[int]]) -> int:
    """Run a coroutine in a loop of its own until it ends or a signal cancels it; gives its exit code, or the signal's.

    Args:
        task: Makes the coroutine. It may catch the cancellation to tell how to go on.
    """

    async def run() -> int:
        interrupt = Interrupt()
        with _signals_cancel(interrupt):
            try:
                return await task(interrupt)
            except asyncio.CancelledError:
                if interrupt.exit_code is None:
                    raise
                return interrupt.exit_code

    return asyncio.run(run())


@contextmanager
def _signals_cancel(interrupt: Interrupt) -> Iterator[None]:
    """The first SIGINT or SIGTERM cancels this task, so that it saves its state; the second one ends the process."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32" or task is None:
        yield
        return

    def stop(code: int) -> None:
        if interrupt.exit_code is not None:
            os._exit(code)
        interrupt.exit_code = code
        task.cancel()

    for number, code in SIGNAL_CODES.items():
        loop.add_signal_handler(number, stop, code)
    try:
        yield
    finally:
        for number in SIGNAL_CODES:
            loop.remove_signal_handler(number)
