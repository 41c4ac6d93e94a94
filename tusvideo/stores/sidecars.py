"""What is made from videos, on a local file system: beside ``uploads``, a folder for each user."""

import re
from collections.abc import Container
from pathlib import Path
from typing import Final, Self

from tusvideo.errors import InvalidField, StorageFailed
from tusvideo.model import UserId
from tusvideo.rules.names import user_folder
from tusvideo.stores import files
from tusvideo.stores.layout import Layout
from tusvideo.stores.opened import DiskFile
from tusvideo.stores.workers import Workers

MAX_PICTURE: Final = 1024 * 1024
MAX_BEGINNING: Final = 65 * 1024 * 1024
_FOLDER_MODE: Final = 0o700
_THREADS: Final = 2
"""Apart from those that uploads wait for."""
_NEW: Final = ".new"
_NAME: Final = re.compile(r"[0-9a-f-]{1,100}", re.ASCII)


class DiskSidecars:
    """Files of at most ``most`` bytes in a folder of their own; see Thumbnails and Beginnings.

    ``suffix`` ends their names. Folders are made with the first file.
    """

    def __init__(self, folder: Path, *, suffix: str, most: int) -> None:
        self._folder = folder
        self._suffix = suffix
        self._most = most
        self._workers = Workers(threads=_THREADS)

    @classmethod
    def thumbnails(cls, data_dir: Path) -> Self:
        """Give the place of pictures, ``DATA/media``."""
        return cls(Layout(data_dir).media, suffix=".jpg", most=MAX_PICTURE)

    @classmethod
    def beginnings(cls, data_dir: Path) -> Self:
        """Give the place of what players get instead of the beginnings of videos, ``DATA/beginnings``."""
        return cls(Layout(data_dir).beginnings, suffix=".start", most=MAX_BEGINNING)

    async def close(self) -> None:
        """Wait for what runs and end the threads. Safe to repeat."""
        await self._workers.close()

    async def put(self, owner: UserId, name: str, picture: bytes) -> None:
        await self._workers.run(_put, self._path(owner, name), picture)

    async def get(self, owner: UserId, name: str) -> bytes | None:
        return await self._workers.run(_get, self._path(owner, name), self._most)

    async def open(self, owner: UserId, name: str) -> DiskFile | None:
        return await DiskFile.at(self._workers, files.open_own, self._path(owner, name))

    async def remove(self, owner: UserId, name: str) -> None:
        await self._workers.run(files.unlink, self._path(owner, name))

    async def drop_others(self, kept: Container[str]) -> int:
        return await self._workers.run(_drop_others, self._folder, kept, self._suffix)

    def _path(self, owner: UserId, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise InvalidField("name", expected="a name of hex digits and dashes", got=name)
        return self._folder / user_folder(owner) / (name + self._suffix)


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


def _get(path: Path, most: int) -> bytes | None:
    try:
        fd = files.open_own(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        size = files.facts(fd).size
        if size > most:
            raise StorageFailed
        picture = b""
        while len(picture) < size:
            picture += files.read_some(fd, size - len(picture), len(picture))
        return picture
    finally:
        files.close(fd)


def _drop_others(folder: Path, kept: Container[str], suffix: str) -> int:
    dropped = 0
    for owned in files.folders_in(folder):
        for name in files.sizes_in(owned):
            if not name.endswith(suffix) or name.removesuffix(suffix) not in kept:
                files.unlink(owned / name)
                dropped += 1
    return dropped
