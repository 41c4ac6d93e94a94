"""May a request with this Host, this Origin and these forwarding fields pass? Loopback is not a wall.

Spec: Fetch (CORS), RFC 9110 §7.2 (Host), W3C Fetch Metadata.
"""

from collections.abc import Collection

from multidict import CIMultiDictProxy


def check_host(host: str | None, *, allowed_hosts: Collection[str]) -> str:
    """Let a request pass whose Host is an address, ``localhost`` or one of ours; give the Host in lower case.

    Raises MissingField, InvalidField (malformed), Forbidden (somebody else's name: DNS rebinding).
    ``allowed_hosts`` are names without a port, in lower case.
    """
    raise NotImplementedError


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

    ``method`` is the effective one, ``real_method`` the one on the wire; if either is unsafe, the origin counts.
    """
    raise NotImplementedError


def cors_headers(
    origin: str | None, *, allowed_origins: Collection[str], preflight: bool
) -> tuple[tuple[str, str], ...]:
    """Give the CORS fields of an answer (also of an error); for a stranger only ``Vary: Origin``."""
    raise NotImplementedError


def check_forwarded(headers: CIMultiDictProxy[str], *, trusted: bool) -> None:
    """Refuse Forwarded, X-Forwarded-* and X-Real-IP from a peer that is not a proxy of ours. Raises Forbidden."""
    raise NotImplementedError
