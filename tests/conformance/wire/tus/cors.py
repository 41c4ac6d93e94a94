"""R: what browsers ask for before a page may send and read."""

from collections.abc import Iterable
from typing import Final

from tests.conformance.wire.answer import Answer, words
from tests.conformance.wire.calls import ORIGIN
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import HTTP, OURS, NotApplicable

METHODS: Final = ("POST", "HEAD", "PATCH", "DELETE", "GET")
"""OPTIONS is never asked for by a preflight, which is one itself."""
ASKED: Final = (
    *("Authorization", "Content-Type", "Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata"),
    *("Upload-Defer-Length", "Upload-Concat", "Upload-Checksum", "X-HTTP-Method-Override", "X-Requested-With"),
    *("X-Request-ID", "Idempotency-Key"),
)
OF_EXTENSIONS: Final = {
    "Upload-Checksum": "checksum",
    "Tus-Checksum-Algorithm": "checksum",
    "Upload-Concat": "concatenation",
    "Upload-Defer-Length": "creation-defer-length",
    "Upload-Expires": "expiration",
}
"""Fields that only those need who speak the extension."""
SHOWN: Final = (
    *("Location", "Tus-Version", "Tus-Resumable", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
    *("Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Defer-Length", "Upload-Concat", "Upload-Expires"),
    *("Retry-After", "X-Request-ID"),
)
STRANGER: Final = "https://stranger.example"


def preflight(t: Target, path: str, *fields: str, origin: str = ORIGIN, method: str = "PATCH") -> Answer:
    """Ask as a browser does; it sends no credentials and nothing of tus."""
    wanted = f"Access-Control-Request-Method: {method}"
    return t.ask("OPTIONS", path, f"Origin: {origin}", wanted, *fields, version=None)


def needed(t: Target, names: Iterable[str]) -> list[str]:
    """Leave out the fields of extensions that are not announced."""
    return [name for name in names if OF_EXTENSIONS.get(name) in {None, *t.announced}]


def known(t: Target) -> None:
    """Raise NotApplicable for a server that answers no page of ours."""
    if t.origin is None:
        raise NotApplicable("the server has no CORS for our page")


def open_to_all(t: Target) -> bool:
    """Tell whether any page may do everything here."""
    with t.preparation():
        granted = preflight(t, t.collection, origin=STRANGER, method="POST").get("Access-Control-Allow-Origin")
    return granted in {"*", STRANGER}


@check("R-01", OURS)
def any_upload(t: Target) -> None:
    """A preflight for any upload, known or not, is answered 200 or 204 with the methods."""
    known(t)
    for path in (t.make().path, t.unknown, t.collection):
        answer = preflight(t, path).expect(200, 204).expect_field("Access-Control-Allow-Origin")
        for method in METHODS:
            answer.expect_word("Access-Control-Allow-Methods", method)


@check("R-02", HTTP, inside=True, house=House.SHARED)
def no_credentials(t: Target) -> None:
    """A preflight has no credentials, and is answered nevertheless where everything else needs them."""
    for path in (t.collection, f"{t.collection}{'0' * 32}"):
        preflight(t, path, "Access-Control-Request-Headers: authorization").expect(200, 204)


@check("R-03", OURS)
def fields_that_may_be_sent(t: Target) -> None:
    """A preflight grants every header field that clients send."""
    known(t)
    answer = preflight(t, t.collection, method="POST")
    granted = words(answer.get("Access-Control-Allow-Headers"))
    missing = [name for name in needed(t, ASKED) if name.lower() not in granted and "*" not in granted]
    answer.require(
        not missing, "all fields of tus in Access-Control-Allow-Headers", got=f"none for {', '.join(missing)}"
    )


@check("R-04", OURS)
def fields_that_may_be_read(t: Target) -> None:
    """A response shows every header field that clients read."""
    known(t)
    answer = t.post("Upload-Length: 10").expect(201)
    granted = words(answer.get("Access-Control-Expose-Headers"))
    missing = [name for name in needed(t, SHOWN) if name.lower() not in granted]
    answer.require(
        not missing or granted == {"*"},
        "all fields of tus in Access-Control-Expose-Headers",
        got=f"none for {', '.join(missing)}",
    )


@check("R-05", HTTP)
def credentials(t: Target) -> None:
    """With Access-Control-Allow-Credentials the origin is named, never *, and Vary says so."""
    known(t)
    answer = t.post("Upload-Length: 10").expect(201)
    if answer.get("Access-Control-Allow-Credentials") != "true":
        raise NotApplicable("no credentials are allowed across origins")
    answer.expect_field("Access-Control-Allow-Origin", ORIGIN).expect_word("Vary", "Origin")


@check("R-06", OURS)
def stranger(t: Target) -> None:
    """A page that is not allowed gets no Access-Control-Allow-Origin, and changes nothing: 403."""
    known(t)
    if open_to_all(t):
        raise NotApplicable("every page is allowed")
    upload = t.make(10, stored=3)
    with t.nothing_made():
        t.post("Upload-Length: 10", f"Origin: {STRANGER}").expect(403).expect_no_field("Access-Control-Allow-Origin")
    refused = t.patch(upload, f"Origin: {STRANGER}", at=3, body=b"x").expect(403)
    refused.expect_no_field("Access-Control-Allow-Origin")
    t.unchanged(upload)


@check("R-07", OURS)
def remembered(t: Target) -> None:
    """A preflight may be remembered, so that not every chunk costs two round trips."""
    known(t)
    answer = preflight(t, t.collection)
    answer.require(answer.number("Access-Control-Max-Age") >= 600, "Access-Control-Max-Age of 10 minutes or more")


@check("R-08", OURS)
def refusals(t: Target) -> None:
    """Refusals and downloads have the CORS fields too: without them a browser sees a broken connection."""
    known(t)
    upload, done = t.make(10, stored=3), t.make(10, stored=10)
    answers = [
        t.patch(upload, body=b"x"),
        t.head(t.unknown),
        t.patch(upload, at=0, body=b"x"),
        t.patch(upload, at=3, body=b"x", version="0.0.1"),
        t.patch(upload, at=3, body=bytes(20)),
        t.patch(upload, "Content-Type: text/plain", at=3, body=b"x"),
        t.patch(upload, "Transfer-Encoding: chunked", at=3, body=chunked(bytes(20))),
        t.ask("PUT", upload.path, "Content-Length: 0"),
        t.get(done),
        t.get(t.unknown),
    ]
    for answer in answers:
        granted = answer.get("Access-Control-Allow-Origin")
        answer.require(granted in {ORIGIN, "*"}, "Access-Control-Allow-Origin for our page", got=str(granted))


@check("R-09", OURS)
def look_alikes(t: Target) -> None:
    """Origins that only look like an allowed one, and null, get nothing."""
    known(t)
    if open_to_all(t):
        raise NotApplicable("every page is allowed")
    for origin in (f"{ORIGIN}.evil.example", "null", "http://app.example", "https://app.example:444", ORIGIN.upper()):
        preflight(t, t.collection, origin=origin).expect_no_field("Access-Control-Allow-Origin")
        answer = t.post("Upload-Length: 10", f"Origin: {origin}").expect(403)
        answer.expect_no_field("Access-Control-Allow-Origin")


@check("R-10", HTTP)
def varies(t: Target) -> None:
    """A server that does not allow every page says with Vary that its answers differ by Origin."""
    known(t)
    if t.post("Upload-Length: 10").get("Access-Control-Allow-Origin") == "*":
        raise NotApplicable("every page gets the same *")
    t.head(t.make()).expect_word("Vary", "Origin")
    t.head(t.make(), f"Origin: {STRANGER}").expect_word("Vary", "Origin")
    t.get(t.make(10, stored=10)).expect_word("Vary", "Origin")
