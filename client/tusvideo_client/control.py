"""What the holder of a running upload asks of it: to pause, to go on, or to remove what is stored."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Control:
    """Lets the requests of one upload pass, or holds them back. For use in the upload's event loop only.

    Attributes:
        terminates: A cancel shall also remove what the server stores.
        is_terminated: The server confirmed that it stores nothing any more.
    """

    def __init__(self) -> None:
        self.terminates = False
        self.is_terminated = False
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._bodies: set[asyncio.Future[Any]] = set()

    @property
    def is_paused(self) -> bool:
        """True while requests are held back."""
        return not self._is_open.is_set()

    def pause(self) -> None:
        """Break off what sends a body, and hold back what comes next; safe to repeat."""
        self._is_open.clear()
        for body in self._bodies:
            body.cancel()

    def resume(self) -> None:
        """Let requests pass again; safe to repeat."""
        self._is_open.set()

    async def passage(self) -> None:
        """Wait until requests may pass."""
        await self._is_open.wait()

    @contextmanager
    def breaks_off(self, body: "asyncio.Future[Any]") -> Iterator[None]:
        """While this lasts, a pause cancels ``body``."""
        self._bodies.add(body)
        try:
            yield
        finally:
            self._bodies.discard(body)
