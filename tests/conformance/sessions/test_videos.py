"""VideoRepository: the records that people see."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.sessions.samples import ANNA, BERT, NOW, SECOND, Sessions, a_video


async def test_a_new_record_is_stored_as_it_was(sessions: Sessions) -> None:
    """A record for a file without one is added, and loaded again as it was."""
    video = a_video(title="Käse 🎬", description="two\nlines", size=7_000_000_000_000)
    assert await sessions.put_video(video) == (video, True)
    assert await sessions.video(ANNA, video.id) == video


async def test_a_file_has_one_record(sessions: Sessions) -> None:
    """A second record for a file updates title, description and updated_at of the first; the rest stays."""
    await sessions.put_video(a_video(1, filename="a.mp4"))
    again = a_video(
        2,
        filename="a.mp4",
        title="New",
        description="text",
        size=99,
        content_type="video/webm",
        created_at=NOW + SECOND,
        updated_at=NOW + SECOND,
    )
    expected = a_video(1, filename="a.mp4", title="New", description="text", updated_at=NOW + SECOND)
    assert await sessions.put_video(again) == (expected, False)
    assert await sessions.videos(ANNA, before=None, limit=9) == (expected,)


async def test_a_record_may_be_put_again(sessions: Sessions) -> None:
    """Putting the stored record with another title is an update."""
    await sessions.put_video(a_video())
    assert await sessions.put_video(a_video(title="Other")) == (a_video(title="Other"), False)


@pytest.mark.parametrize("facts", [{"owner": BERT}, {"profile": "other"}, {"filename": "b.mp4"}], ids=str)
async def test_owner_profile_and_filename_make_the_file(sessions: Sessions, facts: dict[str, Any]) -> None:
    """Another owner, profile or file name is another file, with a record of its own."""
    await sessions.put_video(a_video(1, filename="a.mp4"))
    _, is_new = await sessions.put_video(a_video(2, **{"filename": "a.mp4", **facts}))
    assert is_new


async def test_of_records_put_at_once_one_is_new(sessions: Sessions) -> None:
    """Eight records for one file at once: one is added, seven update it."""
    stored = await asyncio.gather(*(sessions.put_video(a_video(n, filename="a.mp4")) for n in range(8)))
    assert sum(is_new for _, is_new in stored) == 1
    assert len({video.id for video, _ in stored}) == 1


async def test_times_are_cut_to_milliseconds(sessions: Sessions) -> None:
    """A time finer than a millisecond is cut off in what put_video gives and in what is loaded."""
    fine = NOW + timedelta(microseconds=999)
    stored, _ = await sessions.put_video(a_video(created_at=fine, updated_at=fine))
    assert stored == a_video()
    assert await sessions.video(ANNA, stored.id) == a_video()


async def test_a_record_is_its_owners(sessions: Sessions) -> None:
    """Somebody else can neither load, list nor remove it; to them it is unknown."""
    await sessions.put_video(a_video())
    assert await sessions.video(BERT, a_video().id) is None
    assert await sessions.videos(BERT, before=None, limit=9) == ()
    assert await sessions.remove_video(BERT, a_video().id) is False
    assert await sessions.video(ANNA, a_video().id) == a_video()


async def test_a_record_is_removed_once(sessions: Sessions) -> None:
    """The first removal says True, the next False; the record is gone."""
    await sessions.put_video(a_video())
    assert await sessions.remove_video(ANNA, a_video().id) is True
    assert await sessions.remove_video(ANNA, a_video().id) is False
    assert await sessions.video(ANNA, a_video().id) is None


async def test_the_record_of_a_file_is_removed_once(sessions: Sessions) -> None:
    """A record is removed by its file too: True the first time, False after it."""
    await sessions.put_video(a_video(1, filename="a.mp4"))
    assert await sessions.remove_video_of(ANNA, profile="videos", filename="a.mp4") is True
    assert await sessions.remove_video_of(ANNA, profile="videos", filename="a.mp4") is False
    assert await sessions.video(ANNA, a_video(1).id) is None


@pytest.mark.parametrize("facts", [{"owner": BERT}, {"profile": "other"}, {"filename": "b.mp4"}], ids=str)
async def test_the_record_of_another_file_stays(sessions: Sessions, facts: dict[str, Any]) -> None:
    """Removing the record of another owner, profile or file name removes nothing."""
    video = a_video(1, filename="a.mp4")
    await sessions.put_video(video)
    file: dict[str, Any] = {"owner": ANNA, "profile": "videos", "filename": "a.mp4", **facts}
    assert await sessions.remove_video_of(**file) is False
    assert await sessions.video(ANNA, video.id) == video


async def test_the_newest_come_first_page_by_page(sessions: Sessions) -> None:
    """Pages follow one another by (created_at, id) of the last record; every record comes once, newest first."""
    made = [a_video(n, created_at=NOW + (n // 3) * SECOND) for n in range(10)]
    for video in (*made[5:], *made[:5]):
        await sessions.put_video(video)
    seen: list[Any] = []
    before = None
    while page := await sessions.videos(ANNA, before=before, limit=3):
        assert len(page) <= 3
        seen += page
        before = (page[-1].created_at, page[-1].id)
    assert seen == made[::-1]


async def test_a_page_is_not_shifted_by_newer_records(sessions: Sessions) -> None:
    """A record made between two pages does not repeat one of the first page in the second."""
    for n in range(4):
        await sessions.put_video(a_video(n, created_at=NOW + n * SECOND))
    first = await sessions.videos(ANNA, before=None, limit=2)
    await sessions.put_video(a_video(9, created_at=NOW + 9 * SECOND))
    second = await sessions.videos(ANNA, before=(first[-1].created_at, first[-1].id), limit=2)
    assert [int(video.id, 16) for video in (*first, *second)] == [3, 2, 1, 0]


async def test_a_cursor_finer_than_a_millisecond_is_cut(sessions: Sessions) -> None:
    """A cursor names the instant as it is stored."""
    await sessions.put_video(a_video(1))
    await sessions.put_video(a_video(2))
    cursor = (NOW + timedelta(microseconds=500), a_video(2).id)
    assert await sessions.videos(ANNA, before=cursor, limit=9) == (a_video(1),)
