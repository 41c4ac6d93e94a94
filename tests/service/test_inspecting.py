"""Inspecting: what waits is examined, a few at a time, and no failure of that harms an upload."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Steps
from tests.fakes.house import ANNA, BERT, House
from tests.fakes.media import FACTS, PICTURE, HandInspector
from tests.service.wishes import a_video, creation_with
from tests.web.wire import until
from tusvideo.commands import DescribeVideo, ListVideos, TerminateUpload
from tusvideo.errors import NotFound, StorageFailed
from tusvideo.model import Upload
from tusvideo.rules.facts import MAX_TRIES, REASONS
from tusvideo.service.inspecting import AT_ONCE, Inspected
from tusvideo.video import Facts, Fault, Inspection, Video, VideoState

DATA = a_video(100)


@pytest.fixture
def inspector() -> HandInspector:
    """Says that all is well."""
    return HandInspector()


@pytest.fixture
def checked(house: House, inspector: HandInspector) -> House:
    """A server that examines videos."""
    return house.with_(inspector=inspector)


async def published(house: House, name: str = "a.mp4", *, title: str | None = "Sea", data: bytes = DATA) -> Upload:
    """Publish a file of anna; a title makes its record."""
    command = creation_with(data, length=len(data), original_name=name, title=title)
    return (await house.uploads.create(ANNA, command, FakeBody(data))).upload


async def record(house: House) -> Video:
    """The only record there is."""
    [video] = (await house.videos.list(ANNA, ListVideos(limit=9))).videos
    return video


async def test_a_new_record_waits(checked: House, inspector: HandInspector) -> None:
    """It is CHECKING until it was examined; then it has its facts, and its thumbnail. Texts and times stay."""
    await published(checked)
    waiting = await record(checked)
    assert (waiting.state, waiting.duration) == (VideoState.CHECKING, None)
    assert checked.publisher.bell.is_set()
    assert await checked.inspecting.run() == Inspected(ready=1)
    video = await record(checked)
    assert inspector.asked == [("mp4", DATA)]
    facts = {name: getattr(FACTS, name) for name in Facts.__slots__}
    assert video == replace(waiting, state=VideoState.READY, tries=1, thumbnail=video.thumbnail, **facts)
    assert await checked.inspecting.picture(video) == PICTURE
    assert await checked.inspecting.run() == Inspected()


async def test_a_described_file_waits_too(checked: House) -> None:
    """A record that is made afterwards is no different; describing it again starts nothing."""
    await published(checked, title=None)
    wish = DescribeVideo(profile="files", filename="a.mp4", title="Sea", description="")
    assert (await checked.videos.describe(ANNA, wish)).video.state is VideoState.CHECKING
    assert checked.publisher.bell.is_set()
    assert await checked.inspecting.run() == Inspected(ready=1)
    assert (await checked.videos.describe(ANNA, replace(wish, title="Lake"))).video.state is VideoState.READY
    assert await checked.inspecting.run() == Inspected()


async def test_other_files_do_not_wait(checked: House, inspector: HandInspector) -> None:
    """What is no video is ready at once, and never read."""
    await published(checked, "a.txt", data=b"letters")
    assert (await record(checked)).state is VideoState.READY
    assert not checked.publisher.bell.is_set()
    await checked.inspecting.run()
    assert inspector.asked == []


async def test_without_an_inspector_all_is_ready(house: House) -> None:
    """Ready at once, and nothing is known."""
    await published(house)
    video = await record(house)
    assert (video.state, video.duration, video.thumbnail) == (VideoState.READY, None, None)
    assert await house.inspecting.run() == Inspected()
    with pytest.raises(NotFound):
        await house.inspecting.picture(video)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.NO_READER])
async def test_a_fault_fails_the_record_and_nothing_else(
    checked: House, inspector: HandInspector, fault: Fault
) -> None:
    """The record says why, in a sentence; the file is there as it was uploaded."""
    inspector.answer = Inspection(fault=fault)
    upload = await published(checked)
    assert await checked.inspecting.run() == Inspected(failed=1)
    video = await record(checked)
    assert (video.state, video.reason, video.thumbnail) == (VideoState.FAILED, REASONS[fault], None)
    assert await checked.published(upload) == DATA
    assert await checked.inspecting.run() == Inspected()


async def test_no_reader_is_nobodys_fault(checked: House, inspector: HandInspector) -> None:
    """A library that cannot be loaded fails no video."""
    inspector.answer = Inspection(fault=Fault.NO_READER)
    await published(checked)
    assert await checked.inspecting.run() == Inspected(ready=1)
    assert ((await record(checked)).state, (await record(checked)).reason) == (VideoState.READY, None)


async def test_so_many_at_once(house: House) -> None:
    """Ten that wait are examined two at a time, each once."""
    inspector = HandInspector(held=True)
    checked = house.with_(inspector=inspector)
    for number in range(10):
        await published(checked, f"{number}.mp4", data=a_video(100 + number))
    running = asyncio.create_task(checked.inspecting.run())
    await until(lambda: len(inspector.asked) >= AT_ONCE)
    inspector.go.set()
    assert await running == Inspected(ready=10)
    assert inspector.most_at_once == AT_ONCE
    assert len({content for _, content in inspector.asked}) == len(inspector.asked) == 10


async def test_what_comes_meanwhile_is_examined_too(house: House) -> None:
    """A pass ends when nothing waits any more."""
    inspector = HandInspector(held=True)
    checked = house.with_(inspector=inspector)
    await published(checked, "a.mp4")
    running = asyncio.create_task(checked.inspecting.run())
    await until(lambda: bool(inspector.asked))
    await published(checked, "b.mp4")
    inspector.go.set()
    done = await running
    done.ready += (await checked.inspecting.run()).ready
    assert done.ready == 2


async def test_a_server_that_died_tries_again(house: House) -> None:
    """What was not committed is examined by the next process; what was, is not."""
    await published(house.with_(inspector=HandInspector()), "a.mp4")
    first = HandInspector(held=True)
    running = asyncio.create_task(house.with_(inspector=first).inspecting.run())
    await until(lambda: bool(first.asked))
    inspector = HandInspector()
    next_one, _ = await house.with_(inspector=inspector).restarted()
    assert await next_one.inspecting.run() == Inspected(ready=1)
    assert (await record(house)).tries == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await record(house)).state is VideoState.READY


async def test_it_is_not_tried_for_ever(checked: House, inspector: HandInspector) -> None:
    """A video with which the server died five times is not read a sixth time."""
    await published(checked)
    video = await record(checked)
    assert await checked.sessions.begin_check(video, tries=MAX_TRIES) is not None
    assert await checked.inspecting.run() == Inspected(failed=1)
    assert (await record(checked)).reason == REASONS[Fault.GIVEN_UP]
    assert inspector.asked == []


@pytest.mark.parametrize("end", ["cancelled", "failed"])
async def test_an_orderly_end_is_no_try(house: House, end: str) -> None:
    """A stop, or a machine that could not do it now, counts for nothing: the video is examined later."""
    inspector = HandInspector(held=True)
    inspector.error = StorageFailed() if end == "failed" else None
    checked = house.with_(inspector=inspector)
    await published(checked)
    running = asyncio.create_task(checked.inspecting.run())
    await until(lambda: bool(inspector.asked))
    if end == "failed":
        inspector.go.set()
    else:
        running.cancel()
    with pytest.raises((StorageFailed, asyncio.CancelledError)):
        await running
    video = await record(checked)
    assert (video.state, video.tries) == (VideoState.CHECKING, 0)
    inspector.error = None
    inspector.go.set()
    assert await checked.inspecting.run() == Inspected(ready=1)


async def test_a_record_that_goes_meanwhile(house: House) -> None:
    """Nothing comes back, and its thumbnail goes with the next sweep at the latest."""
    inspector = HandInspector(held=True)
    checked = house.with_(inspector=inspector)
    await published(checked)
    video = await record(checked)
    running = asyncio.create_task(checked.inspecting.run())
    await until(lambda: bool(inspector.asked))
    await checked.videos.remove(ANNA, video.id, with_file=True, at_once=True)
    inspector.go.set()
    assert await running == Inspected()
    assert (await checked.videos.list(ANNA, ListVideos(limit=9))).videos == ()
    assert list(checked.thumbnails.kept) == []


async def test_a_file_that_went(checked: House, inspector: HandInspector) -> None:
    """A record whose file somebody removed says so."""
    upload = await published(checked)
    assert upload.location is not None
    await checked.store.remove_published(upload.location)
    assert await checked.inspecting.run() == Inspected(failed=1)
    assert (await record(checked)).reason == REASONS[Fault.GONE]
    assert inspector.asked == []


def _drop_file_profile(house: House) -> None:
    del house.publisher.profiles["files"]  # type: ignore[attr-defined]  # it is a dict here


async def test_a_profile_that_went(checked: House) -> None:
    """A record of a profile that is configured no more cannot be found a file for."""
    await published(checked)
    _drop_file_profile(checked)
    assert await checked.inspecting.run() == Inspected(failed=1)


async def test_a_removed_record_leaves_no_thumbnail(checked: House) -> None:
    """The sweep of thumbnails comes by every ten minutes, and drops what has no record."""
    upload = await published(checked)
    await checked.inspecting.run()
    assert len(checked.thumbnails.kept) == 1
    await checked.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    checked.clock.move(601)
    assert await checked.inspecting.run() == Inspected(dropped=1)
    assert checked.thumbnails.kept == {}


async def test_the_first_pass_of_a_server_drops_what_a_crash_left(checked: House) -> None:
    """A thumbnail that was kept before its record was committed is nobody's."""
    await checked.thumbnails.put(BERT, "0" * 32 + "-" + "1" * 16, PICTURE)
    assert await checked.inspecting.run() == Inspected(dropped=1)


async def test_an_inspector_that_came_later(house: House) -> None:
    """Records of videos from before are examined after the next start; those of other files stay as they are."""
    await published(house, "a.mp4")
    await published(house, "a.txt", data=b"letters", title="Text")
    inspector = HandInspector()
    assert await house.with_(inspector=inspector).inspecting.run() == Inspected(ready=1)
    assert len(inspector.asked) == 1
    assert await house.with_(inspector=inspector).inspecting.run() == Inspected()


async def test_an_inspector_that_went(checked: House, house: House) -> None:
    """Records that wait are ready after the next start, and wait again when it is back."""
    await published(checked)
    await house.inspecting.run()
    assert ((await record(house)).state, (await record(house)).tries) == (VideoState.READY, 0)
    again = house.with_(inspector=HandInspector())
    assert await again.inspecting.run() == Inspected(ready=1)


async def test_the_bell(checked: House) -> None:
    """Who waits for work is told when there is some; the first pass of a server waits for nobody."""
    await checked.inspecting.wait()
    await checked.inspecting.run()
    waiting = asyncio.create_task(checked.inspecting.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    await published(checked)
    await waiting


async def test_a_database_that_fails(checked: House, inspector: HandInspector) -> None:
    """At whichever step it fails, the error is told, and a later pass brings all to its end."""
    await published(checked)
    failed = 0
    while True:
        steps = Steps(at=failed, error=StorageFailed, once=True)
        with contextlib.suppress(StorageFailed):
            await checked.with_steps(steps).inspecting.run()
        if steps.is_over:
            break
        failed += 1
    assert failed > 3
    assert (await record(checked)).state is VideoState.READY
