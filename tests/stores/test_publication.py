"""Publishing on the real disk: the order of the calls, a crash at each of them, and file systems that cannot link."""

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.model import Location, UploadId
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore
from tusvideo.stores.layout import Layout
from tusvideo.stores.publication import Publication

ONE = UploadId("1" * 32)
TWO = UploadId("2" * 32)
PLACE = Location(directory="posters", folder="local", filename="video_1.mp4")
STEPS = (
    "open_own",
    "truncate",
    "seal",
    "unseal",
    "fsync",
    "link",
    "rename_new",
    "make_folder",
    "sync_folder",
    "make_file",
    "copy_range",
    "set_mtime",
    "unlink",
    "open_file",
    "facts_at",
    "close",
)


class KilledError(BaseException):
    """The process is gone."""


@dataclass
class Recorder:
    """Notes the calls of a publication by name; kills it before or after one of them."""

    calls: list[str]
    kill_at: int = -1
    is_before: bool = True

    def wrap(self, name: str, call: Callable[..., object]) -> Callable[..., object]:
        """Record one function of ``files``."""

        def recorded(*args: object, **kwargs: object) -> object:
            number = len(self.calls)
            self.calls.append(name)
            is_last = name != "close" and number == self.kill_at  # what a dead process has open is closed anyway
            if is_last and self.is_before:
                raise KilledError
            result = call(*args, **kwargs)
            if is_last:
                raise KilledError
            return result

        return recorded


def refuse(number: int) -> Callable[..., None]:
    """Fail as a file system does that cannot do this."""

    def call(source: Path, target: Path) -> None:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        raise OSError(number, os.strerror(number))

    return call


def refuse_staging(number: int) -> Callable[..., None]:
    """Fail to link out of staging only, as between two file systems."""
    link = files.link
    refused = refuse(number)

    def call(source: Path, target: Path) -> None:
        (refused if source.parent.name == "staging" else link)(source, target)

    return call


@pytest.fixture(params=["shared names", "another file system", "no links at all"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How a file can get its final name."""
    if request.param == "another file system":
        monkeypatch.setattr(files, "link", refuse_staging(errno.EXDEV))
    elif request.param == "no links at all":
        monkeypatch.setattr(files, "link", refuse(errno.EPERM))
    return str(request.param)


def publication(data: Path, upload: UploadId = ONE, *, length: int) -> Publication:
    """One publication as the store makes it."""
    layout = Layout(data)
    return Publication(
        upload_id=upload,
        staged=layout.staged(upload),
        target=layout.published(PLACE),
        spare=layout.spare(upload, location=PLACE),
        length=length,
    )


def stage(data: Path, content: bytes, upload: UploadId = ONE) -> Path:
    """Put bytes into staging."""
    path = data / "staging" / upload
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def names(data: Path) -> list[str]:
    """What lies in the target folder, hidden or not."""
    folder = data / "uploads" / "posters" / "local"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# --------------------------------------------------------------------------------------------------------------- order


async def test_the_order_of_the_calls(store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut, seal and sync the file; make the folders; name it; sync the folder; in this order."""
    stage(data, b"all of it, and more")
    recorder = Recorder([])
    for name in STEPS:
        monkeypatch.setattr(files, name, recorder.wrap(name, getattr(files, name)))
    assert await store.publish(ONE, length=9, location=PLACE) is True
    syncing = ["sync_folder", "fsync", "close"]
    expected = ["open_own", "open_own", "truncate", "close", "seal", "fsync"]
    expected += ["make_folder", *syncing, "make_folder", *syncing]
    expected += ["link", "close", "unlink", *syncing]
    assert recorder.calls == expected


async def test_the_order_of_the_calls_of_a_copy(store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy is whole, marked, sealed and durable before it gets the name."""
    stage(data, b"all")
    monkeypatch.setattr(files, "link", refuse(errno.EPERM))
    recorder = Recorder([])
    for name in ("link", "make_file", "copy_range", "set_mtime", "seal", "fsync", "rename_new", "sync_folder"):
        monkeypatch.setattr(files, name, recorder.wrap(name, getattr(files, name)))
    assert await store.publish(ONE, length=3, location=PLACE) is True
    tried = recorder.calls.index("link")
    copied = ["link", "make_file", "copy_range", "set_mtime", "seal", "fsync", "link", "rename_new"]
    assert recorder.calls[tried:] == [*copied, "sync_folder", "fsync"]


async def test_folders_that_were_there_are_synced_too(store: DiskStore, data: Path, synced: list[Path]) -> None:
    """A folder that a killed run made may not be durable yet, so that every publish syncs the folders above it."""
    for upload in (ONE, TWO):
        stage(data, b"all", upload)
    await store.publish(ONE, length=3, location=PLACE)
    synced.clear()
    assert await store.publish(TWO, length=3, location=replace(PLACE, filename="b")) is True
    assert synced == [data / "uploads", data / "uploads" / "posters", data / "uploads" / "posters" / "local"]


async def test_removing_is_durable(store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """remove_published syncs the folder after the name went, also when a killed run took the name away."""
    stage(data, b"all")
    await store.publish(ONE, length=3, location=PLACE)
    recorder = Recorder([])
    for name in ("unlink", "sync_folder"):
        monkeypatch.setattr(files, name, recorder.wrap(name, getattr(files, name)))
    for _ in range(2):
        await store.remove_published(PLACE)
    assert recorder.calls == ["unlink", "sync_folder"] * 2


async def test_what_is_published(store: DiskStore, data: Path, way: str) -> None:
    """A published file is read-only for owner and group, closed to others; its folders are open to the group."""
    stage(data, b"all")
    umask = os.umask(0)
    try:
        assert await store.publish(ONE, length=3, location=PLACE) is True
    finally:
        os.umask(umask)
    path = Layout(data).published(PLACE)
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, path.parent.parent)]
    assert modes == [0o440, 0o750, 0o750]
    assert names(data) == ["video_1.mp4"]


# ------------------------------------------------------------------------------------------------------------- crashes


def test_a_crash_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Killed before or after any call, a second run ends with the file under its name, once and whole."""
    content = os.urandom(100_000)
    kills = 0
    for is_before in (True, False):
        for number in range(1000):
            data = tmp_path / f"{is_before}-{number}"
            for folder in ("staging", "uploads"):
                (data / folder).mkdir(parents=True)
            stage(data, content + b"leftovers")
            recorder = Recorder([], kill_at=number, is_before=is_before)
            with monkeypatch.context() as patch:
                for name in STEPS:
                    patch.setattr(files, name, recorder.wrap(name, getattr(files, name)))
                try:
                    publication(data, length=len(content)).carry_out()
                except KilledError:
                    kills += 1
            if number >= len(recorder.calls):
                break
            assert set(names(data)) <= {"video_1.mp4", f".tusvideo-{ONE}"}
            assert publication(data, length=len(content)).carry_out() is True
            assert names(data) == ["video_1.mp4"]
            assert Layout(data).published(PLACE).read_bytes() == content
            stage(data, content, TWO)
            assert publication(data, TWO, length=len(content)).carry_out() is False
            assert names(data) == ["video_1.mp4"]
        else:
            pytest.fail("the publication never ended")
    assert kills >= 2 * 12


@pytest.mark.parametrize("step", ["fsync", "make_file", "copy_range", "set_mtime", "seal", "rename_new", "sync_folder"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
async def test_a_failure_while_copying_leaves_no_half_file(
    store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch, open_files: None, step: str, number: int
) -> None:
    """When a copy fails the name is unmade or ours, the copy is gone, and a second run succeeds."""
    monkeypatch.setattr(files, "link", refuse(errno.EPERM))
    stage(data, b"all")

    def broken(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(files, step, broken)
        with pytest.raises(DiskFull if number == errno.ENOSPC else StorageFailed):
            await store.publish(ONE, length=3, location=PLACE)
    assert names(data) in ([], ["video_1.mp4"])
    assert await store.publish(ONE, length=3, location=PLACE) is True
    assert names(data) == ["video_1.mp4"]


# ------------------------------------------------------------------------------------------------- where links are not


@pytest.mark.parametrize("number", sorted(files.NO_LINK), ids=errno.errorcode.get)
async def test_publishing_without_links(
    store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch, open_files: None, number: int
) -> None:
    """Where link is refused the bytes are copied; all promises stay."""
    monkeypatch.setattr(files, "link", refuse(number))
    content = os.urandom(3_000_000)
    for upload in (ONE, TWO):
        stage(data, content, upload)
    length = len(content)
    assert await store.publish(ONE, length=length, location=PLACE) is True
    assert await store.publish(ONE, length=length, location=PLACE) is True
    assert await store.publish(TWO, length=length, location=PLACE) is False
    await store.discard(ONE)
    assert await store.publish(ONE, length=length, location=PLACE) is True
    assert Layout(data).published(PLACE).read_bytes() == content
    assert names(data) == ["video_1.mp4"]


async def test_a_changed_copy_is_not_ours(store: DiskStore, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with the length and the mark of our copy but other bytes is another file."""
    monkeypatch.setattr(files, "link", refuse(errno.EPERM))
    stage(data, b"all")
    await store.publish(ONE, length=3, location=PLACE)
    path = Layout(data).published(PLACE)
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(b"ill")
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert await store.publish(ONE, length=3, location=PLACE) is False
    assert path.read_bytes() == b"ill"


@pytest.mark.parametrize("kind", ["file", "folder", "symlink", "fifo"])
async def test_a_name_taken_by_anything(store: DiskStore, data: Path, tmp_path: Path, way: str, kind: str) -> None:
    """Whatever lies under the name, it is not ours and stays."""
    path = Layout(data).published(PLACE)
    path.parent.mkdir(parents=True)
    if kind == "file":
        path.write_bytes(b"all")
    elif kind == "folder":
        path.mkdir()
    elif kind == "symlink":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    before = path.lstat()
    stage(data, b"all")
    assert await store.publish(ONE, length=3, location=PLACE) is False
    assert path.lstat().st_ino == before.st_ino
    assert not (tmp_path / "elsewhere").exists()
    assert names(data) == ["video_1.mp4"]


async def test_reading_only_plain_files(store: DiskStore, data: Path, tmp_path: Path, open_files: None) -> None:
    """open_published follows no link and waits for no pipe; what is not a plain file raises StorageFailed."""
    path = Layout(data).published(PLACE)
    path.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").write_bytes(b"secret")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed):
        await store.open_published(PLACE)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StorageFailed):
        await store.open_published(PLACE)
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageFailed):
        await store.open_published(PLACE)


async def test_one_name_has_one_winner_without_links(store: DiskStore, data: Path, way: str) -> None:
    """Of fifty uploads at once exactly one gets the name, whichever way names are given here."""
    uploads = [UploadId(f"{number:032x}") for number in range(50)]
    for upload in uploads:
        stage(data, b"the same bytes", upload)
    results = await asyncio.gather(*(store.publish(upload, length=14, location=PLACE) for upload in uploads))
    assert sum(results) == 1
    assert names(data) == ["video_1.mp4"]


async def test_uploads_on_another_file_system(data: Path, open_files: None, tmp_path: Path) -> None:
    """With uploads really on another file system, published files arrive there, once and whole."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm to be another file system than the temporary folder")
    elsewhere = shared / f"tusvideo-test-{os.getpid()}"
    elsewhere.mkdir()
    data.mkdir()
    (data / "uploads").symlink_to(elsewhere)
    store = await DiskStore.open(data)
    try:
        content = os.urandom(3_000_000)
        for upload in (ONE, TWO):
            stage(data, content, upload)
        assert await store.publish(ONE, length=len(content), location=PLACE) is True
        assert await store.publish(ONE, length=len(content), location=PLACE) is True
        assert await store.publish(TWO, length=len(content), location=PLACE) is False
        assert (elsewhere / "posters" / "local" / "video_1.mp4").read_bytes() == content
        assert names(data) == ["video_1.mp4"]
        await store.remove_published(PLACE)
    finally:
        await store.close()
        for path in sorted(elsewhere.rglob("*"), reverse=True):
            path.rmdir()
        elsewhere.rmdir()


def test_renaming_never_replaces(tmp_path: Path) -> None:
    """rename_new moves a file to a free name and refuses a taken one."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"mine")
    target.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        files.rename_new(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (b"mine", b"theirs")
    target.unlink()
    files.rename_new(source, target)
    assert not source.exists()
    assert target.read_bytes() == b"mine"


# ------------------------------------------------------------------------------------------------- without privileges


async def test_an_ordinary_user_can_publish_again(unprivileged_folder: Path, way: str) -> None:
    """That the staging file is read-only by now stops no repetition, also not for a process that modes bind."""
    store = await DiskStore.open(unprivileged_folder / "data")
    try:
        path = stage(unprivileged_folder / "data", b"all of it, and more")
        path.chmod(0o440)  # killed after the seal, and the cut was lost
        for _ in range(2):
            assert await store.publish(ONE, length=9, location=PLACE) is True
        assert path.stat().st_mode & 0o777 == 0o440
        with pytest.raises(StorageFailed):
            await store.open_writer(ONE, position=0, fresh=False)
        file = await store.open_published(PLACE)
        assert file is not None
        assert [block async for block in file.read(0, 9)] == [b"all of it"]
        await file.close()
        await store.discard(ONE)
        await store.remove_published(PLACE)
        assert await store.open_published(PLACE) is None
    finally:
        await store.close()


async def test_a_forbidden_folder(unprivileged_folder: Path) -> None:
    """A target folder that may not be written raises StorageFailed, and the upload can be published later."""
    store = await DiskStore.open(unprivileged_folder / "data")
    folder = unprivileged_folder / "data" / "uploads" / "posters"
    folder.mkdir()
    folder.chmod(0o500)
    try:
        stage(unprivileged_folder / "data", b"all")
        with pytest.raises(StorageFailed):
            await store.publish(ONE, length=3, location=PLACE)
        folder.chmod(0o700)
        assert await store.publish(ONE, length=3, location=PLACE) is True
    finally:
        folder.chmod(0o700)
        await store.close()
