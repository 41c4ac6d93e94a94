"""Removing uploads that stayed unfinished for too long, and finishing what a failing disk interrupted.

A row tells the age of an upload by the wall clock, and somebody may set that. So a pass does not go by the time of now,
but by the least of the clocks that ran while an upload that is still young may have got its last byte.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tusvideo.errors import Busy, NotFound, SessionConflict, Unavailable, UnsupportedType
from tusvideo.model import Status, Upload
from tusvideo.ports import Lease, LockManager
from tusvideo.rules.uploads import is_due, moved
from tusvideo.service.publishing import Publisher

WAIT_SECONDS = 1.0
"""So long a pass waits for an upload; as long as the grace of its holders, so that it never asks one to leave."""
BATCH = 200
"""So many uploads are looked at in one pass, of each kind."""
NUDGE_SECONDS = 1.0
"""When the wall clock went so much further, or less far, between two passes than time did, somebody set it."""
START_SECONDS = 3600.0
"""So long after a start nothing is removed because of its age: clients that met no server come back first, and a clock
that was wrong when the machine booted is set right."""


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
        self._begins = self._clock.monotonic() + min(START_SECONDS, self._limits.expiry_seconds)
        self._zeros: list[tuple[float, datetime]] = []
        self._certain_time()

    async def run(self) -> Swept:
        """Make one pass. Safe to repeat and to cancel. Raises StorageFailed when the database does not answer."""
        done = Swept()
        for upload in await self._sessions.with_status(Status.FINALIZING, after=None, limit=BATCH):
            done.published += await self._publish(upload)
        now = self._certain_time()
        if self._clock.monotonic() < self._begins:
            return done
        for upload in await self._sessions.due(before=now, limit=BATCH):
            done.expired += await self._expire(upload, now)
        forgotten = now - timedelta(seconds=self._limits.tombstone_seconds)
        for upload_id in await self._sessions.tombstones(before=forgotten, limit=BATCH):
            await self._store.discard(upload_id)
            await self._sessions.remove(upload_id)
            done.forgotten += 1
        return done

    def _certain_time(self) -> datetime:
        """Give the time that it is at least, by every clock that a young upload may have been dated by.

        Kept is the wall time at which time began to count here, one for each time that the clock was set, with the last
        moment at which it may have been believed. Whatever got a byte less than ``expiry_seconds`` ago was dated by one
        of these; by the earliest of them it is not due.
        """
        tick = self._clock.monotonic()
        zero = self._clock.now() - timedelta(seconds=tick)
        if self._zeros:
            _, last = self._zeros.pop()
            if abs((last - zero).total_seconds()) <= NUDGE_SECONDS:
                zero = min(last, zero)
            else:
                self._zeros.append((tick, last))
        self._zeros = [kept for kept in self._zeros if tick - kept[0] < self._limits.expiry_seconds]
        self._zeros.append((tick, zero))
        return min(zero for _, zero in self._zeros) + timedelta(seconds=tick)

    def _alone(self, upload: Upload) -> AbstractAsyncContextManager[Lease]:
        return self._locks.exclusive(upload.id, grace_seconds=WAIT_SECONDS, patience_seconds=WAIT_SECONDS)

    async def _expire(self, upload: Upload, now: datetime) -> bool:
        if self._locks.transfers(upload.id):
            return False
        try:
            async with self._alone(upload):
                held = await self._sessions.get(upload.id)
                if held is None or not is_due(held, now=now):
                    return False
                # Its tombstone counts from now: by a row of another time it might be forgotten at once.
                gone = replace(moved(held, Status.EXPIRED), expires_at=now)
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
