"""Which files the words of ``upload`` mean: files by name, and those in folders that fit the patterns."""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tusvideo_client.errors import LocalFileError

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file: its path as the user would write it, and its place in the folder that was named, if one was.

    The path is None for standard input.
    """

    path: Path | None
    relative: str | None = None

    @property
    def name(self) -> str:
        """What the user calls it."""
        return STANDARD_INPUT if self.path is None else str(self.path)


def named(options: argparse.Namespace) -> list[Found]:
    """The files that were named, each once, those of a folder in the order of their names.

    Raises:
        ValueError: A folder is named without ``--recursive``.
        LocalFileError: A folder cannot be read.
    """
    found: dict[str, Found] = {}
    for word in options.files:
        if word == STANDARD_INPUT:
            found[word] = Found(path=None)
            continue
        path = Path(word)
        if not path.is_dir():
            found.setdefault(os.path.realpath(path), Found(path=path))
            continue
        if not options.recursive:
            message = f"{word} is a folder: give --recursive to send the files in it"
            raise ValueError(message)
        for relative in sorted(_walk(path)):
            if _fits(relative, include=options.include, exclude=options.exclude):
                found.setdefault(os.path.realpath(path / relative), Found(path=path / relative, relative=relative))
    return list(found.values())


def _walk(folder: Path) -> Iterator[str]:
    """Regular files below a folder, without those that begin with a dot; links to folders are not followed."""

    def complain(error: OSError) -> None:
        message = f"the folder {error.filename} cannot be read: {error.strerror}"
        raise LocalFileError(message)

    for parent, folders, files in os.walk(folder, onerror=complain):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(parent) / name
            if not name.startswith(".") and path.is_file():
                yield path.relative_to(folder).as_posix()


def _fits(relative: str, *, include: list[str], exclude: list[str]) -> bool:
    """A pattern with a slash is for the place in the folder, one without is for the name."""

    def is_like(pattern: str) -> bool:
        subject = relative if "/" in pattern else relative.rpartition("/")[2]
        return fnmatchcase(subject, pattern)

    return (not include or any(map(is_like, include))) and not any(map(is_like, exclude))
