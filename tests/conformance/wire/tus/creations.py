"""C: making an upload."""

import re
import time
from typing import Final

from tests.conformance.wire.calls import NAMED
from tests.conformance.wire.catalogue import LIMIT, House, check, elsewhere
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import HTTP, MUST, OURS, Failed, NotApplicable

NAMED_FIELD: Final = f"Upload-Metadata: {NAMED}"
_RANDOM_BITS: Final = 128


@check("C-01", MUST)
def status(t: Target) -> None:
    """POST with Upload-Length makes an upload: 201."""
    t.post("Upload-Length: 10", NAMED_FIELD).expect(201)


@check("C-02", MUST)
def location(t: Target) -> None:
    """Location names the upload, which stands at 0."""
    path = t.located(t.post("Upload-Length: 10", NAMED_FIELD).expect_success())
    t.head(path).expect(200, 204).expect_field("Upload-Offset", "0")


@check("C-03", MUST)
def length(t: Target) -> None:
    """The upload has the length that was told."""
    path = t.located(t.post("Upload-Length: 10", NAMED_FIELD).expect_success())
    t.head(path).expect(200, 204).expect_field("Upload-Length", "10")


@check("C-04", OURS)
def many_at_once(t: Target) -> None:
    """A thousand creations at once make a thousand different uploads."""
    connections = [t.connect() for _ in range(50)]
    paths: set[str] = set()
    for _ in range(20):
        calls = [
            t.begin("POST", t.collection, "Upload-Length: 10", NAMED_FIELD, on=connection) for connection in connections
        ]
        paths |= {t.located(call.answer().expect(201)) for call in calls}
    if len(paths) != 1000:
        raise Failed(f"POST C a thousand times: expected a thousand Locations, got {len(paths)}")


@check("C-05", MUST)
def no_length(t: Target) -> None:
    """Neither Upload-Length nor Upload-Defer-Length is a refusal, and nothing is made."""
    with t.nothing_made():
        t.post(NAMED_FIELD).expect_refusal().expect_no_field("Location")


@check("C-06", OURS)
def two_lengths(t: Target) -> None:
    """Upload-Length together with Upload-Defer-Length gets 400, and nothing is made."""
    with t.nothing_made():
        t.post("Upload-Length: 10", "Upload-Defer-Length: 1").expect(400)


@check("C-07", MUST)
def length_that_is_no_number(t: Target) -> None:
    """A length that is no number from 0 on is refused, and nothing is made."""
    with t.nothing_made():
        for value in ("-1", "abc", "", "1.5", "5 5"):
            t.post(f"Upload-Length: {value}", NAMED_FIELD).expect_refusal()


@check("C-08", MUST)
def huge_length(t: Target) -> None:
    """A length of 2^63 or of 60 digits is refused, or taken as what it is, and the server lives on."""
    for value in (str(2**63), "9" * 60):
        answer = t.post(f"Upload-Length: {value}", NAMED_FIELD)
        if answer.status == 201:
            t.head(t.located(answer)).expect(200, 204).expect_field("Upload-Length", value)
        else:
            answer.expect(400, 413)
    t.post("Upload-Length: 10", NAMED_FIELD).expect(201)


@check("C-09", MUST)
def empty_file(t: Target) -> None:
    """An upload of length 0 is finished as soon as it is made: offset 0, length 0, told about once."""
    answer = t.post("Upload-Length: 0", NAMED_FIELD).expect(201)
    path = t.located(answer)
    head = t.head(path).expect(200, 204).expect_field("Upload-Offset", "0").expect_field("Upload-Length", "0")
    if t.own is not None:
        head.require(t.own.events(path, "upload_completed") == 1, "one event upload_completed in the log")


@check("C-10", MUST, house=House.LIMITED)
def above_the_limit(t: Target) -> None:
    """A length above the limit gets 413 without Location, and nothing is made."""
    with t.nothing_made():
        t.post(f"Upload-Length: {limit(t) + 1}", NAMED_FIELD).expect(413).expect_no_field("Location")


@check("C-11", MUST, house=House.LIMITED)
def at_the_limit(t: Target) -> None:
    """A length that is just the limit is taken."""
    path = t.located(t.post(f"Upload-Length: {limit(t)}", NAMED_FIELD).expect(201))
    t.head(path).expect(200, 204).expect_field("Upload-Length", str(limit(t)))


@check("C-12", OURS)
def post_to_an_upload(t: Target) -> None:
    """POST to an upload that is there gets 405 with Allow."""
    upload = t.make(10, stored=3)
    t.ask("POST", upload.path, "Upload-Length: 10").expect(405).expect_field("Allow")
    t.unchanged(upload)


@check("C-13", OURS)
def behind_a_proxy(t: Target) -> None:
    """Location is a path, or names the host that the client asked, so that it holds behind any proxy."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD, "Host: localhost:4321").expect(201)
    found = answer.headers["Location"]
    answer.require(
        found.startswith("/") or "//localhost:4321/" in found, "a path, or the Host that was asked", got=found
    )


@check("C-14", OURS)
def forged_forwarding(t: Target) -> None:
    """Forwarding fields of somebody who is no proxy of this server do not come back in Location."""
    for field in (
        "X-Forwarded-Host: evil.example",
        "Forwarded: host=evil.example;proto=https",
        "X-Forwarded-Proto: gopher",
    ):
        answer = t.post("Upload-Length: 10", NAMED_FIELD, field).expect(201, 400, 403)
        found = answer.get("Location") or ""
        answer.require("evil" not in found and "gopher" not in found, "a Location without it", got=found)


@check("C-15", MUST)
def empty_body(t: Target) -> None:
    """Content-Length: 0 without a content type is a creation."""
    t.post("Upload-Length: 10", NAMED_FIELD, "Content-Length: 0").expect(201).expect_field("Location")


@check("C-16", HTTP)
def no_body(t: Target) -> None:
    """A creation needs no Content-Length."""
    t.post("Upload-Length: 10", NAMED_FIELD, framed=False).expect(201).expect_field("Location")


@check("C-17", OURS)
def repeated_creation(t: Target) -> None:
    """The same POST with the same Idempotency-Key gives the upload of the first one."""
    key = f"Idempotency-Key: conformance-{time.time_ns()}"
    first = t.post("Upload-Length: 10", NAMED_FIELD, key).expect(201)
    again = t.post("Upload-Length: 10", NAMED_FIELD, key).expect(200, 201)
    again.require(t.located(again) == t.located(first), f"Location: {t.located(first)}", got=t.located(again))
    other = t.post("Upload-Length: 10", NAMED_FIELD, f"{key}-other").expect(201)
    other.require(t.located(other) != t.located(first), "another upload for another key")


@check("C-18", OURS)
def unguessable(t: Target) -> None:
    """The name of an upload has 128 random bits, is safe in a URL, and holds nothing that the client sent."""
    names = []
    for _ in range(5):
        path = t.located(t.post("Upload-Length: 10", NAMED_FIELD).expect(201))
        name = path.partition("?")[0].removeprefix(t.collection)
        names.append(name)
        digits = re.sub(r"[^0-9a-zA-Z_-]", "", name)
        bits = len(digits) * (4 if re.fullmatch(r"[0-9a-f-]+", digits) else 6) - 4 * digits.count("-")
        fits = re.fullmatch(r"[A-Za-z0-9._~+-]+", name) and "conformance" not in name and bits >= _RANDOM_BITS - 6
        if not fits:
            raise Failed(f"POST C: expected a name of 128 random bits that is safe in a URL, got {name}")
    # What all five have in common at one place is not random; 22 characters of base64 or 32 of hex must differ.
    varied = sum(len(set(column)) > 1 for column in zip(*names, strict=False))
    if varied < 18:
        raise Failed(f"POST C five times: expected names without anything in common, got {', '.join(names)}")


@check("C-19", OURS)
def without_creation(t: Target) -> None:
    """A server without the extension creation answers POST to the collection with 404, 405 or 501."""
    if "creation" in t.announced:
        raise NotApplicable("creation is announced")
    t.post("Upload-Length: 10").expect(404, 405, 501)


elsewhere("C-20", OURS, "there are no quotas yet")


def limit(t: Target) -> int:
    """Give the limit of the server. Raises NotApplicable if it tells none."""
    if t.own is not None:
        return LIMIT
    if t.max_size is None:
        raise NotApplicable("no limit is told")
    return t.max_size
