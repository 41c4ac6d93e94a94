"""PartService: parts that come again, torn or damaged."""

from typing import Any

import pytest

from tests.fakes.body import cut_body
from tests.fakes.house import ANNA, House
from tests.service.chunks import THREE, finished, listed, put, put_spooled
from tests.service.wishes import a_video, putting, sha256, some
from tusvideo.errors import (
    AlreadyComplete,
    BodyCut,
    ChecksumMismatch,
    PartConflict,
    Preempted,
    TooLarge,
)


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
