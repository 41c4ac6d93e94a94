"""Checksums as clients name them."""

import re
from typing import Final

from tusvideo.errors import InvalidField

_SHA256: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def parse_sha256(text: str, *, field: str) -> str:
    """Read a SHA-256 in hex and give it in lower case. Raises InvalidField unless it is 64 hex digits."""
    if _SHA256.fullmatch(text) is None:
        raise InvalidField(field, expected="the SHA-256 as 64 hex digits", got=text)
    return text.lower()
