"""Tables that are built anew keep what is in them, whenever the machine or the process dies."""

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tusvideo.commands import VideoFilter
from tusvideo.model import UserId
from tusvideo.rules.search import words
from tusvideo.sessions.schema import MIGRATIONS, VERSION, migrate
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.video import VideoSort

ROOT = Path(__file__).parents[2]
FIRST = "1" * 32
SECOND = "2" * 32
REBUILD = 4
"""The migration that builds ``uploads`` anew, because its CHECK gets a third protocol."""

DIES = """
import os, signal, sqlite3, sys
from tusvideo.sessions.schema import migrate

path, most = sys.argv[1], int(sys.argv[2])
connection = sqlite3.connect(path, isolation_level=None)
seen = 0

def count(statement):
    global seen
    seen += 1
    if seen > most:
        os.kill(os.getpid(), signal.SIGKILL)

connection.set_trace_callback(count)
migrate(connection)
print("migrated")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A session table of the version before, with two uploads and parts of both."""
    path = tmp_path / "sessions.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, migrations=MIGRATIONS[: REBUILD - 1])
        connection.execute("PRAGMA foreign_keys = ON")
        for number, upload_id in enumerate((FIRST, SECOND)):
            connection.execute(
                "INSERT INTO uploads (id, status, offset, length, epoch, created_at, stored_at, expires_at,"
                " parts_stored, next_part, owner, protocol, profile, client_key, metadata, boot_id, synced_offset,"
                " concat)"
                " VALUES (?, 'open', 5, 10, 7, 1, 2, 3, 2, 2, 'anna', ?, 'files', ?, 'a YQ==', 'boot', 4, 'partial')",
                (upload_id, ("tus", "chunks")[number], f"key-{number}"),
            )
            for index in range(2):
                connection.execute("INSERT INTO parts VALUES (?, ?, 3, ?)", (upload_id, index, index * 3))
    return path


RELEASED = (
    "802c8c829cc4",
    "747a2bdda560",
    "426813cce98e",
    "13bd94be0ef7",
    "2a81ecefe94e",
    "066abf727708",
    "0ca95dea28c6",
    "e7f1f0fed718",
    "a8abccd623bd",
    "16f6e757431d",
    "343f857eccb0",
    "1205a52c0b1c",
)
"""What each migration says, white space apart. A new migration adds one at the end; none that is here ever changes."""


def test_a_migration_is_never_edited() -> None:
    """A database runs no migration twice: another text under the same number would leave it without a column."""
    said = ("\n".join(" ".join(statement.split()) for statement in migration) for migration in MIGRATIONS)
    assert tuple(hashlib.sha256(text.encode()).hexdigest()[:12] for text in said) == RELEASED


def _ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def _rows(path: Path) -> list[tuple[object, ...]]:
    return _ask(
        path,
        "SELECT id, status, offset, length, epoch, created_at, stored_at, expires_at, parts_stored, next_part, owner,"
        " protocol, profile, client_key, creation_key, metadata, boot_id, synced_offset, concat"
        " FROM uploads ORDER BY id",
    )


def test_rows_and_parts_survive_a_table_that_is_built_anew(path: Path) -> None:
    """Every row and every part is there afterwards, the references hold, and the indexes are those of a new file."""
    before, parts = _rows(path), _ask(path, "SELECT * FROM parts ORDER BY upload_id, idx")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert _rows(path) == before
    assert len(before) == 2
    assert _ask(path, "SELECT * FROM parts ORDER BY upload_id, idx") == parts
    assert len(parts) == 4
    assert _ask(path, "SELECT DISTINCT needs_completion, digests, wants_digest FROM uploads") == [(0, "", None)]
    fresh = path.with_name("fresh.db")
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        migrate(connection)
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    assert _ask(path, schema) == _ask(fresh, schema)


def test_parts_still_go_with_their_upload(path: Path) -> None:
    """The reference from parts to uploads is to the table that there is now."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM uploads WHERE id = ?", (FIRST,))
    assert _ask(path, "SELECT DISTINCT upload_id FROM parts") == [(SECOND,)]


@pytest.mark.parametrize("statements", range(len(MIGRATIONS[REBUILD - 1])))
def test_a_rebuild_that_fails_changes_nothing(path: Path, statements: int) -> None:
    """Whichever statement is the last that works, the table is the old one with all its rows."""
    before, parts = _rows(path), _ask(path, "SELECT * FROM parts")
    cut = (*MIGRATIONS[REBUILD - 1][:statements], "SELECT * FROM nowhere")
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        pytest.raises(sqlite3.OperationalError, match="nowhere"),
    ):
        migrate(connection, migrations=(*MIGRATIONS[: REBUILD - 1], cut))
    assert _ask(path, "PRAGMA user_version") == [(REBUILD - 1,)]
    assert (_rows(path), _ask(path, "SELECT * FROM parts")) == (before, parts)


@pytest.mark.parametrize("statements", [4, 7, 9, 11, 14])
async def test_a_rebuild_that_is_killed_is_done_by_the_next_start(path: Path, statements: int) -> None:
    """kill -9 in the middle: rows and parts are those of before, and the next start builds the table anew."""
    before, parts = _rows(path), _ask(path, "SELECT * FROM parts")
    environment = {"PYTHONPATH": str(ROOT)}
    died = subprocess.run([sys.executable, "-c", DIES, path, str(statements)], cwd=ROOT, env=environment, check=False)
    assert died.returncode == -9
    assert (_rows(path), _ask(path, "SELECT * FROM parts")) == (before, parts)
    await (await SqliteSessions.open(path)).close()
    assert _ask(path, "PRAGMA user_version") == [(VERSION,)]
    assert (_rows(path), _ask(path, "SELECT * FROM parts")) == (before, parts)


FOUND = 6
"""The migration after which records are searched."""


async def test_records_of_before_are_found(tmp_path: Path) -> None:
    """What an earlier program wrote is searched, ordered and named as if it were new."""
    path = tmp_path / "sessions.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, migrations=MIGRATIONS[: FOUND - 1])
        for number, title in enumerate(("Caf\u00e9", "Berg")):
            connection.execute(
                "INSERT INTO videos (id, owner, profile, filename, title, description, size, content_type, created_at,"
                " updated_at, duration) VALUES (?, 'anna', 'files', ?, ?, '', 5, 'video/mp4', 1, 1, ?)",
                (f"{number:032x}", f"{number}.mp4", title, 2.5 if number else None),
            )
        connection.execute(
            "INSERT INTO uploads (id, status, offset, length, epoch, created_at, stored_at, expires_at, parts_stored,"
            " next_part, synced_offset, needs_completion, digests, owner, protocol, profile, directory, folder,"
            " filename, original_name, metadata)"
            " VALUES (?, 'complete', 5, 5, 1, 1, 1, 1, 0, 0, 0, 0, '', 'anna', 'tus', 'files', 'files', 'anna',"
            " '0.mp4', 'S\u00e9a.mov', '')",
            (FIRST,),
        )
    sessions = await SqliteSessions.open(path)
    owner = UserId("anna")
    by_title = await sessions.videos(owner, sort=VideoSort.TITLE, limit=9)
    assert [(video.title, video.original_name) for video in by_title] == [("Berg", None), ("Caf\u00e9", "S\u00e9a.mov")]
    for query, count in (("cafe sea", 1), ("1.mp4", 1), ("0.mp4", 0)):
        assert await sessions.count_videos(owner, wanted=VideoFilter(words=words(query))) == count
    longest = await sessions.videos(owner, sort=VideoSort.LONGEST, limit=9)
    assert [video.duration for video in longest] == [2.5, None]
    await sessions.close()
