"""Three connections to one database file: one that writes, one that only reads, one that reads lists.

SQLite before 3.51.3 can lose commits when two connections of a WAL database write and checkpoint, so only one does.
"""

import asyncio
import errno
import os
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeVar, cast

import aiosqlite

from tusvideo.errors import Busy, DiskFull, StorageFailed, TookTooLong, TusvideoError
from tusvideo.outcome import Outcome
from tusvideo.sessions.schema import UnusableDatabaseError, migrate, require_columns
from tusvideo.sessions.thread import ConnectionThread, Work
from tusvideo.sessions.turns import Turns

T = TypeVar("T")

LIST_SECONDS: Final = 5.0
"""So long a list may take from the call on, most of which it may have waited for other lists."""
_WAL_BYTES: Final = 64 * 1024 * 1024
_READ_CACHE_KIB: Final = 16 * 1024
"""So much of a table stays at hand for queries: a search looks at all records of somebody."""
_STEPS: Final = 5_000
"""So many steps SQLite takes in a list before it looks at the clock again: some hundredths of a second at most."""
_MOST_TOGETHER: Final = 500
"""Writes that share a transaction, at most: so many hold up the one behind them for a few milliseconds."""
_FORBIDDEN: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})
"""What SQLite says when it may not use a file, or when that is none; once there is one, or a folder to make it in."""
_PRIMARY: Final = 0xFF
"""An extended SQLite code holds the primary one in its low byte."""


class _Job(Generic[T]):
    """A write that waits for its turn, what came of it, and where its caller hears of that."""

    def __init__(self, work: Work[T], *, first: Callable[[], None] | None) -> None:
        self._work = work
        self._first = first
        self._result: T | None = None
        self.error: BaseException | None = None
        self.told: Outcome[T] = Outcome(loop=asyncio.get_running_loop())

    def prepare(self) -> bool:
        """Do what has to come first, on the connection's thread, once; False when it raised, and the work is not to be
        done."""
        if self._first is not None:
            try:
                self._first()
            except BaseException as exc:  # noqa: BLE001 - as below
                self.error = exc
        return self.error is None

    def attempt(self, connection: sqlite3.Connection) -> None:
        """Do the work, on the connection's thread; an error is kept for the one who asked for it. Safe to repeat."""
        self.error = None
        try:
            self._result = self._work(connection)
        except BaseException as exc:  # noqa: BLE001 - whatever it is, it is not ours to judge
            self.error = exc

    def tell(self) -> None:
        """Tell the caller, in the event loop."""
        if self.error is None:
            self.told.set_result(cast("T", self._result))
            return
        failed = _translated(self.error) if isinstance(self.error, sqlite3.Error) else self.error
        if failed is not self.error:
            failed.__cause__ = self.error
        self.told.set_exception(failed)


class Database:
    """A SQLite file that keeps what it acknowledged, also through a power cut.

    A write is one function that runs in one go on the writing connection's thread, and nothing is acknowledged before
    its COMMIT. Writes that come while one is being committed share the next transaction, and with it one sync of the
    disk; one that fails takes nothing of the others along.
    """

    def __init__(self, writer: ConnectionThread, reader: aiosqlite.Connection, lister: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._lister = lister
        self._turns = Turns()
        self._is_open = True
        self._jobs: deque[_Job[Any]] = deque()
        self._is_committing = False
        self._all_committed: Outcome[None] | None = None

    @classmethod
    async def open(cls, path: Path, *, busy_seconds: float) -> Self:
        """Open a database file, made (0600) when it is not there, and bring its tables up to date.

        ``busy_seconds`` is how long any call waits while another process holds the file. Raises Busy, DiskFull, and
        StorageFailed with a sentence for the operator; nothing stays open then.
        """
        try:
            await asyncio.to_thread(_make_durable, path)
            writer = await ConnectionThread.open(
                partial(sqlite3.connect, path, timeout=busy_seconds, isolation_level=None)
            )
        except (sqlite3.Error, OSError) as exc:
            raise _unusable(path, exc) from exc
        try:
            await writer.run(_prepare)
            reader = await _connect_reader(path, busy_seconds=busy_seconds)
            try:
                lister = await _connect_reader(path, busy_seconds=busy_seconds)
            except BaseException:
                await reader.close()
                raise
        except BaseException as exc:
            await writer.close()
            if isinstance(exc, sqlite3.Error):
                raise _unusable(path, exc) from exc
            raise
        return cls(writer, reader, lister)

    @property
    def is_open(self) -> bool:
        """False once ``close`` was called."""
        return self._is_open

    async def write(self, work: Work[T], *, first: Callable[[], None] | None = None) -> T:
        """Run a transaction; what it did is durable when the call returns, and nothing is done when it raises.

        What has to come ``first`` is called before the transaction on the same thread; if it raises, so does this.

        A caller that is cancelled is held until the transaction has ended: it is then committed or rolled back, and
        whoever loads the row next sees which. Raises Busy, DiskFull, StorageFailed, and whatever ``work`` raises.
        """
        if not self._is_open:
            raise StorageFailed
        job = _Job(work, first=first)
        self._jobs.append(job)
        if not self._is_committing:
            self._is_committing = True
            if first is None:
                # At the end of this turn of the loop: others may ask in it, too.
                asyncio.get_running_loop().call_soon(self._commit)
            else:
                self._commit()  # others wait for what comes first in any case
        return await job.told

    async def read(self, work: Work[T]) -> T:
        """Run a query on what was committed before the call; never waits for a write. Raises as ``write``.

        Uploads wait for it, so it is one that goes straight to a few rows.
        """
        return await self._ask(self._reader, work)

    async def list(self, work: Work[T], *, user: str) -> T:
        """Run a query that may have a long way to go; those of ``read`` and ``write`` never wait for it, and those of
        one user wait for one of each other user at most.

        Raises TookTooLong when it has not ended after ``LIST_SECONDS``; otherwise as ``read``.
        """
        until = time.monotonic() + LIST_SECONDS
        async with self._turns.turn(user):
            return await self._ask(self._lister, partial(self._in_time, work=work, until=until))

    async def _ask(self, connection: aiosqlite.Connection, work: Work[T]) -> T:
        if not self._is_open:
            raise StorageFailed
        try:
            return await _run(connection, work)
        except sqlite3.Error as exc:
            raise _translated(exc) from exc

    def _in_time(self, connection: sqlite3.Connection, *, work: Work[T], until: float) -> T:
        """Do the work, on the connection's thread, until it is done or nobody waits for it any more."""

        def is_over() -> bool:
            return not self._is_open or time.monotonic() >= until

        if is_over():
            raise TookTooLong
        connection.set_progress_handler(is_over, _STEPS)
        try:
            return work(connection)
        finally:
            connection.set_progress_handler(None, 0)

    async def close(self) -> None:
        """Finish the transactions that wait, move the log into the file, and let go of it. Safe to repeat."""
        self._is_open = False
        await _to_its_end(self._close())

    async def _close(self) -> None:
        if self._is_committing:
            self._all_committed = self._all_committed or Outcome(loop=asyncio.get_running_loop())
            await self._all_committed
        # The writer goes last: the last connection removes the log, and a reader may not.
        try:
            for connection in (self._lister, self._reader):
                await connection.close()
        finally:
            await self._writer.close()

    def _commit(self) -> None:
        """Begin to commit what waits, as much of it at once as there is."""
        jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), _MOST_TOGETHER))]
        self._writer.begin(partial(_transaction, jobs=jobs), partial(self._committed, jobs))

    def _committed(self, jobs: Sequence[_Job[Any]], _: None, error: BaseException | None) -> None:
        """Tell the callers, and go on with what was asked for meanwhile."""
        for job in jobs:
            job.error = job.error or error
            job.tell()
        if self._jobs:
            self._commit()
            return
        self._is_committing = False
        if self._all_committed is not None:
            self._all_committed.set_result(None)


async def _connect_reader(path: Path, *, busy_seconds: float) -> aiosqlite.Connection:
    reader = await aiosqlite.connect(_read_only(path), uri=True, timeout=busy_seconds, isolation_level=None)
    try:
        await _run(reader, _enlarge)
    except BaseException:
        await reader.close()
        raise
    return reader


async def _run(connection: aiosqlite.Connection, work: Work[T]) -> T:
    # aiosqlite offers a way to its thread for single statements only. One way per statement took twice the time of
    # the whole transaction and let statements of other tasks slip in between.
    result: T = await connection._execute(work, connection._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001  # its way to its own thread
    return result


async def _to_its_end(work: Awaitable[T]) -> T:
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen, or the loop would report it as lost; the caller is told of the cancellation
        raise


def _transaction(connection: sqlite3.Connection, *, jobs: Sequence[_Job[Any]]) -> None:
    """Do jobs in one transaction. Raises when none of them was committed."""
    jobs = [job for job in jobs if job.prepare()]
    if not jobs:
        return
    if not _commit(connection, jobs, do=_do_together) and len(jobs) > 1:
        _commit(connection, jobs, do=_do_apart)


def _commit(
    connection: sqlite3.Connection, jobs: Sequence[_Job[Any]], *, do: Callable[[sqlite3.Connection, _Job[Any]], bool]
) -> bool:
    """Do jobs one after the other and commit them; False, and nothing is done, when one of them says so."""
    connection.execute("BEGIN IMMEDIATE")
    is_done = False
    try:
        is_done = all(do(connection, job) for job in jobs)
        if is_done:
            connection.execute("COMMIT")
    finally:
        # After a full disk or a failed write SQLite has rolled back already.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
    return is_done


def _do_together(connection: sqlite3.Connection, job: _Job[Any]) -> bool:
    """Do one job without a savepoint, which most never need; False when it failed and left something to be undone."""
    before = connection.total_changes
    job.attempt(connection)
    return job.error is None or (connection.in_transaction and connection.total_changes == before)


def _do_apart(connection: sqlite3.Connection, job: _Job[Any]) -> bool:
    """Do one job so that its failure undoes nothing of the others."""
    connection.execute("SAVEPOINT job")
    job.attempt(connection)
    if job.error is not None:
        if not connection.in_transaction:
            # SQLite gave up the whole transaction, and with it what the jobs before this one did.
            raise job.error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return True


def _make_durable(path: Path) -> None:
    """Make the file, for us alone, unless it is there; and make its name survive a power cut in either case.

    The file that SQLite will open is never opened here when it exists: closing it would drop SQLite's locks.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def version_at(path: Path) -> int:
    """Tell how many migrations a database file has seen, without writing to it.

    Raises StorageFailed with a sentence for the operator when that cannot be read.
    """
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as exc:
        raise _unusable(path, exc) from exc
    return int(version)


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


def _prepare(connection: sqlite3.Connection) -> None:
    # Before the first page of a new file is written, and before any transaction.
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        sentence = f"its file system cannot share memory (journal mode '{mode}', expected 'wal'); use a local disk"
        raise UnusableDatabaseError(sentence)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    connection.execute("PRAGMA foreign_keys = ON")
    require_columns(connection)
    migrate(connection)


def _enlarge(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA cache_size = -{_READ_CACHE_KIB}")


def _translated(exc: sqlite3.Error) -> TusvideoError:
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy()
    if code == sqlite3.SQLITE_FULL:
        return DiskFull()
    if code == sqlite3.SQLITE_INTERRUPT:
        return TookTooLong()
    return StorageFailed()


def _unusable(path: Path, exc: sqlite3.Error | OSError) -> TusvideoError:
    error = _translated(exc) if isinstance(exc, sqlite3.Error) else StorageFailed()
    if isinstance(error, StorageFailed):
        # Said at start-up to the operator, who can act on the cause, where a request is told to come again later.
        error.args = (f"the session table {path.name} cannot be opened: {exc}{_what_to_do(path, exc)}",)
    return error


def _what_to_do(path: Path, exc: sqlite3.Error | OSError) -> str:
    """Give the way out for what SQLite and the system only name; our own sentences have theirs."""
    if isinstance(exc, UnusableDatabaseError):
        return ""
    if isinstance(exc, OSError):
        code, is_forbidden = sqlite3.SQLITE_IOERR, exc.errno in {errno.EACCES, errno.EPERM}
    else:
        code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
        is_forbidden = code in _FORBIDDEN
    if is_forbidden:
        return f"; {path} must be a file, and it and its folder for the user who runs tusvideo to read and write"
    # With the log of the damaged one beside it a copy would be damaged, too.
    restore = f"move {path} and its -wal away, then put a copy made earlier in its place"
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}:
        return f"; {restore}"
    if code == sqlite3.SQLITE_NOTADB:
        return f"; if another file was meant, name that (database in [storage]); else {restore}"
    return f"; see to the disk and the folder of {path}, then start again"
