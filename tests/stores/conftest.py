"""A store in a folder of its own, and what tests of the real disk need besides."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore

NOBODY = 65534


def count_open_files() -> int:
    """Count the descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory."""
    return tmp_path / "data"


@pytest.fixture
async def store(data: Path) -> AsyncIterator[DiskStore]:
    """A store on the data directory."""
    store = await DiskStore.open(data, threads=8)
    yield store
    await store.close()


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were synced, in their order."""
    folders: list[Path] = []
    sync_folder = files.sync_folder

    def noted(path: Path) -> None:
        folders.append(path)
        sync_folder(path)

    monkeypatch.setattr(files, "sync_folder", noted)
    return folders


@pytest.fixture
def open_files() -> Iterator[None]:
    """Check that the test closes every file that it opens."""
    before = count_open_files()
    yield
    assert count_open_files() == before


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder, and a process without root's privileges, which would hide what a mode forbids."""
    folder = Path(tempfile.mkdtemp(prefix="tusvideo-"))
    if os.geteuid() != 0:
        yield folder
        shutil.rmtree(folder)
        return
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
