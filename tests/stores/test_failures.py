"""Failures of the real disk: full, broken, read-only."""

import asyncio
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stores.calls import ONE, PLACE, fails, stage, writer_of
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore


async def _write(store: DiskStore) -> None:
    writer = await store.open_writer(ONE, position=0, fresh=False)
    try:
        await writer.write(b"all")
    finally:
        await writer.close()


async def _publish(store: DiskStore) -> None:
    await store.publish(ONE, length=3, location=PLACE)


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    if request.param == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    else:
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("mkfs.ext4 is not installed")
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(8 * 1024 * 1024)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        command = ["mount", "-o", "loop", str(image), str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"{request.param} cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk(small_disk: Path) -> None:
    """A really full disk raises DiskFull and keeps what was synced; with room again the upload goes on."""
    store = await DiskStore.open(small_disk / "data")
    try:
        writer = await writer_of(store)
        block = os.urandom(100_000)
        while True:
            try:
                await writer.write(block)
            except DiskFull:
                break
        full = writer.position
        assert full % len(block) == 0
        assert await writer.sync() == full
        ballast = await store.open_spool()
        with pytest.raises(DiskFull):
            await ballast.write(block)
        await ballast.close()
        await writer.close()
        os.truncate(small_disk / "data" / "staging" / ONE, 200_000)  # room, made by whoever can make it
        writer = await store.open_writer(ONE, position=200_000, fresh=False)
        await writer.write(block)
        assert await writer.sync() == 300_000
        await writer.close()
        assert [part async for part in store.read_staged(ONE, start=0, stop=300_000)] == [block * 3]
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EIO, StorageFailed),
        (errno.EROFS, StorageFailed),
        (errno.EMFILE, StorageFailed),
        (errno.EACCES, StorageFailed),
    ],
    ids=lambda value: errno.errorcode.get(value) if isinstance(value, int) else None,
)
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("pwrite", _write),
        ("pwrite", stage),
        ("sync_folder", stage),
        ("open_or_make", stage),
        ("sync_folder", lambda store: store.open_writer(ONE, position=0, fresh=True)),
        ("open_or_make", lambda store: store.open_writer(ONE, position=0, fresh=False)),
        ("open_spool", lambda store: store.open_spool()),
        ("fsync", _publish),
        ("link", _publish),
        ("free_bytes", lambda store: store.free_bytes()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_errors_of_the_system_become_ours(
    store: DiskStore,
    monkeypatch: pytest.MonkeyPatch,
    open_files: None,
    name: str,
    call: Callable[[DiskStore], object],
    number: int,
    expected: type[Exception],
) -> None:
    """No room is DiskFull, everything else StorageFailed; the sentence holds no path and nothing stays open."""
    writer = await writer_of(store)
    await writer.write(b"all")
    await writer.close()
    with monkeypatch.context() as patch:
        patch.setattr(files, name, fails(number))
        with pytest.raises(expected) as error:
            await call(store)  # type: ignore[misc]  # the table's calls are coroutines of different results
    assert "/" not in str(error.value)
    assert await store.publish(ONE, length=3, location=PLACE) is True


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
async def test_a_lost_page_kills_the_writer(store: DiskStore, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Whatever reason fdatasync gives, the writer is dead after it: which pages are lost nobody knows."""
    writer = await writer_of(store)
    await writer.write(b"uncertain")
    with monkeypatch.context() as patch:
        patch.setattr(files, "fdatasync", fails(number))
        with pytest.raises(StorageFailed):
            await writer.sync()
    with pytest.raises(StorageFailed):
        await writer.sync()
    with pytest.raises(StorageFailed):
        await writer.write(b"more")
    await writer.close()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
async def test_a_page_lost_in_one_go(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, open_files: None, number: int
) -> None:
    """Whatever reason fdatasync gives, stage says StorageFailed: a full disk would have been told by the write."""
    with monkeypatch.context() as patch:
        patch.setattr(files, "fdatasync", fails(number))
        with pytest.raises(StorageFailed):
            await stage(store)


@pytest.mark.parametrize("name", ["open_own", "open_or_make"])
async def test_a_sync_that_never_began_lost_nothing(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without a descriptor left nobody came to the disk: only ``fdatasync`` tells of lost pages."""
    await stage(store)
    with monkeypatch.context() as patch:
        patch.setattr(files, name, fails(errno.EMFILE))
        with pytest.raises(StorageFailed):
            await (store.sync_staged(ONE) if name == "open_own" else stage(store))
    assert not store.has_lost(ONE)


async def test_room_is_asked_for_now_and_then(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions within a tenth of a second share an answer, also those at once; the next one gets a new one."""
    answers = iter(range(1, 100))
    monkeypatch.setattr(files, "free_bytes", lambda _: next(answers))
    times = [100.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: times[0])
    assert await asyncio.gather(*(store.free_bytes() for _ in range(3))) == [1, 1, 1]
    times[0] += 0.09
    assert await store.free_bytes() == 1
    times[0] += 0.02
    assert await store.free_bytes() == 2


async def test_a_read_only_disk_takes_nothing(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-17: it may have room, and says so; /readyz and every creation ask before a byte is sent."""
    there = os.statvfs("/")
    fields = [there[at] for at in range(there.n_sequence_fields)]
    fields[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    with pytest.raises(StorageFailed):
        await store.free_bytes()
