"""The system's clock; every other module asks the Clock port."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Time as the operating system tells it. Implements the Clock port."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
