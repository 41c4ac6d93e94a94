"""Files that were published before the directory of their profile was changed in the configuration: all find them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, BERT, House
from tests.fakes.media import FACTS, HandInspector
from tests.service.wishes import a_video, creation_with
from tusvideo.commands import DescribeVideo
from tusvideo.errors import NotFound
from tusvideo.model import Faststart, Upload
from tusvideo.ports import PublishedFile
from tusvideo.service.inspecting import Inspected
from tusvideo.video import Beginning, Inspection, Video

DATA, OTHER = a_video(100), a_video(120)
MADE = Beginning(content=b"<a new beginning>", start=20, gap_start=70, gap_stop=90)


async def publish(house: House, data: bytes = DATA, *, title: str | None = "Sea") -> Upload:
    """Publish a file of anna, always under the same name."""
    wish = creation_with(data, length=len(data), original_name="a.mp4", title=title)
    return (await house.uploads.create(ANNA, wish, FakeBody(data))).upload


async def record(house: House) -> Video:
    """The only record there is."""
    [video] = await house.sessions.videos(ANNA, limit=9)
    return video


def moved(house: House) -> House:
    """The same server, which examines and repairs videos, after the directories were changed."""
    profiles = {
        name: replace(one, directory=f"new-{one.directory}", faststart=Faststart.REPAIR)
        for name, one in house.profiles.items()
    }
    return house.with_(profiles=profiles, inspector=HandInspector(Inspection(facts=FACTS, beginning=MADE)))


async def content(file: PublishedFile) -> bytes:
    """Read a file and close it."""
    found = b"".join([block async for block in file.read(0, file.size)])
    await file.close()
    return found


async def opened(house: House) -> bytes:
    """The file that who opens a record gets."""
    _, _, file = await house.videos.open_file(ANNA, (await record(house)).id)
    return await content(file)


async def played(house: House) -> bytes:
    """The file that a player gets."""
    _, file = await house.playing.open(ANNA, (await record(house)).id)
    return await content(file)


async def examined(house: House) -> bytes:
    """The file that is examined when a record waits for that."""
    await house.sessions.begin_checking(frozenset({"video/mp4"}))
    assert await house.inspecting.run() == Inspected(ready=1)
    assert isinstance(house.inspector, HandInspector)
    [(_, data)] = house.inspector.asked
    return data


@pytest.mark.parametrize("find", [opened, played, examined])
async def test_it_is_found_where_it_was(house: House, find: Callable[[House], Awaitable[bytes]]) -> None:
    """By who opens it, by players, and by what examines it."""
    await publish(house)
    assert await find(moved(house)) == DATA


@pytest.mark.parametrize("find", [opened, played, examined])
async def test_a_file_that_took_its_name_in_the_new_directory_is_meant(
    house: House, find: Callable[[House], Awaitable[bytes]]
) -> None:
    """The profile means the new directory first."""
    await publish(house)
    newer = await publish(moved(house), OTHER)
    assert newer.location is not None
    assert newer.location.directory == "new-files"
    assert await find(moved(house)) == OTHER


async def test_a_player_gets_its_repaired_beginning(house: House) -> None:
    """What was made for the file is made and kept for it wherever it lies."""
    await publish(house)
    after = moved(house)
    await examined(after)
    assert await played(after) == MADE.content + DATA[20:70] + DATA[90:]
    assert await opened(after) == DATA


@pytest.mark.parametrize("title", ["Sea", None])
async def test_it_can_be_described(house: House, title: str | None) -> None:
    """With or without a record; by its owner."""
    upload = await publish(house, title=title)
    told = DescribeVideo(profile="files", filename="a.mp4", title="Lake", description="calm")
    with pytest.raises(NotFound):
        await moved(house).videos.describe(BERT, told)
    assert (await moved(house).videos.describe(ANNA, told)).is_new is (title is None)
    video = await record(house)
    assert (video.title, video.description, video.size) == ("Lake", "calm", upload.length)


@pytest.mark.parametrize("with_file", [True, False])
async def test_a_removed_one_is_found_by_nobody(house: House, *, with_file: bool) -> None:
    """A description brings back the record alone, if the file stays."""
    await publish(house)
    video = await record(house)
    after = moved(house)
    await after.videos.remove(ANNA, video.id, with_file=with_file)
    for find in (after.videos.open_file, after.playing.open):
        with pytest.raises(NotFound):
            await find(ANNA, video.id)
    told = DescribeVideo(profile="files", filename="a.mp4", title="Lake", description=None)
    if with_file:
        with pytest.raises(NotFound):
            await after.videos.describe(ANNA, told)
    else:
        assert (await after.videos.describe(ANNA, told)).is_new
