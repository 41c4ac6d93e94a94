"""States that would take long to reach by uploading, written into the data folder of a stopped server.

Files are sparse: they have the length that the rows count, and hardly any blocks on the disk.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.suite.client import MIB
from tusvideo.model import Location, Protocol, Status, Upload, UploadId, UserId
from tusvideo.sessions.rows import Row, encode_upload
from tusvideo.sessions.sqlite_uploads import INSERT
from tusvideo.stores.layout import Layout


@contextmanager
def _rows(data: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(data / "tusvideo.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def ids_of_open(data: Path) -> list[str]:
    """List the uploads that are open."""
    with _rows(data) as rows:
        return [row[0] for row in rows.execute("SELECT id FROM uploads WHERE status = 'open'")]


def add_finished(data: Path, *, count: int) -> None:
    """Add rows of finished uploads, as a server that runs for long has them; their files are not asked for."""
    made = _template(data)
    finished = replace(
        made, status=Status.COMPLETE, offset=MIB, location=Location(directory="files", folder="bench", filename="name")
    )
    with _rows(data) as rows:
        rows.executemany(INSERT, (tuple(row.values()) for row in _named(encode_upload(finished), count=count)))


def add_open(data: Path, *, count: int) -> None:
    """Add uploads of which 1 MiB of 2 is stored, with their staging files."""
    layout = Layout(data)
    begun = replace(_template(data), offset=MIB, length=2 * MIB)
    rows_to_add = list(_named(encode_upload(begun), count=count))
    for row in rows_to_add:
        with layout.staged(UploadId(str(row["id"]))).open("wb") as file:
            file.truncate(MIB)
    with _rows(data) as rows:
        rows.executemany(INSERT, [tuple(row.values()) for row in rows_to_add])


def move_offset(data: Path, upload_id: str, *, offset: int) -> None:
    """Let an upload that was made through the API stand at an offset."""
    os.truncate(Layout(data).staged(UploadId(upload_id)), offset)
    with _rows(data) as rows:
        rows.execute("UPDATE uploads SET offset = ? WHERE id = ? AND status = 'open'", (offset, upload_id))


def fill_parts(data: Path, client_key: str, *, total: int) -> None:
    """Give an upload, whose first chunk of 1 MiB came through the API, all others."""
    with _rows(data) as rows:
        (upload_id,) = rows.execute("SELECT id FROM uploads WHERE client_key = ?", (client_key,)).fetchone()
        rows.executemany(
            "INSERT INTO parts (upload_id, idx, size, position) VALUES (?, ?, ?, ?)",
            ((upload_id, index, MIB, index * MIB) for index in range(1, total)),
        )
        rows.execute(
            "UPDATE uploads SET parts_stored = ?, next_part = ?, offset = ? WHERE id = ?",
            (total, total, total * MIB, upload_id),
        )
    os.truncate(Layout(data).staged(UploadId(upload_id)), total * MIB)


def _template(data: Path) -> Upload:
    """Give the value of an upload, owned by whom the server takes us for if there is one to be asked."""
    with _rows(data) as rows:
        owner = rows.execute("SELECT owner FROM uploads LIMIT 1").fetchone()
    now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 (the data of a server that is not running)
    return Upload(
        id=UploadId("0" * 32),
        owner=UserId(owner[0] if owner else "bench"),
        protocol=Protocol.TUS,
        profile="files",
        status=Status.OPEN,
        created_at=now,
        stored_at=now,
        expires_at=now + timedelta(days=7),
        length=MIB,
    )


def _named(row: Row, *, count: int) -> Iterator[Row]:
    for number in range(count):
        named = {**row, "id": secrets.token_hex(16)}
        if row["filename"] is not None:
            named["filename"] = f"{number}.bin"
        yield named
