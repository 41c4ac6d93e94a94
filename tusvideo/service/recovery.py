"""Bringing rows and files together after a stop, however it came: run once, before the first request.

Nothing that a row counts is ever removed here. Safe to repeat and to interrupt: every step is one that a running server
takes too, in the same order. Files in ``uploads`` are never moved.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from tusvideo.errors import NotFound, Unavailable, UnsupportedType
from tusvideo.model import Status, Upload
from tusvideo.rules.uploads import after_boot, is_whole, moved
from tusvideo.service.publishing import Publisher
from tusvideo.service.uploads import UploadService

PAGE = 500


@dataclass(slots=True)
class Recovered:
    """What recovery did, in counts of uploads."""

    checked: int = 0
    published: int = 0
    postponed: int = 0
    """Publications that did not work; the sweeper tries them again."""
    cleared: int = 0
    damaged: int = 0
    rewound: int = 0
    """Uploads of the level ``relaxed`` that lost unsynced bytes with a power loss."""
    discarded: int = 0
    set_aside: int = 0


class Recovery:
    """Compares sessions with staged files and finishes what a stop left half done."""

    def __init__(self, *, publisher: Publisher, uploads: UploadService) -> None:
        self._publisher = publisher
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._uploads = uploads

    async def run(self) -> Recovered:
        """Do it; give the counts. Raises StorageFailed or DiskFull when the disk or the database does not work."""
        done = Recovered()
        # Terminated first: their names must be free before others are published under them.
        async for upload in self._all(Status.TERMINATED):
            await self._uploads.clear(upload)
            done.cleared += 1
        async for upload in self._all(Status.FINALIZING):
            await self._forward(upload, done)
        async for upload in self._all(Status.OPEN):
            await self._check(upload, done)
        await self._sweep_staging(done)
        return done

    async def _all(self, status: Status) -> AsyncIterator[Upload]:
        after = None
        while page := await self._sessions.with_status(status, after=after, limit=PAGE):
            after = page[-1].id
            for upload in page:
                yield upload

    async def _forward(self, upload: Upload, done: Recovered) -> None:
        if await self._has_bytes(upload):
            await self._publish(upload, done)
        else:
            await self._damage(upload, done)

    async def _publish(self, upload: Upload, done: Recovered) -> None:
        try:
            await self._publisher.publish(upload)
        except UnsupportedType as error:
            await self._publisher.refuse(upload, code=error.code)
        except (Unavailable, NotFound):
            # A full disk, a folder in the way, a profile that is gone: no reason for the others to wait.
            done.postponed += 1
        else:
            done.published += 1

    async def _has_bytes(self, upload: Upload) -> bool:
        """Tell whether the bytes of a whole upload are there, staged or under the name that was chosen for them."""
        size = await self._store.staged_size(upload.id)
        if size is not None or upload.location is None:
            return size is not None and size >= upload.offset
        if await self._sessions.published(upload.location) is not None:
            return False
        file = await self._store.open_published(upload.location)
        if file is None:
            return False
        await file.close()
        return file.size == upload.offset

    async def _check(self, upload: Upload, done: Recovered) -> None:
        """Mark a row as damaged when its file is shorter than what it counts; the bytes are kept."""
        done.checked += 1
        upload = await self._rewound(upload, done)
        needed = upload.offset
        if upload.parts_stored:
            parts = await self._sessions.parts(upload.id)
            needed = max(part.position + part.size for part in parts)
        if needed:
            size = await self._store.staged_size(upload.id)
            if size is None or size < needed:
                await self._damage(upload, done)
                return
        if is_whole(upload):
            await self._publish(upload, done)

    async def _rewound(self, upload: Upload, done: Recovered) -> Upload:
        """Fall back to the synced bytes when the machine was started anew since the others were written.

        The file may be long enough all the same, with zeros where data was.
        """
        now = after_boot(upload, boot_id=self._store.boot_id)
        if now == upload:
            return upload
        await self._sessions.save(now, was=upload)
        self._publisher.emit("upload_rewound", now, lost=upload.offset - now.offset)
        done.rewound += 1
        return now

    async def _damage(self, upload: Upload, done: Recovered) -> None:
        damaged = replace(moved(upload, Status.DAMAGED), reason="bytes_missing")
        await self._sessions.save(damaged, was=upload)
        self._publisher.emit("upload_damaged", damaged, offset=upload.offset)
        done.damaged += 1

    async def _sweep_staging(self, done: Recovered) -> None:
        """Drop staging names of uploads that are done with; keep what no row knows aside."""
        for upload_id in await self._store.staged_ids():
            upload = await self._sessions.get(upload_id)
            if upload is None:
                await self._store.set_aside(upload_id)
                done.set_aside += 1
            elif upload.status in {Status.COMPLETE, Status.EXPIRED, Status.FAILED}:
                await self._store.discard(upload_id)
                done.discarded += 1
