"""Many files on their way: which ones, in which order, and how each of them ended."""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import LocalFileError, UploadError
from .events import Cut, Offline, Stalled, UploadEvent
from .model import UploadResult

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
Send = Callable[[Item], Awaitable[UploadResult]]
Remaining = Callable[[Sequence[Item]], Sequence[int]]


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


class Batch:
    """A queue of files, some of which are sent at the same time.

    While the link is good they go in the given order. While it is bad the one with the least left to send comes next,
    so that something is done before the link is gone for good. What has begun is not put back.

    Args:
        files: What :func:`list_files` gives.
        send: Uploads one of them.
        remaining: How many bytes of each item are left to send; asked in a thread, only while the link is bad.
        now: The time in seconds.
    """

    def __init__(
        self, files: Sequence[Outcome | Item], *, send: Send, remaining: Remaining, now: Callable[[], float]
    ) -> None:
        self.weather = Weather()
        self._outcomes: list[Outcome | None] = [file if isinstance(file, Outcome) else None for file in files]
        self._waiting = [(index, file) for index, file in enumerate(files) if isinstance(file, Item)]
        self._choosing = asyncio.Lock()
        self._send = send
        self._remaining = remaining
        self._now = now

    async def to_end(self, jobs: int) -> list[Outcome]:
        """Send all, ``jobs`` at a time; the outcomes are in the order of the files. One failure stops no other file.

        Cancelling it cancels what is being sent; so does any error that is no :class:`UploadError`, which is raised.
        """
        workers = [asyncio.ensure_future(self._work()) for _ in range(min(jobs, len(self._waiting)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return [outcome for outcome in self._outcomes if outcome is not None]

    async def _work(self) -> None:
        while (chosen := await self._next()) is not None:
            index, item = chosen
            try:
                self._outcomes[index] = Outcome(item=item, result=await self._send(item))
            except UploadError as error:
                self._outcomes[index] = Outcome(item=item, error=error)

    async def _next(self) -> tuple[int, Item] | None:
        async with self._choosing:
            if len(self._waiting) > 1 and self.weather.is_bad(self._now()):
                left = await asyncio.to_thread(self._remaining, [item for _, item in self._waiting])
                return self._waiting.pop(min(range(len(left)), key=left.__getitem__))
            return self._waiting.pop(0) if self._waiting else None
