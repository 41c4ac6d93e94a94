"""What must not grow with the table: queries go through an index, and parts are not counted again."""

import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest

from tests.conformance.sessions.samples import BERT, NOW, SECOND, a_part, a_video, an_upload
from tusvideo.commands import Place, VideoFilter
from tusvideo.model import Part
from tusvideo.records import ALL
from tusvideo.sessions import sqlite_uploads as uploads
from tusvideo.sessions import sqlite_videos as videos
from tusvideo.sessions.rows import encode_upload, encode_video
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.video import VideoSort, VideoState

KEYS: dict[VideoSort, float | str] = {VideoSort.TITLE: "t", VideoSort.LONGEST: 1.5}
PLACES = {sort: Place(sort=sort, key=KEYS.get(sort, 1), video_id="v") for sort in VideoSort}
PLACE = {"id": "v", "owner": "anna", "profile": "p", "filename": "f", "created_at": 1, "limit": 1}


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (uploads.LOAD, ("u",)),
        (uploads.BY_CREATION_KEY, ("anna", "k")),
        (uploads.BY_CLIENT_KEY, ("anna", "k")),
        (uploads.DELETE, ("u",)),
        (uploads.DUE, (1, 1)),
        (uploads.TOMBSTONES, (1, 1)),
        (uploads.WITH_STATUS, ("open", "", 1)),
        (uploads.PUBLISHED, ("d", "f", "n")),
        (uploads.PARTS, ("u", 0)),
        (uploads.PART, ("u", 0)),
        (uploads.MOVE_PART, (0, "u", 0)),
        (uploads.PROGRESS, ("u",)),
        (uploads.GROW, (1, 1, 1, 1, "u")),
        (
            videos.UPDATE,
            {
                **PLACE,
                "title": "",
                "description": "",
                "updated_at": 1,
                "original_name": "",
                "title_key": "",
                "search": "",
                "duration_key": 1.0,
            },
        ),
        (videos.LOAD, PLACE),
        (videos.LOAD_OF, PLACE),
        (videos.DELETE, PLACE),
        (videos.DELETE_OF, PLACE),
    ],
)
async def test_every_statement_goes_through_an_index(
    sessions: SqliteSessions, statement: str, values: Sequence[object] | Mapping[str, object]
) -> None:
    """No statement walks through a table or sorts what it found, so its cost does not follow the number of rows."""
    plan = await sessions._database.read(
        lambda connection: connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    )
    steps = [row[3] for row in plan]
    assert steps
    assert all(step.startswith("SEARCH") for step in steps), steps


@pytest.mark.parametrize("sort", VideoSort)
async def test_every_list_goes_along_its_index(sessions: SqliteSessions, sort: VideoSort) -> None:
    """A page begins where the one before ended and nothing is sorted for it; to count all of them needs no record."""
    for after in (None, PLACES[sort]):
        (step,) = await _plan(sessions, *videos.list_statement(sort, wanted=ALL, after=after))
        assert step.startswith("SEARCH videos USING INDEX")
        assert ("?)" in step.partition("removal_at=? AND")[2]) == (after is not None), step
    (step,) = await _plan(sessions, *videos.count_statement(ALL))
    assert "COVERING INDEX" in step


@pytest.mark.parametrize("sort", VideoSort)
async def test_a_search_looks_at_one_index(sessions: SqliteSessions, sort: VideoSort) -> None:
    """However rare a word is, only the records that are shown are loaded."""
    wanted = VideoFilter(words=("a", "b"), profile="p", state=VideoState.READY)
    for statement in (
        videos.list_statement(sort, wanted=wanted, after=PLACES[sort]),
        videos.list_statement(sort, wanted=wanted, after=None),
        videos.count_statement(wanted),
    ):
        steps = [step for step in await _plan(sessions, *statement) if step.startswith("SEARCH")]
        assert steps[-1].startswith("SEARCH videos USING COVERING INDEX videos_search (owner=? AND removal_at=?"), steps
        assert all("USING" in step for step in steps)


async def test_a_file_elsewhere_is_found_along_one_index(sessions: SqliteSessions) -> None:
    """Each directory is one step, however many files lie in it."""
    values = ("anna", "a.mp4", "videos", "anna", "files")
    plan = await sessions._database.read(
        lambda connection: connection.execute(f"EXPLAIN QUERY PLAN {uploads.PUBLISHED_ELSEWHERE}", values).fetchall()
    )
    through = [row[3] for row in plan if "uploads" in row[3]]
    assert len(through) == 3, through
    assert all("SEARCH uploads USING" in step and "INDEX uploads_published" in step for step in through), through


@pytest.mark.parametrize("statement", [uploads.GOING, uploads.ENDED])
async def test_what_is_on_its_way_goes_along_its_index(sessions: SqliteSessions, statement: str) -> None:
    """From the newest one of the owner on; nothing is sorted."""
    (step,) = await _plan(sessions, statement, {"since": 1})
    assert step.startswith("SEARCH uploads USING INDEX")
    assert "(owner=?" in step


ASKED = {
    "list": lambda sessions: sessions.videos(BERT, limit=51),
    "page": lambda sessions: sessions.videos(BERT, limit=51, after=PLACES[VideoSort.NEWEST]),
    "by title": lambda sessions: sessions.videos(BERT, limit=51, sort=VideoSort.TITLE),
    "search": lambda sessions: sessions.videos(BERT, limit=51, wanted=VideoFilter(words=("sea",))),
    "count": lambda sessions: sessions.count_videos(BERT),
    "count found": lambda sessions: sessions.count_videos(BERT, wanted=VideoFilter(words=("sea",))),
    "uploads": lambda sessions: sessions.recent(BERT, since=NOW - SECOND, limit=51),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_what_others_have_costs_nobody_a_step(sessions: SqliteSessions, asked: str) -> None:
    """A list takes SQLite as many steps beside thousands of records and uploads of somebody else as without them."""
    for number in range(3):
        await sessions.put_video(a_video(number, owner=BERT, title="sea"))
        await sessions.add(an_upload(number, owner=BERT))
    alone = await _steps_of(sessions, ASKED[asked])
    assert alone > 0
    await sessions._database.write(partial(_multiply, table="videos", row=encode_video(a_video(9, title="sea"))))
    await sessions._database.write(partial(_multiply, table="uploads", row=encode_upload(an_upload(9))))
    assert await _steps_of(sessions, ASKED[asked]) <= alone + 2


def _multiply(connection: sqlite3.Connection, *, table: str, row: Mapping[str, object]) -> None:
    """Put a row into a table 3,000 times, under ids and names of their own."""
    fresh = {"id": "printf('%032x', n + 1000)", "filename": "n || '.mp4'", "created_at": ":created_at + n"}
    values = ", ".join(fresh.get(name, f":{name}") if row[name] is not None else f":{name}" for name in row)
    connection.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)"  # noqa: S608  # only names of columns
        f" INSERT INTO {table} ({', '.join(row)}) SELECT {values} FROM numbers",
        row,
    )


async def _steps_of(sessions: SqliteSessions, ask: Callable[[SqliteSessions], Awaitable[object]]) -> int:
    """Count the steps of SQLite's machine while something is listed, in tens."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    in_time = sessions._database._in_time

    def counted(
        connection: sqlite3.Connection, *, work: Callable[[sqlite3.Connection], object], until: float
    ) -> object:
        del until
        connection.set_progress_handler(tick, 10)
        try:
            return work(connection)
        finally:
            connection.set_progress_handler(None, 0)

    sessions._database._in_time = counted  # type: ignore[method-assign,assignment]  # the clock's place is for one handler
    try:
        await ask(sessions)
    finally:
        sessions._database._in_time = in_time  # type: ignore[method-assign]  # as it was
    return count


async def _plan(sessions: SqliteSessions, statement: str, values: Mapping[str, object]) -> list[str]:
    bound = {"owner": "anna", "limit": 1, **values}
    rows = await sessions._database.read(
        lambda connection: connection.execute(f"EXPLAIN QUERY PLAN {statement}", bound).fetchall()
    )
    return [row[3] for row in rows]


async def test_a_hundred_thousand_parts(sessions: SqliteSessions) -> None:
    """With 100,000 parts a list takes less than 2 s, a part costs what it costs without them, and removal works."""
    upload = await sessions.add(an_upload())
    rows = [(upload.id, index, 10, index * 10) for index in range(1, 100_000)]
    await sessions._database.write(lambda connection: connection.executemany(uploads.INSERT_PART, rows))
    grown = await sessions.add_part(upload.id, a_part(100_001), now=NOW, expires_at=NOW)
    assert (grown.next_part, grown.offset) == (0, 0)
    grown = await sessions.add_part(upload.id, a_part(0), now=NOW, expires_at=NOW)
    assert (grown.next_part, grown.offset) == (100_000, 1_000_000)
    began = time.perf_counter()
    parts = await sessions.parts(upload.id)
    assert time.perf_counter() - began < 2
    assert parts == (*(a_part(index) for index in range(100_000)), a_part(100_001))
    steps = await _steps_of_a_part(sessions, a_part(100_000))
    assert steps > 0
    small = await sessions.add(replace(an_upload(2)))
    assert steps <= 2 * await _steps_of_a_part(sessions, a_part(0), upload_id=small.id)
    await sessions.remove(upload.id)
    assert await sessions.parts(upload.id) == ()


async def _steps_of_a_part(sessions: SqliteSessions, part: Part, *, upload_id: str = an_upload().id) -> int:
    """Count the steps of SQLite's machine while a part is added, in tens."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    await sessions._database.write(lambda connection: connection.set_progress_handler(tick, 10))
    await sessions.add_part(an_upload(int(upload_id, 16)).id, part, now=NOW, expires_at=NOW)
    await sessions._database.write(lambda connection: connection.set_progress_handler(None, 10))
    return count
