"""``tusvideo fsck`` tells what the next start would mend, and mends nothing."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conformance.sessions.samples import ANNA, an_upload, upload_id
from tusvideo.model import Location, Status, Upload
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.stores.disk import DiskStore

PLACE = Location(directory="files", folder=ANNA, filename="gone.bin")


def fsck(data: Path) -> subprocess.CompletedProcess[str]:
    """Run the command on a data directory."""
    words = [sys.executable, "-m", "tusvideo", "fsck", "--data-dir", str(data)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


async def prepared(data: Path, uploads: Sequence[Upload], *, staged: Sequence[tuple[int, bytes]]) -> None:
    """Make a data directory with these rows and staging files."""
    store = await DiskStore.open(data)
    for number, content in staged:
        writer = await store.open_writer(upload_id(number), position=0, fresh=True)
        await writer.write(content)
        await writer.sync()
        await writer.close()
    await store.close()
    sessions = await SqliteSessions.open(data / "tusvideo.db")
    for upload in uploads:
        await sessions.add(upload)
    await sessions.close()


async def test_nothing_to_tell(tmp_path: Path) -> None:
    """With rows and files in order the exit code is 0, and the uploads that were looked at are counted."""
    await prepared(tmp_path, [an_upload(1, offset=3, length=9)], staged=[(1, b"abcdef")])
    done = fsck(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 unfinished uploads checked, 0 to be told of\n"


@pytest.mark.parametrize(
    ("upload", "content", "told"),
    [
        pytest.param(an_upload(1, offset=9), b"short", "damage", id="bytes missing"),
        pytest.param(an_upload(1, offset=9, boot_id="another", synced_offset=2), b"123456789", "rewind", id="unsynced"),
        pytest.param(an_upload(1, offset=3, length=3), b"abc", "publish", id="whole and unpublished"),
        pytest.param(an_upload(1, status=Status.TERMINATED), None, "clear", id="terminated"),
        pytest.param(an_upload(1, status=Status.EXPIRED), b"abc", "discard", id="expired leftover"),
        pytest.param(an_upload(2), b"abc", "set_aside", id="file without row"),
        pytest.param(
            an_upload(1, status=Status.COMPLETE, offset=3, length=3, location=PLACE),
            None,
            "lost",
            id="published and gone",
        ),
    ],
)
async def test_what_is_wrong_is_told_and_left(tmp_path: Path, upload: Upload, content: bytes | None, told: str) -> None:
    """Every finding is one line with its action and upload; the exit code is 3; a second run tells the same."""
    await prepared(tmp_path, [upload], staged=[] if content is None else [(1, content)])
    first, second = fsck(tmp_path), fsck(tmp_path)
    assert first.returncode == 3
    assert f"{told} {upload_id(1)}" in first.stdout
    assert second.stdout == first.stdout


async def test_a_running_server_is_not_disturbed(tmp_path: Path) -> None:
    """While a server holds the data directory the command says so and ends with 1."""
    store = await DiskStore.open(tmp_path)
    done = fsck(tmp_path)
    await store.close()
    assert done.returncode == 1
    assert "is used by another server" in done.stderr
    assert "Traceback" not in done.stderr
