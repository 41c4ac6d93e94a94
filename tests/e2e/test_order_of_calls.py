"""The order that the promise rests on, as the kernel saw it."""

from pathlib import Path

import pytest

from tests.e2e import chunks, tus
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, published, staged, video
from tests.faults.processes import ServerProcess
from tests.faults.strace import Strace, why_not
from tests.faults.syscalls import Verdict, judge, parse

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SIZE = 300_000
FIRST = 100_000


async def over_tus(port: int, *, size: int = SIZE) -> None:
    """Create, append, append the rest."""
    data = video(1, size)
    path = await tus.create(port, size, tus.metadata(filename="clip.mp4"))
    assert (await tus.patch(port, path, at=0, body=data[:FIRST])).status == 204
    assert (await tus.patch(port, path, at=FIRST, body=data[FIRST:])).status == 204


async def over_tus_long(port: int) -> None:
    """The same, and the second body is long: those go another way through the server."""
    await over_tus(port, size=9 * MIB)


async def over_chunks(port: int, *, file_first: bool = False) -> None:
    """Put two chunks, finalize."""
    parts = chunks.split(video(2, SIZE), 200_000)
    for index, part in enumerate(parts):
        assert (
            await chunks.put(port, "k", index, 2, data=part, file_first=file_first, chunkSize=200_000)
        ).status == 200
    assert (await chunks.finalize(port, "k", 2)).status == 200


async def over_chunks_file_first(port: int) -> None:
    """The same, and each file comes before its fields."""
    await over_chunks(port, file_first=True)


RUNS = {
    "tus": (over_tus, "files"),
    "tus, long": (over_tus_long, "files"),
    "chunks": (over_chunks, "posters"),
    "file first": (over_chunks_file_first, "posters"),
}


@pytest.mark.parametrize("name", RUNS)
async def test_every_answer_comes_after_what_it_promises(name: str, start: Start, tmp_path: Path) -> None:
    """pwrite < fdatasync(data) < write(WAL) < fdatasync(WAL) < send, for each answer; folders synced before rows count
    on their names; and the staging name goes last."""
    server = await start(limits_checkpoint_bytes="64 MiB", limits_checkpoint_seconds="60")
    run, directory = RUNS[name]
    async with Strace(server.pid, path=tmp_path / "trace") as trace:
        await run(server.port)
    assert len(published(server.data_dir, directory)) == 1
    assert staged(server.data_dir) == []
    lines = trace.path.read_text().splitlines()
    assert judge(parse(lines), data_dir=server.data_dir) == Verdict(stored=2, made=1, published=1)


MISSING = {
    "fdatasync({data}/staging/": "before its data was synced",
    "fdatasync({data}/tusvideo.db-wal>": "before its commit was synced",
    "pwrite64({data}/tusvideo.db-wal>": "without a commit",
    "pwrite64({data}/staging/": "nothing was written",
    "fsync({data}/staging>": "counted before its folder was synced",
    "fsync({data}/uploads/files/local>": "before the folder of the file was synced",
}


async def test_a_call_that_is_missing_in_a_real_trace_is_found(server: ServerProcess, tmp_path: Path) -> None:
    """The same judge finds fault with the same trace once the lines of one kind of call are taken out of it."""
    async with Strace(server.pid, path=tmp_path / "trace") as trace:
        await over_tus(server.port)
    lines = trace.path.read_text().splitlines()
    for call, sentence in MISSING.items():
        name, _, path = call.format(data=server.data_dir).partition("(")
        left = [line for line in lines if not (f" {name}(" in line and f"<{path}" in line)]
        assert len(left) < len(lines), call
        assert any(sentence in wrong for wrong in judge(parse(left), data_dir=server.data_dir).wrong), call
