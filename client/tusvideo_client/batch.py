"""Many files on their way: which ones, in which order, and how each of them ended."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

from .errors import LocalFileError, UploadError
from .events import Cut, Offline, Stalled, UploadEvent
from .journal import Journal
from .model import Protocol, UploadResult

T = TypeVar("T")
End = TypeVar("End")

RECENT_SECONDS = 60.0
TROUBLES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file of a batch.

    Attributes:
        path: The file.
        name: What to call it: the path as it was given; for a file in a folder the folder's own name and the way from
            there, with slashes, as ``holiday/day 1/beach.mp4``.
        is_inside: True for a file that was found in a folder.
    """

    path: Path
    name: str
    is_inside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one file of a batch ended: with a ``result`` or with an ``error``; the other one is None."""

    item: Item
    result: UploadResult | None = None
    error: UploadError | None = None


OnItemEvent = Callable[[Item, UploadEvent], None]


def results_of(outcomes: Iterable[Outcome]) -> list[UploadResult]:
    """The results of a batch, in order, for callers to whom one failure is a failure of all.

    Raises:
        ExceptionGroup: With the error of each file that failed.
    """
    outcomes = list(outcomes)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if errors:
        message = f"{len(errors)} of {len(outcomes)} files were not uploaded"
        raise ExceptionGroup(message, errors)
    return [outcome.result for outcome in outcomes if outcome.result is not None]


def list_files(sources: Iterable[str | os.PathLike[str]]) -> list[Outcome | Item]:
    """The files that are meant, in the given order; a folder stands for all files below it, sorted by their names.

    Links to files are followed, links to folders below a folder are not; what is neither file nor folder is left out
    there. A folder that cannot be read is an outcome already.
    """
    found: list[Outcome | Item] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found.extend(_files_in(path))
        else:
            found.append(Item(path=path, name=str(source)))
    return found


def _files_in(folder: Path) -> list[Outcome | Item]:
    root = folder.absolute()
    unread: list[OSError] = []
    files = [Path(place) / name for place, _, names in os.walk(root, onerror=unread.append) for name in names]
    ways = sorted(path.relative_to(root).parts for path in files if path.is_file())
    found: list[Outcome | Item] = [
        Item(path=root.joinpath(*way), name=str(PurePosixPath(root.name, *way)), is_inside=True) for way in ways
    ]
    for error in unread:
        item = Item(path=Path(error.filename), name=str(error.filename), is_inside=True)
        message = f"the folder {error.filename} cannot be read: {error.strerror}"
        found.append(Outcome(item=item, error=LocalFileError(message)))
    return found


class Weather:
    """Whether the link is bad: at least two cuts, stalls or times offline within the last minute."""

    def __init__(self) -> None:
        self._troubles: deque[float] = deque(maxlen=TROUBLES)

    def note(self, event: UploadEvent, *, at: float) -> None:
        """Take in what happened to any of the uploads."""
        if isinstance(event, Cut | Stalled | Offline):
            self._troubles.append(at)

    def is_bad(self, at: float) -> bool:
        """True if the last few troubles were recent."""
        return len(self._troubles) == TROUBLES and at - self._troubles[0] <= RECENT_SECONDS


class Batch(Generic[T, End]):
    """The queue: files, some of which are sent at the same time; the library and the command line both send by it.

    While the link is good they go in the given order. While it is bad the one with the least left to send comes next,
    so that something is done before the link is gone for good. What has begun is not put back.

    Files that go to different servers stand in different lanes, side by side: one that waits for a server out of reach
    holds up no other server's.

    Args:
        files: What is to be sent.
        send: Sends one of them and gives how it ended; what it raises ends all.
        remaining: How many bytes of each file are left to send; asked in a thread, only while the link is bad.
        now: The time in seconds.
        lane_of: Where a file goes; all to one place if not given.
        closes: Tells of an end that the next file in the lane would have too, so that those are not begun.
    """

    def __init__(
        self,
        files: Sequence[T],
        *,
        send: Callable[[T], Awaitable[End]],
        remaining: Callable[[Sequence[T]], Sequence[int]],
        now: Callable[[], float],
        lane_of: Callable[[T], str] = lambda _: "",
        closes: Callable[[End], bool] = lambda _: False,
    ) -> None:
        self._lanes: dict[str, _Lane[T]] = {}
        for index, file in enumerate(files):
            self._lanes.setdefault(lane_of(file), _Lane()).waiting.append((index, file))
        self._ends: list[End | None] = [None] * len(files)
        self._send = send
        self._remaining = remaining
        self._now = now
        self._lane_of = lane_of
        self._closes = closes

    def note(self, file: T, event: UploadEvent) -> None:
        """Take in what happened to a file on its way: it tells how the link is."""
        self._lanes[self._lane_of(file)].weather.note(event, at=self._now())

    @property
    def left(self) -> int:
        """How many files are not begun."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    async def to_end(self, jobs: int) -> list[End]:
        """Send all, ``jobs`` at a time in each lane; gives how they ended, in the order of the files.

        One failure stops no other file, unless ``closes`` says so; those that were not begun are left out. Cancelling
        it cancels what is being sent; so does any error, which is raised.
        """
        workers = [
            asyncio.ensure_future(self._work(lane))
            for lane in self._lanes.values()
            for _ in range(min(jobs, len(lane.waiting)))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return [end for end in self._ends if end is not None]

    async def _work(self, lane: "_Lane[T]") -> None:
        while (chosen := await self._next(lane)) is not None:
            index, file = chosen
            end = self._ends[index] = await self._send(file)
            lane.is_closed = lane.is_closed or self._closes(end)

    async def _next(self, lane: "_Lane[T]") -> tuple[int, T] | None:
        async with lane.choosing:
            index = 0
            if len(lane.waiting) > 1 and not lane.is_closed and lane.weather.is_bad(self._now()):
                left = await asyncio.to_thread(self._remaining, [file for _, file in lane.waiting])
                index = min(range(len(left)), key=left.__getitem__)
            # Looked at last: another worker's file may have closed the lane while this one was chosen.
            return None if lane.is_closed or not lane.waiting else lane.waiting.pop(index)


class _Lane(Generic[T]):
    """The files that go to one place."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, T]] = []
        self.weather = Weather()
        self.choosing = asyncio.Lock()
        self.is_closed = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a file goes and how: the root of the server, the account on it, and what is spoken there."""

    endpoint: str
    account: str
    protocol: Protocol


def left_of(files: Iterable[tuple[Path, Way]], *, journal: Journal) -> list[int]:
    """Bytes that these files have and that no earlier call is known to have stored there; a lost file has none."""
    stored: dict[tuple[str, Way], int] = {}
    with contextlib.suppress(LocalFileError):
        for entry in journal.entries():
            place = entry.record.place
            way = Way(endpoint=place.endpoint, account=place.account, protocol=place.protocol)
            stored[place.path, way] = entry.record.offset
    return [_size_of(path) - stored.get((os.path.realpath(path), way), 0) for path, way in files]


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # its turn tells what is wrong with it
