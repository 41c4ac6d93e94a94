"""A file system whose disk is gone must not be believed when it says that a folder is durable."""

import os
from pathlib import Path

import pytest

from tests.faults.programme import mounts
from tests.faults.programme.rounds import PREFIX, fresh
from tusvideo.stores import files


@pytest.mark.skipif(mounts.why_no_power_cuts() is not None, reason=str(mounts.why_no_power_cuts()))
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_folder_on_a_disk_that_is_gone_is_not_durable(kind: str, tmp_path: Path) -> None:
    """After the power cut the sync of a folder with a new name raises, and the name is indeed lost."""
    with fresh(tmp_path / f"{PREFIX}disk") as folder, mounts.Disk(folder, kind=kind) as disk:
        (disk.place / "one").write_bytes(b"x")
        os.sync()
        files.link(disk.place / "one", disk.place / "other")
        disk.cut()
        with pytest.raises(OSError, match="Input/output error"):
            files.sync_folder(disk.place)
        disk.unmount()
        disk.mount()
        assert not (disk.place / "other").exists()
