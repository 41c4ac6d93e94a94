"""PartService: several parts at once, what is judged of them, and how an upload ends."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Steps
from tests.fakes.house import ANNA, LIMITS, House
from tests.service.chunks import THREE, finished, indexes, listed, put, slices
from tests.service.wishes import KEY, a_video, finalizing, putting, sha256, some
from tusvideo.commands import PartStored, TerminateParts
from tusvideo.errors import (
    Busy,
    DiskFull,
    Expired,
    NotFound,
    PartConflict,
    Preempted,
    StorageFailed,
    TooLarge,
    UnsupportedType,
)
from tusvideo.model import Status
from tusvideo.service import finalizing as finalizing_module
from tusvideo.service import parts as parts_module


@pytest.mark.parametrize("facts", [{}, {"part_size": 500, "length": 32_000}])
async def test_sixty_four_parts_at_once(house: House, facts: dict[str, Any]) -> None:
    """All parts side by side, each in two blocks, whatever was told: the exact file."""
    data = a_video(32_000)
    pieces = slices(data, 500)

    async def one(index: int) -> PartStored:
        command = putting(index, 64, **facts)
        body = FakeBody(pieces[index][:100], pieces[index][100:], command=command)
        return await house.parts.put(ANNA, command, body)

    outcomes = await asyncio.gather(*(one(index) for index in reversed(range(64))))
    assert max(outcome.upload.parts_stored for outcome in outcomes) == 64
    assert await finished(house, 64, checksum=sha256(data)) == data


async def test_the_same_part_from_many_at_once(house: House) -> None:
    """Eight requests with the same part: all are answered well, and it is stored once."""
    await put(house, 1, THREE[1], total=3)
    outcomes = await asyncio.gather(*(put(house, 0, THREE[0], total=3) for _ in range(8)), return_exceptions=True)
    assert all(isinstance(outcome, PartStored) for outcome in outcomes)
    assert await indexes(house) == [0, 1]


@pytest.mark.parametrize("known", [True, False])
async def test_different_bytes_for_one_part_at_once(house: House, known: bool) -> None:
    """Eight requests with different bytes: who was told 200 finds its own bytes stored, the others get a conflict."""
    if known:
        await put(house, 1, THREE[1], total=3)
    contents = [a_video(1000, seed=n) for n in range(8)]

    async def one(data: bytes) -> PartStored:
        command = putting(0, 3)
        return await house.parts.put(ANNA, command, FakeBody(*slices(data, 100), command=command))

    outcomes = await asyncio.gather(*(one(data) for data in contents), return_exceptions=True)
    (winner,) = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, PartStored)]
    assert all(isinstance(o, PartStored | PartConflict) for o in outcomes)
    row = await house.row((await listed(house)).upload.id)
    assert (await house.staged(row))[:1000] == contents[winner]


async def test_a_whole_part_does_not_wait_for_a_slow_one(house: House) -> None:
    """A slow writer of the same part has to leave when another request has it whole."""
    await put(house, 1, THREE[1], total=3)
    command = putting(0, 3)
    slow = FakeBody(THREE[0][:10], is_open=True, command=command)
    writing = asyncio.create_task(house.parts.put(ANNA, command, slow))
    await slow.hungry.wait()
    await put(house, 0, THREE[0], total=3)
    with pytest.raises(Preempted):
        await writing
    assert (await house.staged((await listed(house)).upload))[:1000] == THREE[0]


async def test_a_part_is_never_written_over_one_that_was_stored_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look whether a part is stored and the first byte of it, nobody else may have stored it."""
    upload = (await put(house, 1, THREE[1], total=3)).upload
    other = b"?" * 1000
    part, looked, go = house.sessions.part, asyncio.Event(), asyncio.Event()

    async def late_answer(*args: Any) -> Any:
        answer = await part(*args)
        if not looked.is_set():
            looked.set()
            await go.wait()
        return answer

    monkeypatch.setattr(house.sessions, "part", late_answer)
    second = asyncio.create_task(put(house, 0, other, total=3))
    await looked.wait()
    first = asyncio.create_task(put(house, 0, THREE[0], total=3))
    for _ in range(500):
        await asyncio.sleep(0)
    go.set()
    results = await asyncio.gather(first, second, return_exceptions=True)
    stored = (await house.staged(await house.row(upload.id)))[:1000]
    told = [data for data, r in zip((THREE[0], other), results, strict=True) if isinstance(r, PartStored)]
    assert told == [stored]


async def test_a_size_learned_meanwhile_bounds_the_part(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that was let in before the size was known writes no byte into its neighbour's place."""
    find, found, go = house.sessions.find, asyncio.Event(), asyncio.Event()
    await put(house, 2, THREE[2], total=3)

    async def late_answer(*args: Any) -> Any:
        answer = await find(*args)
        if not found.is_set():
            found.set()
            await go.wait()
        return answer

    monkeypatch.setattr(house.sessions, "find", late_answer)
    long = asyncio.create_task(put(house, 0, bytes(2000), total=3))
    await found.wait()
    upload = (await put(house, 1, THREE[1], total=3)).upload
    go.set()
    with pytest.raises(TooLarge):
        await long
    blocks = house.store.read_staged(upload.id, start=1000, stop=2000)
    assert b"".join([block async for block in blocks]) == THREE[1]
    await put(house, 0, THREE[0], total=3)
    assert await finished(house, 3) == b"".join(THREE)


# --- types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_size_known", [True, False])
async def test_a_wrong_type_is_refused_as_it_passes(house: House, is_size_known: bool) -> None:
    """After 4 KiB of the first part the upload is FAILED, and nothing more is read, wherever the part is to go."""
    command = putting(0, 2)
    body = FakeBody(*slices(some(20_000), 1000), command=command)
    await put(house, 1, b"end", total=2, part_size=20_000 if is_size_known else None)
    with pytest.raises(UnsupportedType):
        await house.parts.put(ANNA, command, body)
    assert body.reads <= 6
    found = await listed(house)
    assert (found.upload.status, found.parts, found.upload.offset) == (Status.FAILED, (), 0)
    assert await house.store.staged_ids() == []


@pytest.mark.parametrize("order", [range(9), range(8, -1, -1), [4, 0, 8, 2, 6, 1, 3, 5, 7]])
async def test_the_type_is_judged_across_small_parts(house: House, order: Sequence[int]) -> None:
    """Once 4 KiB without a gap are there they are judged, whichever part closed the gap."""
    pieces = slices(some(4500), 500)
    stored = set()
    for index in order:
        stored.add(index)
        if set(range(9)) <= stored or len([n for n in range(9) if set(range(n + 1)) <= stored]) * 500 >= 4096:
            with pytest.raises(UnsupportedType):
                await put(house, index, pieces[index], total=9, part_size=500)
            break
        await put(house, index, pieces[index], total=9, part_size=500)
    assert (await listed(house)).upload.status is Status.FAILED
    assert await house.store.staged_ids() == []


async def test_a_short_file_is_judged_when_it_is_whole(house: House) -> None:
    """Below 4 KiB the last part decides."""
    await put(house, 0, some(100), total=2)
    with pytest.raises(UnsupportedType):
        await put(house, 1, some(50), total=2)
    assert (await listed(house)).upload.status is Status.FAILED


async def test_a_failed_upload_can_be_removed(house: House) -> None:
    """After a refusal a client may clean up: once it works, then nothing is known of the upload."""
    with pytest.raises(UnsupportedType):
        await put(house, 0, some(5000), total=2)
    await house.parts.terminate(ANNA, TerminateParts(profile="poster", client_key=KEY))
    with pytest.raises(NotFound):
        await house.parts.terminate(ANNA, TerminateParts(profile="poster", client_key=KEY))
    with pytest.raises(NotFound):
        await listed(house)


async def test_others_leave_no_file_behind_a_refusal(house: House) -> None:
    """Parts that are being written while the type is refused are asked to leave, and what they made anew goes."""
    command = putting(1, 3, part_size=5000)
    slow = FakeBody(b"slow", is_open=True, command=command)
    beside = asyncio.create_task(house.parts.put(ANNA, command, slow))
    await slow.hungry.wait()
    discard, discarded = house.store.discard, asyncio.Event()

    async def then_somebody_writes(upload_id: Any) -> None:
        await discard(upload_id)
        if not discarded.is_set():
            discarded.set()
            writer = await house.store.open_writer(upload_id, position=5000, fresh=True)
            await writer.write(b"late")
            await writer.close()

    house.store.discard = then_somebody_writes  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(UnsupportedType):
        await put(house, 0, some(5000), total=3)
    await asyncio.wait([beside])
    assert isinstance(beside.exception(), Preempted)
    assert await house.store.staged_ids() == []


async def test_an_unsupported_form_is_no_wrong_file(house: House) -> None:
    """What the form around the bytes gets wrong is refused alone: the upload and its parts stay."""

    class BadForm(FakeBody):
        async def read(self) -> bytes:
            if block := await super().read():
                return block
            raise UnsupportedType(expected="no Content-Encoding", got="gzip")

    await put(house, 1, THREE[1], total=3)
    command = putting(0, 3)
    with pytest.raises(UnsupportedType):
        await house.parts.put(ANNA, command, BadForm(THREE[0], command=command))
    assert await indexes(house) == [1]
    await put(house, 0, THREE[0], total=3)


async def test_a_failed_key_begins_anew(house: House) -> None:
    """After a final refusal the same uploadId may be used again."""
    with pytest.raises(UnsupportedType):
        await put(house, 0, some(100), total=1)
    data = a_video(100)
    await put(house, 0, data, total=1)
    assert await finished(house, 1) == data


# --- ends ---------------------------------------------------------------------------------------------------------


async def test_terminating_stops_parts_and_removes_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running parts get their second, then have to leave; nothing is left, and again there is nothing."""
    monkeypatch.setattr(parts_module, "PART_WAIT_SECONDS", 0.02)
    await put(house, 1, THREE[1], total=3)
    commands = [putting(0, 3), putting(2, 3), putting(1, 3)]
    bodies = [FakeBody(command=command, is_open=True) for command in commands]
    running = [
        asyncio.create_task(house.parts.put(ANNA, command, body))
        for command, body in zip(commands, bodies, strict=True)
    ]
    for body in bodies:
        await body.hungry.wait()
    command = TerminateParts(profile="poster", client_key=KEY)
    await house.parts.terminate(ANNA, command)
    assert [type(r) for r in await asyncio.gather(*running, return_exceptions=True)] == [Preempted] * 3
    assert await house.store.staged_ids() == []
    for ask in (house.parts.terminate(ANNA, command), listed(house)):
        with pytest.raises(NotFound):
            await ask


async def test_a_slow_copy_of_a_stored_part_cannot_hold_up_finalize(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends a stored part again, slowly, has to leave as everybody else."""
    monkeypatch.setattr(finalizing_module, "PART_WAIT_SECONDS", 0.02)
    for index in range(3):
        await put(house, index, THREE[index], total=3)
    command = putting(1, 3)
    slow = FakeBody(THREE[1][:5], is_open=True, command=command)
    again = asyncio.create_task(house.parts.put(ANNA, command, slow))
    await slow.hungry.wait()
    assert await finished(house, 3) == b"".join(THREE)
    with pytest.raises(Preempted):
        await again


async def test_an_expired_upload_takes_no_part(house: House) -> None:
    """Once it was removed for its age an upload answers 410; each part before gave it its full time again."""
    await put(house, 0, THREE[0], total=3)
    house.clock.move(LIMITS.expiry_seconds + 1)
    await put(house, 1, THREE[1], total=3)
    house.clock.move(2)
    assert (await house.sweeper.run()).expired == 0
    assert await indexes(house) == [0, 1]
    house.clock.move(LIMITS.expiry_seconds)
    assert (await house.sweeper.run()).expired == 1
    for ask in (put(house, 2, THREE[2], total=3), listed(house)):
        with pytest.raises(Expired):
            await ask


async def test_a_full_disk_refuses_a_part_before_its_first_byte(house: House) -> None:
    """The floor of free room holds for parts, too."""
    await put(house, 0, THREE[0], total=3)
    tight = house.with_limits(min_free_bytes=await house.store.free_bytes() + 10**12)
    body = FakeBody(THREE[1], command=putting(1, 3))
    with pytest.raises(DiskFull):
        await tight.parts.put(ANNA, putting(1, 3), body)
    assert body.reads == 0
    assert await indexes(house) == [0]


async def test_parts_wait_while_an_upload_is_published(house: House) -> None:
    """An interrupted publication is nothing that a part can change."""
    for index in range(3):
        await put(house, index, THREE[index], total=3)

    async def fails(*args: Any, **kwargs: Any) -> bool:
        raise StorageFailed

    publish, house.store.publish = house.store.publish, fails  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(StorageFailed):
        await house.finalizing.finalize(ANNA, finalizing(3))
    with pytest.raises(Busy):
        await put(house, 0, THREE[0], total=3)
    house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
    assert await finished(house, 3) == b"".join(THREE)


@pytest.mark.parametrize("facts", [{}, {"part_size": 1000, "length": 2500}])
async def test_a_failure_at_any_step_leaves_no_trace(house: House, facts: dict[str, Any]) -> None:
    """Disk or database fail once, at each step in turn: stored parts stay, the same part again makes the file."""
    for at in range(100):
        key = KEY + f"-{at}"
        await put(house, 1, THREE[1], total=3, client_key=key, **facts)
        steps = Steps(at=at, error=StorageFailed, once=True)
        command = putting(0, 3, client_key=key, **facts)
        with contextlib.suppress(StorageFailed):
            await house.with_steps(steps).parts.put(ANNA, command, FakeBody(*slices(THREE[0], 400), command=command))
        if steps.is_over:
            break
        for index in (0, 2):
            await put(house, index, THREE[index], total=3, client_key=key, **facts)
        assert await finished(house, 3, client_key=key) == b"".join(THREE)
    assert at > 5  # the bytes of a short part are written and synced in one step


@pytest.mark.parametrize("facts", [{}, {"part_size": 1000, "length": 2500}])
@pytest.mark.parametrize("turn", list(range(0, 45, 5)))
async def test_a_cancelled_part_leaves_no_trace_or_all_of_it(house: House, facts: dict[str, Any], turn: int) -> None:
    """Cancelled at any moment a part is stored whole or not at all."""
    await put(house, 2, THREE[2], total=3, **facts)
    command = putting(0, 3, **facts)
    running = asyncio.create_task(house.parts.put(ANNA, command, FakeBody(*slices(THREE[0], 400), command=command)))
    for _ in range(turn):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert await indexes(house) in ([0, 2], [2])
    for index in (0, 1):
        await put(house, index, THREE[index], total=3, **facts)
    assert await finished(house, 3) == b"".join(THREE)
