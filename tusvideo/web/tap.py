"""A long body that comes fast: received by the thread that writes it, block by block (decisions/0012)."""

import socket
import time
from typing import Final

from tusvideo.streams import ReadableBuffer

REST_SECONDS: Final = 0.0005
"""When nothing is there the thread waits so long for more, instead of giving the connection back at once."""
MOST_RESTS: Final = 8
"""Who makes the thread wait more often than that is slower than the disk, and needs none."""
MOST_SECONDS: Final = 0.1
"""So long a disk that is slow may keep the event loop from hearing of a body."""


class BodyTap:
    """See Tap. Receives into ``block``, of which the first ``held`` bytes came already; ``missing`` are still to come.

    ``plug`` is a second descriptor of the connection, closed with this one's end: if the first is closed meanwhile, its
    number may be somebody else's. While a tap is in use nobody else may receive from the connection.
    """

    def __init__(self, plug: socket.socket, *, block: memoryview, held: int, missing: int) -> None:
        self.received = 0
        """Bytes that came; grows while a thread is at it."""
        self.block = block
        """For who lent it, once this is closed."""
        self._plug = plug
        self._held = held
        self._missing = missing
        self._rests = 0
        self._until = time.monotonic() + MOST_SECONDS
        self._ended = False
        self.is_dry = False
        """True when nothing came for too long, or nothing comes any more."""

    def next(self) -> ReadableBuffer:
        size = min(len(self.block), self._held + self._missing - self.received)
        filled, self._held = self._held, 0
        while filled < size and not self._ended:
            count = self._receive(self.block[filled:size])
            filled += count
            self.received += count
        self._ended = self._ended or time.monotonic() >= self._until
        return self.block[:filled]

    def stop(self) -> None:
        """Receive nothing more. From any thread."""
        self._ended = True

    def close(self) -> None:
        """Let go of the connection. Safe to repeat; no thread may be at it any more."""
        self._ended = True
        self._plug.close()

    def _receive(self, into: memoryview) -> int:
        try:
            count = self._plug.recv_into(into)
        except BlockingIOError:
            self._rests += 1
            if self._rests > MOST_RESTS:
                self._ended = self.is_dry = True
            else:
                time.sleep(REST_SECONDS)
            return 0
        except OSError:
            count = 0
        if not count:
            self._ended = self.is_dry = True  # the connection's own transport finds out why
        return count
