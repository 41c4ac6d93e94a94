"""Long runs of bytes that no sync is asked for: the disk begins with them before the sync at the end."""

import asyncio
import threading

import pytest

from tusvideo.model import UploadId
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore
from tusvideo.stores.opened import WRITE_OUT_BYTES, DiskWriter

HALF = bytes(WRITE_OUT_BYTES // 2)
PATIENCE = 30.0
"""Seconds after which a test fails instead of hanging."""


async def writer_of(store: DiskStore) -> DiskWriter:
    """Open a fresh writer."""
    return await store.open_writer(UploadId("1" * 32), position=0, fresh=True)


async def begun(writer: DiskWriter) -> None:
    """Wait until no thread is busy with the file."""
    if running := writer._handle._running:
        await asyncio.wait(set(running), timeout=PATIENCE)


async def test_the_disk_begins_before_it_is_asked_to_end(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of runs that leave nothing out; what was synced is not told again."""
    told: list[tuple[int, int]] = []
    begin_write_out = files.begin_write_out

    def tell(fd: int, *, start: int, size: int) -> None:
        begin_write_out(fd, start=start, size=size)
        told.append((start, size))

    monkeypatch.setattr(files, "begin_write_out", tell)
    writer = await writer_of(store)
    for _ in range(5):
        await writer.write(HALF)
        await begun(writer)
    assert await writer.sync() == 5 * len(HALF)
    await writer.write(HALF)
    await writer.close()
    assert told == [(0, WRITE_OUT_BYTES), (WRITE_OUT_BYTES, WRITE_OUT_BYTES)]


async def test_nobody_but_close_waits_for_the_beginning(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes and syncs go on, no second one begins beside it, and the descriptor stays until it has ended."""
    started, released = threading.Event(), threading.Event()
    calls: list[int] = []

    def slow(fd: int, *, start: int, size: int) -> None:
        del fd, size
        started.set()
        assert released.wait(PATIENCE)
        calls.append(start)

    monkeypatch.setattr(files, "begin_write_out", slow)
    writer = await writer_of(store)
    for _ in range(6):
        await writer.write(HALF)
    assert await asyncio.to_thread(started.wait, PATIENCE)
    assert await writer.sync() == 6 * len(HALF)
    closing = asyncio.create_task(writer.close())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not closing.done()
    assert calls == []
    released.set()
    await closing
    assert calls == [0]


@pytest.mark.parametrize("missing", [False, True])
async def test_a_system_that_cannot_is_no_failure(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, *, missing: bool
) -> None:
    """Nor is one that does not want to: what is wrong with a disk is told by the sync."""
    if missing:
        monkeypatch.setattr("tusvideo.stores.files.ctypes.CDLL", lambda name: name)
    else:
        monkeypatch.setattr(files, "SYNC_FILE_RANGE_WRITE", 0x8000)
    writer = await writer_of(store)
    for _ in range(2):
        await writer.write(HALF)
    assert await writer.sync() == WRITE_OUT_BYTES
    await writer.close()
