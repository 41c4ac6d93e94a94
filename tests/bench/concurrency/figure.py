"""One measured thing, and what it must be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value with the bound that issue and README promise; without one it is only told."""

    what: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        """True unless a bound is broken."""
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def bound(self) -> str:
        """The bound in words."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return "" if self.least is None else f"at least {self.least:g}"


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest of the values that so large a share of them does not exceed."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def milliseconds(what: str, seconds: Sequence[float], *, share: float, most: float, note: str = "") -> Figure:
    """Make a figure of a percentile; median and longest are told beside it."""
    told = f"{len(seconds)} times, median {percentile(seconds, 0.5) * 1000:.1f}, longest {max(seconds) * 1000:.0f} ms"
    return Figure(
        what=f"{what}, p{share * 100:g}",
        value=percentile(seconds, share) * 1000,
        unit="ms",
        most=most,
        note=f"{told}; {note}" if note else told,
    )
