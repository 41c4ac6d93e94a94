"""Time that a test moves by hand."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)


class HandClock:
    """Implements the Clock port; stands still until ``move``."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        until = self._passed + seconds
        while self._passed < until:
            await self._moved.wait()

    def move(self, seconds: float) -> None:
        """Let so many seconds pass, and wake those whose sleep is over."""
        self._passed += seconds
        self._moved.set()
        self._moved = asyncio.Event()
