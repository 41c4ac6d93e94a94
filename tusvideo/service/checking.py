"""Bodies that come with a checksum: nothing of them counts before all of it was found to be right."""

import asyncio

from tusvideo.checksums import BESIDE_BYTES, Checksum
from tusvideo.errors import StorageFailed
from tusvideo.service.transfer import Commit
from tusvideo.streams import ReadableBuffer, Writer


class CheckedWriter:
    """A sink whose bytes count for nothing until ``settle``: a sync before that gives the position of the start.

    So a transfer through it has no checkpoints, and one that is cut, preempted or wrong leaves the session as it was;
    its bytes lie beyond those that the session counts, and go when the file is closed. After a kill they may still lie
    there; the next ones are written over them.
    """

    def __init__(self, writer: Writer, *, checksum: Checksum) -> None:
        self._writer = writer
        self._checksum = checksum
        self._running = checksum.begin()
        self._start = writer.position
        self.is_verified = False
        """True once the bytes were found to be right."""
        self.draw = None
        """Each byte is to be taken into account; see ``streams.Writer``."""

    @property
    def position(self) -> int:
        return self._writer.position

    async def write(self, buffer: ReadableBuffer) -> None:
        """Write the whole buffer and take it into account; see ``streams.Writer``."""
        if len(buffer) <= BESIDE_BYTES:
            self._running.update(buffer)
            await self._writer.write(buffer)
            return
        computing = asyncio.get_running_loop().run_in_executor(None, self._running.update, buffer)
        try:
            await self._writer.write(buffer)
        finally:
            await _ended(computing)

    async def settle(self, commit: Commit) -> None:
        """Commit all of the bytes if they are those of the checksum. Raises ChecksumMismatch, and what ``commit`` does.

        Once, when the body has ended and nothing is being written any more.
        """
        self._checksum.verify(self._running)
        self.is_verified = True
        if self.position > self._start:
            await commit(await self.sync())

    async def sync(self) -> int:
        """Make the bytes durable if they count; give the position up to which that holds."""
        return await self._writer.sync() if self.is_verified else self._start

    async def close(self) -> None:
        """Drop the bytes that do not count and let go of the file; see ``streams.Writer``."""
        try:
            if not self.is_verified and self.position > self._start:
                await self._writer.cut(self._start)
        except StorageFailed:
            pass  # they do not count, there or not
        finally:
            await self._writer.close()


async def _ended(computing: asyncio.Future[None]) -> None:
    """Wait until a thread has let go of a buffer, also when cancelled meanwhile: its memory is used again."""
    cancelled: asyncio.CancelledError | None = None
    while not computing.done():
        try:
            await asyncio.wait([computing])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    computing.result()
