"""A session table in a file, another process that holds it, and a gate in the middle of a transaction."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from tests.fakes.tables import new_table
from tests.sessions.gate import Gate
from tests.sessions.table import OpenTable
from tusvideo.sessions.schema import migrate
from tusvideo.sessions.sqlite import SqliteSessions

LOCK_HOLDER = Path(__file__).with_name("lock_holder.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the session table lies, or will."""
    return tmp_path / "sessions.db"


@pytest.fixture
async def open_table() -> AsyncIterator[OpenTable]:
    """Opens session tables, and closes them also when a test failed: a thread left behind keeps pytest from ending."""
    async with AsyncExitStack() as stack:

        async def opened(path: Path, *, busy_seconds: float = 5.0) -> SqliteSessions:
            sessions = await SqliteSessions.open(path, busy_seconds=busy_seconds)
            stack.push_async_callback(sessions.close)
            return sessions

        yield opened


@pytest.fixture
async def sessions(path: Path, open_table: OpenTable) -> SqliteSessions:
    """An open session table; a call waits 100 ms for another process."""
    return await open_table(new_table(path), busy_seconds=0.1)


@pytest.fixture
def lock_holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the write lock until its standard input is closed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        migrate(connection)
    with subprocess.Popen(
        [sys.executable, LOCK_HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process


@pytest.fixture
async def gate(sessions: SqliteSessions) -> AsyncIterator[Gate]:
    """A gate before the first UPDATE of uploads: the transaction has begun, and goes on when the gate is opened."""
    made = Gate(threading.Event(), threading.Event())
    await sessions._database.write(lambda connection: connection.set_trace_callback(made.pass_through))
    yield made
    made.open()
