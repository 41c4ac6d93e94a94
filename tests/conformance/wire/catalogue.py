"""The checks by their ids, and what must be there before each can be asked."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import Level

Ask = Callable[[Target], None]


class House(StrEnum):
    """The settings that our own server has for a check; a server of somebody else is taken as it is."""

    PLAIN = "plain"
    LIMITED = "limited"
    """At most 1,000 bytes an upload."""
    NARROW = "narrow"
    """From 10 to 1,000 bytes a request in the draft."""
    HASTY = "hasty"
    """Uploads expire after 1 s, stalled bodies and silent holders are given up sooner than usual."""
    SHARED = "shared"
    """Two users, by ``Authorization: Bearer alice`` and ``bob``."""
    MORTAL = "mortal"
    """May be killed, and started again."""


LIMIT: Final = 1000
"""Bytes of an upload in ``House.LIMITED``, and of one request in ``House.NARROW``."""
LEAST: Final = 10
"""Bytes of one request in ``House.NARROW`` that is not the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One item of the list."""

    id: str
    level: Level
    rule: str
    """What is expected, in one sentence."""
    ask: Ask
    extension: str | None = None
    """Must be announced."""
    inside: bool = False
    """Looks at disk, rows or log, kills, or needs settings: only our own server can be asked."""
    house: House = House.PLAIN

    @property
    def suite(self) -> str:
        """``tus`` for the items with a letter, ``ietf`` for the numbers."""
        return "ietf" if self.id.isdigit() else "tus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """An item that another test of this repository asks, or that is not asked at all."""

    id: str
    level: Level
    why: str
    tests: tuple[str, ...] = ()
    """Where, as pytest names them (or a folder); empty for what is not asked, with the reason in ``why``."""


CHECKS: Final[dict[str, Check]] = {}
ELSEWHERE: Final[dict[str, Elsewhere]] = {}


def check(
    id_: str,
    level: Level,
    *,
    extension: str | None = None,
    inside: bool = False,
    house: House = House.PLAIN,
) -> Callable[[Ask], Ask]:
    """Enter a function as an item; the first paragraph of its docstring is the rule."""

    def enter(ask: Ask) -> Ask:
        rule = " ".join((ask.__doc__ or "").split("\n\n")[0].split())
        add(Check(id=id_, level=level, rule=rule, ask=ask, extension=extension, inside=inside, house=house))
        return ask

    return enter


def add(item: Check) -> None:
    """Enter an item. Raises ValueError for an id that is taken."""
    if item.id in CHECKS or item.id in ELSEWHERE:
        raise ValueError(f"{item.id} is there twice")
    CHECKS[item.id] = item


def elsewhere(id_: str, level: Level, why: str, *tests: str) -> None:
    """Enter an item that is not asked over the wire. Raises ValueError for an id that is taken."""
    if id_ in CHECKS or id_ in ELSEWHERE:
        raise ValueError(f"{id_} is there twice")
    ELSEWHERE[id_] = Elsewhere(id=id_, level=level, why=why, tests=tests)
