"""Removing uploads that stayed unfinished for too long, and finishing what a failing disk interrupted."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from tusvideo.errors import Busy, NotFound, SessionConflict, Unavailable, UnsupportedType
from tusvideo.model import Status, Upload
from tusvideo.ports import Lease, LockManager
from tusvideo.rules.uploads import is_expired, moved
from tusvideo.service.publishing import Publisher

WAIT_SECONDS = 1.0
"""So long a pass waits for an upload; as long as the grace of its holders, so that it never asks one to leave."""
BATCH = 200
"""So many uploads are looked at in one pass, of each kind."""
JUMP_SECONDS = 300.0
"""When the wall clock went so much further, or less far, between two passes than time did, somebody set it."""
DISTRUST_SECONDS = 3600.0
"""So long after that nothing is removed because of its age: the clock may be set right again."""


@dataclass(slots=True)
class Swept:
    """What one pass did, in counts of uploads."""

    expired: int = 0
    published: int = 0
    forgotten: int = 0


class Sweeper:
    """Makes one bounded pass at a time; a live transfer always wins against it."""

    def __init__(self, *, publisher: Publisher, locks: LockManager) -> None:
        self._publisher = publisher
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._clock = publisher.clock
        self._limits = publisher.limits
        self._locks = locks
        self._last_pass = (self._clock.now(), self._clock.monotonic())
        self._distrusts_until = self._clock.monotonic()

    async def run(self) -> Swept:
        """Make one pass. Safe to repeat and to cancel. Raises StorageFailed when the database does not answer."""
        done = Swept()
        for upload in await self._sessions.with_status(Status.FINALIZING, after=None, limit=BATCH):
            done.published += await self._publish(upload)
        now = self._clock.now()
        if not self._trusts(now):
            return done
        for upload in await self._sessions.due(before=now, limit=BATCH):
            done.expired += await self._expire(upload, now)
        forgotten = now - timedelta(seconds=self._limits.tombstone_seconds)
        for upload_id in await self._sessions.tombstones(before=forgotten, limit=BATCH):
            await self._store.discard(upload_id)
            await self._sessions.remove(upload_id)
            done.forgotten += 1
        return done

    def _trusts(self, now: datetime) -> bool:
        """Tell whether ages can be believed: a clock that jumps ahead makes every upload old at once."""
        before, then = self._last_pass
        tick = self._clock.monotonic()
        self._last_pass = (now, tick)
        if abs((now - before).total_seconds() - (tick - then)) > JUMP_SECONDS:
            self._distrusts_until = tick + DISTRUST_SECONDS
        return tick >= self._distrusts_until

    def _alone(self, upload: Upload) -> AbstractAsyncContextManager[Lease]:
        return self._locks.exclusive(upload.id, grace_seconds=WAIT_SECONDS, patience_seconds=WAIT_SECONDS)

    async def _expire(self, upload: Upload, now: datetime) -> bool:
        if self._locks.transfers(upload.id):
            return False
        try:
            async with self._alone(upload):
                held = await self._sessions.get(upload.id)
                if held is None or not is_expired(held, now=now) or held.status is not Status.OPEN:
                    return False
                gone = moved(held, Status.EXPIRED)
                await self._sessions.save(gone, was=held)
                self._publisher.emit("upload_expired", gone)
                await self._store.discard(gone.id)
        except (Busy, SessionConflict):
            return False
        return True

    async def _publish(self, upload: Upload) -> bool:
        """Go on with a publication that failed half-way: its client is told to wait for it."""
        try:
            async with self._alone(upload):
                held = await self._sessions.get(upload.id)
                if held is None or held.status is not Status.FINALIZING:
                    return False
                try:
                    await self._publisher.publish(held)
                except UnsupportedType as error:
                    await self._publisher.refuse(held, code=error.code)
                    return False
        except (Unavailable, SessionConflict, NotFound):
            # NotFound: its profile is gone from the configuration, and may come back.
            return False
        return True
