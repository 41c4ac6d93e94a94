"""A place in a transaction where the test decides when it goes on."""

import asyncio
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """Stops the writing thread before it updates an upload."""

    reached: threading.Event
    opened: threading.Event

    def pass_through(self, statement: str) -> None:
        """Wait for the gate to open, if this statement is the one; runs on the writing thread."""
        if statement.startswith("UPDATE uploads"):
            self.reached.set()
            self.opened.wait(timeout=30)

    async def is_reached(self) -> None:
        """Wait until a transaction stands before the gate."""
        assert await asyncio.to_thread(self.reached.wait, 30)

    def open(self) -> None:
        """Let it go on, and all that come after it. Safe to repeat."""
        self.opened.set()
