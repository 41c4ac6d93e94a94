"""Turns at what does one thing at a time: users come round one after the other, however much each of them asks for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Lets one caller in at a time. Of those who wait each user has one turn before anybody has a second one."""

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Safe to cancel."""
        if self._is_taken:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(user, deque()).append(mine)
            try:
                await mine
            except asyncio.CancelledError:
                if not mine.cancelled():  # it was given a turn, and goes without it
                    self._pass_on()
                raise
        self._is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give the turn to the user who has waited the longest; one who wants more of them goes behind the others."""
        while self._waiting:
            user = next(iter(self._waiting))
            calls = self._waiting.pop(user)
            call = calls.popleft()
            if calls:
                self._waiting[user] = calls
            if not call.done():  # else it was cancelled
                call.set_result(None)
                return
        self._is_taken = False
