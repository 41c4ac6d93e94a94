"""What a bar shows of an upload: a position that never falls, its speed, and in words what the upload is doing.

Shared by the bars of the command line, of tqdm and of rich, which only draw; the last two know a speed of their own.
"""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from .events import Failed, Finished
from .model import Phase, Progress

ALMOST = 99
MIB = 1024 * 1024
MOVING = {Phase.SENDING, Phase.FINALIZING, Phase.DONE}
RATE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What to show now.

    Attributes:
        position: Bytes; never falls, and is the total only when the upload is done. At most 99 % before, because bars
            round.
        total: Bytes of the whole; None while it is not known.
        jump: How much of the way from the last position was not sent now but found: it says nothing of the speed.
        stored: Bytes that the server confirmed.
        note: What is being done instead of sending; empty while bytes move.
        is_done: True at the end.
    """

    position: int
    total: int | None
    jump: int
    stored: int
    note: str
    is_done: bool

    def words(self) -> str:
        """What is stored, and why nothing is sent if nothing is."""
        stored = f"{self.stored / MIB:.1f} MiB stored"
        return f"{stored}, {self.note}" if self.note else stored


class Gauge:
    """Turns the progress of one upload into readings."""

    def __init__(self) -> None:
        self._before: Progress | None = None
        self._position = 0

    def is_of(self, now: Progress) -> bool:
        """True if this can be of the upload that was read before: its per cents never fall, and its length is one."""
        before = self._before
        if before is None:
            return True
        has_one_length = before.total in (None, now.total)
        return has_one_length and before.phase is not Phase.DONE and now.percent >= before.percent

    def read(self, now: Progress) -> Reading:
        """Take in where the upload stands."""
        before, position = self._before, self._position
        is_done = now.phase is Phase.DONE
        total = now.total
        if total is None:
            position = max(position, now.sent)
        elif is_done:
            position = total
        else:
            most = total * ALMOST // 100
            position = max(position, min(most, int(total * now.percent / 100)))
            if position > most:  # a stream that has just told its length, and is sent but for the server's yes
                total = None
        was_moving = before is not None and before.phase in MOVING
        jump = 0 if was_moving else position - self._position
        self._before, self._position = now, position
        return Reading(position=position, total=total, jump=jump, stored=now.stored, note=_note(now), is_done=is_done)


class Rate:
    """Bytes per second over the last few seconds of sending: neither what was found stored nor a wait is speed."""

    def __init__(self) -> None:
        self._before: Progress | None = None
        self._at = 0.0
        self._lasted = 0.0
        self._rate = 0.0

    def read(self, now: Progress, *, at: float) -> float:
        """Take in where the upload stands at a time in seconds; returns the rate, 0 until bytes were seen to move.

        A step back after a cut changes nothing.
        """
        before, span = self._before, at - self._at
        sent = now.sent - before.sent if before and before.phase is now.phase is Phase.SENDING else -1
        if span > 0 and sent >= 0:
            self._lasted += span  # at first the mean of all there was: from 0 it would climb for seconds
            weight = min(1.0, span / min(self._lasted, RATE_SECONDS))
            self._rate += weight * (sent / span - self._rate)
        self._before, self._at = now, at
        return self._rate


class Bar(Protocol):
    """One bar on a screen."""

    def show(self, now: Reading) -> None:
        """Draw this."""
        ...

    def close(self, note: str) -> None:
        """Draw no more; the note says why, if the upload did not succeed. Called once."""
        ...


@dataclass(slots=True, kw_only=True)
class _Track:
    bar: Bar
    gauge: Gauge = field(default_factory=Gauge)


class Board:
    """Bars by what they stand for: made when an upload begins, closed when it ended, all closed at the end.

    Usable from any thread. What is told after :meth:`close` is not shown.

    Args:
        make: Makes the bar for an upload of this name.
    """

    def __init__(self, make: Callable[[str], Bar]) -> None:
        self._make = make
        self._tracks: dict[Hashable, _Track] = {}
        self._guard = threading.Lock()
        self._is_closed = False

    def tell(self, event: object, *, key: Hashable, name: str) -> None:
        """Show what happened to an upload; the next one under the same key gets the next bar.

        Raises:
            TypeError: This is the per cent of ``upload_video``, which says nothing of bytes.
        """
        if isinstance(event, int):
            message = "a bar wants the progress of bytes: give it as `progress` to `upload`, not as `on_progress`"
            raise TypeError(message)
        with self._guard:
            if self._is_closed:
                return
            match event:
                case Progress():
                    self._show(event, key=key, name=name)
                case Failed(error=error):
                    self._end(key, f"failed: {error}")
                case Finished():
                    self._end(key, "")
                case _:
                    pass  # progress tells of it too, in words

    def close(self) -> None:
        """Close what is open; safe to repeat."""
        with self._guard:
            self._is_closed = True
            for key in list(self._tracks):
                self._end(key, "stopped")

    def _show(self, now: Progress, *, key: Hashable, name: str) -> None:
        track = self._tracks.get(key)
        if track is not None and not track.gauge.is_of(now):
            self._end(key, "stopped")
            track = None
        if track is None:
            track = self._tracks[key] = _Track(bar=self._make(name))
        reading = track.gauge.read(now)
        track.bar.show(reading)
        if reading.is_done:
            self._end(key, "")

    def _end(self, key: Hashable, note: str) -> None:
        track = self._tracks.pop(key, None)
        if track is not None:
            track.bar.close(note)


def _note(now: Progress) -> str:
    if now.waiting:
        return f"waiting: {now.waiting}"
    return "" if now.phase in {Phase.SENDING, Phase.DONE} else str(now.phase)
