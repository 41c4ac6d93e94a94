"""What it costs to tell many how many uploads move: ``python -m tests.bench.events``.

Uploads of one user change as fast as they can be told of, in the memory of one process, and streams follow; each reads
at once, but for one that reads nothing. Told is the processor time for each event that a stream was given, and how long
the loop was held up at most: so long an upload would have waited.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from functools import partial

from tests.conformance.sessions.samples import an_upload
from tests.fakes.house import ANNA, House
from tusvideo.service import watching
from tusvideo.service.watching import Watcher
from tusvideo.sessions.memory import MemorySessions
from tusvideo.sessions.rows import encode_upload
from tusvideo.stores.memory import MemoryStore
from tusvideo.video import Video
from tusvideo.web.event_stream import _block_of


@dataclass(slots=True)
class Counted:
    """What the streams were given, in events and bytes."""

    events: int = 0
    bytes: int = 0


async def _read(house: House, watcher: Watcher, counted: Counted) -> None:
    def url_of(video: Video) -> str:
        return video.filename

    async for news in house.progress.follow(watcher):
        counted.events += len(news)
        counted.bytes += len(b"".join([_block_of(each, url_of=url_of) for each in news]))


async def _longest_wait(worst: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(0.002)  # its lateness is what is measured
        worst[0] = max(worst[0], loop.time() - began - 0.002)


async def measure(*, uploads: int, streams: int, seconds: float) -> None:
    """Let uploads move for a while, and tell what that cost."""
    sessions = MemorySessions()
    house = House(store=MemoryStore(), sessions=sessions)
    rows = [an_upload(number, owner=ANNA, length=10**9, stored_at=house.clock.now()) for number in range(uploads)]
    sessions._rows.update({row.id: encode_upload(row) for row in rows})
    counted, worst = Counted(), [0.0]
    readers = []
    for _ in range(streams):
        watcher = house.progress.watch(ANNA, is_gone=lambda: False)
        readers.append(asyncio.create_task(_read(house, watcher, counted)))
    deaf = house.progress.watch(ANNA, is_gone=lambda: False)
    readers.append(asyncio.create_task(_longest_wait(worst)))
    tell = house.publisher.watchers.tell_upload
    began, used, moved = time.perf_counter(), time.process_time(), 0
    marking = 0.0
    while time.perf_counter() - began < seconds:
        for at in range(0, uploads, 100):
            start = time.process_time()
            for row in rows[at : at + 100]:
                sessions._rows[row.id]["offset"] = moved
                tell(row)
                moved += 1
            marking += time.process_time() - start
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)  # the pace of the changes
    used = time.process_time() - used
    took = time.perf_counter() - began
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    print(f"{uploads} uploads, {streams} streams, {took:.1f} s at {used / took:.0%} of a processor")
    print(f"  changes noted        {moved:9}   {marking / moved * 1e6:7.2f} us each")
    print(f"  events given         {counted.events:9}   {used / max(counted.events, 1) * 1e6:7.2f} us each, all in all")
    print(f"  of them different    {counted.events // streams:9}   {counted.events / streams / took:7.0f} a second")
    print(f"  loop held up at most {worst[0] * 1000:9.1f} ms")
    print(f"  one who reads nothing has {len(deaf._untold)} events, given up: {deaf.is_lost}")


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=5000, help="that move at once (5000)")
    parser.add_argument(
        "--streams", type=int, default=20, help=f"that follow, {watching.MOST_STREAMS - 1} at most (20)"
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="of moving (6)")
    asked = parser.parse_args()
    run = partial(measure, uploads=asked.uploads, streams=asked.streams, seconds=asked.seconds)
    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
