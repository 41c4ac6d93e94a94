"""The file on this side: read in pieces, and never trusted to have stayed the same."""

import asyncio
import hashlib
import os
import stat
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Self

from .checksum import Running
from .content import Content
from .errors import FileChangedError, LocalFileError
from .fingerprint import Fingerprint, Identity, grows_from, spoiled, take_fingerprint
from .opening import closed, opened
from .state import MIB

SMALL_PIECE = 64 * 1024
LARGE_PIECE = 256 * 1024
READ_AT_ONCE = MIB
FED_AT_ONCE = 4 * MIB
SWIFT_AFTER = 4 * MIB
SWIFT_RATE = 8 * MIB
ANEW = "run again when it is finished; the upload will start anew"
TELLS_CHANGES = sys.platform != "win32"  # where the field tells when the file was made


class Source:
    """An open file whose every read is checked: bytes of two versions never meet in one upload.

    Make it with :meth:`open`; close it when done.
    """

    is_once = False

    def __init__(self, path: Path, *, file: BinaryIO, fingerprint: Fingerprint, facts: os.stat_result) -> None:
        self.path = path
        self._fingerprint = fingerprint
        self._file = file
        self._lock = threading.Lock()
        self._last = bytearray(1)
        self._guard = threading.Lock()  # of the next three; never held while bytes are read
        self._changed_at = facts.st_ctime_ns
        self._about = self._about_now(facts)
        self._has_changed = False
        self._is_swift = False  # remembered from one request to the next

    @classmethod
    async def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a file and take its fingerprint. Safe to cancel: what the thread opens after that is closed.

        Raises:
            LocalFileError: It is missing, unreadable, no regular file, or being changed at this moment.
        """
        return await opened(partial(cls._open, path), close=cls._close)

    @classmethod
    def _open(cls, path: str | os.PathLike[str]) -> Self:
        real, file = open_regular(path)
        try:
            facts = os.fstat(file.fileno())  # asked first: a change while the samples are read is one of the upload
            source = cls(real, file=file, fingerprint=take_fingerprint(file), facts=facts)
            source.check()
        except BaseException as error:
            file.close()
            if isinstance(error, OSError):
                message = f"{path} cannot be read: {error.strerror or error}"
                raise LocalFileError(message) from error
            raise
        return source

    @property
    def label(self) -> str:
        """The path, for messages."""
        return str(self.path)

    @property
    def fingerprint(self) -> Fingerprint:
        """That of the file when it was opened; once it was seen to change, one that no later call can go on from."""
        return spoiled(self._fingerprint) if self._has_changed else self._fingerprint

    @property
    def size(self) -> int:
        """Length in bytes when the file was opened."""
        return self._fingerprint.identity.size

    def resumes(self, kept: Fingerprint) -> bool:
        """True if nothing has changed, or if it was followed while it grew and begins with what was sent."""
        if kept == self._fingerprint:
            return True
        try:
            with self._lock:
                return grows_from(kept, self._file)
        except OSError as error:
            message = f"{self.path} cannot be read: {error.strerror or error}"
            raise LocalFileError(message) from error

    async def ready(self, start: int, *, tell: Callable[[], None]) -> int:  # noqa: ARG002  # the signature of Content
        """Everything, at once."""
        return self.size

    def settle(self, offset: int) -> None:
        """Nothing to do: all of it can be read again."""

    def check(self) -> None:
        """Make sure that the file is still the one that was opened.

        Who writes into a file can give it its old time back, but not the time at which the system saw it change. That
        one moves with other rights, another owner, name or number of links, too, and is let pass where these show it.
        Where they do not (a link made and removed between two looks, an extended attribute, a second new name) it is
        taken for a change of bytes: a false alarm costs an upload that begins anew, and the other mistake would glue
        two versions. Raised once, it is raised every time, also if the file looks as before by then.

        Safe in several threads.

        Raises:
            FileChangedError: Its size, time or inode is another, or the system saw it change.
            LocalFileError: The system tells nothing of it any more, as of a file that a file server has lost.
        """
        try:
            with self._guard:  # look and judge in one step: what another thread saw before is no news after that
                self._has_changed = self._has_changed or not self._is_as_it_was(os.fstat(self._file.fileno()))
                has_changed = self._has_changed
        except OSError as error:
            message = f"{self.path} cannot be read: {error.strerror or error}"
            raise LocalFileError(message) from error
        if has_changed:
            message = f"{self.path} was changed while it was being uploaded"
            raise FileChangedError(message, hint=ANEW)

    def _is_as_it_was(self, facts: os.stat_result) -> bool:
        """False if the system saw the file change, and another name, owner, right or link does not account for it."""
        if Identity.told_by(facts) != self._fingerprint.identity:
            return False
        if facts.st_ctime_ns == self._changed_at or not TELLS_CHANGES:
            return True
        before, self._about = self._about, self._about_now(facts)
        self._changed_at = facts.st_ctime_ns
        return self._about != before

    def _about_now(self, facts: os.stat_result) -> tuple[int, ...]:
        """What may change about a file without a change of its bytes."""
        return facts.st_mode, facts.st_uid, facts.st_gid, facts.st_nlink, self._has_its_name(facts)

    def _has_its_name(self, facts: os.stat_result) -> bool:
        try:
            return os.path.samestat(self.path.stat(), facts)
        except OSError:
            return False

    async def read(self, start: int, *, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``, proven to belong to the file that was opened.

        Safe to cancel: the read may go on in its thread, and does not disturb the next one.

        Raises:
            FileChangedError: The file changed, before or while it was read.
            LocalFileError: The disk refused.
        """
        return await asyncio.to_thread(self._read_at, start, size)

    def _read_at(self, start: int, size: int) -> bytes:
        """Seek and read as one step: with a hop between the two, a cancelled read could move the next one's place."""
        try:
            with self._lock:
                self._file.seek(start)
                data = self._file.read(size)
                while len(data) < size and (more := self._file.read(size - len(data))):
                    data += more
                self.check()
        except OSError as error:
            message = f"{self.path} cannot be read at byte {start}: {error.strerror or error}"
            raise LocalFileError(message) from error
        if len(data) < size:
            self._has_changed = True
            message = f"{self.path} ended at byte {start + len(data)}, before its length"
            raise FileChangedError(message, hint=ANEW)
        return data

    async def feed(self, running: Running, start: int, *, end: int) -> None:
        """Let a running checksum take the bytes from ``start`` up to ``end``; raises what :meth:`read` raises.

        Reading and taking are one step in one thread: few hops, and memory that stays with the one who took it. The
        steps are short enough for a cancel to be quick.
        """
        for first in range(start, end, FED_AT_ONCE):
            await asyncio.to_thread(self._feed, running, first, min(first + FED_AT_ONCE, end))

    def _feed(self, running: Running, start: int, end: int) -> None:
        for at in range(start, end, LARGE_PIECE):
            running.update(self._read_at(at, min(LARGE_PIECE, end - at)))

    async def pieces(self, start: int, *, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to ``end``, in pieces that are small while the link is slow.

        Small, so that movement shows early on a slow link; large, because every piece costs time of the processor. On a
        swift link several are read at once, because the hop to the thread that reads costs more than the reading.
        """
        began, first = time.monotonic(), start
        while start < end:
            if start - first >= SWIFT_AFTER:
                self._is_swift = start - first > SWIFT_RATE * (time.monotonic() - began)
            if self._is_swift and (cached := self._read_cached(start, min(LARGE_PIECE, end - start))):
                start += len(cached)
                yield cached
                continue
            size = min(READ_AT_ONCE if self._is_swift else SMALL_PIECE, end - start)
            for piece in await asyncio.to_thread(self._read_pieces, start, size):
                start += len(piece)
                yield piece

    def _read_cached(self, start: int, size: int) -> bytes | None:
        """The bytes, if the system has them in memory; None if somebody would have to wait for a disk.

        Worth its lines: a hop to a thread, and memory that one thread takes and another gives back, cost twice as much
        time of the processor as everything else that sends a swift file. Only the last byte is asked for with
        ``RWF_NOWAIT``, because that needs a buffer of ours: what it reads into a bytearray, 16 bytes off a page, takes
        five times as long as what ``pread`` reads into the bytes that are handed on, and has to be copied again.
        """
        if sys.platform != "linux":
            return None
        try:
            if os.preadv(self._file.fileno(), [self._last], start + size - 1, os.RWF_NOWAIT) < 1:
                return None
            data = os.pread(self._file.fileno(), size, start)
        except OSError:
            return None  # not in memory, or a file system that cannot tell
        if len(data) < size:
            return None
        self.check()
        return data

    def _read_pieces(self, start: int, size: int) -> list[bytes]:
        end = start + size
        return [self._read_at(at, min(LARGE_PIECE, end - at)) for at in range(start, end, LARGE_PIECE)]

    async def close(self) -> None:
        """Close the file; safe to repeat."""
        await closed(self._close)

    def _close(self) -> None:
        with self._lock:
            self._file.close()


def open_regular(path: str | os.PathLike[str]) -> tuple[Path, FileIO]:
    """The real path of a file, and the file, open without a buffer.

    Raises:
        LocalFileError: It is missing, unreadable or no regular file.
    """
    real = Path(os.path.realpath(path))
    try:
        if not stat.S_ISREG(real.stat().st_mode):
            message = f"{path} is not a regular file"
            raise LocalFileError(message, hint="name a file; a pipe goes in on standard input, or as a file object")
        return real, real.open("rb", buffering=0)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise LocalFileError(message) from error


class RunningDigest:
    """SHA-256 of a file that is read in order, with gaps filled by reading them once more.

    Args:
        source: Where gaps are read from.
    """

    def __init__(self, source: Content) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._sum = hashlib.sha256()
        self._position = 0

    async def feed(self, data: bytes, *, start: int) -> None:
        """Take bytes that begin at ``start``; what was taken before is skipped. Safe to cancel, and to repeat."""
        await self.catch_up(start)
        await asyncio.to_thread(self._take, data, start)

    async def catch_up(self, position: int) -> None:
        """Read and take everything before ``position`` that was not fed."""
        while self._position < position:
            start = self._position
            data = await self._source.read(start, size=min(MIB, position - start))
            await asyncio.to_thread(self._take, data, start)

    def _take(self, data: bytes, start: int) -> None:
        """In one step, because a thread whose call was given up goes on."""
        with self._lock:
            if start <= self._position < start + len(data):
                self._sum.update(memoryview(data)[self._position - start :])
                self._position = start + len(data)

    async def finish(self, size: int) -> str:
        """The digest of the whole file of ``size`` bytes, 64 hex digits."""
        await self.catch_up(size)
        return self._sum.hexdigest()
