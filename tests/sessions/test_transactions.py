"""Transactions of the SQLite adapter: cancelled in the middle, beside other processes, and on a full disk."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest

from tests.conformance.sessions.samples import ANNA, NOW, a_part, a_video, an_upload, upload_id
from tests.sessions.gate import Gate
from tests.sessions.table import OpenTable
from tusvideo.errors import Busy, DiskFull, StorageFailed
from tusvideo.model import Status
from tusvideo.sessions.sqlite import SqliteSessions


class TestCancelling:
    @pytest.mark.parametrize("turns", range(8))
    async def test_a_cancelled_call_is_done_or_not_done(self, sessions: SqliteSessions, turns: int) -> None:
        """Wherever the cancellation meets a call, row and record are both stored or both not; the next call works."""
        was = await sessions.add(an_upload(status=Status.FINALIZING))
        done = replace(was, status=Status.COMPLETE)
        call = asyncio.create_task(sessions.complete(done, was=was, video=a_video()))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        row = await sessions.get(was.id)
        assert row is not None
        assert (row, await sessions.video(ANNA, a_video().id)) in [(was, None), (done, a_video())]
        await sessions.save(replace(row, title="after"), was=row)
        assert await sessions.get(was.id) == replace(row, title="after")

    async def test_a_cancelled_call_ends_with_its_transaction(self, sessions: SqliteSessions, gate: Gate) -> None:
        """A call cancelled in mid-transaction, even twice, ends when the transaction has, and that is committed."""
        was = await sessions.add(an_upload())
        call = asyncio.create_task(sessions.save(replace(was, offset=5), was=was))
        await gate.is_reached()
        for _ in range(2):
            call.cancel()
            await asyncio.sleep(0)
        assert not call.done()
        assert await sessions.get(was.id) == was
        gate.open()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await sessions.get(was.id) == replace(was, offset=5)

    async def test_a_cancelled_call_that_fails_leaves_nothing(self, sessions: SqliteSessions, gate: Gate) -> None:
        """A call that is cancelled and then loses its compare-and-set ends as cancelled; nothing is stored."""
        was = await sessions.add(an_upload())
        stale = replace(was, offset=4)
        call = asyncio.create_task(sessions.complete(replace(stale, offset=5), was=stale, video=a_video()))
        await gate.is_reached()
        call.cancel()
        gate.open()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await sessions.get(was.id) == was
        assert await sessions.video(ANNA, a_video().id) is None

    async def test_queries_do_not_wait_for_a_transaction(self, sessions: SqliteSessions, gate: Gate) -> None:
        """While a transaction runs, a query answers with what was committed before it."""
        was = await sessions.add(an_upload())
        call = asyncio.create_task(sessions.save(replace(was, offset=5), was=was))
        await gate.is_reached()
        assert await sessions.get(was.id) == was
        await sessions.check()
        gate.open()
        await call
        assert await sessions.get(was.id) == replace(was, offset=5)

    async def test_close_waits_for_what_was_begun(
        self, sessions: SqliteSessions, gate: Gate, path: Path, open_table: OpenTable
    ) -> None:
        """A transaction that runs while the table is closed is stored and tells so."""
        was = await sessions.add(an_upload())
        call = asyncio.create_task(sessions.save(replace(was, offset=5), was=was))
        await gate.is_reached()
        closing_call = asyncio.create_task(sessions.close())
        await asyncio.sleep(0)
        gate.open()
        await closing_call
        await call
        again = await open_table(path)
        assert await again.get(was.id) == replace(was, offset=5)
        await again.close()

    @pytest.mark.parametrize("turns", [0, 1, 2, 4, 8, 16, 32, 64])
    async def test_opening_may_be_cancelled(self, path: Path, turns: int, open_table: OpenTable) -> None:
        """Wherever the cancellation meets the opening, no connection stays behind and the file can be opened."""
        opening = asyncio.create_task(SqliteSessions.open(path))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await (await opening).close()
        again = await open_table(path, busy_seconds=0)
        await again.close()
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("turns", range(5))
    async def test_every_task_may_be_cancelled(self, sessions: SqliteSessions, turns: int) -> None:
        """When a program ends and all tasks are cancelled, the committing one too, no call is left waiting for it."""
        before = asyncio.all_tasks()
        calls = []
        for number in range(4):
            calls.append(asyncio.create_task(sessions.add(an_upload(number))))
            for _ in range(turns):
                await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        later = await sessions.add(an_upload(9))
        stored = await sessions.with_status(Status.OPEN, after=None, limit=99)
        assert {later.id, *(call.result().id for call in calls if not call.cancelled())} <= {row.id for row in stored}

    async def test_the_end_of_the_loop_ends_no_transaction(self, path: Path, open_table: OpenTable) -> None:
        """When every task is cancelled at once, as at the end of a program, rows are whole and the file is usable."""

        async def program() -> None:
            sessions = await SqliteSessions.open(path)
            await sessions.add(an_upload())
            tasks = [asyncio.create_task(sessions.add(an_upload(number))) for number in range(2, 40)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await sessions.close()

        await asyncio.to_thread(asyncio.run, program())
        again = await open_table(path)
        assert len(await again.with_status(Status.OPEN, after=None, limit=99)) == 39
        await again.close()


class TestOtherProcesses:
    async def test_a_file_that_is_held_too_long_is_busy(
        self, sessions: SqliteSessions, lock_holder: Popen[str]
    ) -> None:
        """While another process holds the write lock a write raises Busy, and is done when it is tried again later."""
        with pytest.raises(Busy):
            await sessions.add(an_upload())
        assert await sessions.get(upload_id(1)) is None
        lock_holder.communicate()
        assert await sessions.add(an_upload()) == an_upload()

    async def test_queries_answer_while_the_file_is_held(
        self, sessions: SqliteSessions, lock_holder: Popen[str]
    ) -> None:
        """Another process that writes does not keep queries waiting."""
        assert await sessions.get(upload_id(1)) is None
        await sessions.check()

    async def test_a_held_file_that_is_let_go_in_time_is_not_busy(
        self, path: Path, lock_holder: Popen[str], open_table: OpenTable
    ) -> None:
        """Opening waits for the other process as long as it was told to, and then works."""
        opening = asyncio.create_task(open_table(path, busy_seconds=30))
        await asyncio.sleep(0)
        await asyncio.to_thread(lock_holder.communicate)
        sessions = await opening
        assert await sessions.add(an_upload()) == an_upload()
        await sessions.close()


class TestFailures:
    async def test_a_full_disk_stores_nothing(self, sessions: SqliteSessions) -> None:
        """Without room a write raises DiskFull, nothing of it is stored, and there is no harm done."""
        first = await sessions.add(an_upload(1))
        (pages,) = await sessions._database.write(lambda c: c.execute("PRAGMA page_count").fetchone())
        await sessions._database.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        large = an_upload(2, metadata="x" * 60_000)
        with pytest.raises(DiskFull) as failure:
            await sessions.add(large)
        assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
        assert await sessions.get(large.id) is None
        await sessions.save(replace(first, offset=1), was=first)
        await sessions._database.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 100}").fetchall())
        assert await sessions.add(large) == large

    async def test_a_database_that_fails_says_storage_failed(self, sessions: SqliteSessions, path: Path) -> None:
        """A table that is gone makes writes, queries and the check raise StorageFailed, each with its cause."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE uploads")
        for call in (sessions.add(an_upload()), sessions.get(upload_id(1)), sessions.check()):
            with pytest.raises(StorageFailed) as failure:
                await call
            assert isinstance(failure.value.__cause__, sqlite3.OperationalError)

    async def test_an_error_undoes_the_whole_transaction(self, sessions: SqliteSessions) -> None:
        """When the last statement of a transaction fails, the first one is undone, and the next transaction works."""
        was = await sessions.add(an_upload(status=Status.FINALIZING))
        with pytest.raises(StorageFailed):
            await sessions.complete(replace(was, status=Status.COMPLETE), was=was, video=a_video(size=-1))
        assert await sessions.get(was.id) == was
        await sessions.save(replace(was, title="after"), was=was)

    async def test_a_commit_that_fails_is_undone(self, sessions: SqliteSessions) -> None:
        """When COMMIT itself fails, nothing is stored, and the next write begins with nothing left over."""

        def deny(action: int, name: str | None, *_: object) -> int:
            is_commit = action == sqlite3.SQLITE_TRANSACTION and name == "COMMIT"
            return sqlite3.SQLITE_DENY if is_commit else sqlite3.SQLITE_OK

        writer = sessions._database._writer
        await writer.run(lambda connection: connection.set_authorizer(deny))
        with pytest.raises(StorageFailed):
            await sessions.add(an_upload())
        await writer.run(lambda connection: connection.set_authorizer(None))
        assert await sessions.add(an_upload(2)) == an_upload(2)
        assert await sessions.get(upload_id(1)) is None

    async def test_what_cannot_be_stored_undoes_the_transaction(self, sessions: SqliteSessions) -> None:
        """A value that SQLite has no room for raises before anything is stored, and the connection stays usable."""
        with pytest.raises(OverflowError):
            await sessions.add(an_upload(length=2**63))
        assert await sessions.add(an_upload()) == an_upload()
        assert (await sessions.add_part(upload_id(1), a_part(0), now=NOW, expires_at=NOW)).offset == 10
