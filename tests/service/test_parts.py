"""PartService: numbered parts in any order, and the facts that they tell."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.house import ANNA, House
from tests.service.chunks import THREE, finished, indexes, listed, put, put_spooled
from tests.service.wishes import KEY, a_video, putting, sha256
from tusvideo.commands import TerminateParts
from tusvideo.errors import (
    BodyCut,
    FactConflict,
    InvalidField,
    TooLarge,
    TusvideoError,
    UnsupportedType,
)


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
