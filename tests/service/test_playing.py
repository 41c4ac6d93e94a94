"""What players get: a beginning of ours and the rest of the file, and the file itself as it was uploaded."""

from dataclasses import replace

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, BERT, House
from tests.fakes.media import FACTS, HandInspector
from tests.service.wishes import a_video, creation_with
from tusvideo.errors import NotFound, StorageFailed
from tusvideo.model import Faststart, Upload, UserId
from tusvideo.ports import PublishedFile
from tusvideo.service.inspecting import Inspected
from tusvideo.service.playing import SplicedFile
from tusvideo.video import Beginning, Inspection, Video

DATA = a_video(100)
MADE = Beginning(content=b"<a new beginning>", start=20, gap_start=70, gap_stop=90)
PLAYED = MADE.content + DATA[20:70] + DATA[90:]


@pytest.fixture
def repairing(house: House) -> House:
    """A server that examines videos, and makes beginnings in two of its profiles."""
    profiles = {name: replace(profile, faststart=Faststart.REPAIR) for name, profile in house.profiles.items()}
    profiles["kept"] = replace(house.profiles["files"], name="kept", directory="kept")
    return house.with_(profiles=profiles, inspector=HandInspector(Inspection(facts=FACTS, beginning=MADE)))


async def published(house: House, *, profile: str = "files") -> tuple[Upload, Video]:
    """Publish a file with its record."""
    command = creation_with(DATA, length=100, profile=profile, title="Sea")
    upload = (await house.uploads.create(ANNA, command, FakeBody(DATA))).upload
    [video] = await house.sessions.videos(ANNA, limit=1)
    return upload, video


async def content(file: PublishedFile, start: int = 0, stop: int | None = None) -> bytes:
    """Read a file and close it."""
    found = b"".join([block async for block in file.read(start, file.size if stop is None else stop)])
    await file.close()
    return found


async def played(house: House, video: Video, *, user: UserId | None = ANNA) -> bytes:
    """Read what a player gets."""
    _, file = await house.playing.open(user, video.id)
    return await content(file)


async def test_a_player_gets_the_index_first(repairing: House) -> None:
    """Once it was examined; the file at its own addresses stays as it was sent, byte for byte."""
    upload, video = await published(repairing)
    assert await played(repairing, video) == DATA
    assert await repairing.inspecting.run() == Inspected(ready=1)
    assert await played(repairing, video) == PLAYED
    assert await repairing.published(upload) == DATA
    _, download = await repairing.uploads.open_upload(ANNA, upload.id)
    assert await content(download) == DATA
    _, spliced = await repairing.playing.open(ANNA, video.id)
    assert isinstance(spliced, SplicedFile)
    assert spliced.size == len(PLAYED)
    assert spliced.modified_at.tzinfo is not None
    stored = await repairing.videos.get(ANNA, video.id)
    assert spliced.etag.endswith(f'-{stored.beginning}"')
    with pytest.raises(StorageFailed):
        _ = spliced.descriptor
    with pytest.raises(StorageFailed):
        await spliced.send(0, start=len(PLAYED), stop=len(PLAYED))
    await spliced.close()


async def test_every_range_is_that_of_the_whole(repairing: House) -> None:
    """Within a piece, across two and across all."""
    _, video = await published(repairing)
    await repairing.inspecting.run()
    for start in range(0, len(PLAYED), 3):
        for stop in (start, start + 1, start + 20, len(PLAYED)):
            _, file = await repairing.playing.open(ANNA, video.id)
            assert await content(file, start, min(stop, len(PLAYED))) == PLAYED[start:stop]


async def test_a_profile_that_keeps_its_files_has_none_made(repairing: House) -> None:
    """Which is so unless somebody asked for it."""
    _, video = await published(repairing, profile="kept")
    await repairing.inspecting.run()
    assert await played(repairing, video) == DATA
    assert (await repairing.videos.get(ANNA, video.id)).beginning is None


@pytest.mark.parametrize(("profile", "is_public"), [("files", False), ("poster", True)])
async def test_it_is_played_to_whom_the_file_is_shown(repairing: House, profile: str, *, is_public: bool) -> None:
    """Anybody of a public profile, else the owner."""
    _, video = await published(repairing, profile=profile)
    await repairing.inspecting.run()
    assert await played(repairing, video) == PLAYED
    for reader in (BERT, None):
        if is_public:
            assert await played(repairing, video, user=reader) == PLAYED
        else:
            with pytest.raises(NotFound):
                await played(repairing, video, user=reader)
    with pytest.raises(NotFound):
        await repairing.playing.open(ANNA, "0" * 32)


async def test_a_beginning_that_is_lost_or_anothers_is_left_out(repairing: House) -> None:
    """The file plays as it is: never a beginning of one file before the rest of another."""
    upload, video = await published(repairing)
    await repairing.inspecting.run()
    stored = await repairing.videos.get(ANNA, video.id)
    name = f"{video.id}-{stored.beginning}"
    file = await repairing.beginnings.open(ANNA, name)
    assert file is not None
    whole = await content(file)
    for broken in (
        whole.replace(upload.id.encode(), b"f" * 32),
        whole[:40],
        b"",
        b"x" + whole[1:],
        whole[:40] + (99).to_bytes(8) + whole[48:],
        whole[:56] + (101).to_bytes(8) + whole[64:],
    ):
        await repairing.beginnings.remove(ANNA, name)
        await repairing.beginnings.put(ANNA, name, broken)
        assert await played(repairing, video) == DATA
    await repairing.beginnings.remove(ANNA, name)
    assert await played(repairing, video) == DATA


async def test_it_goes_with_its_record(repairing: House) -> None:
    """A sweep drops what no record has."""
    _, video = await published(repairing)
    await repairing.inspecting.run()
    assert len(repairing.beginnings.kept) == 1
    await repairing.videos.remove(ANNA, video.id, with_file=True, at_once=True)
    repairing.clock.move(600)
    assert (await repairing.inspecting.run()).dropped == 1
    assert not repairing.beginnings.kept
    with pytest.raises(NotFound):
        await repairing.playing.open(ANNA, video.id)


async def test_a_crash_leaves_the_file_or_the_repaired_one(repairing: House) -> None:
    """Whichever step is the last: what is played is whole, and the next pass makes it complete."""
    crashed = 0
    for last in range(14):
        upload, video = await published(repairing)
        failing = repairing.with_steps(Steps(at=last))
        try:
            await failing.inspecting.run()
        except* Crash:
            crashed += 1
        assert await played(repairing, video) in {DATA, PLAYED}
        after, _ = await repairing.restarted()
        await after.inspecting.run()
        assert await played(after, video) == PLAYED
        assert await after.published(upload) == DATA
        await after.videos.remove(ANNA, video.id, with_file=True, at_once=True)
    assert crashed > 6
