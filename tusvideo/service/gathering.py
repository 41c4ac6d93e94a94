"""Short bodies on their way to the disk: held until they are whole or must be safe, then written in one go.

Nothing of this shows: a byte that is held is not committed, and whoever asks for a checkpoint, or ends the transfer,
has it written and made durable first, as ever.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from tusvideo.errors import StorageFailed
from tusvideo.model import UploadId
from tusvideo.ports import UploadStore
from tusvideo.streams import ReadableBuffer, Writer

SHORT_BYTES: Final = 2 * 1024 * 1024
"""A body of no more is gathered."""
HELD_BYTES: Final = 32 * 1024 * 1024
"""So much is held in all; bodies that come beyond it are written as they come."""
TRICKLE_BYTES: Final = 4096
"""A block of no more is not worth an open file of its own."""


class Save(Protocol):
    """Commits bytes."""

    def __call__(self, *, first: Callable[[], None] | None = None) -> Awaitable[None]:
        """Have a function called first, which writes them, and commit once it has returned."""


class Held:
    """The memory that all gathered bodies share, counted in bytes."""

    def __init__(self, *, most: int = HELD_BYTES) -> None:
        self._free = most
        self.writers = 0
        """Bodies that are being gathered."""

    def take(self, size: int) -> bool:
        """Take some; False, and nothing is taken, when there is not so much."""
        if size > self._free:
            return False
        self._free -= size
        return True

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        self._free += size


class GatheringWriter:
    """A Writer that opens its file only when it must, and then writes, syncs and closes in one call of the store.

    When more came than a short body has, or no memory is left for a large block, it goes on as an ordinary writer.
    A call that failed leaves it dead: every later one raises, and what was held does not count.
    """

    def __init__(self, store: UploadStore, upload_id: UploadId, *, position: int, fresh: bool, held: Held) -> None:
        self._store = store
        self._upload_id = upload_id
        self._given = position
        """The file has the bytes below."""
        self._fresh = fresh
        self._held = held
        self._blocks: list[bytes] = []
        self._size = 0
        self._under_way = 0
        """Bytes that are being written just now; what comes meanwhile is held behind them."""
        self._writer: Writer | None = None
        self._is_usable = True
        self._is_open = True
        self.draw = None
        """Short bodies offer no tap; see ``streams.Writer``."""
        self._one_at_a_time = asyncio.Lock()
        held.writers += 1

    @property
    def is_alone(self) -> bool:
        """True when there is something held, and no other body is being gathered."""
        is_busy = self._one_at_a_time.locked() or self._writer is not None
        return not is_busy and bool(self._blocks) and self._held.writers == 1

    @property
    def position(self) -> int:
        if self._writer is not None:
            return self._writer.position
        return self._given + self._under_way + self._size

    async def write(self, buffer: ReadableBuffer) -> None:
        self._check()
        size = len(buffer)
        if self._writer is None and self._size + size <= SHORT_BYTES:
            if self._held.take(size):
                self._blocks.append(bytes(buffer))
                self._size += size
                return
            if size <= TRICKLE_BYTES:
                # Ten thousand bodies that trickle hold all there is, and a call for each of their blocks would take
                # longer than these take to come: what was gathered goes, and gathering begins anew.
                async with self._one_at_a_time:
                    self._check()
                    await self._stage(bytes(buffer), durable=False)
                return
        async with self._one_at_a_time:
            await (await self._ordinary()).write(buffer)

    async def flush(self) -> int:
        async with self._one_at_a_time:
            self._check()
            if self._writer is not None:
                return await self._writer.flush()
            if self._blocks:
                await self._stage(durable=False)
            return self._given

    async def cut(self, position: int) -> None:
        async with self._one_at_a_time:
            await (await self._ordinary()).cut(position)

    async def sync(self) -> int:
        async with self._one_at_a_time:
            self._check()
            if self._writer is not None:
                return await self._writer.sync()
            if self._blocks:
                await self._stage(durable=True)
            else:
                await self._store.sync_staged(self._upload_id)
            return self._given

    async def settle(self, save: Save, *, durable: bool) -> None:
        """Have what is held written, and synced if it is to be ``durable``, by whoever commits it. Raises what that
        raises, and what ``save`` does; some of the bytes may be written then, and none of them counts."""
        async with self._one_at_a_time:
            self._check()
            if self._writer is None:
                await self._stage(durable=durable, save=save)
                return
            await (self._writer.sync() if durable else self._writer.flush())
            await save()

    async def close(self) -> None:
        """Let go of the file and of what is held; see ``streams.Writer``."""
        cancelled: asyncio.CancelledError | None = None
        while self._one_at_a_time.locked():
            try:
                async with self._one_at_a_time:
                    break
            except asyncio.CancelledError as error:
                cancelled = error
        if self._is_open:
            self._is_open = False
            self._held.writers -= 1
        self._is_usable = False
        self._drop()
        if self._writer is not None:
            await self._writer.close()
        if cancelled is not None:
            raise cancelled

    def _check(self) -> None:
        if not self._is_usable:
            raise StorageFailed

    async def _stage(self, *more: bytes, durable: bool, save: Save | None = None) -> None:
        """Write what is held, and more behind it, in one go, and let ``save`` do it on its way if there is one."""
        name, blocks, size, fresh = self._upload_id, [*self._blocks, *more], self._size, self._fresh
        self._blocks, self._size, self._under_way = [], 0, sum(map(len, blocks))
        try:
            if save is None:
                await self._store.stage(name, blocks, position=self._given, fresh=fresh, durable=durable)
            else:
                await save(
                    first=self._store.stage_later(name, blocks, position=self._given, fresh=fresh, durable=durable)
                )
        except BaseException:
            self._is_usable = False
            self._drop()
            raise
        else:
            self._given += self._under_way
            self._fresh = False
        finally:
            self._under_way = 0
            self._held.give_back(size)

    async def _ordinary(self) -> Writer:
        """Go on as an ordinary writer, behind what is held."""
        self._check()
        if self._writer is None:
            writer = await self._store.open_writer(self._upload_id, position=self._given, fresh=self._fresh)
            self._writer = writer
            try:
                for block in self._blocks:
                    await writer.write(block)
            finally:
                self._drop()
        return self._writer

    def _drop(self) -> None:
        self._held.give_back(self._size)
        self._blocks, self._size = [], 0


class LateWriter:
    """The sink of a gathering writer whose bytes may be written by whoever commits them: one way to a thread instead of
    two. Who gave the writer closes it.

    So they are when no other body is being gathered, which the commit would hold up. Then ``sync`` only tells up to
    where bytes will be safe, and that holds once ``save`` or ``pay`` has returned: one of them must follow.
    Not ``durable``, bytes are handed to the system and not synced.
    """

    def __init__(self, writer: GatheringWriter, *, durable: bool) -> None:
        self._writer = writer
        self._durable = durable
        self._owes = False
        self.draw = None
        """As that of the gathering writer."""

    @property
    def position(self) -> int:
        """Where the next byte goes."""
        return self._writer.position

    async def write(self, buffer: ReadableBuffer) -> None:
        """Take the whole buffer; see ``streams.Sink``."""
        await self._writer.write(buffer)

    async def sync(self) -> int:
        """Make everything safe that was written before, or tell up to where it will be."""
        if self._writer.is_alone:
            self._owes = True
            return self._writer.position
        return await self._sync()

    @property
    def owes(self) -> bool:
        """True when bytes that a sync told of are still to be written."""
        return self._owes

    async def pay(self) -> None:
        """Make all bytes durable, at any level and now. Raises StorageFailed, DiskFull."""
        self._owes = False
        await self._writer.sync()

    async def save(self, save: Save) -> None:
        """Commit bytes that a sync told of. Raises as that, and what ``save`` raises."""
        if self._owes:
            self._owes = False
            await self._writer.settle(save, durable=self._durable)
        else:
            await save()

    async def _sync(self) -> int:
        return await (self._writer.sync() if self._durable else self._writer.flush())
