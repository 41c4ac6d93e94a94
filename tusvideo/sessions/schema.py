"""The tables, as numbered migrations; ``PRAGMA user_version`` tells how many of them a database has seen.

A migration that was released is never edited: databases out there have run it. Add another one at the end.
"""

import sqlite3
from contextlib import closing
from typing import Final

from tusvideo.rules import search

APPLICATION_ID: Final = 0x74757376
"""``tusv``; tells a session table from any other SQLite file."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # The columns that change with every checkpoint come first; metadata, which may be 64 KiB, comes late.
        """
        CREATE TABLE uploads (
            id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
            status TEXT NOT NULL CHECK (
                status IN ('open', 'finalizing', 'complete', 'terminated', 'expired', 'failed', 'damaged')
            ),
            offset INTEGER NOT NULL CHECK (offset >= 0),
            length INTEGER CHECK (length >= 0),
            epoch INTEGER NOT NULL CHECK (epoch >= 0),
            created_at INTEGER NOT NULL,
            stored_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            parts_stored INTEGER NOT NULL CHECK (parts_stored >= 0),
            next_part INTEGER NOT NULL CHECK (next_part >= 0),
            total_parts INTEGER CHECK (total_parts >= 0),
            part_size INTEGER CHECK (part_size >= 0),
            owner TEXT NOT NULL,
            protocol TEXT NOT NULL CHECK (protocol IN ('tus', 'chunks')),
            profile TEXT NOT NULL,
            client_key TEXT,
            creation_key TEXT,
            content_type TEXT,
            checksum TEXT,
            directory TEXT,
            folder TEXT,
            filename TEXT,
            reason TEXT,
            original_name TEXT,
            title TEXT,
            description TEXT,
            metadata TEXT NOT NULL,
            CHECK ((directory IS NULL) = (filename IS NULL) AND (folder IS NULL) = (filename IS NULL))
        ) STRICT
        """,
        "CREATE UNIQUE INDEX uploads_client_key ON uploads (owner, client_key) WHERE client_key IS NOT NULL",
        "CREATE UNIQUE INDEX uploads_creation_key ON uploads (owner, creation_key) WHERE creation_key IS NOT NULL",
        "CREATE INDEX uploads_status ON uploads (status, id)",
        "CREATE INDEX uploads_due ON uploads (expires_at, id) WHERE status = 'open'",
        """
        CREATE INDEX uploads_tombstones ON uploads (expires_at, id)
        WHERE status IN ('expired', 'terminated', 'failed')
        """,
        """
        CREATE INDEX uploads_published ON uploads (directory, folder, filename, stored_at, id)
        WHERE status = 'complete'
        """,
        """
        CREATE TABLE parts (
            upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
            idx INTEGER NOT NULL CHECK (idx >= 0),
            size INTEGER NOT NULL CHECK (size >= 0),
            position INTEGER NOT NULL CHECK (position >= 0),
            PRIMARY KEY (upload_id, idx)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE videos (
            id TEXT NOT NULL PRIMARY KEY,
            owner TEXT NOT NULL,
            profile TEXT NOT NULL,
            filename TEXT NOT NULL,
            title TEXT NOT NULL,
            description TEXT NOT NULL,
            size INTEGER NOT NULL CHECK (size >= 0),
            content_type TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE UNIQUE INDEX videos_file ON videos (owner, profile, filename)",
        "CREATE INDEX videos_newest ON videos (owner, created_at DESC, id DESC)",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
    (
        "ALTER TABLE uploads ADD COLUMN synced_offset INTEGER NOT NULL DEFAULT 0 CHECK (synced_offset >= 0)",
        "ALTER TABLE uploads ADD COLUMN boot_id TEXT",
        "CREATE INDEX uploads_unsynced ON uploads (id) WHERE boot_id IS NOT NULL",
    ),
    (
        "ALTER TABLE uploads ADD COLUMN concat TEXT",
        # Final uploads that are not put together yet; few at any time, so that any way through them is short.
        "CREATE INDEX uploads_finals ON uploads (id) WHERE status = 'open' AND concat <> 'partial'",
    ),
    (
        # A CHECK cannot be changed in place; https://www.sqlite.org/lang_altertable.html §7 has these steps.
        """
        CREATE TABLE uploads_next (
            id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
            status TEXT NOT NULL CHECK (
                status IN ('open', 'finalizing', 'complete', 'terminated', 'expired', 'failed', 'damaged')
            ),
            offset INTEGER NOT NULL CHECK (offset >= 0),
            length INTEGER CHECK (length >= 0),
            epoch INTEGER NOT NULL CHECK (epoch >= 0),
            created_at INTEGER NOT NULL,
            stored_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            parts_stored INTEGER NOT NULL CHECK (parts_stored >= 0),
            next_part INTEGER NOT NULL CHECK (next_part >= 0),
            synced_offset INTEGER NOT NULL CHECK (synced_offset >= 0),
            boot_id TEXT,
            total_parts INTEGER CHECK (total_parts >= 0),
            part_size INTEGER CHECK (part_size >= 0),
            owner TEXT NOT NULL,
            protocol TEXT NOT NULL CHECK (protocol IN ('tus', 'chunks', 'ietf')),
            needs_completion INTEGER NOT NULL CHECK (needs_completion IN (0, 1)),
            profile TEXT NOT NULL,
            client_key TEXT,
            creation_key TEXT,
            content_type TEXT,
            checksum TEXT,
            digests TEXT NOT NULL,
            wants_digest TEXT,
            concat TEXT,
            directory TEXT,
            folder TEXT,
            filename TEXT,
            reason TEXT,
            original_name TEXT,
            title TEXT,
            description TEXT,
            metadata TEXT NOT NULL,
            CHECK ((directory IS NULL) = (filename IS NULL) AND (folder IS NULL) = (filename IS NULL))
        ) STRICT
        """,
        """
        INSERT INTO uploads_next SELECT
            id, status, offset, length, epoch, created_at, stored_at, expires_at, parts_stored, next_part,
            synced_offset, boot_id, total_parts, part_size, owner, protocol, 0, profile, client_key, creation_key,
            content_type, checksum, '', NULL, concat, directory, folder, filename, reason, original_name, title,
            description, metadata
        FROM uploads
        """,
        "DROP TABLE uploads",
        "ALTER TABLE uploads_next RENAME TO uploads",
        "CREATE UNIQUE INDEX uploads_client_key ON uploads (owner, client_key) WHERE client_key IS NOT NULL",
        "CREATE UNIQUE INDEX uploads_creation_key ON uploads (owner, creation_key) WHERE creation_key IS NOT NULL",
        "CREATE INDEX uploads_status ON uploads (status, id)",
        "CREATE INDEX uploads_due ON uploads (expires_at, id) WHERE status = 'open'",
        """
        CREATE INDEX uploads_tombstones ON uploads (expires_at, id)
        WHERE status IN ('expired', 'terminated', 'failed')
        """,
        """
        CREATE INDEX uploads_published ON uploads (directory, folder, filename, stored_at, id)
        WHERE status = 'complete'
        """,
        "CREATE INDEX uploads_unsynced ON uploads (id) WHERE boot_id IS NOT NULL",
        "CREATE INDEX uploads_finals ON uploads (id) WHERE status = 'open' AND concat <> 'partial'",
    ),
    (
        """
        ALTER TABLE videos ADD COLUMN state TEXT NOT NULL DEFAULT 'ready'
        CHECK (state IN ('checking', 'ready', 'failed'))
        """,
        "ALTER TABLE videos ADD COLUMN reason TEXT",
        "ALTER TABLE videos ADD COLUMN tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0)",
        "ALTER TABLE videos ADD COLUMN duration REAL",
        "ALTER TABLE videos ADD COLUMN width INTEGER",
        "ALTER TABLE videos ADD COLUMN height INTEGER",
        "ALTER TABLE videos ADD COLUMN rotation INTEGER",
        "ALTER TABLE videos ADD COLUMN video_codec TEXT",
        "ALTER TABLE videos ADD COLUMN audio_codec TEXT",
        "ALTER TABLE videos ADD COLUMN faststart INTEGER CHECK (faststart IN (0, 1))",
        "ALTER TABLE videos ADD COLUMN thumbnail TEXT",
        "CREATE INDEX videos_checking ON videos (tries, created_at, id) WHERE state = 'checking'",
    ),
    (
        "ALTER TABLE videos ADD COLUMN original_name TEXT",
        "ALTER TABLE videos ADD COLUMN title_key TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE videos ADD COLUMN search TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE videos ADD COLUMN removal_at INTEGER",
        "ALTER TABLE videos ADD COLUMN removes_upload TEXT",
        "ALTER TABLE videos ADD COLUMN duration_key REAL NOT NULL DEFAULT -1.0",
        """
        UPDATE videos SET original_name = u.original_name FROM uploads AS u
        WHERE u.status = 'complete' AND u.owner = videos.owner AND u.profile = videos.profile
        AND u.filename = videos.filename
        """,
        """
        UPDATE videos SET
            duration_key = coalesce(duration, -1.0),
            title_key = title_key(title),
            search = search_text(title, description, coalesce(original_name, filename))
        """,
        # Lists leave out what is being removed. Each order has an index, and one index has all that a search looks at.
        "DROP INDEX videos_newest",
        "CREATE INDEX videos_newest ON videos (owner, removal_at, created_at DESC, id DESC)",
        "CREATE INDEX videos_title ON videos (owner, removal_at, title_key, id)",
        "CREATE INDEX videos_largest ON videos (owner, removal_at, size DESC, id DESC)",
        "CREATE INDEX videos_longest ON videos (owner, removal_at, duration_key DESC, id DESC)",
        """
        CREATE INDEX videos_search ON videos (
            owner, removal_at, search, profile, state, created_at, title_key, size, duration_key, id
        )
        """,
    ),
    (
        "ALTER TABLE uploads ADD COLUMN replaces TEXT",
        # Neither has a column that a checkpoint changes.
        """
        CREATE INDEX uploads_going ON uploads (owner, created_at DESC, id DESC)
        WHERE status IN ('open', 'finalizing')
        """,
        "CREATE INDEX uploads_ended ON uploads (owner, stored_at DESC, id DESC) WHERE status IN ('complete', 'failed')",
    ),
    ("CREATE INDEX videos_leaving ON videos (removal_at, id) WHERE removal_at IS NOT NULL",),
    (
        # What a record tells of its captions; written anew from their table whenever that changes.
        "ALTER TABLE videos ADD COLUMN captions TEXT NOT NULL DEFAULT '[]'",
        """
        CREATE TABLE captions (
            video_id TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
            language TEXT NOT NULL,
            label TEXT NOT NULL,
            size INTEGER NOT NULL CHECK (size >= 0),
            version TEXT NOT NULL,
            updated_at INTEGER NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (video_id, language)
        ) STRICT
        """,
    ),
    ("ALTER TABLE videos ADD COLUMN replaced_at INTEGER",),
    (
        "ALTER TABLE uploads ADD COLUMN ended_at INTEGER",
        "ALTER TABLE uploads ADD COLUMN vanishes INTEGER NOT NULL DEFAULT 0 CHECK (vanishes IN (0, 1))",
        "UPDATE uploads SET ended_at = stored_at WHERE status IN ('complete', 'failed')",
        "DROP INDEX uploads_ended",
        "CREATE INDEX uploads_ended ON uploads (owner, ended_at DESC, id DESC) WHERE status IN ('complete', 'failed')",
    ),
    ("ALTER TABLE videos ADD COLUMN beginning TEXT",),
)

VERSION: Final = len(MIGRATIONS)


class UnusableDatabaseError(sqlite3.DatabaseError):
    """The file is a database, and not one that this program can work with; ``str()`` of it says why and what to do."""


def migrate(connection: sqlite3.Connection, *, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Bring a database up to the version of this program.

    Each migration is one transaction: a crash leaves the version before or after it. Safe to repeat, and safe beside
    another process that does the same. Raises UnusableDatabaseError, and changes nothing, when the database is newer
    than the program or belongs to another one. The connection is in autocommit mode, before and after.
    """
    (enforced,) = connection.execute("PRAGMA foreign_keys").fetchone()
    # A table that is built anew is dropped first, and with it would go all that refers to it. Has no effect within a
    # transaction, so it stands here.
    connection.execute("PRAGMA foreign_keys = OFF")
    # For rows that were written before there was anything to search.
    connection.create_function("title_key", 1, search.title_key, deterministic=True)
    connection.create_function("search_text", 3, search.text_of, deterministic=True)
    try:
        while _step(connection, migrations):
            pass
    finally:
        connection.execute(f"PRAGMA foreign_keys = {enforced:d}")


def require_columns(connection: sqlite3.Connection) -> None:
    """Raise UnusableDatabaseError, which names them, when tables or columns are missing that its version should have.

    The number of a database that was made between two versions, by a migration that was edited before its release, says
    nothing of it; without this, uploads would be taken and answered with 503 ever after. To be asked before
    ``migrate``: a table that was brought up to date is none for the program that made it.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID or version > VERSION:
        return  # of others, of nobody yet, or newer: for ``migrate`` to tell
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as whole:
        migrate(whole, migrations=MIGRATIONS[:version])
        missing = sorted(_columns(whole) - _columns(connection))
    if missing:
        sentence = (
            f"it lacks {', '.join(missing)}, because it was made between two versions of tusvideo;"
            " start that tusvideo again, or restore the copy made before the upgrade"
        )
        raise UnusableDatabaseError(sentence)


def _columns(connection: sqlite3.Connection) -> set[str]:
    query = (
        "SELECT tables.name || '.' || columns.name"
        " FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns"
        " WHERE tables.type = 'table'"
    )
    return {name for (name,) in connection.execute(query)}


def _step(connection: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...]) -> bool:
    """Run the next migration; False when there is none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, newest=len(migrations))
        if version < len(migrations):
            for statement in migrations[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return version + 1 < len(migrations)


def _version(connection: sqlite3.Connection, *, newest: int) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (tables or version):
        sentence = "it belongs to another program; expected a session table of tusvideo or no file: name another one"
        raise UnusableDatabaseError(sentence)
    if version > newest:
        sentence = (
            f"it was written by a newer tusvideo (version {version} of its tables, this program knows {newest}); "
            "install that tusvideo again, or restore the copy made before the upgrade"
        )
        raise UnusableDatabaseError(sentence)
    return int(version)
