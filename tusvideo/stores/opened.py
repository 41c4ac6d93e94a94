"""Files of the disk store that are open: one that is written, one that waits without a name, one that was published."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from tusvideo.errors import StorageFailed
from tusvideo.stores import files
from tusvideo.stores.workers import Handle, Workers
from tusvideo.streams import ReadableBuffer, Tap

STAGED_BLOCK: Final = 1024 * 1024
PUBLISHED_BLOCK: Final = 256 * 1024
WRITE_OUT_BYTES: Final = 16 * 1024 * 1024
"""After so many bytes without a sync the disk is told to begin. Twice what lies between two checkpoints: those of the
level ``strict`` do the same and more."""
SENT_BLOCK: Final = 16 * 1024 * 1024

Sync = Callable[[int], None]
"""``sync_data`` for one staging file."""


class DiskWriter:
    """See Writer."""

    def __init__(self, handle: Handle, *, position: int, sync: Sync) -> None:
        self._handle = handle
        self._position = position
        self._sync_data = sync
        self._writing = asyncio.Lock()
        self._syncing = asyncio.Lock()
        self._is_dead = False
        self._begun = position
        """Up to here the disk was told to write."""
        self._beginning: asyncio.Future[None] | None = None

    @property
    def position(self) -> int:
        return self._position

    async def write(self, buffer: ReadableBuffer) -> None:
        async with self._writing:
            if self._is_dead:
                raise StorageFailed
            await self._handle.run(files.write_all, buffer, self._position)
            self._position += len(buffer)
        self._write_out()

    async def draw(self, tap: Tap, *, most: int) -> int:
        async with self._writing:
            if self._is_dead:
                raise StorageFailed
            size, error = await self._handle.draw(tap, position=self._position, most=most)
            self._position += size
        if error is not None:
            raise files.failure(error) from error
        self._write_out()
        return size

    async def flush(self) -> int:
        return self._position

    async def cut(self, position: int) -> None:
        async with self._writing:
            if self._is_dead:
                raise StorageFailed
            await self._handle.run(files.truncate, position)
            self._position = position

    async def sync(self) -> int:
        # One after the other: the kernel tells of an error once, and of two calls at a time only one would hear it.
        async with self._syncing:
            if self._is_dead:
                raise StorageFailed
            position = self._begun = self._position
            await self._handle.run(self._sync)
            return position

    async def close(self) -> None:
        await self._handle.close()

    def _write_out(self) -> None:
        """Keep what the last sync will find small: publishing waits for it, and a disk that only begins to write when
        the last byte has come makes its sender wait as long again (decisions/0021)."""
        if self._position - self._begun < WRITE_OUT_BYTES or self._syncing.locked():
            return
        if self._beginning is None or self._beginning.done():
            start, self._begun = self._begun, self._position
            self._beginning = self._handle.begin(files.begin_write_out, start=start, size=self._begun - start)

    def _sync(self, fd: int) -> None:
        try:
            self._sync_data(fd)
        except StorageFailed:
            self._is_dead = True  # said here, in the thread, because the caller may be cancelled and never hear of it
            raise


class DiskSpool:
    """See Spool."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._size = 0
        self._writing = asyncio.Lock()

    @property
    def size(self) -> int:
        return self._size

    async def write(self, buffer: bytes) -> None:
        async with self._writing:
            await self._handle.run(files.write_all, buffer, self._size)
            self._size += len(buffer)

    def read(self) -> AsyncIterator[bytes]:
        return read_range(self._handle, start=0, stop=self._size, size=STAGED_BLOCK)

    async def close(self) -> None:
        await self._handle.close()


class DiskFile:
    """See PublishedFile."""

    def __init__(self, handle: Handle, *, facts: files.Facts) -> None:
        self._handle = handle
        self._facts = facts

    @classmethod
    async def at(cls, workers: Workers, opener: Callable[[Path], int], path: Path) -> Self | None:
        """Open a file by ``opener``, which gives its descriptor; None when there is none."""
        try:
            handle = await workers.open(opener, path)
        except StorageFailed as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return None
            raise
        try:
            return cls(handle, facts=await handle.run(files.facts))
        except BaseException:
            await handle.close()
            raise

    @property
    def size(self) -> int:
        return self._facts.size

    @property
    def modified_at(self) -> datetime:
        return datetime.fromtimestamp(self._facts.mtime_ns // 1_000_000_000, UTC)

    @property
    def etag(self) -> str:
        return f'"{self._facts.size:x}-{self._facts.mtime_ns:x}-{self._facts.inode:x}"'

    @property
    def descriptor(self) -> int:
        return self._handle.descriptor

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        return read_range(self._handle, start=start, stop=stop, size=PUBLISHED_BLOCK)

    async def send(self, taker: int, *, start: int, stop: int) -> int:
        try:
            return await self._handle.run(files.send_some, taker, start=start, size=min(SENT_BLOCK, stop - start))
        except StorageFailed as error:
            if isinstance(error.__cause__, ConnectionError):
                raise ConnectionError(*error.__cause__.args) from error
            raise

    async def close(self) -> None:
        await self._handle.close()


async def read_range(handle: Handle, *, start: int, stop: int, size: int) -> AsyncIterator[bytes]:
    """Give a range of a file in blocks of at most ``size`` bytes."""
    position = start
    while position < stop:
        block = await handle.run(files.read_some, min(size, stop - position), position)
        yield block
        position += len(block)


def sync_data(fd: int, *, lost: Callable[[], object]) -> None:
    """Make what was written durable. Runs in a worker thread. Calls ``lost`` and raises StorageFailed when that fails,
    whatever reason is given."""
    try:
        files.fdatasync(fd)
    except OSError as error:
        lost()
        raise StorageFailed from error  # no room, too: whatever it was, nobody knows which pages are lost
