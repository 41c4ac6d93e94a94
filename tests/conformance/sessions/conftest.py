"""Every adapter of the session table, one after the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.sessions.samples import Sessions
from tests.fakes.tables import new_table
from tusvideo.sessions.memory import MemorySessions
from tusvideo.sessions.sqlite import SqliteSessions


@pytest.fixture(params=["memory", "sqlite"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sessions]:
    """An empty session table."""
    if request.param == "memory":
        yield MemorySessions()
        return
    opened = await SqliteSessions.open(new_table(tmp_path / "sessions.db"))
    yield opened
    await opened.close()
