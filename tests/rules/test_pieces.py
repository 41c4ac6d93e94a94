"""Final uploads: what their pieces amount to, and what can never become one."""

from dataclasses import replace

import pytest

from tests.rules.samples import BERT, FILES, NOW, SECOND, VIDEOS, a_creation, an_append, an_upload
from tusvideo.errors import FactConflict, Forbidden, InvalidField, NotFound, TooLarge
from tusvideo.model import PARTIAL, Limits, Status, Upload, UploadId, UserId
from tusvideo.rules import pieces as rules
from tusvideo.rules import uploads

ONE, TWO, WHOLE = UploadId("1" * 32), UploadId("2" * 32), UploadId("9" * 32)


def a_piece(upload_id: UploadId, length: int | None = 10, offset: int | None = None, **facts: object) -> Upload:
    """Make a partial upload, whole unless told otherwise."""
    stored = (length or 0) if offset is None else offset
    return an_upload(**{"id": upload_id, "concat": PARTIAL, "length": length, "offset": stored, **facts})


def a_whole(*sources: UploadId, **facts: object) -> Upload:
    """Make a final upload."""
    value = "final;" + " ".join(f"/files/{source}" for source in sources)
    return an_upload(**{"id": WHOLE, "concat": value, "length": None, **facts})


def judged(final: Upload, *found: Upload) -> rules.Pieces:
    """Judge a final upload against what was found."""
    return rules.pieces_of(final, {upload.id: upload for upload in found}, profile=FILES)


def test_lengths_add_up() -> None:
    """In order, one twice, as soon as all are known (N-06, N-10, N-19)."""
    pieces = judged(a_whole(ONE, TWO, ONE), a_piece(ONE, 10), a_piece(TWO, 5, offset=2))
    assert [upload.id for upload in pieces.uploads] == [ONE, TWO, ONE]
    assert (pieces.length, pieces.are_whole) == (25, False)
    pieces = judged(a_whole(ONE, TWO), a_piece(ONE, 10), a_piece(TWO, None, offset=5))
    assert (pieces.length, pieces.are_whole) == (None, False)
    assert judged(a_whole(ONE, TWO), a_piece(ONE, 0), a_piece(TWO, 5)).are_whole


@pytest.mark.parametrize("gone", [status for status in Status if status is not Status.OPEN])
def test_pieces_that_are_gone(gone: Status) -> None:
    """N-20, N-22, N-26: unknown, somebody else's, or no longer there; the number tells which."""
    for found in ((), (a_piece(TWO, owner=BERT),), (a_piece(TWO, status=gone),)):
        with pytest.raises(NotFound, match="piece 2"):
            judged(a_whole(ONE, TWO), a_piece(ONE), *found)


@pytest.mark.parametrize("concat", [None, f"final;/files/{ONE}"])
@pytest.mark.parametrize("status", [Status.OPEN, Status.COMPLETE])
def test_uploads_that_are_no_pieces(concat: str | None, status: Status) -> None:
    """N-24, N-25."""
    with pytest.raises(InvalidField, match="as piece 2 an upload that was created as partial"):
        judged(a_whole(ONE, TWO), a_piece(ONE), a_piece(TWO, concat=concat, status=status))


@pytest.mark.parametrize(("first", "second"), [((6000, 0), (4001, 0)), ((6000, 6000), (None, 4001))])
def test_too_much_together(first: tuple[int | None, int], second: tuple[int | None, int]) -> None:
    """N-28: by what is told, and by what is stored of those that told nothing."""
    with pytest.raises(TooLarge):
        judged(a_whole(ONE, TWO), a_piece(ONE, *first), a_piece(TWO, *second))
    judged(a_whole(ONE, TWO), a_piece(ONE, 6000), a_piece(TWO, 4000))


def test_the_same_request_has_the_same_key() -> None:
    """N-30: pieces in their order, metadata and profile tell; the wording of addresses does not."""
    whole = a_whole(ONE, TWO)
    same = replace(whole, id=ONE, concat=f"final;http://h/files/{ONE}  /files/{TWO}")
    assert rules.key_of(whole) == rules.key_of(same)
    others = [a_whole(TWO, ONE), a_whole(ONE), a_whole(ONE, TWO, metadata="a"), a_whole(ONE, TWO, profile="poster")]
    assert len({rules.key_of(each) for each in (whole, *others)}) == 5
    assert " " in rules.key_of(whole), "no client can send it"


@pytest.mark.parametrize(
    ("states", "status"),
    [((), Status.FAILED), ((Status.FAILED,), Status.FAILED), ((Status.OPEN, Status.EXPIRED), Status.EXPIRED)],
)
def test_how_it_ends_without_a_piece(states: tuple[Status, ...], status: Status) -> None:
    """N-20: as its piece did."""
    found = {upload_id: a_piece(upload_id, status=state) for upload_id, state in zip((ONE, TWO), states, strict=False)}
    gone = rules.broken(a_whole(ONE, TWO), found, reason="not_found", now=NOW)
    assert (gone.status, gone.reason) == (status, "not_found")


def test_it_lasts_as_long_as_its_pieces() -> None:
    """The last of them counts, and it never gets shorter."""
    final = a_whole(ONE, TWO, expires_at=NOW + 5 * SECOND)
    late = judged(final, a_piece(ONE, expires_at=NOW), a_piece(TWO, expires_at=NOW + 9 * SECOND))
    assert rules.waiting(final, late).expires_at == NOW + 9 * SECOND
    early = judged(final, a_piece(ONE, expires_at=NOW), a_piece(TWO, expires_at=NOW))
    assert rules.waiting(final, early) == final


def test_all_bytes_count_at_once() -> None:
    """Offset and length come together."""
    whole = rules.assembled(a_whole(ONE), length=7, epoch=3, content_type="video/mp4", now=NOW)
    assert (whole.offset, whole.length, whole.epoch, whole.content_type) == (7, 7, 3, "video/mp4")


def test_neither_is_whole_by_itself() -> None:
    """A piece is never published, and a whole not before its bytes were put together."""
    assert not uploads.is_whole(a_piece(ONE))
    assert not uploads.is_whole(a_whole(ONE, length=0))
    assert uploads.awaits_publishing(a_whole(ONE, status=Status.FINALIZING))


def test_a_whole_takes_no_bytes() -> None:
    """N-14: 403, before offsets are compared."""
    with pytest.raises(Forbidden):
        uploads.plan_append(a_whole(ONE), an_append(at_offset=99), profile=FILES)


def test_a_piece_of_a_video_may_be_empty() -> None:
    """N-35: told at once or later."""
    made = uploads.new_upload(
        a_creation(length=0, concat=PARTIAL, profile="poster"),
        profile=VIDEOS,
        limits=Limits(),
        owner=UserId("a"),
        upload_id=ONE,
        now=NOW,
    )
    assert (made.concat, made.length) == (PARTIAL, 0)
    late = a_piece(ONE, None, profile="poster")
    plan = uploads.plan_append(late, an_append(body_length=0, declares_length=0), profile=VIDEOS)
    assert plan.length == 0


@pytest.mark.parametrize("other", [a_whole(ONE, TWO), an_upload(length=None), a_piece(WHOLE, None)])
def test_the_same_key_for_something_else(other: Upload) -> None:
    """C-17: other pieces, or none."""
    with pytest.raises(FactConflict, match="Upload-Concat"):
        uploads.judge_same_creation(a_whole(ONE), other)
    uploads.judge_same_creation(other, other)
