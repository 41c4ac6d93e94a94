"""S-01 to S-20: what the protocol leaves open, and how it is answered here."""

import time

from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE
from tests.conformance.wire.catalogue import House, check, elsewhere
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.early import PATIENCE, patch_refused_early
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.creations import NAMED_FIELD
from tests.conformance.wire.verdict import OURS, NotApplicable

ALICE, BOB = "Authorization: Bearer alice", "Authorization: Bearer bob"


@check("S-01", OURS)
def question_without_a_version(t: Target) -> None:
    """A HEAD without Tus-Resumable is answered: people with curl and load balancers ask so."""
    t.head(t.make(10, stored=3), version=None).expect(200, 204).expect_field("Upload-Offset", "3")


@check("S-02", OURS)
def spellings_of_an_offset(t: Target) -> None:
    """A number has one spelling: 00 and +0 get 400, and nothing changes."""
    upload = t.make()
    for value in ("00", "+0"):
        t.patch(upload, at=value, body=b"hello").expect(400)
    t.unchanged(upload)


@check("S-03", OURS)
def spellings_of_a_length(t: Target) -> None:
    """A length of 010 gets 400."""
    with t.nothing_made():
        t.post("Upload-Length: 010", NAMED_FIELD).expect(400)


@check("S-04", OURS)
def repeated_fields(t: Target) -> None:
    """Two lines of Upload-Offset or Upload-Length get 400, the same or not: two readers may take different ones."""
    upload = t.make(10, stored=3)
    for other in (3, 5):
        t.patch(upload, f"Upload-Offset: {other}", at=3, body=b"x").expect(400)
    t.unchanged(upload)
    with t.nothing_made():
        t.post("Upload-Length: 10", "Upload-Length: 20").expect(400)


@check("S-05", OURS)
def too_long(t: Target) -> None:
    """A body that is longer than what is missing gets 413 before it is read, and nothing is stored."""
    upload = t.make(10, stored=3)
    patch_refused_early(t, upload, at=3).expect(413)
    t.patch(upload, at=3, body=bytes(8)).expect(413)
    t.unchanged(upload)


@check("S-06", OURS)
def chunks_too_long(t: Target) -> None:
    """Chunks that are longer than what is missing get 413 and never finish the upload: it is the wrong file."""
    upload = t.make(10, stored=3)
    t.patch(upload, "Transfer-Encoding: chunked", at=3, body=chunked(SOURCE[3:8], bytes(5))).expect(413)
    head = t.head(upload).expect(200)
    offset = head.number("Upload-Offset")
    head.require(3 <= offset < 10, "an offset from 3 to 9")
    t.stands(upload, offset=offset, length=10)


@check("S-07", OURS)
def finished_and_empty(t: Target) -> None:
    """An empty PATCH at the end of a finished upload gets 204, as after a lost answer."""
    t.patch(t.make(10, stored=10), at=10).expect(204).expect_field("Upload-Offset", "10")


@check("S-08", OURS)
def finished_and_more(t: Target) -> None:
    """More bytes at the end of a finished upload get 413."""
    upload = t.make(10, stored=10)
    t.patch(upload, at=10, body=b"x").expect(413)
    t.unchanged(upload)


@check("S-09", OURS)
def finished_and_an_old_offset(t: Target) -> None:
    """An old offset of a finished upload gets 409 with the length, so that the client learns that it is done."""
    upload = t.make(10, stored=10)
    t.patch(upload, at=3, body=SOURCE[3:10]).expect(409).expect_field("Upload-Offset", "10")
    t.unchanged(upload)


@check("S-10", OURS)
def nothing_at_the_offset(t: Target) -> None:
    """An empty PATCH of an unfinished upload gets 204 and is no activity: the expiry stays."""
    upload = t.make(10, stored=3)
    before = t.head(upload).get("Upload-Expires")
    time.sleep(1.01)  # the date counts seconds
    t.patch(upload, at=3).expect(204).expect_field("Upload-Offset", "3")
    head = t.unchanged(upload)
    head.require(head.get("Upload-Expires") == before, f"Upload-Expires: {before} as before")


@check("S-11", OURS)
def length_of_a_known_length(t: Target) -> None:
    """Upload-Length with a PATCH though the length is known: the same one does not matter, another one gets 400."""
    upload = t.make(10, stored=3)
    t.patch(upload, "Upload-Length: 9", at=3, body=b"x").expect(400)
    t.unchanged(upload)
    t.patch(upload, "Upload-Length: 10", at=3, body=SOURCE[3:4]).expect(204).expect_field("Upload-Offset", "4")


@check("S-12", OURS)
def order(t: Target) -> None:
    """What is wrong is told in one order: version, syntax, existence, type, offset, size; each before 100 Continue."""
    upload, unknown = t.make(10, stored=3), t.unknown
    wrong_type = "Content-Type: text/plain"
    for path, fields, at, status, version in (
        (upload.path, (), "abc", 412, "0.1.0"),
        (unknown, (), "abc", 400, "1.0.0"),
        (unknown, (wrong_type,), "3", 404, "1.0.0"),
        (upload.path, (wrong_type,), "0", 415, "1.0.0"),
        (upload.path, (), "0", 409, "1.0.0"),
        (upload.path, (), "3", 413, "1.0.0"),
    ):
        lines = (*fields, *(() if fields else (OFFSET_TYPE,)), f"Upload-Offset: {at}", "Content-Length: 5000")
        with t.begin("PATCH", path, *lines, "Expect: 100-continue", version=version) as call:
            answer = call.answer(seconds=PATIENCE).expect(status)
            answer.require(not answer.interim, "no 100 before it")
    t.unchanged(upload)


elsewhere(
    "S-13",
    OURS,
    "a lock that is not got in time is 423 with Retry-After",
    "tests/service/test_taking_over.py::test_patience_ends",
    "tests/protocol/test_error_tables.py",
)


@check("S-14", OURS)
def preempted(t: Target) -> None:
    """A PATCH that gives way to a newer one gets 423 or the end of its connection, no final 4xx; its bytes stay."""
    size = len(SOURCE)
    upload = t.make(size)
    with t.begin_patch(upload, at=0, length=size, body=SOURCE[:1000]) as call:
        t.until(lambda: t.offset_of(upload) == 1000, what="an offset of 1000 during the PATCH", seconds=3)
        t.patch(upload, at=1000, body=SOURCE[1000:2000]).expect(204).expect_field("Upload-Offset", "2000")
        if not call.connection.ends(seconds=3) or call.connection.unread:
            call.answer(allow=(503,)).expect(423, 409, 503)
    t.stands(upload, offset=2000)
    t.completes(upload)


@check("S-15", OURS, inside=True, house=House.HASTY)
def stalled(t: Target) -> None:
    """A body that stalls is answered with the end of the connection and not with a 4xx, which would be final."""
    upload = t.make()
    with t.begin_patch(upload, at=0, length=10, body=SOURCE[:4]) as call:
        ended = call.connection.ends(seconds=3)
        head = t.stands(upload, offset=4)
        head.require(ended and not call.connection.unread, "the end of the connection without a word", got="others")


@check("S-16", OURS, inside=True, house=House.MORTAL)
def stopping(t: Target) -> None:
    """SIGTERM during a PATCH: 503 with Connection: close or the end of the connection, and what came is kept."""
    upload = t.make(len(SOURCE))
    with t.begin_patch(upload, at=0, length=len(SOURCE), body=SOURCE[:1000]) as call:
        t.until(lambda: t.offset_of(upload) == 1000, what="an offset of 1000 during the PATCH", seconds=3)
        t.inside.stop()
        call.connection.ends(seconds=3)
        if call.connection.unread:
            answer = call.answer(allow=(503,)).expect(503)
            answer.require(answer.closes, "Connection: close")
    t.inside.start()
    t.stands(upload, offset=1000)
    t.completes(upload)


@check("S-17", OURS, inside=True, house=House.MORTAL)
def full_disk(t: Target) -> None:
    """A full disk is 507 for bytes and creations, and HEAD is answered as ever."""
    upload = t.make(10, stored=3)
    with t.inside.set_otherwise('min_free_bytes = "1024 GiB"\n'):
        t.patch(upload, at=3, body=SOURCE[3:10], allow=(507,)).expect(507)
        t.post("Upload-Length: 10", allow=(507,)).expect(507).expect_no_field("Location")
        t.unchanged(upload)
    t.completes(upload)


@check("S-18", OURS, inside=True, house=House.SHARED)
def no_credentials(t: Target) -> None:
    """Without credentials it is 401 with WWW-Authenticate before the body is read; for another user it is 404."""
    upload = t.make(10, ALICE, stored=3)
    patch_refused_early(t, upload, at=3).expect(401).expect_field("WWW-Authenticate")
    t.post("Upload-Length: 10").expect(401).expect_field("WWW-Authenticate")
    t.patch(upload, BOB, at=3, body=b"x").expect(404)
    t.head(upload, ALICE).expect(200).expect_field("Upload-Offset", "3")


@check("S-19", OURS)
def no_429(t: Target) -> None:
    """HEAD and PATCH are never refused for their number: clients throw the upload away for it."""
    upload = t.make(300)
    for at in range(100):
        t.patch(upload, at=at, body=SOURCE[at : at + 1]).expect(204)
        t.head(upload).expect(200, 204)


@check("S-20", OURS)
def downloads(t: Target) -> None:
    """GET gives finished uploads only, with ranges, an ETag, as an attachment and with nosniff."""
    got = t.get(t.make(10, stored=3)).expect(404, 409, 405)
    if got.status == 405:
        raise NotApplicable("there are no downloads")
    done = t.make(10, stored=10)
    whole = t.get(done).expect(200).expect_field("X-Content-Type-Options", "nosniff").expect_field("ETag")
    disposition = whole.get("Content-Disposition") or "none"
    whole.require(disposition.startswith("attachment"), "an attachment", got=disposition)
    ranged = t.get(done, "Range: bytes=2-4").expect(206).expect_field("Content-Range", "bytes 2-4/10")
    ranged.require(ranged.body == SOURCE[2:5], "the bytes 2 to 4", got=repr(ranged.body))
    t.get(done, "Range: bytes=2-4", f"If-Range: {whole.get('ETag')}").expect(206)
    t.get(done, "Range: bytes=2-4", 'If-Range: "other"').expect(200)
    t.get(done, "Range: bytes=20-30").expect(416)
