"""How long a list of a large library takes: ``python -m tests.bench.library``.

Ten thousand records in a real session table, asked for over a real socket, one request after the other; told is the
median and the slowest of each question in milliseconds. Ends with 1 when a median is above 100 ms. ``--beside 20``
tells instead how long HEAD takes of uploads that are not in memory, alone and while so many search for eight words.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tests.conformance.sessions.samples import NOW, a_video
from tests.e2e import tus
from tests.faults.processes import ServerProcess
from tests.web.wire import connect
from tusvideo.model import UserId
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.sessions.sqlite_videos import put_video
from tusvideo.video import Video, VideoState

LIMIT_MS = 100.0
HEADS = 40
OWNER = UserId("local")
WORDS = (
    *("sea", "sand", "café", "house", "garden", "kitchen", "river"),
    *("mountain", "evening", "winter", "über", "straße", "tour", "drone"),
)
QUESTIONS = {
    "newest": "limit=50",
    "oldest": "limit=50&sort=oldest",
    "title": "limit=50&sort=title",
    "largest": "limit=50&sort=largest",
    "longest": "limit=50&sort=longest",
    "profile, state": "limit=50&profile=poster&state=ready",
    "one word": "limit=50&q=cafe",
    "three words": "limit=50&q=cafe+garden+tour",
    "nothing found": "limit=50&q=zeppelin",
    "words, by title": "limit=50&q=winter&sort=title",
}


def _record(number: int, chance: random.Random, *, words: int) -> Video:
    return a_video(
        number,
        owner=OWNER,
        profile="poster" if number % 3 else "video",
        filename=f"video_{number}.mp4",
        title=" ".join(chance.choices(WORDS, k=4)) + f" {number}",
        description=" ".join(chance.choices(WORDS, k=words)),
        original_name=f"IMG_{number:05}.MOV",
        created_at=NOW + timedelta(seconds=chance.randrange(10_000_000)),
        size=chance.randrange(1, 10**9),
        duration=chance.random() * 600 if number % 5 else None,
        state=VideoState.READY,
        # Or a server with the extra ``media`` would begin to examine them.
        tries=1,
    )


async def fill(database: Path, *, count: int, words: int) -> None:
    """Make the session table of a library."""
    chance = random.Random(6)
    sessions = await SqliteSessions.open(database)
    records = [_record(number, chance, words=words) for number in range(count)]

    def put_all(connection: object) -> None:
        for record in records:
            put_video(connection, video=record)  # type: ignore[arg-type]  # a connection of SQLite, named in sessions only

    await sessions._database.write(put_all)
    await sessions.close()


async def _seconds(port: int, query: str) -> tuple[float, dict[str, object]]:
    wire = await connect(port)
    try:
        began = time.perf_counter()
        answer = await wire.ask(f"GET /api/videos?{query} HTTP/1.1")
        took = time.perf_counter() - began
    finally:
        await wire.close()
    if answer.status != 200:
        raise SystemExit(f"{query} was answered with {answer.status}: {answer.body.decode()}")
    return took, json.loads(answer.body)


async def _last_cursor(port: int, *, pages: int) -> str:
    """Go some pages into the list by title, and give the cursor there."""
    cursor = ""
    for _ in range(pages):
        _, found = await _seconds(port, "limit=100&sort=title" + (f"&cursor={cursor}" if cursor else ""))
        cursor = str(found["cursor"])
    return cursor


async def measure(folder: Path, *, count: int, runs: int, words: int) -> bool:
    """Tell each question and its figures; False when one is too slow."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    await fill(data / "tusvideo.db", count=count, words=words)
    is_fast = True
    async with ServerProcess(data) as server:
        deep = await _last_cursor(server.port, pages=count // 200)
        for name, query in {**QUESTIONS, "title, half-way": f"limit=50&sort=title&cursor={deep}"}.items():
            took, total = [], None
            for _ in range(runs):
                seconds, found = await _seconds(server.port, query)
                took.append(seconds * 1000)
                total = found["total"]
            middle = statistics.median(took)
            print(f"{name:18} {middle:7.1f} ms  slowest {max(took):7.1f} ms  of {total}")
            is_fast &= middle <= LIMIT_MS
    return is_fast


async def _heads(port: int, paths: Sequence[str]) -> str:
    """Ask where uploads stand, and give the figures."""
    took = []
    for path in paths:
        began = time.perf_counter()
        await tus.offset(port, path)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return (
        f"median {took[len(took) // 2]:7.1f} ms  p95 {took[len(took) * 95 // 100]:7.1f} ms  slowest {took[-1]:7.1f} ms"
    )


async def beside(folder: Path, *, count: int, words: int, searchers: int) -> None:
    """Tell how long uploads are waited for while others search."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    await fill(data / "tusvideo.db", count=count, words=words)
    answers: Counter[int] = Counter()

    async def search(port: int) -> None:
        while True:
            line = f"GET /api/videos?limit=50&q={'+'.join(('sea', 'sand', 'house', 'tour', *'qxyz'))} HTTP/1.1"
            answers[(await tus.ask(port, line)).status] += 1

    async with ServerProcess(data) as server:
        paths = [await tus.create(server.port, 5) for _ in range(HEADS * 2)]
        # Rows that are in memory are found there; these have to be asked for.
        await server.stop()
        await server.start()
        print(f"HEAD alone            {await _heads(server.port, paths[:HEADS])}")
        searches = [asyncio.create_task(search(server.port)) for _ in range(searchers)]
        await asyncio.sleep(0.5)  # searches are under way by then; no test rests on it
        print(f"beside {searchers:2} searches    {await _heads(server.port, paths[HEADS:])}")
        for task in searches:
            task.cancel()
        await asyncio.gather(*searches, return_exceptions=True)
        print(f"searches were answered with {dict(answers)}")


def main() -> int:
    """Measure and tell; 1 when a list takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="records (10000)")
    parser.add_argument("--runs", type=int, default=15, help="requests of each kind (15)")
    parser.add_argument("--words", type=int, default=30, help="words of a description (30)")
    parser.add_argument("--beside", type=int, default=0, help="HEAD of uploads beside so many who search (0)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tusvideo-library-") as folder:
        print(f"{asked.count} records, descriptions of {asked.words} words")
        if asked.beside:
            asyncio.run(beside(Path(folder), count=asked.count, words=asked.words, searchers=asked.beside))
            return 0
        is_fast = asyncio.run(measure(Path(folder), count=asked.count, runs=asked.runs, words=asked.words))
    return 0 if is_fast else 1


if __name__ == "__main__":
    sys.exit(main())
