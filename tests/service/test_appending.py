"""UploadService.append and query: offsets, lengths, types, takeovers, faults."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.faults import Steps
from tests.fakes.house import ANNA, FILES, LIMITS, House
from tests.service.wishes import a_video, appending, creation, creation_with, some
from tusvideo.commands import Appended, QueryUpload, TerminateUpload
from tusvideo.errors import (
    BodyCut,
    BodyStalled,
    Busy,
    DiskFull,
    Expired,
    InvalidField,
    NotFound,
    OffsetMismatch,
    Preempted,
    StorageFailed,
    TooLarge,
    TransferEnded,
    TusvideoError,
    UnsupportedType,
    WrongProtocol,
)
from tusvideo.model import Protocol, Status, Upload


async def begun(house: House, data: bytes, *, length: int | None, **facts: Any) -> Upload:
    """Make an upload with some bytes stored."""
    return (await house.uploads.create(ANNA, creation_with(data, length=length, **facts), FakeBody(data))).upload


async def append(
    house: House, upload: Upload, data: bytes, *, at: int, chunked: bool = False, length: int | None = None
) -> Appended:
    """Append bytes that come in one block."""
    command = appending(upload, None if chunked else len(data), at=at, length=length)
    return await house.uploads.append(ANNA, command, FakeBody(data) if data else FakeBody())


async def offset(house: House, upload: Upload) -> int:
    """Ask where an upload stands; the bytes must be there."""
    found = (await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id))).upload
    if found.status is Status.OPEN:
        assert len(await house.staged(found)) == found.offset
    return found.offset


async def unchanged(house: House, upload: Upload, data: bytes) -> bool:
    """Tell whether row and bytes are those of ``upload`` still."""
    row = await house.row(upload.id)
    return row == upload and await house.staged(row) == data


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
    steps.at = steps.taken
    body.end(good[2:])
    with pytest.raises(StorageFailed):
        await running
    assert (await house.row(upload.id)).content_type is None
    with pytest.raises(UnsupportedType):
        await append(house, upload, bad, at=2)


# --- several at once ----------------------------------------------------------------------------------------------


async def running_append(house: House, upload: Upload, *blocks: bytes, at: int = 0) -> tuple[Any, FakeBody]:
    """Start an append that has taken these blocks and waits for more."""
    body = FakeBody(*blocks, is_open=True)
    task = asyncio.create_task(house.uploads.append(ANNA, appending(upload, 10 - at, at=at), body))
    await body.hungry.wait()
    return task, body


async def test_an_old_offset_disturbs_nobody(house: House) -> None:
    """A request below the committed offset gets its 409 while another one writes on."""
    upload = await begun(house, b"01", length=10)
    running, body = await running_append(house, upload, b"23", at=2)
    with pytest.raises(OffsetMismatch):
        await append(house, upload, b"xx", at=1)
    body.end(b"456789")
    assert (await running).upload.status is Status.COMPLETE
    assert await house.published(await house.row(upload.id)) == b"0123456789"


async def test_a_newcomer_takes_over(house: House) -> None:
    """A request at the offset that the running one reached has it leave; both together make the exact file (F-07)."""
    upload = await begun(house, b"", length=10)
    running, _ = await running_append(house, upload, b"0123")
    outcome = await append(house, upload, b"456789", at=4)
    assert outcome.upload.status is Status.COMPLETE
    with pytest.raises(Preempted):
        await running
    assert await house.published(outcome.upload) == b"0123456789"


async def test_a_newcomer_at_the_old_offset_is_judged_again(house: House) -> None:
    """It has the running one leave, and learns what that one stored (F-08)."""
    upload = await begun(house, b"", length=10)
    running, _ = await running_append(house, upload, b"0123")
    with pytest.raises(OffsetMismatch) as caught:
        await append(house, upload, b"xxxxxxxxxx", at=0)
    assert caught.value.expected == 4
    with pytest.raises(Preempted):
        await running
    assert await house.staged(await house.row(upload.id)) == b"0123"


async def test_ahead_of_a_running_append_is_judged_by_what_that_stored(house: House) -> None:
    """Too far ahead even of the running one is a 409, after that one left."""
    upload = await begun(house, b"", length=10)
    running, _ = await running_append(house, upload, b"0123")
    with pytest.raises(OffsetMismatch) as caught:
        await append(house, upload, b"9", at=9)
    assert caught.value.expected == 4
    await asyncio.wait([running])


@pytest.mark.parametrize("is_whole", [True, False])
async def test_of_twenty_at_one_offset_exactly_one_advances(house: House, is_whole: bool) -> None:
    """Twenty different bodies at one offset: one is stored, the others learn the offset, nothing is mixed (F-06)."""
    upload = await begun(house, b"ab", length=100)
    bodies = [FakeBody(*(bytes([65 + n]) * 5 for _ in range(4)), is_open=not is_whole) for n in range(20)]
    tasks = [asyncio.create_task(house.uploads.append(ANNA, appending(upload, 20, at=2), body)) for body in bodies]
    if not is_whole:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for body in bodies:
            body.end()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    row = await house.row(upload.id)
    stored = await house.staged(row)
    assert stored[:2] == b"ab"
    assert 2 < row.offset <= 22
    assert len(set(stored[2:])) == 1
    advanced = [r for r in results if isinstance(r, Appended | Preempted)]
    assert len([r for r in results if isinstance(r, OffsetMismatch)]) == 20 - len(advanced)
    assert len(advanced) == 1


async def test_a_question_disturbs_nobody(house: House) -> None:
    """A question sees the bytes of a live transfer grow, durable, and the transfer goes on (H-13)."""
    upload = await begun(house, b"", length=10)
    running, body = await running_append(house, upload, b"0123")
    assert await offset(house, upload) == 4
    body.feed(b"45")
    await body.hungry.wait()
    assert await offset(house, upload) == 6
    body.end(b"6789")
    assert (await running).upload.status is Status.COMPLETE


async def test_a_question_never_goes_back(house: House) -> None:
    """From one question to the next the offset never falls, through cut, takeover and refusal (G-05)."""
    upload = await begun(house, b"", length=10)
    running, _ = await running_append(house, upload, b"01")
    seen = [await offset(house, upload)]
    with pytest.raises(OffsetMismatch):
        await append(house, upload, b"x", at=0)
    seen.append(await offset(house, upload))
    with pytest.raises(BodyCut):
        await house.uploads.append(ANNA, appending(upload, 8, at=2), cut_body(b"23"))
    seen.append(await offset(house, upload))
    with pytest.raises(TooLarge):
        await append(house, upload, bytes(50), at=4, chunked=True)
    seen.append(await offset(house, upload))
    await asyncio.wait([running])
    assert seen == [2, 2, 4, 4]


async def test_a_question_stops_who_was_silent_for_long(house: House) -> None:
    """A holder that was silent for five seconds has to leave; what it had is stored."""
    upload = await begun(house, b"", length=10)
    running, body = await running_append(house, upload, b"0123")
    body.silent_seconds = LIMITS.takeover_seconds
    assert await offset(house, upload) == 4
    with pytest.raises(Preempted):
        await running


async def test_a_question_waits_while_a_whole_upload_is_not_published(house: House) -> None:
    """The last bytes are not announced before the file has its name: until then the upload is busy (H-14, J-04)."""
    upload = await begun(house, b"", length=10)
    seen: list[object] = []
    publish = house.store.publish

    async def asked_meanwhile(*args: Any, **kwargs: Any) -> bool:
        seen.extend(await asyncio.gather(offset(house, upload), return_exceptions=True))
        return await publish(*args, **kwargs)

    house.store.publish = asked_meanwhile  # type: ignore[method-assign]
    await append(house, upload, b"0123456789", at=0)
    assert [type(each) for each in seen] == [Busy]
    assert await offset(house, upload) == 10


async def test_no_question_ever_sees_a_whole_upload_unpublished(house: House) -> None:
    """Asked at every turn of the last append: below the length, or busy, or published; nothing else."""
    over = False
    for turn in (*range(60), *(2**n for n in range(6, 20))):
        upload = await begun(house, b"", length=10, original_name=f"{turn}.bin")
        running = asyncio.create_task(append(house, upload, b"0123456789", at=0))
        for _ in range(turn):
            await asyncio.sleep(0)
        over = running.done()
        try:
            row = (await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id))).upload
            assert row.offset < 10 or row.status is Status.COMPLETE
        except Busy:
            pass
        await running
        if over:
            break
    assert over


async def test_terminating_stops_the_transfer(house: House) -> None:
    """DELETE wins over a running append, and nothing comes back (E-07, E-08)."""
    upload = await begun(house, b"", length=10)
    running, _ = await running_append(house, upload, b"0123")
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    with pytest.raises(Preempted):
        await running
    assert await house.sessions.get(upload.id) is None
    assert await house.store.staged_ids() == []


async def test_an_append_that_waited_for_a_termination_finds_nothing(house: House) -> None:
    """Who comes after DELETE is told that there is nothing, and makes no file (P-12)."""
    upload = await begun(house, b"", length=10)
    results = await asyncio.gather(
        house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id)),
        append(house, upload, b"0123", at=0),
        return_exceptions=True,
    )
    assert isinstance(results[1], NotFound | Appended)
    assert await house.store.staged_ids() == []


async def test_patience_ends(house: House) -> None:
    """When the holder cannot leave in time the newcomer is told to come again, and nothing changed (S-13)."""
    house = house.with_limits(patience_seconds=0.02)
    upload = await begun(house, b"hel", length=5)
    async with house.locks.exclusive(upload.id, grace_seconds=0, patience_seconds=0):
        with pytest.raises(Busy):
            await append(house, upload, b"lo", at=3)
    assert await unchanged(house, upload, b"hel")


async def test_stopping_stores_what_came(house: House) -> None:
    """At shutdown every byte that arrived is accounted for (F-11)."""
    upload = await begun(house, b"", length=10)
    running, body = await running_append(house, upload, b"0123")
    body.feed(b"45")
    house.locks.stop_all()
    with pytest.raises(Preempted):
        await running
    assert await house.staged(await house.row(upload.id)) == b"012345"


# --- disks, times, protocols --------------------------------------------------------------------------------------


async def test_an_expired_upload_is_gone(house: House) -> None:
    """Past its time an unfinished upload answers 410 to everything (X-05)."""
    upload = await begun(house, b"hel", length=5)
    house.clock.move(LIMITS.expiry_seconds - 0.001)
    assert await offset(house, upload) == 3
    house.clock.move(0.001)
    with pytest.raises(Expired):
        await offset(house, upload)
    with pytest.raises(Expired):
        await append(house, upload, b"lo", at=3)
    with pytest.raises(Expired):
        await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))


async def test_a_finished_upload_never_expires(house: House) -> None:
    """What is published stays (X-06)."""
    upload = await begun(house, b"hello", length=5)
    house.clock.move(10 * LIMITS.expiry_seconds)
    assert await offset(house, upload) == 5


async def test_a_full_disk_is_told_before_the_body(house: House) -> None:
    """An append that would go below the floor is refused unread; a question is answered as ever (S-17)."""
    upload = await begun(house, b"hel", length=5)
    tight = house.with_limits(min_free_bytes=await house.store.free_bytes() + 10**12)
    body = FakeBody(b"lo")
    with pytest.raises(DiskFull):
        await tight.uploads.append(ANNA, appending(upload, 2, at=3), body)
    assert body.reads == 0
    assert await offset(house, upload) == 3


@pytest.mark.parametrize("error", [StorageFailed, DiskFull])
async def test_a_failure_at_any_step_loses_nothing(house: House, error: type[TusvideoError]) -> None:
    """Disk or database fail once, at each step in turn: the error is told, the offset is honest, the rest goes on."""
    for at in range(100):
        upload = await begun(house, b"0123", length=10, original_name=f"{at}.bin")
        steps = Steps(at=at, error=error, once=True)
        failing = house.with_steps(steps)
        with contextlib.suppress(error):
            await failing.uploads.append(ANNA, appending(upload, 6, at=4), FakeBody(b"45", b"67", b"89"))
        if steps.is_over:
            break
        row = await house.row(upload.id)
        if row.status is Status.OPEN:
            assert await house.staged(row) == b"0123456789"[: row.offset]
            assert row.offset < 10
            await append(house, upload, b"0123456789"[row.offset :], at=row.offset)
        else:
            assert (await append(house, upload, b"", at=10)).upload.status is Status.COMPLETE
        assert await house.published(await house.row(upload.id)) == b"0123456789"
    assert at > 8


async def test_an_upload_takes_bytes_in_its_own_protocol_only(house: House) -> None:
    """Bytes in another dialect are refused unread."""
    upload = await begun(house, b"hel", length=5)
    command = appending(upload, 2, at=3)
    object.__setattr__(command, "protocol", Protocol.CHUNKS)
    body = FakeBody(b"lo")
    with pytest.raises(WrongProtocol):
        await house.uploads.append(ANNA, command, body)
    assert body.reads == 0


@pytest.mark.parametrize("turn", list(range(0, 60, 3)))
async def test_a_cancelled_append_leaves_an_honest_row(house: House, turn: int) -> None:
    """Cancelled at any moment: the row counts bytes that are there, and the next append goes on at once."""
    upload = await begun(house, b"", length=10)
    body = FakeBody(b"012", b"345", b"678", b"9")
    running = asyncio.create_task(house.uploads.append(ANNA, appending(upload, 10, at=0), body))
    for _ in range(turn):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    row = await house.row(upload.id)
    if row.status is Status.OPEN:
        assert await house.staged(row) == b"0123456789"[: row.offset]
    outcome = await append(house, upload, b"0123456789"[row.offset :], at=row.offset)
    assert await house.published(outcome.upload) == b"0123456789"


async def test_an_interrupted_publication_goes_on_with_the_next_append(house: House) -> None:
    """An upload that has all its bytes is published by whoever comes next, with the checks of that request."""
    upload = await begun(house, b"", length=10)
    publish, house.store.publish = house.store.publish, _fails  # type: ignore[method-assign]
    with pytest.raises(StorageFailed):
        await append(house, upload, b"0123456789", at=0)
    house.store.publish = publish  # type: ignore[method-assign]
    assert (await house.row(upload.id)).status is Status.FINALIZING
    with pytest.raises(OffsetMismatch) as caught:
        await append(house, upload, b"45", at=4)
    assert caught.value.expected == 10
    assert await house.published(await house.row(upload.id)) == b"0123456789"


async def _fails(*args: Any, **kwargs: Any) -> bool:
    raise StorageFailed


async def test_a_raised_or_lowered_limit_leaves_running_uploads_alone(house: House) -> None:
    """The limit of creation holds on (S-39)."""
    upload = await begun(house, b"hel", length=5)
    lower = house.with_(profiles={"files": replace(FILES, max_length=4)})
    assert (await append(lower, upload, b"lo", at=3)).upload.status is Status.COMPLETE
