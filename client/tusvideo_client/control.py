"""What the holder of a running upload asks of it: to pause, to go on, or to remove what is stored."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

Sending: TypeAlias = "asyncio.Future[Any]"


class Control:
    """Lets the requests of one upload pass, or holds them back. For use in the upload's event loop only.

    Args:
        now: The clock that measures pauses.

    Attributes:
        terminates: A cancel shall also remove what the server stores.
        is_terminated: The server confirmed that it stores nothing any more.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.terminates = False
        self.is_terminated = False
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._now = now
        self._paused_at = self._paused_before = 0.0
        self._graces: dict[Sending, float] = {}
        self._ends: dict[Sending, asyncio.TimerHandle] = {}

    @property
    def is_paused(self) -> bool:
        """True while requests are held back."""
        return not self._is_open.is_set()

    @property
    def paused(self) -> float:
        """Seconds that all pauses took so far, with the one that lasts."""
        return self._paused_before + (self._now() - self._paused_at if self.is_paused else 0.0)

    def pause(self) -> None:
        """Hold back what comes next, and break off what sends a body, at once or after its grace; safe to repeat."""
        if self.is_paused:
            return
        self._is_open.clear()
        self._paused_at = self._now()
        for body, grace in self._graces.items():
            if grace > 0:
                self._ends[body] = body.get_loop().call_later(grace, body.cancel)
            else:
                body.cancel()

    def resume(self) -> None:
        """Let requests pass again, and those that still send go on; safe to repeat."""
        self._paused_before = self.paused
        self._is_open.set()
        for end in self._ends.values():
            end.cancel()
        self._ends.clear()

    async def passage(self) -> None:
        """Wait until requests may pass."""
        while self.is_paused:  # again, if a pause began before this task had its turn
            await self._is_open.wait()

    @contextmanager
    def breaks_off(self, body: Sending, *, grace: float = 0.0) -> Iterator[None]:
        """While this lasts, a pause cancels ``body`` if that has not ended ``grace`` seconds later."""
        self._graces[body] = grace
        try:
            yield
        finally:
            del self._graces[body]
            if (end := self._ends.pop(body, None)) is not None:
                end.cancel()
