"""The brake of an uploader: the rate is kept, and files share it equally."""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.client.peer import Peer
from tusvideo_client import AsyncChunkedVideoUploader, AsyncUploader, ChunkedVideoUploader, Uploader
from tusvideo_client.rate import SLACK, grain_of
from tusvideo_client.state import MIB
from tusvideo_client.throttle import RateLimit, Throttle

KIB = 1024


class Time:
    """Time that goes on when everybody sleeps."""

    def __init__(self, minute: int = 0) -> None:
        self.at = 0.0
        self.minute = minute
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    async def sleep(self, seconds: float) -> None:
        """Wait until :meth:`pass_` comes to it."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.at + seconds, next(self._count), woken))
        await woken

    async def run(self, *works: Awaitable[None], until: float = float("inf")) -> None:
        """Let everybody work until all are done, or until a moment."""
        tasks = [asyncio.ensure_future(work) for work in works]
        while not all(task.done() for task in tasks):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._sleepers:
                if self._sleepers[0][0] > until:
                    break
                self.at, _, woken = heapq.heappop(self._sleepers)
                woken.set_result(None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def throttle(self, limit: float | str) -> Throttle:
        """A brake in this time."""
        return Throttle(limit, now=lambda: self.at, sleep=self.sleep, minute=lambda: self.minute)


async def pieces_of(size: int, *, total: int) -> AsyncIterator[bytes]:
    """Zeros in pieces."""
    for start in range(0, total, size):
        yield bytes(min(size, total - start))


@pytest.mark.parametrize("limit", [100 * KIB, "100k", "22:00-06:00 unlimited, 100k"])
async def test_bytes_leave_at_the_rate(limit: float | str) -> None:
    """Whatever the pieces, so many bytes take so long; by day, where a timetable says so."""
    time = Time(minute=12 * 60)
    taken: list[int] = []

    async def send() -> None:
        taken.extend([len(piece) async for piece in time.throttle(limit).pace(pieces_of(256 * KIB, total=MIB + 7))])

    await time.run(send())
    assert sum(taken) == MIB + 7
    assert time.at == pytest.approx((MIB + 7) / (100 * KIB), abs=SLACK + 0.1)


async def test_the_timetable_holds_from_minute_to_minute() -> None:
    """A rate that ends in the middle of a file ends there."""
    time = Time(minute=21 * 60 + 59)
    taken = 0

    async def send() -> None:
        nonlocal taken
        async for piece in time.throttle("22:00-06:00 unlimited, 100k").pace(pieces_of(64 * KIB, total=MIB)):
            taken += len(piece)
            if taken >= MIB // 2:
                time.minute = 22 * 60

    await time.run(send())
    assert taken == MIB
    assert time.at == pytest.approx(MIB / 2 / (100 * KIB), abs=SLACK + 0.1)


@pytest.mark.parametrize("count", [2, 20])
async def test_files_share_the_rate_equally(count: int) -> None:
    """Large pieces win nothing, and nobody stands still for long: a stall would be suspected."""
    time = Time()
    throttle = time.throttle("50k")
    taken, last, longest = [0] * count, [0.0] * count, 0.0

    async def send(index: int) -> None:
        nonlocal longest
        async for piece in throttle.pace(pieces_of((index + 1) * 64 * KIB, total=100 * MIB)):
            longest = max(longest, time.at - last[index])
            last[index] = time.at
            taken[index] += len(piece)

    await time.run(*map(send, range(count)), until=20.0)
    assert sum(taken) == pytest.approx(20 * 50 * KIB, rel=0.05)
    assert max(taken) - min(taken) <= SLACK * 50 * KIB + 2 * grain_of(50 * KIB)  # the first finds a little saved up
    assert longest < 2.0


async def test_unlimited_bytes_are_not_cut() -> None:
    """Where there is no limit pieces pass as they are."""
    time = Time()
    paced = time.throttle("unlimited").pace(pieces_of(64 * KIB, total=MIB))
    assert [len(piece) async for piece in paced] == [64 * KIB] * 16
    assert time.at == 0


def awaited(url: str, path: Path) -> Callable[[], Awaitable[object]]:
    """Two files over tus."""

    async def send() -> None:
        async with AsyncUploader(url, rate_limit=4 * MIB) as uploader:
            await asyncio.gather(*(uploader.upload(path, name=name) for name in ("a.mp4", "b.mp4")))

    return send


def chunked(url: str, path: Path) -> Callable[[], Awaitable[object]]:
    """Two files over the chunk API."""
    uploader = AsyncChunkedVideoUploader(url, rate_limit="4M")
    return lambda: asyncio.gather(*(uploader.upload(path, name=name) for name in ("a.mp4", "b.mp4")))


def blocking(url: str, path: Path) -> Callable[[], Awaitable[object]]:
    """Two files one after the other, from code that blocks."""

    def send() -> None:
        with Uploader(url, rate_limit="4M") as uploader:
            uploader.upload(path)
        ChunkedVideoUploader(url, rate_limit="4M").upload_video(path)

    return lambda: asyncio.to_thread(send)


@pytest.mark.parametrize("make", [awaited, chunked, blocking])
async def test_uploads_are_no_swifter_than_they_may(
    make: Callable[[str, Path], Callable[[], Awaitable[object]]], peer: Peer, video: Path
) -> None:
    """5 MiB at 4 MiB a second take more than a second less what is saved up, on a link that takes them at once."""
    began = time.monotonic()
    await make(peer.url, video)()
    assert time.monotonic() - began > 2 * video.stat().st_size / (4 * MIB) - 2 * SLACK
    data = [bytes(made.data) for made in [*peer.uploads.values(), *peer.chunked.values()]]
    assert data == [video.read_bytes()] * 2


@pytest.mark.parametrize("limit", ["fast", 5, "5"])
def test_a_limit_that_means_nothing_is_refused_at_once(limit: RateLimit) -> None:
    """Before any upload, by every uploader."""
    for kind in (AsyncUploader, AsyncChunkedVideoUploader, Uploader, ChunkedVideoUploader):
        with pytest.raises(ValueError, match="rate"):
            kind("http://127.0.0.1:1", rate_limit=limit)
