"""Content that tells whose it is and what every byte of it must be, from a seed alone."""

import random
import re
from typing import Final

_FTYP: Final = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
_TAG: Final = re.compile(rb"faults:([0-9a-f]{16}):(\d{10}):")
HEAD_BYTES: Final = 128
LEAST: Final = 4096
"""No content is shorter, so that each has a head to be known by."""


def make(seed: int, length: int) -> bytes:
    """Make a playable-looking mp4 of ``length`` bytes: a head that names seed and length, then keyed noise."""
    tag = b"faults:%016x:%010d:" % (seed, length)
    head = _FTYP + (length - len(_FTYP)).to_bytes(4, "big") + b"free" + tag
    return head + random.Random(seed).randbytes(length - len(head))


def whose(head: bytes) -> tuple[int, int] | None:
    """Tell (seed, length) from the first bytes of a file; None when it is none of ours."""
    found = _TAG.search(head[:HEAD_BYTES])
    return None if found is None else (int(found[1], 16), int(found[2]))


def first_difference(found: bytes, expected: bytes) -> int | None:
    """Tell the first position at which ``found`` differs from the beginning of ``expected``; None when nowhere."""
    if found == expected[: len(found)]:
        return None
    for position, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other:
            return position
    return len(expected)
