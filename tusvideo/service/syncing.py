"""The level ``relaxed``: bytes are committed first and synced within half a minute."""

from dataclasses import dataclass

from tusvideo.ports import ReadableBuffer, SessionRepository, UploadStore, Writer

BATCH = 200
"""So many uploads are synced in one pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What one pass did, in counts of uploads."""

    synced: int


class UnsyncedWriter:
    """A Writer that calls written bytes durable at once: they survive a kill of the process, and no more."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def position(self) -> int:
        return self._writer.position

    async def write(self, buffer: ReadableBuffer) -> None:
        await self._writer.write(buffer)

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

    def __init__(self, *, store: UploadStore, sessions: SessionRepository) -> None:
        self._store = store
        self._sessions = sessions

    async def run(self) -> Synced:
        """Make one pass. Safe to repeat and to cancel. Raises StorageFailed."""
        uploads = await self._sessions.unsynced(limit=BATCH)
        for upload in uploads:
            # The row was read first: what it counts was written before the sync began.
            await self._store.sync_staged(upload.id)
            await self._sessions.mark_synced(upload.id, offset=upload.offset)
        return Synced(synced=len(uploads))
