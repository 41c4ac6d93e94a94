"""Turns of the event loop, for tests in which nothing else tells that all has happened that can."""

import asyncio


async def turns(count: int = 20) -> None:
    """Let every task that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)
