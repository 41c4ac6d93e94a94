"""What callers may give to be uploaded, and how each of it is opened."""

import os
from pathlib import Path
from typing import BinaryIO

from .content import Content
from .held import Buffer, Held
from .source import Source

Uploadable = str | os.PathLike[str] | Buffer | BinaryIO


def name_of(what: Uploadable) -> str:
    """The file name that goes with it, if the caller gives none.

    Raises:
        ValueError: It has none.
    """
    if isinstance(what, str | os.PathLike):
        return Path(what).name
    if not isinstance(what, Buffer) and isinstance(name := getattr(what, "name", None), str):
        return Path(name).name
    message = f"{type(what).__name__} has no file name: give name='talk.mp4'"
    raise ValueError(message)


async def open_content(what: Uploadable) -> Content:
    """Open what is to be uploaded; close the content when done.

    Raises:
        LocalFileError: It cannot be read.
        TypeError: It is nothing that can be uploaded.
    """
    if isinstance(what, str | os.PathLike):
        return await Source.open(what)
    if isinstance(what, Buffer):
        return await Held.of_bytes(what)
    if callable(getattr(what, "read", None)) and what.seekable():
        return await Held.of_file(what)
    message = f"{type(what).__name__} cannot be uploaded; expected a path, bytes, or a binary file object that can seek"
    raise TypeError(message)
