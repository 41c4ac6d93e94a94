"""ProgressService: lists, drafts, and news for those who follow."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, BERT, House
from tests.service.wishes import a_video, appending, creation, creation_with
from tests.web.wire import until
from tusvideo.commands import (
    Change,
    ChangeVideo,
    DescribeVideo,
    DraftUpload,
    TerminateUpload,
    UploadGone,
    UploadShown,
    VideoGone,
)
from tusvideo.errors import NotFound, StorageFailed, TookTooLong, TooManyStreams
from tusvideo.model import Upload, UploadId, UploadState, UserId
from tusvideo.rules import progress as rules
from tusvideo.service import progress, watching
from tusvideo.service.watching import Watcher

DATA = a_video(100)


async def begun(house: House, *, title: str | None = None) -> Upload:
    """Make an upload of anna that has no byte yet."""
    return (await house.uploads.create(ANNA, creation(length=100, title=title), None)).upload


async def append(house: House, upload: Upload, data: bytes, *, at: int = 0) -> None:
    """Append bytes."""
    await house.uploads.append(ANNA, appending(upload, len(data), at=at), FakeBody(data))


def draft(upload: Upload, **texts: str) -> DraftUpload:
    """Ask for other texts."""
    return DraftUpload(upload_id=upload.id, **texts)


class Follower:
    """Somebody who follows, and reads one change at a time."""

    def __init__(self, house: House, watcher: Watcher) -> None:
        self.watcher = watcher
        self._news = house.progress.follow(watcher)
        self._read: list[Change] = []

    async def next(self) -> Change | None:
        """The next change; None for a sign of life."""
        if not self._read:
            async with asyncio.timeout(20):
                self._read = [news.change for news in await anext(self._news)]
        return self._read.pop(0) if self._read else None

    async def upload(self) -> UploadShown:
        """The next change, which is that of an upload."""
        change = await self.next()
        assert isinstance(change, UploadShown)
        return change

    async def published(self) -> UploadShown:
        """The next change of an upload that is not being published just then."""
        while (shown := await self.upload()).state is UploadState.CHECKING:
            pass
        return shown

    async def close(self) -> None:
        """Read no more."""
        await self._news.aclose()


@asynccontextmanager
async def following(house: House) -> AsyncIterator[Follower]:
    """Follow the things of anna."""
    watcher = house.progress.watch(ANNA, is_gone=lambda: False)
    follower = Follower(house, watcher)
    try:
        yield follower
    finally:
        await follower.close()
        house.progress.leave(watcher)


async def test_an_upload_is_listed_while_it_goes_on(house: House) -> None:
    """Uploading, paused after five seconds, ready when it is whole, and gone from the list a minute later."""
    upload = await begun(house, title="Sea")
    states = []
    for step in ("nothing", "quiet", "half", "whole", "later"):
        if step == "quiet":
            house.clock.move(5)
        elif step == "half":
            await append(house, upload, DATA[:50])
        elif step == "whole":
            await append(house, upload, DATA[50:], at=50)
        elif step == "later":
            house.clock.move(60)
        states.append([(shown.upload.offset, shown.state.value) for shown in await house.progress.list(ANNA)])
    assert states == [[(0, "uploading")], [(0, "paused")], [(50, "uploading")], [(100, "ready")], []]
    assert await house.progress.list(BERT) == ()
    shown = await house.progress.get(ANNA, upload.id)
    assert shown.video_id is not None
    assert (await house.videos.get(ANNA, shown.video_id)).title == "Sea"


@pytest.mark.parametrize(("kind", "state"), [("published", UploadState.READY), ("refused", UploadState.FAILED)])
async def test_an_upload_that_ends_late_is_shown_for_a_minute(house: House, kind: str, state: UploadState) -> None:
    """By its end, not by its last byte: its publication waited for a disk, or for a judgement."""
    upload = await begun(house)
    await append(house, upload, DATA[:50])
    was = await house.row(upload.id)
    await house.sessions.save(replace(was, length=50), was=was)
    house.clock.move(3600)
    whole = await house.row(upload.id)
    if kind == "published":
        await house.publisher.publish(whole)
    else:
        await house.publisher.refuse(whole, code="unsupported_type")
    found = []
    for seconds in (0, 59, 1):
        house.clock.move(seconds)
        found.append([shown.state for shown in await house.progress.list(ANNA)])
    assert found == [[state], [state], []]


async def test_others_see_nothing(house: House) -> None:
    """Somebody else's upload is unknown, and so is one that was removed."""
    upload = await begun(house)
    for user, upload_id in ((BERT, upload.id), (ANNA, UploadId("e" * 32))):
        with pytest.raises(NotFound):
            await house.progress.get(user, upload_id)
        with pytest.raises(NotFound):
            await house.progress.draft(user, DraftUpload(upload_id=upload_id, title="x"))
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
    with pytest.raises(NotFound):
        await house.progress.get(ANNA, upload.id)


async def test_a_draft_becomes_the_record(house: House) -> None:
    """Its texts win over those that the client sent with the upload."""
    upload = await begun(house, title="from the client")
    await append(house, upload, DATA[:50])
    shown = await house.progress.draft(ANNA, draft(upload, title="Sea"))
    assert (shown.upload.title, shown.upload.description) == ("Sea", None)
    await house.progress.draft(ANNA, draft(upload, description="waves"))
    await append(house, upload, DATA[50:], at=50)
    [video] = await house.sessions.videos(ANNA, limit=9)
    assert (video.title, video.description) == ("Sea", "waves")


async def test_a_draft_that_comes_late_changes_the_record(house: House) -> None:
    """Or makes it, if there is none and it has a title."""
    upload = await begun(house)
    await append(house, upload, DATA)
    with pytest.raises(NotFound):
        await house.progress.draft(ANNA, draft(upload, description="waves"))
    shown = await house.progress.draft(ANNA, draft(upload, title="Sea"))
    assert shown.video_id is not None
    await house.progress.draft(ANNA, draft(upload, description="waves"))
    video = await house.videos.get(ANNA, shown.video_id)
    assert (video.title, video.description) == ("Sea", "waves")


async def test_a_draft_during_a_transfer_is_kept(house: House) -> None:
    """Whatever the transfer commits afterwards."""
    upload = await begun(house)
    body = FakeBody(DATA[:40], is_open=True)
    transfer = asyncio.create_task(house.uploads.append(ANNA, appending(upload, 80, at=0), body))
    await body.hungry.wait()
    await house.progress.draft(ANNA, draft(upload, title="Sea"))
    body.end(DATA[40:80])
    await transfer
    row = await house.row(upload.id)
    assert (row.title, row.offset) == ("Sea", 80)


async def test_one_who_follows_hears_of_everything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads that begin, move, end and go; records that are made, change and go. Others hear nothing of it."""
    monkeypatch.setattr(watching, "PACE_SECONDS", 0.0)
    stranger = house.progress.watch(BERT, is_gone=lambda: False)
    async with following(house) as follower:
        upload = await begun(house)
        assert (await follower.upload()).upload.offset == 0
        await append(house, upload, DATA[:50])
        assert (await follower.upload()).upload.offset == 50
        await append(house, upload, DATA[50:], at=50)
        assert (await follower.published()).state is UploadState.READY
        description = DescribeVideo(profile="files", filename="clip.bin", title="Sea", description="")
        video = (await house.videos.describe(ANNA, description)).video
        assert await follower.next() == video
        changed = await house.videos.change(ANNA, ChangeVideo(video_id=video.id, title="Lake"))
        assert await follower.next() == changed
        await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
        last = [await follower.next(), await follower.next()]
        assert UploadGone(upload_id=upload.id) in last
        assert VideoGone(video_id=video.id) in last
    assert await stranger.next(patience_seconds=0) == []
    house.progress.leave(stranger)


async def test_the_record_of_an_upload_is_news(house: House) -> None:
    """One that is made with the file."""
    async with following(house) as follower:
        await house.uploads.create(ANNA, creation_with(DATA, length=100, title="Sea"), FakeBody(DATA))
        [video] = await house.sessions.videos(ANNA, limit=9)
        found: list[Change | None] = []
        while not any(isinstance(change, UploadShown) and change.video_id == video.id for change in found):
            found.append(await follower.next())
        if video not in found:
            assert await follower.next() == video


async def test_what_happens_in_between_is_told_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who reads slowly hears of the last state, and of that for sure."""
    monkeypatch.setattr(watching, "PACE_SECONDS", 0.0)
    async with following(house) as follower:
        upload = await begun(house)
        told = [(await follower.upload()).upload.offset]
        for at in range(0, 90, 10):
            await append(house, upload, DATA[at : at + 10], at=at)
        while told[-1] < 90:
            told.append((await follower.upload()).upload.offset)
        assert told == sorted(set(told))
        await append(house, upload, DATA[90:], at=90)
        assert (await follower.published()).state is UploadState.READY


async def test_all_who_follow_hear_the_same_news(house: House) -> None:
    """What is told is loaded and put into words once, however many follow; each hears all of it."""
    watchers = [house.progress.watch(ANNA, is_gone=lambda: False) for _ in range(5)]
    uploads = {(await begun(house)).id for _ in range(3)}
    heard: list[set[watching.News]] = [set() for _ in watchers]
    for watcher, news in zip(watchers, heard, strict=True):
        async with asyncio.timeout(20):
            while len(news) < 3:
                news.update(await watcher.next(patience_seconds=9))
        house.progress.leave(watcher)
    assert heard == [heard[0]] * 5
    assert {news.change.upload.id for news in heard[0] if isinstance(news.change, UploadShown)} == uploads


async def test_an_upload_that_was_quiet_before_is_news(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line died before anybody looked; whoever follows and asks for the list hears that it is paused."""
    monkeypatch.setattr(rules, "QUIET_SECONDS", 0.01)
    await begun(house)
    async with following(house) as follower:
        [shown] = await house.progress.list(ANNA)
        assert shown.state is UploadState.UPLOADING
        house.clock.move(5)
        assert (await follower.upload()).state is UploadState.PAUSED


async def test_what_cannot_be_looked_at_now_is_told_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of others are in the way; when the table fails, those who follow begin anew, and can."""
    present, answers = house.publisher.sessions.present, [TookTooLong(), None, StorageFailed()]

    async def fail(upload_ids: Sequence[UploadId], *, owner: UserId) -> Mapping[UploadId, Upload]:
        if (error := answers.pop(0)) is not None:
            raise error
        return await present(upload_ids, owner=owner)

    monkeypatch.setattr(house.publisher.sessions, "present", fail)
    async with following(house) as follower:
        upload = await begun(house)
        assert (await follower.upload()).upload.id == upload.id
        await append(house, upload, DATA[:50])
        with pytest.raises(StopAsyncIteration):
            await follower.next()
    monkeypatch.undo()
    async with following(house) as follower:
        await append(house, upload, DATA[50:60], at=50)
        assert (await follower.upload()).upload.offset == 60


async def test_an_upload_that_goes_quiet_is_news(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says that a line died; it is told all the same."""
    monkeypatch.setattr(watching, "PACE_SECONDS", 0.0)
    monkeypatch.setattr(rules, "QUIET_SECONDS", 0.01)
    async with following(house) as follower:
        await begun(house)
        assert (await follower.upload()).state is UploadState.UPLOADING
        house.clock.move(5)
        assert (await follower.upload()).state is UploadState.PAUSED


async def test_silence_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the connection is known to live."""
    monkeypatch.setattr(progress, "BEAT_SECONDS", 0.01)
    async with following(house) as follower:
        assert await follower.next() is None


async def test_one_who_reads_nothing_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than so much is not kept for anybody; to begin anew costs less."""
    monkeypatch.setattr(watching, "MOST_MARKS", 3)
    async with following(house) as follower:
        for _ in range(4):
            await begun(house)
        await until(lambda: follower.watcher.is_lost)
        with pytest.raises(StopAsyncIteration):
            await follower.next()


async def test_what_was_told_is_not_kept_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound the oldest is forgotten, and told once more at worst."""
    monkeypatch.setattr(progress, "MOST_MARKS", 2)
    monkeypatch.setattr(watching, "PACE_SECONDS", 0.0)
    async with following(house) as follower:
        uploads = [await begun(house) for _ in range(3)]
        assert {(await follower.upload()).upload.id for _ in uploads} == {upload.id for upload in uploads}
        for upload in (uploads[2], uploads[0]):
            house.publisher.watchers.tell_upload(upload)
        assert (await follower.upload()).upload.id == uploads[0].id


async def test_so_many_follow_at_once(house: House) -> None:
    """One more is refused, until one leaves or is found to be gone; other users are not concerned."""
    gone: set[int] = set()
    watchers = [house.progress.watch(ANNA, is_gone=partial(gone.__contains__, n)) for n in range(watching.MOST_STREAMS)]
    with pytest.raises(TooManyStreams):
        house.progress.watch(ANNA, is_gone=lambda: False)
    house.progress.watch(BERT, is_gone=lambda: False)
    gone.add(3)
    last = house.progress.watch(ANNA, is_gone=lambda: False)
    for watcher in (*watchers, last, last):
        house.progress.leave(watcher)
    assert isinstance(house.progress.watch(ANNA, is_gone=lambda: False), Watcher)


async def test_nothing_runs_when_nobody_follows(house: House) -> None:
    """What looks at changes ends with the last who follows."""
    before = asyncio.all_tasks()
    watchers = [house.progress.watch(ANNA, is_gone=lambda: False) for _ in range(2)]
    [telling] = asyncio.all_tasks() - before
    house.progress.leave(watchers[0])
    await begun(house)
    assert not telling.done()
    house.progress.leave(watchers[1])
    await asyncio.wait([telling], timeout=20)
    assert telling.cancelled()
