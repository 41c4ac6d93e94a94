"""Removing: what was removed can be restored for a while, and goes for good after that, whatever stops in between."""

import asyncio
import contextlib

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, BERT, House
from tests.service.wishes import a_video, creation_with
from tusvideo.commands import DescribeVideo, DraftUpload, TerminateUpload
from tusvideo.errors import NotFound
from tusvideo.model import Location, Upload
from tusvideo.service.removing import Removed
from tusvideo.video import UNDO_SECONDS, Video

DATA = a_video(100)


async def shown(house: House) -> tuple[Upload, Video, Location]:
    """Publish a file with its record."""
    upload = (await house.uploads.create(ANNA, creation_with(DATA, length=100, title="Sea"), FakeBody(DATA))).upload
    assert upload.location is not None
    [video] = await house.sessions.videos(ANNA, limit=9)
    return upload, video, upload.location


async def is_there(house: House, location: Location) -> bool:
    """Tell whether the file of a place is there."""
    file = await house.store.open_published(location)
    if file is not None:
        await file.close()
    return file is not None


@pytest.mark.parametrize("with_file", [True, False])
async def test_what_was_removed_is_restored(house: House, *, with_file: bool) -> None:
    """In time, as it was, with its file; asked for twice as well, and by nobody else."""
    _, video, location = await shown(house)
    await house.videos.remove(ANNA, video.id, with_file=with_file)
    with pytest.raises(NotFound):
        await house.videos.get(ANNA, video.id)
    with pytest.raises(NotFound):
        await house.videos.remove(ANNA, video.id, with_file=with_file)
    house.clock.move(UNDO_SECONDS - 1)
    assert await house.removing.run() == Removed()
    with pytest.raises(NotFound):
        await house.videos.restore(BERT, video.id)
    for _ in range(2):
        assert await house.videos.restore(ANNA, video.id) == video
    house.clock.move(UNDO_SECONDS)
    assert await house.removing.run() == Removed()
    assert await is_there(house, location)


@pytest.mark.parametrize("with_file", [True, False])
async def test_after_that_it_is_gone(house: House, *, with_file: bool) -> None:
    """The record, and the file if that was asked for."""
    upload, video, location = await shown(house)
    await house.videos.remove(ANNA, video.id, with_file=with_file)
    house.clock.move(UNDO_SECONDS)
    with pytest.raises(NotFound):
        await house.videos.restore(ANNA, video.id)
    assert await house.removing.run() == Removed(removed=1)
    assert await is_there(house, location) is not with_file
    assert (await house.sessions.get(upload.id) is None) is with_file
    assert await house.sessions.next_removal() is None


async def test_a_file_that_is_removed_is_served_to_nobody(house: House) -> None:
    """From the request on, also after a restart; restored, it is served again. One that is removed alone stays."""
    upload, video, location = await shown(house)

    async def served(house: House) -> list[bool]:
        found = []
        for opening in (house.uploads.open_published(ANNA, location), house.uploads.open_upload(ANNA, upload.id)):
            try:
                _, file = await opening
            except NotFound:
                found.append(False)
            else:
                await file.close()
                found.append(True)
        return found

    await house.videos.remove(ANNA, video.id, with_file=False)
    assert await served(house) == [True, True]
    await house.videos.restore(ANNA, video.id)
    await house.videos.remove(ANNA, video.id, with_file=True)
    after, _ = await house.restarted()
    assert [await served(house), await served(after)] == [[False, False]] * 2
    await house.videos.restore(ANNA, video.id)
    assert await served(house) == [True, True]


@pytest.mark.parametrize(("first", "then"), [(True, True), (True, False), (False, True), (False, False)])
async def test_what_is_hidden_goes_at_once_when_that_is_asked_for(house: House, *, first: bool, then: bool) -> None:
    """With its file, if either request said so; it cannot be restored, and a second time there is nothing."""
    upload, video, location = await shown(house)
    await house.videos.remove(ANNA, video.id, with_file=first)
    with pytest.raises(NotFound):
        await house.videos.remove(BERT, video.id, with_file=then, at_once=True)
    await house.videos.remove(ANNA, video.id, with_file=then, at_once=True)
    assert await is_there(house, location) is not (first or then)
    assert (await house.sessions.get(upload.id) is None) is (first or then)
    for again in (
        house.videos.restore(ANNA, video.id),
        house.videos.remove(ANNA, video.id, with_file=then, at_once=True),
    ):
        with pytest.raises(NotFound):
            await again
    assert await house.sessions.next_removal() is None


async def test_what_went_meanwhile_is_gone_as_asked(house: House) -> None:
    """The file of a hidden record was removed by another way; the record goes all the same."""
    upload, video, _ = await shown(house)
    await house.videos.remove(ANNA, video.id, with_file=True)
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    with contextlib.suppress(NotFound):
        await house.videos.remove(ANNA, video.id, with_file=True, at_once=True)
    assert await house.sessions.next_removal() is None


async def test_a_removal_that_fails_or_is_cut_is_finished(house: House) -> None:
    """Whichever step is the last, the next start and pass leave neither record nor file."""
    for last in range(40):
        upload, video, location = await shown(house)
        await house.videos.remove(ANNA, video.id, with_file=True)
        house.clock.move(UNDO_SECONDS)
        steps = Steps(at=last)
        failing = house.with_steps(steps)
        with contextlib.suppress(Crash):
            await failing.removing.run()
        after, _ = await house.restarted()
        with pytest.raises(NotFound):
            await after.videos.restore(ANNA, video.id)
        await after.removing.run()
        assert not await is_there(after, location)
        assert await after.sessions.get(upload.id) is None
        assert await after.sessions.next_removal() is None
        if steps.is_over:
            return
    pytest.fail("the removal takes more steps than were tried")


async def test_a_profile_that_is_gone_holds_nothing_up(house: House) -> None:
    """What was removed goes, whether or not its profile is still configured."""
    _, video, location = await shown(house)
    await house.videos.remove(ANNA, video.id, with_file=True)
    house.clock.move(UNDO_SECONDS)
    without = house.with_(profiles={"poster": house.profiles["poster"]})
    assert await without.removing.run() == Removed(removed=1)
    assert not await is_there(house, location)


async def test_a_newer_file_of_the_same_name_stays(house: House) -> None:
    """The old one went before its time was over, and another one has its name by now: that one was not removed."""
    upload, video, location = await shown(house)
    await house.videos.remove(ANNA, video.id, with_file=True)
    house.clock.move(UNDO_SECONDS)
    [leaving] = await house.sessions.take_removals(now=house.clock.now(), limit=9)
    assert leaving == (video, upload.id)
    await house.store.remove_published(location)
    await house.sessions.remove(upload.id)
    newer = (await house.uploads.create(ANNA, creation_with(DATA, length=100), FakeBody(DATA))).upload
    assert newer.location == location
    assert await house.removing.run() == Removed(removed=1)
    assert await is_there(house, location)
    assert await house.sessions.get(newer.id) == newer


async def test_what_is_said_late_brings_no_removed_file_back(house: House) -> None:
    """Neither a description nor a draft is taken for it; and it goes."""
    upload, video, location = await shown(house)
    await house.videos.remove(ANNA, video.id, with_file=True)
    description = DescribeVideo(profile=video.profile, filename=video.filename, title="Late", description="")
    with pytest.raises(NotFound):
        await house.videos.describe(ANNA, description)
    with pytest.raises(NotFound):
        await house.progress.draft(ANNA, DraftUpload(upload_id=upload.id, title="Late", description=None))
    house.clock.move(UNDO_SECONDS)
    assert await house.removing.run() == Removed(removed=1)
    assert not await is_there(house, location)


async def test_a_removal_wakes_the_next_pass(house: House) -> None:
    """Nobody waits a minute for what is due in half of it."""
    _, video, _ = await shown(house)
    await house.removing.run()
    waiting = asyncio.create_task(house.removing.wait())
    await house.videos.remove(ANNA, video.id, with_file=False)
    async with asyncio.timeout(20):
        await waiting


@pytest.mark.parametrize("is_hidden", [True, False])
async def test_a_file_that_gets_the_name_of_a_removed_one_keeps_its_record(
    house: House, monkeypatch: pytest.MonkeyPatch, *, is_hidden: bool
) -> None:
    """Also when it takes the name in the moment in which it is free."""
    upload, video, location = await shown(house)
    remove_published = house.store.remove_published

    async def and_again(place: Location) -> None:
        await remove_published(place)
        monkeypatch.setattr(house.store, "remove_published", remove_published)
        wish = creation_with(DATA, length=100, title="Lake", original_name=upload.original_name)
        again.append((await house.uploads.create(ANNA, wish, FakeBody(DATA))).upload)

    again: list[Upload] = []
    monkeypatch.setattr(house.store, "remove_published", and_again)
    if is_hidden:
        await house.videos.remove(ANNA, video.id, with_file=True)
        house.clock.move(UNDO_SECONDS)
        await house.removing.run()
    else:
        await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    assert [each.location for each in again] == [location]
    assert [shown.title for shown in await house.sessions.videos(ANNA, limit=9)] == ["Lake"]
    assert await is_there(house, location)
