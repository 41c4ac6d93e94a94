"""H: where an upload stands."""

import time

from tests.conformance.wire.calls import NAMED, SOURCE, metadata
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.connection import Connection
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import HTTP, MUST, OURS, SHOULD, Failed

ALICE, BOB = "Authorization: Bearer alice", "Authorization: Bearer bob"


@check("H-01", MUST)
def new_upload(t: Target) -> None:
    """A new upload stands at 0, also when it was made without metadata."""
    for told in (NAMED, None):
        with t.preparation():
            named = () if told is None else (f"Upload-Metadata: {told}",)
            path = t.located(t.post("Upload-Length: 10", *named).expect(200, 201))
        t.head(path).expect(200, 204).expect_field("Upload-Offset", "0")


@check("H-02", MUST)
def part_of_an_upload(t: Target) -> None:
    """HEAD tells how many bytes are stored."""
    t.stands(t.make(10, stored=3), offset=3)


@check("H-03", MUST)
def finished_upload(t: Target) -> None:
    """A finished upload is still told about, with offset = length."""
    t.stands(t.make(10, stored=10), offset=10)


@check("H-04", MUST)
def length(t: Target) -> None:
    """HEAD tells the length when it is known."""
    for stored in (0, 3, 10):
        t.head(t.make(10, stored=stored)).expect(200, 204).expect_field("Upload-Length", "10")


@check("H-05", MUST)
def not_to_be_cached(t: Target) -> None:
    """Cache-Control contains no-store."""
    t.head(t.make(10, stored=3)).expect(200, 204).expect_word("Cache-Control", "no-store")


@check("H-06", SHOULD)
def unknown_upload(t: Target) -> None:
    """An upload that never was gets 404 (or 403 or 410) without Upload-Offset."""
    t.head(t.unknown).expect(404, 410, 403).expect_no_field("Upload-Offset")


@check("H-07", SHOULD, extension="termination")
def terminated_upload(t: Target) -> None:
    """A terminated upload gets 404 or 410 without Upload-Offset."""
    t.head(t.gone()).expect(404, 410).expect_no_field("Upload-Offset")


@check("H-08", OURS, inside=True, house=House.SHARED)
def foreign_upload(t: Target) -> None:
    """Somebody else's upload is answered byte for byte like one that never was."""
    upload = t.make(10, ALICE, stored=3)
    with t.preparation():
        never = t.located(t.post("Upload-Length: 10", BOB))
        t.delete(never, BOB)
    answers = [t.head(path, BOB).expect(404) for path in (upload.path, never)]
    seen = [[pair for pair in answer.headers.items() if pair[0] not in {"Date", "X-Request-ID"}] for answer in answers]
    answers[0].require(seen[0] == seen[1], f"the answer of an unknown upload, {seen[1]}", got=f"{seen[0]}")


@check("H-09", OURS)
def questions_change_nothing(t: Target) -> None:
    """A thousand HEADs change nothing, and do not move the expiry on."""
    upload = t.make(10, stored=3)
    before = t.head(upload).get("Upload-Expires")
    with Connection(t.base) as connection:
        for _ in range(10):
            calls = [t.begin("HEAD", upload.path, on=connection) for _ in range(100)]
            for call in calls:
                call.answer(pipelined=True)
    answer = t.unchanged(upload)
    answer.require(answer.get("Upload-Expires") == before, f"Upload-Expires: {before} as before")


@check("H-10", MUST)
def finished_is_not_deferred(t: Target) -> None:
    """A finished upload has no Upload-Defer-Length."""
    t.head(t.make(10, stored=10)).expect(200, 204).expect_no_field("Upload-Defer-Length")


@check("H-11", MUST)
def metadata_as_sent(t: Target) -> None:
    """Upload-Metadata comes back with the same bytes in the same order."""
    value = ",".join([metadata(zebra="1", filename="a.bin", filetype="x/y"), "flag", metadata(apple="2", mango="3")])
    for _ in range(5):
        t.head(t.make(metadata=value)).expect(200, 204).expect_field("Upload-Metadata", value)


@check("H-12", MUST)
def no_metadata(t: Target) -> None:
    """Without metadata there is no Upload-Metadata."""
    with t.preparation():
        path = t.located(t.post("Upload-Length: 10").expect(200, 201))
    t.head(path).expect(200, 204).expect_no_field("Upload-Metadata")


@check("H-13", OURS)
def question_during_a_patch(t: Target) -> None:
    """A HEAD during a PATCH is answered within 100 ms with an offset that is stored, and the PATCH goes on."""
    size = len(SOURCE)
    upload = t.make(size)
    half = size // 2
    with t.begin_patch(upload, at=0, length=size, body=SOURCE[:half]) as call:
        t.until(
            lambda: t.offset_of(upload) == half, what=f"an offset of {half} while the PATCH is on its way", seconds=3
        )
        waits = []
        for _ in range(5):
            began = time.monotonic()
            t.head(upload).expect(200, 204).expect_field("Upload-Offset", str(half))
            waits.append(time.monotonic() - began)
        quickest = min(waits)
        if quickest > 0.1:
            raise Failed(f"HEAD U during a PATCH: expected an answer within 100 ms, got one after {quickest:.2f} s")
        call.send(SOURCE[half:]).answer().expect(204).expect_field("Upload-Offset", str(size))
    t.holds(upload, SOURCE)


@check("H-14", OURS, inside=True)
def busy_table(t: Target) -> None:
    """While somebody else locks the session table, HEAD gets 200, or 423 with Retry-After, and no other status."""
    upload = t.make(10, stored=3)
    with t.inside.locked_table():
        for _ in range(3):
            answer = t.head(upload).expect(200, 423)
            if answer.status == 423:
                answer.expect_field("Retry-After")
    t.unchanged(upload)


@check("H-15", HTTP)
def question_with_a_body(t: Target) -> None:
    """A HEAD with a body is answered as without one, and its body is not taken for the next request."""
    upload = t.make(10, stored=3)
    smuggled = f"DELETE {upload.path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n\r\n".encode()
    for body in (b"hello", smuggled):
        with t.begin("HEAD", upload.path, f"Content-Length: {len(body)}", body=body) as call:
            answer = call.answer().expect(200, 204, 400, 413)
            if answer.status < 300:
                answer.expect_field("Upload-Offset", "3")
            if not call.connection.ends(seconds=0.1):
                again = t.begin("HEAD", upload.path, on=call.connection).answer().expect(200, 204)
                again.expect_field("Upload-Offset", "3")
    t.unchanged(upload)
