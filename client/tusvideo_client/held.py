"""Bytes that the caller holds: in memory, or behind a file object that can seek.

They have no path and no date, so they are known by their digest: the same bytes under the same name are the same
upload, in this process or in a later one.
"""

import asyncio
import hashlib
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Self

from .checksum import Running
from .content import feed_by_reading
from .errors import FileChangedError, LocalFileError
from .fingerprint import Fingerprint, Identity
from .opening import closed
from .state import MIB

Buffer = bytes | bytearray | memoryview
ReadAt = Callable[[int, int], bytes]

BLOCK = MIB
PIECE = 64 * 1024


class Held:
    """Bytes whose every block is proven, when it is read, to be the one that the digest was taken of.

    Make it with :meth:`of_bytes` or :meth:`of_file`; close it when done.
    """

    is_once = False

    def __init__(
        self, read_at: ReadAt, *, label: str, size: int, give_back: Callable[[], None], is_fixed: bool = False
    ) -> None:
        self.label = label
        self.size = size
        self._read_at = read_at
        self._give_back = give_back
        self._is_fixed = is_fixed
        self._digests: list[bytes] = []
        self._whole = hashlib.sha256()

    @classmethod
    async def of_bytes(cls, data: Buffer) -> Self:
        """Hold bytes, without a copy. A bytearray keeps its length meanwhile; a change of its bytes is noticed.

        Raises:
            LocalFileError: It is a memoryview with gaps.
        """
        try:
            view = memoryview(data).cast("B")
        except TypeError as error:
            message = f"these bytes cannot be sent: {error}"
            raise LocalFileError(message, hint="give bytes that lie one after the other") from error
        held = cls(
            lambda start, size: bytes(view[start : start + size]),
            label="the bytes in memory",
            size=len(view),
            give_back=view.release,
            is_fixed=isinstance(data, bytes),
        )
        await held.learn()
        return held

    @classmethod
    async def of_file(cls, file: BinaryIO) -> Self:
        """Hold what a file object gives from its position to its end. Closing puts the position back, no more.

        Raises:
            LocalFileError: It cannot be read, or gives text.
        """
        label = (
            f"the file object {name!r}" if isinstance(name := getattr(file, "name", None), str) else "the file object"
        )
        lock = threading.Lock()

        def measure() -> tuple[int, int]:
            """Leaves the position as it was: whoever is cancelled meanwhile has it back like that."""
            with _as_local_error(label):
                at, size = file.tell(), file.seek(0, io.SEEK_END)
                file.seek(at)
                return at, size

        def read_at(start: int, size: int) -> bytes:
            """Seek and read as one step: a read that was given up may still run in its thread."""
            with lock, _as_local_error(label):
                file.seek(first + start)
                data = file.read(size)
                _judge_bytes(data, label=label)
                while len(data) < size and (more := file.read(size - len(data))):
                    data += more
                return data

        def give_back() -> None:
            with lock, suppress(OSError, ValueError):
                file.seek(first)

        first, end = await asyncio.to_thread(measure)
        held = cls(read_at, label=label, size=max(0, end - first), give_back=give_back)
        try:
            await held.learn()
        except BaseException:
            await held.close()
            raise
        return held

    async def learn(self) -> None:
        """Read everything once: its digest is its name. Done by those who make it, before anything else.

        Raises:
            LocalFileError: It cannot be read.
        """
        self._digests.clear()
        self._whole = hashlib.sha256()
        for start in range(0, self.size, BLOCK):
            data = await asyncio.to_thread(self._read_at, start, min(BLOCK, self.size - start))
            self._digests.append(await asyncio.to_thread(_digest_of, data))
            self._whole.update(self._digests[-1])

    @property
    def path(self) -> str:
        """The word ``held`` and the digest."""
        return f"held:{self._whole.hexdigest()}"

    @property
    def fingerprint(self) -> Fingerprint:
        """Length and digest."""
        return Fingerprint(identity=Identity(size=self.size, mtime_ns=0, inode=0), probe=self._whole.hexdigest())

    def resumes(self, kept: Fingerprint) -> bool:
        """True if nothing has changed."""
        return kept == self.fingerprint

    async def ready(self, start: int, *, tell: Callable[[], None]) -> int:  # noqa: ARG002  # the signature of Content
        """Everything, at once."""
        return self.size

    def settle(self, offset: int) -> None:
        """Nothing to do: all of it can be read again."""

    def check(self) -> None:
        """Nothing can be told without reading; every read proves what it gives."""

    async def read(self, start: int, *, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``, proven to be those that the digest was taken of.

        Safe to cancel: the read may go on in its thread, and does not disturb the next one.

        Raises:
            FileChangedError: They are others now, or fewer.
            LocalFileError: The file object refused.
        """
        return await asyncio.to_thread(self._read, start, size)

    def _read(self, start: int, size: int) -> bytes:
        end = start + size
        if self._is_fixed:
            return self._read_at(start, size)
        blocks = [self._proven_block(at // BLOCK) for at in range(start - start % BLOCK, end, BLOCK)]
        return b"".join(blocks)[start % BLOCK : start % BLOCK + size]

    def _proven_block(self, index: int) -> bytes:
        data = self._read_at(index * BLOCK, min(BLOCK, self.size - index * BLOCK))
        if _digest_of(data) != self._digests[index]:
            message = f"{self.label} changed while it was being uploaded"
            raise FileChangedError(message, hint="call again when it is finished; the upload will start anew")
        return data

    async def feed(self, running: Running, start: int, *, end: int) -> None:
        """Let a running checksum take the bytes from ``start`` up to ``end``; raises what :meth:`read` raises."""
        await feed_by_reading(self, running, start, end=end)

    async def pieces(self, start: int, *, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to ``end``: small pieces, so that movement shows early on a slow link."""
        while start < end:
            size = min(BLOCK - start % BLOCK, end - start)
            data = await self.read(start, size=size)
            for at in range(0, size, PIECE):
                yield data[at : at + PIECE]
            start += size

    async def close(self) -> None:
        """Put the position of a file object back; it stays open. Safe to repeat."""
        await closed(self._give_back)


@contextmanager
def _as_local_error(label: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: it is closed
        message = f"{label} cannot be read: {error}"
        raise LocalFileError(message, hint="give it open, and in binary mode") from error


def _digest_of(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _judge_bytes(data: object, *, label: str) -> None:
    if not isinstance(data, bytes):
        message = f"{label} gives {type(data).__name__}; expected bytes"
        raise LocalFileError(message, hint="open it in binary mode, as 'rb'")
