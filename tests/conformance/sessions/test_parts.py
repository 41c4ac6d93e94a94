"""SessionRepository: the parts of an upload of the chunk API."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.conformance.sessions.samples import NOW, SECOND, Sessions, a_part, an_upload, upload_id
from tusvideo.errors import SessionConflict
from tusvideo.model import Part, Protocol, Status, Upload

LATER = NOW + SECOND
CHUNKED = an_upload(protocol=Protocol.CHUNKS)


async def _add(sessions: Sessions, *indexes: int, upload: Upload = CHUNKED) -> Upload:
    for index in indexes:
        upload = await sessions.add_part(upload.id, a_part(index), now=LATER, expires_at=LATER + SECOND)
    return upload


@pytest.mark.parametrize(
    ("indexes", "next_part", "offset"),
    [
        ([0], 1, 10),
        ([1], 0, 0),
        ([0, 1, 2], 3, 30),
        ([2, 1, 0], 3, 30),
        ([1, 2, 0, 4], 3, 30),
        ([0, 2, 3, 5, 1], 4, 40),
        ([99_999], 0, 0),
    ],
    ids=str,
)
async def test_the_offset_is_what_lies_before_the_first_gap(
    sessions: Sessions, indexes: list[int], next_part: int, offset: int
) -> None:
    """Parts may come in any order; offset and next_part tell the run from part 0, parts_stored all of them."""
    await sessions.add(CHUNKED)
    grown = await _add(sessions, *indexes)
    assert (grown.next_part, grown.offset, grown.parts_stored) == (next_part, offset, len(indexes))
    assert grown == await sessions.get(CHUNKED.id)


async def test_sizes_of_parts_may_differ(sessions: Sessions) -> None:
    """The offset adds up the true sizes, empty parts and large ones included."""
    await sessions.add(CHUNKED)
    for part in (a_part(2, size=3), a_part(1, size=0), a_part(0, size=5_000_000_000)):
        await sessions.add_part(CHUNKED.id, part, now=NOW, expires_at=NOW)
    stored = await sessions.get(CHUNKED.id)
    assert stored is not None
    assert (stored.next_part, stored.offset) == (3, 5_000_000_003)


async def test_a_part_moves_the_times(sessions: Sessions) -> None:
    """Storing a part sets stored_at and expires_at, cut to milliseconds, and nothing else but the counts."""
    await sessions.add(CHUNKED)
    fine = timedelta(microseconds=999)
    grown = await sessions.add_part(CHUNKED.id, a_part(3), now=LATER + fine, expires_at=LATER + SECOND + fine)
    assert grown == replace(CHUNKED, parts_stored=1, stored_at=LATER, expires_at=LATER + SECOND)


async def test_parts_are_listed_by_index(sessions: Sessions) -> None:
    """However they came, parts are listed in order, as they were stored."""
    await sessions.add(CHUNKED)
    await _add(sessions, 7, 0, 3)
    assert await sessions.parts(CHUNKED.id) == (a_part(0), a_part(3), a_part(7))
    assert await sessions.part(CHUNKED.id, 3) == a_part(3)
    assert await sessions.part(CHUNKED.id, 4) is None


async def test_parts_belong_to_their_upload(sessions: Sessions) -> None:
    """Two uploads have parts of the same index without meeting each other."""
    other = replace(CHUNKED, id=upload_id(2))
    await sessions.add(CHUNKED)
    await sessions.add(other)
    await _add(sessions, 0, 1)
    await _add(sessions, 1, upload=other)
    assert await sessions.parts(other.id) == (a_part(1),)
    assert await sessions.parts(upload_id(3)) == ()


async def test_a_part_is_stored_once(sessions: Sessions) -> None:
    """A second part under an index raises SessionConflict; the first stays and the counts with it."""
    await sessions.add(CHUNKED)
    grown = await _add(sessions, 0)
    with pytest.raises(SessionConflict):
        await sessions.add_part(CHUNKED.id, a_part(0, size=99), now=LATER + SECOND, expires_at=LATER)
    assert await sessions.get(CHUNKED.id) == grown
    assert await sessions.parts(CHUNKED.id) == (a_part(0),)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OPEN])
async def test_only_an_open_upload_takes_parts(sessions: Sessions, status: Status) -> None:
    """Any other status raises SessionConflict and stores nothing."""
    closed = await sessions.add(replace(CHUNKED, status=status))
    with pytest.raises(SessionConflict):
        await _add(sessions, 0)
    assert await sessions.get(closed.id) == closed
    assert await sessions.parts(closed.id) == ()


async def test_an_unknown_upload_takes_no_parts(sessions: Sessions) -> None:
    """A part for nobody raises SessionConflict and stores nothing."""
    with pytest.raises(SessionConflict):
        await _add(sessions, 0)
    assert await sessions.parts(CHUNKED.id) == ()


async def test_a_part_can_be_moved(sessions: Sessions) -> None:
    """Moving changes the position of that part alone."""
    await sessions.add(CHUNKED)
    grown = await _add(sessions, 0, 1)
    await sessions.move_part(CHUNKED.id, Part(index=1, size=10, position=777))
    assert await sessions.parts(CHUNKED.id) == (a_part(0), Part(index=1, size=10, position=777))
    assert await sessions.get(CHUNKED.id) == grown


async def test_a_part_that_is_not_stored_cannot_be_moved(sessions: Sessions) -> None:
    """Moving an unknown part raises SessionConflict and stores nothing."""
    await sessions.add(CHUNKED)
    with pytest.raises(SessionConflict):
        await sessions.move_part(CHUNKED.id, a_part(0))
    with pytest.raises(SessionConflict):
        await sessions.move_part(upload_id(2), a_part(0))
    assert await sessions.parts(CHUNKED.id) == ()


async def test_saving_the_row_leaves_parts_alone(sessions: Sessions) -> None:
    """A fact saved from a state that was read before a part came does not undo the counts of that part."""
    was = await sessions.add(CHUNKED)
    grown = await _add(sessions, 5)
    await sessions.save(replace(was, total_parts=9), was=was)
    assert await sessions.get(was.id) == replace(grown, total_parts=9)
    assert await sessions.parts(was.id) == (a_part(5),)


async def test_a_row_saved_from_before_the_offset_moved_loses(sessions: Sessions) -> None:
    """A part that moves the offset makes a save from an older state raise SessionConflict."""
    was = await sessions.add(CHUNKED)
    grown = await _add(sessions, 0)
    with pytest.raises(SessionConflict):
        await sessions.save(replace(was, status=Status.FINALIZING), was=was)
    assert await sessions.get(was.id) == grown


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_parts_stored_at_once_are_all_counted(sessions: Sessions, seed: int) -> None:
    """Three hundred writers at once, in any order: every part is counted and the offset is whole."""
    await sessions.add(CHUNKED)
    indexes = list(range(300))
    random.Random(seed).shuffle(indexes)
    await asyncio.gather(
        *(sessions.add_part(CHUNKED.id, a_part(index), now=LATER, expires_at=LATER) for index in indexes)
    )
    stored = await sessions.get(CHUNKED.id)
    assert stored is not None
    assert (stored.parts_stored, stored.next_part, stored.offset) == (300, 300, 3000)
    assert await sessions.parts(CHUNKED.id) == tuple(a_part(index) for index in range(300))


async def test_of_writers_of_one_part_one_wins(sessions: Sessions) -> None:
    """Eight writers of one index at once: one is stored, the others raise SessionConflict."""
    await sessions.add(CHUNKED)
    results = await asyncio.gather(
        *(sessions.add_part(CHUNKED.id, a_part(0, size=n), now=NOW, expires_at=NOW) for n in range(1, 9)),
        return_exceptions=True,
    )
    (winner,) = (result for result in results if isinstance(result, Upload))
    assert sum(isinstance(result, SessionConflict) for result in results) == 7
    assert await sessions.parts(CHUNKED.id) == (a_part(0, size=winner.offset),)
