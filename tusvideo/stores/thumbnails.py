"""Thumbnails on a local file system: a folder for each user beside ``uploads``, a file for each picture."""

import re
from collections.abc import Container
from pathlib import Path
from typing import Final

from tusvideo.errors import InvalidField, StorageFailed
from tusvideo.model import UserId
from tusvideo.stores import files
from tusvideo.stores.layout import Layout
from tusvideo.stores.workers import Workers

MAX_BYTES: Final = 1024 * 1024
"""Of one picture."""
_FOLDER_MODE: Final = 0o700
_THREADS: Final = 2
"""Apart from those that uploads wait for."""
_SUFFIX: Final = ".jpg"
_NEW: Final = ".new"
_NAME: Final = re.compile(r"[0-9a-f-]{1,100}", re.ASCII)


class DiskThumbnails:
    """Pictures in ``DATA/media``; see Thumbnails. Folders are made with the first picture."""

    def __init__(self, data_dir: Path) -> None:
        self._layout = Layout(data_dir)
        self._workers = Workers(threads=_THREADS)

    async def close(self) -> None:
        """Wait for what runs and end the threads. Safe to repeat."""
        await self._workers.close()

    async def put(self, owner: UserId, name: str, picture: bytes) -> None:
        await self._workers.run(_put, self._path(owner, name), picture)

    async def get(self, owner: UserId, name: str) -> bytes | None:
        return await self._workers.run(_get, self._path(owner, name))

    async def remove(self, owner: UserId, name: str) -> None:
        await self._workers.run(files.unlink, self._path(owner, name))

    async def drop_others(self, kept: Container[str]) -> int:
        return await self._workers.run(_drop_others, self._layout.media, kept)

    def _path(self, owner: UserId, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise InvalidField("thumbnail", expected="a name of hex digits and dashes", got=name)
        return self._layout.thumbnails(owner) / (name + _SUFFIX)


# What follows runs in a worker thread.


def _put(path: Path, picture: bytes) -> None:
    """Write under another name first: a name that is there has its whole picture."""
    new = path.with_suffix(_NEW)
    files.make_folder(path.parent, mode=_FOLDER_MODE)
    files.unlink(new)
    fd = files.make_file(new)
    try:
        files.write_all(fd, picture, 0)
        files.fdatasync(fd)
    except OSError:
        files.unlink(new)
        raise
    finally:
        files.close(fd)
    try:
        files.move_new(new, path)
    except FileExistsError:
        files.unlink(new)
    files.sync_folder(path.parent)


def _get(path: Path) -> bytes | None:
    try:
        fd = files.open_own(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        size = files.facts(fd).size
        if size > MAX_BYTES:
            raise StorageFailed
        picture = b""
        while len(picture) < size:
            picture += files.read_some(fd, size - len(picture), len(picture))
        return picture
    finally:
        files.close(fd)


def _drop_others(folder: Path, kept: Container[str]) -> int:
    dropped = 0
    for owned in files.folders_in(folder):
        for name in files.sizes_in(owned):
            stem, dot, suffix = name.rpartition(".")
            if dot + suffix != _SUFFIX or stem not in kept:
                files.unlink(owned / name)
                dropped += 1
    return dropped
