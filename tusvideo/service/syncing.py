"""The level ``relaxed``: bytes are committed first and synced within half a minute."""

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
        self._lost: set[UploadId] = set()
        """Those that must fall back, and were held when they should have."""

    async def run(self) -> Synced:
        """Make one pass. Safe to repeat and to cancel. Raises StorageFailed when the database does not answer.

        One upload whose bytes the disk cannot keep holds up no other; it falls back to what was synced before.
        """
        uploads = await self._sessions.unsynced(limit=BATCH)
        synced = rewound = 0
        for upload in uploads:
            # The row was read first: what it counts was written before the sync began.
            if await self._is_safe(upload.id):
                await self._sessions.mark_synced(upload.id, offset=upload.offset)
                synced += 1
            else:
                rewound += await self._rewind(upload.id)
        return Synced(synced=synced, rewound=rewound)

    async def _is_safe(self, upload_id: UploadId) -> bool:
        if upload_id not in self._lost:
            try:
                await self._store.sync_staged(upload_id)
            except StorageFailed:
                self._lost.add(upload_id)
        return upload_id not in self._lost

    async def _rewind(self, upload_id: UploadId) -> bool:
        patience = self._publisher.limits.patience_seconds
        try:
            async with self._locks.exclusive(upload_id, grace_seconds=0, patience_seconds=patience) as lease:
                held = await self._sessions.get(upload_id)
                is_at_risk = held is not None and held.status is Status.OPEN and held.boot_id is not None
                if held is not None and is_at_risk:
                    await fall_back(held, epoch=lease.epoch, publisher=self._publisher)
        except (Busy, SessionConflict):
            return False
        self._lost.discard(upload_id)
        return is_at_risk


async def fall_back(upload: Upload, *, epoch: int, publisher: Publisher) -> Upload:
    """Commit that an upload which is held counts no byte that was not synced before.

    For after a sync that failed: the kernel tells of it once and drops what it could not write, so the next sync
    succeeds though bytes are lost, and so does a read as long as they are in its memory. Their client sends them again.
    """
    back = replace(fallen_back(upload), epoch=epoch)
    await publisher.sessions.save(back, was=upload)
    publisher.emit("upload_rewound", back, lost=upload.offset - back.offset)
    return back
