"""57 to 81: appends."""

import json

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import check, elsewhere
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.early import refused_early
from tests.conformance.wire.ietf.dialect import (
    PROBLEMS,
    append,
    append_lines,
    begin_append,
    create,
    gone,
    head,
    make,
    stands,
    unchanged,
    whole,
)
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MAY, MUST, OURS, SHOULD


@check("57", MUST)
def not_the_last(t: Target) -> None:
    """An append that is not the last one gets a 2xx with ?0 and the new offset."""
    upload = make(t, stored=5)
    answer = append(t, upload, at=5, body=SOURCE[5:15]).expect_success().expect_field("Upload-Complete", "?0")
    answer.expect_field("Upload-Offset", "15")
    stands(t, upload, offset=15)


@check("58", MUST)
def wrong_offset(t: Target) -> None:
    """A wrong offset gets 409 with the real one and ?0, nothing is written, and the upload goes on."""
    upload = make(t, stored=5)
    for at in (0, 9):
        answer = append(t, upload, at=at, body=b"evil").expect(409).expect_field("Upload-Offset", "5")
        answer.expect_field("Upload-Complete", "?0")
        unchanged(t, upload)
    append(t, upload, at=5, body=SOURCE[5:10]).expect_success()


@check("59", MAY)
def words_for_a_wrong_offset(t: Target) -> None:
    """The body of a 409 is the problem mismatching-upload-offset with both offsets."""
    answer = append(t, make(t, stored=5), at=9, body=b"evil").expect(409)
    answer.expect_field("Content-Type", "application/problem+json")
    found = json.loads(answer.body)
    told = (found.get("type"), found.get("expected-offset"), found.get("provided-offset"))
    answer.require(told == (f"{PROBLEMS}mismatching-upload-offset", 5, 9), "type and both offsets", got=str(told))


@check("60", MUST)
def wrong_offset_at_once(t: Target) -> None:
    """A 409 comes without the body having been read."""
    upload = make(t, stored=5)
    refused_early(t, "PATCH", upload.path, *append_lines(at=0), version=None).expect(409)
    unchanged(t, upload)


@check("61", MUST)
def no_offset(t: Target) -> None:
    """An append without an offset is refused, and nothing is written."""
    upload = make(t, stored=5)
    append(t, upload, at=None, body=b"evil").expect_refusal()
    unchanged(t, upload)


@check("62", OURS)
def no_completeness(t: Target) -> None:
    """An append without Upload-Complete gets 400 in version 9, and is the last one in version 6."""
    upload = make(t, stored=5)
    append(t, upload, at=5, body=b"evil", complete=None).expect(400)
    unchanged(t, upload)
    append(t, upload, at=5, body=SOURCE[5:10], complete=None, iv=6).expect_success()
    whole(t, upload.path, SOURCE[:10])


@check("63", OURS)
def other_type(t: Target) -> None:
    """Another content type gets 415 with Accept-Patch in version 9, and is taken in version 5."""
    upload, other = make(t, stored=5), "Content-Type: application/octet-stream"
    answer = append(t, upload, at=5, body=b"evil", kind=other).expect(415)
    answer.expect_word("Accept-Patch", "application/partial-upload")
    unchanged(t, upload)
    append(t, upload, at=5, body=SOURCE[5:10], kind=other, iv=5).expect_success()


@check("64", MUST)
def the_last(t: Target) -> None:
    """The last append is answered as the whole file in one request, with ?1."""
    upload = make(t, stored=5)
    answer = append(t, upload, at=5, body=SOURCE[5:10], complete=True).expect_success()
    answer.expect_field("Upload-Complete", "?1")
    single = create(t, body=SOURCE[:10], complete=True).expect_success()
    answer.expect(single.status).expect_field("Content-Type", single.get("Content-Type"))
    whole(t, upload.path, SOURCE[:10])


@check("65", MUST)
def the_last_and_empty(t: Target) -> None:
    """An empty append at the full offset completes."""
    upload = make(t, length=10, stored=10)
    append(t, upload, at=10, complete=True).expect_success().expect_field("Upload-Complete", "?1")
    whole(t, upload.path, SOURCE[:10])


@check("66", MUST, inside=True)
def refused_content(t: Target) -> None:
    """A verdict on the whole is a 4xx with ?1, and no append opens the upload again."""
    with t.preparation():
        made = create(t, path=f"{t.collection}?profile=video").expect(201)
    path = t.located(made)
    answer = append(t, path, at=0, body=b"this is no video", complete=True).expect_refusal()
    answer.expect_field("Upload-Complete", "?1")
    append(t, path, at=16, body=b"x", complete=True).expect_refusal()


elsewhere(
    "67",
    MUST,
    "a storage that fails during an append is a 5xx without ?1, and the upload goes on from what is durable",
    "tests/web/ietf/test_failures.py::test_failures_can_be_resumed_from",
)


@check("68", MUST)
def at_the_length(t: Target) -> None:
    """Reaching the length completes nothing in version 9: somebody has to say so."""
    upload = make(t, length=10, stored=5)
    append(t, upload, at=5, body=SOURCE[5:10]).expect_success().expect_field("Upload-Complete", "?0")
    stands(t, upload, offset=10)


@check("69", OURS)
def at_the_length_in_old_versions(t: Target) -> None:
    """Reaching the length completes in versions 5 and 6, whose clients send nothing more."""
    for iv in (5, 6):
        with t.preparation():
            path = t.located(create(t, "Upload-Length: 10", body=SOURCE[:5], iv=iv).expect(201))
        append(t, path, at=5, body=SOURCE[5:10], iv=iv).expect_success()
        whole(t, path, SOURCE[:10])


@check("70", MUST)
def beyond_the_length(t: Target) -> None:
    """Chunks beyond the length are refused, and end the upload."""
    upload = make(t, length=10, stored=8)
    append(t, upload, "Transfer-Encoding: chunked", at=8, body=chunked(b"12345")).expect_refusal()
    gone(t, upload)
    append(t, upload, at=8, body=b"12").expect(404, 410)


@check("71", MUST)
def other_length(t: Target) -> None:
    """Another length than before gets 400, and nothing changes."""
    upload = make(t, length=10, stored=5)
    answer = append(t, upload, "Upload-Length: 11", at=5, body=b"x").expect(400)
    kind = json.loads(answer.body or b"{}").get("type")
    answer.require(kind == f"{PROBLEMS}inconsistent-upload-length", "inconsistent-upload-length", got=str(kind))
    unchanged(t, upload)


@check("72", MUST)
def length_of_the_last(t: Target) -> None:
    """The last append tells the length of an upload of unknown length."""
    upload = make(t, stored=20)
    append(t, upload, at=20, body=SOURCE[20:25], complete=True).expect_success()
    head(t, upload).expect_success().expect_field("Upload-Length", "25")
    whole(t, upload.path, SOURCE[:25])


@check("73", MUST)
def length_told_twice(t: Target) -> None:
    """A length that an append told cannot be told otherwise later: 400."""
    upload = make(t, stored=5)
    append(t, upload, "Upload-Length: 50", at=5, body=SOURCE[5:10]).expect_success()
    append(t, upload, "Upload-Length: 60", at=10, body=b"x").expect(400)
    stands(t, upload, offset=10).expect_field("Upload-Length", "50")


@check("74", MUST)
def last_that_falls_short(t: Target) -> None:
    """A last append that does not reach the length gets 400, and the upload stays open."""
    upload = make(t, length=100, stored=50)
    append(t, upload, at=50, body=SOURCE[50:90], complete=True).expect(400)
    answer = head(t, upload).expect_success().expect_field("Upload-Complete", "?0")
    answer.require(answer.number("Upload-Offset") >= 50, "an offset of 50 or more")


@check("75", MUST)
def cut(t: Target) -> None:
    """Of an append that was cut a prefix is kept, and it completes nothing."""
    upload = make(t, stored=5)
    with begin_append(t, upload, at=5, length=100, body=SOURCE[5:45], complete=True) as call:
        call.connection.quiet(seconds=0.1)
        call.connection.half_close()
    answer = head(t, upload).expect_success().expect_field("Upload-Complete", "?0")
    offset = answer.number("Upload-Offset")
    answer.require(5 <= offset <= 45, "an offset from 5 to 45")
    stands(t, upload, offset=offset)


@check("76", SHOULD)
def cut_keeps_all(t: Target) -> None:
    """Every byte that arrived before the cut is kept."""
    upload = make(t)
    with begin_append(t, upload, at=0, length=len(SOURCE), body=SOURCE[:50_000]) as call:
        call.connection.quiet(seconds=0.2)
        call.connection.half_close()
    t.until(lambda: head(t, upload).get("Upload-Offset") == "50000", what="the 50,000 bytes that came", seconds=3)
    stands(t, upload, offset=50_000)


@check("77", MUST)
def complete_takes_nothing(t: Target) -> None:
    """An append with content to a complete upload is refused, and the file stays as it is."""
    upload = make(t, stored=10)
    with t.preparation():
        append(t, upload, at=10, complete=True).expect_success()
    append(t, upload, at=10, body=b"evil").expect_refusal()
    append(t, upload, at=10, body=b"evil", complete=True).expect_refusal()
    whole(t, upload.path, SOURCE[:10])


@check("78", MAY)
def lost_answer(t: Target) -> None:
    """An empty last append to a complete upload, as after a lost answer, gets the answer again."""
    upload = make(t, stored=5)
    first = append(t, upload, at=5, body=SOURCE[5:10], complete=True).expect_success()
    again = append(t, upload, at=10, complete=True).expect(first.status).expect_field("Upload-Complete", "?1")
    again.require(again.body == first.body, "the same body", got=again.told)


@check("79", OURS)
def coded(t: Target) -> None:
    """A file with a Content-Encoding is refused with 415, as bytes are stored as they come and served as they are."""
    with t.nothing_made():
        create(t, "Content-Encoding: gzip", body=b"hello", complete=True).expect(415)


@check("80", MUST)
def in_chunks(t: Target) -> None:
    """The offset counts bytes without the framing of chunks."""
    upload = make(t)
    body = chunked(SOURCE[:7], SOURCE[7:10])
    answer = append(t, upload, "Transfer-Encoding: chunked", at=0, body=body).expect_success()
    answer.expect_field("Upload-Offset", "10")
    stands(t, upload, offset=10)


@check("81", MUST)
def two_framings(t: Target) -> None:
    """Content-Length together with Transfer-Encoding gets 400, and nothing is written."""
    upload = make(t)
    lines = ("Content-Length: 5", "Transfer-Encoding: chunked")
    append(t, upload, *lines, at=0, body=chunked(b"hello"), bare=True).expect(400)
    unchanged(t, upload)
