"""The boxes of an ISO base media file (mp4, mov, m4v, 3gp), as far as their order matters; reads heads only.

Spec: ISO/IEC 14496-12 § 4.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

MAX_BOXES: Final = 10_000
"""So many boxes of one level are looked at; a file with more has been made to keep its readers busy."""
HEAD_BYTES: Final = 8
LARGE_HEAD_BYTES: Final = 16
_LARGE: Final = 1
"""The size field of a box whose size stands behind its type."""
_TO_THE_END: Final = 0
"""The size field of a last box that ends with the file."""


class NotBoxesError(ValueError):
    """The bytes are not boxes, one behind the other; a file that was cut is not, either."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its four letters, where it begins, and its bytes, head included."""

    kind: bytes
    start: int
    size: int
    head: int

    @property
    def stop(self) -> int:
        """Where the next one begins."""
        return self.start + self.size


def boxes(file: BinaryIO, *, start: int, stop: int) -> Iterator[Box]:
    """Walk through the boxes in [start, stop). Raises NotBoxesError at the first that does not fit in."""
    position = start
    for _ in range(MAX_BOXES):
        if position >= stop:
            return
        box = _box_at(file, position, stop=stop)
        yield box
        position = box.stop
    raise NotBoxesError


def is_faststart(file: BinaryIO, *, size: int) -> bool | None:
    """Tell whether the index (``moov``) comes before the data (``mdat``), so that a file plays while it loads.

    None when the walk through the boxes of the first level finds neither of them. Both have to be there whole only as
    far as they are needed: what comes behind the first of them is not looked at.
    """
    try:
        for box in boxes(file, start=0, stop=size):
            if box.kind in {b"moov", b"mdat"}:
                return box.kind == b"moov"
    except NotBoxesError:
        return None
    return None


def _box_at(file: BinaryIO, position: int, *, stop: int) -> Box:
    file.seek(position)
    head = file.read(min(LARGE_HEAD_BYTES, stop - position))
    if len(head) < HEAD_BYTES:
        raise NotBoxesError
    size, kind, length = int.from_bytes(head[:4]), head[4:8], HEAD_BYTES
    if size == _LARGE:
        if len(head) < LARGE_HEAD_BYTES:
            raise NotBoxesError
        size, length = int.from_bytes(head[8:16]), LARGE_HEAD_BYTES
    elif size == _TO_THE_END:
        size = stop - position
    if size < length or position + size > stop:
        raise NotBoxesError
    return Box(kind=kind, start=position, size=size, head=length)
