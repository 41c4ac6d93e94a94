"""What an upload is made of: the one shape that files, bytes in memory and streams have for those who send them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from .fingerprint import Fingerprint


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
    def size(self) -> int:
        """Length in bytes."""
        ...

    def check(self) -> None:
        """Make sure, at the cost of next to nothing, that it is still the same version."""
        ...

    async def read(self, start: int, *, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``."""
        ...

    def pieces(self, start: int, *, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to ``end``, in pieces."""
        ...

    async def close(self) -> None:
        """Let go of it; safe to repeat."""
        ...
