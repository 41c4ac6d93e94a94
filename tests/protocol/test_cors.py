"""CORS (group R): what other pages may see, and only those that are named."""

import pytest

from tusvideo.protocol import origin

PAGE = "https://a.example"
ALLOWED = ("https://b.example", PAGE)


def cors(page: str | None, *, preflight: bool = False, allowed: tuple[str, ...] = ALLOWED) -> dict[str, str]:
    """The CORS fields for a page."""
    return dict(origin.cors_headers(page, allowed_origins=allowed, preflight=preflight))


def test_an_allowed_page_reads_answers() -> None:
    """R-04, R-05: the page itself is named, with credentials, and sees the fields that clients need."""
    found = cors(PAGE)
    exposed = found.pop("Access-Control-Expose-Headers").split(", ")
    assert found == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": PAGE,
        "Access-Control-Allow-Credentials": "true",
    }
    assert {
        "Location",
        "Tus-Resumable",
        "Tus-Version",
        "Tus-Extension",
        "Tus-Max-Size",
        "Upload-Offset",
        "Upload-Length",
        "Upload-Metadata",
        "Upload-Defer-Length",
        "Upload-Concat",
        "Upload-Expires",
        "Retry-After",
        "X-Request-ID",
        "Upload-Chunk-Size",
        "Upload-Next-Chunk",
        "Content-Location",
        "Upload-Complete",
        "Upload-Incomplete",
        "Upload-Limit",
        "Upload-Draft-Interop-Version",
        "Repr-Digest",
    } <= set(exposed)


def test_an_allowed_page_asks_first() -> None:
    """R-01, R-03, R-07, IETF 115: a preflight is told the methods, the fields and how long that holds."""
    found = cors(PAGE, preflight=True)
    assert set(found["Access-Control-Allow-Methods"].split(", ")) == {
        "POST",
        "HEAD",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "GET",
        "PUT",
    }
    assert {
        "Authorization",
        "Content-Type",
        "Tus-Resumable",
        "Upload-Length",
        "Upload-Offset",
        "Upload-Metadata",
        "Upload-Defer-Length",
        "Upload-Concat",
        "Upload-Checksum",
        "X-HTTP-Method-Override",
        "X-Requested-With",
        "X-Request-ID",
        "Idempotency-Key",
        "Upload-Complete",
        "Upload-Incomplete",
        "Upload-Draft-Interop-Version",
        "Content-Disposition",
        "Content-Digest",
        "Repr-Digest",
        "Want-Repr-Digest",
    } <= set(found["Access-Control-Allow-Headers"].split(", "))
    assert found["Access-Control-Max-Age"] == "86400"
    assert found["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize("preflight", [False, True])
@pytest.mark.parametrize(
    "page",
    [
        None,
        "https://evil.example",
        "https://a.example.evil.com",
        "https://evil.com/https://a.example",
        "http://a.example",
        "https://a.example:443",
        "https://A.EXAMPLE",
        "null",
        "*",
        "",
    ],
)
def test_strangers_get_nothing(page: str | None, preflight: bool) -> None:
    """R-06, R-09, R-10: no Allow-Origin, and always Vary: Origin."""
    assert cors(page, preflight=preflight) == {"Vary": "Origin"}


def test_a_wildcard_is_no_wildcard() -> None:
    """R-05: with credentials there is no '*', so a list with one allows nobody by it."""
    assert cors(PAGE, allowed=("*",)) == {"Vary": "Origin"}
