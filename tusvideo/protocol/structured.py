"""Structured field values (RFC 9651) as the IETF dialect reads them: one wrong character, and there was no field.

Spec: RFC 9651 §4; RFC 9110 §5.3 (lines of one name are one list).
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import http_sf

T = TypeVar("T")

MAX_INTEGER: Final = 999_999_999_999_999
"""The largest Integer: 15 digits (RFC 9651 §3.3.1)."""


def parse_integer(lines: Sequence[str]) -> int | None:
    """Read an Item that is an Integer from 0 on; parameters are ignored. None for anything else, and for no lines.

    Spec: RFC 9651 §4.2.4.
    """
    value = _item(lines)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def parse_boolean(lines: Sequence[str]) -> bool | None:
    """Read an Item that is a Boolean, ``?1`` or ``?0``; parameters are ignored. None for anything else.

    Spec: RFC 9651 §4.2.8.
    """
    value = _item(lines)
    return value if isinstance(value, bool) else None


def parse_dictionary(lines: Sequence[str], kind: type[T]) -> Mapping[str, T] | None:
    """Read a Dictionary whose values are all of one kind; of a key that comes twice the last counts.

    None for anything else, also when a single value is of another kind; empty for no lines.
    Spec: RFC 9651 §4.2.2.
    """
    members = _parse(lines, "dictionary")
    if not isinstance(members, dict):
        return None
    found: dict[str, T] = {}
    for key, (value, _) in members.items():
        if not isinstance(value, kind) or isinstance(value, bool):
            return None
        found[key] = value
    return found


def build_boolean(value: bool) -> str:  # noqa: FBT001 - the value itself, not a switch
    """Write a Boolean."""
    return "?1" if value else "?0"


def build_dictionary(members: Mapping[str, int | bytes]) -> str:
    """Write a Dictionary of Integers and Byte Sequences; numbers above 15 digits are cut to the largest there is."""
    bare = {key: (min(value, MAX_INTEGER) if isinstance(value, int) else value) for key, value in members.items()}
    return http_sf.ser({key: (value, {}) for key, value in bare.items()})


def _item(lines: Sequence[str]) -> object:
    parsed = _parse(lines, "item")
    return parsed[0] if isinstance(parsed, tuple) else None


def _parse(lines: Sequence[str], kind: str) -> object:
    try:
        return http_sf.parse(", ".join(lines).encode("ascii"), tltype=kind)
    except (http_sf.StructuredFieldError, UnicodeEncodeError):
        return None
