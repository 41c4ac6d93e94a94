"""What survives this process: one small file for each unfinished upload, in the user's state directory.

A record is written before the first request, so that an answer that gets lost does not orphan an upload: the same
record carries the same id, and the server gives back the same upload.
"""

import contextlib
import json
import logging
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import platformdirs

from . import wire
from .errors import LocalFileError
from .fingerprint import GROWING, Fingerprint, Identity, Place
from .model import Protocol

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SCHEMA = 1
STATE_DIR_VARIABLE = "TUSVIDEO_STATE_DIR"

StateDir = str | os.PathLike[str] | None

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An unfinished upload.

    Attributes:
        place: What goes where.
        fingerprint: The file as it was when the upload began.
        upload_id: Made by the client; ``uploadId`` of the chunk API, ``Idempotency-Key`` of tus.
        upload_url: The server's address for it; None until the server answered.
        chunk_size: Bytes in a chunk; None for tus.
        offset: Bytes known to be stored. Only a hint: the server is asked before anything is sent.
        metadata: Title, description and further pairs that the upload was made with.
        protocol: What the upload speaks; None in records that are older than the choice, and until it is made.
        collection: The server's address for making uploads; None until it is known.
        refused: Why the server will take no more of it, in its own words; None while it may.
    """

    place: Place
    fingerprint: Fingerprint
    upload_id: str
    upload_url: str | None = None
    chunk_size: int | None = None
    offset: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    protocol: Protocol | None = None
    collection: str | None = None
    refused: str | None = None

    @property
    def address(self) -> str | None:
        """The upload's address on the server; None if it is not known. Chunks have theirs from the beginning."""
        if self.place.protocol == "chunks":
            return wire.chunk_url(wire.chunk_api(self.place.endpoint, profile=self.place.profile), self.upload_id)
        return self.upload_url

    @property
    def has_begun(self) -> bool:
        """True if the server may have something of it."""
        return self.offset > 0 if self.place.protocol == "chunks" else self.upload_url is not None

    @property
    def length(self) -> int | None:
        """Bytes of the whole; None if that was not known when the record was written."""
        identity = self.fingerprint.identity
        return None if identity.mtime_ns == GROWING else identity.size

    def to_json(self) -> str:
        """The record as text."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The record that :meth:`to_json` wrote.

        Raises:
            ValueError: It is no record, or one of another schema.
        """
        try:
            facts: dict[str, Any] = json.loads(text)
            if facts.pop("schema") != SCHEMA:
                message = f"the record has another schema than {SCHEMA}"
                raise ValueError(message)
            place = Place(**facts.pop("place"))
            mark = facts.pop("fingerprint")
            fingerprint = Fingerprint(identity=Identity(**mark["identity"]), probe=mark["probe"])
            return cls(place=place, fingerprint=fingerprint, **facts)
        except (TypeError, KeyError, AttributeError) as error:
            message = f"the record is incomplete: {error}"
            raise ValueError(message) from error


def state_dir() -> Path:
    """Where records live: ``TUSVIDEO_STATE_DIR``, or the platform's place for state.

    Raises:
        LocalFileError: The user has no home, in which that place would be.
    """
    if folder := os.environ.get(STATE_DIR_VARIABLE):
        return Path(folder) / "uploads"
    try:
        return Path(platformdirs.user_state_dir("tusvideo")) / "uploads"
    except RuntimeError as error:
        message = "there is no place to remember uploads in: this user has no home folder"
        raise LocalFileError(message, hint=f"point {STATE_DIR_VARIABLE} to a folder that can be written") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record as it lies on disk, looked at without a claim.

    Attributes:
        key: The key of its place; the beginning of it is enough to name it.
        record: What is remembered.
        saved_at: When it was saved last, in seconds since 1970.
        holder: Who is uploading it at this moment, in words; None if nobody seems to be.
    """

    key: str
    record: Record
    saved_at: float
    holder: str | None


class Journal:
    """The records of one user.

    Args:
        directory: Where they live; made when it is first needed, readable by its owner only.
    """

    def __init__(self, directory: StateDir = None) -> None:
        self.directory = Path(directory) if directory else state_dir()

    def claim(self, place: Place) -> "Claim":
        """Take the only right to upload this place, until it is released or this process ends.

        Raises:
            LocalFileError: Another upload holds it, or the directory cannot be used.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Claim(
                self.directory / f"{place.key()}.json", lock=_take_lock(self.directory / f"{place.key()}.lock")
            )
        except OSError as error:
            message = f"the state of uploads cannot be kept in {self.directory}: {error.strerror or error}"
            raise LocalFileError(message, hint=f"point {STATE_DIR_VARIABLE} to a folder that can be written") from error

    def entries(self) -> list[Entry]:
        """What is remembered, oldest first; damaged records are left out, with a line in the log. Claims nothing.

        Raises:
            LocalFileError: The directory cannot be read.
        """
        try:
            # Not glob(), which hides that a folder cannot be read.
            found = [self._entry(path) for path in self.directory.iterdir() if path.suffix == ".json"]
        except FileNotFoundError:
            return []
        except OSError as error:
            message = f"the state of uploads in {self.directory} cannot be read: {error.strerror or error}"
            raise LocalFileError(message, hint=f"{STATE_DIR_VARIABLE} names the folder") from error
        return sorted((entry for entry in found if entry is not None), key=lambda entry: (entry.saved_at, entry.key))

    @staticmethod
    def _entry(path: Path) -> Entry | None:
        try:
            record = Record.from_json(path.read_text(encoding="utf-8"))
            return Entry(
                key=path.stem,
                record=record,
                saved_at=path.stat().st_mtime,
                holder=_holder_of(path.with_suffix(".lock")),
            )
        except FileNotFoundError:
            return None  # finished a moment ago
        except ValueError as error:
            logger.warning("record_damaged path=%s reason=%s", path, error)
            return None


class Claim:
    """The right to one record. Release it; the end of the process, however violent, releases it too."""

    def __init__(self, path: Path, *, lock: "Lock") -> None:
        self.path = path
        self._lock = lock

    def load(self) -> Record | None:
        """The record, or None if there is none. A damaged one is set aside and counts as none."""
        try:
            return Record.from_json(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            aside = self.path.with_suffix(".damaged")
            logger.warning("record_damaged path=%s kept_as=%s reason=%s", self.path, aside, error)
            self.path.replace(aside)
            return None

    def save(self, record: Record) -> None:
        """Put the record on disk in one step: a crash leaves the old one or the new one, never a mixture.

        Raises:
            LocalFileError: The disk refused; the old record is still there.
        """
        try:
            replace_file(self.path, record.to_json())
        except OSError as error:
            message = f"the state of the upload cannot be saved in {self.path}: {error.strerror or error}"
            raise LocalFileError(message, hint=f"make room, or point {STATE_DIR_VARIABLE} elsewhere") from error

    def forget(self) -> None:
        """Remove the record; safe to repeat."""
        self.path.unlink(missing_ok=True)

    def release(self) -> None:
        """Give the right back; safe to repeat."""
        self._lock.release()


def replace_file(path: Path, text: str) -> None:
    """Write a file, readable by its owner only, in one step and durably: a crash leaves the old one or the new one.

    Raises:
        OSError: The disk refused; the old one is still there.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # Windows has no such call; its rename is journalled
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Lock:
    """A lock that the operating system drops when its process dies, with the holder's pid in the file for people."""

    def __init__(self, path: Path, *, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give it back and remove its file; safe to repeat."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        os.close(descriptor)


def _take_lock(path: Path) -> Lock:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock_file(descriptor)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip()
            os.close(descriptor)
            message = f"another upload of this file is running: {holder or 'a process that has just begun'}"
            raise LocalFileError(
                message, retryable=True, hint="wait for it, or end it; this call would resume"
            ) from None
        if _is_same_file(descriptor, path):
            break
        os.close(descriptor)  # the holder removed the file between our open and our lock
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()}\n".encode())
    return Lock(path, descriptor=descriptor)


def _holder_of(path: Path) -> str | None:
    """Who holds a lock, by what is written in its file: to take it, for a look, would turn an upload away."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    number = text.removeprefix("process ")
    if sys.platform == "win32" or not number.isdigit():
        return text or None
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return None  # it was killed, and could not remove its file
    except OSError:
        pass  # it is somebody else's, and alive
    return text


def _lock_file(descriptor: int) -> None:
    if sys.platform == "win32":
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
