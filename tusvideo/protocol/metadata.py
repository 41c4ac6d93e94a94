"""Upload-Metadata: pairs of a key and a base64 value, kept as they came.

Spec: tus 1.0.0 § Creation / Headers / Upload-Metadata.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tusvideo.errors import HeadersTooLarge, InvalidField

MAX_BYTES: Final = 64 * 1024
"""Bytes of the whole value."""

_KEY: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]+", re.ASCII)
_ABSENT: Final = frozenset({"", "null"})
"""Texts that Uppy sends for a field that has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a client told about its file. ``raw`` is its own wording, for the echo; ``values`` are bytes."""

    raw: str = ""
    values: Mapping[str, bytes]

    def text(self, *names: str) -> str | None:
        """Give the first of these values that is a text: UTF-8, not empty and not ``null``; else None."""
        for name in names:
            try:
                text = self.values.get(name, b"").decode("utf-8")
            except UnicodeDecodeError:
                continue
            if text not in _ABSENT:
                return text
        return None

    def exact_text(self, name: str) -> str | None:
        """Give a value that must not be overlooked; None when it is absent, empty or ``null``. Raises InvalidField when
        it is no UTF-8: what was meant is not known, and doing without it would be something else."""
        value = self.values.get(name, b"")
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            expected = f"{name} as UTF-8 in base64"
            raise InvalidField("Upload-Metadata", expected=expected, got=value.decode("latin-1")) from None
        return None if text in _ABSENT else text


def parse(lines: Sequence[str]) -> Metadata:
    """Read all Upload-Metadata lines of a head; several are one list, and empty ones do not count.

    A key is visible ASCII without a comma and may stand alone; spaces around a pair are ignored. Raises InvalidField
    for an empty or repeated key and for a value that is not padded standard base64; HeadersTooLarge above 64 KiB.
    Spec: tus 1.0.0 § Creation / Headers / Upload-Metadata; RFC 9110 §5.3 for several lines.
    """
    raw = ",".join(line for line in lines if line.strip(" \t"))
    if len(raw) > MAX_BYTES:
        raise HeadersTooLarge(limit=MAX_BYTES, got=len(raw))
    values: dict[str, bytes] = {}
    for pair in raw.split(",") if raw else ():
        key, value = _parse_pair(pair.strip(" \t"))
        if key in values:
            raise InvalidField("Upload-Metadata", expected="every key once", got=pair)
        values[key] = value
    return Metadata(raw=raw, values=values)


def build(values: Mapping[str, bytes]) -> str:
    """Write the value of Upload-Metadata; an empty value is a key alone. Raises InvalidField for an unusable key."""
    pairs = []
    for key, value in values.items():
        pair = f"{key} {base64.b64encode(value).decode('ascii')}" if value else key
        _parse_pair(pair)
        pairs.append(pair)
    return ",".join(pairs)


def _parse_pair(pair: str) -> tuple[str, bytes]:
    key, space, value = pair.partition(" ")
    # A lone 'YQ==' is a value that lost its key (HTTP trims the space before it), never a name that anybody chose.
    if _KEY.fullmatch(key) is None or (not space and key.endswith("=")):
        raise InvalidField("Upload-Metadata", expected="pairs of a key (visible ASCII) and a base64 value", got=pair)
    try:
        return key, base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise InvalidField("Upload-Metadata", expected=f"{key} followed by padded base64", got=pair) from None
