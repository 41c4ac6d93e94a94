"""Small bodies, read defensively: JSON objects and URL-encoded forms; and JSON answers."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn
from urllib.parse import parse_qsl

from tusvideo.errors import InvalidField, TooLarge
from tusvideo.message import ResponseHead

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16
MAX_FIELDS: Final = 64
MAX_DIGITS: Final = 19
"""Digits of a whole number; nothing that we count needs more, and converting many more is slow."""
MAX_FLOAT_CHARACTERS: Final = 40

_TOKEN: Final = re.compile(rb'\\.|["\[\]{}]', re.DOTALL)


def parse_object(raw: bytes) -> dict[str, object]:
    """Read a JSON object of at most 64 KiB, nested at most 16 deep.

    Raises TooLarge; InvalidField for anything that is not such an object, for a repeated key, NaN, Infinity, a whole
    number of more than 19 digits, and text that is not Unicode (bad UTF-8, half a surrogate pair).
    Spec: RFC 8259.
    """
    if len(raw) > MAX_BYTES:
        raise TooLarge("the JSON body", limit=MAX_BYTES, got=len(raw))
    if _depth(raw) > MAX_DEPTH:
        _refuse(f"at most {MAX_DEPTH} levels")
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_whole_number,
            parse_float=_number,
            parse_constant=_refuse,
        )
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except ValueError:
        _refuse("malformed text")
    if not isinstance(document, dict):
        _refuse("another JSON value")
    return document


def form_fields(raw: bytes) -> Mapping[str, Sequence[str]]:
    """Read ``application/x-www-form-urlencoded`` of at most 64 KiB and 64 fields; every name with all its values.

    Raises TooLarge, InvalidField.
    Spec: WHATWG URL § application/x-www-form-urlencoded parsing.
    """
    if len(raw) > MAX_BYTES:
        raise TooLarge("the form", limit=MAX_BYTES, got=len(raw))
    fields: dict[str, list[str]] = {}
    if not raw:
        return fields
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        expected = f"at most {MAX_FIELDS} URL-encoded fields in UTF-8"
        raise InvalidField("the form", expected=expected, got=raw[:60].decode("latin-1")) from None
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def render(
    document: Mapping[str, object], *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> ResponseHead:
    """Answer with a JSON object, in ASCII: nothing in a text can be cut wrong on its way."""
    return ResponseHead(
        status=status,
        headers=(("Content-Type", "application/json"), *headers),
        body=json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii"),
    )


def _depth(raw: bytes) -> int:
    """Count how deep brackets nest outside of strings; one pass, no recursion."""
    depth = deepest = 0
    in_string = False
    for token in _TOKEN.finditer(raw):
        match token[0]:
            case b'"':
                in_string = not in_string
            case b"[" | b"{" if not in_string:
                depth += 1
                deepest = max(deepest, depth)
            case b"]" | b"}" if not in_string:
                depth -= 1
    return deepest


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse("a repeated key")
    return found


def _whole_number(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        _refuse(f"a number of more than {MAX_DIGITS} digits")
    return int(digits)


def _number(text: str) -> float:
    number = float(text) if len(text) <= MAX_FLOAT_CHARACTERS else math.inf
    if not math.isfinite(number):
        _refuse("a number out of range")
    return number


def _refuse(got: str) -> NoReturn:
    raise InvalidField("the JSON body", expected="one JSON object", got=got)
