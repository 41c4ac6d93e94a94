"""A session table in a file, another process that holds it, and a gate in the middle of a transaction."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sessions.gate import Gate
from tusvideo.sessions.schema import migrate
from tusvideo.sessions.sqlite import SqliteSessions

LOCK_HOLDER = Path(__file__).with_name("lock_holder.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the session table lies, or will."""
    return tmp_path / "sessions.db"


@pytest.fixture
async def sessions(path: Path) -> AsyncIterator[SqliteSessions]:
    """An open session table; a call waits 100 ms for another process."""
    opened = await SqliteSessions.open(path, busy_seconds=0.1)
    yield opened
    await opened.close()


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
