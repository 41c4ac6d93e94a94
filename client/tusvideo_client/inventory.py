"""Which chunks of an upload are stored, and which are still to be sent. Pure."""

from collections import deque
from collections.abc import Iterable


class Inventory:
    """Which chunks of a file the server has, and which come next.

    Args:
        length: Bytes of the file.
        chunk_size: Bytes in every chunk but the last.
    """

    def __init__(self, length: int, *, chunk_size: int) -> None:
        self.length = length
        self.chunk_size = chunk_size
        self.total = -(-length // chunk_size)
        self.stored_bytes = 0
        self.todo: deque[int] = deque()
        self.reset(())

    def reset(self, stored: Iterable[int]) -> None:
        """Believe that exactly these chunks are stored."""
        known = {index for index in stored if 0 <= index < self.total}
        self.stored_bytes = sum(map(self.length_of, known))
        self.todo = deque(index for index in range(self.total) if index not in known)

    def reset_missing(self, missing: Iterable[int]) -> None:
        """Believe that exactly these chunks are not stored."""
        absent = set(missing)
        self.reset(index for index in range(self.total) if index not in absent)

    def store(self, index: int) -> None:
        """Book a chunk as stored; safe to repeat."""
        if index in self.todo:
            self.todo.remove(index)
            self.stored_bytes += self.length_of(index)

    def start_of(self, index: int) -> int:
        """Where a chunk begins in the file."""
        return index * self.chunk_size

    def length_of(self, index: int) -> int:
        """Bytes in a chunk."""
        return min(self.chunk_size, self.length - self.start_of(index))

    def whole_before(self, offset: int) -> int:
        """How many chunks end at or before ``offset``."""
        return self.total if offset >= self.length else offset // self.chunk_size
