"""How far a request has come: what has left, what has arrived, and when something moved last."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from . import link

SWIFT_AFTER = 4 * 1024 * 1024
SWIFT_RATE = 16 * 1024 * 1024
TICK = 0.1
SHORT_TICK = 0.02


class Tracker(Protocol):
    """What counts the bytes that the system took; when the last one was handed to the transport, it counts them all."""

    @property
    def bytes_written(self) -> int: ...


@dataclass(slots=True, kw_only=True)
class Movement:
    """How far a request has come: what was handed to the network, what the peer acknowledged of it, and when last.

    ``on_left`` is called when its last byte is on its way, where the platform tells; it is whole when that has arrived.
    """

    tracker: Tracker
    length: int
    at: float
    transport: asyncio.Transport | None = None
    sent: int = 0
    acked: int = 0
    is_whole: bool = False
    on_left: Callable[[], None] | None = None
    is_swift: bool = False
    attached_at: float = 0.0

    def look(self, now: float) -> bool:
        """Bring the counts up to date; true if the peer acknowledged something, or began to be waited for."""
        here = self._socket
        if self.transport is not None and here is None:
            return False  # closed: what the peer had acknowledged is what it had when it was last looked at
        sent = self.tracker.bytes_written
        if sent >= self.length and self.transport is not None:
            # The transport may still keep the last of it, which would hide for seconds what a slow peer acknowledges.
            sent = self.length - self.transport.get_write_buffer_size()
        self.sent = max(self.sent, sent)
        held = None if here is None else link.unacknowledged(here)
        if self.on_left and here is not None and self.sent >= self.length and link.unsent(here) == 0:
            self.on_left()
            self.on_left = None
        acked = max(self.acked, self.sent - (held or 0))
        is_whole = self.transport is not None and self.sent >= self.length and not held
        if acked == self.acked and is_whole == self.is_whole:
            return False
        self.acked, self.is_whole, self.at = acked, is_whole, now
        if not self.is_swift and acked > max(SWIFT_AFTER, SWIFT_RATE * (now - self.attached_at)) and here is not None:
            self.is_swift = True
            link.hold_more(here)
        return True

    @property
    def tick(self) -> float:
        """Seconds until it is worth looking again."""
        return SHORT_TICK if self.on_left else TICK

    def attach(self, transport: asyncio.Transport | None, *, now: float) -> None:
        """The connection has come about: what it took to get it was no silence."""
        self.transport, self.at, self.attached_at = transport, now, now

    def round_trip(self) -> float | None:
        """The connection's round trip in seconds, if the platform tells."""
        return None if self._socket is None else link.round_trip(self._socket)

    def abort(self) -> None:
        """End the connection with a reset, so that the peer frees at once what it holds for this request."""
        if self._socket is not None:
            link.forsake(self._socket)
        if self.transport is not None:
            self.transport.abort()

    @property
    def _socket(self) -> link.Descriptor | None:
        if self.transport is None or self.transport.is_closing():
            return None
        found: link.Descriptor | None = self.transport.get_extra_info("socket")
        return found
