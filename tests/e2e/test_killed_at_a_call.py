"""The server dies in place of the n-th system call of a kind, for every n that an upload reaches; then it recovers.

Between link and commit, between a write and its sync, between two pages of the log: wherever it is, the client goes on
with what it knows, and one whole file comes out.
"""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e import chunks, tus
from tests.e2e.conftest import Start
from tests.e2e.deaths import LOST, dies
from tests.e2e.disk import published, staged, video
from tests.faults.processes import ServerProcess
from tests.faults.strace import Strace, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SIZE = 300_000
FIRST = 100_000
PART = 200_000
MOST = 60
"""Calls of one kind in one upload; more means that the end was never reached."""

NAMES = ["mkdir", "fsync", "fchmod", "linkat", "unlink"]
"""Calls that only the disk thread makes, on whatever file."""
MOVES = ["copy_file_range", "ftruncate"]
"""Calls that put a last chunk in its place which came before anybody knew where that is."""


@dataclass(slots=True)
class TusUpload:
    """One upload over tus, told again from the start as often as it takes; a client that forgets nothing."""

    name: str
    directory = "files"
    data: bytes = field(default_factory=lambda: video(1, SIZE))
    path: str = ""
    acknowledged: int = 0

    async def prepare(self, server: ServerProcess) -> None:
        """Store a first piece, so that the staging file is there."""
        self.path = await self._create(server)
        await self._append(server, self.data[:FIRST])

    async def send(self, server: ServerProcess) -> None:
        """Do what is left to be done."""
        if not self.path:
            self.path = await self._create(server)
        self._report(await tus.offset(server.port, self.path))
        if self.acknowledged < FIRST:
            await self._append(server, self.data[self.acknowledged : FIRST])
        if self.acknowledged < SIZE:
            await self._append(server, self.data[self.acknowledged :])
        answer = await tus.head(server.port, self.path)
        assert answer.status == 200
        assert answer.headers["Content-Location"] == f"/uploads/files/local/{self.name}"

    async def _create(self, server: ServerProcess) -> str:
        fields = (f"Idempotency-Key: {self.name}", tus.metadata(filename=self.name))
        return await tus.create(server.port, SIZE, *fields)

    async def _append(self, server: ServerProcess, body: bytes) -> None:
        answer = await tus.patch(server.port, self.path, at=self.acknowledged, body=body)
        assert answer.status == 204, answer
        self._report(int(answer.headers["Upload-Offset"]))

    def _report(self, offset: int) -> None:
        assert offset >= self.acknowledged, "an offset that was reported never goes back"
        self.acknowledged = offset


@dataclass(slots=True)
class ChunkUpload:
    """One upload over the chunk API; the last chunk, of odd size, comes first and must be moved in the end."""

    name: str
    directory = "posters"
    data: bytes = field(default_factory=lambda: video(2, SIZE))
    acknowledged: set[int] = field(default_factory=set)

    async def prepare(self, server: ServerProcess) -> None:
        """Store a first chunk, so that the staging file is there."""
        await self._put(server, 1)

    async def send(self, server: ServerProcess) -> None:
        """Do what is left to be done."""
        told = await chunks.query(server.port, self._key)
        stored = chunks.indexes(told.json["received"]) if told.status == 200 else set()
        assert stored >= self.acknowledged, "a chunk that was acknowledged is there"
        for index in (1, 0):
            if index not in stored:
                await self._put(server, index)
        answer = await chunks.finalize(server.port, self._key, 2)
        assert answer.status == 200, answer.body

    async def _put(self, server: ServerProcess, index: int) -> None:
        part = chunks.split(self.data, PART)[index]
        answer = await chunks.put(server.port, self._key, index, 2, data=part)
        assert answer.status == 200, answer.body
        self.acknowledged.add(index)

    @property
    def _key(self) -> str:
        return self.name.replace(".", "_")


Kind = type[TusUpload] | type[ChunkUpload]
KINDS: dict[str, Kind] = {"tus": TusUpload, "chunks": ChunkUpload}


async def one_death_after_the_other(
    server: ServerProcess, kind: Kind, *, call: str, on: str, folder: Path
) -> Sequence[int]:
    """Kill at n = 1, 2, … until an upload gets through; give the n at which the server died."""
    deaths: list[int] = []
    for n in itertools.count(1):
        assert n < MOST
        upload = kind(f"{n}.mp4")
        paths: tuple[Path, ...] = ()
        if on == "log":
            paths = (server.data_dir / "tusvideo.db-wal",)
        if on == "data":
            await upload.prepare(server)
            paths = tuple(staged(server.data_dir))
            assert len(paths) == 1
        trace = Strace(server.pid, path=folder / "trace", kill_at=(call, n), paths=paths)
        if not await dies(server, upload.send, trace):
            return deaths
        deaths.append(n)
        await upload.send(server)
        assert staged(server.data_dir) == []
        files = published(server.data_dir, upload.directory)
        assert len(files) == n, "one file for each upload"
        assert max(files, key=lambda path: path.stat().st_mtime_ns).read_bytes() == upload.data
    raise AssertionError


DEATHS = [
    *(("tus", call, "anything", 1) for call in NAMES),
    *(("chunks", call, "anything", 1) for call in [*NAMES, *MOVES]),
    ("tus", "pwrite64", "data", 1),
    ("tus", "fdatasync", "data", 1),
    ("tus", "pwrite64", "log", 20),
    ("tus", "fdatasync", "log", 4),
    ("chunks", "pwrite64", "data", 1),
    ("chunks", "fdatasync", "data", 2),
    ("chunks", "fdatasync", "log", 6),
]


@pytest.mark.parametrize(("name", "call", "on", "least"), DEATHS)
async def test_a_server_that_dies_at_a_call_publishes_one_whole_file_in_the_end(
    name: str, call: str, on: str, least: int, start: Start, tmp_path: Path
) -> None:
    """After each death and recovery the client finishes: the bytes are the same, the file is there once, and nothing
    is left in staging."""
    server = await start(storage_disk_threads="1")
    deaths = await one_death_after_the_other(server, KINDS[name], call=call, on=on, folder=tmp_path)
    assert len(deaths) >= least, deaths


async def starts(server: ServerProcess, *, call: str, n: int) -> bool:
    """Start a server that is to die in place of its n-th call; tell whether it got as far as to listen."""
    process = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={n}"),
        *(sys.executable, "-m", "tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(server.data_dir)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **server.environment},
    )
    assert process.stdout is not None
    line = await process.stdout.readline()
    if line:
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
    await process.communicate()
    assert line or process.returncode == -signal.SIGKILL, "it dies of the call, or of nothing"
    return line.startswith(b"listening")


@pytest.mark.parametrize(("call", "least"), [("linkat", 1), ("unlink", 2), ("fsync", 4), ("fdatasync", 1)])
async def test_a_recovery_that_dies_is_gone_on_with_by_the_next_one(
    call: str, least: int, start: Start, tmp_path: Path
) -> None:
    """The server died between the commit of the name and the link, and then in recovery again and again: the start
    that gets through leaves one whole published file, and nothing in staging."""
    server = await start(storage_disk_threads="1")
    upload = TusUpload("clip.mp4")
    assert await dies_at_link(server, upload, folder=tmp_path)
    deaths = 0
    while not await starts(server, call=call, n=deaths + 1):
        deaths += 1
        assert deaths < MOST
    assert deaths >= least
    await server.start()
    await upload.send(server)
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == upload.data
    assert staged(server.data_dir) == []


async def dies_at_link(server: ServerProcess, upload: TusUpload, *, folder: Path) -> bool:
    """Send until the server dies in place of the link; it is not started again."""
    async with Strace(server.pid, path=folder / "trace", kill_at=("linkat", 1)):
        try:
            await upload.send(server)
        except LOST:
            return await server.ended() == -signal.SIGKILL
    return False
