"""Two connections to one database file: one that writes, one that only reads.

SQLite before 3.51.3 can lose commits when two connections of a WAL database write and checkpoint, so only one does.
"""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

import aiosqlite

from tusvideo.errors import Busy, DiskFull, StorageFailed, TusvideoError
from tusvideo.sessions.schema import UnusableDatabaseError, migrate

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""Statements to be run one after the other on a connection's own thread; gives what they found."""

_WAL_BYTES: Final = 64 * 1024 * 1024
_PRIMARY: Final = 0xFF
"""An extended SQLite code holds the primary one in its low byte."""


class Database:
    """A SQLite file that keeps what it acknowledged, also through a power cut.

    A write is one function that runs from BEGIN to COMMIT in one go on the writing connection's thread. So two tasks
    never share a transaction, a cancelled one never leaves half of it, and the way to the thread is paid once.
    """

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._is_open = True

    @classmethod
    async def open(cls, path: Path, *, busy_seconds: float) -> Self:
        """Open a database file, made (0600) when it is not there, and bring its tables up to date.

        ``busy_seconds`` is how long any call waits while another process holds the file. Raises Busy, DiskFull, and
        StorageFailed with a sentence for the operator; nothing stays open then.
        """
        try:
            await asyncio.to_thread(_make_durable, path)
            writer = await aiosqlite.connect(path, timeout=busy_seconds, isolation_level=None)
        except (sqlite3.Error, OSError) as exc:
            raise _unusable(path, exc) from exc
        try:
            await _run(writer, _prepare)
            reader = await aiosqlite.connect(_read_only(path), uri=True, timeout=busy_seconds, isolation_level=None)
        except BaseException as exc:
            await writer.close()
            if isinstance(exc, sqlite3.Error):
                raise _unusable(path, exc) from exc
            raise
        return cls(writer, reader)

    async def write(self, work: Work[T]) -> T:
        """Run a transaction; what it did is durable when the call returns, and nothing is done when it raises.

        A caller that is cancelled is held until the transaction has ended: it is then committed or rolled back, and
        whoever loads the row next sees which. Raises Busy, DiskFull, StorageFailed, and whatever ``work`` raises.
        """
        return await _to_its_end(self._guarded(self._writer, partial(_transaction, work=work)))

    async def read(self, work: Work[T]) -> T:
        """Run a query on what was committed before the call; never waits for a write. Raises as ``write``."""
        return await self._guarded(self._reader, work)

    async def close(self) -> None:
        """Finish the transactions that wait, move the log into the file, and let go of it. Safe to repeat."""
        self._is_open = False
        await _to_its_end(self._close())

    async def _close(self) -> None:
        # The writer goes last: the last connection removes the log, and a reader may not.
        try:
            await self._reader.close()
        finally:
            await self._writer.close()

    async def _guarded(self, connection: aiosqlite.Connection, work: Work[T]) -> T:
        if not self._is_open:
            raise StorageFailed
        try:
            return await _run(connection, work)
        except sqlite3.Error as exc:
            raise _translated(exc) from exc


async def _run(connection: aiosqlite.Connection, work: Work[T]) -> T:
    # aiosqlite offers a way to its thread for single statements only. One way per statement took twice the time of
    # the whole transaction and let statements of other tasks slip in between.
    result: T = await connection._execute(work, connection._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001
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


def _transaction(connection: sqlite3.Connection, *, work: Work[T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # After a full disk or a failed write SQLite has rolled back already.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
    return result


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
    migrate(connection)


def _translated(exc: sqlite3.Error) -> TusvideoError:
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy()
    if code == sqlite3.SQLITE_FULL:
        return DiskFull()
    return StorageFailed()


def _unusable(path: Path, exc: sqlite3.Error | OSError) -> TusvideoError:
    error = _translated(exc) if isinstance(exc, sqlite3.Error) else StorageFailed()
    if isinstance(error, StorageFailed):
        # Said at start-up to the operator, who can act on the cause, where a request is told to come again later.
        error.args = (f"the session table {path.name} cannot be opened: {exc}",)
    return error
