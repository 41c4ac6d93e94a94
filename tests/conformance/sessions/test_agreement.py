"""However a row is asked for, the answer is what is committed: by id, by key, in a list."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.conformance.sessions.samples import ANNA, NOW, SECOND, Sessions, a_part, a_video, an_upload, upload_id
from tusvideo.errors import SessionConflict
from tusvideo.model import ClientKey, Location, Status, Upload, UploadId

KEY = ClientKey("k")


async def listed(sessions: Sessions) -> dict[UploadId, Upload]:
    """Every row, as the lists give them."""
    found = [row for status in Status for row in await sessions.with_status(status, after=None, limit=1000)]
    return {row.id: row for row in found}


async def agrees(sessions: Sessions, *ids: UploadId) -> None:
    """All ways to a row give the same row, and none gives one that is gone."""
    rows = await listed(sessions)
    for one in ids:
        row = rows.get(one)
        assert await sessions.get(one) == row
        if row is not None and row.client_key is not None:
            assert await sessions.find(row.owner, row.client_key) == row


Step = Callable[[Sessions, Upload], Awaitable[object]]

STEPS: dict[str, Step] = {
    "save": lambda sessions, was: sessions.save(replace(was, offset=7, stored_at=NOW + SECOND), was=was),
    "save, finalizing": lambda sessions, was: sessions.save(
        replace(was, status=Status.FINALIZING, location=Location(directory="d", folder="f", filename="n")), was=was
    ),
    "save, failed": lambda sessions, was: sessions.save(replace(was, status=Status.FAILED), was=was),
    "save, stale": lambda sessions, was: sessions.save(replace(was, offset=7), was=replace(was, offset=3)),
    "save, finer times": lambda sessions, was: sessions.save(replace(was, stored_at=NOW + SECOND / 1_000_000), was=was),
    "at risk": lambda sessions, was: sessions.save(replace(was, offset=9, boot_id="b"), was=was),
    "synced": lambda sessions, was: sessions.mark_synced(was.id, offset=9),
    "part": lambda sessions, was: sessions.add_part(was.id, a_part(0), now=NOW, expires_at=NOW + 90 * SECOND),
    "moved part": lambda sessions, was: sessions.move_part(was.id, a_part(0)),
    "complete": lambda sessions, was: sessions.complete(replace(was, status=Status.COMPLETE), was=was, video=None),
    "complete, in vain": lambda sessions, was: sessions.complete(
        replace(was, status=Status.COMPLETE), was=replace(was, length=5), video=a_video()
    ),
    "again": lambda sessions, _: sessions.add(an_upload(2, client_key=KEY)),
    "the same id": lambda sessions, _: sessions.add(an_upload(1, title="other")),
    "remove": lambda sessions, was: sessions.remove(was.id),
}


@pytest.mark.parametrize("seed", range(20))
async def test_what_is_asked_for_by_id_is_what_is_listed(sessions: Sessions, seed: int) -> None:
    """After every change, done or refused, all ways to a row agree."""
    chance = random.Random(seed)
    for step in (chance.choice(list(STEPS.values())) for _ in range(12)):
        row = await sessions.get(upload_id(1)) or await sessions.add(an_upload(1, client_key=KEY))
        with suppress(SessionConflict):
            await step(sessions, row)
        await agrees(sessions, upload_id(1), upload_id(2))


@pytest.mark.parametrize("status", [Status.FAILED, Status.TERMINATED, Status.DAMAGED])
async def test_a_row_is_seen_without_the_key_that_it_gave_up(sessions: Sessions, status: Status) -> None:
    """A new upload takes the keys of a dead one, and the dead one is seen without them."""
    dead = await sessions.add(an_upload(1, client_key=KEY, status=status))
    assert await sessions.get(dead.id) == dead
    await sessions.add(an_upload(2, client_key=KEY))
    assert await sessions.get(dead.id) == replace(dead, client_key=None)
    await agrees(sessions, upload_id(1), upload_id(2))


@pytest.mark.parametrize("seed", range(8))
async def test_questions_beside_writers(sessions: Sessions, seed: int) -> None:
    """While writers race for a row, a question never goes back behind what was acknowledged or what was seen before it,
    nor ahead of what was asked for; afterwards all agree."""
    chance = random.Random(seed)
    row = await sessions.add(an_upload(1, client_key=KEY, length=10_000))
    told = asked = row.offset

    async def write() -> None:
        nonlocal told, asked
        for _ in range(25):
            was = await sessions.get(row.id)
            assert was is not None
            wanted = was.offset + chance.randrange(1, 9)
            asked = max(asked, wanted)
            with suppress(SessionConflict):
                if chance.random() < 0.2:
                    await sessions.mark_synced(row.id, offset=was.offset)
                await sessions.save(replace(was, offset=wanted, boot_id=chance.choice([None, "b"])), was=was)
                told = max(told, wanted)

    async def ask() -> None:
        seen = 0
        for _ in range(80):
            least = max(told, seen)
            found = await (sessions.get(row.id) if chance.random() < 0.5 else sessions.find(ANNA, KEY))
            assert found is not None
            assert least <= found.offset <= asked
            seen = found.offset
            if chance.random() < 0.3:
                everything: Sequence[Upload] = await sessions.with_status(Status.OPEN, after=None, limit=9)
                seen = max(seen, everything[0].offset)

    await asyncio.gather(*(write() for _ in range(4)), *(ask() for _ in range(4)))
    await agrees(sessions, row.id)
