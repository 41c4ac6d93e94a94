"""May a request with this Host, this Origin and these forwarding fields pass? Loopback is not a wall.

Spec: RFC 9110 §7.2 (Host); Fetch § HTTP-extensions (CORS); W3C Fetch Metadata § Sec-Fetch-Site; RFC 7239 (Forwarded).
"""

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from multidict import CIMultiDictProxy

from tusvideo.errors import Forbidden, InvalidField, MissingField, shown

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, so any page may send them; whether it may read the answer is a matter of CORS."""

ALLOWED_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
ALLOWED_HEADERS: Final = (
    "Authorization",
    "Content-Digest",
    "Content-Disposition",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "Range",
    "Repr-Digest",
    "Tus-Resumable",
    "Upload-Checksum",
    "Upload-Complete",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Draft-Interop-Version",
    "Upload-Incomplete",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "Want-Repr-Digest",
    "X-HTTP-Method-Override",
    "X-Request-ID",
    "X-Requested-With",
)
EXPOSED_HEADERS: Final = (
    "Accept-Patch",
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Location",
    "Content-Range",
    "ETag",
    "Location",
    "Repr-Digest",
    "Retry-After",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Chunk-Size",
    "Upload-Complete",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Draft-Interop-Version",
    "Upload-Expires",
    "Upload-Incomplete",
    "Upload-Length",
    "Upload-Limit",
    "Upload-Metadata",
    "Upload-Next-Chunk",
    "Upload-Offset",
    "X-Request-ID",
)
MAX_AGE_SECONDS: Final = 86_400
"""How long a browser may remember a preflight."""

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?", re.ASCII)
_ORIGIN: Final = re.compile(r"(https?)://([^/?#@]+)", re.ASCII)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_FORWARDING: Final = re.compile(r"forwarded|x-forwarded(-.*)?|x-real-ip", re.ASCII)
_BEGINNINGS: Final = ("forwarded", "x-forwarded", "x-real-ip")
_LONGEST_ADDRESS: Final = 45


def check_host(host: str | None, *, allowed_hosts: Collection[str]) -> str:
    """Let a request pass whose Host is an address, ``localhost`` or one of ours; give the Host in lower case.

    ``allowed_hosts`` are names without a port, in lower case. Raises MissingField; InvalidField (malformed); Forbidden
    for any other name: a stranger's name that leads here is how a web page reads a server on loopback (DNS rebinding).
    Spec: RFC 9110 §7.2.
    """
    if host is None:
        raise MissingField("Host", expected="the name or address of this server")
    text = host.strip(" \t").lower()
    found = _HOST.fullmatch(text)
    if found is None:
        raise InvalidField("Host", expected="a name or an address, and perhaps a port", got=host)
    name = found[1].removesuffix(".")
    if name != "localhost" and name not in allowed_hosts and not _is_address(name):
        message = (
            f"Host {shown(host)} is not served here; add it to the allowed hosts of the server, or use its address"
        )
        raise Forbidden(message)
    return text


def check_origin(
    method: str,
    *,
    real_method: str,
    origin: str | None,
    sec_fetch_site: str | None,
    host: str,
    allowed_origins: Collection[str],
) -> None:
    """Keep other people's web pages from changing things here. Raises Forbidden.

    ``method`` is the effective one, ``real_method`` the one on the wire; if either is unsafe, the origin counts. Pages
    of this very host and of ``allowed_origins`` (exact texts) pass, and so does everything that is no browser.
    Spec: Fetch § Origin header; Fetch Metadata § Sec-Fetch-Site.
    """
    if method in SAFE_METHODS and real_method in SAFE_METHODS:
        return
    if origin is None:
        if sec_fetch_site not in {None, "same-origin", "none"}:
            message = "a page of another site may not change anything here"
            raise Forbidden(message)
        return
    if not _is_allowed(origin, allowed_origins) and not _is_same(origin, host):
        message = f"pages of {shown(origin)} may not change anything here; add it to the allowed origins of the server"
        raise Forbidden(message)


def cors_headers(
    origin: str | None, *, allowed_origins: Collection[str], preflight: bool
) -> tuple[tuple[str, str], ...]:
    """Give the CORS fields of an answer, also of an error; for a stranger only ``Vary: Origin``.

    Origins are compared as exact texts, and the answer names the one that asked: with credentials there is no ``*``.
    Spec: Fetch § CORS protocol.
    """
    vary = ("Vary", "Origin")
    if origin is None or not _is_allowed(origin, allowed_origins):
        return (vary,)
    granted = (vary, ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"))
    if not preflight:
        return (*granted, ("Access-Control-Expose-Headers", ", ".join(EXPOSED_HEADERS)))
    return (
        *granted,
        ("Access-Control-Allow-Methods", ", ".join(ALLOWED_METHODS)),
        ("Access-Control-Allow-Headers", ", ".join(ALLOWED_HEADERS)),
        ("Access-Control-Max-Age", str(MAX_AGE_SECONDS)),
    )


def check_forwarded(headers: CIMultiDictProxy[str], *, trusted: bool) -> None:
    """Refuse Forwarded, X-Forwarded-* and X-Real-IP from a peer that is not a proxy of ours. Raises Forbidden.

    Spec: RFC 7239 §8.1.
    """
    if trusted:
        return
    named = next((name for name in headers if is_forwarding(name)), None)
    if named is not None:
        message = f"{shown(named)} is taken from configured proxies only; add this peer to them, or leave the field out"
        raise Forbidden(message)


def is_forwarding(name: str) -> bool:
    """Tell whether a field is one by which a proxy tells on whose behalf it asks: Forwarded, X-Forwarded-*, X-Real-IP.

    Spec: RFC 7239 §4.
    """
    low = name.lower()
    return low.startswith(_BEGINNINGS) and _FORWARDING.fullmatch(low) is not None


def _is_address(name: str) -> bool:
    address = name.removeprefix("[").removesuffix("]")
    return len(address) <= _LONGEST_ADDRESS and _is_valid_address(address)


@lru_cache(maxsize=64)
def _is_valid_address(text: str) -> bool:
    # A server has few addresses, and reading one takes longer than all else that is judged here.
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_allowed(origin: str, allowed_origins: Collection[str]) -> bool:
    # 'null' names every sandboxed frame and every local file at once, so no list can mean it.
    return origin != "null" and origin in allowed_origins


def _is_same(origin: str, host: str) -> bool:
    """Compare host and port. The scheme cannot be compared: behind a proxy that ends TLS it is not ours to know."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return False
    port = _DEFAULT_PORTS[found[1]]
    return _with_port(found[2], port) == _with_port(host.lower(), port)


def _with_port(authority: str, port: str) -> str:
    found = _HOST.fullmatch(authority)
    return f"{found[1]}:{found[2] or port}" if found is not None else authority
