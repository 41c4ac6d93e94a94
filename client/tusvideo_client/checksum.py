"""Checksums of what is sent and of what is stored: what they are called, and what computes them. Pure.

CRC-32C is there where the extra ``crc32c`` is installed and brings its code in C.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import ModuleType
from typing import Final, Protocol

try:
    import google_crc32c
except ImportError:
    google_crc32c = None  # type: ignore[assignment]  # the extra is not installed

SHA256: Final = "sha256"
SHA_256, CRC32C = "sha-256", "crc32c"
CRC_BYTES: Final = 4


class Running(Protocol):
    """The checksum of bytes that are still coming."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes. Lets other threads run meanwhile if there are many."""
        ...

    def digest(self) -> bytes:
        """The checksum of what came so far."""
        ...


class Crc:
    """A cyclic redundancy check of 32 bits as four bytes, the most significant first."""

    def __init__(self, extend: Callable[[bytes, int], int]) -> None:
        self._extend = extend
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""
        self._value = self._extend(data, self._value)

    def digest(self) -> bytes:
        """The checksum of what came so far."""
        return self._value.to_bytes(CRC_BYTES, "big")


ALGORITHMS: Final[Mapping[str, Callable[[], Running]]] = {
    SHA256: hashlib.sha256,
    "sha512": hashlib.sha512,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "md5": partial(hashlib.md5, usedforsecurity=False),
    "crc32": partial(Crc, zlib.crc32),
}
"""By the name that tus gives it, the one that is liked most first."""


def digests(crc32c: ModuleType | None) -> Mapping[str, Callable[[], Running]]:
    """What the digest of stored bytes can be compared by with this module for CRC-32C, or without one.

    Nobody is meant to forge what is compared: what must be found is damage, and 32 bits find it in a 14th of the time.
    """
    if crc32c is None or crc32c.implementation != "c":
        return {SHA_256: hashlib.sha256}
    return {CRC32C: partial(Crc, lambda data, value: int(crc32c.extend(value, data))), SHA_256: hashlib.sha256}


DIGESTS: Final = digests(google_crc32c)
"""By the name that the registry of digest fields gives it, the cheapest first."""


def choose(announced: Iterable[str], *, among: Iterable[str] = ALGORITHMS) -> str | None:
    """The one to use of those that a server announces, or None if it computes none that is computed here.

    Spec: tus 1.0.0 § Checksum / Headers / Tus-Checksum-Algorithm
    """
    told = {name.lower() for name in announced}
    return next((name for name in among if name in told), None)
