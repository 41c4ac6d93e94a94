"""Opening the session table: the file, its durability, its version, and files that cannot be used."""

import errno
import os
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.conformance.sessions.samples import NOW, a_full_upload, a_part, a_video, an_upload
from tests.sessions.table import OpenTable
from tusvideo.errors import Busy, StorageFailed
from tusvideo.sessions import database
from tusvideo.sessions.rows import SEARCH_COLUMNS, UPLOAD_COLUMNS, VIDEO_COLUMNS
from tusvideo.sessions.schema import MIGRATIONS, VERSION, UnusableDatabaseError, migrate
from tusvideo.sessions.sqlite import SqliteSessions


def _ask(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


async def _pragma(sessions: SqliteSessions, name: str) -> object:
    value = await sessions._database.write(lambda connection: connection.execute(f"PRAGMA {name}").fetchone())
    return value[0]


class TestFile:
    async def test_only_the_server_can_read_the_file(self, path: Path, open_table: OpenTable) -> None:
        """The file, its log and its shared memory are made with mode 0600, whatever the umask."""
        before = os.umask(0)
        try:
            sessions = await open_table(path)
            await sessions.add(an_upload())
            files = sorted(path.parent.iterdir())
            assert [file.name for file in files] == ["sessions.db", "sessions.db-shm", "sessions.db-wal"]
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        finally:
            os.umask(before)
        await sessions.close()

    async def test_close_leaves_one_file(self, path: Path, open_table: OpenTable) -> None:
        """After close the log has gone into the database file, which holds all rows by itself."""
        sessions = await open_table(path)
        await sessions.add(an_upload())
        await sessions.close()
        assert list(path.parent.iterdir()) == [path]
        assert _ask(path, "SELECT count(*) FROM uploads") == [(1,)]

    @pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?.db", "hash#.db", "é.db"])
    async def test_any_file_name_will_do(self, tmp_path: Path, name: str, open_table: OpenTable) -> None:
        """Characters that mean something in a URI are part of the name, for the reader as for the writer."""
        sessions = await open_table(tmp_path / name)
        added = await sessions.add(an_upload())
        assert await sessions.get(added.id) == added
        await sessions.close()
        assert list(tmp_path.iterdir()) == [tmp_path / name]

    async def test_everything_is_there_after_reopening(self, path: Path, open_table: OpenTable) -> None:
        """Rows, parts and records outlive the object that stored them."""
        sessions = await open_table(path)
        full = await sessions.add(a_full_upload())
        grown = await sessions.add_part(full.id, a_part(2), now=NOW, expires_at=NOW)
        await sessions.put_video(a_video())
        await sessions.close()
        again = await open_table(path)
        assert await again.get(full.id) == grown
        assert await again.parts(full.id) == (a_part(2),)
        assert await again.video(full.owner, a_video().id) == a_video()
        await again.close()

    async def test_close_is_safe_to_repeat(self, sessions: SqliteSessions) -> None:
        """A second close does nothing, and a call after it raises StorageFailed."""
        await sessions.close()
        await sessions.close()
        with pytest.raises(StorageFailed):
            await sessions.add(an_upload())
        with pytest.raises(StorageFailed):
            await sessions.check()


class TestDurability:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 5000),
            ("journal_size_limit", 64 * 1024 * 1024),
        ],
    )
    async def test_the_writer_is_set_up_to_keep_what_it_says(
        self, path: Path, name: str, value: object, open_table: OpenTable
    ) -> None:
        """WAL, a sync for every commit, and five seconds of patience hold on the connection that writes."""
        sessions = await open_table(path)
        assert await _pragma(sessions, name) == value
        await sessions.close()

    async def test_the_reader_cannot_write(self, sessions: SqliteSessions) -> None:
        """The connection for queries refuses to write, so that one connection writes and checkpoints."""
        with pytest.raises(StorageFailed) as failure:
            await sessions._database.read(lambda connection: connection.execute("DELETE FROM uploads"))
        assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
        assert "readonly" in str(failure.value.__cause__)


REMOVAL = ("removal_at", "removes_upload")


class TestMigrations:
    async def test_a_new_file_has_the_newest_tables(self, path: Path) -> None:
        """A database that begins at version 0 ends at the version of the program."""
        assert _ask(path, "PRAGMA user_version") == [(0,)]
        await (await SqliteSessions.open(path)).close()
        assert _ask(path, "PRAGMA user_version") == [(VERSION,)]

    @pytest.mark.parametrize(
        ("table", "columns"), [("uploads", UPLOAD_COLUMNS), ("videos", (*VIDEO_COLUMNS, *SEARCH_COLUMNS, *REMOVAL))]
    )
    async def test_every_field_has_its_column(
        self, sessions: SqliteSessions, path: Path, table: str, columns: tuple[str, ...]
    ) -> None:
        """The columns of the tables are the fields of the model, what is searched, and nothing else."""
        assert {row[1] for row in _ask(path, f"PRAGMA table_info({table})")} == set(columns)

    def test_a_migration_that_fails_leaves_the_version_before_it(self, path: Path) -> None:
        """Each migration is one transaction: half of one is never seen, and those before it stay."""
        broken = (*MIGRATIONS, ("CREATE TABLE half (id TEXT)", "CREATE TABLE uploads (id TEXT)"))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            with pytest.raises(sqlite3.OperationalError, match="uploads already exists"):
                migrate(connection, migrations=broken)
            assert not connection.in_transaction
        assert _ask(path, "PRAGMA user_version") == [(VERSION,)]
        assert _ask(path, "SELECT name FROM sqlite_schema WHERE name = 'half'") == []

    def test_migrations_go_on_from_where_the_database_is(self, path: Path) -> None:
        """A later program runs only what the database has not seen, and keeps its rows."""
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            migrate(connection)
            connection.execute(
                "INSERT INTO videos (id, owner, profile, filename, title, description, size, content_type, created_at,"
                " updated_at) VALUES ('v', 'anna', 'videos', 'f', 't', '', 1, 'video/mp4', 1, 1)"
            )
            later = (*MIGRATIONS, ("ALTER TABLE videos ADD COLUMN stars INTEGER",), ("UPDATE videos SET stars = 5",))
            migrate(connection, migrations=later)
            migrate(connection, migrations=later)
        assert _ask(path, "PRAGMA user_version") == [(VERSION + 2,)]
        assert _ask(path, "SELECT id, stars FROM videos") == [("v", 5)]

    async def test_a_newer_database_is_refused(self, path: Path, open_table: OpenTable) -> None:
        """A database of a later program is refused with both versions and the way out; it is left as it was."""
        await (await SqliteSessions.open(path)).close()
        _ask(path, f"PRAGMA user_version = {VERSION + 3}")
        before = path.read_bytes()
        with pytest.raises(StorageFailed) as failure:
            await open_table(path)
        assert str(failure.value) == (
            "the session table sessions.db cannot be opened: it was written by a newer tusvideo"
            f" (version {VERSION + 3} of its tables, this program knows {VERSION});"
            " install that tusvideo again, or restore the copy made before the upgrade"
        )
        assert path.read_bytes() == before

    async def test_a_database_between_two_versions_is_refused(self, path: Path, open_table: OpenTable) -> None:
        """Tables without a column that is used are told at once, not by 503 at each request; the file is left alone."""
        await (await SqliteSessions.open(path)).close()
        _ask(path, "ALTER TABLE videos DROP COLUMN removes_upload")
        _ask(path, f"PRAGMA user_version = {VERSION - 1}")
        before = path.read_bytes()
        with pytest.raises(
            StorageFailed, match=r"it lacks videos\.removes_upload, because it was made between two versions"
        ):
            await open_table(path)
        assert path.read_bytes() == before

    async def test_the_database_of_another_program_is_refused(self, path: Path, open_table: OpenTable) -> None:
        """A SQLite file with other tables is not made ours."""
        _ask(path, "CREATE TABLE bookmarks (url TEXT)")
        with pytest.raises(StorageFailed, match="it belongs to another program"):
            await open_table(path)
        assert _ask(path, "SELECT name FROM sqlite_schema") == [("bookmarks",)]


class TestUnusableFiles:
    def test_a_file_system_without_shared_memory_is_refused(self) -> None:
        """Where SQLite cannot keep a write-ahead log the sentence says what was expected and what to do."""
        with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(UnusableDatabaseError) as failure:
            database._prepare(connection)
        assert str(failure.value) == (
            "its file system cannot share memory (journal mode 'memory', expected 'wal'); use a local disk"
        )

    async def test_a_damaged_file_is_refused(self, path: Path, open_table: OpenTable) -> None:
        """A file whose first page was overwritten is refused with a sentence that names it, and is left as it was."""
        await (await SqliteSessions.open(path)).close()
        damaged = b"\xa5" * 4096 + path.read_bytes()[4096:]
        path.write_bytes(damaged)
        with pytest.raises(StorageFailed) as failure:
            await open_table(path)
        assert str(failure.value) == (
            "the session table sessions.db cannot be opened: file is not a database;"
            " if another file was meant, name that (database in [storage]);"
            f" else move {path} and its -wal away, then put a copy made earlier in its place"
        )
        assert path.read_bytes() == damaged

    async def test_damaged_tables_are_refused(self, path: Path, open_table: OpenTable) -> None:
        """A file whose list of tables cannot be read is refused at once, not at the first upload."""
        await (await SqliteSessions.open(path)).close()
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + b"\xa5" * (4096 - 100) + whole[4096:])
        with pytest.raises(StorageFailed, match=r"cannot be opened: .*; move .* and its -wal away, then"):
            await open_table(path)

    async def test_damage_found_later_fails_the_call(self, path: Path, open_table: OpenTable) -> None:
        """A damaged page that only a query meets raises StorageFailed there, and calls that do not meet it go on."""
        first = await open_table(path)
        added = await first.add(an_upload())
        await first.close()
        (page,) = _ask(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'uploads'")[0]
        assert isinstance(page, int)
        with path.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xa5" * 4096)
        sessions = await open_table(path)
        with pytest.raises(StorageFailed):
            await sessions.get(added.id)
        assert (await sessions.put_video(a_video()))[1] is True
        await sessions.close()

    async def test_a_missing_folder_is_named(self, tmp_path: Path, open_table: OpenTable) -> None:
        """Without its folder the file cannot be made; the sentence says what is missing."""
        path = tmp_path / "nowhere" / "sessions.db"
        told = re.escape(f"; see to the disk and the folder of {path}, then start again")
        with pytest.raises(StorageFailed, match=rf"No such file or directory.*{told}$"):
            await open_table(path)

    async def test_a_folder_is_not_a_database(self, path: Path, open_table: OpenTable) -> None:
        """A folder where the file should be is refused with a sentence."""
        path.mkdir()
        with pytest.raises(StorageFailed, match=r"session table sessions\.db cannot be opened: .*; .* must be a file"):
            await open_table(path)

    @pytest.mark.parametrize(
        ("error", "advice"),
        [
            (sqlite3.SQLITE_CANTOPEN, "must be a file, and it and its folder for the user"),
            (sqlite3.SQLITE_READONLY_DIRECTORY, "must be a file, and it and its folder for the user"),
            (sqlite3.SQLITE_PERM, "must be a file, and it and its folder for the user"),
            (PermissionError(errno.EACCES, "Permission denied"), "must be a file, and it and its folder for the user"),
            (PermissionError(errno.EPERM, "Not permitted"), "must be a file, and it and its folder for the user"),
            (sqlite3.SQLITE_CORRUPT, "; move {path} and its -wal away, then put a copy"),
            (sqlite3.SQLITE_ERROR, "; move {path} and its -wal away, then put a copy"),
            (sqlite3.SQLITE_NOTADB, "; if another file was meant, name that"),
            (sqlite3.SQLITE_IOERR_FSYNC, "see to the disk"),
            (OSError(errno.EROFS, "Read-only file system"), "see to the disk"),
            (OSError(errno.EIO, "Input/output error"), "see to the disk"),
        ],
    )
    def test_the_way_out_fits_the_cause(self, path: Path, error: int | OSError, advice: str) -> None:
        """Rights where something is forbidden, a copy where something is damaged, else the disk; only one of them."""
        exc: sqlite3.Error | OSError
        if isinstance(error, int):
            exc = sqlite3.OperationalError("as SQLite says it")
            exc.sqlite_errorcode = error
        else:
            exc = error
        told = str(database._unusable(path, exc))
        ways = (
            "must be a file, and it",
            "; move {path} and its -wal away",
            "; if another file was meant",
            "see to the disk",
        )
        assert advice.format(path=path) in told
        assert sum(way.format(path=path) in told for way in ways) == 1

    async def test_a_file_that_another_process_holds_is_busy(
        self, path: Path, lock_holder: object, open_table: OpenTable
    ) -> None:
        """Opening beside a process that keeps the write lock raises Busy after the patience given."""
        with pytest.raises(Busy):
            await open_table(path, busy_seconds=0.05)
