"""The statements behind SessionRepository; each function is the body of one transaction or query."""

# ruff: noqa: S608  (only names of columns are put into the text of a statement; every value is bound)

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any, Final

from tusvideo.model import ClientKey, Location, Part, Standing, Status, Upload, UploadId, UserId
from tusvideo.sessions.committed import DEAD
from tusvideo.sessions.rows import (
    KEPT,
    UPLOAD_COLUMNS,
    as_stored,
    changes,
    conflict,
    decode_upload,
    encode_upload,
    kept,
)

_COLUMNS: Final = ", ".join(UPLOAD_COLUMNS)
_VALUES: Final = ", ".join("?" for _ in UPLOAD_COLUMNS)
_UNCHANGED: Final = " AND ".join(f"{column} IS :was_{column}" for column in KEPT)

INSERT: Final = f"INSERT INTO uploads ({_COLUMNS}) VALUES ({_VALUES}) ON CONFLICT (id) DO NOTHING"
LOAD: Final = f"SELECT {_COLUMNS} FROM uploads WHERE id = ?"
BY_CREATION_KEY: Final = f"SELECT {_COLUMNS} FROM uploads WHERE owner = ? AND creation_key = ?"
BY_CLIENT_KEY: Final = f"SELECT {_COLUMNS} FROM uploads WHERE owner = ? AND client_key = ?"
DROP_CREATION_KEY: Final = "UPDATE uploads SET creation_key = NULL WHERE id = ?"
DROP_CLIENT_KEY: Final = "UPDATE uploads SET client_key = NULL WHERE id = ?"
DELETE: Final = "DELETE FROM uploads WHERE id = ?"
# Left alone, SQLite takes the index on status for the next two and sorts every upload that it finds there.
DUE: Final = (
    f"SELECT {_COLUMNS} FROM uploads INDEXED BY uploads_due WHERE status = 'open' AND expires_at < ?"
    " ORDER BY expires_at, id LIMIT ?"
)
TOMBSTONES: Final = (
    "SELECT id FROM uploads INDEXED BY uploads_tombstones"
    " WHERE status IN ('expired', 'terminated', 'failed') AND expires_at < ?"
    " AND (status <> 'terminated' OR filename IS NULL)"
    " ORDER BY expires_at, id LIMIT ?"
)
WITH_STATUS: Final = f"SELECT {_COLUMNS} FROM uploads WHERE status = ? AND id > ? ORDER BY id LIMIT ?"
STANDINGS: Final = (
    f"SELECT {', '.join(Standing._fields)} FROM uploads WHERE status = 'open' AND id > ? ORDER BY id LIMIT ?"
)
SEVERAL: Final = f"SELECT {_COLUMNS} FROM uploads WHERE id IN (SELECT value FROM json_each(?))"
OPEN_FINALS: Final = (
    f"SELECT {_COLUMNS} FROM uploads INDEXED BY uploads_finals WHERE status = 'open' AND concat <> 'partial'"
    " AND id > ? ORDER BY id LIMIT ?"
)
FINALS_OF: Final = (
    f"SELECT {_COLUMNS} FROM uploads INDEXED BY uploads_finals WHERE status = 'open' AND concat <> 'partial'"
    " AND owner = ? AND instr(concat, ?) ORDER BY id"
)
PUBLISHED: Final = (
    f"SELECT {_COLUMNS} FROM uploads WHERE status = 'complete' AND directory = ? AND folder = ? AND filename = ?"
    " ORDER BY stored_at DESC, id DESC LIMIT 1"
)
# All directories, each found by one step along the index: there are as many as there are, or were, profiles.
PUBLISHED_ELSEWHERE: Final = f"""
WITH RECURSIVE places (place) AS (
    SELECT min(directory) FROM uploads INDEXED BY uploads_published WHERE status = 'complete'
    UNION ALL
    SELECT (
        SELECT min(directory) FROM uploads INDEXED BY uploads_published WHERE status = 'complete' AND directory > place
    ) FROM places WHERE place IS NOT NULL
)
SELECT {_COLUMNS} FROM places CROSS JOIN uploads INDEXED BY uploads_published
WHERE status = 'complete' AND directory = place AND folder = ? AND filename = ?
AND directory <> ? AND owner = ? AND profile = ?
ORDER BY stored_at DESC, id DESC LIMIT 1
"""
MARK_SYNCED: Final = """
UPDATE uploads SET
    synced_offset = max(synced_offset, :offset),
    boot_id = CASE WHEN offset > :offset THEN boot_id END
WHERE id = :id AND boot_id IS NOT NULL
"""
UNSYNCED: Final = f"SELECT {_COLUMNS} FROM uploads WHERE boot_id IS NOT NULL AND status = 'open' LIMIT ?"
LAST_EPOCH: Final = "SELECT coalesce(max(epoch), 0) FROM uploads"
ANY: Final = "SELECT id FROM uploads LIMIT 1"

GOING: Final = (
    f"SELECT {_COLUMNS} FROM uploads INDEXED BY uploads_going WHERE owner = :owner AND status IN ('open', 'finalizing')"
    " AND concat IS NOT 'partial' ORDER BY created_at DESC, id DESC LIMIT :limit"
)
ENDED: Final = (
    f"SELECT {_COLUMNS} FROM uploads INDEXED BY uploads_ended WHERE owner = :owner AND status IN ('complete', 'failed')"
    " AND ended_at > :since AND concat IS NOT 'partial' ORDER BY ended_at DESC, id DESC LIMIT :limit"
)
DRAFT: Final = (
    "UPDATE uploads SET title = coalesce(:title, title), description = coalesce(:description, description)"
    f" WHERE id = :id AND owner = :owner AND status IN ('open', 'finalizing') RETURNING {_COLUMNS}"
)

PARTS: Final = "SELECT idx, size, position FROM parts WHERE upload_id = ? AND idx >= ? ORDER BY idx"
PART: Final = "SELECT idx, size, position FROM parts WHERE upload_id = ? AND idx = ?"
PROGRESS: Final = "SELECT next_part, offset FROM uploads WHERE id = ? AND status = 'open'"
INSERT_PART: Final = (
    "INSERT INTO parts (upload_id, idx, size, position) VALUES (?, ?, ?, ?) ON CONFLICT (upload_id, idx) DO NOTHING"
)
MOVE_PART: Final = "UPDATE parts SET position = ? WHERE upload_id = ? AND idx = ?"
GROW: Final = (
    "UPDATE uploads SET parts_stored = parts_stored + 1, next_part = ?, offset = ?, stored_at = ?, expires_at = ?"
    f" WHERE id = ? RETURNING {_COLUMNS}"
)


def add_upload(connection: sqlite3.Connection, *, upload: Upload) -> Upload:
    """Add a row, or give the living one that holds one of its keys."""
    for key, by_key, drop in (
        (upload.creation_key, BY_CREATION_KEY, DROP_CREATION_KEY),
        (upload.client_key, BY_CLIENT_KEY, DROP_CLIENT_KEY),
    ):
        holder = None if key is None else _one(connection, by_key, upload.owner, key)
        if holder is None:
            continue
        if holder.status not in DEAD:
            return holder
        connection.execute(drop, (holder.id,))
    if connection.execute(INSERT, tuple(encode_upload(upload).values())).rowcount != 1:
        raise conflict(upload.id)
    return as_stored(upload)


def load_upload(connection: sqlite3.Connection, *, upload_id: UploadId) -> Upload | None:
    """Load a row by id."""
    return _one(connection, LOAD, upload_id)


def find_upload(connection: sqlite3.Connection, *, owner: UserId, client_key: ClientKey) -> Upload | None:
    """Load the row that holds a client key."""
    return _one(connection, BY_CLIENT_KEY, owner, client_key)


def load_created(connection: sqlite3.Connection, *, owner: UserId, creation_key: str) -> Upload | None:
    """Load the living row that holds a creation key."""
    holder = _one(connection, BY_CREATION_KEY, owner, creation_key)
    return None if holder is None or holder.status in DEAD else holder


def save_upload(connection: sqlite3.Connection, *, upload: Upload, was: Upload, is_row: bool = False) -> Upload:
    """Write what changed between two states, if the row is still in the first of them; give the row as it is then.

    ``is_row`` says that the first state is all that the row tells, so that what is given need not be read.
    """
    changed = changes(upload, was=was)
    expected = {f"was_{column}": value for column, value in kept(was).items()}
    values = {**changed, "id": upload.id, **expected}
    update = _update(tuple(changed))
    if is_row:
        if connection.execute(update, values).rowcount != 1:
            raise conflict(upload.id)
        return as_stored(upload)
    # SQLite makes a table for what is returned, which takes longer than the rest.
    rows = connection.execute(f"{update} RETURNING {_COLUMNS}", values).fetchall()
    if not rows:
        raise conflict(upload.id)
    return decode_upload(rows[0])


@lru_cache(maxsize=64)
def _update(columns: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{column} = :{column}" for column in columns)
    return f"UPDATE uploads SET {assignments} WHERE id = :id AND {_UNCHANGED} AND epoch <= :epoch"


def draft_texts(
    connection: sqlite3.Connection, *, owner: UserId, upload_id: UploadId, title: str | None, description: str | None
) -> Upload | None:
    """Change the texts of an upload that is not published yet; None when there is none."""
    values = {"id": upload_id, "owner": owner, "title": title, "description": description}
    rows = connection.execute(DRAFT, values).fetchall()
    return decode_upload(rows[0]) if rows else None


def list_recent(connection: sqlite3.Connection, *, owner: UserId, since: int, limit: int) -> tuple[Upload, ...]:
    """List the uploads of an owner that go on, and those that ended after a count of milliseconds, newest first."""
    values = {"owner": owner, "since": since, "limit": limit}
    found = [decode_upload(row) for query in (GOING, ENDED) for row in connection.execute(query, values)]
    found.sort(key=lambda upload: (upload.created_at, upload.id), reverse=True)
    return tuple(found[:limit])


def list_parts(connection: sqlite3.Connection, *, upload_id: UploadId) -> tuple[Part, ...]:
    """List the stored parts by index."""
    return tuple(_part(row) for row in connection.execute(PARTS, (upload_id, 0)))


def load_part(connection: sqlite3.Connection, *, upload_id: UploadId, index: int) -> Part | None:
    """Load one stored part."""
    row = connection.execute(PART, (upload_id, index)).fetchone()
    return None if row is None else _part(row)


def insert_part(
    connection: sqlite3.Connection, *, upload_id: UploadId, part: Part, stored_at: int, expires_at: int
) -> Upload:
    """Add a part and bring the row up to date; times in milliseconds."""
    progress = connection.execute(PROGRESS, (upload_id,)).fetchone()
    if progress is None:
        raise conflict(upload_id)
    if connection.execute(INSERT_PART, (upload_id, part.index, part.size, part.position)).rowcount != 1:
        raise conflict(upload_id)
    next_part, offset = progress
    # All that lies before was counted by those who came before, so a run costs its own length only.
    with closing(connection.execute(PARTS, (upload_id, next_part))) as rows:
        for index, size, _ in rows:
            if index != next_part:
                break
            next_part += 1
            offset += size
    grown = connection.execute(GROW, (next_part, offset, stored_at, expires_at, upload_id)).fetchall()
    return decode_upload(grown[0])


def move_part(connection: sqlite3.Connection, *, upload_id: UploadId, part: Part) -> None:
    """Change the position of a stored part."""
    if connection.execute(MOVE_PART, (part.position, upload_id, part.index)).rowcount != 1:
        raise conflict(upload_id)


def delete_upload(connection: sqlite3.Connection, *, upload_id: UploadId) -> None:
    """Delete a row; its parts go with it."""
    connection.execute(DELETE, (upload_id,))


def mark_synced(connection: sqlite3.Connection, *, upload_id: UploadId, offset: int) -> None:
    """Note how many bytes survive a power loss."""
    connection.execute(MARK_SYNCED, {"id": upload_id, "offset": offset})


def list_unsynced(connection: sqlite3.Connection, *, limit: int) -> tuple[Upload, ...]:
    """List open uploads with bytes that may not survive a power loss."""
    return tuple(map(decode_upload, connection.execute(UNSYNCED, (limit,))))


def list_due(connection: sqlite3.Connection, *, before: int, limit: int) -> tuple[Upload, ...]:
    """List open uploads that expire before a count of milliseconds."""
    return tuple(map(decode_upload, connection.execute(DUE, (before, limit))))


def list_tombstones(connection: sqlite3.Connection, *, before: int, limit: int) -> tuple[UploadId, ...]:
    """List uploads that are gone and whose row need not be kept after a count of milliseconds."""
    return tuple(UploadId(row[0]) for row in connection.execute(TOMBSTONES, (before, limit)))


def list_with_status(
    connection: sqlite3.Connection, *, status: Status, after: UploadId | None, limit: int
) -> tuple[Upload, ...]:
    """List uploads of a status by id."""
    return tuple(map(decode_upload, connection.execute(WITH_STATUS, (status.value, after or "", limit))))


def list_standings(connection: sqlite3.Connection, *, after: UploadId | None, limit: int) -> tuple[Standing, ...]:
    """List what recovery compares of open uploads by id."""
    return tuple(map(_standing, connection.execute(STANDINGS, (after or "", limit))))


def load_several(connection: sqlite3.Connection, *, upload_ids: Sequence[UploadId]) -> dict[UploadId, Upload]:
    """Load rows by id; what is not there is left out."""
    found = map(decode_upload, connection.execute(SEVERAL, (json.dumps(list(upload_ids)),)))
    return {upload.id: upload for upload in found}


def list_open_finals(connection: sqlite3.Connection, *, after: UploadId | None, limit: int) -> tuple[Upload, ...]:
    """List open final uploads by id."""
    return tuple(map(decode_upload, connection.execute(OPEN_FINALS, (after or "", limit))))


def list_finals_of(connection: sqlite3.Connection, *, source: Upload) -> tuple[Upload, ...]:
    """List the open final uploads that name a partial one of their owner."""
    found = map(decode_upload, connection.execute(FINALS_OF, (source.owner, source.id)))
    # A host may have the digits of an id in its name.
    return tuple(final for final in found if source.id in final.sources)


def load_published(connection: sqlite3.Connection, *, location: Location) -> Upload | None:
    """Load the complete upload under a location; the latest, should a file have been replaced by hand."""
    return _one(connection, PUBLISHED, location.directory, location.folder, location.filename)


def load_published_elsewhere(
    connection: sqlite3.Connection, *, location: Location, owner: UserId, profile: str
) -> Upload | None:
    """Load the complete upload under a location but for its directory: that of the profile was another one then."""
    wanted = (location.folder, location.filename, location.directory, owner, profile)
    return _one(connection, PUBLISHED_ELSEWHERE, *wanted)


def load_last_epoch(connection: sqlite3.Connection) -> int:
    """Give the largest epoch of any row, 0 when there is none."""
    return int(connection.execute(LAST_EPOCH).fetchone()[0])


def answer(connection: sqlite3.Connection) -> None:
    """Touch the table, to see that the database answers."""
    connection.execute(ANY).fetchall()


def _one(connection: sqlite3.Connection, query: str, *values: str) -> Upload | None:
    rows = connection.execute(query, values).fetchall()
    return decode_upload(rows[0]) if rows else None


def _standing(row: Sequence[Any]) -> Standing:
    return Standing._make((*row[:-1], bool(row[-1])))


def _part(row: tuple[int, int, int]) -> Part:
    return Part(index=row[0], size=row[1], position=row[2])
