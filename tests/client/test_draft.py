"""The words of the IETF draft: what reads, and what counts as absent because it does not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo_client import draft
from tusvideo_client.draft import Limits

DIGEST = bytes(range(32))
CODED = base64.b64encode(DIGEST).decode()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        (" 5 ", 5),
        ("5;x=1", 5),
        ('5; a="b;,\\"c";b', 5),
        ("999999999999999", 10**15 - 1),
        (None, None),
        ("", None),
        ("5.0", None),
        ("+5", None),
        ("-1", None),
        ('"5"', None),
        ("5, 6", None),
        ("1000000000000000", None),
        ("٣", None),
    ],
)
def test_integers(text: str | None, number: int | None) -> None:
    """Spec (RFC 9651 § 3.3.1): up to 15 digits; parameters are overlooked, any other value makes the field absent."""
    assert draft.parse_integer(text) == number


@pytest.mark.parametrize(
    ("text", "value"),
    [("?1", True), ("?0", False), ("?1;x", True), ("true", None), ("1", None), ("?2", None), (None, None)],
)
def test_booleans(text: str | None, value: bool | None) -> None:
    """Spec (RFC 9651 § 3.3.6): only ?1 and ?0 are Booleans."""
    assert draft.parse_boolean(text) is value


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("min-size=0", Limits(min_size=0)),
        ("max-size=5, min-append-size=2,\tmax-append-size=3;x", Limits(max_size=5, min_append=2, max_append=3)),
        ("max-size=5, max-size=7", Limits(max_size=7)),
        ("max-age=60, colour=red, deep=(1 2)", Limits()),
        ("max-size", None),
        ("max-size=-1", None),
        ("max-size=5, min-size=x", None),
        ("max-size=5 min-size=1", None),
        ("max-size=5,", None),
        ("Max-Size=5", None),
        ("", None),
        (None, None),
    ],
)
def test_limits(text: str | None, limits: Limits | None) -> None:
    """Unknown keys are overlooked, the last of two counts, and a known one that is no number unreads the field."""
    assert draft.parse_limits(text) == limits


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (f"sha-256=:{CODED}:", DIGEST.hex()),
        (f"sha-512=:AA==:, sha-256=:{CODED}:", DIGEST.hex()),
        ("sha-256=:AA==:", None),
        (f"sha-256={CODED}", None),
        ("sha-256=:!!:", None),
        ("sha-256", None),
        ("sha-512=:AA==:", None),
        (None, None),
    ],
)
def test_digests(text: str | None, digest: str | None) -> None:
    """Spec (RFC 9530 § 3): a byte sequence between colons; only SHA-256 is understood, in its full size."""
    assert draft.parse_digest(text) == digest


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"type": "about:blank", "expected-offset": 5}', ("about:blank", 5)),
        (b'{"type": 1, "expected-offset": true}', (None, None)),
        (b'{"expected-offset": -1}', (None, None)),
        (b"<html>", (None, None)),
    ],
)
def test_problems(body: bytes, problem: tuple[str | None, int | None]) -> None:
    """The type and the offset, where they are what they should be."""
    assert draft.parse_problem(body) == problem


@pytest.mark.parametrize(
    ("name", "field"),
    [("a b.mp4", "inline; filename*=UTF-8''a%20b.mp4"), ('ä"\r\n/', "inline; filename*=UTF-8''%C3%A4%22%0D%0A%2F")],
)
def test_file_names(name: str, field: str) -> None:
    """Spec (RFC 8187 § 3.2): whatever a name holds, the field is plain ASCII on one line."""
    assert draft.build_disposition(name) == field


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """A server's fields may hold anything; reading them never fails."""
    for read in (draft.parse_integer, draft.parse_boolean, draft.parse_limits, draft.parse_digest):
        read(text)
