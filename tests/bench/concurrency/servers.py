"""What concerns a server as a whole: its end under load, its event loop, its start after a crash."""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from tests.bench.concurrency import lag
from tests.bench.concurrency.figure import Figure, milliseconds, percentile
from tests.bench.concurrency.uploads import HALF, SIZES, Begun, begin, file_of
from tests.bench.suite import staged
from tests.e2e import chunks, tus
from tests.faults.processes import ServerProcess
from tests.faults.programme.tracing import Injection
from tests.faults.strace import why_not as why_no_strace
from tests.web.wire import connect

STOP_SECONDS: Final = 2.0
STOPS: Final = 5
TRANSFERS: Final = 100
PIECE: Final = 20_000
LAG_MS: Final = 50.0
LOAD_SECONDS: Final = 10.0
LONG_BODY: Final = 64 * 1024 * 1024
SHORT_BODY: Final = 1024 * 1024
DELAY_MICROSECONDS: Final = 200_000
RECOVERED: Final = 10_000
RECOVERY_SECONDS: Final = 2.0
RECOVERIES: Final = 5
FINALIZING: Final = 50
"""So many of those that are recovered were just being published."""


async def stops(folder: Path) -> Sequence[Figure]:
    """SIGTERM while a hundred transfers run, half of them silent; afterwards every client goes on, and none fails."""
    took, failed = list[float](), 0
    for number in range(STOPS):
        async with ServerProcess(folder / f"stop-{number}") as server:
            names = [f"{each}.bin" for each in range(TRANSFERS)]
            running = await asyncio.gather(
                *(begin(server, size=SIZES[each % 5 == 0], name=name) for each, name in enumerate(names))
            )
            sending = [asyncio.create_task(_send_on(each)) for each in running[::2]]
            begun = time.monotonic()
            code = await server.stop()
            took.append(time.monotonic() - begun)
            if code != 0:
                raise RuntimeError(f"SIGTERM: exit code {code}")
            await asyncio.gather(*sending)
            await server.start()
            resumed = await asyncio.gather(*(_resume(server, each) for each in running))
            files = [await file_of(server, name=name) for name in names]
            failed += sum(
                not done or found != each.data for done, found, each in zip(resumed, files, running, strict=True)
            )
    note = f"{STOPS} stops with {TRANSFERS} transfers each"
    return [
        Figure(what="SIGTERM until the exit, longest", value=max(took), unit="s", most=STOP_SECONDS, note=note),
        Figure(what="uploads that did not go on after it", value=failed, unit="", most=0, note=note),
    ]


async def _send_on(upload: Begun) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        for at in range(upload.stored, len(upload.data) - PIECE, PIECE):
            await upload.wire.raw(upload.data[at : at + PIECE])


async def _resume(server: ServerProcess, upload: Begun) -> bool:
    offset = await tus.offset(server.port, upload.path)
    answer = await tus.patch(server.port, upload.path, at=offset, body=upload.data[offset:])
    await upload.wire.close()
    return offset >= upload.stored and answer.status == 204


@asynccontextmanager
async def watched(folder: Path, name: str) -> AsyncIterator[tuple[ServerProcess, Path]]:
    """Run a server that writes down how late its event loop is."""
    path = folder / f"{name}.lag"
    environment = {lag.VARIABLE: str(path)}
    async with ServerProcess(folder / name, environment=environment, module=lag.__name__) as server:
        yield server, path


async def loop_lag(folder: Path) -> Sequence[Figure]:
    """Long bodies, short bodies, chunks and creations all at once, first on the disk as it is, then on a slow one."""
    found = []
    async with watched(folder, "busy") as (server, path):
        await _load(server.port, seconds=LOAD_SECONDS)
        found.append(milliseconds("event loop under load", lag.lags(path), share=0.99, most=LAG_MS))
    if (why := why_no_strace()) is not None:
        print(f"SKIPPED the event loop on a slow disk: {why}")
        return found
    async with watched(folder, "slow") as (server, path):
        await _load(server.port, seconds=1.0)
        rule = f"fdatasync:delay_exit={DELAY_MICROSECONDS}"
        async with Injection(server.pid, path=folder / "trace", rule=rule):
            before = len(lag.lags(path))
            await _load(server.port, seconds=LOAD_SECONDS)
            late = lag.lags(path, since=before)
        note = f"each fdatasync takes {DELAY_MICROSECONDS // 1000} ms longer; strace stops the server at each call"
        found.append(milliseconds("event loop while the disk is slow", late, share=0.99, most=LAG_MS, note=note))
    return found


async def _load(port: int, *, seconds: float) -> None:
    until = time.monotonic() + seconds
    long, short = bytes(LONG_BODY), os.urandom(SHORT_BODY)

    async def bodies(body: bytes) -> None:
        while time.monotonic() < until:
            path = await tus.create(port, len(body))
            await tus.patch(port, path, at=0, body=body)
            await tus.delete(port, path)

    async def parts(number: int) -> None:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            await chunks.put(port, f"lag-{number}-{turn}", 1, 2, data=short, chunkSize=SHORT_BODY)

    async def creations() -> None:
        wire = await connect(port)
        while time.monotonic() < until:
            await wire.ask("POST /files/ HTTP/1.1", tus.TUS, "Upload-Length: 10", "Content-Length: 0")
        await wire.close()

    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(bodies(long))
            group.create_task(parts(number))
        for _ in range(4):
            group.create_task(bodies(short))
            group.create_task(creations())


async def recovery(folder: Path) -> Sequence[Figure]:
    """A start after kill -9 with ten thousand unfinished uploads, some of which were just being published."""
    took, least = list[float](), list[float]()
    for number in range(RECOVERIES):
        least.append(await _start_after_kill(folder / f"empty-{number}", uploads=0))
        took.append(await _start_after_kill(folder / f"full-{number}", uploads=RECOVERED))
    return [
        Figure(
            what=f"recovery of {RECOVERED:,} uploads after kill -9",
            value=percentile(took, 0.5) - percentile(least, 0.5),
            unit="s",
            most=RECOVERY_SECONDS,
            note=f"medians of {RECOVERIES}: a process listens after {percentile(took, 0.5):.2f} s, after"
            f" {percentile(least, 0.5):.2f} s without them; {FINALIZING} of them were just being published",
        )
    ]


async def _start_after_kill(folder: Path, *, uploads: int) -> float:
    async with ServerProcess(folder) as server:
        await tus.create(server.port, 10)
    if uploads:
        staged.add_open(folder, count=uploads)
    async with ServerProcess(folder) as server:
        begun = [await begin(server, size=SIZES[0], name=f"{number}.bin") for number in range(FINALIZING)]
        await server.kill()
        for each in begun:
            await each.wire.close()
        if uploads:
            _half_publish(folder, [each.path.rpartition("/")[2] for each in begun])
        start = time.monotonic()
        await server.start()
        return time.monotonic() - start


def _half_publish(folder: Path, ids: Sequence[str]) -> None:
    """Leave uploads as a crash between the commit of the name and the link does."""
    with closing(sqlite3.connect(folder / "tusvideo.db", isolation_level=None)) as table:
        for number, upload_id in enumerate(ids):
            table.execute(
                "UPDATE uploads SET status = 'finalizing', length = ?, offset = ?,"
                " content_type = 'application/octet-stream', directory = 'files', folder = 'local', filename = ?"
                " WHERE id = ?",
                (HALF, HALF, f"{number}.bin", upload_id),
            )
