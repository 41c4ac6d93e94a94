"""Conditions and ranges of a download, decided before a byte is read.

Spec: RFC 9110 §13 (conditions), §14 (ranges); RFC 6266 and 8187 (names).
"""

from dataclasses import dataclass
from datetime import datetime

from multidict import CIMultiDictProxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a download answers: ``status`` and ``headers``, then the bytes [start, stop) (none for HEAD)."""

    status: int
    """200, 206, 304, 412 or 416."""
    start: int
    stop: int
    headers: tuple[tuple[str, str], ...]
    """All of them, Content-Length included."""


def plan(
    method: str,
    *,
    headers: CIMultiDictProxy[str],
    size: int,
    etag: str,
    modified_at: datetime,
    content_type: str | None,
    filename: str,
    public: bool,
) -> Plan:
    """Decide a GET or HEAD of a published file.

    ``size`` in bytes, ``etag`` with its quotes, ``modified_at`` aware, ``filename`` the name to save it under.
    """
    raise NotImplementedError


def disposition(content_type: str, *, filename: str) -> str:
    """Write Content-Disposition: inline for video, attachment for the rest, whatever the name holds."""
    raise NotImplementedError
