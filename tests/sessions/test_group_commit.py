"""Group commit: writes that come while one is being committed share the next transaction, and nothing else."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from tests.conformance.sessions.samples import an_upload, upload_id
from tests.sessions.gate import Gate
from tests.sessions.table import let_no_commit_through
from tusvideo.errors import SessionConflict, StorageFailed
from tusvideo.sessions.sqlite import SqliteSessions

CALLERS = 40


async def ended_transactions(sessions: SqliteSessions) -> list[str]:
    """Record how transactions end, from now on."""
    ended: list[str] = []

    def note(statement: str) -> None:
        if statement in {"COMMIT", "ROLLBACK"}:
            ended.append(statement)

    await sessions._database.write(lambda connection: connection.set_trace_callback(note))
    ended.clear()
    return ended


async def test_writes_that_wait_share_a_transaction(sessions: SqliteSessions) -> None:
    """Forty writes at once need three transactions at most: the first one's, and those of all who came meanwhile."""
    ended = await ended_transactions(sessions)
    added = await asyncio.gather(*(sessions.add(an_upload(number)) for number in range(CALLERS)))
    assert [upload.id for upload in added] == [upload_id(number) for number in range(CALLERS)]
    assert set(ended) == {"COMMIT"}
    assert len(ended) <= 3


async def test_a_write_that_fails_takes_nothing_along(sessions: SqliteSessions) -> None:
    """Those who share a transaction with a loser are committed; the loser alone hears of its loss."""
    was = await sessions.add(an_upload(0))
    stale = replace(was, offset=9)
    ended = await ended_transactions(sessions)
    calls = [sessions.add(an_upload(number)) for number in range(1, CALLERS)]
    losing = sessions.save(replace(stale, offset=10), was=stale)
    answers = await asyncio.gather(*calls[:20], losing, *calls[20:], return_exceptions=True)
    assert isinstance(answers[20], SessionConflict)
    assert len([answer for answer in answers if isinstance(answer, BaseException)]) == 1
    for number in range(1, CALLERS):
        assert await sessions.get(upload_id(number)) == an_upload(number)
    assert await sessions.get(was.id) == was
    assert "ROLLBACK" not in ended


async def test_what_a_failing_write_did_is_undone_alone(sessions: SqliteSessions) -> None:
    """A write that fails after it changed something has that undone; what the others did stays, and is done once."""

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE uploads SET offset = 7")
        raise LookupError

    added = [sessions.add(an_upload(number)) for number in range(CALLERS)]
    answers = await asyncio.gather(*added[:20], sessions._database.write(half), *added[20:], return_exceptions=True)
    assert [type(answer) for answer in answers if isinstance(answer, BaseException)] == [LookupError]
    for number in range(CALLERS):
        assert await sessions.get(upload_id(number)) == an_upload(number)


async def test_nobody_hears_of_success_before_the_commit(sessions: SqliteSessions, gate: Gate) -> None:
    """While the transaction that they share stands open, none of its writes has answered."""
    was = await sessions.add(an_upload(0))
    held = asyncio.create_task(sessions.save(replace(was, offset=1), was=was))
    await gate.is_reached()
    others = [asyncio.create_task(sessions.add(an_upload(number))) for number in range(1, CALLERS)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in (held, *others))
    gate.open()
    await asyncio.gather(held, *others)


async def test_a_commit_that_fails_is_told_to_all(sessions: SqliteSessions) -> None:
    """When the shared transaction cannot be committed, every write of it raises and none of them is stored."""
    await let_no_commit_through(sessions)
    answers = await asyncio.gather(*(sessions.add(an_upload(number)) for number in range(4)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageFailed] * 4
    assert await sessions.get(upload_id(0)) is None


async def test_closing_waits_for_what_was_asked(sessions: SqliteSessions) -> None:
    """Writes that were asked for before ``close`` are committed; those after it are refused."""
    calls = [asyncio.create_task(sessions.add(an_upload(number))) for number in range(CALLERS)]
    await asyncio.sleep(0)
    await sessions.close()
    assert len(await asyncio.gather(*calls)) == CALLERS
    with pytest.raises(StorageFailed):
        await sessions.add(an_upload(CALLERS))


async def test_a_write_that_raises_what_no_future_takes_fails_alone(sessions: SqliteSessions) -> None:
    """A StopIteration is told as an error, and neither those beside it nor later ones wait for ever."""
    adding = sessions.add(an_upload(1))
    failing = sessions._database.write(lambda _: next(iter(())))
    added, failed = await asyncio.gather(adding, failing, return_exceptions=True)
    assert added == an_upload(1)
    assert isinstance(failed, RuntimeError)
    assert await sessions.add(an_upload(2)) == an_upload(2)
