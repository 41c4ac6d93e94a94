"""A file that somebody is still writing: sent as it grows, and finished when its writer has."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from .checksum import Running
from .content import feed_by_reading
from .errors import FileChangedError, LocalFileError
from .fingerprint import GROWING, Fingerprint, Identity, grows_from, probe_of, spoiled, take_fingerprint
from .follow import Follow
from .opening import closed, opened
from .source import RunningDigest, open_regular
from .state import MIB

PIECE = 64 * 1024
READ_AT_ONCE = MIB
WORTH_A_REQUEST = 256 * 1024
ANEW = "upload it when it is finished; the upload will start anew"


class Growing:
    """A file of which more comes. It is its own spool: an upload can go back in it, and a later call can go on.

    Make it with :meth:`open`; close it when done.
    """

    is_once = False

    def __init__(self, path: Path, *, file: BinaryIO, follow: Follow) -> None:
        self.path = path
        self.size: int | None = None
        self._file = file
        self._follow = follow
        self._lock = threading.Lock()
        self._settled = 0
        self._ended: Fingerprint | None = None
        self._change: tuple[str, str] | None = None
        self._sent = RunningDigest(self)
        self._seen = 0
        self._grew_at = asyncio.get_running_loop().time()

    @classmethod
    async def open(cls, path: str | os.PathLike[str], *, follow: Follow) -> Self:
        """Open a file that may be empty still. Safe to cancel.

        Raises:
            LocalFileError: It is missing, unreadable or no regular file.
        """
        real, file = await opened(partial(open_regular, path), close=lambda late: late[1].close())
        return cls(real, file=file, follow=follow)

    @property
    def label(self) -> str:
        """The path, for messages."""
        return str(self.path)

    @property
    def fingerprint(self) -> Fingerprint:
        """While it grows, that of the bytes that the server has; at its end, that of any file.

        Once bytes that were sent are known to be others now, it is one that no later call can go on from.

        Raises:
            LocalFileError: It cannot be read.
        """
        fingerprint = self._ended or self._fingerprint_of_settled()
        return fingerprint if self._change is None else spoiled(fingerprint)

    def _fingerprint_of_settled(self) -> Fingerprint:
        try:
            with self._lock:
                inode = Identity.of(self._file).inode
                identity = Identity(size=self._settled, mtime_ns=GROWING, inode=inode)
                return Fingerprint(identity=identity, probe=probe_of(self._file, self._settled))
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def resumes(self, kept: Fingerprint) -> bool:
        """True if it begins with the bytes that were sent before, or has not changed since it had ended."""
        now = self._take_fingerprint()
        if kept == now:
            self._ended, self.size = now, now.identity.size
            return True
        try:
            with self._lock:
                return grows_from(kept, self._file)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def check(self) -> None:
        """Make sure that it only grew, and at its end not even that.

        Raises:
            FileChangedError: It became shorter, or went on after its end, now or at any time before.
            LocalFileError: The system tells nothing of it any more.
        """
        if self._change is not None:
            message, hint = self._change
            raise FileChangedError(message, hint=hint)
        identity = self._identity()
        if self._ended is not None and identity != self._ended.identity:
            message = f"{self.path} was changed after its end had been told"
            raise self._changed(message, hint="wait longer for its writer; the next upload will start anew")
        if identity.size < self._seen:
            message = (
                f"{self.path} became shorter while it was followed: {identity.size} of {self._seen} bytes are left"
            )
            raise self._changed(message, hint=ANEW)

    async def ready(self, start: int, *, tell: Callable[[], None]) -> int:
        """Up to where bytes can be read: past ``start``, or else that is the end. Waits for a request's worth.

        Raises:
            FileChangedError: It became shorter, or what was sent of it was written anew.
            LocalFileError: It cannot be read.
        """
        if self.size is not None:
            return self.size
        self._seen = max(self._seen, start)
        has_waited = False
        while True:
            is_over = self._is_over()  # asked before the file: what was written before its end is seen
            there = self._look()
            if there > start and (is_over or has_waited or there - start >= WORTH_A_REQUEST):
                return there
            if is_over and await self._end(there):
                return there
            if there == start:
                tell()
            has_waited = there > start
            await asyncio.sleep(self._follow.poll)

    def settle(self, offset: int) -> None:
        """The server has what lies before ``offset``."""
        self._settled = offset

    async def read(self, start: int, *, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``. Safe to cancel.

        Raises:
            FileChangedError: There are fewer.
            LocalFileError: The disk refused.
        """
        return await asyncio.to_thread(self._read, start, size)

    def _read(self, start: int, size: int) -> bytes:
        try:
            with self._lock:
                self._file.seek(start)
                data = self._file.read(size)
                while len(data) < size and (more := self._file.read(size - len(data))):
                    data += more
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if len(data) < size:
            message = f"{self.path} ended at byte {start + len(data)}, though it had been longer"
            raise self._changed(message, hint=ANEW)
        return data

    async def feed(self, running: Running, start: int, *, end: int) -> None:
        """Let a running checksum take the bytes from ``start`` up to ``end``; raises what :meth:`read` raises."""
        await feed_by_reading(self, running, start, end=end)

    async def pieces(self, start: int, *, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to ``end``, in small pieces; they are held against the file when it ends."""
        for first in range(start, end, READ_AT_ONCE):
            data = await self.read(first, size=min(READ_AT_ONCE, end - first))
            await self._sent.feed(data, start=first)
            for at in range(0, len(data), PIECE):
                yield data[at : at + PIECE]

    async def close(self) -> None:
        """Close the file; safe to repeat."""
        await closed(self._close)

    def _close(self) -> None:
        with self._lock:
            self._file.close()

    def _is_over(self) -> bool:
        if self._follow.until is not None:
            return self._follow.until()
        if self._follow.pid is not None:
            return not _is_running(self._follow.pid)
        return asyncio.get_running_loop().time() - self._grew_at >= self._follow.quiet

    def _look(self) -> int:
        """How long it is by now."""
        self.check()
        there = self._identity().size
        if there > self._seen:
            self._seen, self._grew_at = there, asyncio.get_running_loop().time()
        return there

    async def _end(self, size: int) -> bool:
        """Take this for the end if the file is still what was sent; False if it is written meanwhile.

        Some writers go back when they are done: an MP4 gets its index or its length at the beginning. Such a file
        has to be sent whole once it is finished.

        Raises:
            FileChangedError: What was sent of it was written anew.
        """
        before, now = self._identity(), RunningDigest(self)
        if await now.finish(size) != await self._sent.finish(size):
            message = f"{self.path} was rewritten where it had been sent already, as recorders of MP4 do at the end"
            raise self._changed(message, hint="upload it now that it is finished, or record to MKV or MPEG-TS")
        ended = await asyncio.to_thread(self._take_fingerprint)
        if ended.identity != before or before.size != size:  # what was written meanwhile was in no digest
            return False
        self._ended, self.size = ended, size
        return True

    def _identity(self) -> Identity:
        try:
            return Identity.of(self._file)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def _take_fingerprint(self) -> Fingerprint:
        try:
            with self._lock:
                return take_fingerprint(self._file)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def _changed(self, message: str, *, hint: str) -> FileChangedError:
        """The error that bytes which were sent are others now, which every check tells from now on."""
        self._change = self._change or (message, hint)
        return FileChangedError(message, hint=hint)

    def _unreadable(self, error: Exception) -> LocalFileError:
        return LocalFileError(f"{self.path} cannot be read: {getattr(error, 'strerror', None) or error}")


def _is_running(pid: int) -> bool:
    """True unless the process is gone, or only waits for its parent to ask how it ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return sys.platform != "linux"
    return state not in {"Z", "X"}
