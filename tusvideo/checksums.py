"""Checksums of runs of bytes: the algorithms that tus names, and what it takes to compare.

CRC-32C is there where the extra ``crc32c`` is installed and brings its code in C: in Python alone it would hold
everybody up.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Final, Protocol

from tusvideo.errors import ChecksumMismatch

try:
    import google_crc32c
except ImportError:
    google_crc32c = None  # type: ignore[assignment]  # the extra is not installed

CRC_BYTES: Final = 4
BESIDE_BYTES: Final = 64 * 1024
"""More bytes than these are better computed in a thread, beside what is done with them; fewer take longer that way."""


class Running(Protocol):
    """The checksum of bytes that are still coming."""

    def update(self, buffer: bytes | memoryview, /) -> None:
        """Take the next bytes into account. Lets other threads run meanwhile if there are many."""

    def digest(self) -> bytes:
        """Give the checksum of what came so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """A way to compute a checksum, and how many bytes that has."""

    size: int
    begin: Callable[[], Running]


class _Crc:
    """A cyclic redundancy check of 32 bits as four bytes, the most significant first."""

    def __init__(self, extend: Callable[[bytes | memoryview, int], int]) -> None:
        self._extend = extend
        self._value = 0

    def update(self, buffer: bytes | memoryview, /) -> None:
        self._value = self._extend(buffer, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(CRC_BYTES, "big")


def algorithms(crc32c: ModuleType | None) -> Mapping[str, Algorithm]:
    """Give what can be computed with this module for CRC-32C, or without one."""
    found = {
        "md5": Algorithm(size=16, begin=partial(hashlib.md5, usedforsecurity=False)),
        "sha1": Algorithm(size=20, begin=partial(hashlib.sha1, usedforsecurity=False)),
        "sha256": Algorithm(size=32, begin=hashlib.sha256),
        "sha512": Algorithm(size=64, begin=hashlib.sha512),
        "crc32": Algorithm(size=CRC_BYTES, begin=partial(_Crc, zlib.crc32)),
    }
    if crc32c is not None and crc32c.implementation == "c":
        # It takes nothing but bytes; to copy them costs a fraction of what their way to the disk does.
        found["crc32c"] = Algorithm(
            size=CRC_BYTES, begin=partial(_Crc, lambda buffer, value: crc32c.extend(value, bytes(buffer)))
        )
    return MappingProxyType(found)


ALGORITHMS: Final = algorithms(google_crc32c)
"""What this server computes, by the name that tus gives it."""


DIGEST_NAMES: Final[Mapping[str, str]] = MappingProxyType({"sha-256": "sha256", "sha-512": "sha512"})
"""The algorithms that digest fields (RFC 9530 §7.2) name and that are not deprecated, and how they are called here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What the bytes of a request are said to amount to; ``algorithm`` is a key of ``ALGORITHMS``."""

    algorithm: str
    digest: bytes

    def begin(self) -> Running:
        """Start to compute what ``verify`` compares."""
        return ALGORITHMS[self.algorithm].begin()

    def verify(self, came: Running) -> None:
        """Raise ChecksumMismatch unless the bytes that came have this checksum."""
        got = came.digest()
        if got != self.digest:
            raise ChecksumMismatch("body", expected=_shown(self.digest), got=_shown(got))


def _shown(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
