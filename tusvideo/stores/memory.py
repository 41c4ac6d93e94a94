"""The store without a disk, for tests of the service: the same promises, and faults to order."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final

from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import Location, UploadId
from tusvideo.stores.layout import checked
from tusvideo.streams import ReadableBuffer, Tap

STAGED_BLOCK: Final = 1024 * 1024
PUBLISHED_BLOCK: Final = 256 * 1024


@dataclass(slots=True, kw_only=True, eq=False)
class MemoryFile:
    """Bytes with an identity, as an inode is."""

    number: int
    data: bytearray = field(default_factory=bytearray)
    changed_ns: int = 0
    sealed: bool = False


class MemoryStore:
    """Bytes in memory; see UploadStore. Every call gives other tasks a turn, as a disk would.

    ``capacity`` in bytes bounds what all files hold together. ``failing_syncs`` and ``failing_writes`` tell how many of
    the next calls of that kind fail; ``boot`` is the present one, ``synced`` what ``sync_staged`` was asked for.
    """

    def __init__(self, *, capacity: int = 2**40) -> None:
        self.capacity = capacity
        self.boot = "first boot"
        self.synced: list[UploadId] = []
        self.failing_syncs = 0
        self.failing_writes = 0
        self.lost: set[UploadId] = set()
        self.staged: dict[UploadId, MemoryFile] = {}
        self.published: dict[Location, MemoryFile] = {}
        self.aside: list[tuple[UploadId, MemoryFile]] = []
        self._spools: set[MemorySpool] = set()
        self._numbers = count(1)

    async def open_writer(self, upload_id: UploadId, *, position: int, fresh: bool) -> "MemoryWriter":
        del fresh  # a crash takes the whole memory: no entry is more durable than another
        await _turn()
        return MemoryWriter(self, upload_id, file=self._opened(upload_id), position=position)

    async def stage(
        self, upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> None:
        writer = await self.open_writer(upload_id, position=position, fresh=fresh)
        for block in blocks:
            await writer.write(block)
        if durable:
            await writer.sync()
        await writer.close()

    def stage_later(
        self, upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> Callable[[], None]:
        del fresh  # as above

        def stage() -> None:
            file, end = self._opened(upload_id), position
            for block in blocks:
                self.put(file, block, position=end)
                end += len(block)
            if durable:
                self.sync(upload_id)

        return stage

    async def read_staged(self, upload_id: UploadId, *, start: int, stop: int) -> AsyncIterator[bytes]:
        await _turn()
        file = self._staged(upload_id, size=stop)
        async for block in _blocks(file.data, start=start, stop=stop, size=STAGED_BLOCK):
            yield block

    async def copy_staged(self, upload_id: UploadId, *, source: int, target: int, size: int) -> None:
        await _turn()
        file = self._staged(upload_id, size=source + size)
        self.put(file, bytes(file.data[source : source + size]), position=target)
        self.sync(upload_id)

    async def copy_between(self, source: UploadId, target: UploadId, *, start: int, to: int, size: int) -> None:
        await _turn()
        file = self._staged(source, size=start + size)
        self.put(self._staged(target, size=0), bytes(file.data[start : start + size]), position=to)

    async def staged_size(self, upload_id: UploadId) -> int | None:
        await _turn()
        file = self.staged.get(upload_id)
        return None if file is None else len(file.data)

    async def publish(self, upload_id: UploadId, *, length: int, location: Location) -> bool:
        place = checked(location)
        await _turn()
        there = self.published.get(place)
        if upload_id not in self.staged:
            if there is None or len(there.data) != length:
                raise StorageFailed
            self.forgive(upload_id)
            return True
        file = self._staged(upload_id, size=length)
        if len(file.data) > length and file in self.published.values():
            raise StorageFailed
        del file.data[length:]
        file.sealed = True
        is_ours = self.published.setdefault(place, file) is file
        if is_ours:
            self.forgive(upload_id)
        return is_ours

    async def discard(self, upload_id: UploadId) -> None:
        await _turn()
        self.staged.pop(upload_id, None)
        self.forgive(upload_id)

    async def open_spool(self) -> "MemorySpool":
        await _turn()
        spool = MemorySpool(self, file=MemoryFile(number=next(self._numbers)))
        self._spools.add(spool)
        return spool

    async def open_published(self, location: Location) -> "MemoryPublished | None":
        place = checked(location)
        await _turn()
        file = self.published.get(place)
        return None if file is None else MemoryPublished(file)

    async def remove_published(self, location: Location) -> None:
        place = checked(location)
        await _turn()
        self.published.pop(place, None)

    async def sync_staged(self, upload_id: UploadId) -> None:
        await _turn()
        if upload_id in self.staged:
            self.sync(upload_id)
        self.synced.append(upload_id)

    def has_lost(self, upload_id: UploadId) -> bool:
        return upload_id in self.lost

    def forgive(self, upload_id: UploadId) -> None:
        self.lost.discard(upload_id)

    @property
    def boot_id(self) -> str:
        return self.boot

    async def free_bytes(self) -> int:
        await _turn()
        return self.capacity - self._used()

    async def staged_ids(self) -> Sequence[UploadId]:
        await _turn()
        return sorted(self.staged)

    async def staged_sizes(self) -> Mapping[UploadId, int]:
        await _turn()
        return {upload_id: len(file.data) for upload_id, file in self.staged.items()}

    async def set_aside(self, upload_id: UploadId) -> None:
        await _turn()
        file = self.staged.pop(upload_id, None)
        if file is not None:
            self.aside.append((upload_id, file))

    async def close(self) -> None:
        """Do nothing: here for the sake of those who close a store."""
        await _turn()

    def put(self, file: MemoryFile, buffer: ReadableBuffer, *, position: int) -> None:
        """Write into a file. Raises DiskFull or StorageFailed and leaves it as it was."""
        if self.failing_writes:
            self.failing_writes -= 1
            raise StorageFailed
        end = position + len(buffer)
        if self._used() + max(0, end - len(file.data)) > self.capacity:
            raise DiskFull
        file.data.extend(bytes(max(0, position - len(file.data))))
        file.data[position:end] = buffer
        file.changed_ns = time.time_ns()

    def sync(self, upload_id: UploadId) -> None:
        """Do nothing, as all is as durable as memory is. Raises StorageFailed, and notes the loss."""
        if self.failing_syncs:
            self.failing_syncs -= 1
            self.lost.add(upload_id)
            raise StorageFailed

    def drop(self, spool: "MemorySpool") -> None:
        """Forget a spool and its bytes."""
        self._spools.discard(spool)

    def _opened(self, upload_id: UploadId) -> MemoryFile:
        file = self.staged.get(upload_id)
        if file is None:
            file = self.staged[upload_id] = MemoryFile(number=next(self._numbers))
        if file.sealed:
            raise StorageFailed
        return file

    def _staged(self, upload_id: UploadId, *, size: int) -> MemoryFile:
        file = self.staged.get(upload_id)
        if file is None or len(file.data) < size:
            raise StorageFailed
        return file

    def _used(self) -> int:
        shown = {*self.staged.values(), *self.published.values(), *(file for _, file in self.aside)}
        return sum(len(file.data) for file in shown) + sum(spool.size for spool in self._spools)


class MemoryWriter:
    """See Writer."""

    def __init__(self, store: MemoryStore, upload_id: UploadId, *, file: MemoryFile, position: int) -> None:
        self._store = store
        self._upload_id = upload_id
        self._file = file
        self._position = position
        self._is_usable = True

    @property
    def position(self) -> int:
        return self._position

    async def write(self, buffer: ReadableBuffer) -> None:
        await _turn()
        self._check()
        self._store.put(self._file, buffer, position=self._position)
        self._position += len(buffer)

    async def draw(self, tap: Tap, *, most: int) -> int:
        self._check()
        start = self._position
        while self._position - start < most and (buffer := tap.next()):
            await self.write(buffer)
        return self._position - start

    async def flush(self) -> int:
        return self._position

    async def cut(self, position: int) -> None:
        await _turn()
        self._check()
        del self._file.data[position:]
        self._position = position

    async def sync(self) -> int:
        position = self._position
        self._check()
        await _turn()
        self._check()
        try:
            self._store.sync(self._upload_id)
        except StorageFailed:
            self._is_usable = False
            raise
        return position

    async def close(self) -> None:
        self._is_usable = False
        await _turn()

    def _check(self) -> None:
        if not self._is_usable:
            raise StorageFailed


class MemorySpool:
    """See Spool."""

    def __init__(self, store: MemoryStore, *, file: MemoryFile) -> None:
        self._store = store
        self._file = file
        self._is_open = True

    @property
    def size(self) -> int:
        return len(self._file.data)

    async def write(self, buffer: bytes) -> None:
        await _turn()
        if not self._is_open:
            raise StorageFailed
        self._store.put(self._file, buffer, position=self.size)

    async def read(self) -> AsyncIterator[bytes]:
        async for block in _blocks(self._file.data, start=0, stop=self.size, size=STAGED_BLOCK):
            if not self._is_open:
                raise StorageFailed
            yield block

    async def close(self) -> None:
        self._is_open = False
        self._store.drop(self)
        await _turn()


class MemoryPublished:
    """See PublishedFile."""

    def __init__(self, file: MemoryFile) -> None:
        self._file = file
        self._is_open = True

    @property
    def size(self) -> int:
        return len(self._file.data)

    @property
    def modified_at(self) -> datetime:
        return datetime.fromtimestamp(self._file.changed_ns // 1_000_000_000, UTC)

    @property
    def etag(self) -> str:
        return f'"{self.size:x}-{self._file.changed_ns:x}-{self._file.number:x}"'

    @property
    def descriptor(self) -> int:
        raise StorageFailed

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        async for block in _blocks(self._file.data, start=start, stop=stop, size=PUBLISHED_BLOCK):
            if not self._is_open:
                raise StorageFailed
            yield block

    async def send(self, taker: int, *, start: int, stop: int) -> int:
        await _turn()
        block = bytes(self._file.data[start : min(stop, start + PUBLISHED_BLOCK)])
        if not block or not self._is_open:
            raise StorageFailed
        try:
            with socket.fromfd(taker, socket.AF_INET, socket.SOCK_STREAM) as plug:
                return plug.send(block)
        except BlockingIOError:
            return 0

    async def close(self) -> None:
        self._is_open = False
        await _turn()


async def _turn() -> None:
    await asyncio.sleep(0)


async def _blocks(data: bytearray, *, start: int, stop: int, size: int) -> AsyncIterator[bytes]:
    position = start
    while position < stop:
        await _turn()
        block = bytes(data[position : min(stop, position + size)])
        if not block:
            raise StorageFailed
        yield block
        position += len(block)
