"""PartService: numbered parts in any order, side by side, again, torn, disagreeing, damaged."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.faults import Steps
from tests.fakes.house import ANNA, LIMITS, House
from tests.service.wishes import KEY, a_video, finalizing, putting, sha256, some
from tusvideo.commands import PartsListed, PartStored, QueryParts, TerminateParts
from tusvideo.errors import (
    AlreadyComplete,
    BodyCut,
    Busy,
    ChecksumMismatch,
    DiskFull,
    Expired,
    FactConflict,
    InvalidField,
    NotFound,
    PartConflict,
    Preempted,
    StorageFailed,
    TooLarge,
    TusvideoError,
    UnsupportedType,
)
from tusvideo.model import Status
from tusvideo.service import finalizing as finalizing_module
from tusvideo.service import parts as parts_module


async def put(
    house: House, index: int, data: bytes, *, total: int, late: dict[str, Any] | None = None, **facts: Any
) -> PartStored:
    """Put a part that comes in one block; ``late`` fields follow the file."""
    command = putting(index, total, **facts)
    body = FakeBody(*([data] if data else []), command=replace(command, **(late or {})))
    return await house.parts.put(ANNA, command, body)


async def put_spooled(house: House, index: int, data: bytes, *, total: int, **facts: Any) -> PartStored:
    """Put a part whose file came before its fields."""
    spool = await house.parts.open_spool()
    try:
        if data:
            await spool.write(data)
        return await house.parts.put_spooled(ANNA, putting(index, total, **facts), spool)
    finally:
        await spool.close()


async def listed(house: House) -> PartsListed:
    """Ask what is stored."""
    return await house.parts.query(ANNA, QueryParts(profile="poster", client_key=KEY))


async def indexes(house: House) -> list[int]:
    """Ask which parts are stored; the bytes of each must be there."""
    found = await listed(house)
    for part in found.parts:
        if found.upload.status is Status.OPEN:
            async for _ in house.store.read_staged(
                found.upload.id, start=part.position, stop=part.position + part.size
            ):
                pass
    return [part.index for part in found.parts]


async def finished(house: House, total: int, **facts: Any) -> bytes:
    """Finalize, and give the published bytes."""
    return await house.published((await house.finalizing.finalize(ANNA, finalizing(total, **facts))).upload)


def slices(data: bytes, size: int) -> list[bytes]:
    """Cut as a client does."""
    return [data[start : start + size] for start in range(0, len(data), size)]


THREE = slices(a_video(2500), 1000)


@pytest.mark.parametrize("way", [put, put_spooled])
@pytest.mark.parametrize("facts", [{}, {"part_size": 1000}, {"length": 2500}, {"part_size": 1000, "length": 2500}])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_parts_come_in_any_order(house: House, way: Any, facts: dict[str, Any], order: Sequence[int]) -> None:
    """Every order of three parts, whatever is told of their size, makes the same file."""
    for count, index in enumerate(order, start=1):
        outcome = await way(house, index, THREE[index], total=3, **facts)
        assert (outcome.index, outcome.upload.parts_stored) == (index, count)
    assert await finished(house, 3) == b"".join(THREE)


async def test_the_offset_counts_what_has_no_gap(house: House) -> None:
    """The offset is that of the contiguous bytes from byte 0, however the parts came."""
    await put(house, 1, THREE[1], total=3)
    assert ((await listed(house)).upload.offset, (await listed(house)).upload.next_part) == (0, 0)
    outcome = await put(house, 0, THREE[0], total=3)
    assert (outcome.upload.offset, outcome.upload.next_part) == (2000, 2)


async def test_an_odd_last_part_waits_for_its_place(house: House) -> None:
    """The last part may come first and be odd: nobody told the size of the others, so it waits and is moved later."""
    await put(house, 2, THREE[2], total=3)
    (waiting,) = (await listed(house)).parts
    assert waiting.position >= house.profiles["poster"].max_length
    for index in (0, 1):
        await put(house, index, THREE[index], total=3)
    assert await finished(house, 3, checksum=sha256(b"".join(THREE))) == b"".join(THREE)


@pytest.mark.parametrize(
    ("first", "facts", "learned"),
    [
        pytest.param(0, {"part_size": 1000}, (1000, None), id="chunkSize"),
        pytest.param(0, {}, (1000, None), id="a part that is not the last"),
        pytest.param(2, {"length": 2500}, (1000, 2500), id="fileSize and the last part"),
        pytest.param(2, {"part_size": 1000}, (1000, 2500), id="chunkSize and the last part"),
        pytest.param(2, {}, (None, None), id="the last part alone"),
    ],
)
async def test_the_geometry_is_learned_as_it_comes(
    house: House, first: int, facts: dict[str, Any], learned: tuple[int | None, int | None]
) -> None:
    """The size of the parts comes from chunkSize, from any part but the last, or from fileSize and the last."""
    outcome = await put(house, first, THREE[first], total=3, **facts)
    assert (outcome.upload.part_size, outcome.upload.length) == learned


@pytest.mark.parametrize("way", [put, put_spooled])
@pytest.mark.parametrize(
    ("index", "data", "total", "facts", "error"),
    [
        pytest.param(1, THREE[1], 4, {}, FactConflict, id="another totalChunks"),
        pytest.param(1, THREE[1], 3, {"part_size": 999}, FactConflict, id="another chunkSize"),
        pytest.param(1, THREE[1], 3, {"length": 2600}, FactConflict, id="another fileSize"),
        pytest.param(1, bytes(999), 3, {}, InvalidField, id="a part that is shorter"),
        pytest.param(1, bytes(1001), 3, {}, TooLarge, id="a part that is longer"),
        pytest.param(2, bytes(501), 3, {}, TooLarge, id="a last part that is longer"),
        pytest.param(2, bytes(499), 3, {}, FactConflict, id="a last part that is shorter"),
        pytest.param(1, b"", 3, {}, InvalidField, id="an empty part"),
    ],
)
async def test_a_disagreement_changes_nothing(
    house: House, way: Any, index: int, data: bytes, total: int, facts: dict[str, Any], error: type[TusvideoError]
) -> None:
    """What contradicts the stored facts is refused; what is stored stays, and the right part is taken afterwards."""
    upload = (await put(house, 0, THREE[0], total=3, part_size=1000, length=2500)).upload
    with pytest.raises(error):
        await way(house, index, data, total=total, **facts)
    assert await house.row(upload.id) == upload
    for good in (1, 2):
        await put(house, good, THREE[good], total=3)
    assert await finished(house, 3) == b"".join(THREE)


@pytest.mark.parametrize("late", [{"total_parts": 4}, {"part_size": 999}, {"length": 2600}])
@pytest.mark.parametrize("index", [0, 1])
async def test_a_late_field_that_disagrees_stores_nothing(house: House, late: dict[str, Any], index: int) -> None:
    """Fields that come after the file are judged as those before it, also for a part that is stored already."""
    upload = (await put(house, 0, THREE[0], total=3, part_size=1000, length=2500)).upload
    with pytest.raises(FactConflict):
        await put(house, index, THREE[index], total=3, late=late)
    assert await house.row(upload.id) == upload


@pytest.mark.parametrize("way", [put, put_spooled])
async def test_a_last_part_that_waits_is_no_larger_than_the_others(house: House, way: Any) -> None:
    """What the waiting last part contradicts is refused when it comes, whichever way it is told."""
    await put(house, 2, bytes(1500), total=3)
    for facts in ({}, {"part_size": 1000}, {"length": 2501}, {"length": 4000}):
        with pytest.raises(InvalidField):
            await way(house, 0, THREE[0], total=3, **facts)
    assert await indexes(house) == [2]


async def test_a_length_that_comes_later_gives_a_waiting_last_part_its_meaning(house: House) -> None:
    """fileSize told after the last part tells the size of all others."""
    await put(house, 2, THREE[2], total=3)
    with pytest.raises(BodyCut):
        await house.parts.put(ANNA, putting(0, 3, length=2500), cut_body(b"x"))
    assert (await listed(house)).upload.part_size == 1000


async def test_a_late_field_is_learned(house: House) -> None:
    """A fileSize after the file counts."""
    assert (await put(house, 0, THREE[0], total=3, late={"length": 2500})).upload.length == 2500


@pytest.mark.parametrize(
    ("total", "facts", "error"),
    [
        (3, {"length": 100_001}, TooLarge),
        (3, {"part_size": 50_000}, TooLarge),
        (3, {"length": 2}, InvalidField),
        (3, {"length": 0}, UnsupportedType),
        (3, {"part_size": 1000, "length": 2000}, InvalidField),
        (3, {"part_size": 1000, "length": 3001}, InvalidField),
    ],
)
async def test_facts_that_cannot_be_begin_nothing(
    house: House, total: int, facts: dict[str, Any], error: type[TusvideoError]
) -> None:
    """Judged before a byte is read or a row is made."""
    body = FakeBody(THREE[0], command=putting(0, total, **facts))
    with pytest.raises(error):
        await house.parts.put(ANNA, putting(0, total, **facts), body)
    assert body.reads == 0
    assert await house.sessions.find(ANNA, KEY) is None


async def test_a_hundred_thousand_parts_are_fine(house: House) -> None:
    """A count at the limit costs nothing but its row."""
    outcome = await put(house, 99_999, b"x", total=100_000, part_size=1)
    assert (outcome.upload.length, outcome.upload.parts_stored) == (100_000, 1)


@pytest.mark.parametrize("last", [1, 2])
async def test_the_limit_is_reached_but_not_passed(house: House, last: int) -> None:
    """A file of exactly the limit is taken; one byte more is refused with its part, and the rest stays."""
    house = house.with_(profiles={"poster": replace(house.profiles["poster"], max_length=2001)})
    await put(house, 0, THREE[0], total=3)
    await put(house, 1, THREE[1], total=3)
    if last == 1:
        await put(house, 2, b"x", total=3)
        assert await finished(house, 3) == b"".join(THREE[:2]) + b"x"
        return
    with pytest.raises(TooLarge):
        await put(house, 2, b"xy", total=3)
    assert await indexes(house) == [0, 1]


async def test_a_file_in_one_part(house: House) -> None:
    """One part needs no size, and may reach the limit of a part but not pass it."""
    big = a_video(50_001)
    with pytest.raises(TooLarge):
        await put(house, 0, big, total=1, length=50_001)
    await house.parts.terminate(ANNA, TerminateParts(profile="poster", client_key=KEY))
    await put(house, 0, big[:50_000], total=1)
    assert await finished(house, 1) == big[:50_000]


# --- again, torn, damaged -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [put, put_spooled])
@pytest.mark.parametrize("when", ["open", "parked", "complete"])
async def test_a_part_may_come_again(house: House, way: Any, when: str) -> None:
    """Identical bytes are fine before and after finalize, different ones are not; nothing changes either way."""
    if when == "parked":
        await put(house, 2, THREE[2], total=3)
    else:
        for index in range(3):
            await put(house, index, THREE[index], total=3)
    if when == "complete":
        assert await finished(house, 3) == b"".join(THREE)
    before = (await listed(house)).upload
    for part in (await listed(house)).parts:
        good = THREE[part.index]
        outcome = await way(house, part.index, good, total=3)
        assert outcome.upload == before
        for other in (good[:-1] + b"?", b"?" + good[1:]):
            with pytest.raises(PartConflict):
                await way(house, part.index, other, total=3)
        for short in (good[:-1],):
            with pytest.raises(PartConflict):
                await way(house, part.index, short, total=3)
        with pytest.raises(TooLarge if when != "parked" else PartConflict):
            await way(house, part.index, good + b"?" * 600, total=3)
    assert (await listed(house)).upload == before


async def test_an_upload_that_is_complete_learns_nothing_new(house: House) -> None:
    """New facts come too late."""
    await put(house, 0, THREE[0], total=1)
    await finished(house, 1)
    with pytest.raises(AlreadyComplete):
        await put(house, 0, THREE[0], total=1, part_size=1000)


@pytest.mark.parametrize("facts", [{}, {"part_size": 1000}])
@pytest.mark.parametrize("reason", [BodyCut("cut"), Preempted("asked")])
async def test_a_torn_part_leaves_no_trace(house: House, facts: dict[str, Any], reason: Any) -> None:
    """Part of a part counts for nothing: no row, no size learned, and the whole one is taken afterwards."""
    command = putting(0, 3, **facts)
    with pytest.raises(type(reason)):
        await house.parts.put(ANNA, command, cut_body(THREE[0][:999], reason=reason))
    found = await listed(house)
    assert (found.parts, found.upload.offset, found.upload.part_size) == ((), 0, facts.get("part_size"))
    for index in range(3):
        await put(house, index, THREE[index], total=3)
    assert await finished(house, 3) == b"".join(THREE)


@pytest.mark.parametrize("facts", [{}, {"part_size": 1000}])
@pytest.mark.parametrize("way", ["early", "late", "spooled"])
async def test_a_damaged_part_is_told_and_leaves_no_trace(house: House, facts: dict[str, Any], way: str) -> None:
    """A wrong checksum is a mismatch wherever it stands: nothing of the part is kept, not even its size."""
    damaged = bytes(len(THREE[0]) // 2)
    checksum = sha256(THREE[0])
    ways = {
        "early": put(house, 0, damaged, total=3, checksum=checksum, **facts),
        "late": put(house, 0, damaged, total=3, late={"checksum": checksum}, **facts),
        "spooled": put_spooled(house, 0, damaged, total=3, checksum=checksum, **facts),
    }
    chosen = ways.pop(way)
    for other in ways.values():
        other.close()
    with pytest.raises(ChecksumMismatch):
        await chosen
    found = await listed(house)
    assert (found.parts, found.upload.part_size) == ((), facts.get("part_size"))
    for index in range(3):
        await put(house, index, THREE[index], total=3, checksum=sha256(THREE[index]))
    assert await finished(house, 3) == b"".join(THREE)


async def test_damage_in_the_first_bytes_is_damage_and_no_wrong_type(house: House) -> None:
    """A first part with a checksum is verified before its type is judged: damage must not fail the whole upload."""
    data = a_video(9000)
    await put(house, 1, data[5000:], total=2, part_size=5000)
    with pytest.raises(ChecksumMismatch):
        await put(house, 0, some(5000), total=2, checksum=sha256(data[:5000]))
    await put(house, 0, data[:5000], total=2, checksum=sha256(data[:5000]))
    assert await finished(house, 2) == data


@pytest.mark.parametrize("when", ["open", "complete"])
async def test_a_damaged_copy_of_a_stored_part_may_be_sent_again(house: House, when: str) -> None:
    """With a checksum a copy that was damaged on its way is told from other bytes."""
    await put(house, 0, THREE[0], total=1)
    if when == "complete":
        await finished(house, 1)
    with pytest.raises(ChecksumMismatch):
        await put(house, 0, b"?" + THREE[0][1:], total=1, checksum=sha256(THREE[0]))
    other = b"?" + THREE[0][1:]
    with pytest.raises(PartConflict):
        await put(house, 0, other, total=1, checksum=sha256(other))
    await put(house, 0, THREE[0], total=1, checksum=sha256(THREE[0]))


# --- several at once ----------------------------------------------------------------------------------------------


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


async def test_a_wrong_type_is_refused_as_it_passes(house: House) -> None:
    """After 4 KiB of the first part the upload is FAILED, and nothing more is read."""
    command = putting(0, 2)
    body = FakeBody(*slices(some(20_000), 1000), command=command)
    await put(house, 1, b"end", total=2, part_size=20_000)
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

    house.store.discard = then_somebody_writes  # type: ignore[method-assign]
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
    """Past its time an unfinished upload answers 410; each part gives it its full time again."""
    await put(house, 0, THREE[0], total=3)
    house.clock.move(LIMITS.expiry_seconds - 1)
    await put(house, 1, THREE[1], total=3)
    house.clock.move(2)
    assert await indexes(house) == [0, 1]
    house.clock.move(LIMITS.expiry_seconds)
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

    publish, house.store.publish = house.store.publish, fails  # type: ignore[method-assign]
    with pytest.raises(StorageFailed):
        await house.finalizing.finalize(ANNA, finalizing(3))
    with pytest.raises(Busy):
        await put(house, 0, THREE[0], total=3)
    house.store.publish = publish  # type: ignore[method-assign]
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
    assert at > 6


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
