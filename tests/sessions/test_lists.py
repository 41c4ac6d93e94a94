"""Lists have a connection of their own: however long one takes, no upload waits for it, and it is given up in time."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable

import pytest

from tests.conformance.sessions.samples import ANNA, BERT, a_video, an_upload, upload_id
from tusvideo.commands import VideoFilter
from tusvideo.errors import StorageFailed, TookTooLong
from tusvideo.model import UserId
from tusvideo.sessions import database
from tusvideo.sessions.sqlite import SqliteSessions

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


Look = Callable[[SqliteSessions, UserId], Awaitable[object]]
LOOKS: tuple[Look, ...] = (
    lambda sessions, user: sessions.videos(user, limit=9),
    lambda sessions, user: sessions.count_videos(user),
    lambda sessions, user: sessions.recent(user, since=a_video().created_at, limit=9),
    lambda sessions, user: sessions.present([upload_id(1)], owner=user),
)


class Held:
    """Stops the thread of the lists before it does anything."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: object) -> None:
        """Wait; runs on that thread."""
        self.reached.set()
        assert self.opened.wait(30)


async def test_nothing_waits_for_a_list(sessions: SqliteSessions) -> None:
    """Rows and records are read and written while a list takes its time."""
    await sessions.put_video(a_video())
    held = Held()
    await sessions._database._lister.set_trace_callback(held)
    lists = [
        asyncio.create_task(sessions.videos(ANNA, wanted=VideoFilter(words=("sea",)), limit=9)),
        asyncio.create_task(sessions.count_videos(ANNA)),
        asyncio.create_task(sessions.recent(ANNA, since=a_video().created_at, limit=9)),
    ]
    try:
        assert await asyncio.to_thread(held.reached.wait, 30)
        upload = await sessions.add(an_upload())
        assert await sessions.several([upload.id]) == {upload.id: upload}
        assert await sessions.video(ANNA, a_video().id) == a_video()
        assert [each.done() for each in lists] == [False] * 3
    finally:
        held.opened.set()
    _, count, recent = await asyncio.gather(*lists)
    assert (count, recent) == (1, (upload,))


@pytest.mark.parametrize("look", LOOKS, ids=["videos", "count_videos", "recent", "present"])
async def test_users_take_turns(sessions: SqliteSessions, look: Look) -> None:
    """Who asks for many lists at once, or follows much that happens, waits behind everybody who asks for one."""
    held, ended = Held(), list[str]()
    await sessions._database._lister.set_trace_callback(held)

    async def ask(user: UserId, number: int) -> None:
        await look(sessions, user)
        ended.append(f"{user} {number}")

    first = asyncio.create_task(ask(ANNA, 0))
    try:
        assert await asyncio.to_thread(held.reached.wait, 30)
        lists = [asyncio.create_task(ask(ANNA, number)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        lists += [asyncio.create_task(ask(BERT, number)) for number in (1, 2)]
        lists.append(given_up := asyncio.create_task(ask(UserId("cleo"), 1)))
        await asyncio.sleep(0)
        given_up.cancel()
    finally:
        held.opened.set()
    await asyncio.gather(first, *lists, return_exceptions=True)
    assert ended == ["anna 0", "anna 1", "bert 1", "anna 2", "bert 2", "anna 3"]
    assert await sessions.count_videos(BERT) == 0


async def test_a_list_that_does_not_end_is_given_up(sessions: SqliteSessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked is told so, and the next list is answered."""
    monkeypatch.setattr(database, "LIST_SECONDS", 0.01)
    with pytest.raises(TookTooLong) as failure:
        await sessions._database.list(lambda connection: connection.execute(ENDLESS).fetchall(), user=ANNA)
    assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
    monkeypatch.setattr(database, "LIST_SECONDS", 30)
    assert await sessions.count_videos(ANNA) == 0


async def test_a_list_that_waited_too_long_is_not_begun(
    sessions: SqliteSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a server with more questions than it can answer would answer none in time."""
    monkeypatch.setattr(database, "LIST_SECONDS", 0)
    begun: list[sqlite3.Connection] = []
    with pytest.raises(TookTooLong):
        await sessions._database.list(begun.append, user=ANNA)
    assert not begun


async def test_a_server_that_stops_waits_for_no_list(sessions: SqliteSessions) -> None:
    """A list that is being put together is given up when the table is closed."""
    begun = threading.Event()

    def ask(connection: sqlite3.Connection) -> None:
        begun.set()
        connection.execute(ENDLESS).fetchall()

    asked = asyncio.create_task(sessions._database.list(ask, user=ANNA))
    assert await asyncio.to_thread(begun.wait, 30)
    await sessions.close()
    with pytest.raises(TookTooLong):
        await asked
    with pytest.raises(StorageFailed):
        await sessions.count_videos(ANNA)
