"""The file name in a Content-Disposition field, as clients that follow no convention of ours tell it.

Spec: RFC 6266 §4; RFC 8187 §3.2 for ``filename*``.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(rf';[ \t]*({_NAME})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.ASCII)
_ESCAPED: Final = re.compile(r"\\(.)")
_EXTENDED: Final = re.compile(r"(utf-8|iso-8859-1)'[^']*'([\x21-\x7e]*)", re.ASCII | re.IGNORECASE)


def parse_filename(value: str) -> str | None:
    """Give the file name: that of ``filename*`` if it can be read, else that of ``filename``; None without one.

    Nothing is refused: a name is a courtesy. What it holds is foreign text, a path or control characters included.
    Spec: RFC 6266 §4.3.
    """
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(value):
        found.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) or bare.strip(" \t"))
    return _decode(found.get("filename*", "")) or found.get("filename") or None


def _decode(text: str) -> str | None:
    extended = _EXTENDED.fullmatch(text)
    if extended is None:
        return None
    try:
        return unquote_to_bytes(extended[2]).decode(extended[1])
    except UnicodeDecodeError:
        return None
