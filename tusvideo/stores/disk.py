"""The store on a local file system."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

from tusvideo.errors import ConfigError, StorageFailed
from tusvideo.model import UPLOAD_ID, Location, UploadId
from tusvideo.stores import files
from tusvideo.stores.layout import Layout
from tusvideo.stores.opened import STAGED_BLOCK, DiskFile, DiskSpool, DiskWriter, Sync, read_range, sync_data
from tusvideo.stores.publication import FOLDER_MODE, Publication
from tusvideo.stores.workers import Handle, Workers

PRIVATE_FOLDER: Final = 0o700
WORTH_A_CALL: Final = 64 * 1024
FREE_SECONDS: Final = 0.1
"""So long what is free is not asked for again: a question for each short request costs as much as its bytes."""


class DiskStore:
    """Bytes in a data directory: ``staging``, ``uploads`` and ``lost+found``; see UploadStore."""

    def __init__(self, layout: Layout, *, workers: Workers, lock: Handle, boot_id: str) -> None:
        self._layout = layout
        self._workers = workers
        self._lock = lock
        self._boot_id = boot_id
        self._free: asyncio.Future[int] | None = None
        self._free_until = 0.0
        self._lost: set[UploadId] = set()
        """Noted in the threads, where the calls fail: whoever asked for one may be cancelled and never hear of it."""

    @classmethod
    async def open(cls, data_dir: Path, *, threads: int = 8) -> Self:
        """Make and lock the data directory; ``threads`` bounds how many calls wait for the disk at once.

        Raises ConfigError, which names the directory, when another server uses it or it cannot be used at all.
        """
        layout = Layout(data_dir)
        workers = Workers(threads=threads)
        try:
            lock = await workers.open(_prepare, layout)
        except BaseException:
            await workers.close()
            raise
        return cls(layout, workers=workers, lock=lock, boot_id=await workers.run(files.boot_id))

    async def close(self) -> None:
        """End the threads and unlock the directory; writers should be closed before. Safe to repeat."""
        self._free = None
        await self._workers.close()
        await self._lock.close()

    async def open_writer(self, upload_id: UploadId, *, position: int, fresh: bool) -> DiskWriter:
        path = self._layout.staged(upload_id)
        handle = await self._workers.open(_open_for_writing, path, fresh=fresh)
        return DiskWriter(handle, position=position, sync=self._syncing(upload_id))

    async def stage(
        self, upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> None:
        path, sync = self._layout.staged(upload_id), self._syncing(upload_id) if durable else None
        await self._workers.run(_stage, path, blocks, position=position, fresh=fresh, sync=sync)

    def stage_later(
        self, upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> Callable[[], None]:
        path, sync = self._layout.staged(upload_id), self._syncing(upload_id) if durable else None

        def stage() -> None:
            try:
                _stage(path, blocks, position=position, fresh=fresh, sync=sync)
            except OSError as error:
                raise files.failure(error) from error

        return stage

    async def read_staged(self, upload_id: UploadId, *, start: int, stop: int) -> AsyncIterator[bytes]:
        handle = await self._workers.open(files.open_own, self._layout.staged(upload_id))
        try:
            if (await handle.run(files.facts)).size < stop:
                raise StorageFailed
            async for block in read_range(handle, start=start, stop=stop, size=STAGED_BLOCK):
                yield block
        finally:
            await handle.close()

    async def copy_staged(self, upload_id: UploadId, *, source: int, target: int, size: int) -> None:
        path, sync = self._layout.staged(upload_id), self._syncing(upload_id)
        await self._workers.run(_copy_within, path, source=source, target=target, size=size, sync=sync)

    async def copy_between(self, source: UploadId, target: UploadId, *, start: int, to: int, size: int) -> None:
        paths = self._layout.staged(source), self._layout.staged(target)
        await self._workers.run(_copy_between, *paths, start=start, to=to, size=size)

    async def staged_size(self, upload_id: UploadId) -> int | None:
        found = await self._workers.run(files.facts_at, self._layout.staged(upload_id))
        return None if found is None else found.size

    async def publish(self, upload_id: UploadId, *, length: int, location: Location) -> bool:
        publication = Publication(
            upload_id=upload_id,
            staged=self._layout.staged(upload_id),
            target=self._layout.published(location),
            spare=self._layout.spare(upload_id, location=location),
            length=length,
        )
        is_ours = await self._workers.run(publication.carry_out)
        if is_ours:
            self.forgive(upload_id)
        return is_ours

    async def discard(self, upload_id: UploadId) -> None:
        await self._workers.run(files.unlink, self._layout.staged(upload_id))
        self.forgive(upload_id)

    async def open_spool(self) -> DiskSpool:
        return DiskSpool(await self._workers.open(files.open_spool, self._layout.staging))

    async def open_published(self, location: Location) -> DiskFile | None:
        return await DiskFile.at(self._workers, files.open_file, self._layout.published(location))

    async def remove_published(self, location: Location) -> None:
        await self._workers.run(_remove, self._layout.published(location))

    async def sync_staged(self, upload_id: UploadId) -> None:
        await self._workers.run(_sync, self._layout.staged(upload_id), sync=self._syncing(upload_id))

    def has_lost(self, upload_id: UploadId) -> bool:
        return upload_id in self._lost

    def forgive(self, upload_id: UploadId) -> None:
        self._lost.discard(upload_id)

    @property
    def boot_id(self) -> str:
        return self._boot_id

    async def free_bytes(self) -> int:
        now = asyncio.get_running_loop().time()
        if self._free is None or now >= self._free_until:
            self._free_until = now + FREE_SECONDS
            self._free = self._workers.submit(files.free_bytes, self._layout.data)
        return await self._free

    async def staged_ids(self) -> Sequence[UploadId]:
        try:
            names = await files.names_in(self._layout.staging, executor=self._workers.executor)
        except OSError as error:
            raise files.failure(error) from error
        except RuntimeError as error:  # the threads are gone
            raise StorageFailed from error
        return [UploadId(name) for name in sorted(names) if UPLOAD_ID.fullmatch(name) is not None]

    async def staged_sizes(self) -> Mapping[UploadId, int]:
        sizes = await self._workers.run(files.sizes_in, self._layout.staging)
        return {UploadId(name): sizes[name] for name in sorted(sizes) if UPLOAD_ID.fullmatch(name) is not None}

    async def set_aside(self, upload_id: UploadId) -> None:
        await self._workers.run(_set_aside, self._layout, upload_id)

    def _syncing(self, upload_id: UploadId) -> Sync:
        return partial(sync_data, lost=partial(self._lost.add, upload_id))


# What follows runs in a worker thread, each as one call: no step of it waits for the event loop.


def _prepare(layout: Layout) -> int:
    try:
        files.make_folder(layout.data, mode=PRIVATE_FOLDER)
        lock = files.lock_folder(layout.lock)
    except BlockingIOError as error:
        mistake = f"data directory {layout.data} is used by another server; stop that one or choose another directory"
        raise ConfigError([mistake]) from error
    except StorageFailed as error:
        mistake = f"data directory {layout.data} belongs to another user, or its {layout.lock.name} is no plain file"
        raise ConfigError([f"{mistake}; run tusvideo as the user whose data it is"]) from error
    except OSError as error:
        raise ConfigError([_unusable(layout, error)]) from error
    try:
        for folder, mode in (
            (layout.staging, PRIVATE_FOLDER),
            (layout.uploads, FOLDER_MODE),
            (layout.lost_and_found, PRIVATE_FOLDER),
        ):
            files.make_folder(folder, mode=mode)
            files.require_writable(folder)
    except OSError as error:
        files.close(lock)
        raise ConfigError([_unusable(layout, error)]) from error
    return lock


def _unusable(layout: Layout, error: OSError) -> str:
    where = layout.data if error.filename is None else error.filename
    is_forbidden = error.errno in {errno.EACCES, errno.EPERM}
    way_out = "give the whole of it to the user who runs tusvideo" if is_forbidden else "mend that"
    return (
        f"data directory {layout.data} cannot be used: expected a folder to write in, got '{error.strerror}'"
        f" at {where}; {way_out}, or choose another directory"
    )


def _open_for_writing(path: Path, *, fresh: bool) -> int:
    fd = files.open_or_make(path)
    try:
        found = files.facts(fd)
        if found.sealed or found.names != 1:
            raise StorageFailed  # published, or on its way there: those bytes change no more
        if fresh:
            files.sync_folder(path.parent)
    except BaseException:
        files.close(fd)
        raise
    return fd


def _stage(path: Path, blocks: Sequence[bytes], *, position: int, fresh: bool, sync: Sync | None) -> None:
    fd = _open_for_writing(path, fresh=fresh)
    try:
        for block in _merged(blocks):
            files.write_all(fd, block, position)
            position += len(block)
        if sync is not None:
            sync(fd)
    finally:
        files.close(fd)


def _merged(blocks: Sequence[bytes]) -> Iterator[bytes]:
    """Small blocks that follow each other become one: after every call the thread waits up to 5 ms for its turn."""
    run: list[bytes] = []
    size = 0
    for block in blocks:
        run.append(block)
        size += len(block)
        if size >= WORTH_A_CALL:
            yield run[0] if len(run) == 1 else b"".join(run)
            run, size = [], 0
    if run:
        yield b"".join(run)


def _copy_within(path: Path, *, source: int, target: int, size: int, sync: Sync) -> None:
    fd = files.open_own(path, writing=True)
    try:
        if files.facts(fd).size < source + size:
            raise StorageFailed  # asked first: the copy itself makes the file longer, and zeros would count as found
        files.copy_range(fd, fd, start=source, to=target, size=size)
        sync(fd)
    finally:
        files.close(fd)


def _copy_between(source: Path, target: Path, *, start: int, to: int, size: int) -> None:
    fd = files.open_own(source)
    try:
        if files.facts(fd).size < start + size:
            raise StorageFailed
        other = files.open_own(target, writing=True)
        try:
            files.copy_range(fd, other, start=start, to=to, size=size)
        finally:
            files.close(other)
    finally:
        files.close(fd)


def _sync(path: Path, *, sync: Sync) -> None:
    try:
        fd = files.open_own(path)
    except FileNotFoundError:
        return
    try:
        sync(fd)
    finally:
        files.close(fd)


def _remove(path: Path) -> None:
    files.unlink(path)
    try:
        files.sync_folder(path.parent)
    except (FileNotFoundError, NotADirectoryError):
        return


def _set_aside(layout: Layout, upload_id: UploadId) -> None:
    source = layout.staged(upload_id)
    number = 0
    while True:
        target = layout.aside(upload_id, number=number)
        try:
            files.move_new(source, target)
        except FileNotFoundError:
            if files.exists(source):
                raise  # it is the folder that is gone
            return
        except FileExistsError:
            if not files.is_same_name(source, target):
                number += 1
                continue
            files.unlink(source)  # an earlier run was killed between the two names
        break
    files.sync_folder(layout.lost_and_found)
    files.sync_folder(layout.staging)
