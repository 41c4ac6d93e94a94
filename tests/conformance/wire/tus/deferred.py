"""L: a length that is told later."""

from typing import Final

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import LIMIT, House, check
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.creations import NAMED_FIELD, limit
from tests.conformance.wire.verdict import MUST, OURS, SHOULD

DEFER: Final = "creation-defer-length"


@check("L-01", MUST, extension=DEFER)
def status(t: Target) -> None:
    """Upload-Defer-Length: 1 instead of a length makes an upload."""
    t.post("Upload-Defer-Length: 1", NAMED_FIELD).expect(201).expect_field("Location")


@check("L-02", SHOULD, extension=DEFER)
def other_values(t: Target) -> None:
    """Any other value of Upload-Defer-Length gets 400."""
    with t.nothing_made():
        for value in ("0", "2", "true", ""):
            t.post(f"Upload-Defer-Length: {value}", NAMED_FIELD).expect(400)


@check("L-03", MUST, extension=DEFER)
def told(t: Target) -> None:
    """HEAD tells that the length is deferred, and no length."""
    head = t.head(t.make(None)).expect(200, 204)
    head.expect_field("Upload-Defer-Length", "1").expect_no_field("Upload-Length")


@check("L-04", MUST, extension=DEFER)
def bytes_without_a_length(t: Target) -> None:
    """Bytes may come before the length is known, and it stays deferred."""
    upload = t.make(None)
    t.patch(upload, at=0, body=SOURCE[:3]).expect(204).expect_field("Upload-Offset", "3")
    t.stands(upload, offset=3).expect_field("Upload-Defer-Length", "1")


@check("L-05", MUST, extension=DEFER)
def length_with_the_last_bytes(t: Target) -> None:
    """The length may come with the last bytes, which finish the upload."""
    upload = t.make(None, stored=3)
    t.patch(upload, "Upload-Length: 5", at=3, body=SOURCE[3:5]).expect(204).expect_field("Upload-Offset", "5")
    t.stands(upload, offset=5, length=5).expect_no_field("Upload-Defer-Length")
    t.holds(upload, SOURCE[:5])


@check("L-06", MUST, extension=DEFER)
def length_alone(t: Target) -> None:
    """The length may come with an empty body, which finishes the upload."""
    upload = t.make(None, stored=3)
    t.patch(upload, "Upload-Length: 3", at=3).expect(204).expect_field("Upload-Offset", "3")
    t.stands(upload, offset=3, length=3)
    t.holds(upload, SOURCE[:3])


@check("L-07", OURS, extension=DEFER)
def length_below_the_offset(t: Target) -> None:
    """A length below what is stored gets 400, and the length stays unknown."""
    upload = t.make(None, stored=3)
    t.patch(upload, "Upload-Length: 2", at=3).expect(400)
    t.unchanged(upload).expect_field("Upload-Defer-Length", "1")


@check("L-08", MUST, extension=DEFER)
def other_length(t: Target) -> None:
    """A length that was told does not change."""
    upload = t.make(None, stored=3)
    with t.preparation():
        t.patch(upload, "Upload-Length: 5", at=3).expect(204)
    t.patch(upload, "Upload-Length: 9", at=3)
    t.head(upload).expect(200, 204).expect_field("Upload-Length", "5")
    if t.own is not None:
        t.patch(upload, "Upload-Length: 9", at=3).expect(400)
        t.stands(upload, offset=3, length=5)


@check("L-09", OURS, extension=DEFER)
def same_length_again(t: Target) -> None:
    """The same length again, as after a lost answer, is taken."""
    upload = t.make(None, stored=3)
    with t.preparation():
        t.patch(upload, "Upload-Length: 5", at=3).expect(204)
    t.patch(upload, "Upload-Length: 5", at=3, body=SOURCE[3:5]).expect(204).expect_field("Upload-Offset", "5")


@check("L-10", MUST, extension=DEFER, house=House.LIMITED)
def length_above_the_limit(t: Target) -> None:
    """A length above the limit gets 413, and stays unknown."""
    upload = t.make(None)
    t.patch(upload, f"Upload-Length: {limit(t) + 1}", at=0).expect(413)
    t.unchanged(upload)


@check("L-11", MUST, extension=DEFER, inside=True, house=House.LIMITED)
def bytes_above_the_limit(t: Target) -> None:
    """Bytes that would pass the limit without a length get 413, and nothing changes."""
    upload = t.make(None, stored=LIMIT - 10)
    t.patch(upload, at=LIMIT - 10, body=bytes(20)).expect(413)
    t.unchanged(upload)


@check("L-12", MUST, extension=DEFER, inside=True, house=House.LIMITED)
def chunks_above_the_limit(t: Target) -> None:
    """Chunks that pass the limit without a length get 413, and the offset stays within the limit."""
    upload = t.make(None, stored=LIMIT - 10)
    body = chunked(SOURCE[LIMIT - 10 : LIMIT], bytes(10))
    t.patch(upload, "Transfer-Encoding: chunked", at=LIMIT - 10, body=body).expect(413)
    head = t.head(upload).expect(200)
    offset = head.number("Upload-Offset")
    head.require(offset <= LIMIT, f"an offset of at most {LIMIT}").expect_field("Upload-Defer-Length", "1")
    t.stands(upload, offset=offset)


@check("L-13", MUST, extension=DEFER)
def length_of_a_refused_request(t: Target) -> None:
    """A PATCH that is refused for its offset does not set the length."""
    upload = t.make(None, stored=3)
    t.patch(upload, "Upload-Length: 5", at=0, body=b"hello").expect(409)
    t.unchanged(upload).expect_field("Upload-Defer-Length", "1")


@check("L-14", OURS, extension=DEFER)
def length_of_a_cut_request(t: Target) -> None:
    """The length that came with a PATCH which was cut is kept, and so are its bytes."""
    upload = t.make(None, stored=3)
    with t.begin_patch(upload, "Upload-Length: 5", at=3, length=2, body=SOURCE[3:4]) as call:
        call.connection.quiet(seconds=0.1)
        call.connection.half_close()
    t.until(lambda: t.offset_of(upload) == 4, what="the byte that was sent", seconds=5)
    t.stands(upload, offset=4, length=5)


@check("L-15", MUST, extension=DEFER)
def length_with_a_wrong_checksum(t: Target) -> None:
    """A checksum that does not fit updates neither offset nor length, and nothing of it gets into the file."""
    t.needs("checksum")
    upload = t.make(None, stored=3)
    wrong = "Upload-Checksum: sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk="
    t.patch(upload, "Upload-Length: 5", wrong, at=3, body=b"evil!"[:2]).expect(460)
    t.unchanged(upload, may_lie_beyond=True).expect_field("Upload-Defer-Length", "1")
    t.patch(upload, "Upload-Length: 3", at=3).expect(204)
    t.holds(upload, SOURCE[:3])


@check("L-16", OURS, extension=DEFER)
def deferred_again(t: Target) -> None:
    """Upload-Defer-Length: 1 on a PATCH says nothing new, and does not matter."""
    upload = t.make(None, stored=3)
    t.patch(upload, "Upload-Defer-Length: 1", at=3, body=SOURCE[3:4]).expect(204).expect_field("Upload-Offset", "4")
    t.stands(upload, offset=4).expect_field("Upload-Defer-Length", "1")
