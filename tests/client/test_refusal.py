"""What a refusal says: whose it is, why, and what to do."""

import json

import pytest

from tusvideo_client.refusal import ADVICE, BEFORE, SERVER, read

PROBLEM = {"Content-Type": "application/problem+json"}
NOWHERE = "the server, or something before it, does not allow this"
PAGE = "a proxy, a firewall or a login page does not let this pass: ask whoever runs it"
EITHER = "give a valid token, or a name and its password (--user NAME, auth=)"


def problem(code: object, detail: str = "no.") -> bytes:
    """Problem details with a code."""
    return json.dumps({"title": "Forbidden", "detail": detail, "code": code}).encode()


@pytest.mark.parametrize(
    ("status", "headers", "body", "who", "reason", "hint"),
    [
        (403, PROBLEM, problem("forbidden"), SERVER, "no.", ADVICE["forbidden"]),
        (403, PROBLEM, problem("wrong_protocol"), SERVER, "no.", ADVICE["wrong_protocol"]),
        (403, PROBLEM, problem("new_code"), SERVER, "no.", None),
        (403, PROBLEM, problem(["list"]), SERVER, "no.", None),
        (403, {"Content-Type": "text/plain"}, b"quota used up\n", SERVER, "quota used up", None),
        (403, {"Content-Type": "text/html; charset=utf-8"}, b"<html>403", BEFORE, None, PAGE),
        (403, {}, b"\n<!doctype html>", BEFORE, None, PAGE),
        (403, {"Content-Type": "text/html"}, b"", BEFORE, None, PAGE),
        (403, {}, b"", SERVER, None, NOWHERE),
        (413, PROBLEM, problem("too_large"), SERVER, "no.", ADVICE["too_large"]),
        (404, {}, b"", SERVER, None, None),
        (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"<html>", SERVER, None, "give a name and its password "),
        (401, {"WWW-Authenticate": "Bearer"}, problem("unauthenticated"), SERVER, "no.", "give a valid token"),
        (401, {"WWW-Authenticate": "Negotiate"}, b"", SERVER, None, EITHER),
        (401, {}, b"", SERVER, None, EITHER),
    ],
)
def test_refusals(
    status: int, headers: dict[str, str], body: bytes, who: str, reason: str | None, hint: str | None
) -> None:
    """A server's own words and the advice for its code; a page is nobody's sentence; credentials matter for 401 only.

    Spec: RFC 9457 § 3; RFC 9110 § 11.6.1
    """
    told = read(status, headers=headers, body=body)
    assert (told.who, told.reason) == (who, reason)
    assert told.hint == hint or (hint is not None and told.hint is not None and told.hint.startswith(hint))
