"""``tusvideo fsck`` tells what the next start would mend, and mends nothing."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.conformance.sessions.samples import ANNA, an_upload, upload_id
from tusvideo.model import Location, Status, Upload
from tusvideo.sessions.schema import VERSION
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
    await prepared(tmp_path, [], staged=[])
    store = await DiskStore.open(tmp_path)
    done = fsck(tmp_path)
    await store.close()
    assert done.returncode == 1
    assert "is used by another server" in done.stderr
    assert "Traceback" not in done.stderr


def sentence(table: Path, got: str) -> str:
    """What is said where there is no session table."""
    return (
        f"tusvideo: expected a session table at {table}, got {got}; name the data directory of the server with"
        " --data-dir, or its configuration with --config\n"
    )


async def test_where_nothing_is_nothing_is_well(tmp_path: Path) -> None:
    """A directory without a session table is no clean bill of health: it is told, and nothing is made."""
    done = fsck(tmp_path / "mistyped")
    told = sentence(tmp_path / "mistyped/tusvideo.db", "nothing")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["a folder", "something that is no file", "a file without the tables of tusvideo"])
async def test_what_is_no_session_table_is_told_and_left(tmp_path: Path, there: str) -> None:
    """It is called what it is, not an old table, and nothing is made of it."""
    table = tmp_path / "tusvideo.db"
    if there == "a folder":
        table.mkdir()
    elif there == "something that is no file":
        os.mkfifo(table)
    else:
        with closing(sqlite3.connect(table)) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
    done = fsck(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence(table, there))
    assert list(tmp_path.iterdir()) == [table]


async def test_where_nobody_can_look_the_reason_is_told(tmp_path: Path) -> None:
    """The words of the system, and no traceback."""
    folder = tmp_path / ("a" * 300)
    done = fsck(folder)
    told = sentence(folder / "tusvideo.db", "'File name too long'")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


async def test_a_table_of_an_older_version_is_left_as_it_is(tmp_path: Path) -> None:
    """To look into it would bring it up to date, after which the older program could not go on with it."""
    await prepared(tmp_path, [], staged=[])
    with closing(sqlite3.connect(tmp_path / "tusvideo.db")) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION - 1}")
    before = (tmp_path / "tusvideo.db").read_bytes()
    done = fsck(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"is of an older tusvideo (version {VERSION - 1} of its tables, this program's is {VERSION})" in done.stderr
    assert (tmp_path / "tusvideo.db").read_bytes() == before


async def test_a_table_after_a_kill_is_looked_at(tmp_path: Path) -> None:
    """What is still in the write-ahead log counts, also in a copy, which has no shared memory beside it."""
    await prepared(tmp_path, [], staged=[(1, b"abcdef")])
    sessions = await SqliteSessions.open(tmp_path / "tusvideo.db")
    await sessions.add(an_upload(1, offset=3, length=9))
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("*-shm", "copy"))
    await sessions.close()
    assert (copy / "tusvideo.db-wal").stat().st_size > 0
    done = fsck(copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 unfinished uploads checked, 0 to be told of\n", "")
