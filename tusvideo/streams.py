"""The seams through which bytes pass: bodies that come, and what takes them on their way to the disk.

As ``ports``: adapters implement these by shape, and each docstring is a contract.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from tusvideo.commands import PutPart

ReadableBuffer = bytes | memoryview
"""Bytes to be read; a memoryview lies in memory that its giver will use again: whoever keeps bytes copies them."""


class Tap(Protocol):
    """Where the next bytes of a body come from while they come fast: for one thread, which is not that of the loop."""

    def next(self) -> ReadableBuffer:
        """Give the next bytes; b"" when there are none just now, or no more. Blocks for some milliseconds at most.

        What is given lies in memory that the next call uses again. Never raises.
        """


class Body(Protocol):
    """The bytes of one request as they arrive."""

    @property
    def silent_seconds(self) -> float:
        """Seconds since the last byte came."""

    @property
    def is_cut(self) -> bool:
        """True when the connection is known to have ended, though bytes that came before may still wait to be read.
        Where that cannot be known it is False."""

    async def read(self) -> ReadableBuffer:
        """Give the next bytes as soon as there are any; b"" when the body ended as it should.

        What is given may be a view that is good until the next call only: its memory is used again then.

        When the body ends early, everything that did arrive is given first; then TransferEnded is raised (BodyCut,
        BodyStalled, or Preempted after ``interrupt``), again at every later call. The first read sends 100 Continue if
        the client waits for it.
        """

    def tap(self) -> Tap | None:
        """Give the next bytes in another way, when they come so fast that it is worth while; None when it is not.

        What is given is good until the next call of ``tap`` or ``read``, and must have been asked for bytes before:
        those that it was not asked for come then, and how the body ended tells ``read``.
        """

    def interrupt(self) -> None:
        """Ask for an end: a waiting or the next read ends as described, with Preempted. Safe to repeat."""


class BytesBody(Body, Protocol):
    """A body that gives its bytes for good."""

    async def read(self) -> bytes:
        """As ``Body.read``; what is given stays as it is."""


class PartBody(BytesBody, Protocol):
    """The ``chunk`` part of a form as it arrives; ``read`` gives its bytes only, and b"" once the whole form ended."""

    def command(self) -> PutPart:
        """Tell the command with every field of the form, also those that came after the file. Only after the end.

        Raises RequestError when a late field is malformed.
        """


class Draw(Protocol):
    """Writing of what a tap gives."""

    async def __call__(self, tap: Tap, *, most: int) -> int:
        """Write at ``position`` until the tap has no more or about ``most`` bytes are written; give how many it was.

        ``position`` moves on by the buffers that were written whole, also when DiskFull or StorageFailed is raised; the
        buffer that could not be written is lost then. A cancelled call ends when nothing is being written any more; its
        bytes do not count.
        """


class Sink(Protocol):
    """Where a transfer puts its bytes; a Writer, as far as a transfer needs one."""

    @property
    def position(self) -> int:
        """Where the next byte goes."""

    async def write(self, buffer: ReadableBuffer) -> None:
        """Write the whole buffer at ``position`` and move on. Raises DiskFull or StorageFailed; ``position`` is then
        unchanged. Not durable before ``sync``. Nothing of the buffer is looked at after the call.

        Writes that are begun at once follow one another. A cancelled call ends when nothing is being written any more;
        its bytes do not count.
        """

    @property
    def draw(self) -> Draw | None:
        """How to write what a tap gives; None for a writer that has to have the bytes itself."""

    async def sync(self) -> int:
        """Make everything written before the call durable; give the position up to which that holds.

        May run beside a ``write``. Raises StorageFailed; after that the writer is dead: every later call raises it too,
        because the kernel may have dropped the pages.
        """


class Writer(Sink, Protocol):
    """Bytes on their way into one staging file, for one transfer."""

    async def flush(self) -> int:
        """Hand everything written before the call to the system, so that it survives a kill of the process; give the
        position up to which that holds. Raises as ``write``."""

    async def cut(self, position: int) -> None:
        """Drop what was written from ``position`` on, which no session counts; the next byte goes there. Not durable:
        after a crash it may be back. Raises StorageFailed."""

    async def close(self) -> None:
        """Let go of the file. Safe to repeat; waits for a write or a sync that still runs, also when cancelled, so that
        nothing is written after it."""


class Spool(Protocol):
    """A bounded temporary file without a name, for bytes that cannot be placed yet. It goes when it is closed."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    async def write(self, buffer: bytes) -> None:
        """Add bytes. Raises DiskFull or StorageFailed."""

    def read(self) -> AsyncIterator[bytes]:
        """Give all bytes from the start, in blocks of at most 1 MiB."""

    async def close(self) -> None:
        """Drop the file and its bytes. Safe to repeat."""
