"""What an answer that refuses means to a person: who refused, in which words, and what to do. Pure.

A 403 is the server's decision and no matter of credentials, unless something before the server made it: a page of a
proxy or a firewall says so by being a page, because an API answers with a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from . import wire

SERVER, BEFORE = "the server", "something before the server"
ADVICE: Mapping[str, str] = {
    "forbidden": "the rules of the server do not allow this, and other credentials do not change that",
    "wrong_protocol": "name the protocol that the upload was begun with (--protocol, protocol=)",
    "too_large": (
        "send a smaller file, name a profile of the server that takes larger ones (--profile, profile=), or ask the"
        " operator for a higher limit"
    ),
    "unsupported_type": "send a file of a type that the server takes",
    "disk_full": "the disk of the server is full: try again when its operator has made room",
}
"""What to do, by the ``code`` of a server of this project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Who refused, the reason in that one's own words if there is one, and what to do about it if that is known."""

    who: str
    reason: str | None
    hint: str | None


def read(status: int, *, headers: Mapping[str, str], body: bytes) -> Refusal:
    """What an answer that is no success says.

    Args:
        status: Its status.
        headers: Its fields.
        body: Its body; empty for HEAD.

    Spec: RFC 9457 § 3; RFC 9110 § 11.6.1, § 15.5.4
    """
    is_page = body.lstrip().startswith(b"<") or headers.get("Content-Type", "").startswith("text/html")
    reason = wire.parse_reason(body)
    code = wire.parse_object(body).get("code")
    hint = ADVICE.get(code) if isinstance(code, str) else None
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return Refusal(who=SERVER, reason=reason, hint=_credentials(headers.get("WWW-Authenticate", "")))
        case HTTPStatus.FORBIDDEN if is_page:
            hint = "a proxy, a firewall or a login page does not let this pass: ask whoever runs it"
            return Refusal(who=BEFORE, reason=reason, hint=hint)
        case HTTPStatus.FORBIDDEN if reason is None:
            return Refusal(who=SERVER, reason=None, hint="the server, or something before it, does not allow this")
        case _:
            return Refusal(who=SERVER, reason=reason, hint=hint)


def _credentials(challenge: str) -> str:
    match challenge.split(maxsplit=1)[:1]:
        case [scheme] if scheme.lower() == "basic":
            return "give a name and its password (--user NAME, auth=)"
        case [scheme] if scheme.lower() == "bearer":
            return "give a valid token"
        case _:
            return "give a valid token, or a name and its password (--user NAME, auth=)"
