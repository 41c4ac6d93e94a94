"""What lets an mp4 play while it loads whose index lies behind its data: a beginning with the index, for the same file.

``python -I -m tusvideo.media.faststart FD`` reads heads and index of the file that it inherits, nothing else, and tells
a new beginning on stdout: three numbers, then its bytes. The file stays as it is; who plays it is given the beginning,
then the rest of the file without the index there. Data is neither read nor changed, only where it is said to lie.

Spec: ISO/IEC 14496-12 § 6.2.3 (order), § 8.7.5 (``stco``, ``co64``).
"""

import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final

from tusvideo.media.boxes import HEAD_BYTES, Box, NotBoxesError, boxes
from tusvideo.media.confine import confine, shut
from tusvideo.video import Beginning

MAX_INDEX_BYTES: Final = 32 * 1024 * 1024
"""An index of a whole day has as much; a larger one is left where it is."""
MAX_BEGINNING_BYTES: Final = 64 * 1024
"""What may stand before the index: the box that names the kind of the file."""
HEAD: Final = struct.Struct(">3Q")
"""What is told before the beginning: where the file goes on, and from where to where it is left out."""

_FULL_HEAD: Final = 4
_COUNT: Final = 4
_LARGEST: Final = 2**32 - 1
_BLOCK: Final = 16 * 1024
"""Entries that are moved at once, so that memory stays small."""
_WIDTHS: Final = {b"stco": 4, b"co64": 8}
_FORMATS: Final = {4: "I", 8: "Q"}
_WAYS: Final = {b"moov": {b"trak"}, b"trak": {b"mdia"}, b"mdia": {b"minf"}, b"minf": {b"stbl", b"dinf"}}
"""From the index down to the tables, and to what tells in which file the data lies."""
_FOREIGN_TOP: Final = frozenset({b"moof", b"sidx", b"ssix", b"mfra", b"meta", b"prft"})
"""Fragments, and boxes that may have places of their own in them."""
_FOREIGN: Final = frozenset({b"mvex", b"cmov", b"rmra", b"saio", b"iloc"})
"""Fragments, a packed index, other films, and places that no table has."""
_SELF_CONTAINED: Final = 1


class LeftAloneError(ValueError):
    """The file has something that is not ours to move, or is not as its like should be."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of places, and the boxes around it."""

    box: Box
    around: tuple[Box, ...]
    width: int
    count: int

    @property
    def entries(self) -> int:
        """Where the first place stands."""
        return self.box.start + self.box.head + _FULL_HEAD + _COUNT


def main(arguments: list[str]) -> int:
    """Tell the beginning of the file, or nothing where there is none to be made."""
    fd = int(arguments[0])
    confine()
    shut(highest=fd)
    with os.fdopen(fd, "rb") as file:
        try:
            made = beginning_of(file, size=os.fstat(fd).st_size)
        except (LeftAloneError, NotBoxesError):
            return 0
    sys.stdout.buffer.write(HEAD.pack(made.start, made.gap_start, made.gap_stop) + made.content)
    sys.stdout.buffer.flush()
    return 0


def beginning_of(file: BinaryIO, *, size: int) -> Beginning:
    """Make the beginning with which a file of ``size`` bytes plays while it loads; memory is bounded by its index.

    Raises LeftAloneError when the index is in front already, too large, packed or in fragments, or names places that
    are not in the data; NotBoxesError when it is damaged.
    """
    top = list(boxes(file, start=0, stop=size))
    indexes = [box for box in top if box.kind == b"moov"]
    data = next((box for box in top if box.kind == b"mdat"), None)
    if len(indexes) != 1 or data is None or _FOREIGN_TOP & {box.kind for box in top}:
        raise LeftAloneError
    (index,) = indexes
    start = top[0].stop if top[0].kind == b"ftyp" else 0
    if index.start < data.start or index.size > MAX_INDEX_BYTES or start > MAX_BEGINNING_BYTES:
        raise LeftAloneError
    kept = _read(file, 0, start)
    content = _read(file, index.start + index.head, index.size - index.head)
    return Beginning(
        content=kept + _moved_index(content, start=start, old=index, size=size),
        start=start,
        gap_start=index.start,
        gap_stop=index.stop,
    )


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    found = file.read(size)
    if len(found) < size:
        raise NotBoxesError
    return found


def _moved_index(content: bytes, *, start: int, old: Box, size: int) -> bytes:
    """Give the index as a box that stands at ``start``; ``content`` is that of the old one."""
    reader = BytesIO(content)
    whole = Box(kind=b"moov", start=0, size=len(content), head=0)
    tables = sorted(_tables(reader, whole, ()), key=lambda table: table.box.start)
    new_size = HEAD_BYTES + len(content)
    growth = sum(table.count * 4 for table in tables if table.width == 4)  # noqa: PLR2004  # to eight bytes each
    places = _mover(start=start, old=old, size=size, new_size=new_size)
    grows = any(_is_beyond(content, table, places) for table in tables)
    if grows:
        new_size += growth
        places = _mover(start=start, old=old, size=size, new_size=new_size)
    return new_size.to_bytes(4) + b"moov" + _with_tables(content, tables, places=places, grows=grows)


def _mover(*, start: int, old: Box, size: int, new_size: int) -> Callable[[int], int]:
    def moved(place: int) -> int:
        if start <= place < old.start:
            return place + new_size
        if old.stop <= place < size:
            return place + new_size - old.size
        raise LeftAloneError

    return moved


def _tables(reader: BinaryIO, box: Box, around: tuple[Box, ...]) -> Iterator[_Table]:
    """Find the tables of places in an index; judge on the way whether it may be moved at all."""
    inside = (*around, box) if box.head else around
    for child in boxes(reader, start=box.start + box.head, stop=box.stop):
        if child.kind in _FOREIGN or _ends_with_the_file(reader, child):
            raise LeftAloneError
        if child.kind in {b"meta", b"udta"} and b"iloc" in _read(reader, child.start, child.size):
            raise LeftAloneError
        if child.kind == b"dref":
            _judge_references(reader, child)
        elif child.kind in _WIDTHS:
            yield _table(reader, child, inside)
        elif child.kind in _WAYS.get(box.kind, ()):
            yield from _tables(reader, child, inside)


def _ends_with_the_file(reader: BinaryIO, box: Box) -> bool:
    return not any(_read(reader, box.start, 4))


def _judge_references(reader: BinaryIO, box: Box) -> None:
    """Places in another file are none of ours."""
    for entry in boxes(reader, start=box.start + box.head + _FULL_HEAD + _COUNT, stop=box.stop):
        if not _read(reader, entry.start + entry.head, _FULL_HEAD)[-1] & _SELF_CONTAINED:
            raise LeftAloneError


def _table(reader: BinaryIO, box: Box, around: tuple[Box, ...]) -> _Table:
    width = _WIDTHS[box.kind]
    if box.size - box.head < _FULL_HEAD + _COUNT:
        raise NotBoxesError
    count = int.from_bytes(_read(reader, box.start + box.head + _FULL_HEAD, _COUNT))
    if box.size - box.head != _FULL_HEAD + _COUNT + count * width:
        raise NotBoxesError
    return _Table(box=box, around=around, width=width, count=count)


def _blocks(content: bytes, table: _Table) -> Iterator[tuple[int, ...]]:
    for first in range(0, table.count, _BLOCK):
        count = min(_BLOCK, table.count - first)
        yield struct.unpack_from(f">{count}{_FORMATS[table.width]}", content, table.entries + first * table.width)


def _is_beyond(content: bytes, table: _Table, places: Callable[[int], int]) -> bool:
    """Tell whether a place does not fit any more; every place is judged."""
    beyond = False
    for block in _blocks(content, table):
        beyond |= max(map(places, block)) > _LARGEST
    return beyond and table.width == 4  # noqa: PLR2004  # eight bytes take any


def _with_tables(content: bytes, tables: list[_Table], *, places: Callable[[int], int], grows: bool) -> bytes:
    """Write all tables anew; if they grow, in eight bytes each, and the boxes around them with their new sizes."""
    head = bytearray(content)
    if grows:
        for table in tables:
            for box in table.around if table.width == 4 else ():  # noqa: PLR2004  # as above
                _grow(head, box, by=table.count * 4)
    written, done = bytearray(), 0
    for table in tables:
        width = 8 if grows else table.width
        written += head[done : table.box.start]
        size = HEAD_BYTES + _FULL_HEAD + _COUNT + table.count * width
        if width == table.width:
            written += head[table.box.start : table.entries]
        else:
            written += size.to_bytes(4) + b"co64" + head[table.box.start + table.box.head : table.entries]
        for block in _blocks(content, table):
            written += struct.pack(f">{len(block)}{_FORMATS[width]}", *map(places, block))
        done = table.box.stop
    return bytes(written + head[done:])


def _grow(head: bytearray, box: Box, *, by: int) -> None:
    at, width = (box.start, 4) if box.head == HEAD_BYTES else (box.start + HEAD_BYTES, 8)
    head[at : at + width] = (int.from_bytes(head[at : at + width]) + by).to_bytes(width)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
