"""Header fields of tus and of HTTP: a ``parse_`` / ``build_`` pair each, with the section that defines it above."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from multidict import CIMultiDictProxy

from tusvideo.checksums import ALGORITHMS, Checksum
from tusvideo.errors import ExpectationFailed, InvalidField, MethodNotAllowed, UnsupportedVersion

OFFSET_TYPE: Final = "application/offset+octet-stream"
"""The content type of bytes that are to be stored (tus 1.0.0 § Core Protocol / PATCH)."""
TUS_VERSION: Final = "1.0.0"
MAX_NUMBER: Final = 2**63 - 1
METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""Methods that X-HTTP-Method-Override may name."""

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_DATE: Final = re.compile(
    r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


# tus 1.0.0 § Core Protocol / Headers: "non-negative integer"; one spelling per number, so no sign and no leading zero.
def parse_number(text: str, *, field: str) -> int:
    """Read a non-negative integer of at most 2^63 - 1.

    Raises InvalidField for anything else, without converting a text of more than 19 digits: that would be slow.
    """
    if _NUMBER.fullmatch(text) is None or int(text) > MAX_NUMBER:
        raise InvalidField(field, expected=f"a whole number from 0 to {MAX_NUMBER}", got=text)
    return int(text)


def build_number(number: int) -> str:
    """Write a non-negative integer as ``parse_number`` reads it."""
    return str(number)


# tus 1.0.0 § Core Protocol / Headers / Upload-Length
def parse_upload_length(text: str) -> int:
    """Read Upload-Length in bytes. Raises InvalidField."""
    return parse_number(text, field="Upload-Length")


def build_upload_length(length: int) -> tuple[str, str]:
    """Write Upload-Length; ``length`` in bytes."""
    return "Upload-Length", build_number(length)


# tus 1.0.0 § Core Protocol / Headers / Upload-Offset
def parse_upload_offset(text: str) -> int:
    """Read Upload-Offset in bytes. Raises InvalidField."""
    return parse_number(text, field="Upload-Offset")


def build_upload_offset(offset: int) -> tuple[str, str]:
    """Write Upload-Offset; ``offset`` in bytes."""
    return "Upload-Offset", build_number(offset)


# tus 1.0.0 § Creation / Headers / Upload-Defer-Length
def parse_upload_defer_length(text: str) -> None:
    """Check Upload-Defer-Length, whose only value is 1. Raises InvalidField."""
    if text != "1":
        raise InvalidField("Upload-Defer-Length", expected="1", got=text)


def build_upload_defer_length() -> tuple[str, str]:
    """Write Upload-Defer-Length."""
    return "Upload-Defer-Length", "1"


# tus 1.0.0 § Expiration / Headers / Upload-Expires
def parse_upload_expires(text: str) -> datetime:
    """Read Upload-Expires, an IMF-fixdate. Raises InvalidField."""
    return parse_http_date(text, field="Upload-Expires")


def build_upload_expires(expires_at: datetime) -> tuple[str, str]:
    """Write Upload-Expires; ``expires_at`` is aware."""
    return "Upload-Expires", build_http_date(expires_at)


# tus 1.0.0 § Checksum / Headers / Upload-Checksum; names are announced in lower case and taken in any.
def parse_upload_checksum(text: str) -> Checksum:
    """Read Upload-Checksum: a name of ``ALGORITHMS``, one space, the padded base64 of that checksum's bytes.

    Raises InvalidField.
    """
    name, _, value = text.strip(" \t").partition(" ")
    algorithm = ALGORITHMS.get(name.lower())
    if algorithm is None:
        raise InvalidField("Upload-Checksum", expected=f"one of {', '.join(ALGORITHMS)}, and a checksum", got=text)
    try:
        digest = base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        digest = b""
    if len(digest) != algorithm.size:
        expected = f"{name} followed by one space and the base64 of {algorithm.size} bytes"
        raise InvalidField("Upload-Checksum", expected=expected, got=text)
    return Checksum(algorithm=name.lower(), digest=digest)


def build_upload_checksum(checksum: Checksum) -> tuple[str, str]:
    """Write Upload-Checksum."""
    return "Upload-Checksum", f"{checksum.algorithm} {base64.b64encode(checksum.digest).decode('ascii')}"


# tus 1.0.0 § Core Protocol / Headers / Tus-Resumable
def parse_tus_resumable(text: str) -> str:
    """Check Tus-Resumable; spaces around it do not count. Raises UnsupportedVersion."""
    if text.strip(" \t") != TUS_VERSION:
        raise UnsupportedVersion(got=text, supported=(TUS_VERSION,))
    return TUS_VERSION


def build_tus_resumable() -> tuple[str, str]:
    """Write Tus-Resumable."""
    return "Tus-Resumable", TUS_VERSION


# RFC 9110 §5.6.7 IMF-fixdate. The two obsolete forms are not read: no client of ours sends them.
def parse_http_date(text: str, *, field: str) -> datetime:
    """Read an IMF-fixdate, such as ``Sun, 06 Nov 1994 08:49:37 GMT``; the day of the week has to be right.

    Raises InvalidField.
    """
    wrong = InvalidField(field, expected="a date like Sun, 06 Nov 1994 08:49:37 GMT", got=text)
    found = _DATE.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        raise wrong
    day, year, hour, minute, second = (int(found[i]) for i in (1, 3, 4, 5, 6))
    try:
        moment = datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise wrong from None
    if build_http_date(moment) != text:
        raise wrong
    return moment


def build_http_date(moment: datetime) -> str:
    """Write an IMF-fixdate; ``moment`` is aware, fractions of a second are cut off."""
    return _http_date((moment - _EPOCH) // _SECOND)


# Answers of the same second tell the same dates: the present, and when an upload that grows expires.
@lru_cache(maxsize=64)
def _http_date(second: int) -> str:
    utc = _EPOCH + second * _SECOND
    date = f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04}"
    return f"{date} {utc.hour:02}:{utc.minute:02}:{utc.second:02} GMT"


# RFC 3339, as the JSON answers have it; nobody sends us one, so there is nothing to parse.
def build_timestamp(moment: datetime) -> str:
    """Write a time in UTC with milliseconds, such as ``2026-11-23T08:49:37.000Z``; ``moment`` is aware."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# RFC 9110 §8.3 Content-Type
def is_content_type(value: str | None, expected: str) -> bool:
    """Compare media types: case does not matter, parameters are ignored, None is no type."""
    return value is not None and value.partition(";")[0].strip(" \t").lower() == expected.lower()


# RFC 9110 §10.1.1 Expect
def parse_expect(text: str | None) -> bool:
    """Tell whether the client waits for 100 Continue. Raises ExpectationFailed for any other expectation."""
    if text is None:
        return False
    if text.strip(" \t").lower() != "100-continue":
        raise ExpectationFailed(got=text)
    return True


# draft-ietf-httpapi-idempotency-key-header; we take any text that needs no quoting in a log.
def parse_idempotency_key(text: str) -> str:
    """Check an Idempotency-Key: 1 to 200 visible ASCII characters. Raises InvalidField."""
    if _VISIBLE.fullmatch(text) is None:
        raise InvalidField("Idempotency-Key", expected="1 to 200 visible ASCII characters", got=text)
    return text


# tus 1.0.0 § Core Protocol / Headers / X-HTTP-Method-Override
def effective_method(method: str, headers: CIMultiDictProxy[str]) -> str:
    """Give the method that counts: the overriding one if there is one, whatever the real one is.

    Case does not matter and an empty field is ignored. Raises MethodNotAllowed for a method that is not known here,
    InvalidField when the field is repeated.
    Spec: tus 1.0.0 § Core Protocol / Headers / X-HTTP-Method-Override.
    """
    values = headers.getall("X-HTTP-Method-Override", [])
    if len(values) > 1:
        raise InvalidField("X-HTTP-Method-Override", expected="the field once", got=f"{len(values)} times")
    wanted = values[0].strip(" \t").upper() if values else ""
    if not wanted:
        return method
    if wanted not in METHODS:
        raise MethodNotAllowed(method=wanted, allowed=METHODS)
    return wanted


# RFC 7578 §5.1: the texts of a form are UTF-8.
def decode_text(raw: bytes, *, field: str) -> str:
    """Read the value of a form field as UTF-8. Raises InvalidField."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidField(field, expected="text in UTF-8", got=raw[:60].decode("latin-1")) from None
