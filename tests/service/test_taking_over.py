"""UploadService.append and query: several requests for one upload at once."""

import asyncio
from typing import Any

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.house import ANNA, LIMITS, House
from tests.service.appends import append, begun, offset, running_append, unchanged
from tests.service.wishes import appending
from tusvideo.commands import Appended, QueryUpload, TerminateUpload
from tusvideo.errors import (
    BodyCut,
    Busy,
    NotFound,
    OffsetMismatch,
    Preempted,
    TooLarge,
)
from tusvideo.model import Status


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


async def test_a_question_waits_for_what_a_dead_connection_still_gives(house: House) -> None:
    """When nobody sends any more, the answer counts all that came: its client need not send any of it twice."""
    upload = await begun(house, b"", length=10)
    running, body = await running_append(house, upload, b"01")
    body.is_cut = True
    asking = asyncio.create_task(offset(house, upload))
    await asyncio.sleep(0)
    body.feed(b"2345")
    body.cut()
    assert await asking == 6
    with pytest.raises(BodyCut):
        await running


async def test_a_question_waits_while_a_whole_upload_is_not_published(house: House) -> None:
    """The last bytes are not announced before the file has its name: until then the upload is busy (H-14, J-04)."""
    upload = await begun(house, b"", length=10)
    seen: list[object] = []
    publish = house.store.publish

    async def asked_meanwhile(*args: Any, **kwargs: Any) -> bool:
        seen.extend(await asyncio.gather(offset(house, upload), return_exceptions=True))
        return await publish(*args, **kwargs)

    house.store.publish = asked_meanwhile  # type: ignore[method-assign]  # a double for a while
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
