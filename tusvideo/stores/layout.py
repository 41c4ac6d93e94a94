"""Where things lie below the data directory; pure paths, made from checked names only."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from tusvideo.errors import InvalidField
from tusvideo.model import Location, UploadId, upload_id

MAX_NAME_BYTES: Final = 255
"""What Linux file systems take for one name."""

SPARE: Final = ".tusvideo-"
"""Beginning of the temporary names that stand beside published files while one is copied."""

UNSAFE: Final = re.compile(r"[/\x00]")


@dataclass(frozen=True, slots=True)
class Layout:
    """The tree of one data directory: ``staging``, ``uploads`` and ``lost+found``.

    Every method refuses names that could lead out of the tree, with InvalidField.
    """

    data: Path
    staging: Path = field(init=False, repr=False, compare=False)
    """Folder of unfinished uploads; at hand, because every request asks for it."""

    _staged: Callable[[UploadId], Path] = field(init=False, repr=False, compare=False)
    """The file names in it that were asked for last: those who append ask again with every request."""

    def __post_init__(self) -> None:
        staging = self.data / "staging"
        object.__setattr__(self, "staging", staging)
        object.__setattr__(self, "_staged", lru_cache(maxsize=1024)(lambda upload: staging / upload_id(upload)))

    @property
    def lock(self) -> Path:
        """The file that the running server holds locked."""
        return self.data / ".lock"

    @property
    def uploads(self) -> Path:
        """Folder of published files."""
        return self.data / "uploads"

    @property
    def lost_and_found(self) -> Path:
        """Folder of bytes that no session counts and nobody wants to delete."""
        return self.data / "lost+found"

    @property
    def media(self) -> Path:
        """Folder of thumbnails; all that lies there can be made again."""
        return self.data / "media"

    @property
    def beginnings(self) -> Path:
        """Folder of what players get instead of the beginnings of videos; as ``media``."""
        return self.data / "beginnings"

    def staged(self, upload: UploadId) -> Path:
        """Name the staging file of an upload."""
        return self._staged(upload)

    def aside(self, upload: UploadId, *, number: int) -> Path:
        """Name the place of a staging file that was set aside; ``number`` counts from 0 and tells namesakes apart."""
        name = upload_id(upload)
        return self.lost_and_found / (f"{name}.{number}" if number else name)

    def published(self, location: Location) -> Path:
        """Name a published file."""
        place = checked(location)
        return self.uploads / place.directory / place.folder / place.filename

    def spare(self, upload: UploadId, *, location: Location) -> Path:
        """Name the temporary file beside a published one; the same for the same upload, so that a rerun finds it."""
        return self.published(location).with_name(SPARE + upload_id(upload))


def checked(location: Location) -> Location:
    """Give a location back if each of its names is one plain name.

    Raises InvalidField when a name is empty, ``.``, ``..``, holds ``/`` or NUL, is no text, is longer than 255 bytes,
    or when the filename begins like our temporary names.
    """
    for what, name in (
        ("directory", location.directory),
        ("folder", location.folder),
        ("filename", location.filename),
    ):
        if name in {"", ".", ".."} or UNSAFE.search(name) is not None or not 0 < _size(name) <= MAX_NAME_BYTES:
            raise InvalidField(what, expected=f"one plain name of 1 to {MAX_NAME_BYTES} bytes", got=name)
    if location.filename.startswith(SPARE):
        raise InvalidField("filename", expected=f"a name that does not begin with {SPARE}", got=location.filename)
    return location


def _size(name: str) -> int:
    """Count the bytes of a name; 0 for half a surrogate pair, which no file can be called."""
    try:
        return len(name.encode())
    except UnicodeEncodeError:
        return 0
