"""Files on the real disk that are not what they should be: planted, foreign, set aside."""

import os
from pathlib import Path

import pytest

from tests.stores.calls import ONE, PLACE, stage, writer_of
from tusvideo.errors import StorageFailed
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore


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
        await stage(store)
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
