"""Who follows what happens to the uploads and records of a user, and what they have not been told yet.

Nobody waits for those who follow: what happened is noted as the name of an upload or a record, and how that is by then
is loaded when it is told, once for all who follow the same user. So one that reads slowly is told less often, and
always of the last state. Whatever is noted or told costs the same, however much else there is.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tusvideo.commands import Change
from tusvideo.errors import TooManyStreams
from tusvideo.model import Upload, UploadId, UserId

MOST_STREAMS = 32
"""So many follow one user at once."""
MOST_MARKS = 10_000
"""Of so many uploads and records that changed and were not told, one who reads slowly is given up."""
MOST_TOGETHER = 200
"""So many changes are loaded, and told, in one go: a few milliseconds for those who do anything else."""
MOST_A_SECOND = 2000
"""So many changes of the things of one user are told in a second: where more move, each is told less often."""
PACE_SECONDS = 0.25
"""So far apart are two reports of one upload, at least."""


@dataclass(frozen=True, slots=True)
class OfUpload:
    """Something happened to an upload."""

    id: UploadId


@dataclass(frozen=True, slots=True)
class OfVideo:
    """Something happened to a record."""

    id: str


Mark = OfUpload | OfVideo


@dataclass(slots=True, eq=False)
class News:
    """A change that is told to all who follow."""

    change: Change
    block: bytes = b""
    """It in words, made by the first who sends it, for all others."""


class Watcher:
    """One who follows: what it was not told, the last of each upload and record, and not without bound."""

    def __init__(self, owner: UserId, *, is_gone: Callable[[], bool]) -> None:
        self.owner = owner
        self.is_gone = is_gone
        """Tells that nobody reads any more."""
        self.is_lost = False
        """True once too much happened that was not told: one has to begin anew."""
        self._untold: dict[Mark, News] = {}
        self._bell = asyncio.Event()

    def tell(self, mark: Mark, news: News) -> None:
        """Keep news until it is read; later news of the same take its place."""
        if not self.is_lost:
            self._untold[mark] = news
            if len(self._untold) > MOST_MARKS:
                self.lose()
            self._bell.set()

    def lose(self) -> None:
        """Keep nothing more: whoever reads is told to begin anew. Safe to repeat."""
        self.is_lost = True
        self._untold.clear()
        self._bell.set()

    async def next(self, *, patience_seconds: float) -> Sequence[News]:
        """Wait for what is to be told next; nothing when there was nothing for so long, or when one is lost."""
        if not self._untold and not self.is_lost:
            self._bell.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await self._bell.wait()
        first = list(islice(self._untold, MOST_TOGETHER))
        return [self._untold.pop(mark) for mark in first]


class Feed:
    """What happens to the things of one user: what is to be looked at, and who is to be told of it."""

    def __init__(self, owner: UserId) -> None:
        self.owner = owner
        self.watchers: list[Watcher] = []
        self.telling: asyncio.Task[None] | None = None
        """Looks at what changed and tells it, as long as somebody follows."""
        self._ready: dict[Mark, None] = {}
        self._told_at: dict[Mark, float] = {}
        """Those that were told a moment ago, the first of them first."""
        self._held: set[Mark] = set()
        """Those among them that changed again."""
        self._again_at: dict[Mark, float] = {}
        """Those that are to be looked at though nothing happens, the first of them first."""
        self._free_at = 0.0
        self._bell = asyncio.Event()

    def mark(self, mark: Mark) -> None:
        """Note that something happened."""
        if mark in self._told_at:
            self._held.add(mark)
        else:
            self._ready[mark] = None
            if len(self._ready) > MOST_MARKS:
                self._ready.clear()
                self.lose_all()
        self._bell.set()

    def look_again(self, mark: Mark, *, after: float) -> None:
        """Have something looked at after so many seconds, the same for all, unless something happens to it before."""
        self._again_at.pop(mark, None)
        self._again_at[mark] = asyncio.get_running_loop().time() + after
        self._bell.set()

    async def next(self) -> Sequence[Mark]:
        """Wait for what is to be looked at next, and not faster than may be."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            self._move_on(now)
            if not self._ready:
                self._bell.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self._wakes_at()):
                        await self._bell.wait()
            elif self._free_at > now:
                await asyncio.sleep(self._free_at - now)
            else:
                return self._take(now)

    def tell(self, mark: Mark, change: Change) -> None:
        """Tell all who follow."""
        news = News(change)
        for watcher in self.watchers:
            watcher.tell(mark, news)

    def lose_all(self) -> None:
        """Have all who follow begin anew."""
        for watcher in self.watchers:
            watcher.lose()

    def _move_on(self, now: float) -> None:
        """Let those be ready whose time has come."""
        for mark in _until(self._told_at, now - PACE_SECONDS):
            if mark in self._held:
                self._held.remove(mark)
                self._ready[mark] = None
        for mark in _until(self._again_at, now):
            self.mark(mark)

    def _wakes_at(self) -> float | None:
        held = [next(iter(self._told_at.values())) + PACE_SECONDS] if self._held else []
        again = [next(iter(self._again_at.values()))] if self._again_at else []
        return min(held + again, default=None)

    def _take(self, now: float) -> Sequence[Mark]:
        marks = list(islice(self._ready, MOST_TOGETHER))
        for mark in marks:
            del self._ready[mark]
            self._again_at.pop(mark, None)
            self._told_at[mark] = now
        self._free_at = now + len(marks) / MOST_A_SECOND
        return marks


class Watchers:
    """All who follow, by the user whose things they follow."""

    def __init__(self) -> None:
        self._feeds: dict[UserId, Feed] = {}

    def seat(
        self, owner: UserId, *, is_gone: Callable[[], bool], tell: Callable[[Feed], Coroutine[Any, Any, None]]
    ) -> Watcher:
        """Begin to follow; whoever does calls ``close`` in the end. Raises TooManyStreams.

        ``tell`` looks at what happens, and runs as long as somebody follows.
        """
        feed = self._feeds.get(owner) or Feed(owner)
        feed.watchers = [watcher for watcher in feed.watchers if not watcher.is_gone()]
        if len(feed.watchers) >= MOST_STREAMS:
            raise TooManyStreams(most=MOST_STREAMS)
        watcher = Watcher(owner, is_gone=is_gone)
        feed.watchers.append(watcher)
        self._feeds[owner] = feed
        if feed.telling is None or feed.telling.done():
            feed.telling = asyncio.create_task(tell(feed))
        return watcher

    def close(self, watcher: Watcher) -> None:
        """End to follow. Safe to repeat."""
        feed = self._feeds.get(watcher.owner)
        if feed is None:
            return
        feed.watchers = [other for other in feed.watchers if other is not watcher]
        if not feed.watchers:
            del self._feeds[watcher.owner]
            if feed.telling is not None:
                feed.telling.cancel()

    def tell_upload(self, upload: Upload) -> None:
        """Note that something happened to an upload, after it was committed."""
        feed = self._feeds.get(upload.owner)
        if feed is not None:
            feed.mark(OfUpload(upload.id))

    def tell_video(self, owner: UserId, video_id: str) -> None:
        """Note that something happened to a record, after it was committed."""
        feed = self._feeds.get(owner)
        if feed is not None:
            feed.mark(OfVideo(video_id))

    def look_again(self, owner: UserId, upload_id: UploadId, *, after: float) -> None:
        """Have an upload looked at after so many seconds, for those who follow, though nothing happens to it."""
        feed = self._feeds.get(owner)
        if feed is not None:
            feed.look_again(OfUpload(upload_id), after=after)


def _until(moments: dict[Mark, float], end: float) -> list[Mark]:
    """Take those out of moments in order that are not after an end."""
    passed = []
    for mark, moment in moments.items():
        if moment > end:
            break
        passed.append(mark)
    for mark in passed:
        del moments[mark]
    return passed
