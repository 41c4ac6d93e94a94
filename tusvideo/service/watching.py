"""Who follows what happens to the uploads and records of a user, and what they have not been told yet.

Nobody waits for those who follow: what happened is noted as the name of an upload or a record, and how that is by then
is loaded when it is told. So one that reads slowly is told less often, and always of the last state.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from tusvideo.errors import TooManyStreams
from tusvideo.model import Upload, UploadId, UserId

MOST_STREAMS = 8
"""So many follow one user at once."""
MOST_MARKS = 2000
"""Of so many uploads and records that changed and were not told, one who reads slowly is given up."""
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


class Watcher:
    """One who follows: a bounded set of marks, each with the moment from which it may be told."""

    def __init__(self, owner: UserId, *, is_gone: Callable[[], bool]) -> None:
        self.owner = owner
        self.is_gone = is_gone
        """Tells that nobody reads any more."""
        self.is_lost = False
        """True once too much happened that was not told: one has to begin anew."""
        self._due: dict[Mark, float] = {}
        self._told_at: dict[Mark, float] = {}
        self._bell = asyncio.Event()

    def mark(self, mark: Mark, *, after: float = 0.0) -> None:
        """Note that there is something to be told, at once or ``after`` so many seconds, and not faster than may be."""
        if mark not in self._due and len(self._due) >= MOST_MARKS:
            self.is_lost = True
            self._bell.set()
            return
        now = asyncio.get_running_loop().time()
        due = max(now + after, self._told_at.get(mark, 0.0) + PACE_SECONDS)
        self._due[mark] = min(due, self._due.get(mark, due))
        self._bell.set()

    async def next(self, *, patience_seconds: float) -> Mark | None:
        """Wait for what is to be told next; None when there was nothing for so long, or when one is lost."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_seconds
        while not self.is_lost:
            mark = min(self._due, key=self._due.__getitem__, default=None)
            if mark is not None and self._due[mark] <= loop.time():
                self._take(mark, loop.time())
                return mark
            wakes = deadline if mark is None else min(deadline, self._due[mark])
            if wakes <= loop.time():
                return None
            self._bell.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(wakes):
                    await self._bell.wait()
        return None

    def _take(self, mark: Mark, now: float) -> None:
        del self._due[mark]
        if len(self._told_at) >= MOST_MARKS:
            self._told_at = {told: at for told, at in self._told_at.items() if at + PACE_SECONDS > now}
        self._told_at[mark] = now


class Watchers:
    """All who follow, by the user whose things they follow."""

    def __init__(self) -> None:
        self._by_owner: dict[UserId, list[Watcher]] = {}

    def seat(self, owner: UserId, *, is_gone: Callable[[], bool]) -> Watcher:
        """Begin to follow; whoever does calls ``close`` in the end. Raises TooManyStreams."""
        present = [watcher for watcher in self._by_owner.get(owner, []) if not watcher.is_gone()]
        if len(present) >= MOST_STREAMS:
            raise TooManyStreams(most=MOST_STREAMS)
        watcher = Watcher(owner, is_gone=is_gone)
        self._by_owner[owner] = [*present, watcher]
        return watcher

    def close(self, watcher: Watcher) -> None:
        """End to follow. Safe to repeat."""
        present = [other for other in self._by_owner.get(watcher.owner, []) if other is not watcher]
        if present:
            self._by_owner[watcher.owner] = present
        else:
            self._by_owner.pop(watcher.owner, None)

    def tell_upload(self, upload: Upload) -> None:
        """Note that something happened to an upload, after it was committed."""
        for watcher in self._by_owner.get(upload.owner, ()):
            watcher.mark(OfUpload(upload.id))

    def tell_video(self, owner: UserId, video_id: str) -> None:
        """Note that something happened to a record, after it was committed."""
        for watcher in self._by_owner.get(owner, ()):
            watcher.mark(OfVideo(video_id))
