"""The system's clock; every other module asks the Clock port."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Time as the operating system tells it. Implements the Clock port."""

    def now(self) -> datetime:
        # Whole milliseconds, as a row has them: so a row is what was written, and need not be read back.
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
