"""Both stores, each with the faults that the suite orders."""

import errno
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tusvideo.ports import UploadStore
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore
from tusvideo.stores.memory import MemoryStore


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A store, and how to make it fail."""

    store: UploadStore
    fill: Callable[[], None]
    """From now on there is no room."""
    free: Callable[[], None]
    """There is room again."""
    break_next_write: Callable[[], None]
    break_next_sync: Callable[[], None]


@pytest.fixture(params=["disk", "memory"])
async def bench(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """The store under test with its faults; every test of this folder runs with each adapter."""
    if request.param == "memory":
        yield in_memory()
        return
    store = await DiskStore.open(tmp_path / "data", threads=8)
    try:
        yield on_disk(store, monkeypatch)
    finally:
        await store.close()


@pytest.fixture
def store(bench: Bench) -> UploadStore:
    """The store under test."""
    return bench.store


def in_memory() -> Bench:
    """Order faults from the store itself."""
    store = MemoryStore()

    def fill() -> None:
        store.capacity = 0

    def free() -> None:
        store.capacity = 2**40

    def break_next_write() -> None:
        store.failing_writes = 1

    def break_next_sync() -> None:
        store.failing_syncs = 1

    return Bench(store=store, fill=fill, free=free, break_next_write=break_next_write, break_next_sync=break_next_sync)


def on_disk(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Let the calls of the operating system fail as it would let them fail."""
    pwrite, fdatasync = files.pwrite, files.fdatasync

    def fill() -> None:
        def full(fd: int, buffer: bytes | memoryview, position: int) -> int:
            if len(buffer) > 1:
                return pwrite(fd, memoryview(buffer)[: len(buffer) // 2], position)  # a full disk takes what fits
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(files, "pwrite", full)

    def free() -> None:
        monkeypatch.setattr(files, "pwrite", pwrite)

    def break_next_write() -> None:
        def broken(fd: int, buffer: bytes | memoryview, position: int) -> int:
            monkeypatch.setattr(files, "pwrite", pwrite)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(files, "pwrite", broken)

    def break_next_sync() -> None:
        def broken(fd: int) -> None:
            monkeypatch.setattr(files, "fdatasync", fdatasync)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(files, "fdatasync", broken)

    return Bench(store=store, fill=fill, free=free, break_next_write=break_next_write, break_next_sync=break_next_sync)
