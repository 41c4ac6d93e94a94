"""Writing to the real disk: short writes, what is synced, what has no help of the kernel."""

import asyncio
import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.turns import turns
from tests.stores.calls import ONE, Gate, fails, stage, writer_of
from tusvideo.errors import StorageFailed
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore


@pytest.mark.parametrize("step", [1, 7, 999, 1000])
async def test_short_writes_are_continued(
    store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """A write counts when the whole buffer is written, however few bytes the kernel takes at a time."""
    pwrite = files.pwrite
    monkeypatch.setattr(files, "pwrite", lambda fd, buffer, at: pwrite(fd, memoryview(buffer)[:step], at))
    content = bytes(range(250)) * 4
    writer = await writer_of(store)
    await writer.write(content)
    await writer.write(content)
    assert await writer.sync() == 2000
    await writer.close()
    assert (data / "staging" / ONE).read_bytes() == content * 2


async def test_a_file_size_limit_cuts_a_write(store: DiskStore, data: Path) -> None:
    """When the kernel takes the first half and refuses the second, nothing counts, and a later retry succeeds."""
    writer = await writer_of(store)
    await writer.write(bytes(60_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFailed):
            await writer.write(b"x" * 60_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert writer.position == 60_000
    assert (data / "staging" / ONE).stat().st_size == 100_000
    await writer.write(b"y" * 60_000)
    assert await writer.sync() == 120_000
    await writer.close()
    assert (data / "staging" / ONE).read_bytes() == bytes(60_000) + b"y" * 60_000


async def test_only_a_durable_stage_syncs(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that need only survive a kill of the process do not wait for the disk; those that are durable do."""
    calls: list[str] = []
    for name in ("pwrite", "fdatasync", "sync_folder"):
        call = getattr(files, name)

        def recorded(*args: object, _name: str = name, _call: Callable[..., object] = call) -> object:
            calls.append(_name)
            return _call(*args)

        monkeypatch.setattr(files, name, recorded)
    await store.stage(ONE, [b"a", b"b"], position=0, fresh=True, durable=False)
    await store.stage(ONE, [b"c"], position=2, fresh=False, durable=True)
    assert calls == ["sync_folder", "pwrite", "pwrite", "fdatasync"]


@pytest.mark.parametrize(
    ("sizes", "calls"),
    [
        pytest.param([100] * 2000, 4, id="those-that-trickled-in"),
        pytest.param([65_536, 65_536], 2, id="large-ones-are-not-copied"),
        pytest.param([1, 200_000, 1], 2, id="a-small-one-goes-with-the-next"),
    ],
)
async def test_small_blocks_are_written_together(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, sizes: list[int], calls: int
) -> None:
    """A body that came in very many blocks takes few calls, and each byte is where it belongs."""
    blocks, written, pwrite = [os.urandom(size) for size in sizes], list[int](), files.pwrite

    def recorded(fd: int, buffer: bytes, at: int) -> int:
        written.append(len(buffer))
        return pwrite(fd, buffer, at)

    monkeypatch.setattr(files, "pwrite", recorded)
    await store.stage(ONE, blocks, position=0, fresh=True, durable=False)
    assert b"".join([block async for block in store.read_staged(ONE, start=0, stop=sum(sizes))]) == b"".join(blocks)
    assert len(written) == calls


async def test_a_cancelled_stage_ends_when_nothing_is_written_any_more(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, open_files: None
) -> None:
    """The caller hears of the cancellation after the last call on the file, so that nobody else is let in before."""
    slow = Gate(files.fdatasync)
    monkeypatch.setattr(files, "fdatasync", slow)
    staging = asyncio.create_task(stage(store))
    await slow.reached()
    staging.cancel()
    await turns()
    assert not staging.done()
    slow.released.set()
    with pytest.raises(asyncio.CancelledError):
        await staging
    assert slow.ended


async def test_a_copy_within_a_file_is_durable(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """copy_staged answers after an fdatasync of the file that holds the copy."""
    writer = await writer_of(store)
    await writer.write(b"abcd")
    await writer.close()
    sizes: list[int] = []
    monkeypatch.setattr(files, "fdatasync", lambda fd: sizes.append(files.facts(fd).size))
    await store.copy_staged(ONE, source=0, target=4, size=4)
    assert sizes == [8]


@pytest.mark.parametrize("number", sorted(files.NO_TMPFILE), ids=errno.errorcode.get)
async def test_a_spool_without_help_of_the_file_system(
    store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch, open_files: None, number: int
) -> None:
    """Where files without a name cannot be made, a spool is a file whose name goes at once."""
    monkeypatch.setattr(files, "make_unnamed", fails(number))
    spool = await store.open_spool()
    assert list((data / "staging").iterdir()) == []
    await spool.write(b"some bytes")
    assert [block async for block in spool.read()] == [b"some bytes"]
    await spool.close()


@pytest.mark.parametrize("number", sorted(files.NO_COPY_RANGE), ids=errno.errorcode.get)
async def test_copying_without_help_of_the_kernel(
    store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where copy_file_range is refused, the bytes are read and written."""
    content = os.urandom(3 * 1024 * 1024)
    writer = await writer_of(store)
    await writer.write(content)
    await writer.close()
    monkeypatch.setattr(files, "copy_some", fails(number))
    await store.copy_staged(ONE, source=1, target=len(content), size=len(content) - 1)
    assert (data / "staging" / ONE).read_bytes() == content + content[1:]
