"""47 to 56: where an upload stands."""

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.ietf.dialect import append, head, limit_of, make, stands
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MAY, MUST, OURS, SHOULD, Failed


@check("47", MUST)
def by_head(t: Target) -> None:
    """HEAD gets a 2xx with offset and limits, and no body."""
    answer = head(t, make(t, length=10, stored=3)).expect_success().expect_field("Upload-Offset", "3")
    limit_of(answer)


@check("48", MAY)
def completeness(t: Target) -> None:
    """HEAD tells Upload-Complete: ?0 while the upload is open, and ?1 once it was answered for good."""
    upload = make(t, stored=3)
    head(t, upload).expect_success().expect_field("Upload-Complete", "?0")
    append(t, upload, at=3, body=SOURCE[3:5], complete=True).expect_success()
    head(t, upload).expect_success().expect_field("Upload-Complete", "?1")


@check("49", MAY)
def length(t: Target) -> None:
    """HEAD tells the length if and only if the client told it."""
    head(t, make(t, length=10)).expect_success().expect_field("Upload-Length", "10")
    head(t, make(t)).expect_success().expect_no_field("Upload-Length")


@check("50", SHOULD)
def not_to_be_cached(t: Target) -> None:
    """HEAD tells Cache-Control: no-store."""
    head(t, make(t)).expect_success().expect_word("Cache-Control", "no-store")


@check("51", MUST)
def by_get(t: Target) -> None:
    """GET of an unfinished upload tells what HEAD tells."""
    upload = make(t, length=10, stored=3)
    by_head, by_get = head(t, upload).expect_success(), head(t, upload, method="GET").expect_success()
    for name in ("Upload-Offset", "Upload-Complete", "Upload-Length"):
        by_get.expect_field(name, by_head.get(name))
    limit_of(by_get)


@check("52", OURS)
def unknown(t: Target) -> None:
    """An upload that never was gets 404 without Upload-Offset."""
    head(t, t.unknown).expect(404).expect_no_field("Upload-Offset")


@check("53", MUST)
def offset_is_taken(t: Target) -> None:
    """An append at the offset that HEAD told is taken."""
    upload = make(t, stored=7)
    at = head(t, upload).expect_success().number("Upload-Offset")
    append(t, upload, at=at, body=SOURCE[at : at + 3]).expect_success()
    stands(t, upload, offset=at + 3)


@check("54", MUST)
def never_back(t: Target) -> None:
    """Offsets that are told of one upload never decrease."""
    upload, before = make(t), 0
    for at in range(0, 50, 10):
        answers = [append(t, upload, at=at, body=SOURCE[at : at + 10]), append(t, upload, at=at, body=b"x")]
        for answer in (*answers, head(t, upload)):
            now = answer.number("Upload-Offset")
            answer.require(now >= before, f"an offset of {before} or more", got=str(now))
            before = now


@check("55", MUST, inside=True, house=House.MORTAL)
def restarted(t: Target) -> None:
    """After a restart the offset is the same, and so are the bytes."""
    upload = make(t, stored=500)
    t.inside.stop()
    t.inside.start()
    stands(t, upload, offset=500)


@check("56", OURS)
def fields_of_a_question(t: Target) -> None:
    """Upload-Offset with HEAD is refused with 400 in version 6, and ignored in version 9."""
    upload = make(t, stored=3)
    head(t, upload, "Upload-Offset: 3", iv=6).expect(400)
    if head(t, upload, "Upload-Offset: 3").expect_success().get("Upload-Offset") != "3":
        raise Failed("HEAD U with Upload-Offset in version 9: expected an offset of 3, got another")
