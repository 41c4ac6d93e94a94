"""Opening a data directory: what is made, who may use it, what the operator is told."""

import asyncio
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tusvideo.errors import ConfigError, StorageFailed
from tusvideo.model import UploadId
from tusvideo.stores.disk import DiskStore

ROOT = Path(__file__).parents[2]
ONE = UploadId("1" * 32)

OTHER_SERVER = """
import asyncio, sys
from pathlib import Path
from tusvideo.stores.disk import DiskStore

async def main():
    store = await DiskStore.open(Path(sys.argv[1]))
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


async def test_folders_are_made(tmp_path: Path, open_files: None) -> None:
    """A missing data directory is made with the folders above it, for its owner only, save uploads for the group."""
    data = tmp_path / "some" / "data"
    store = await DiskStore.open(data)
    await store.close()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.iterdir())}
    assert modes == {"data": 0o700, ".lock": 0o600, "staging": 0o700, "uploads": 0o750, "lost+found": 0o700}


async def test_folders_are_made_durably(tmp_path: Path, synced: list[Path]) -> None:
    """Every folder that holds a new one is synced, so that a power cut cannot take it away with what lies in it."""
    store = await DiskStore.open(tmp_path / "some" / "data")
    await store.close()
    assert synced[:2] == [tmp_path, tmp_path / "some"]
    assert synced[2:] == [tmp_path / "some" / "data"] * 3


async def test_opening_again_changes_nothing(store: DiskStore, data: Path) -> None:
    """What is there stays, with the modes that the operator gave it."""
    await (await store.open_writer(ONE, position=0, fresh=True)).close()
    data.chmod(0o755)
    await store.close()
    again = await DiskStore.open(data)
    assert list(await again.staged_ids()) == [ONE]
    assert stat.S_IMODE(data.stat().st_mode) == 0o755
    await again.close()


async def test_one_server_for_one_directory(data: Path, open_files: None) -> None:
    """A second server is refused with a sentence that names the directory; the lock goes with a killed process."""
    command = [sys.executable, "-c", OTHER_SERVER, str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        try:
            assert other.stdout.readline() == "open\n"
            with pytest.raises(ConfigError) as refusal:
                await DiskStore.open(data)
        finally:
            other.kill()
    (mistake,) = refusal.value.mistakes
    assert mistake.startswith(f"data directory {data} is used by another server")
    await (await DiskStore.open(data)).close()


async def test_one_store_for_one_directory(store: DiskStore, data: Path) -> None:
    """Within one process, too, a directory is opened once at a time."""
    with pytest.raises(ConfigError, match="is used by another server"):
        await DiskStore.open(data)


@pytest.mark.parametrize("spoiled", ["data", "data/staging", "data/uploads", "data/lost+found", "data/.lock"])
async def test_a_directory_that_cannot_be_used(tmp_path: Path, spoiled: str, open_files: None) -> None:
    """A file in a folder's place, or a folder in the lock's, is told to the operator at start."""
    path = tmp_path / spoiled
    path.parent.mkdir(exist_ok=True)
    if spoiled.endswith(".lock"):
        path.mkdir()
    else:
        path.touch()
    told = rf"data directory .* cannot be used: .* at {re.escape(str(path))}; mend that, or choose another"
    with pytest.raises(ConfigError, match=told):
        await DiskStore.open(tmp_path / "data", threads=8)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("disk")]


async def test_a_directory_that_is_forbidden(unprivileged_folder: Path) -> None:
    """A data directory that may not be made is told to the operator at start."""
    unprivileged_folder.chmod(0o500)
    with pytest.raises(ConfigError, match=r"Permission denied.*; give the whole of it to the user"):
        await DiskStore.open(unprivileged_folder / "data")
    unprivileged_folder.chmod(0o700)


@pytest.mark.parametrize("name", ["staging", "uploads", "lost+found"])
async def test_a_folder_that_may_not_be_written_to_is_told_before_the_first_upload(
    unprivileged_folder: Path, name: str
) -> None:
    """What a start as another user left behind stops this start, and names the folder."""
    await (await DiskStore.open(unprivileged_folder)).close()
    (unprivileged_folder / name).chmod(0o500)
    told = re.escape(f"got 'Permission denied' at {unprivileged_folder / name}; give the whole of it to the user")
    with pytest.raises(ConfigError, match=told):
        await DiskStore.open(unprivileged_folder)


async def test_a_directory_of_another_user_is_told(tmp_path: Path) -> None:
    """Who may do everything still does not mix files of two users: the sentence says as whom to come."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    await (await DiskStore.open(tmp_path)).close()
    os.chown(tmp_path / ".lock", 65534, 65534)
    with pytest.raises(ConfigError, match="run tusvideo as the user whose data it is"):
        await DiskStore.open(tmp_path)


async def test_where_nobody_can_make_a_folder_it_is_told() -> None:
    """In /proc a folder is missing although the one above it is there."""
    with pytest.raises(ConfigError, match=r"data directory /proc/tusvideo cannot be used: .*; mend that"):
        await DiskStore.open(Path("/proc/tusvideo"))


async def test_a_folder_above_that_may_not_be_read(unprivileged_folder: Path) -> None:
    """A data directory that is there is used, also when the folder above may be passed but not listed."""
    data = unprivileged_folder / "data"
    data.mkdir()
    unprivileged_folder.chmod(0o100)
    try:
        await (await DiskStore.open(data)).close()
    finally:
        unprivileged_folder.chmod(0o700)


async def test_a_closed_store_answers_nothing(data: Path, open_files: None) -> None:
    """After close, which may be repeated, every call raises StorageFailed, and open writers can still be closed."""
    store = await DiskStore.open(data)
    writer = await store.open_writer(ONE, position=0, fresh=True)
    await store.close()
    await store.close()
    for call in (store.free_bytes, store.staged_ids, store.open_spool, writer.sync):
        with pytest.raises(StorageFailed):
            await call()
    await writer.close()


async def test_a_cancelled_start_leaves_nothing_locked(data: Path, open_files: None) -> None:
    """A start that is cancelled gives the lock back."""
    starting = asyncio.create_task(DiskStore.open(data))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await (await DiskStore.open(data)).close()
