"""How fast bytes may leave: a timetable of rates, and when each byte's turn comes. Pure; the time is told.

::

    512k                              always 512 KiB a second
    22:00-06:00 unlimited, 512k       at night as fast as it goes, else 512 KiB a second
"""

import re
from dataclasses import dataclass

from .state import MIB

KIB = 1024

LOWEST = KIB
SLACK = 0.25
GRAINS_A_SECOND = 20
SMALLEST_GRAIN, LARGEST_GRAIN = 32, 64 * KIB
MINUTES_A_DAY = 24 * 60

_ENTRY = re.compile(r"(?:(\d{1,2}:\d\d)\s*-\s*(\d{1,2}:\d\d)\s+)?(\S+)")
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([kmg]?)", re.IGNORECASE)
_UNITS = {"": 1, "k": KIB, "m": MIB, "g": 1024 * MIB}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A rate from one minute of the day to another; over midnight if the end is earlier."""

    start: int
    end: int
    rate: float | None

    def holds(self, minute: int) -> bool:
        """True if this minute of the day belongs to it."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """Rates over the day; the first span that holds counts, and outside of all there is no limit."""

    spans: tuple[Span, ...]

    def rate_at(self, minute: int) -> float | None:
        """Bytes a second at this minute of the day; None for no limit."""
        return next((span.rate for span in self.spans if span.holds(minute)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What of the rate is spoken for: the next byte may leave at ``free_at``."""

    free_at: float = float("-inf")


def parse_timetable(text: str) -> Timetable:
    """The timetable that a text means: entries ``[HH:MM-HH:MM ]RATE``, joined by commas, the first that holds counts.

    ``RATE`` is ``unlimited``, or bytes a second with ``k``, ``M`` or ``G`` for 1024, 1024² and 1024³. Times are local.
    An entry without times holds at all other times, so it comes last.

    Raises:
        ValueError: It means nothing.
    """
    spans: list[Span] = []
    for entry in text.split(","):
        if spans and spans[-1] == _always(spans[-1].rate):
            message = f"rate limit {entry.strip()!r} would never hold: expected the entry without times last"
            raise ValueError(message)
        spans.append(_parse_entry(entry.strip()))
    return Timetable(spans=tuple(spans))


def constant(rate: float) -> Timetable:
    """The same rate all day.

    Raises:
        ValueError: It is below 1 KiB a second.
    """
    return Timetable(spans=(_always(_judge_rate(rate, told=f"{rate:g}")),))


def take(bucket: Bucket, *, size: int, rate: float, at: float) -> tuple[Bucket, float]:
    """Speak for ``size`` bytes: the bucket after them, and the seconds until they may leave.

    Turns are given in the order of the calls. Whoever comes late finds at most ``SLACK`` seconds' worth saved up, so
    that a timer that oversleeps costs nothing, and a pause buys no flood.
    """
    begins = max(bucket.free_at, at - SLACK)
    return Bucket(free_at=begins + size / rate), max(0.0, begins - at)


def grain_of(rate: float) -> int:
    """How many bytes take a turn together: so few that many files see many turns a second.

    A power of two, so that no piece of a file ends in half a turn: each file gets the same share.
    """
    wished = min(max(int(rate / GRAINS_A_SECOND), SMALLEST_GRAIN), LARGEST_GRAIN)
    return 1 << (wished.bit_length() - 1)


def _always(rate: float | None) -> Span:
    return Span(start=0, end=MINUTES_A_DAY, rate=rate)


def _parse_entry(entry: str) -> Span:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        message = f"rate limit {entry!r} is not understood: expected '512k', 'unlimited' or '22:00-06:00 2M'"
        raise ValueError(message)
    start, end, rate = found.groups()
    if start is None:
        return _always(_parse_rate(rate))
    span = Span(start=_parse_time(start), end=_parse_time(end), rate=_parse_rate(rate))
    if span.start in {span.end, MINUTES_A_DAY}:
        message = f"rate limit {entry!r} names no time: expected a beginning and another end"
        raise ValueError(message)
    return span


def _parse_time(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute >= 60 or hour * 60 + minute > MINUTES_A_DAY:  # noqa: PLR2004  # minutes in an hour
        message = f"{text} is no time of day: expected 00:00 to 24:00"
        raise ValueError(message)
    return hour * 60 + minute


def _parse_rate(text: str) -> float | None:
    if text.lower() == "unlimited":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        message = f"rate {text!r} is not understood: expected bytes a second, as 512k or 1.5M, or 'unlimited'"
        raise ValueError(message)
    return _judge_rate(float(found[1]) * _UNITS[found[2].lower()], told=text)


def _judge_rate(rate: float, *, told: str) -> float:
    if rate < LOWEST:
        message = f"rate {told!r} is too low: expected at least 1k (1024 bytes a second)"
        raise ValueError(message)
    return rate
