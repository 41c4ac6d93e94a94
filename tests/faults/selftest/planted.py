"""Nine bugs that would break the promise, each put into a server process of the fault programme to see it caught.

Chosen by TUSVIDEO_PLANTED_BUG, which only the launchers of the programme read. They patch the process that they run in.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tusvideo.locks import memory as locks
from tusvideo.model import Standing, Status, Upload, UploadId
from tusvideo.ports import Lease
from tusvideo.rules.uploads import agrees
from tusvideo.service import recovery, uploads
from tusvideo.service.publishing import Publisher
from tusvideo.sessions import database, rows, sqlite, sqlite_uploads
from tusvideo.stores import files, opened, publication


def no_data_sync() -> None:
    """Acknowledge bytes that were written and never synced."""

    def nothing(fd: int) -> None:
        """Let the kernel write when it likes."""

    files.fdatasync = nothing


def synchronous_normal() -> None:
    """Acknowledge commits that SQLite did not sync."""
    prepare = database._prepare

    def normal(connection: sqlite3.Connection) -> None:
        prepare(connection)
        connection.execute("PRAGMA synchronous = NORMAL")

    database._prepare = normal


def no_folder_sync() -> None:
    """Count on names that may not be there."""

    def nothing(path: Path) -> None:
        """Let the kernel write when it likes."""

    files.sync_folder = nothing


def answer_before_commit() -> None:
    """Answer while the commit is still on its way."""
    write = database.Database.write
    pending: set[asyncio.Task[Any]] = set()

    async def early(
        self: database.Database,
        work: Callable[[sqlite3.Connection], Any],
        *,
        first: Callable[[], None] | None = None,
    ) -> Any:
        if getattr(work, "func", None) not in {sqlite_uploads.save_upload, sqlite._complete}:
            return await write(self, work, first=first)
        task = asyncio.ensure_future(write(self, work, first=first))
        pending.add(task)
        task.add_done_callback(pending.discard)
        return None

    database.Database.write = early  # type: ignore[method-assign]  # a bug is planted


def publish_before_sync() -> None:
    """Name the file and commit it as complete first, and sync its bytes after that."""
    publish = Publisher.publish

    async def hasty(self: Publisher, upload: Upload) -> Upload:
        done = await publish(self, upload)
        await self.store.sync_staged(done.id)
        return done

    async def later(self: opened.DiskWriter) -> int:
        return self.position

    def unsynced(self: publication.Publication, fd: int) -> None:
        files.seal(fd)

    Publisher.publish = hasty  # type: ignore[method-assign]  # a bug is planted
    publication.Publication._settle = unsynced  # type: ignore[method-assign]  # a bug is planted
    opened.DiskWriter.sync = later  # type: ignore[method-assign]  # a bug is planted


def offset_from_file_size() -> None:
    """Take the size of the staging file for the offset when the server starts."""
    judge = recovery.Recovery._about_open

    async def trusting(self: recovery.Recovery, upload: Upload, size: int | None) -> AsyncIterator[recovery.Finding]:
        if not upload.parts_stored and upload.offset < (size or 0) <= (upload.length or 0):
            grown = replace(upload, offset=size or 0)
            await self._sessions.save(grown, was=upload)
            upload = grown
        async for finding in judge(self, upload, size):
            yield finding

    def no_longer(standing: Standing, *, staged: int | None, boot_id: str) -> bool:
        return agrees(standing, staged=staged, boot_id=boot_id) and staged == standing.offset

    # A file that is longer than its row says is left alone, so that nobody looks at it.
    recovery.agrees = no_longer  # type: ignore[attr-defined]  # imported there, and not for others
    recovery.Recovery._about_open = trusting  # type: ignore[method-assign]  # a bug is planted


def no_fence() -> None:
    """Let a newcomer in while the one before it still writes, and let whoever commits last win."""

    @asynccontextmanager
    async def at_once(
        self: locks.MemoryLocks, key: UploadId, *, grace_seconds: float, patience_seconds: float
    ) -> AsyncIterator[Lease]:
        room = self._rooms.setdefault(key, locks._Room())
        for holder in list(room.holders):
            holder.request_release()
        self._epoch += 1
        lease = locks.MemoryLease(epoch=self._epoch, shared=False)
        room.holders.append(lease)
        try:
            yield lease
        finally:
            room.holders.remove(lease)

    def blindly(connection: sqlite3.Connection, *, upload: Upload, was: Upload, is_row: bool = False) -> Upload:
        del is_row  # the row is read in any case
        changed = rows.changes(upload, was=was)
        assignments = ", ".join(f"{column} = :{column}" for column in changed)
        connection.execute(f"UPDATE uploads SET {assignments} WHERE id = :id", {**changed, "id": upload.id})  # noqa: S608  # columns of ours
        return sqlite_uploads.load_upload(connection, upload_id=upload.id) or upload

    locks.MemoryLocks.exclusive = at_once  # type: ignore[method-assign]  # a bug is planted
    sqlite_uploads.save_upload = blindly


def uncommitted_offset() -> None:
    """Tell how many bytes the file has, rather than how many are committed."""
    query = uploads.UploadService.query

    async def eager(self: uploads.UploadService, user: Any, command: Any) -> Any:
        told = await query(self, user, command)
        size = await self._store.staged_size(told.upload.id)
        if told.upload.status is not Status.OPEN or size is None:
            return told
        return replace(told, upload=replace(told.upload, offset=max(size, told.upload.offset)))

    uploads.UploadService.query = eager  # type: ignore[method-assign]  # a bug is planted


def trusts_another_boot() -> None:
    """In ``relaxed``, believe after a boot what was only in memory before it."""
    files.boot_id = lambda: "ever the same"


BUGS: Final[Mapping[str, Callable[[], None]]] = {
    "no fdatasync": no_data_sync,
    "synchronous NORMAL": synchronous_normal,
    "no directory sync": no_folder_sync,
    "answer before commit": answer_before_commit,
    "publish before fsync": publish_before_sync,
    "offset from file size": offset_from_file_size,
    "no fence": no_fence,
    "HEAD shows uncommitted bytes": uncommitted_offset,
    "relaxed trusts another boot": trusts_another_boot,
}


def apply(environment: Mapping[str, str] = os.environ) -> None:
    """Plant the bug that the environment names, if it names one, and take the boot from a file, if it names that."""
    if (boot := environment.get("TUSVIDEO_TEST_BOOT_ID", "")) != "":
        files.BOOT_ID = Path(boot)  # type: ignore[misc]  # a machine does not boot for a test
    if (name := environment.get("TUSVIDEO_PLANTED_BUG", "")) != "":
        BUGS[name]()
