"""A ring of bounded size for bytes that must not be forgotten yet; in a temporary file, so that memory stays free."""

import os
import sys
import tempfile
import threading
from typing import BinaryIO, Self

from .errors import LocalFileError


class Spool:
    """The bytes from ``first`` up to ``end`` of something longer.

    Make it with :meth:`open`; close it when done. Safe to use from several threads.
    """

    def __init__(self, file: BinaryIO, *, capacity: int) -> None:
        self.capacity = capacity
        self.first = 0
        self.end = 0
        self._file = file
        self._lock = threading.Lock()

    @classmethod
    def open(cls, capacity: int) -> Self:
        """Make an empty one, its room reserved on disk; nobody else can open its file, and it leaves none behind.

        Raises:
            LocalFileError: The disk has no room for it.
        """
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed by close()
        try:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, capacity)
        except OSError as error:
            file.close()
            message = f"a spool of {capacity} bytes has no room in {tempfile.gettempdir()}: {error.strerror or error}"
            raise LocalFileError(message, hint="make room, point TMPDIR elsewhere, or take a smaller spool") from error
        return cls(file, capacity=capacity)

    @property
    def room(self) -> int:
        """How many more bytes it takes."""
        return self.capacity - (self.end - self.first)

    def write(self, data: memoryview) -> None:
        """Take bytes at the end.

        Raises:
            ValueError: There is no room for all of them.
            OSError: The disk refused.
        """
        with self._lock:
            if len(data) > self.room:
                message = f"{len(data)} bytes do not fit: expected at most {self.room}"
                raise ValueError(message)
            at = self.end % self.capacity
            for part in (data[: self.capacity - at], data[self.capacity - at :]):
                self._file.seek(self.end % self.capacity)
                done = 0
                while done < len(part):
                    done += self._file.write(part[done:])
                self.end += len(part)

    def read(self, start: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``.

        Raises:
            ValueError: They are not all here, or it is closed.
            OSError: The disk refused.
        """
        with self._lock:
            if not self.first <= start <= start + size <= self.end:
                message = f"bytes {start} to {start + size} are not here: expected from {self.first} up to {self.end}"
                raise ValueError(message)
            data = bytearray()
            while len(data) < size:
                at = (start + len(data)) % self.capacity
                self._file.seek(at)
                data += self._file.read(min(size - len(data), self.capacity - at))
            return bytes(data)

    def free(self, offset: int) -> None:
        """Forget the bytes before ``offset``."""
        with self._lock:
            self.first = max(self.first, min(offset, self.end))

    def close(self) -> None:
        """Give the room back; safe to repeat."""
        with self._lock:
            self._file.close()
