"""VideoService: the records of published files."""

from dataclasses import replace

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, BERT, House
from tests.service.wishes import a_video, creation_with
from tusvideo.commands import ChangeVideo, DescribeVideo, ListVideos, TerminateUpload
from tusvideo.errors import NotFound
from tusvideo.model import Upload
from tusvideo.video import Video

DATA = a_video(100)


async def published(house: House, name: str = "a.mp4", *, title: str | None = None) -> Upload:
    """Publish a file of anna."""
    command = creation_with(DATA, length=100, original_name=name, title=title)
    return (await house.uploads.create(ANNA, command, FakeBody(DATA))).upload


def describing(name: str = "a.mp4", *, title: str = "Sea", description: str = "waves") -> DescribeVideo:
    """Ask for a record."""
    return DescribeVideo(profile="files", filename=name, title=title, description=description)


async def described(house: House, name: str = "a.mp4") -> Video:
    """Publish a file with its record."""
    await published(house, name)
    return (await house.videos.describe(ANNA, describing(name))).video


async def test_a_published_file_gets_its_record(house: House) -> None:
    """With size and type as they are."""
    await published(house)
    outcome = await house.videos.describe(ANNA, describing())
    video = outcome.video
    assert outcome.is_new
    assert (video.owner, video.title, video.description, video.size, video.content_type) == (
        ANNA,
        "Sea",
        "waves",
        100,
        "video/mp4",
    )
    assert await house.videos.get(ANNA, video.id) == video


async def test_the_same_file_again_updates_its_record(house: House) -> None:
    """One record a file, also when the upload brought a title along."""
    await published(house, title="from the upload")
    first = (await house.videos.list(ANNA, ListVideos(limit=9))).videos[0]
    house.clock.move(5)
    outcome = await house.videos.describe(ANNA, describing(title="Lake"))
    assert not outcome.is_new
    assert outcome.video == replace(first, title="Lake", description="waves", updated_at=outcome.video.updated_at)
    assert outcome.video.updated_at > first.updated_at


async def test_a_description_that_is_not_told_stays(house: House) -> None:
    """It is empty in a new record, and emptied by an empty one."""
    await published(house)
    for told, expected in ((None, ""), ("waves", "waves"), (None, "waves"), ("", "")):
        wish = replace(describing(), description=told)
        assert (await house.videos.describe(ANNA, wish)).video.description == expected


@pytest.mark.parametrize("name", ["b.mp4", "../a.mp4", "", "a.mp4\x00", "anna/a.mp4"])
async def test_a_file_that_is_not_published_has_none(house: House, name: str) -> None:
    """Unknown and hostile names alike."""
    await published(house)
    with pytest.raises(NotFound):
        await house.videos.describe(ANNA, describing(name))


async def test_an_unknown_profile_has_no_files(house: House) -> None:
    """A 404 as for any other."""
    with pytest.raises(NotFound):
        await house.videos.describe(ANNA, replace(describing(), profile="nowhere"))


async def test_records_are_listed_newest_first(house: House) -> None:
    """In pages that follow each other without gap or repeat."""
    made = []
    for number in range(5):
        made.append(await described(house, f"{number}.mp4"))
        house.clock.move(1)
    found: list[Video] = []
    after = None
    while True:
        page = await house.videos.list(ANNA, ListVideos(limit=2, after=after))
        assert page.total == 5
        found += page.videos
        after = page.next
        if after is None:
            break
    assert found == made[::-1]
    assert (await house.videos.list(BERT, ListVideos(limit=9))).videos == ()


@pytest.mark.parametrize(
    ("title", "description", "expected"),
    [("Lake", None, ("Lake", "waves")), (None, "", ("Sea", "")), (None, None, ("Sea", "waves"))],
)
async def test_a_record_changes(
    house: House, title: str | None, description: str | None, expected: tuple[str, str]
) -> None:
    """What is not told stays."""
    video = await described(house)
    command = ChangeVideo(video_id=video.id, title=title, description=description)
    for _ in range(2):
        changed = await house.videos.change(ANNA, command)
        assert (changed.title, changed.description) == expected


async def test_a_record_goes_without_its_file(house: House) -> None:
    """The file stays, and may be described anew."""
    video = await described(house)
    await house.videos.remove(ANNA, video.id, with_file=False, at_once=True)
    with pytest.raises(NotFound):
        await house.videos.remove(ANNA, video.id, with_file=False, at_once=True)
    assert (await house.videos.describe(ANNA, describing())).is_new


async def test_a_record_goes_with_its_file(house: House) -> None:
    """Nothing is left of either."""
    upload = await published(house)
    video = (await house.videos.describe(ANNA, describing())).video
    await house.videos.remove(ANNA, video.id, with_file=True, at_once=True)
    assert upload.location is not None
    assert await house.store.open_published(upload.location) is None
    assert await house.sessions.get(upload.id) is None
    for with_file in (False, True):
        with pytest.raises(NotFound):
            await house.videos.remove(ANNA, video.id, with_file=with_file, at_once=True)


async def test_a_record_goes_though_its_file_is_gone(house: House) -> None:
    """Whoever removed the row of the file."""
    upload = await published(house)
    video = (await house.videos.describe(ANNA, describing())).video
    await house.sessions.remove(upload.id)
    await house.videos.remove(ANNA, video.id, with_file=True, at_once=True)
    with pytest.raises(NotFound):
        await house.videos.get(ANNA, video.id)


async def test_removing_the_upload_removes_the_record(house: House) -> None:
    """A record without its file would be a dead link."""
    upload = await published(house)
    video = (await house.videos.describe(ANNA, describing())).video
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    with pytest.raises(NotFound):
        await house.videos.get(ANNA, video.id)
