"""Replacing: a new upload becomes the file of a record that is there, and the old file goes after that, not before."""

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, House
from tests.fakes.media import HandInspector
from tests.service.appends import append
from tests.service.chunks import put
from tests.service.replacements import NEW, NEWER, OLD, TWO, a_record, content, is_there, publish, told
from tests.service.wishes import creation, finalizing
from tusvideo.commands import (
    ChangeVideo,
    DescribeVideo,
    DraftUpload,
    ListVideos,
    TerminateUpload,
)
from tusvideo.errors import DiskFull, NotFound, TusvideoError
from tusvideo.model import Location, Status, Upload
from tusvideo.service.removing import Removed
from tusvideo.video import UNDO_SECONDS, VideoState


async def test_a_record_gets_the_new_file_and_keeps_the_rest(house: House) -> None:
    """Id, age and texts stay; all that is said of the file is of the new one; then the old one goes."""
    old, first = await a_record(house)
    upload = await publish(house, NEW, replaces=old.id, original_name="new.mp4")
    assert upload.status is Status.COMPLETE
    assert upload.location is not None
    [video] = await house.sessions.videos(ANNA, limit=9)
    assert (video.id, video.title, video.description) == (old.id, "Sea", "calm")
    assert video.created_at == old.created_at < video.updated_at == video.replaced_at
    assert (video.filename, video.size, video.original_name) == (upload.location.filename, 150, "new.mp4")
    assert await content(house, video) == NEW
    assert told(house, "video_replaced") == [{"video": old.id}]
    assert await is_there(house, first.location)
    assert await house.removing.run() == Removed(removed=1)
    assert not await is_there(house, first.location)
    assert await house.sessions.get(first.id) is None
    assert await house.videos.get(ANNA, old.id) == video
    assert await house.removing.run() == Removed()


@pytest.mark.parametrize("at", ["chunk", "finalize", "both"])
async def test_chunks_replace_too(house: House, at: str) -> None:
    """Said with a chunk, or at the end; a finalize that comes again gives the same answer."""
    old, first = await a_record(house, profile="poster")
    with_part: dict[str, Any] = {} if at == "finalize" else {"replaces": old.id}
    with_end = {} if at == "chunk" else {"replaces": old.id}
    for index, data in enumerate(TWO):
        await put(house, index, data, total=2, part_size=100, **with_part)
    done = [(await house.finalizing.finalize(ANNA, finalizing(2, **with_end))).upload for _ in range(2)]
    assert done[0] == done[1]
    video = await house.videos.get(ANNA, old.id)
    assert await content(house, video) == NEW
    await house.removing.run()
    assert not await is_there(house, first.location)


def moved(house: House) -> House:
    """The same server after the directory of its profiles was changed in the configuration."""
    return house.with_(
        profiles={name: replace(one, directory=f"new-{one.directory}") for name, one in house.profiles.items()}
    )


@pytest.mark.parametrize("name", ["new.mp4", "old.mp4"])
async def test_the_old_file_goes_from_the_directory_that_the_profile_had(house: House, name: str) -> None:
    """The new one lies in the new directory, even under the name that the old one had, and stays."""
    old, first = await a_record(house)
    after = moved(house)
    upload = await publish(after, NEW, replaces=old.id, original_name=name)
    assert upload.location == Location(directory="new-files", folder="anna", filename=name)
    with pytest.raises(NotFound):
        await after.uploads.open_upload(ANNA, first.id)
    assert await after.removing.run() == Removed(removed=1)
    assert not await is_there(after, first.location)
    video = await after.videos.get(ANNA, old.id)
    assert (video.filename, await content(after, video)) == (name, NEW)
    assert await after.removing.run() == Removed()


async def test_a_record_is_removed_with_a_file_in_the_directory_that_its_profile_had(house: House) -> None:
    """At once, or once the time is over in which it can be restored; a file that took its name meanwhile stays."""
    after = moved(house)
    old, first = await a_record(house)
    await after.videos.remove(ANNA, old.id, with_file=True, at_once=True)
    assert not await is_there(house, first.location)
    assert await house.sessions.get(first.id) is None
    old, first = await a_record(house)
    await after.videos.remove(ANNA, old.id, with_file=True)
    new = await publish(after, NEW, original_name="old.mp4")
    house.clock.move(UNDO_SECONDS - 1)
    assert await after.removing.run() == Removed()
    assert await is_there(house, first.location)
    house.clock.move(1)
    assert await after.removing.run() == Removed(removed=1)
    assert not await is_there(house, first.location)
    assert await house.sessions.get(first.id) is None
    assert new.location == Location(directory="new-files", folder="anna", filename="old.mp4")
    assert await is_there(after, new.location)


async def test_an_upload_of_a_former_directory_takes_no_record_of_another_file_along(house: House) -> None:
    """A record is that of the file which its name means now."""
    _, first = await a_record(house)
    after = moved(house)
    await publish(after, NEW, title="Lake", original_name="old.mp4")
    await after.uploads.terminate(ANNA, TerminateUpload(upload_id=first.id))
    assert not await is_there(after, first.location)
    [video] = await after.sessions.videos(ANNA, limit=9)
    assert (video.title, await content(after, video)) == ("Lake", NEW)


async def test_texts_that_come_along_win(house: House) -> None:
    """With the creation or drafted on the way; what is not told stays."""
    old, _ = await a_record(house)
    await publish(house, NEW, replaces=old.id, title="Lake")
    lake = await house.videos.get(ANNA, old.id)
    assert (lake.title, lake.description) == ("Lake", "calm")
    running = (await house.uploads.create(ANNA, creation(len(NEWER), replaces=old.id), None)).upload
    await house.progress.draft(ANNA, DraftUpload(upload_id=running.id, description="rough"))
    await append(house, running, NEWER, at=0)
    rough = await house.videos.get(ANNA, old.id)
    assert (rough.title, rough.description) == ("Lake", "rough")


async def test_of_two_the_one_that_is_published_later_wins(house: House) -> None:
    """Whichever began first; of three files one is left."""
    old, first = await a_record(house)
    slow = (await house.uploads.create(ANNA, creation(len(NEW), replaces=old.id), None)).upload
    quick = await publish(house, NEWER, replaces=old.id)
    slow = (await append(house, slow, NEW, at=0)).upload
    assert await content(house, old) == NEW
    assert await house.removing.run() == Removed(removed=2)
    there = [await is_there(house, upload.location) for upload in (first, quick, slow)]
    assert there == [False, False, True]
    assert len(await house.sessions.videos(ANNA, limit=9)) == 1


@pytest.mark.parametrize("name", ["new.mp4", None])
@pytest.mark.parametrize("gone", [True, False])
async def test_bytes_outlive_the_record_that_they_were_to_replace(
    house: House, *, gone: bool, name: str | None
) -> None:
    """It was removed meanwhile: they get a record of their own, named after the file, and that is told. A record that
    can be restored comes back as it was."""
    old, first = await a_record(house)
    running = (await house.uploads.create(ANNA, creation(len(NEW), replaces=old.id, original_name=name), None)).upload
    await house.videos.remove(ANNA, old.id, with_file=True)
    if gone:
        house.clock.move(UNDO_SECONDS)
        await house.removing.run()
    upload = (await append(house, running, NEW, at=0)).upload
    assert upload.location is not None
    [video] = await house.sessions.videos(ANNA, limit=9)
    assert video.id != old.id
    assert video.title == (name or upload.location.filename)
    assert await content(house, video) == NEW
    assert told(house, "replaced_video_gone") == [{"replaces": old.id, "video": video.id}]
    if not gone:
        assert await house.videos.restore(ANNA, old.id) == old
        assert await content(house, old) == OLD
        assert await is_there(house, first.location)


async def test_removing_the_new_upload_removes_the_record(house: House) -> None:
    """As with any published file; and so does removing the old one before it was replaced."""
    old, first = await a_record(house)
    upload = await publish(house, NEW, replaces=old.id)
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=first.id))
    assert await content(house, old) == NEW, "the old one has nothing to do with the record any more"
    assert await house.removing.run() == Removed()
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    assert await house.sessions.videos(ANNA, limit=9) == ()


@pytest.mark.parametrize("way", ["tus", "chunks"])
async def test_an_upload_that_goes_before_it_has_replaced_anything_takes_no_record_along(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Its bytes were all there and could not be published: who gives it up then keeps the record as it was."""

    async def full(*_: object, **__: object) -> bool:
        raise DiskFull

    old, first = await a_record(house, profile="files" if way == "tus" else "poster")
    with monkeypatch.context() as patch:
        patch.setattr(house.store, "publish", full)
        with pytest.raises(DiskFull):
            await send(house, old.id, way=way)
    [given_up] = await house.sessions.with_status(Status.FINALIZING, after=None, limit=9)
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=given_up.id))
    await house.removing.run()
    assert await house.videos.get(ANNA, old.id) == old
    assert await content(house, old) == OLD
    complete = await house.sessions.with_status(Status.COMPLETE, after=None, limit=9)
    assert [each.id for each in complete] == [first.id]
    assert await house.sessions.get(given_up.id) is None


async def test_the_old_file_is_described_no_more(house: House) -> None:
    """While it waits to be removed nobody can bring it back."""
    old, _ = await a_record(house)
    await publish(house, NEW, replaces=old.id)
    wish = DescribeVideo(profile="files", filename=old.filename, title="Late", description="")
    with pytest.raises(NotFound):
        await house.videos.describe(ANNA, wish)
    await house.removing.run()
    assert len(await house.sessions.videos(ANNA, limit=9)) == 1


async def test_a_download_that_runs_goes_on(house: House) -> None:
    """The file is open, and stays what it was; who comes later gets the new one."""
    old, _ = await a_record(house)
    _, _, file = await house.videos.open_file(ANNA, old.id)
    await publish(house, NEW, replaces=old.id)
    await house.removing.run()
    assert b"".join([block async for block in file.read(0, file.size)]) == OLD
    await file.close()
    assert await content(house, old) == NEW


async def test_the_new_file_is_examined_anew(house: House) -> None:
    """What was known is of the old file; an examination that still runs says nothing of the new one."""
    inspector = HandInspector()
    checked = house.with_(inspector=inspector)
    old, _ = await a_record(checked)
    await checked.inspecting.run()
    known = await checked.videos.get(ANNA, old.id)
    assert known.thumbnail is not None
    await publish(checked, NEW, replaces=old.id)
    waiting = await checked.videos.get(ANNA, old.id)
    assert (waiting.state, waiting.duration, waiting.thumbnail) == (VideoState.CHECKING, None, None)
    assert (waiting.tries, waiting.reason) == (0, None)
    late = await checked.sessions.end_check(
        known, state=VideoState.READY, reason=None, facts=inspector.answer.facts, thumbnail="late"
    )
    assert late is None
    await checked.inspecting.run()
    assert [data for _, data in inspector.asked] == [OLD, NEW]
    assert (await checked.videos.get(ANNA, old.id)).state is VideoState.READY


async def test_a_file_that_was_removed_by_hand_is_replaced(house: House) -> None:
    """The new one has its name, then; nothing is left to be removed, and the record has its file again."""
    old, first = await a_record(house)
    assert first.location is not None
    await house.store.remove_published(first.location)
    upload = await publish(house, NEW, replaces=old.id, original_name="old.mp4")
    assert upload.location == first.location
    await house.removing.run()
    assert await content(house, old) == NEW


async def test_a_record_without_its_file_gives_way_to_the_new_one(house: House) -> None:
    """Its file was removed by hand, and another record's new one has the name by now."""
    other, lost = await a_record(house)
    assert lost.location is not None
    await publish(house, OLD, title="Hill", original_name="hill.mp4")
    [hill] = (await house.videos.list(ANNA, ListVideos(limit=9, query="hill"))).videos
    await house.store.remove_published(lost.location)
    await publish(house, NEW, replaces=hill.id, original_name="old.mp4")
    [video] = await house.sessions.videos(ANNA, limit=9)
    assert (video.id, video.filename) == (hill.id, other.filename)
    await house.removing.run()
    assert await content(house, hill) == NEW


async def test_a_replaced_record_is_changed_and_removed_as_ever(house: House) -> None:
    """With its new file."""
    old, _ = await a_record(house)
    upload = await publish(house, NEW, replaces=old.id)
    await house.videos.change(ANNA, ChangeVideo(video_id=old.id, title="Lake"))
    await house.videos.remove(ANNA, old.id, with_file=True)
    house.clock.move(UNDO_SECONDS)
    assert await house.removing.run() == Removed(removed=2)
    assert not await is_there(house, upload.location)


async def send(house: House, replaces: str, *, way: str) -> None:
    """Do what is left of a replacement, as a client that forgets nothing."""
    if way == "tus":
        upload = await publish(house, NEW, replaces=replaces, creation_key="k")
        if upload.status is Status.OPEN:
            await append(house, upload, NEW[upload.offset :], at=upload.offset)
        return
    for index, data in enumerate(TWO):
        await put(house, index, data, total=2, part_size=100, replaces=replaces, profile="poster")
    await house.finalizing.finalize(ANNA, finalizing(2, replaces=replaces))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("way", ["tus", "chunks"])
async def test_a_death_at_any_step_leaves_the_record_with_one_whole_file(
    house: House, way: str, *, after: bool
) -> None:
    """At the moment of death, after recovery and in the end: the record is there, and its file is the old or the new
    one, whole. In the end it is the new one, and the old one is gone."""
    profile = "files" if way == "tus" else "poster"
    for last in range(60):
        old, first = await a_record(house, profile=profile)
        steps = Steps(at=last, after=after)
        dying = house.with_steps(steps)
        with contextlib.suppress(Crash):
            await send(dying, old.id, way=way)
            await dying.removing.run()
        found = await content(house, old)
        assert found in {OLD, NEW}
        assert found == NEW or await is_there(house, first.location)
        next_one, _ = await house.restarted()
        assert await content(next_one, old) in {found, NEW}
        with contextlib.suppress(TusvideoError):
            await send(next_one, old.id, way=way)
        await next_one.removing.run()
        assert await content(next_one, old) == NEW
        assert not await is_there(next_one, first.location)
        assert await next_one.sessions.next_removal() is None
        [upload] = await next_one.sessions.with_status(Status.COMPLETE, after=None, limit=9)
        await next_one.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
        assert await next_one.sessions.videos(ANNA, limit=9) == ()
        if steps.is_over:
            return
    pytest.fail("it takes more steps than were tried")


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_record_that_is_removed_while_it_gets_another_file_goes_with_that(
    house: House, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    """Whoever removes a record with its file leaves no file behind: neither the old one nor the new one."""
    old, first = await a_record(house)
    published = house.sessions.published

    async def meanwhile(location: Location) -> Upload | None:
        found = await published(location)
        monkeypatch.setattr(house.sessions, "published", published)
        news.append(await publish(house, NEW, replaces=old.id))
        return found

    news: list[Upload] = []
    monkeypatch.setattr(house.sessions, "published", meanwhile)
    await house.videos.remove(ANNA, old.id, with_file=True, at_once=at_once)
    house.clock.move(UNDO_SECONDS)
    await house.removing.run()
    with pytest.raises(NotFound):
        await house.videos.get(ANNA, old.id)
    for upload in (first, *news):
        assert not await is_there(house, upload.location)
    assert await house.sessions.next_removal() is None


@pytest.mark.parametrize("plays", [False, True])
async def test_who_opens_a_record_that_gets_another_file_has_one_of_them(
    house: House, monkeypatch: pytest.MonkeyPatch, *, plays: bool
) -> None:
    """Also when the old file goes between the look at the record and the one at its file."""
    old, _ = await a_record(house)
    published = house.sessions.published

    async def too_late(location: Location) -> Upload | None:
        monkeypatch.setattr(house.sessions, "published", published)
        await publish(house, NEW, replaces=old.id)
        await house.removing.run()
        return await published(location)

    monkeypatch.setattr(house.sessions, "published", too_late)
    if plays:
        _, file = await house.playing.open(ANNA, old.id)
    else:
        _, _, file = await house.videos.open_file(ANNA, old.id)
    assert b"".join([block async for block in file.read(0, file.size)]) == NEW
    await file.close()
