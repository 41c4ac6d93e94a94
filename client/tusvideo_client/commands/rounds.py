"""What is remembered of a command over several files until all of them are published.

A single upload is forgotten when it is finished. Of several files the finished ones are remembered until the last one
is: otherwise the same command again, which goes on with what was cut, would send the finished ones once more.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tusvideo_client.errors import LocalFileError
from tusvideo_client.fingerprint import take_fingerprint
from tusvideo_client.journal import Journal, replace_file

SCHEMA = 1


class Ledger:
    """The files of one command that are published: path, fingerprint and URL.

    Args:
        words: What makes the command the same when it comes again: the paths that were named, and where they go.
    """

    def __init__(self, words: Sequence[str]) -> None:
        name = hashlib.blake2b(json.dumps(list(words)).encode(errors="surrogateescape"), digest_size=16).hexdigest()
        self._path = Journal().directory.parent / "rounds" / f"{name}.json"
        self._lock = threading.Lock()  # files that are sent side by side end side by side, each in a thread
        self._done: dict[str, dict[str, str]] = _load(self._path)

    def url_of(self, path: Path, *, mark: str) -> str | None:
        """Where the file was published in an earlier run; None if it was not, or has another mark since."""
        entry = self._done.get(str(path))
        return entry["url"] if entry is not None and entry["mark"] == mark else None

    def add(self, path: Path, *, mark: str, url: str) -> None:
        """Remember that a file is published, durably. Safe to call from several threads.

        Args:
            path: The file.
            mark: Its mark from before it was sent: what was written since is not published.
            url: Where it is published.

        Raises:
            LocalFileError: It cannot be saved.
        """
        try:
            with self._lock:
                self._done[str(path)] = {"url": url, "mark": mark}
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(self._path, json.dumps({"schema": SCHEMA, "done": self._done}))
        except OSError as error:
            message = f"what is done cannot be saved in {self._path}: {error.strerror or error}"
            raise LocalFileError(message) from error

    def forget(self) -> None:
        """All files are published: the same command again is a new one. Safe to repeat."""
        self._path.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, dict[str, str]]:
    """What an earlier run saved; nothing if that is damaged, which costs bytes sent twice and no more."""
    try:
        facts: Any = json.loads(path.read_text(encoding="utf-8"))
        if facts["schema"] != SCHEMA:
            return {}
        return {str(name): {"url": str(kept["url"]), "mark": str(kept["mark"])} for name, kept in facts["done"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def mark_of(path: Path) -> str:
    """What changes when the file does; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            mark = take_fingerprint(file)
    except OSError:
        return ""
    return f"{mark.identity.size}-{mark.identity.mtime_ns}-{mark.identity.inode}-{mark.probe}"
