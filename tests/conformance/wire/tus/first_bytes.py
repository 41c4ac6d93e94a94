"""W: bytes that come with the creation."""

from typing import Final

from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE, Upload
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.creations import NAMED_FIELD, limit
from tests.conformance.wire.verdict import MUST, OURS, SHOULD

WITH: Final = "creation-with-upload"
HELLO: Final = SOURCE[:5]


@check("W-01", MUST, extension=WITH)
def status(t: Target) -> None:
    """A creation with bytes gets 201 with Location and the Upload-Offset behind them."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD, OFFSET_TYPE, body=HELLO).expect(201)
    answer.expect_field("Upload-Offset", "5").expect_field("Location")


@check("W-02", MUST, extension=WITH)
def goes_on(t: Target) -> None:
    """The upload goes on behind these bytes, and the content is what was sent."""
    upload = begun(t, "Upload-Length: 10", length=10)
    t.stands(upload, offset=5, length=10)
    t.completes(upload)


@check("W-03", MUST, extension=WITH)
def whole(t: Target) -> None:
    """A creation with all the bytes is a finished upload, told about once."""
    upload = begun(t, "Upload-Length: 5", length=5)
    head = t.holds(upload, HELLO)
    if t.own is not None:
        head.require(t.own.events(upload.path, "upload_completed") == 1, "one event upload_completed in the log")


@check("W-04", OURS, extension=WITH)
def too_long(t: Target) -> None:
    """More bytes than the length get 413, and no upload is left behind."""
    with t.nothing_made():
        t.post("Upload-Length: 3", NAMED_FIELD, OFFSET_TYPE, body=HELLO).expect(413).expect_no_field("Location")


@check("W-05", OURS, extension=WITH)
def other_type(t: Target) -> None:
    """A body of another type is not stored: 201 with Upload-Offset: 0, or 415."""
    lines = ("Upload-Length: 10", NAMED_FIELD, "Content-Type: text/plain")
    answer = t.post(*lines, body=HELLO).expect(201, 415)
    if answer.status == 201:
        t.head(t.located(answer)).expect(200, 204).expect_field("Upload-Offset", "0")
    if t.own is not None:
        with t.begin("POST", t.collection, *lines, "Content-Length: 10", body=HELLO) as call:
            early = call.answer().expect(201).expect_field("Upload-Offset", "0")
            early.require(early.closes, "Connection: close, as the rest of the body is not read")


@check("W-06", SHOULD, extension=WITH, house=House.LIMITED)
def refused_before_continue(t: Target) -> None:
    """A client that waits for 100 Continue with a file above the limit gets 413 and no 100."""
    size = limit(t) + 1
    lines = (f"Upload-Length: {size}", NAMED_FIELD, OFFSET_TYPE, "Content-Length: 5", "Expect: 100-continue")
    with t.begin("POST", t.collection, *lines) as call:
        answer = call.answer().expect(413)
        answer.require(not answer.interim, "no 100 before it")


@check("W-07", SHOULD, extension=WITH)
def continue_before_the_body(t: Target) -> None:
    """A client that waits for 100 Continue gets it, and then 201."""
    lines = ("Upload-Length: 10", NAMED_FIELD, OFFSET_TYPE, "Content-Length: 5", "Expect: 100-continue")
    with t.begin("POST", t.collection, *lines) as call:
        call.connection.interim(seconds=3)
        call.send(HELLO).answer().expect(201).expect_field("Upload-Offset", "5")


@check("W-08", SHOULD, extension=WITH, inside=True)
def cut_in_the_middle(t: Target) -> None:
    """What came until a creation was cut is kept, in an upload that expires by and by."""
    own = t.inside
    before = set(own.rows())
    with t.begin("POST", t.collection, "Upload-Length: 10", NAMED_FIELD, OFFSET_TYPE, "Content-Length: 10") as call:
        call.send(HELLO)
        call.connection.quiet(seconds=0.1)
        call.connection.half_close()
    t.until(lambda: bool(set(own.rows()) - before), what="an upload in the session table")
    (name,) = set(own.rows()) - before
    upload = Upload(path=t.collection + name, length=10, source=SOURCE)
    t.until(lambda: t.offset_of(upload) == 5, what="the 5 bytes that were sent")
    t.stands(upload, offset=5, length=10).expect_field("Upload-Expires")


@check("W-09", MUST, extension=WITH)
def deferred(t: Target) -> None:
    """Bytes may come with a creation whose length is deferred."""
    t.needs("creation-defer-length")
    upload = begun(t, "Upload-Defer-Length: 1", length=None)
    t.stands(upload, offset=5).expect_field("Upload-Defer-Length", "1").expect_no_field("Upload-Length")


@check("W-10", MUST, extension=WITH)
def no_bytes(t: Target) -> None:
    """A creation with the type and an empty body gets 201 with Upload-Offset: 0."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD, OFFSET_TYPE).expect(201).expect_field("Upload-Offset", "0")
    t.head(t.located(answer)).expect(200, 204).expect_field("Upload-Offset", "0")


@check("W-11", MUST, extension=WITH)
def chunks(t: Target) -> None:
    """The bytes may come in chunks."""
    lines = ("Upload-Length: 10", NAMED_FIELD, OFFSET_TYPE, "Transfer-Encoding: chunked")
    answer = t.post(*lines, body=chunked(HELLO[:2], HELLO[2:])).expect(201).expect_field("Upload-Offset", "5")
    t.stands(Upload(path=t.located(answer), length=10, source=SOURCE), offset=5)


@check("W-12", OURS, extension=WITH)
def checksum(t: Target) -> None:
    """A checksum of the bytes is checked: 201, or 460 and no upload is left."""
    t.needs("checksum")
    lines = ("Upload-Length: 11", NAMED_FIELD, OFFSET_TYPE)
    right, wrong = (f"Upload-Checksum: sha1 {digest}" for digest in (HELLO_WORLD_SHA1, EMPTY_SHA1))
    t.post(*lines, right, body=b"hello world").expect(201).expect_field("Upload-Offset", "11")
    with t.nothing_made():
        t.post(*lines, wrong, body=b"hello world").expect(460).expect_no_field("Location")


@check("W-13", MUST, extension=WITH)
def expires(t: Target) -> None:
    """When uploads expire, the answer tells when this one does."""
    t.needs("expiration")
    t.post("Upload-Length: 10", NAMED_FIELD, OFFSET_TYPE, body=HELLO).expect(201).expect_field("Upload-Expires")


@check("W-14", OURS, extension="concatenation")
def final_with_bytes(t: Target) -> None:
    """A final upload takes no bytes: 403, and nothing is made."""
    part = t.make(5, "Upload-Concat: partial", stored=5)
    with t.nothing_made():
        t.post(f"Upload-Concat: final;{part.path}", OFFSET_TYPE, body=HELLO).expect(403)


HELLO_WORLD_SHA1: Final = "Kq5sNclPz7QV2+lfQIuc6R7oRu0="
EMPTY_SHA1: Final = "2jmj7l5rSw0yVb/vlWAYkK/YBwk="


def begun(t: Target, *fields: str, length: int | None) -> Upload:
    """Make an upload with its first five bytes."""
    answer = t.post(*fields, NAMED_FIELD, OFFSET_TYPE, body=HELLO).expect(201).expect_field("Upload-Offset", "5")
    return Upload(path=t.located(answer), length=length, source=SOURCE, offset=5)
