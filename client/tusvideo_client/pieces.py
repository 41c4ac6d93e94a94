"""How long one request should be: pure arithmetic on what was stored and what was lost.

Where the server keeps what arrived of a request that was cut, long requests are best. Where a piece counts only when it
is whole (the chunk API, a proxy that buffers), a piece that takes ``t`` seconds on a link that is cut every ``M`` s
sends ``(e^x - 1)/x`` bytes for each useful one, with ``x = t/M``; against a fixed cost of ``delta`` seconds for each
request the best time is the square root of ``2 * delta * M``: the rule for the distance of checkpoints.
"""

import math
from dataclasses import dataclass, replace

KIB, MIB = 1024, 1024 * 1024

SMALLEST, LARGEST = 256 * KIB, 64 * MIB
LONGEST_SECONDS = 60.0
FIRST_BETWEEN_FAULTS = 120.0
FIRST_DELTA = 0.25
WEIGHT = 0.3
SUSPICIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What is known of the link and of what stands between.

    Attributes:
        is_atomic: A piece counts only when it is whole.
        rate: Stored bytes a second, smoothed; None before the first.
        between_faults: Seconds between two faults, smoothed.
        delta: Fixed cost of a request in seconds.
        at_most: What the last piece allows: twice its size after it was stored, half of it after it was lost.
        fault_at: When the last fault, or else the beginning, was.
        suspicions: Cuts in a row after which most of what the peer had acknowledged was not stored.
    """

    fault_at: float
    is_atomic: bool = False
    rate: float | None = None
    between_faults: float = FIRST_BETWEEN_FAULTS
    delta: float = FIRST_DELTA
    at_most: int = MIB
    suspicions: int = 0


def next_size(pace: Pace, *, at: float, ceiling: int = LARGEST) -> int:
    """Bytes of the next piece: at most ``ceiling``.

    A calm that lasts longer than the usual time between faults counts as soon as it does.
    """
    if pace.is_atomic or pace.suspicions:
        between = max(pace.between_faults, at - pace.fault_at)
        best = pace.at_most if pace.rate is None else pace.rate * math.sqrt(2 * pace.delta * between)
        wished = min(best, pace.at_most)
    else:
        wished = LARGEST if pace.rate is None else pace.rate * LONGEST_SECONDS
    return int(min(max(wished, SMALLEST), LARGEST, ceiling))


def after_stored(pace: Pace, *, size: int, stored: int, seconds: float) -> Pace:
    """A piece of ``size`` bytes was answered after ``seconds``, and ``stored`` bytes of it are new on the server."""
    if stored <= 0:
        return pace
    fresh = stored / max(seconds, 1e-3)
    rate = fresh if pace.rate is None else pace.rate + WEIGHT * (fresh - pace.rate)
    return replace(pace, rate=rate, at_most=2 * size)


def after_fault(pace: Pace, *, size: int, at: float) -> Pace:
    """A piece of ``size`` bytes was lost: the next one is half as long at once."""
    lasted = max(0.0, at - pace.fault_at)
    between = pace.between_faults + WEIGHT * (lasted - pace.between_faults)
    return replace(pace, between_faults=max(1.0, between), fault_at=at, at_most=max(SMALLEST, size // 2))


def after_recount(pace: Pace, *, acked: int, stored: int) -> Pace:
    """After a cut: the peer had acknowledged ``acked`` bytes of the piece, and the server has ``stored`` of them.

    Twice in a row less than half: somebody on the way holds bodies back until they are whole. After the first time
    requests are short, until a cut tells whether that is so: another long one would be lost as a whole.
    """
    if acked < SMALLEST:
        return pace  # too few to tell a proxy from what was under way
    if 2 * stored >= acked:
        return replace(pace, suspicions=0)
    suspicions = pace.suspicions + 1
    at_most = max(SMALLEST, min(pace.at_most, acked // 4))
    is_atomic = pace.is_atomic or suspicions >= SUSPICIONS
    return replace(pace, suspicions=suspicions, is_atomic=is_atomic, at_most=at_most)
