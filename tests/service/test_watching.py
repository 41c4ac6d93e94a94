"""Feeds and watchers by themselves: what is looked at when, and that nothing grows."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.fakes.house import ANNA
from tusvideo.commands import VideoGone
from tusvideo.service import watching
from tusvideo.service.watching import Feed, Mark, News, OfVideo, Watcher


def of(*numbers: int) -> list[Mark]:
    """Marks by number."""
    return [OfVideo(str(number)) for number in numbers]


async def soon(feed: Feed) -> Sequence[Mark]:
    """What is to be looked at next."""
    async with asyncio.timeout(20):
        return await feed.next()


async def is_idle(feed: Feed) -> bool:
    """Tell whether nothing is to be looked at now."""
    waiting = asyncio.create_task(feed.next())
    for _ in range(5):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    return waiting.cancelled()


def a_watcher() -> Watcher:
    """Somebody who follows."""
    return Watcher(ANNA, is_gone=lambda: False)


async def test_what_is_marked_often_is_looked_at_once() -> None:
    """In the order in which it was marked first."""
    feed = Feed(ANNA)
    for mark in of(1, 2, 1, 3, 1):
        feed.mark(mark)
    assert await soon(feed) == of(1, 2, 3)


async def test_the_same_is_not_looked_at_faster_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes too soon waits, and is not lost; another does not wait with it."""
    monkeypatch.setattr(watching, "PACE_SECONDS", 1000.0)
    feed = Feed(ANNA)
    feed.mark(*of(1))
    assert await soon(feed) == of(1)
    feed.mark(*of(1))
    feed.mark(*of(2))
    assert await soon(feed) == of(2)
    assert await is_idle(feed)
    monkeypatch.setattr(watching, "PACE_SECONDS", 0.0)
    assert await soon(feed) == of(1)
    assert await is_idle(feed)


async def test_many_are_looked_at_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at once, and no more in a second than may be, so that whatever else is done has its turn."""
    monkeypatch.setattr(watching, "MOST_TOGETHER", 2)
    monkeypatch.setattr(watching, "MOST_A_SECOND", 0.001)
    feed = Feed(ANNA)
    for mark in of(1, 2, 3):
        feed.mark(mark)
    assert await soon(feed) == of(1, 2)
    assert await is_idle(feed)
    feed._free_at = 0.0
    assert await soon(feed) == of(3)


async def test_what_is_to_be_looked_at_again_is() -> None:
    """After its time, once; earlier when it changes, and then not once more."""
    feed = Feed(ANNA)
    feed.look_again(*of(1), after=0.01)
    assert await soon(feed) == of(1)
    feed.look_again(*of(2), after=1000.0)
    assert await is_idle(feed)
    feed.mark(*of(2))
    assert await soon(feed) == of(2)
    assert not feed._again_at


async def test_a_feed_that_nobody_looks_at_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound all who follow begin anew."""
    monkeypatch.setattr(watching, "MOST_MARKS", 3)
    feed, watcher = Feed(ANNA), a_watcher()
    feed.watchers.append(watcher)
    lost = []
    for mark in of(1, 2, 3, 1, 2, 3, 4):
        feed.mark(mark)
        lost.append(watcher.is_lost)
    assert lost == [False] * 6 + [True]
    assert not feed._ready


async def test_the_marks_that_were_told_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once they hold nothing up."""
    monkeypatch.setattr(watching, "PACE_SECONDS", 0.0)
    feed = Feed(ANNA)
    for mark in of(*range(50)):
        feed.mark(mark)
        assert await soon(feed) == [mark]
        assert len(feed._told_at) == 1


async def test_one_who_reads_nothing_keeps_the_last_of_each_and_is_given_up_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """News of the same take the place of older ones; beyond a bound nothing is kept, and reading ends at once."""
    monkeypatch.setattr(watching, "MOST_MARKS", 3)
    monkeypatch.setattr(watching, "MOST_TOGETHER", 2)
    watcher = a_watcher()
    last: dict[Mark, News] = {}
    for mark in of(1, 2, 3) * 5:
        last[mark] = News(VideoGone(video_id="v"))
        watcher.tell(mark, last[mark])
    assert await watcher.next(patience_seconds=9) == [last[mark] for mark in of(1, 2)]
    for mark in of(4, 5, 6, 7):
        watcher.tell(mark, last[OfVideo("3")])
    assert watcher.is_lost
    assert await watcher.next(patience_seconds=1000) == []
    assert not watcher._untold
