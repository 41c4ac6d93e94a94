"""UploadService.append: expired, full, failing, cancelled, interrupted."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Steps
from tests.fakes.house import ANNA, FILES, LIMITS, House
from tests.service.appends import append, begun, offset
from tests.service.wishes import appending
from tusvideo.commands import TerminateUpload
from tusvideo.errors import (
    Busy,
    DiskFull,
    Expired,
    NotFound,
    OffsetMismatch,
    StorageFailed,
    TusvideoError,
    UnsupportedType,
    WrongProtocol,
)
from tusvideo.model import Protocol, Status, Upload


async def test_an_expired_upload_is_gone(house: House) -> None:
    """Once it was removed for its age, an unfinished upload answers 410 to everything (X-05)."""
    upload = await begun(house, b"hel", length=5)
    house.clock.move(LIMITS.expiry_seconds + 1)
    assert (await house.sweeper.run()).expired == 1
    with pytest.raises(Expired):
        await offset(house, upload)
    with pytest.raises(Expired):
        await append(house, upload, b"lo", at=3)
    with pytest.raises(Expired):
        await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))


async def test_an_upload_past_its_time_goes_on_until_it_is_removed(house: House) -> None:
    """A client that comes late, or that a wrong clock makes late, loses nothing; new bytes give it the full time."""
    upload = await begun(house, b"hel", length=5)
    house.clock.move(LIMITS.expiry_seconds + 1)
    assert await offset(house, upload) == 3
    await append(house, upload, b"l", at=3)
    assert (await house.sweeper.run()).expired == 0
    house.clock.move(LIMITS.expiry_seconds - 1)
    assert await offset(house, upload) == 4
    assert (await house.sweeper.run()).expired == 0


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
    publish, house.store.publish = house.store.publish, _fails  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(StorageFailed):
        await append(house, upload, b"0123456789", at=0)
    house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
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


async def broken_off(house: House) -> Upload:
    """Make an upload that has all its bytes and is not published, because the disk refused."""
    upload = await begun(house, b"hel", length=5)
    publish = house.store.publish

    async def fails(*args: Any, **kwargs: Any) -> bool:
        raise DiskFull

    house.store.publish = fails  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(DiskFull):
        await append(house, upload, b"lo", at=3)
    with pytest.raises(DiskFull):
        await offset(house, upload)
    house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
    return await house.row(upload.id)


async def test_a_question_goes_on_with_a_publication_that_broke_off(house: House) -> None:
    """Who asks when the disk has room again is told the end, and need not wait for the sweeper."""
    upload = await broken_off(house)
    assert upload.status is Status.FINALIZING
    assert await offset(house, upload) == 5
    assert await house.published(await house.row(upload.id)) == b"hello"


async def test_a_question_never_waits_for_who_works_on_the_upload(house: House) -> None:
    """Whoever holds an unpublished upload publishes it; the question is told to come again, at once (J-04)."""
    upload = await broken_off(house)
    async with house.locks.exclusive(upload.id, grace_seconds=0, patience_seconds=0) as lease:
        with pytest.raises(Busy):
            await offset(house, upload)
        assert not lease.release_requested


async def test_a_question_is_no_request_that_a_type_can_be_wrong_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused for its content only now, an upload is gone for who asks, as it is from then on."""
    upload = await broken_off(house)

    async def refuses(_: Upload) -> Upload:
        raise UnsupportedType(expected="a video", got="text")

    monkeypatch.setattr(house.publisher, "publish", refuses)
    for _ in range(2):
        with pytest.raises(NotFound):
            await offset(house, upload)
    assert (await house.row(upload.id)).status is Status.FAILED
