"""Final uploads on a real disk: the server dies in place of the n-th call while one is made, and one whole file comes
out; a long copy goes on beside the answer."""

import asyncio
import itertools
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e import tus
from tests.e2e.conftest import Start
from tests.e2e.deaths import dies
from tests.e2e.disk import MIB, published, staged, video
from tests.faults.processes import ServerProcess
from tests.faults.strace import Strace, why_not
from tests.web.wire import Answer, until

MOST = 60
PIECES = (200_000, 1, 0, 99_999)
LARGE = 192 * MIB


async def partial(port: int, data: bytes, *fields: str) -> str:
    """Make a partial upload with all its bytes and give its path."""
    lines = ("POST /files/ HTTP/1.1", tus.TUS, tus.BYTES, "Upload-Concat: partial", f"Upload-Length: {len(data)}")
    answer = await tus.ask(port, *lines, f"Content-Length: {len(data)}", *fields, body=data)
    assert answer.status == 201, answer.body
    return answer.headers["Location"]


async def final(port: int, *paths: str, name: str) -> Answer:
    """Ask for the whole."""
    concat = f"Upload-Concat: final;{' '.join(paths)}"
    return await tus.ask(port, "POST /files/ HTTP/1.1", tus.TUS, concat, tus.metadata(filename=name))


async def is_whole(port: int, path: str, *, length: int) -> bool:
    """Ask whether a final upload is there; until it is, it has a length and no offset."""
    answer = await tus.head(port, path)
    if answer.status == 423:
        return False
    assert (answer.status, answer.headers["Upload-Length"]) == (200, str(length)), answer
    assert answer.headers.get("Upload-Offset") in {None, str(length)}
    return "Upload-Offset" in answer.headers


@dataclass(slots=True)
class Whole:
    """A file that comes in pieces, told again from the start as often as it takes."""

    name: str
    data: bytes = field(default_factory=lambda: video(1, sum(PIECES)))
    paths: list[str] = field(default_factory=list)

    async def prepare(self, server: ServerProcess) -> None:
        """Store all pieces."""
        start = 0
        for size in PIECES:
            self.paths.append(await partial(server.port, self.data[start : start + size]))
            start += size

    async def send(self, server: ServerProcess) -> None:
        """Ask for the whole until it is there."""
        answer = await final(server.port, *self.paths, name=self.name)
        assert answer.status == 201, answer.body
        path = answer.headers["Location"]
        async with asyncio.timeout(60):
            await until(lambda: is_whole(server.port, path, length=len(self.data)))

    async def clean(self, server: ServerProcess) -> None:
        """Remove the pieces."""
        for path in self.paths:
            assert (await tus.delete(server.port, path)).status == 204


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize(
    ("call", "on", "stride", "least"),
    [
        ("copy_file_range", "anything", 1, 3),
        ("fsync", "anything", 1, 2),
        ("fchmod", "anything", 1, 1),
        ("linkat", "anything", 1, 1),
        ("unlink", "anything", 1, 1),
        ("pwrite64", "log", 4, 3),
        ("fdatasync", "log", 1, 2),
    ],
)
async def test_a_server_that_dies_at_a_call_makes_one_whole_file_in_the_end(
    call: str, on: str, stride: int, least: int, start: Start, tmp_path: Path
) -> None:
    """After each death the next start puts the file together, once, and the same request finds it (N-30, N-33)."""
    server = await start(storage_disk_threads="1")
    deaths = []
    for made, n in enumerate(itertools.count(1, stride), 1):
        assert n < MOST
        upload = Whole(f"{n}.mp4")
        await upload.prepare(server)
        paths = (server.data_dir / "tusvideo.db-wal",) if on == "log" else ()
        died = await dies(
            server, upload.send, Strace(server.pid, path=tmp_path / "trace", kill_at=(call, n), paths=paths)
        )
        await upload.send(server)
        files = published(server.data_dir, "files")
        assert len(files) == made, "one file for each upload"
        newest = max(files, key=lambda path: path.stat().st_mtime_ns)
        assert newest.read_bytes() == upload.data
        await upload.clean(server)
        assert staged(server.data_dir) == []
        if not died:
            break
        deaths.append(n)
    assert len(deaths) >= least, deaths


async def test_a_kill_in_the_middle_of_a_long_copy(server: ServerProcess) -> None:
    """kill -9 while the copy grows: no question ever shows bytes that are not there, a piece of what was promised
    cannot be removed, and the next start makes the file without being asked (N-32, N-33)."""
    data = video(7, LARGE)
    paths = [await partial(server.port, data[at : at + LARGE // 3]) for at in range(0, LARGE, LARGE // 3)]
    known = {path.name for path in staged(server.data_dir)}
    asking = asyncio.create_task(final(server.port, *paths, name="long.mp4"))

    def copied() -> int:
        new = [path for path in staged(server.data_dir) if path.name not in known]
        return new[0].stat().st_size if new else 0

    await until(lambda: copied() > 0)
    [half] = [path for path in staged(server.data_dir) if path.name not in known]
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.gather(asking, return_exceptions=True)
    assert await server.ended() == -signal.SIGKILL
    assert published(server.data_dir, "files") == []
    await server.start()
    path = f"/files/{half.name}"
    async with asyncio.timeout(60):
        await until(lambda: is_whole(server.port, path, length=LARGE))
    again = await final(server.port, *paths, name="long.mp4")
    assert (again.status, again.headers["Location"]) == (201, path)
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == data


async def test_all_that_a_browser_needs(start: Start) -> None:
    """Fields of both extensions may be sent and read across origins (R-03, R-04)."""
    server = await start(server_allowed_origins="https://a.example")
    lines = ("Origin: https://a.example", "Access-Control-Request-Method: POST")
    answer = await tus.ask(server.port, "OPTIONS /files/ HTTP/1.1", *lines)
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Upload-Concat", "Upload-Checksum", "Upload-Defer-Length", "Idempotency-Key"} <= set(allowed)
    path = await partial(server.port, b"hello")
    told = await tus.ask(server.port, f"HEAD {path} HTTP/1.1", tus.TUS, lines[0])
    exposed = told.headers["Access-Control-Expose-Headers"].split(", ")
    names = {"Location", "Upload-Offset", "Upload-Length", "Upload-Concat", "Upload-Expires", "Tus-Checksum-Algorithm"}
    assert names <= set(exposed)
    assert told.headers["Upload-Concat"] == "partial"
