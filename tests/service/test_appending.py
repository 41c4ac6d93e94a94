"""UploadService.append: offsets, lengths that come later, types."""

import asyncio
from typing import Any

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.faults import Steps
from tests.fakes.house import ANNA, House
from tests.service.appends import append, begun, offset, unchanged
from tests.service.wishes import a_video, appending, creation, some
from tusvideo.commands import TerminateUpload
from tusvideo.errors import (
    BodyCut,
    BodyStalled,
    InvalidField,
    NotFound,
    OffsetMismatch,
    Preempted,
    StorageFailed,
    TooLarge,
    TransferEnded,
    TusvideoError,
    UnsupportedType,
)
from tusvideo.model import Status, Upload


async def test_bytes_are_added_at_the_end(house: House) -> None:
    """Each append moves the offset by what was stored; the last one publishes the exact file (P-01 to P-03, P-21)."""
    upload = (await house.uploads.create(ANNA, creation(10), None)).upload
    for position, byte in enumerate(b"0123456789"):
        outcome = await append(house, upload, bytes([byte]), at=position)
        assert (outcome.written, outcome.upload.offset) == (1, position + 1)
    row = await house.row(upload.id)
    assert row.status is Status.COMPLETE
    assert await house.published(row) == b"0123456789"
    assert await house.store.staged_ids() == []


@pytest.mark.parametrize("at", [0, 2, 4, 7, 10, 10**15])
async def test_another_offset_is_refused_with_the_true_one(house: House, at: int) -> None:
    """Behind or ahead: 409 that names the offset, nothing changed, no hole, body unread (P-04 to P-07)."""
    upload = await begun(house, b"hel", length=10)
    body = FakeBody(b"xyz")
    with pytest.raises(OffsetMismatch) as caught:
        await house.uploads.append(ANNA, appending(upload, 3, at=at), body)
    assert caught.value.expected == 3
    assert caught.value.expires_at == upload.expires_at
    assert body.reads == 0
    assert await unchanged(house, upload, b"hel")


@pytest.mark.parametrize("chunked", [False, True])
async def test_too_many_bytes_never_complete(house: House, chunked: bool) -> None:
    """Known or not, a body that does not fit is refused, and the upload stays short of its length (S-05, S-06)."""
    upload = await begun(house, b"hel", length=5)
    with pytest.raises(TooLarge):
        await append(house, upload, b"xyz", at=3, chunked=chunked)
    assert await unchanged(house, upload, b"hel")


async def test_a_body_of_unknown_size_completes(house: House) -> None:
    """A chunked body needs no length to be stored whole (P-16)."""
    upload = await begun(house, b"hel", length=5)
    outcome = await append(house, upload, b"lo", at=3, chunked=True)
    assert outcome.upload.status is Status.COMPLETE


@pytest.mark.parametrize("reason", [BodyCut("cut"), BodyStalled("stalled"), Preempted("asked")])
async def test_a_cut_keeps_what_came(house: House, reason: TransferEnded) -> None:
    """What arrived before the end is stored, and the rest goes on from there (P-17, P-18)."""
    upload = await begun(house, b"", length=10)
    with pytest.raises(type(reason)):
        await house.uploads.append(ANNA, appending(upload, 10, at=0), cut_body(b"01", b"23", reason=reason))
    assert await offset(house, upload) == 4
    assert (await append(house, upload, b"456789", at=4)).upload.status is Status.COMPLETE
    assert await house.published(await house.row(upload.id)) == b"0123456789"


async def test_no_bytes_are_no_activity(house: House) -> None:
    """An empty append of an unfinished upload changes nothing, the expiry neither (S-10)."""
    upload = await begun(house, b"hel", length=5)
    house.clock.move(100)
    outcome = await append(house, upload, b"", at=3)
    assert outcome.written == 0
    assert await unchanged(house, upload, b"hel")


async def test_stored_bytes_move_the_expiry(house: House) -> None:
    """Every append that stores something gives the upload its full time again (X-07)."""
    upload = await begun(house, b"hel", length=5)
    house.clock.move(100)
    row = (await append(house, upload, b"l", at=3)).upload
    assert (row.expires_at - upload.expires_at).total_seconds() == 100


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_retry_after_a_lost_answer_is_fine(house: House, chunked: bool) -> None:
    """An empty append at the end of a finished upload is answered as the first time (S-07)."""
    upload = await begun(house, b"hello", length=5)
    outcome = await append(house, upload, b"", at=5, chunked=chunked)
    assert (outcome.written, outcome.upload.status) == (0, Status.COMPLETE)
    assert house.events.names().count("upload_completed") == 1


async def test_a_slow_retry_holds_nobody_up(house: House) -> None:
    """While a chunked retry of a finished upload is still coming, the upload can be removed."""
    upload = await begun(house, b"hello", length=5)
    body = FakeBody(is_open=True)
    slow = asyncio.create_task(house.uploads.append(ANNA, appending(upload, None, at=5), body))
    await body.hungry.wait()
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    body.end()
    assert (await slow).written == 0


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_finished_upload_takes_no_more(house: House, chunked: bool) -> None:
    """Bytes beyond the end are refused, and the file stays as it is (S-08)."""
    upload = await begun(house, b"hello", length=5)
    with pytest.raises(TooLarge):
        await append(house, upload, b"!", at=5, chunked=chunked)
    assert await house.published(upload) == b"hello"


async def test_a_finished_upload_tells_its_offset(house: House) -> None:
    """Who appends at an old offset learns that all is stored; nothing is said of an expiry (S-09, X-04)."""
    upload = await begun(house, b"hello", length=5)
    with pytest.raises(OffsetMismatch) as caught:
        await append(house, upload, b"lo", at=3)
    assert (caught.value.expected, caught.value.expires_at) == (5, None)


# --- lengths told later -------------------------------------------------------------------------------------------


async def test_a_deferred_length_stays_unknown(house: House) -> None:
    """An append without a length leaves it open (L-03, L-04, L-16)."""
    upload = (await house.uploads.create(ANNA, creation(None), None)).upload
    outcome = await append(house, upload, b"hel", at=0)
    assert (outcome.upload.offset, outcome.upload.length) == (3, None)


@pytest.mark.parametrize("rest", [b"lo", b""])
async def test_a_length_told_with_the_last_bytes_completes(house: House, rest: bytes) -> None:
    """The length comes with the last bytes, or alone after them (L-05, L-06)."""
    upload = await begun(house, b"hel", length=None)
    outcome = await append(house, upload, rest, at=3, length=3 + len(rest))
    assert outcome.upload.status is Status.COMPLETE
    assert await house.published(outcome.upload) == b"hel" + rest


async def test_an_empty_file_whose_length_comes_late(house: House) -> None:
    """Even zero may be told late."""
    upload = await begun(house, b"", length=None)
    outcome = await append(house, upload, b"", at=0, length=0)
    assert await house.published(outcome.upload) == b""


async def test_a_length_is_kept_though_no_byte_came_with_it(house: House) -> None:
    """A length alone is committed when its request ends well."""
    upload = await begun(house, b"hel", length=None)
    assert (await append(house, upload, b"", at=3, length=9)).upload.length == 9
    assert (await house.row(upload.id)).length == 9


@pytest.mark.parametrize(("told", "error"), [(2, InvalidField), (0, InvalidField), (100_001, TooLarge)])
async def test_a_length_that_cannot_be_is_refused(house: House, told: int, error: type[TusvideoError]) -> None:
    """Shorter than what is stored, or over the limit: nothing changed (L-07, L-10)."""
    upload = await begun(house, b"hel", length=None)
    with pytest.raises(error):
        await append(house, upload, b"", at=3, length=told)
    assert await unchanged(house, upload, b"hel")


async def test_a_length_never_changes(house: House) -> None:
    """Another length is refused, the same one is harmless (L-08, L-09)."""
    upload = await begun(house, b"hel", length=5)
    with pytest.raises(InvalidField):
        await append(house, upload, b"lo", at=3, length=9)
    assert await unchanged(house, upload, b"hel")
    assert (await append(house, upload, b"lo", at=3, length=5)).upload.status is Status.COMPLETE


@pytest.mark.parametrize("chunked", [False, True])
async def test_without_a_length_the_limit_bounds_the_offset(house: House, chunked: bool) -> None:
    """An upload of unknown length never passes the limit of its profile (L-11, L-12)."""
    data = some(99_990)
    upload = await begun(house, data, length=None)
    with pytest.raises(TooLarge):
        await append(house, upload, bytes(20), at=99_990, chunked=chunked)
    assert await unchanged(house, upload, data)
    assert (await append(house, upload, bytes(10), at=99_990, chunked=chunked)).upload.offset == 100_000


async def test_a_wrong_offset_sets_no_length(house: House) -> None:
    """409 and nothing else (L-13)."""
    upload = await begun(house, b"hel", length=None)
    with pytest.raises(OffsetMismatch):
        await append(house, upload, b"lo", at=2, length=5)
    assert await unchanged(house, upload, b"hel")


async def test_a_cut_keeps_the_length_with_the_bytes(house: House) -> None:
    """What the head told is kept with what came of the body (L-14)."""
    upload = await begun(house, b"hel", length=None)
    with pytest.raises(BodyCut):
        await house.uploads.append(ANNA, appending(upload, 2, at=3, length=5), cut_body(b"l"))
    row = await house.row(upload.id)
    assert (row.offset, row.length) == (4, 5)


# --- types --------------------------------------------------------------------------------------------------------


async def test_a_wrong_type_is_refused_after_four_kib(house: House) -> None:
    """The first 4 KiB decide: the upload is FAILED, its bytes are gone, and nothing more is read."""
    upload = (await house.uploads.create(ANNA, creation(90_000, profile="poster"), None)).upload
    body = FakeBody(*(some(1000, seed=n) for n in range(90)))
    with pytest.raises(UnsupportedType):
        await house.uploads.append(ANNA, appending(upload, 90_000, at=0), body)
    row = await house.row(upload.id)
    assert (row.status, row.reason) == (Status.FAILED, "unsupported_type")
    assert await house.store.staged_ids() == []
    assert body.reads == 5
    with pytest.raises(NotFound):
        await offset(house, upload)
    assert house.events.names()[-1] == "upload_failed"


@pytest.mark.parametrize("kind", ["video", "other"])
async def test_the_type_is_judged_across_appends(house: House, kind: str) -> None:
    """A head that comes in small appends is judged when its 4 KiB are together, not before."""
    data = a_video(4200) if kind == "video" else some(4200)
    upload = await begun(house, data[:4090], length=9000, profile="poster")
    for position in range(4090, 4095):
        assert (await append(house, upload, data[position : position + 1], at=position)).upload.content_type is None
    if kind == "video":
        assert (await append(house, upload, data[4095:4096], at=4095)).upload.content_type == "video/mp4"
        return
    with pytest.raises(UnsupportedType):
        await append(house, upload, data[4095:4096], at=4095)
    assert (await house.row(upload.id)).status is Status.FAILED


@pytest.mark.parametrize("size", [1, 40, 4095, 4096, 4097])
async def test_a_short_file_is_judged_whole(house: House, size: int) -> None:
    """A file of less than 4 KiB is judged once it is whole."""
    upload = (await house.uploads.create(ANNA, creation(size, profile="poster"), None)).upload
    with pytest.raises(UnsupportedType):
        await append(house, upload, some(size), at=0)
    assert await house.store.staged_ids() == []
    assert await house.store.open_published(await _chosen(house, upload)) is None


async def _chosen(house: House, upload: Upload) -> Any:
    row = await house.row(upload.id)
    return row.location or house.publisher._choose(row, attempt=0)


async def test_a_short_video_is_taken(house: House) -> None:
    """A video of 40 bytes is one, whatever it was called, and gets the extension of its content."""
    data = a_video(40)
    upload = await begun(house, data, length=40, profile="poster", original_name="x.avi")
    assert upload.content_type == "video/mp4"
    assert upload.location is not None
    assert upload.location.filename.endswith(".mp4")


async def test_a_length_told_last_has_the_short_file_judged(house: House) -> None:
    """A file of unknown length below 4 KiB is judged when its length comes, and refused then."""
    upload = await begun(house, some(50), length=None, profile="poster")
    with pytest.raises(UnsupportedType):
        await append(house, upload, b"", at=50, length=50)
    assert (await house.row(upload.id)).status is Status.FAILED
    assert await house.store.staged_ids() == []


async def test_a_type_counts_only_with_its_bytes(house: House) -> None:
    """A type that was judged by bytes which the disk then refused is forgotten: other bytes may come instead."""
    upload = await begun(house, b"", length=9000, profile="poster")
    good, bad = a_video(4096), some(4096)
    steps = Steps(error=StorageFailed, once=True)
    failing = house.with_steps(steps)
    body = FakeBody(good[:2], is_open=True)
    running = asyncio.create_task(failing.uploads.append(ANNA, appending(upload, 4096, at=0), body))
    await body.hungry.wait()
    assert await offset(house, upload) == 2
    steps.at = steps.taken
    body.end(good[2:])
    with pytest.raises(StorageFailed):
        await running
    assert (await house.row(upload.id)).content_type is None
    with pytest.raises(UnsupportedType):
        await append(house, upload, bad, at=2)
