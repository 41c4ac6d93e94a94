"""P: bytes that are added."""

import time
from typing import Final

from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE, Upload
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.early import patch_refused_early
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import HTTP, MUST, OURS, SHOULD

HELLO: Final = SOURCE[:5]
NO_NUMBERS: Final = ("-1", "abc", "", "1.0", "1e1", "0x0")


@check("P-01", MUST)
def first_bytes(t: Target) -> None:
    """A PATCH at 0 of a new upload gets 204 with the new offset."""
    t.patch(t.make(), at=0, body=HELLO).expect(204).expect_field("Upload-Offset", "5")


@check("P-02", MUST)
def last_bytes(t: Target) -> None:
    """A PATCH at the offset that completes the upload gets 204, and the content is what was sent."""
    upload = t.make(10, stored=5)
    t.patch(upload, at=5, body=SOURCE[5:10]).expect(204).expect_field("Upload-Offset", "10")
    t.holds(upload, SOURCE[:10])


@check("P-03", MUST)
def byte_by_byte(t: Target) -> None:
    """Ten PATCHes of a byte each make the whole."""
    upload = t.make()
    for at in range(10):
        t.patch(upload, at=at, body=SOURCE[at : at + 1]).expect(204).expect_field("Upload-Offset", str(at + 1))
    t.holds(upload, SOURCE[:10])


@check("P-04", MUST)
def behind(t: Target) -> None:
    """An offset behind the stored one gets 409, and nothing changes."""
    upload = t.make(10, stored=3)
    t.patch(upload, at=0, body=b"other").expect(409)
    t.unchanged(upload)


@check("P-05", MUST)
def ahead(t: Target) -> None:
    """An offset beyond the stored one gets 409, and nothing changes: no hole in the file."""
    upload = t.make(10, stored=3)
    t.patch(upload, at=7, body=b"abc").expect(409)
    t.unchanged(upload)
    t.completes(upload)


@check("P-06", OURS)
def refusal_tells_the_offset(t: Target) -> None:
    """A 409 carries the true Upload-Offset, which saves the client a HEAD."""
    upload = t.make(10, stored=3)
    for at in (0, 7):
        t.patch(upload, at=at, body=b"abc").expect(409).expect_field("Upload-Offset", "3")


@check("P-07", OURS)
def offset_is_judged_before_the_body(t: Target) -> None:
    """A wrong offset is refused at once however long the body is, and the body is not read."""
    upload = t.make(1 << 31, stored=3)
    patch_refused_early(t, upload, at=0).expect(409)
    t.unchanged(upload)


@check("P-08", SHOULD)
def other_type(t: Target) -> None:
    """Another content type gets 415, and nothing changes."""
    upload = t.make()
    t.patch(upload, "Content-Type: text/plain", at=0, body=HELLO).expect(415)
    t.unchanged(upload)


@check("P-09", SHOULD)
def no_type(t: Target) -> None:
    """No content type gets 415, and nothing changes."""
    upload = t.make()
    t.ask("PATCH", upload.path, "Upload-Offset: 0", body=HELLO).expect(415)
    t.unchanged(upload)


@check("P-10", OURS)
def spellings_of_the_type(t: Target) -> None:
    """Media types are the same in any case, and parameters do not count."""
    for kind in ("application/offset+octet-stream; charset=binary", "Application/Offset+Octet-Stream"):
        t.patch(t.make(), f"Content-Type: {kind}", at=0, body=HELLO).expect(204)


@check("P-11", SHOULD)
def unknown_upload(t: Target) -> None:
    """A PATCH to an upload that never was gets 404 (or 403 or 410), and nothing is made."""
    path = t.unknown
    with t.nothing_made():
        t.patch(path, at=0, body=HELLO).expect(404, 403, 410)


@check("P-12", SHOULD, extension="termination")
def terminated_upload(t: Target) -> None:
    """A PATCH to a terminated upload gets 404 or 410."""
    t.patch(t.gone(), at=0, body=HELLO).expect(404, 410)


@check("P-13", OURS)
def no_offset(t: Target) -> None:
    """A PATCH without Upload-Offset gets 400, and nothing changes."""
    upload = t.make()
    t.patch(upload, body=HELLO).expect(400)
    t.unchanged(upload)


@check("P-14", MUST)
def offset_that_is_no_number(t: Target) -> None:
    """An offset that is no number from 0 on is refused, and nothing changes."""
    upload = t.make()
    for value in NO_NUMBERS:
        t.patch(upload, at=value, body=HELLO).expect_refusal()
        t.unchanged(upload)


@check("P-15", MUST)
def huge_offset(t: Target) -> None:
    """An offset of 2^63 or of 200 digits is refused at once, and nothing changes."""
    upload = t.make()
    for value in (str(2**63), "9" * 200):
        began = time.monotonic()
        answer = t.patch(upload, at=value, body=HELLO).expect_refusal()
        answer.require(time.monotonic() - began < 2, "an answer at once", got="a slow one")
        t.unchanged(upload)


@check("P-16", MUST)
def chunked_body(t: Target) -> None:
    """A body in chunks is a body: its length need not be known before."""
    upload = t.make()
    lines = ("Transfer-Encoding: chunked",)
    answer = t.patch(upload, *lines, at=0, body=chunked(SOURCE[:3], SOURCE[3:4], SOURCE[4:10])).expect(204)
    answer.expect_field("Upload-Offset", "10")
    t.holds(upload, SOURCE[:10])


@check("P-17", SHOULD)
def reset_in_the_middle(t: Target) -> None:
    """What arrived before a connection was reset is kept."""
    upload = t.make()
    cut(t, upload, with_reset=True)
    t.until(lambda: t.offset_of(upload) == 4, what="the 4 bytes that were sent before the reset", seconds=5)
    t.stands(upload, offset=4)


@check("P-18", MUST)
def cut_and_resumed(t: Target) -> None:
    """After a cut the upload goes on at the offset that HEAD tells, and the content is what was sent."""
    upload = t.make()
    cut(t, upload, with_reset=False)
    t.until(lambda: t.patch(upload, at=t.offset_of(upload)).status == 204, what="a PATCH that is taken", seconds=5)
    t.completes(upload)


@check("P-19", SHOULD, inside=True, house=House.HASTY)
def stalled_body(t: Target) -> None:
    """A body that stops is given up after the limit: the connection ends, and what came is kept."""
    upload = t.make()
    with t.begin_patch(upload, at=0, length=10, body=SOURCE[:4]) as call:
        if not call.connection.ends(seconds=3):
            t.head(upload).fail("that the stalled connection ends within 3 s (the limit is 0.5 s)", got="an open one")
    t.stands(upload, offset=4)


@check("P-20", MUST)
def success_is_204(t: Target) -> None:
    """A PATCH that worked gets exactly 204, also one that completes the upload."""
    upload = t.make()
    for at, count in ((0, 5), (5, 5)):
        t.patch(upload, at=at, body=SOURCE[at : at + count]).expect(204)


@check("P-21", MUST)
def offset_counts_what_is_stored(t: Target) -> None:
    """The offset of the answer is the old one and what was stored, whatever the request announced."""
    upload = t.make(len(SOURCE), stored=7)
    answer = t.patch(upload, at=7, body=SOURCE[7:5007]).expect(204)
    answer.expect_field("Upload-Offset", "5007")
    upload.offset = 5007
    t.stands(upload, offset=5007)


@check("P-22", HTTP)
def waits_for_continue(t: Target) -> None:
    """A client that waits for 100 Continue gets it, and then 204."""
    upload = t.make()
    lines = ("Upload-Offset: 0", OFFSET_TYPE, "Content-Length: 5", "Expect: 100-continue")
    with t.begin("PATCH", upload.path, *lines) as call:
        call.connection.interim(seconds=3)
        call.send(HELLO).answer().expect(204).expect_field("Upload-Offset", "5")


@check("P-23", OURS)
def no_continue_before_a_refusal(t: Target) -> None:
    """A client that waits for 100 Continue with a wrong offset gets 409 and no 100."""
    lines = ("Upload-Offset: 0", OFFSET_TYPE, "Content-Length: 5", "Expect: 100-continue")
    upload = t.make(10, stored=3)
    with t.begin("PATCH", upload.path, *lines) as call:
        answer = call.answer().expect(409)
        answer.require(not answer.interim, "no 100 before it")
    t.unchanged(upload)


@check("P-24", OURS)
def nothing_to_nothing(t: Target) -> None:
    """An empty PATCH to an upload of length 0 gets 204 with offset 0."""
    t.patch(t.make(0), at=0).expect(204).expect_field("Upload-Offset", "0")


def cut(t: Target, upload: Upload, *, with_reset: bool) -> None:
    """Send 4 of 10 bytes, wait until they have gone, and break the connection."""
    with t.begin_patch(upload, at=0, length=10) as call:
        call.send(SOURCE[:4])
        call.connection.quiet(seconds=0.2)
        if with_reset:
            call.connection.reset()
        else:
            call.connection.half_close()
