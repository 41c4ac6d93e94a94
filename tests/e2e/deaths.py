"""Servers that die at a call of the operating system."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.faults.processes import ServerProcess
from tests.faults.strace import Strace

LOST = (ConnectionError, asyncio.IncompleteReadError)
"""What a client hears then."""


async def dies(server: ServerProcess, send: Callable[[ServerProcess], Awaitable[None]], trace: Strace) -> bool:
    """Send under a trace that kills; tell whether it did, and start the server again then."""
    try:
        async with trace:
            try:
                await send(server)
            except LOST:
                assert await server.ended() == -signal.SIGKILL
                await server.start()
                return True
    finally:
        trace.path.unlink(missing_ok=True)
    return False
