"""Conditions and ranges of a download, decided before a byte is read.

Spec: RFC 9110 §13 (conditions), §14 (ranges); RFC 6266 and RFC 8187 (names).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from multidict import CIMultiDictProxy

from tusvideo.errors import InvalidField
from tusvideo.protocol import fields

MAX_NAME: Final = 150
"""Characters of a suggested name, at most; its end is kept, for the extension."""

_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e]*"'
_TAGS: Final = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*", re.ASCII)
_RANGE: Final = re.compile(r"([0-9]*)-([0-9]*)", re.ASCII)
_NOT_MODIFIED: Final = 304
_FAILED: Final = 412
_TOO_FAR: Final = 10**19
"""Stands for every position that is written with more than 19 digits."""
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ._()-]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a download answers: ``status`` and ``headers``, then the bytes [start, stop) (none for HEAD)."""

    status: int
    """200, 206, 304, 412 or 416."""
    start: int
    stop: int
    headers: tuple[tuple[str, str], ...]
    """All of them, Content-Length included."""


def plan(  # noqa: PLR0913 - what is known of a file, each fact named where it is given
    method: str,
    *,
    headers: CIMultiDictProxy[str],
    size: int,
    etag: str,
    modified_at: datetime,
    content_type: str | None,
    filename: str,
    public: bool,
    saves: bool = False,
) -> Plan:
    """Decide a GET or HEAD of a published file.

    ``size`` in bytes, ``etag`` strong and with its quotes, ``modified_at`` aware, ``filename`` the name to save it
    under, any text; ``saves`` asks a browser to save it, whatever it is. A condition or range that is malformed is as
    if absent, except for If-Match, which then fails.
    Several ranges at once are answered with the whole. Never raises.
    Spec: RFC 9110 §13.2.2, §14.2.
    """
    caching = (
        ("ETag", etag),
        ("Last-Modified", fields.build_http_date(modified_at)),
        ("Cache-Control", "public, no-cache" if public else "private, no-cache"),
    )
    refusal = _judge_conditions(headers, etag=etag, modified_at=modified_at)
    if refusal is not None:
        length = (("Content-Length", "0"),) if refusal == _FAILED else ()
        return Plan(status=refusal, start=0, stop=0, headers=(*caching, *length))
    common = (*caching, ("Accept-Ranges", "bytes"), *_describe(content_type, filename=filename, saves=saves))
    found = None
    if method == "GET" and _judge_if_range(headers, etag=etag):
        found = _parse_range(headers, size=size)
    if found is None:
        return Plan(status=200, start=0, stop=size, headers=(*common, ("Content-Length", str(size))))
    start, stop = found
    if start >= stop:
        nothing = (("Accept-Ranges", "bytes"), ("Content-Range", f"bytes */{size}"), ("Content-Length", "0"))
        return Plan(status=416, start=0, stop=0, headers=(*caching, *nothing))
    part = (("Content-Range", f"bytes {start}-{stop - 1}/{size}"), ("Content-Length", str(stop - start)))
    return Plan(status=206, start=start, stop=stop, headers=(*common, *part))


def disposition(content_type: str, *, filename: str, saves: bool = False) -> str:
    """Write Content-Disposition: inline for video, attachment for the rest and for what ``saves``.

    The name loses its path and everything that is not shown; what is no plain ASCII goes into ``filename*``.
    Spec: RFC 6266 §4; RFC 8187 §3.2.
    """
    kind = "inline" if content_type.startswith("video/") and not saves else "attachment"
    name = re.split(r"[/\\]", filename)[-1]
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C")[-MAX_NAME:].strip(" .") or "download"
    plain = _PLAIN.sub("_", name)
    if plain == name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _judge_conditions(headers: CIMultiDictProxy[str], *, etag: str, modified_at: datetime) -> int | None:
    """Give 412 or 304 when a condition says so, in the order of RFC 9110 §13.2.2; else None."""
    if "If-Match" in headers:
        if not _matches(headers, "If-Match", etag=etag, weakly=False):
            return _FAILED
    elif (limit := _date(headers, "If-Unmodified-Since")) is not None and _whole(modified_at) > limit:
        return _FAILED
    if "If-None-Match" in headers:
        return _NOT_MODIFIED if _matches(headers, "If-None-Match", etag=etag, weakly=True) else None
    since = _date(headers, "If-Modified-Since")
    return _NOT_MODIFIED if since is not None and _whole(modified_at) <= since else None


def _matches(headers: CIMultiDictProxy[str], name: str, *, etag: str, weakly: bool) -> bool:
    text = ",".join(headers.getall(name)).strip(" \t")
    if text == "*":
        return True
    if _TAGS.fullmatch(text) is None:
        return False
    tags = re.findall(_TAG, text)
    return etag in tags or (weakly and f"W/{etag}" in tags)


def _judge_if_range(headers: CIMultiDictProxy[str], *, etag: str) -> bool:
    """Tell whether the client's copy is the present file, so that a part of it makes sense.

    A date never tells that: an address may get another content within one second, or one whose date is no later. Who
    was told a tag, as everybody is, must not ask by date (RFC 9110 §13.1.5).
    """
    return headers.getall("If-Range", [etag]) == [etag]


def _parse_range(headers: CIMultiDictProxy[str], *, size: int) -> tuple[int, int] | None:
    """Give [start, stop), empty when it cannot be satisfied; None when there is no range to be honoured."""
    values = headers.getall("Range", [])
    unit, _, text = values[0].partition("=") if len(values) == 1 else ("", "", "")
    found = _RANGE.fullmatch(text.strip(" \t"))
    if unit.strip(" \t").lower() != "bytes" or found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        wanted = _position(found[2])
        # An empty file has no part that Content-Range could name, but its whole is what was asked for.
        return None if wanted and not size else (max(size - wanted, 0), size)
    first = _position(found[1])
    last = _position(found[2]) if found[2] else size - 1
    if found[2] and last < first:
        return None
    return first, min(last + 1, size)


def _position(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) < len(str(_TOO_FAR)) else _TOO_FAR


def _date(headers: CIMultiDictProxy[str], name: str) -> datetime | None:
    values = headers.getall(name, [])
    try:
        return fields.parse_http_date(values[0], field=name) if len(values) == 1 else None
    except InvalidField:
        return None


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _describe(content_type: str | None, *, filename: str, saves: bool) -> tuple[tuple[str, str], ...]:
    """Describe the content so that a browser neither guesses nor runs it."""
    kind = content_type or "application/octet-stream"
    return (
        ("Content-Type", kind),
        ("Content-Disposition", disposition(kind, filename=filename, saves=saves)),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "sandbox; default-src 'none'"),
    )
