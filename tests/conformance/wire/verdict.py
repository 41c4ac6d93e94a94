"""How a check ends: it returns, it failed, or it does not apply; and how strong the rule is that it asks about."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """Who sets a rule, and how strictly."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    """Left open by the protocol; asked about because a client may do it."""
    HTTP = "HTTP"
    """A rule of RFC 9110, RFC 9112 or Fetch."""
    OURS = "OURS"
    """The protocol is silent, and this is what tusvideo answers."""


MUST: Final = Level.MUST
SHOULD: Final = Level.SHOULD
MAY: Final = Level.MAY
HTTP: Final = Level.HTTP
OURS: Final = Level.OURS


class Failed(AssertionError):
    """A rule was broken; ``str()`` tells in one sentence what was sent, what was expected and what came."""


class NotApplicable(Exception):
    """A check that cannot be asked here; ``str()`` tells why."""


class Result(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ANNOUNCED = "not announced"
    """It belongs to an extension that OPTIONS does not name."""
    NEEDS_INSIDE = "needs the inside"
    """It looks at disk, rows or log, kills the server or sets it up: only our own can be asked."""
    NOT_APPLICABLE = "not applicable"
    """This server has nothing that the rule is about."""
    ELSEWHERE = "tested elsewhere"
    """Another test of this repository asks it, and is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one check."""

    id: str
    level: Level
    result: Result
    rule: str
    why: str = ""
    """The sentence of the failure, or the reason for not asking."""
    seconds: float = 0.0
