"""Writing to the real disk: short writes, full disks, planted files, slow disks, cancelled callers."""

import asyncio
import errno
import gc
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stores.conftest import count_open_files
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import Location, UploadId
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore, DiskWriter

ONE = UploadId("1" * 32)
PLACE = Location(directory="posters", folder="local", filename="video_1.mp4")
PATIENCE = 30.0
"""Seconds after which a test fails instead of hanging."""


class Gate:
    """A call of the operating system that takes as long as the test wants."""

    def __init__(self, call: Callable[..., object]) -> None:
        self.call = call
        self.started = threading.Event()
        self.released = threading.Event()
        self.ended = False

    def __call__(self, *args: object) -> object:
        self.started.set()
        assert self.released.wait(PATIENCE)
        try:
            return self.call(*args)
        finally:
            self.ended = True

    async def reached(self) -> None:
        """Wait until a thread is in the call."""
        assert await asyncio.to_thread(self.started.wait, PATIENCE)


def fails(number: int) -> Callable[..., object]:
    """A call that fails with an error number."""

    def call(*args: object, **kwargs: object) -> object:
        raise OSError(number, os.strerror(number), "/a/path/that/nobody/should/see")

    return call


async def writer_of(store: DiskStore) -> DiskWriter:
    """Open a fresh writer."""
    return await store.open_writer(ONE, position=0, fresh=True)


async def _stage(store: DiskStore) -> None:
    await store.stage(ONE, [b"more"], position=0, fresh=True, durable=True)


async def _write(store: DiskStore) -> None:
    writer = await store.open_writer(ONE, position=0, fresh=False)
    try:
        await writer.write(b"all")
    finally:
        await writer.close()


async def _publish(store: DiskStore) -> None:
    await store.publish(ONE, length=3, location=PLACE)


async def turns() -> None:
    """Let every task that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


# ------------------------------------------------------------------------------------------------------- whole buffers


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


# ------------------------------------------------------------------------------------------------------------ failures


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
        ("pwrite", _stage),
        ("sync_folder", _stage),
        ("open_or_make", _stage),
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
            await _stage(store)


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
    assert calls == ["sync_folder", "pwrite", "pwrite", "pwrite", "fdatasync"]


async def test_a_cancelled_stage_ends_when_nothing_is_written_any_more(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, open_files: None
) -> None:
    """The caller hears of the cancellation after the last call on the file, so that nobody else is let in before."""
    slow = Gate(files.fdatasync)
    monkeypatch.setattr(files, "fdatasync", slow)
    staging = asyncio.create_task(_stage(store))
    await slow.reached()
    staging.cancel()
    await turns()
    assert not staging.done()
    slow.released.set()
    with pytest.raises(asyncio.CancelledError):
        await staging
    assert slow.ended


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


# ------------------------------------------------------------------------------------------------------- planted files


@pytest.mark.parametrize("kind", ["symlink", "dangling symlink", "fifo", "folder", "hard link", "foreign file"])
async def test_only_plain_files_of_ours_are_used(
    store: DiskStore, data: Path, tmp_path: Path, open_files: None, kind: str
) -> None:
    """What somebody put in a staging file's place is neither followed, nor waited for, nor written, nor published."""
    victim = tmp_path / "victim"
    if kind != "dangling symlink":
        victim.write_bytes(b"precious")
    path = data / "staging" / ONE
    if "symlink" in kind:
        path.symlink_to(victim)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "hard link":
        path.hardlink_to(victim)
    elif os.geteuid() == 0:
        path.write_bytes(b"precious")
        os.chown(path, 65534, 65534)
    else:
        pytest.skip("giving a file away needs root")
    with pytest.raises(StorageFailed):
        await store.open_writer(ONE, position=0, fresh=True)
    with pytest.raises(StorageFailed):
        await _stage(store)
    if kind != "hard link":  # which cannot be told from what a killed publish leaves; it is read-only at least
        with pytest.raises(StorageFailed):
            await anext(aiter(store.read_staged(ONE, start=0, stop=1)))
        with pytest.raises(StorageFailed):
            await store.copy_staged(ONE, source=0, target=8, size=1)
        with pytest.raises(StorageFailed):
            await store.publish(ONE, length=4, location=PLACE)
    if kind == "dangling symlink":
        assert not victim.exists()
    else:
        assert victim.read_bytes() == b"precious"
    await store.set_aside(ONE)
    assert list(await store.staged_ids()) == []
    assert os.path.lexists(data / "lost+found" / ONE)


async def test_other_names_in_staging_are_left_out(store: DiskStore, data: Path) -> None:
    """Only names that are upload ids are listed."""
    await (await writer_of(store)).close()
    for name in ("README", "2" * 31, "A" * 32, ".spool-x", ONE + ".part"):
        (data / "staging" / name).touch()
    assert list(await store.staged_ids()) == [ONE]


async def test_setting_aside_never_overwrites(store: DiskStore, data: Path) -> None:
    """The second file of an upload that is set aside gets a number; all bytes are kept."""
    for content in (b"one", b"two", b"three"):
        writer = await writer_of(store)
        await writer.write(content)
        await writer.close()
        await store.set_aside(ONE)
    found = {path.name: path.read_bytes() for path in (data / "lost+found").iterdir()}
    assert found == {ONE: b"one", f"{ONE}.1": b"two", f"{ONE}.2": b"three"}


async def test_setting_aside_is_durable(store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both folders are synced after the move, the one that gained the name first."""
    await (await writer_of(store)).close()
    synced: list[str] = []
    monkeypatch.setattr(files, "sync_folder", lambda path: synced.append(path.name))
    await store.set_aside(ONE)
    assert synced == ["lost+found", "staging"]


async def test_a_copy_within_a_file_is_durable(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """copy_staged answers after an fdatasync of the file that holds the copy."""
    writer = await writer_of(store)
    await writer.write(b"abcd")
    await writer.close()
    sizes: list[int] = []
    monkeypatch.setattr(files, "fdatasync", lambda fd: sizes.append(files.facts(fd).size))
    await store.copy_staged(ONE, source=0, target=4, size=4)
    assert sizes == [8]


async def test_setting_aside_goes_on_after_a_crash(store: DiskStore, data: Path) -> None:
    """A file that has both names already loses the first, and is not numbered."""
    await (await writer_of(store)).close()
    (data / "lost+found" / ONE).hardlink_to(data / "staging" / ONE)
    await store.set_aside(ONE)
    assert [path.name for path in (data / "lost+found").iterdir()] == [ONE]
    assert list(await store.staged_ids()) == []


async def test_a_missing_folder_is_not_taken_for_a_missing_file(store: DiskStore, data: Path) -> None:
    """Without lost+found, set_aside raises StorageFailed and the bytes stay where they are."""
    await (await writer_of(store)).close()
    (data / "lost+found").rmdir()
    with pytest.raises(StorageFailed):
        await store.set_aside(ONE)
    assert list(await store.staged_ids()) == [ONE]


# --------------------------------------------------------------------------------------------------- threads and tasks


async def test_the_loop_does_not_wait_for_the_disk(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one fdatasync takes its time the loop serves others, and the same writer takes more bytes."""
    writer = await writer_of(store)
    await writer.write(b"first")
    slow = Gate(files.fdatasync)
    with monkeypatch.context() as patch:
        patch.setattr(files, "fdatasync", slow)
        syncing = asyncio.create_task(writer.sync())
        await slow.reached()
        await writer.write(b"second")
        assert await store.staged_size(ONE) == 11
        assert not slow.ended
        slow.released.set()
        assert await syncing == 5
    assert await writer.sync() == 11
    await writer.close()


async def test_nothing_is_written_after_close(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a cancelled write nor a cancelled close returns while a thread still writes."""
    writer = await writer_of(store)
    slow = Gate(files.pwrite)
    monkeypatch.setattr(files, "pwrite", slow)
    writing = asyncio.create_task(writer.write(b"late"))
    await slow.reached()
    closing = [asyncio.create_task(writer.close()) for _ in range(2)]
    await turns()
    for _ in range(2):
        writing.cancel()
        closing[0].cancel()
        await turns()
    assert not any(task.done() for task in (writing, *closing))
    slow.released.set()
    await asyncio.wait(closing, return_when=asyncio.FIRST_COMPLETED)
    assert slow.ended
    with pytest.raises(asyncio.CancelledError):
        await writing
    with pytest.raises(asyncio.CancelledError):
        await closing[0]
    await closing[1]


async def test_a_cancelled_write_does_not_count(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a cancelled write the position is that from before, and the next write takes the same place."""
    writer = await writer_of(store)
    slow = Gate(files.pwrite)
    with monkeypatch.context() as patch:
        patch.setattr(files, "pwrite", slow)
        writing = asyncio.create_task(writer.write(b"cancelled"))
        await slow.reached()
        writing.cancel()
        slow.released.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert writer.position == 0
    await writer.write(b"kept")
    assert await writer.sync() == 4
    await writer.close()


async def test_a_sync_that_fails_unheard_kills_the_writer(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync whose caller was cancelled leaves a dead writer when it fails, though nobody saw the error."""
    writer = await writer_of(store)
    await writer.write(b"uncertain")
    slow = Gate(fails(errno.EIO))
    with monkeypatch.context() as patch:
        patch.setattr(files, "fdatasync", slow)
        syncing = asyncio.create_task(writer.sync())
        await slow.reached()
        syncing.cancel()
        slow.released.set()
        with pytest.raises(asyncio.CancelledError):
            await syncing
    with pytest.raises(StorageFailed):
        await writer.sync()
    await writer.close()


@pytest.mark.parametrize("name", ["open_or_make", "open_spool"])
async def test_a_cancelled_opening_leaves_nothing_open(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, open_files: None, name: str
) -> None:
    """A file that was opened for a caller who is gone is closed."""
    slow = Gate(getattr(files, name))
    monkeypatch.setattr(files, name, slow)
    call = store.open_spool() if name == "open_spool" else store.open_writer(ONE, position=0, fresh=True)
    opening: asyncio.Task[object] = asyncio.create_task(call)
    await slow.reached()
    opening.cancel()
    slow.released.set()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_an_abandoned_reading_leaves_nothing_open(store: DiskStore, open_files: None) -> None:
    """Dropping the iterator of read_staged in the middle closes the file."""
    writer = await writer_of(store)
    await writer.write(bytes(2 * 1024 * 1024))
    await writer.close()
    before = count_open_files()
    blocks = store.read_staged(ONE, start=0, stop=2 * 1024 * 1024)
    await anext(aiter(blocks))
    assert count_open_files() == before + 1
    del blocks
    gc.collect()
    await turns()
    while count_open_files() > before:  # a thread closes it; the test's timeout is the bound
        await store.free_bytes()


async def test_a_forgotten_writer_is_told(store: DiskStore, open_files: None) -> None:
    """A writer that nobody closed is closed when it is forgotten, with a ResourceWarning."""
    writer = await writer_of(store)
    await writer.write(b"all")
    forgotten = [writer]
    del writer
    with pytest.warns(ResourceWarning, match="left open"):
        forgotten.clear()


async def test_closing_a_published_file_waits_for_its_reader(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor is not closed under a reading thread, who could read another file that got its number."""
    writer = await writer_of(store)
    await writer.write(b"all")
    await writer.close()
    await store.publish(ONE, length=3, location=PLACE)
    file = await store.open_published(PLACE)
    assert file is not None
    slow = Gate(files.pread)
    monkeypatch.setattr(files, "pread", slow)
    reading = asyncio.create_task(_first(file.read(0, 3)))
    await slow.reached()
    closing = asyncio.create_task(file.close())
    await turns()
    assert not closing.done()
    slow.released.set()
    await closing
    assert slow.ended
    assert await reading == b"all"


async def _first(blocks: object) -> bytes:
    return await anext(blocks)  # type: ignore[no-any-return, call-overload]


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


async def test_a_read_only_disk_takes_nothing(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-17: it may have room, and says so; /readyz and every creation ask before a byte is sent."""
    there = os.statvfs("/")
    fields = [there[at] for at in range(there.n_sequence_fields)]
    fields[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    with pytest.raises(StorageFailed):
        await store.free_bytes()
