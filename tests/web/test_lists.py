"""Searches over a real socket and a real session table: none keeps an upload waiting, none is waited for for ever."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.conftest import BYTES, TUS, Start
from tusvideo.sessions import database, sqlite_videos
from tusvideo.sessions.sqlite import SqliteSessions

SEARCH = "GET /api/videos?q=sea HTTP/1.1"


@contextlib.asynccontextmanager
async def table(path: Path) -> AsyncIterator[SqliteSessions]:
    """Open a session table."""
    sessions = await SqliteSessions.open(path)
    try:
        yield sessions
    finally:
        await sessions.close()


async def test_an_upload_does_not_wait_for_searches(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While twenty searches are held up, uploads are made, asked for, fed, published and fetched."""
    reached, opened = threading.Event(), threading.Event()

    def hold(*_: object, **__: object) -> tuple[()]:
        reached.set()
        assert opened.wait(30)
        return ()

    monkeypatch.setattr(sqlite_videos, "list_videos", hold)
    async with table(tmp_path / "sessions.db") as sessions:
        served = await start(sessions=sessions)
        searches = [asyncio.create_task(served.ask(SEARCH)) for _ in range(20)]
        try:
            assert await asyncio.to_thread(reached.wait, 30)
            path = await served.create(5)
            sessions._rows._rows.clear()  # or they would be found in memory
            assert await served.offset(path) == 0
            fields = (TUS, BYTES, "Upload-Offset: 0", "Content-Length: 5")
            assert (await served.ask(f"PATCH {path} HTTP/1.1", *fields, body=b"hello")).status == 204
            assert (await served.ask(f"GET {path} HTTP/1.1")).body == b"hello"
            assert not any(search.done() for search in searches)
        finally:
            opened.set()
        for search in await asyncio.gather(*searches):
            assert (search.status, search.json.get("code")) in {(200, None), (503, "took_too_long")}
        await served.stop()


async def test_a_search_that_takes_too_long_is_refused(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a code, a sentence and a time to come back; nothing is wrong with the server."""
    monkeypatch.setattr(database, "LIST_SECONDS", 0)
    async with table(tmp_path / "sessions.db") as sessions:
        served = await start(sessions=sessions)
        for question in (SEARCH, "GET /api/videos HTTP/1.1", "GET /api/uploads HTTP/1.1"):
            answer = await served.ask(question)
            assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "took_too_long", "5")
            assert "fewer words" in answer.json["detail"]
        await served.create(5)
        await served.stop()
