"""The level ``relaxed``: bytes are committed first and synced within half a minute."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tusvideo.errors import Busy, SessionConflict, StorageFailed
from tusvideo.model import Status, Upload, UploadId
from tusvideo.ports import LockManager
from tusvideo.rules.uploads import fallen_back
from tusvideo.service.publishing import Publisher
from tusvideo.streams import Draw, ReadableBuffer, Writer

BATCH = 200
"""So many uploads are synced in one pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What one pass did, in counts of uploads."""

    synced: int
    rewound: int = 0
    """Those whose bytes the disk could not keep."""


class UnsyncedWriter:
    """A Writer that calls written bytes durable at once: they survive a kill of the process, and no more."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def position(self) -> int:
        return self._writer.position

    async def write(self, buffer: ReadableBuffer) -> None:
        await self._writer.write(buffer)

    @property
    def draw(self) -> Draw | None:
        """How to write what a tap gives; see ``streams.Writer``."""
        return self._writer.draw

    async def flush(self) -> int:
        return await self._writer.flush()

    async def cut(self, position: int) -> None:
        await self._writer.cut(position)

    async def sync(self) -> int:
        """Hand what was written to the system, and ask the disk for nothing."""
        return await self._writer.flush()

    async def close(self) -> None:
        await self._writer.close()


class BackgroundSync:
    """Makes committed bytes durable behind their transfers, whatever level they were written with."""

    def __init__(self, *, publisher: Publisher, locks: LockManager) -> None:
        self._publisher = publisher
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._locks = locks

    async def run(self) -> Synced:
        """Make one pass. Safe to repeat and to cancel. Raises StorageFailed when the database does not answer.

        One upload whose bytes the disk cannot keep holds up no other; it falls back to what was synced before. What
        cannot be done now, for want of a descriptor or because somebody holds the upload, is left to the next pass.
        """
        synced = rewound = 0
        for upload in await self._sessions.unsynced(limit=BATCH):
            if await self._sync(upload.id):
                synced += 1
            elif self._store.has_lost(upload.id):
                rewound += await self._rewind(upload.id)
        return Synced(synced=synced, rewound=rewound)

    async def _sync(self, upload_id: UploadId) -> bool:
        async with self._publisher.syncing(upload_id):
            # The row is read first: what it counts was written before the sync begins. And here, not with the others:
            # bytes that came after it had fallen back would be noted by what it counted before.
            upload = await self._sessions.get(upload_id)
            if upload is None or upload.status is not Status.OPEN or upload.boot_id is None:
                return False
            try:
                await self._store.sync_staged(upload_id)
            except StorageFailed:
                return False
            if self._store.has_lost(upload_id):
                return False
            await self._sessions.mark_synced(upload_id, offset=upload.offset)
        return True

    async def _rewind(self, upload_id: UploadId) -> bool:
        # Whoever sends to it is asked to leave at once: those bytes would have to be sent again.
        patience = self._publisher.limits.patience_seconds
        try:
            async with self._locks.exclusive(upload_id, grace_seconds=0, patience_seconds=patience) as lease:
                held = await self._sessions.get(upload_id)
                if held is None:
                    return False
                return await without_lost(held, epoch=lease.epoch, publisher=self._publisher) != held
        except (Busy, SessionConflict):
            return False


async def sync_whole(upload_id: UploadId, *, sync: Callable[[], Awaitable[object]], publisher: Publisher) -> None:
    """Make all bytes of an upload durable, also those that earlier requests wrote, by a sync of its file.

    Raises StorageFailed, also for bytes that were lost before: the kernel tells of them once and drops what it could
    not write, so the next sync succeeds without them, and so does a read as long as they are in its memory.
    """
    async with publisher.syncing(upload_id):
        await sync()
        if publisher.store.has_lost(upload_id):
            raise StorageFailed


async def without_lost(upload: Upload, *, epoch: int, publisher: Publisher) -> Upload:
    """Give an upload that is held, as it was loaded, once it counts no byte that the disk may have lost.

    It counts what was synced before, which is committed, and only then the loss is forgiven: whoever holds it next
    tries again if this fails. Its client sends the others again. One that is not open was synced as a whole before.
    """
    if upload.status is not Status.OPEN or not publisher.store.has_lost(upload.id):
        return upload
    if upload.boot_id is None:
        publisher.store.forgive(upload.id)
        return upload
    back = replace(fallen_back(upload), epoch=epoch)
    async with publisher.syncing(upload.id):
        await publisher.sessions.save(back, was=upload)
        publisher.store.forgive(upload.id)
    publisher.emit("upload_rewound", back, lost=upload.offset - back.offset)
    return back
