"""Checksums that requests can carry: what tus calls them, and what computes them. Pure."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, Protocol

SHA256: Final = "sha256"
CRC_BYTES: Final = 4


class Running(Protocol):
    """The checksum of bytes that are still coming."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes. Lets other threads run meanwhile if there are many."""
        ...

    def digest(self) -> bytes:
        """The checksum of what came so far."""
        ...


class Crc32:
    """CRC-32 as four bytes, the most significant first."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """The checksum of what came so far."""
        return self._value.to_bytes(CRC_BYTES, "big")


ALGORITHMS: Final[Mapping[str, Callable[[], Running]]] = {
    SHA256: hashlib.sha256,
    "sha512": hashlib.sha512,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "md5": partial(hashlib.md5, usedforsecurity=False),
    "crc32": Crc32,
}
"""By the name that tus gives it, the one that is liked most first."""


def choose(announced: Iterable[str], *, among: Iterable[str] = ALGORITHMS) -> str | None:
    """The one to use of those that a server announces, or None if it computes none that is computed here.

    Spec: tus 1.0.0 § Checksum / Headers / Tus-Checksum-Algorithm
    """
    told = {name.lower() for name in announced}
    return next((name for name in among if name in told), None)
