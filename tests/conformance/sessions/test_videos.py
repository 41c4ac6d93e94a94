"""VideoRepository: the records that people see."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.sessions.samples import ANNA, BERT, NOW, SECOND, Sessions, a_video
from tusvideo.commands import ChangeVideo, VideoFilter
from tusvideo.rules.search import matches, place_of, words
from tusvideo.video import VideoSort, VideoState


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
    assert await sessions.videos(ANNA, limit=9) == (expected,)


async def test_a_record_may_be_put_again(sessions: Sessions) -> None:
    """Putting the stored record with another title is an update."""
    await sessions.put_video(a_video())
    assert await sessions.put_video(a_video(title="Other")) == (a_video(title="Other"), False)
    other = a_video(title="Third", description="unheard")
    kept = replace(other, description=a_video().description)
    assert await sessions.put_video(other, keeps_description=True) == (kept, False)
    assert await sessions.video(kept.owner, kept.id) == kept


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
    assert await sessions.videos(BERT, limit=9) == ()
    assert await sessions.remove_video(a_video(owner=BERT)) is False
    assert await sessions.video(ANNA, a_video().id) == a_video()


async def test_a_record_is_removed_once(sessions: Sessions) -> None:
    """The first removal says True, the next False; the record is gone."""
    await sessions.put_video(a_video())
    assert await sessions.remove_video(a_video()) is True
    assert await sessions.remove_video(a_video()) is False
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
    """Pages follow one another by the place behind the last record; every record comes once, newest first."""
    made = [a_video(n, created_at=NOW + (n // 3) * SECOND) for n in range(10)]
    for video in (*made[5:], *made[:5]):
        await sessions.put_video(video)
    seen: list[Any] = []
    after = None
    while page := await sessions.videos(ANNA, after=after, limit=3):
        assert len(page) <= 3
        seen += page
        after = place_of(page[-1], VideoSort.NEWEST)
    assert seen == made[::-1]


async def test_a_page_is_not_shifted_by_newer_records(sessions: Sessions) -> None:
    """A record made between two pages does not repeat one of the first page in the second."""
    for n in range(4):
        await sessions.put_video(a_video(n, created_at=NOW + n * SECOND))
    first = await sessions.videos(ANNA, limit=2)
    await sessions.put_video(a_video(9, created_at=NOW + 9 * SECOND))
    second = await sessions.videos(ANNA, after=place_of(first[-1], VideoSort.NEWEST), limit=2)
    assert [int(video.id, 16) for video in (*first, *second)] == [3, 2, 1, 0]


TITLES = ("Zebra", "äpfel", "Apfel", "apfel", "Berg", "Øre", "zebra und berg")
VARIED = [
    a_video(
        n,
        title=title,
        created_at=NOW + (n % 3) * SECOND,
        size=(n * 7) % 4,
        duration=None if n % 3 == 0 else float(n % 2) + 0.1,
        original_name=None if n % 2 else f"Beŕg {n}.mp4",
        description="under the SEA" if n > 3 else "",
        state=VideoState.FAILED if n == 5 else VideoState.READY,
        profile="videos" if n else "other",
    )
    for n, title in enumerate(TITLES)
]


async def fill(sessions: Sessions) -> None:
    """Store records that differ in all that lists go by, and one of somebody else."""
    for video in VARIED:
        await sessions.put_video(video)
    await sessions.put_video(a_video(99, owner=BERT))


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
@pytest.mark.parametrize("sort", VideoSort)
async def test_every_order_page_by_page(sessions: Sessions, sort: VideoSort, limit: int) -> None:
    """Pages of every order hold every record once, in that order, and among equals by id."""
    await fill(sessions)
    ascends = sort in {VideoSort.OLDEST, VideoSort.TITLE}
    expected = sorted(VARIED, key=lambda video: (place_of(video, sort).key, video.id), reverse=not ascends)
    seen: list[Any] = []
    after = None
    while page := await sessions.videos(ANNA, sort=sort, after=after, limit=limit):
        seen += page
        after = place_of(page[-1], sort)
    assert [video.id for video in seen] == [video.id for video in expected]


FILTERS = [
    VideoFilter(),
    VideoFilter(words=words("APFEL")),
    VideoFilter(words=words("berg")),
    VideoFilter(words=words("Sea  berg")),
    VideoFilter(words=words("ore")),
    VideoFilter(words=words("nowhere")),
    VideoFilter(words=("%", "_")),
    VideoFilter(profile="other"),
    VideoFilter(profile="videos", state=VideoState.FAILED, words=words("re")),
    VideoFilter(state=VideoState.CHECKING),
]


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
@pytest.mark.parametrize("sort", VideoSort)
async def test_a_filter_leaves_the_others_out(sessions: Sessions, sort: VideoSort, wanted: VideoFilter) -> None:
    """Listed and counted is what matches, in every order; words are found in title, description and original name."""
    await fill(sessions)
    expected = {video.id for video in VARIED if matches(video, wanted)}
    assert {video.id for video in await sessions.videos(ANNA, wanted=wanted, sort=sort, limit=99)} == expected
    assert await sessions.count_videos(ANNA, wanted=wanted) == len(expected)


async def test_a_change_is_found(sessions: Sessions) -> None:
    """New texts are searched and ordered by at once, the old ones no more; a text that is not told stays."""
    await fill(sessions)
    video = VARIED[0]
    command = ChangeVideo(video_id=video.id, title="Éclair", original_name="cake.mp4")
    changed = await sessions.change_video(ANNA, command, now=NOW + 9 * SECOND)
    assert changed == replace(video, title="Éclair", original_name="cake.mp4", updated_at=NOW + 9 * SECOND)
    assert await sessions.video(ANNA, video.id) == changed
    for query, count in (("eclair CAKE", 1), ("zebra", 1)):
        assert await sessions.count_videos(ANNA, wanted=VideoFilter(words=words(query))) == count
    titles = [each.title for each in await sessions.videos(ANNA, sort=VideoSort.TITLE, limit=99)]
    assert titles.index("Berg") < titles.index("Éclair") < titles.index("Øre")


async def test_the_record_of_somebody_else_does_not_change(sessions: Sessions) -> None:
    """To them, and under an id that nobody has, there is none."""
    await fill(sessions)
    assert await sessions.change_video(BERT, ChangeVideo(video_id=VARIED[0].id, title="x"), now=NOW) is None
    assert await sessions.change_video(ANNA, ChangeVideo(video_id="e" * 32, title="x"), now=NOW) is None
    assert await sessions.video(ANNA, VARIED[0].id) == VARIED[0]


async def test_changes_at_once_lose_nothing(sessions: Sessions) -> None:
    """Of a title and a description that are changed at once, both are kept."""
    await sessions.put_video(a_video())
    changes: tuple[dict[str, str], ...] = ({"title": "one"}, {"description": "two"}, {"original_name": "three"})
    commands = [ChangeVideo(video_id=a_video().id, **change) for change in changes]
    assert all(await asyncio.gather(*(sessions.change_video(ANNA, command, now=NOW) for command in commands)))
    stored = await sessions.video(ANNA, a_video().id)
    assert stored is not None
    assert (stored.title, stored.description, stored.original_name) == ("one", "two", "three")
