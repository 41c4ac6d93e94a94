"""Rows kept in memory: none that is not committed, no more than allowed, and none asked for in vain."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.conformance.sessions.samples import ANNA, NOW, a_part, an_upload, upload_id
from tests.sessions.gate import Gate
from tests.sessions.table import let_no_commit_through
from tusvideo.errors import SessionConflict, StorageFailed
from tusvideo.model import ClientKey, Location, Status
from tusvideo.sessions.committed import MOST_TEXT, CommittedRows
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.sessions.sqlite_uploads import load_upload

KEY = ClientKey("k")


async def queries(sessions: SqliteSessions) -> list[str]:
    """Record what the reading connection is asked from now on."""
    asked: list[str] = []
    await sessions._database.read(lambda connection: connection.set_trace_callback(asked.append))
    return asked


async def test_a_row_that_was_written_is_not_asked_for(sessions: SqliteSessions) -> None:
    """After add, save, add_part and complete the row is at hand, by id and by key."""
    asked = await queries(sessions)
    row = await sessions.add(an_upload(client_key=KEY))
    assert await sessions.get(row.id) == row
    saved = replace(row, offset=5)
    await sessions.save(saved, was=row)
    assert await sessions.find(ANNA, KEY) == saved
    grown = await sessions.add_part(row.id, a_part(0), now=NOW, expires_at=NOW)
    assert await sessions.get(row.id) == grown
    await sessions.complete(replace(grown, status=Status.COMPLETE), was=grown, video=None)
    assert await sessions.get(row.id) == replace(grown, status=Status.COMPLETE)
    assert asked == []


@pytest.mark.parametrize("is_fresh", [True, False], ids=["state is the row", "state is older"])
async def test_what_is_kept_after_a_save_is_what_the_row_tells(sessions: SqliteSessions, is_fresh: bool) -> None:
    """Whether a save begins with the row that is kept, which it then need not read, or with an equal state: what is
    kept is what is in the table, with what others wrote meanwhile."""
    facts: list[dict[str, Any]] = [
        {"offset": 5, "stored_at": NOW + timedelta(microseconds=1_234_567), "boot_id": "b"},
        {"boot_id": None, "epoch": 3, "content_type": "video/mp4"},
        {"digests": (("sha-256", "x"),), "length": 12},
        {"status": Status.FINALIZING, "location": Location(directory="a", folder="b", filename="c")},
        {"status": Status.COMPLETE, "ended_at": NOW},
    ]
    row = await sessions.add(an_upload())
    for changed in facts:
        was = row if is_fresh else replace(row)
        title = f"title {len(changed)}"
        if not is_fresh:
            await sessions.draft(ANNA, row.id, title=title, description=None)
        await sessions.save(replace(was, **changed), was=was)
        kept = sessions._rows.get(row.id)
        assert kept == await sessions._database.read(partial(load_upload, upload_id=row.id))
        assert kept is not None
        if not is_fresh and was.status is Status.OPEN:
            assert kept.title == title
        row = kept


async def test_a_save_from_the_kept_row_is_judged_all_the_same(sessions: SqliteSessions) -> None:
    """A smaller epoch loses, and the row stays as it was."""
    row = await sessions.add(an_upload(epoch=4))
    with pytest.raises(SessionConflict):
        await sessions.save(replace(row, epoch=3, offset=1), was=row)
    assert await sessions.get(row.id) == row


async def test_a_row_is_loaded_once(sessions: SqliteSessions) -> None:
    """A row that was not at hand is asked for once."""
    row = await sessions.add(an_upload())
    sessions._rows = CommittedRows()
    asked = await queries(sessions)
    assert [await sessions.get(row.id) for _ in range(3)] == [row] * 3
    assert len(asked) == 1


async def test_a_row_that_is_being_written_is_asked_for(sessions: SqliteSessions, gate: Gate) -> None:
    """While a write is under way the row comes from the table, as committed before it, and is not kept."""
    row = await sessions.add(an_upload())
    writing = asyncio.create_task(sessions.save(replace(row, offset=1), was=row))
    await gate.is_reached()
    assert await sessions.get(row.id) == row
    assert len(sessions._rows) == 0
    gate.open()
    await writing
    assert await sessions.get(row.id) == replace(row, offset=1)


async def test_a_commit_that_fails_leaves_no_trace(sessions: SqliteSessions) -> None:
    """What was rolled back is not seen: the row is as it was before."""
    row = await sessions.add(an_upload())
    await let_no_commit_through(sessions)
    with pytest.raises(StorageFailed):
        await sessions.save(replace(row, offset=5), was=row)
    with pytest.raises(StorageFailed):
        await sessions.add(an_upload(2))
    assert await sessions.get(row.id) == row
    assert await sessions.get(upload_id(2)) is None


async def test_a_closed_table_tells_nothing(sessions: SqliteSessions) -> None:
    """After close a row that is at hand is not told either."""
    row = await sessions.add(an_upload(client_key=KEY))
    await sessions.close()
    for call in (sessions.get(row.id), sessions.find(ANNA, KEY)):
        with pytest.raises(StorageFailed):
            await call


class TestKeeping:
    def test_the_least_used_go_first(self) -> None:
        """No more than so many rows are kept; a row that was asked for stays longer than one that was not."""
        rows = CommittedRows(most=3)
        for number in range(3):
            _wrote(rows, number)
        assert rows.get(upload_id(0)) is not None
        _wrote(rows, 3)
        assert [number for number in range(4) if rows.get(upload_id(number)) is not None] == [0, 2, 3]
        assert len(rows) == 3

    def test_a_row_that_goes_takes_its_key_along(self) -> None:
        """A key leads to rows that are kept only."""
        rows = CommittedRows(most=1)
        _wrote(rows, 1, client_key=KEY)
        assert rows.find(ANNA, KEY) is not None
        _wrote(rows, 2)
        assert rows.find(ANNA, KEY) is None

    @pytest.mark.parametrize(
        "facts",
        [
            {"metadata": "x" * (MOST_TEXT + 1)},
            {"description": "x" * (MOST_TEXT + 1)},
            {"concat": "x" * (MOST_TEXT + 1)},
            {"status": Status.FAILED},
            {"status": Status.TERMINATED},
            {"status": Status.DAMAGED},
        ],
        ids=lambda facts: next(iter(facts)),
    )
    def test_some_rows_are_not_kept(self, facts: dict[str, Any]) -> None:
        """Long texts stay in the table for the sake of memory, dead rows because others take their keys."""
        rows = CommittedRows()
        _wrote(rows, 1, **facts)
        assert len(rows) == 0

    @pytest.mark.parametrize("last", [1, 2])
    def test_of_two_writers_at_once_neither_is_believed(self, last: int) -> None:
        """Which of two transactions came last is not known here, in whichever order they end."""
        rows = CommittedRows()
        rows.begin_write(upload_id(1))
        rows.begin_write(upload_id(1))
        rows.end_write(upload_id(1), an_upload(offset=3 - last))
        rows.end_write(upload_id(1), an_upload(offset=last))
        assert rows.get(upload_id(1)) is None
        _wrote(rows, 1, offset=7)
        assert rows.get(upload_id(1)) == an_upload(offset=7)

    def test_a_row_found_by_another_creation_is_not_kept_by_it(self) -> None:
        """A creation that finds the row of another upload says nothing about what is written to that one meanwhile."""
        rows = CommittedRows()
        rows.begin_write(upload_id(2))
        rows.end_write(upload_id(2), an_upload(1))
        assert len(rows) == 0

    @pytest.mark.parametrize("writes", ["before", "meanwhile", "over"])
    def test_a_row_that_was_loaded_beside_a_write_is_not_kept(self, writes: str) -> None:
        """A loaded row may be older than a write that was asked for, or that ended, since."""
        rows = CommittedRows()
        old, new = an_upload(offset=1), an_upload(offset=2)
        if writes == "before":
            rows.begin_write(old.id)
        ticket = rows.begin_load(old.id)
        if writes != "before":
            rows.begin_write(old.id)
        if writes == "over":
            rows.end_write(old.id, new)
        rows.end_load(old.id, ticket, old)
        assert rows.get(old.id) == (new if writes == "over" else None)

    @pytest.mark.parametrize("end", [lambda row: row, lambda _: None], ids=["loaded", "failed"])
    def test_two_loads_at_once(self, end: Callable[[Any], Any]) -> None:
        """Of loads at once the last one that began is kept, and nothing is left of the other."""
        rows, row = CommittedRows(), an_upload()
        first, second = rows.begin_load(row.id), rows.begin_load(row.id)
        rows.end_load(row.id, second, end(row))
        rows.end_load(row.id, first, row)
        assert rows.get(row.id) == end(row)


def _wrote(rows: CommittedRows, number: int, **facts: Any) -> None:
    rows.begin_write(upload_id(number))
    rows.end_write(upload_id(number), an_upload(number, **facts))
