"""What an upload is made of: the one shape that files, bytes in memory and streams have for those who send them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from .checksum import Running
from .fingerprint import Fingerprint

READ_AT_ONCE = 1024 * 1024


class Content(Protocol):
    """The bytes of one upload. Whatever is read belongs to one version of them, or an error says that it does not."""

    @property
    def label(self) -> str:
        """What messages call it."""
        ...

    @property
    def path(self) -> Path | str:
        """What the journal knows it by: a real path, or a word with a colon and what is special about it."""
        ...

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes this version different from another one."""
        ...

    @property
    def size(self) -> int | None:
        """Length in bytes; None while it is not known."""
        ...

    @property
    def is_once(self) -> bool:
        """True if no later call can give the same bytes again."""
        ...

    def resumes(self, kept: Fingerprint) -> bool:
        """True if an upload that began with this fingerprint can go on with these bytes."""
        ...

    def check(self) -> None:
        """Make sure, at the cost of next to nothing, that it is still the same version."""
        ...

    async def ready(self, start: int, *, tell: Callable[[], None]) -> int:
        """Up to where bytes can be read: past ``start``, or else that is the end, and ``size`` is known from now on.

        Waits for bytes that are still to come, and calls ``tell`` when it does.
        """
        ...

    def settle(self, offset: int) -> None:
        """The server has what lies before ``offset``, and is sent next what follows."""
        ...

    async def read(self, start: int, *, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``."""
        ...

    async def feed(self, running: Running, start: int, *, end: int) -> None:
        """Let a running checksum take the bytes from ``start`` up to ``end``, in a thread."""
        ...

    def pieces(self, start: int, *, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to ``end``, in pieces."""
        ...

    async def close(self) -> None:
        """Let go of it; safe to repeat."""
        ...


async def feed_by_reading(content: Content, running: Running, start: int, *, end: int) -> None:
    """The way to :meth:`Content.feed` where there is no better one."""
    while start < end:
        data = await content.read(start, size=min(READ_AT_ONCE, end - start))
        await asyncio.to_thread(running.update, data)
        start += len(data)
