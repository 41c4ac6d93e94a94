"""Captions: judged before they are kept, shown to whom the file is shown, and as lasting as their record."""

import asyncio
import contextlib
import itertools
import threading

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, BERT, House
from tests.service.wishes import a_video, creation_with
from tusvideo.commands import DescribeVideo, PutCaptions
from tusvideo.errors import DiskFull, InvalidField, NotFound
from tusvideo.rules import webvtt
from tusvideo.video import UNDO_SECONDS, Video

DATA = a_video(100)
SRT = b"1\r\n00:00:00,000 --> 00:00:01,000\r\nHello\r\n"
VTT = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello\n"


async def a_record(house: House, *, profile: str = "files") -> Video:
    """Publish a file with its record."""
    command = creation_with(DATA, length=100, profile=profile, title="Sea")
    upload = (await house.uploads.create(ANNA, command, FakeBody(DATA))).upload
    assert upload.location is not None
    found = DescribeVideo(profile=profile, filename=upload.location.filename, title="Sea", description="")
    return (await house.videos.describe(ANNA, found)).video


def putting(video: Video, language: str = "en") -> PutCaptions:
    """Wish to give a record captions."""
    return PutCaptions(video_id=video.id, language=language, label="English")


async def test_subrip_is_kept_as_webvtt(house: House) -> None:
    """And the record tells its size as it is kept; the same again is another version only if it differs."""
    video = await a_record(house)
    house.clock.move(5)
    put = await house.captions.put(ANNA, putting(video), FakeBody(SRT))
    assert put.is_new
    assert put.video == await house.videos.get(ANNA, video.id)
    assert put.video.updated_at > video.updated_at
    [caption] = put.video.captions
    assert (caption.language, caption.label, caption.size) == ("en", "English", len(VTT))
    found = await house.captions.get(ANNA, video.id, "en")
    assert (found.content, found.caption) == (VTT, caption)
    again = await house.captions.put(ANNA, putting(video), FakeBody(VTT))
    assert not again.is_new
    assert again.video.captions == (caption,)


async def test_what_cannot_be_read_leaves_the_old_ones(house: House) -> None:
    """A refusal changes nothing."""
    video = (await house.captions.put(ANNA, putting(await a_record(house)), FakeBody(VTT))).video
    with pytest.raises(InvalidField, match="line 1 of the captions"):
        await house.captions.put(ANNA, putting(video), FakeBody(b"no captions"))
    assert await house.videos.get(ANNA, video.id) == video
    assert (await house.captions.get(ANNA, video.id, "en")).content == VTT


@pytest.mark.parametrize(("profile", "is_public"), [("files", False), ("poster", True)])
async def test_captions_are_shown_to_whom_the_file_is(house: House, profile: str, *, is_public: bool) -> None:
    """Those of a public profile to anybody, others to their owner; writing and removing are always the owner's."""
    video = await a_record(house, profile=profile)
    await house.captions.put(ANNA, putting(video), FakeBody(VTT))
    for reader in (BERT, None):
        if is_public:
            assert (await house.captions.get(reader, video.id, "en")).content == VTT
        else:
            with pytest.raises(NotFound):
                await house.captions.get(reader, video.id, "en")
    with pytest.raises(NotFound):
        await house.captions.put(BERT, putting(video), FakeBody(VTT))
    with pytest.raises(NotFound):
        await house.captions.remove(BERT, video.id, "en")
    assert (await house.captions.get(ANNA, video.id, "en")).content == VTT


async def test_captions_of_a_profile_that_is_gone_are_their_owners(house: House) -> None:
    """A profile that left the configuration is not public."""
    video = await a_record(house, profile="poster")
    await house.captions.put(ANNA, putting(video), FakeBody(VTT))
    after = house.with_(profiles={"files": house.profiles["files"]})
    assert (await after.captions.get(ANNA, video.id, "en")).content == VTT
    with pytest.raises(NotFound):
        await after.captions.get(None, video.id, "en")


async def test_captions_are_removed(house: House) -> None:
    """Once; the second time they are not there."""
    video = await a_record(house)
    await house.captions.put(ANNA, putting(video), FakeBody(VTT))
    await house.captions.remove(ANNA, video.id, "en")
    assert (await house.videos.get(ANNA, video.id)).captions == ()
    with pytest.raises(NotFound):
        await house.captions.remove(ANNA, video.id, "en")
    with pytest.raises(NotFound):
        await house.captions.get(ANNA, video.id, "en")


async def test_captions_outlast_what_their_record_outlasts(house: House) -> None:
    """A deletion that was undone brings them back; one that was not takes them along."""
    video = (await house.captions.put(ANNA, putting(await a_record(house)), FakeBody(VTT))).video
    await house.videos.remove(ANNA, video.id, with_file=True)
    with pytest.raises(NotFound):
        await house.captions.get(ANNA, video.id, "en")
    assert await house.videos.restore(ANNA, video.id) == video
    assert (await house.captions.get(ANNA, video.id, "en")).content == VTT
    await house.videos.remove(ANNA, video.id, with_file=True)
    house.clock.move(UNDO_SECONDS)
    await house.removing.run()
    assert await house.sessions.captions(video.id, "en") is None


async def test_a_crash_leaves_the_old_or_the_new(house: House) -> None:
    """Whichever step is the last: captions and what the record tells of them agree."""
    video = await a_record(house)
    seen = []
    for last in itertools.count():
        await house.captions.put(ANNA, putting(video), FakeBody(VTT))
        steps, new = Steps(at=last), VTT.replace(b"Hello", f"Bye {last}".encode())
        with contextlib.suppress(Crash):
            await house.with_steps(steps).captions.put(ANNA, putting(video), FakeBody(new))
        after, _ = await house.restarted()
        found = await after.captions.get(ANNA, video.id, "en")
        assert found.content in {VTT, new}
        assert (found.caption,) == (await after.videos.get(ANNA, video.id)).captions
        assert found.caption.size == len(found.content)
        seen.append(found.content == new)
        if steps.is_over:
            break
    assert seen == sorted(seen)  # from some step on it is the new ones
    assert set(seen) == {False, True}


async def test_files_are_read_one_after_the_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come at once: what reads them takes the interpreter from those who upload."""
    video = await a_record(house)
    from_file, all_came, readers = webvtt.from_file, threading.Event(), set[int]()

    def read(raw: bytes) -> bytes:
        assert all_came.wait(9)
        readers.add(threading.get_ident())
        return from_file(raw)

    monkeypatch.setattr(webvtt, "from_file", read)
    async with asyncio.TaskGroup() as tasks:
        for language in ("de", "en", "fr"):
            tasks.create_task(house.captions.put(ANNA, putting(video, language), FakeBody(SRT)))
        for _ in range(3):
            await asyncio.sleep(0)
        all_came.set()
    assert len(readers) == 1
    assert len((await house.videos.get(ANNA, video.id)).captions) == 3


async def test_captions_leave_the_room_that_stays_free(house: House) -> None:
    """As uploads do, which need it to be finished; not a byte is taken, and nothing is changed."""
    video = await a_record(house)
    tight = house.with_limits(min_free_bytes=await house.store.free_bytes() + 10**12)
    body = FakeBody(SRT)
    with pytest.raises(DiskFull):
        await tight.captions.put(ANNA, putting(video), body)
    assert body.reads == 0
    assert await house.videos.get(ANNA, video.id) == video
