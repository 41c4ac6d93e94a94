"""Problem details for every error, and the statuses on which the dialects agree.

Spec: RFC 9457 (problem details), RFC 9110 §15 (statuses), §10.2.1 Allow, §10.2.3 Retry-After, §11.6.1 WWW-Authenticate.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import chain, islice
from typing import Final

from tusvideo import errors
from tusvideo.message import ResponseHead
from tusvideo.protocol import json_body

MAX_MISSING: Final = 1_000
"""Indexes of missing chunks in one answer, at most."""

SHARED: Final[Mapping[type[errors.TusvideoError], int]] = {
    errors.TusvideoError: 500,
    errors.RequestError: 400,
    errors.MissingField: 400,
    errors.InvalidField: 400,
    errors.UnsupportedVersion: 412,
    errors.MethodNotAllowed: 405,
    errors.ExpectationFailed: 417,
    errors.HeadersTooLarge: 431,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Expired: 410,
    errors.TooLarge: 413,
    errors.TooSmall: 400,
    errors.UnsupportedType: 415,
    errors.UnsupportedCoding: 415,
    errors.InconsistentLength: 400,
    errors.UnsupportedDigest: 400,
    errors.InvalidDigest: 400,
    errors.Disagreement: 409,
    errors.OffsetMismatch: 409,
    errors.PartConflict: 409,
    errors.PartsMissing: 409,
    errors.AlreadyComplete: 409,
    errors.TooManyCaptions: 409,
    errors.WrongProtocol: 409,
    errors.Unavailable: 503,
    errors.Stopping: 503,
    errors.Overloaded: 503,
    errors.TookTooLong: 503,
    errors.DiskFull: 507,
    errors.StorageFailed: 503,
    errors.ConfigError: 500,
}
"""What every dialect answers alike; a dialect's own table adds the rest."""

STATUS: Final[Mapping[type[errors.TusvideoError], int]] = {
    **SHARED,
    errors.ChecksumMismatch: 422,
    errors.FactConflict: 409,
    errors.TooManyStreams: 429,
    errors.Busy: 503,
    errors.TransferEnded: 503,
    errors.BodyCut: 503,
    errors.BodyStalled: 503,
    errors.Preempted: 503,
    errors.SessionConflict: 503,
}
"""The table of plain HTTP: the chunk routes, the records, downloads and pages."""

UNEXPECTED: Final = "something went wrong here that nobody foresaw; try again, and name this request id if it stays"

_PHRASES: Final = {460: "Checksum Mismatch"}
_FIXED: Final[Mapping[type[errors.TusvideoError], str]] = {
    errors.TransferEnded: "the body did not arrive whole; what came is kept, ask for the offset and continue there",
    errors.SessionConflict: "the upload changed meanwhile; ask for the offset and try again",
    errors.ConfigError: "the server is not set up right; tell whoever runs it",
}
"""Errors whose own text is for the log, not for a client."""
_DATA: Final[Mapping[type[errors.TusvideoError], Mapping[str, str]]] = {
    errors.MissingField: {"field": "field", "expected": "expected"},
    errors.InvalidField: {"field": "field", "expected": "expected"},
    errors.UnsupportedVersion: {"supported": "supported"},
    errors.MethodNotAllowed: {"allowed": "allowed"},
    errors.TooLarge: {"limit": "limit"},
    errors.TooSmall: {"limit": "limit"},
    errors.UnsupportedType: {"expected": "expected"},
    errors.OffsetMismatch: {"offset": "expected"},
    errors.PartConflict: {"chunkIndex": "index"},
    errors.FactConflict: {"field": "field", "stored": "stored"},
    errors.Unavailable: {"retryAfter": "retry_after"},
}
"""The typed data of an error: key of the JSON, name of the attribute."""


def status_of(error: errors.TusvideoError, statuses: Mapping[type[errors.TusvideoError], int] = STATUS) -> int:
    """Look up the status of an error; a class without a row has that of its parent."""
    return next(statuses[kind] for kind in type(error).__mro__ if kind in statuses)


def document(error: errors.TusvideoError, *, status: int) -> dict[str, object]:
    """Give the problem details of an error: a sentence, a stable ``code``, and its typed data.

    ``success`` and ``error`` are for clients of the original server.
    Spec: RFC 9457 §3.
    """
    fixed = next((_FIXED[kind] for kind in type(error).__mro__ if kind in _FIXED), None)
    detail = fixed or str(error) or _phrase(status)
    return _document(status, code=error.code, detail=detail, extras=_extras(error))


def headers(error: errors.TusvideoError, *, status: int) -> tuple[tuple[str, str], ...]:
    """Give the fields that the status calls for: Allow, WWW-Authenticate, Accept-Encoding, Retry-After.

    Spec: RFC 9110 §15.5.2, §15.5.6, §15.5.16, §10.2.3; RFC 4918 §11.3.
    """
    if isinstance(error, errors.MethodNotAllowed):
        return (("Allow", ", ".join(error.allowed)),)
    if isinstance(error, errors.Unauthenticated):
        return (("WWW-Authenticate", f'{error.scheme} realm="tusvideo"'),)
    if isinstance(error, errors.UnsupportedCoding):
        return (("Accept-Encoding", "identity"),)
    if status in {423, 429, 503, 507}:
        return (("Retry-After", str(_retry_after(error))),)
    return ()


def render(
    error: errors.TusvideoError,
    *,
    head_only: bool = False,
    statuses: Mapping[type[errors.TusvideoError], int] = STATUS,
) -> ResponseHead:
    """Answer an error: status by the table, the fields that belong to it and, unless ``head_only``, problem details.

    An answer to HEAD has no body and is never stored by a cache.
    Spec: RFC 9457 §3; RFC 9110 §9.3.2.
    """
    status = status_of(error, statuses)
    return answer(document(error, status=status), status=status, fields=headers(error, status=status), bare=head_only)


def render_unexpected(request_id: str, *, head_only: bool = False) -> ResponseHead:
    """Answer an exception that nobody foresaw: 500, a fixed sentence and the request id, nothing else.

    Spec: RFC 9457 §5 (no implementation detail).
    """
    return answer(unexpected(request_id, status=500), status=500, fields=(), bare=head_only)


def unexpected(request_id: str, *, status: int) -> dict[str, object]:
    """Give the problem details of an exception that nobody foresaw."""
    return _document(status, code="internal", detail=UNEXPECTED, extras={"requestId": request_id})


def answer(
    details: Mapping[str, object], *, status: int, fields: Iterable[tuple[str, str]], bare: bool
) -> ResponseHead:
    """Put status, fields and problem details together; ``bare`` leaves the body out, as HEAD wants it."""
    if bare:
        return ResponseHead(status=status, headers=(("Cache-Control", "no-store"), *fields))
    body = json_body.render(details).body
    return ResponseHead(status=status, headers=(("Content-Type", "application/problem+json"), *fields), body=body)


def _document(status: int, *, code: str, detail: str, extras: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "about:blank",
        "title": _phrase(status),
        "status": status,
        "detail": detail,
        "code": code,
        "success": False,
        "error": detail,
        **extras,
    }


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def _retry_after(error: errors.TusvideoError) -> int:
    return error.retry_after if isinstance(error, errors.Unavailable) else errors.Unavailable.retry_after


def _extras(error: errors.TusvideoError) -> Mapping[str, object]:
    if isinstance(error, errors.PartsMissing):
        return {"missing": list(first_indexes(error.missing)), "missingCount": error.count}
    names = next((_DATA[kind] for kind in type(error).__mro__ if kind in _DATA), {})
    return {key: getattr(error, name) for key, name in names.items()}


def first_indexes(ranges: Iterable[tuple[int, int]], *, most: int = MAX_MISSING) -> Iterable[int]:
    """Spell out ranges [first, last] as single indexes, at most ``most`` of them."""
    return islice(chain.from_iterable(range(first, last + 1) for first, last in ranges), most)
