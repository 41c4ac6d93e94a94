"""Every test of this folder runs over memory, and again over a real disk and a real SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.house import House
from tests.fakes.tables import new_table
from tusvideo.service import uploads
from tusvideo.sessions.memory import MemorySessions
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.stores.disk import DiskStore
from tusvideo.stores.memory import MemoryStore


@pytest.fixture(params=["memory", "disk"])
async def house(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """The services of a server with nothing stored."""
    # A disk may need longer than what a question waits for; here the answer must not depend on that.
    monkeypatch.setattr(uploads, "CHECKPOINT_WAIT_SECONDS", 10.0)
    if request.param == "memory":
        yield House(store=MemoryStore(), sessions=MemorySessions())
        return
    store = await DiskStore.open(tmp_path / "data", threads=4)
    sessions = await SqliteSessions.open(new_table(tmp_path / "sessions.db"))
    yield House(store=store, sessions=sessions)
    await sessions.close()
    await store.close()
