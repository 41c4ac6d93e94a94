"""The words of the IETF draft: structured fields, limits, problem types, digests. Pure; no request is made here.

A field that does not read as the draft wants it counts as absent, as the draft wants that too.

Spec: draft-ietf-httpbis-resumable-upload-12 (interop version 9); RFC 9651 (structured fields); RFC 9530 (digests).
"""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import quote

from .wire import SHA_256, parse_object

INTEROP_VERSION = 9

UPLOAD_COMPLETE = "Upload-Complete"
UPLOAD_DRAFT_INTEROP_VERSION = "Upload-Draft-Interop-Version"
UPLOAD_LIMIT = "Upload-Limit"
CONTENT_DISPOSITION = "Content-Disposition"
CONTENT_DIGEST = "Content-Digest"
REPR_DIGEST = "Repr-Digest"
WANT_REPR_DIGEST = "Want-Repr-Digest"

PARTIAL_UPLOAD = "application/partial-upload"
YES, NO = "?1", "?0"

_PROBLEMS = "https://iana.org/assignments/http-problem-types#"
MISMATCHING_OFFSET = f"{_PROBLEMS}mismatching-upload-offset"
COMPLETED_UPLOAD = f"{_PROBLEMS}completed-upload"
MISMATCHING_DIGEST = f"{_PROBLEMS}digest-mismatched-values"

_KEY = r"[a-z*][a-z0-9_.*-]*"
_VALUE = r"(?:\"(?:[^\"\\]|\\[\"\\])*\"|\([^()]*\)|[^\";,() ]+)"
_PARAMETERS = rf"(?:; *{_KEY}(?:={_VALUE})?)*"
_INTEGER = re.compile(rf" *([0-9]{{1,15}}){_PARAMETERS} *")
_BOOLEAN = re.compile(rf" *\?([01]){_PARAMETERS} *")
_MEMBER = re.compile(rf"({_KEY})(?:=({_VALUE}))?{_PARAMETERS}[ \t]*")
_COMMA = re.compile(r",[ \t]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server takes; None where it does not say. All counts are bytes.

    Attributes:
        max_size: Of a whole file.
        min_size: Of a whole file that is to be resumable.
        max_append: Of the body of one request.
        min_append: The same; the last request of an upload may be smaller, and a creation without a body is exempt.
    """

    max_size: int | None = None
    min_size: int | None = None
    max_append: int | None = None
    min_append: int | None = None


def parse_integer(text: str | None) -> int | None:
    """A count of bytes, or None for anything else.

    Spec: RFC 9651 § 3.3.1; draft-ietf-httpbis-resumable-upload-12 § Upload-Offset, § Upload-Length
    """
    found = _INTEGER.fullmatch(text or "")
    return int(found[1]) if found else None


def parse_boolean(text: str | None) -> bool | None:
    """True for ``?1``, false for ``?0``, or None for anything else.

    Spec: RFC 9651 § 3.3.6; draft-ietf-httpbis-resumable-upload-12 § Upload-Complete
    """
    found = _BOOLEAN.fullmatch(text or "")
    return found[1] == "1" if found else None


def parse_limits(text: str | None) -> Limits | None:
    """The limits of a server, or None for none; one known limit that is no number makes all of them unread.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload-Limit
    """
    members = _parse_dictionary(text)
    if not members:
        return None
    known = [members.get(name, "0") for name in ("max-size", "min-size", "max-append-size", "min-append-size")]
    if any(parse_integer(value) is None for value in known):
        return None
    return Limits(
        max_size=parse_integer(members.get("max-size")),
        min_size=parse_integer(members.get("min-size")),
        max_append=parse_integer(members.get("max-append-size")),
        min_append=parse_integer(members.get("min-append-size")),
    )


def parse_digest(text: str | None) -> str | None:
    """The SHA-256 in a digest field as hex digits, or None if there is none that can be one.

    Spec: RFC 9530 § 3
    """
    value = (_parse_dictionary(text) or {}).get(SHA_256, "")
    try:
        digest = base64.b64decode(value.strip(":"), validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 and value[0] == value[-1] == ":" else None  # noqa: PLR2004  # bytes of a SHA-256


def parse_problem(body: bytes) -> tuple[str | None, int | None]:
    """The type of a problem, and the offset that it says the server expects.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Problem Types; RFC 9457 § 3.1.1
    """
    facts = parse_object(body)
    kind, offset = facts.get("type"), facts.get("expected-offset")
    is_offset = isinstance(offset, int) and not isinstance(offset, bool) and offset >= 0
    return (kind if isinstance(kind, str) else None), (offset if is_offset else None)


def build_digest(digest: bytes) -> str:
    """The value of a digest field that tells a SHA-256.

    Spec: RFC 9530 § 2
    """
    return f"{SHA_256}=:{base64.b64encode(digest).decode()}:"


def build_disposition(filename: str) -> str:
    """The field that names the file.

    Spec: RFC 6266 § 4; draft-ietf-httpbis-resumable-upload-12 § Upload Creation
    """
    return f"inline; filename*=UTF-8''{quote(filename, safe='')}"


def _parse_dictionary(text: str | None) -> dict[str, str] | None:
    """Members by key, values unread; of a key that comes twice the last one. None if it is no dictionary.

    Spec: RFC 9651 § 4.2.2
    """
    members: dict[str, str] = {}
    rest = (text or "").strip(" ")
    while found := _MEMBER.match(rest):
        members[found[1]] = found[2] or YES
        rest = rest[found.end() :]
        if not rest:
            return members
        if not (comma := _COMMA.match(rest)):
            return None
        rest = rest[comma.end() :]
    return None
