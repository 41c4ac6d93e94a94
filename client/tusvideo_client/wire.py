"""The words of the two protocols: field names, metadata, form bodies. Pure; no request is made here.

An own codec, not the server's: two codecs written from one specification find the mistakes that one shared would hide.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from . import checksum
from .errors import ProtocolError

TUS_VERSION = "1.0.0"

TUS_RESUMABLE = "Tus-Resumable"
TUS_VERSION_FIELD = "Tus-Version"
TUS_EXTENSION = "Tus-Extension"
TUS_MAX_SIZE = "Tus-Max-Size"
TUS_CHECKSUM_ALGORITHM = "Tus-Checksum-Algorithm"
UPLOAD_OFFSET = "Upload-Offset"
UPLOAD_LENGTH = "Upload-Length"
UPLOAD_DEFER_LENGTH = "Upload-Defer-Length"
UPLOAD_METADATA = "Upload-Metadata"
UPLOAD_CHECKSUM = "Upload-Checksum"
UPLOAD_NEXT_CHUNK = "Upload-Next-Chunk"
IDEMPOTENCY_KEY = "Idempotency-Key"
CONTENT_LOCATION = "Content-Location"
CONTENT_TYPE = "Content-Type"
LOCATION = "Location"
RETRY_AFTER = "Retry-After"
REQUEST_ID = "X-Request-ID"

OFFSET_STREAM = "application/offset+octet-stream"
JSON = "application/json"
SHA_256 = checksum.SHA_256

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE | re.ASCII)
_METADATA_KEY = re.compile(r"[!-+\--~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A multipart body around one file part: ``head``, the file's bytes, ``tail``."""

    content_type: str
    head: bytes
    tail: bytes


def parse_whole_number(text: str | None) -> int | None:
    """The number that a field holds, or None if it is absent or no plain non-negative decimal.

    Spec: tus 1.0.0 § Core Protocol / Headers
    """
    if text is None or not _WHOLE_NUMBER.fullmatch(text.strip()):
        return None
    return int(text)


def parse_list(text: str) -> list[str]:
    """The words between the commas of a field.

    Spec: RFC 9110 § 5.6.1
    """
    return [word for item in text.split(",") if (word := item.strip())]


def parse_retry_after(text: str | None, *, date: str | None) -> float | None:
    """Seconds to wait, from delta seconds or from a date, or None.

    A date is measured against the server's own ``Date``, so that a wrong clock on this side does no harm.

    Spec: RFC 9110 § 10.2.3
    """
    if text is None:
        return None
    if (seconds := parse_whole_number(text)) is not None:
        return float(seconds)
    until, now = _http_date(text), _http_date(date)
    if until is None or now is None:
        return None
    return max(0.0, until - now)


def _http_date(text: str | None) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # slow to import and rarely needed

    try:
        return parsedate_to_datetime(text or "").timestamp()
    except ValueError:
        return None


def build_metadata(pairs: Mapping[str, str]) -> str:
    """The value of ``Upload-Metadata``: key, space, base64; joined by commas.

    Raises:
        ValueError: A key is empty or holds a space, a comma or anything that is not printable ASCII.

    Spec: tus 1.0.0 § Creation / Headers / Upload-Metadata
    """
    for key in pairs:
        if not _METADATA_KEY.fullmatch(key):
            message = f"metadata key {key!r} cannot be sent: expected printable ASCII without space and comma"
            raise ValueError(message)
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" if value else key for key, value in pairs.items()
    )


def build_checksum(algorithm: str, digest: bytes) -> str:
    """The value of ``Upload-Checksum``: the algorithm's name, space, base64.

    Spec: tus 1.0.0 § Checksum / Headers / Upload-Checksum
    """
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def sendable(text: str) -> str:
    """Text that can be sent as UTF-8; bytes of a file name that are no text become question marks."""
    return text.encode(errors="replace").decode()


def parse_metadata(text: str) -> dict[str, str]:
    """The pairs of an ``Upload-Metadata`` value.

    Raises:
        ValueError: A pair is malformed, a key comes twice, or a value is no base64 of UTF-8 text.

    Spec: tus 1.0.0 § Creation / Headers / Upload-Metadata
    """
    pairs: dict[str, str] = {}
    for item in text.split(",") if text.strip() else ():
        key, _, value = item.strip().partition(" ")
        if not _METADATA_KEY.fullmatch(key) or key in pairs:
            message = f"metadata key {key!r} is empty, malformed or repeated"
            raise ValueError(message)
        pairs[key] = base64.b64decode(value, validate=True).decode()
    return pairs


def build_form(fields: Iterable[tuple[str, str]], *, boundary: str, file_field: str, filename: str) -> Form:
    """A multipart form whose plain fields come before the file, so that a server can judge before it stores a byte.

    ``boundary`` must not occur in the file's bytes: take at least 128 random bits.

    Spec: RFC 7578 § 4
    """
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields
    ]
    lines.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file_field}"; filename="{filename}"\r\n'
        f"{CONTENT_TYPE}: application/octet-stream\r\n\r\n"
    )
    return Form(
        content_type=f"multipart/form-data; boundary={boundary}",
        head="".join(lines).encode(),
        tail=f"\r\n--{boundary}--\r\n".encode(),
    )


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in an answer's body; empty if there is none, so that a bare answer needs no special case."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def parse_chunk_ranges(value: object, *, total: int) -> list[int]:
    """Chunk indexes, sorted, from a list of indexes and ``[first, last]`` pairs, without those out of range."""
    found: set[int] = set()
    for item in value if isinstance(value, list) else ():
        match item:
            case int():
                found.add(item)
            case [int(first), int(last)]:
                found.update(range(max(first, 0), min(last, total - 1) + 1))
            case _:
                pass
    return sorted(index for index in found if 0 <= index < total)


def parse_reason(body: bytes) -> str | None:
    """The sentence in an error answer: RFC 9457's ``detail`` or ``title``, the original API's ``error``, or plain text.

    Never longer than 300 characters; None for markup and for what is no text.
    """
    facts = parse_object(body)
    for name in ("detail", "error", "message", "title"):
        if isinstance(text := facts.get(name), str) and text.strip():
            return _one_line(text)
    text = body[:1000].decode(errors="replace").strip()
    if not text or text.startswith(("<", "{", "[")) or "\ufffd" in text:
        return None
    return _one_line(text)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text.strip())[:300]


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address.

    Raises:
        ValueError: It is no HTTP address, or one with a user name or a password in it. Neither these are repeated nor
            what stands behind ``?`` and ``#``, where a token may be.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no IPv6 address
        parts = urlsplit("")
    if "@" in (parts.netloc or url):
        message = (
            "an address with a user name or a password in it is refused, because it would be shown and stored: leave"
            " them out and give a token, or the name apart (--user NAME, auth=) with the password where nobody reads it"
        )
        raise ValueError(message)
    port = _port_of(parts)
    if not (port and parts.hostname and _is_host(parts.hostname)) or not url.isprintable() or " " in url:
        told = url.partition("#")[0].partition("?")[0]
        message = (
            f"{told[:200]!r} is no server address: expected http://HOST[:PORT] or https://HOST[:PORT], the port from 1"
            " to 65535, and no spaces"
        )
        raise ValueError(message)
    return parts.scheme, parts.hostname, port


def _port_of(parts: SplitResult) -> int | None:
    """The port that is named or belongs to the scheme; None or 0 if no connection can be made to it."""
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if "]" in parts.netloc and parts.netloc.rpartition("]")[2][:1] not in {"", ":"}:
        return None  # a parser would leave out what stands between bracket and colon
    try:
        return default and (default if parts.port is None else parts.port)
    except ValueError:
        return None


def _is_host(name: str) -> bool:
    """True if this can be asked for: an IPv6 address, or labels of 1 to 63 characters, also such that are not ASCII."""
    try:
        if ":" in name:
            return bool(ip_address(name))
        return _HOST.fullmatch(name if name.isascii() else name.encode("idna").decode()) is not None
    except ValueError:
        return False


def resolve(base: str, reference: str) -> str:
    """The absolute address that a reference in an answer means.

    Raises:
        ProtocolError: It is no HTTP address.
    """
    try:
        url = urljoin(base, reference.strip())
        origin_of(url)
    except ValueError as error:
        message = f"the server named an address that cannot be used: {error}"
        raise ProtocolError(message) from error
    return url


def last_segment(url: str) -> str:
    """The decoded last part of a URL's path, which names the file."""
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])


def chunk_api(base: str, *, profile: str) -> str:
    """Where the chunk API of a profile is; ``base`` is the root of the server."""
    return f"{base}/api/{quote(profile, safe='')}/video"


def chunk_url(api: str, upload_id: str) -> str:
    """The address of an upload in chunks."""
    return f"{api}/chunk?uploadId={upload_id}"


def digest_url(url: str, *, start: int, end: int, prefer: str = SHA_256) -> str:
    """Where a server of this project tells the digest of an upload's bytes from ``start`` up to ``end``.

    It is SHA-256, whatever is preferred, where the server cannot compute that.
    """
    parts = urlsplit(url)
    query = f"{parts.query}&" if parts.query else ""
    wish = "" if prefer == SHA_256 else f"&prefer={prefer}"
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path}/digest", f"{query}from={start}&to={end}{wish}", ""))
