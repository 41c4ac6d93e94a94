"""Leases within one process: first come, first served, and a holder can be asked to leave."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tusvideo.errors import Busy
from tusvideo.model import UploadId
from tusvideo.ports import Lease, Transfer


class MemoryLease:
    """One holder's right to an upload."""

    def __init__(self, *, epoch: int, shared: bool) -> None:
        self.epoch = epoch
        self.shared = shared
        self.release_requested = False
        self.transfer: Transfer | None = None

    def attach(self, transfer: Transfer) -> None:
        """Name the transfer to be stopped on a release request; stops it at once if one came already."""
        self.transfer = transfer
        if self.release_requested:
            transfer.stop()

    def request_release(self) -> None:
        """Ask the holder to store what it has and leave. Safe to repeat."""
        self.release_requested = True
        if self.transfer is not None:
            self.transfer.stop()


@dataclass(slots=True)
class _Waiter:
    shared: bool
    granted: asyncio.Future[MemoryLease]
    asks: bool = False
    """True once its grace is over: whoever holds the upload before it is asked to leave."""


@dataclass(slots=True)
class _Room:
    """The holders and the queue of one upload; it exists while there is either."""

    holders: list[MemoryLease] = field(default_factory=list)
    queue: deque[_Waiter] = field(default_factory=deque)


class MemoryLocks:
    """Who works on which upload in this process. Nothing here waits on a disk or spins."""

    def __init__(self) -> None:
        self._rooms: dict[UploadId, _Room] = {}
        # One counter for all uploads grows past every row's epoch, as rows get theirs from here.
        self._epoch = 0
        self._stopping = False

    def start_epochs_after(self, epoch: int) -> None:
        """Give only epochs above this one from now on; called once with the largest of the rows."""
        self._epoch = max(self._epoch, epoch)

    @asynccontextmanager
    async def exclusive(self, key: UploadId, *, grace_seconds: float, patience_seconds: float) -> AsyncIterator[Lease]:
        """Hold an upload alone; see ``ports.LockManager``."""
        lease = await self._acquire(key, shared=False, grace=grace_seconds, patience=patience_seconds)
        try:
            yield lease
        finally:
            self._leave(key, lease)

    @asynccontextmanager
    async def shared(self, key: UploadId, *, patience_seconds: float) -> AsyncIterator[Lease]:
        """Hold an upload together with other sharers; see ``ports.LockManager``."""
        lease = await self._acquire(key, shared=True, grace=None, patience=patience_seconds)
        try:
            yield lease
        finally:
            self._leave(key, lease)

    def transfers(self, key: UploadId) -> Sequence[Transfer]:
        room = self._rooms.get(key)
        return [] if room is None else [lease.transfer for lease in room.holders if lease.transfer is not None]

    def stop_all(self) -> None:
        """Ask every present and every future holder to leave."""
        self._stopping = True
        for room in list(self._rooms.values()):
            for lease in list(room.holders):
                lease.request_release()

    async def _acquire(self, key: UploadId, *, shared: bool, grace: float | None, patience: float) -> MemoryLease:
        room = self._rooms.get(key)
        if room is None:
            # Nobody is there, as nearly always.
            room = self._rooms[key] = _Room()
            return self._enter(room, shared=shared)
        waiter = _Waiter(shared=shared, granted=asyncio.get_running_loop().create_future())
        room.queue.append(waiter)
        self._grant(room)
        if waiter.granted.done():
            return waiter.granted.result()
        try:
            # A grace that is no shorter than the patience means: never disturb anybody.
            alone = patience if grace is None else min(grace, patience)
            if alone > 0:
                await asyncio.wait([waiter.granted], timeout=alone)
            if alone < patience and not waiter.granted.done():
                waiter.asks = True
                for lease in list(room.holders):
                    lease.request_release()
                await asyncio.wait([waiter.granted], timeout=patience - alone)
            if not waiter.granted.done():
                raise Busy
            return waiter.granted.result()
        except BaseException:
            # Cancelled or given up: the lease may have been granted in the very same tick.
            if waiter.granted.done() and not waiter.granted.cancelled():
                self._leave(key, waiter.granted.result())
            else:
                room.queue.remove(waiter)
                self._settle(key, room)
            raise

    def _leave(self, key: UploadId, lease: Lease) -> None:
        room = self._rooms[key]
        room.holders = [holder for holder in room.holders if holder is not lease]
        self._settle(key, room)

    def _settle(self, key: UploadId, room: _Room) -> None:
        self._grant(room)
        if not room.holders and not room.queue:
            del self._rooms[key]

    def _grant(self, room: _Room) -> None:
        while room.queue:
            waiter = room.queue[0]
            if room.holders and not (waiter.shared and all(holder.shared for holder in room.holders)):
                return
            room.queue.popleft()
            waiter.granted.set_result(self._enter(room, shared=waiter.shared))

    def _enter(self, room: _Room, *, shared: bool) -> MemoryLease:
        self._epoch += 1
        lease = MemoryLease(epoch=self._epoch, shared=shared)
        if self._stopping or any(behind.asks for behind in room.queue):
            lease.request_release()
        room.holders.append(lease)
        return lease
