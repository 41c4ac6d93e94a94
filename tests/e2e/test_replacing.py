"""The file of a record is replaced while the server dies: at no moment is the record without a whole file."""

import itertools
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import tus
from tests.e2e.conftest import Start
from tests.e2e.deaths import LOST
from tests.e2e.disk import published, staged, video
from tests.faults.processes import ServerProcess
from tests.faults.strace import Strace, why_not
from tests.web.wire import until

SIZE = 100_000
MOST = 20
"""Calls of one kind in one replacement; more means that the end was never reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What stays while files come and go."""

    id: str
    server: ServerProcess

    async def told(self) -> dict[str, Any]:
        """What the server says of it."""
        answer = await tus.ask(self.server.port, f"GET /api/videos/{self.id} HTTP/1.1")
        assert answer.status == 200, answer.body
        told: dict[str, Any] = answer.json
        return told

    async def content(self) -> bytes:
        """The bytes of its file."""
        answer = await tus.ask(self.server.port, f"GET /api/videos/{self.id}/download HTTP/1.1")
        assert answer.status == 200, answer.body
        return answer.body

    async def replace(self, data: bytes, *, key: str, old: str) -> str:
        """Send another file for it, again from the start if need be, and wait until the one before is gone, and its
        file: who dies after that dies of something else. Gives the path of the new upload."""
        fields = (f"Idempotency-Key: {key}", tus.metadata(filename="clip.mp4", replaces=self.id))
        path = await tus.create(self.server.port, len(data), *fields)
        if (offset := await tus.offset(self.server.port, path)) < len(data):
            answer = await tus.patch(self.server.port, path, at=offset, body=data[offset:])
            assert answer.status == 204, answer.body

        async def is_gone() -> bool:
            # The row says that it goes before the file does.
            is_told = (await tus.head(self.server.port, old)).status == 404
            return is_told and len(published(self.server.data_dir, "files")) == 1

        await until(is_gone)
        return path


async def a_record(server: ServerProcess, data: bytes) -> tuple[Record, str]:
    """Publish a file with a record; gives that, and the path of the upload."""
    lines = ("PUT /files/clip.mp4?title=Sea&description=calm HTTP/1.1", f"Content-Length: {len(data)}")
    made = await tus.ask(server.port, *lines, body=data)
    assert made.status == 201, made.body
    answer = await tus.ask(server.port, "GET /api/videos HTTP/1.1")
    return Record(id=answer.json["videos"][0]["id"], server=server), made.headers["Location"]


async def is_up(server: ServerProcess) -> bool:
    """Tell whether the server answers."""
    try:
        return (await tus.ask(server.port, "GET /healthz HTTP/1.1")).status == 200
    except LOST:
        return False


async def one_death_after_the_other(server: ServerProcess, *, call: str, on: str, folder: Path) -> Sequence[int]:
    """Kill at n = 1, 2, … until a replacement gets through; give the n at which the server died."""
    kept = video(0, SIZE)
    record, old = await a_record(server, kept)
    paths = (server.data_dir / "tusvideo.db-wal",) if on == "log" else ()
    deaths: list[int] = []
    for n in itertools.count(1):
        assert n < MOST
        data = video(n, SIZE)
        async with Strace(server.pid, path=folder / "trace", kill_at=(call, n), paths=paths):
            try:
                await record.replace(data, key=f"k{n}", old=old)
            except LOST:
                # Waited for in here: strace that is asked to leave while its process dies may never do so.
                assert await server.ended() == -signal.SIGKILL
                deaths.append(n)
        if deaths[-1:] != [n] and not await is_up(server):
            # At a write that nobody waits for: the replacement was through by then.
            assert await server.ended() == -signal.SIGKILL
            deaths.append(n)
        if deaths[-1:] == [n]:
            await server.start()
        assert await record.content() in {kept, data}
        new = await record.replace(data, key=f"k{n}", old=old)
        told = await record.told()
        assert (told["title"], told["description"], told["size"]) == ("Sea", "calm", SIZE)
        assert await record.content() == data
        assert [path.read_bytes() for path in published(server.data_dir, "files")] == [data]
        assert staged(server.data_dir) == []
        if deaths[-1:] != [n]:
            return deaths
        kept, old = data, new
    raise AssertionError


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize(
    ("call", "on", "least"), [("linkat", "anything", 1), ("unlink", "anything", 2), ("fdatasync", "log", 4)]
)
async def test_a_server_that_dies_at_a_call_leaves_the_record_with_one_whole_file(
    call: str, on: str, least: int, start: Start, tmp_path: Path
) -> None:
    """After each death the record has the old file or the new one, whole; in the end it has the new one, and there is
    no other."""
    server = await start(storage_disk_threads="1")
    deaths = await one_death_after_the_other(server, call=call, on=on, folder=tmp_path)
    assert len(deaths) >= least, deaths
