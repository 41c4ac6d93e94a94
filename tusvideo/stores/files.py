"""Every file-system call that is made for uploads, and nothing else.

Small blocking functions, to be run in a worker thread. They raise OSError as it comes, and StorageFailed for a name
under which something else than a plain file of ours lies; ``failure`` turns the former into what the service knows.
Callers reach them through the module (``files.fsync``), so that a test can record, fail or delay each of them.
"""

import ctypes
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiofiles.os

from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.streams import ReadableBuffer, Tap

COPY_BLOCK: Final = 1024 * 1024
PRIVATE: Final = 0o600
SEALED: Final = 0o440

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_LINK: Final = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS})
"""A second name for a file cannot be made here: another file system, or one without hard links."""
NO_COPY_RANGE: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM})
NO_SENDFILE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOVERFLOW})
NO_TMPFILE: Final = frozenset({errno.ENOTSUP, errno.EISDIR, errno.ENOENT, errno.EINVAL})

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
AT_FDCWD: Final = -100
RENAME_NOREPLACE: Final = 1
SYNC_FILE_RANGE_WRITE: Final = 2

# Neither waits for the other end of a pipe that lies in a file's place, nor goes where a link leads, nor to children.
GUARDS: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file system tells about a plain file; size in bytes, time in nanoseconds since 1970."""

    size: int
    mtime_ns: int
    inode: int
    names: int
    sealed: bool


def failure(error: OSError) -> DiskFull | StorageFailed:
    """Turn an error of the system into one of ours, which tells nothing about paths."""
    return DiskFull() if error.errno in NO_ROOM else StorageFailed()


# ---------------------------------------------------------------------------------------------------------------- open


def open_file(path: Path, *, writing: bool = False) -> int:
    """Open a plain file that exists, whoever owns it."""
    return _plain(os.open(path, (os.O_RDWR if writing else os.O_RDONLY) | GUARDS), owned=False)


def open_own(path: Path, *, writing: bool = False) -> int:
    """Open a plain file that exists and belongs to us."""
    return _plain(os.open(path, (os.O_RDWR if writing else os.O_RDONLY) | GUARDS), owned=True)


def open_or_make(path: Path) -> int:
    """Open a plain file of ours for reading and writing; make it (0600) when it is not there."""
    return _plain(os.open(path, os.O_RDWR | os.O_CREAT | GUARDS, PRIVATE), owned=True)


def make_file(path: Path) -> int:
    """Make a file (0600) that must not be there yet."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | GUARDS, PRIVATE)


def make_unnamed(folder: Path) -> int:
    """Make a file without a name; not every file system can."""
    return os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, PRIVATE)


def open_spool(folder: Path) -> int:
    """Make a temporary file that goes when it is closed, also when the process is killed."""
    try:
        return make_unnamed(folder)
    except OSError as error:
        if error.errno not in NO_TMPFILE:
            raise
    path = folder / f".spool-{secrets.token_hex(16)}"
    fd = make_file(path)
    unlink(path)
    return fd


def close(fd: int) -> None:
    """Let go of a file; what close itself complains about concerns bytes that nobody made durable."""
    with suppress(OSError):
        os.close(fd)


def lock_folder(path: Path) -> int:
    """Lock a data directory through its lock file until the descriptor is closed or the process ends.

    Raises BlockingIOError when another process holds it.
    """
    fd = open_or_make(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        close(fd)
        raise
    return fd


def _plain(fd: int, *, owned: bool) -> int:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or (owned and status.st_uid != os.geteuid()):
        close(fd)
        raise StorageFailed
    return fd


# --------------------------------------------------------------------------------------------------------------- bytes


def pwrite(fd: int, buffer: ReadableBuffer, position: int) -> int:
    """Write some of the buffer; give how many bytes it was."""
    return os.pwrite(fd, buffer, position)


def write_all(fd: int, buffer: ReadableBuffer, position: int) -> None:
    """Write the whole buffer at a position, in as many calls as that takes."""
    done = pwrite(fd, buffer, position)
    if done == len(buffer):
        return
    rest = memoryview(buffer)
    while done < len(rest):
        done += pwrite(fd, rest[done:], position + done)


def draw(fd: int, tap: Tap, *, position: int, most: int, asked_for: Callable[[], bool]) -> tuple[int, OSError | None]:
    """Write what a tap gives from a position on, until it has no more, ``most`` bytes are written, or somebody else
    asks for this thread; give how many bytes it was, and what went wrong with those that followed."""
    done = 0
    try:
        while done < most and not (done and asked_for()):
            buffer = tap.next()
            if not buffer:
                break
            write_all(fd, buffer, position + done)
            done += len(buffer)
    except OSError as error:
        return done, error
    return done, None


def pread(fd: int, size: int, position: int) -> bytes:
    """Read up to ``size`` bytes at a position; b"" at the end of the file."""
    return os.pread(fd, size, position)


def read_some(fd: int, size: int, position: int) -> bytes:
    """Read 1 to ``size`` bytes that must be there. Raises StorageFailed at the end of the file."""
    block = pread(fd, size, position)
    if not block:
        raise StorageFailed
    return block


def send_some(fd: int, taker: int, *, start: int, size: int) -> int:
    """Copy bytes from a file to a socket inside the kernel where it can; give how many it was, 0 when a socket that
    does not wait has no room. Raises StorageFailed at the end of the file."""
    try:
        try:
            sent = os.sendfile(taker, fd, start, size)
        except OSError as error:
            if error.errno not in NO_SENDFILE:
                raise
            return os.write(taker, read_some(fd, min(size, COPY_BLOCK), start))
    except BlockingIOError:
        return 0
    if not sent:
        raise StorageFailed
    return sent


def copy_some(source: int, target: int, *, start: int, to: int, size: int) -> int:
    """Copy some bytes inside the kernel; give how many it was, 0 at the end of the source."""
    return os.copy_file_range(source, target, size, start, to)


def copy_range(source: int, target: int, *, start: int, to: int, size: int) -> None:
    """Copy bytes between files, or within one, inside the kernel where it can. Raises StorageFailed when they are not
    all there."""
    done = 0
    try:
        while step := copy_some(source, target, start=start + done, to=to + done, size=size - done):
            done += step
    except OSError as error:
        if error.errno not in NO_COPY_RANGE:
            raise
    while done < size:
        block = read_some(source, min(COPY_BLOCK, size - done), start + done)
        write_all(target, block, to + done)
        done += len(block)


def begin_write_out(fd: int, *, start: int, size: int) -> None:
    """Let the disk begin with bytes that were written, where the system can be told to; what fails shows in the sync.

    Makes nothing durable: it does not wait, and says nothing of the file's size or of the disk's own cache.
    """
    sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if sync_file_range is not None:
        sync_file_range(fd, ctypes.c_int64(start), ctypes.c_int64(size), SYNC_FILE_RANGE_WRITE)


def fdatasync(fd: int) -> None:
    """Make bytes and size durable."""
    os.fdatasync(fd)


def fsync(fd: int) -> None:
    """Make bytes, size, mode and times durable."""
    os.fsync(fd)


def truncate(fd: int, size: int) -> None:
    """Cut a file."""
    os.ftruncate(fd, size)


# --------------------------------------------------------------------------------------------------------------- facts


def facts(fd: int) -> Facts:
    """Tell about an open file."""
    return _facts(os.fstat(fd))


def facts_at(path: Path) -> Facts | None:
    """Tell about a name; None when it is not there. Raises StorageFailed when it is no plain file."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        raise StorageFailed
    return _facts(status)


def exists(path: Path) -> bool:
    """Tell whether a name is there, whatever it stands for."""
    return os.path.lexists(path)


def is_same_name(path: Path, other: Path) -> bool:
    """Tell whether two names stand for one thing of any kind; links are not followed."""
    try:
        return os.path.samestat(os.lstat(path), os.lstat(other))
    except (FileNotFoundError, NotADirectoryError):
        return False


def free_bytes(folder: Path) -> int:
    """Tell how many bytes a process without privileges can still write there.

    Raises OSError (EROFS) for a file system that is read-only, as one becomes by itself after an error of its disk.
    """
    status = os.statvfs(folder)
    if status.f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    return status.f_bavail * status.f_frsize


def boot_id() -> str:
    """Name the time since the machine was started.

    Where the system does not tell, every process gets a name of its own, and takes what it did not see synced for lost.
    """
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return secrets.token_hex(16)


async def names_in(folder: Path, *, executor: Executor) -> Sequence[str]:
    """List the names in a folder, in no order."""
    return await aiofiles.os.listdir(folder, executor=executor)


def sizes_in(folder: Path) -> Mapping[str, int]:
    """Tell the sizes of the plain files in a folder by name, in one pass."""
    with os.scandir(folder) as entries:
        plain = (entry for entry in entries if entry.is_file(follow_symlinks=False))
        return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in plain}


def folders_in(folder: Path) -> Sequence[Path]:
    """List the folders in a folder; none when it is not there."""
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def seal(fd: int) -> None:
    """Make a file read-only for its owner and group, and invisible to others."""
    os.fchmod(fd, SEALED)


def unseal(fd: int) -> None:
    """Make a file writable again for its owner."""
    os.fchmod(fd, PRIVATE)


def set_mtime(fd: int, nanoseconds: int) -> None:
    """Set the time of the last change."""
    os.utime(fd, ns=(nanoseconds, nanoseconds))


def _facts(status: os.stat_result) -> Facts:
    return Facts(
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
        names=status.st_nlink,
        sealed=not status.st_mode & stat.S_IWUSR,
    )


# --------------------------------------------------------------------------------------------------------------- names


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fsync(fd)
        # XFS that has shut down, its disk being gone, still says yes to the sync of a folder; to this it says EIO.
        os.fstat(fd)
    finally:
        close(fd)


def make_folder(path: Path, *, mode: int) -> None:
    """Make a folder durably when it is missing, and the folders above it.

    A folder that is there already is synced all the same: who made it may have been killed before the sync.
    """
    try:
        path.mkdir(mode)
    except FileNotFoundError:
        if path.parent.is_dir():
            raise  # as in /proc, where nobody can make one
        make_folder(path.parent, mode=mode)
        make_folder(path, mode=mode)
        return
    except FileExistsError:
        if not path.is_dir():
            raise
        # A folder of somebody else that we may pass but not read: then it was not us who made what lies in it.
        with suppress(PermissionError):
            sync_folder(path.parent)
        return
    sync_folder(path.parent)


def require_writable(folder: Path) -> None:
    """Raise OSError, as a write would, unless this process may make and remove names in a folder."""
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)


def link(source: Path, target: Path) -> None:
    """Give a file a second name; FileExistsError when that is taken. Links are not followed."""
    os.link(source, target, follow_symlinks=False)


def unlink(path: Path) -> None:
    """Remove a name if it is there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def rename_new(source: Path, target: Path) -> None:
    """Rename without ever replacing; FileExistsError when the target is taken, OSError where the kernel cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if renameat2(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), RENAME_NOREPLACE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def move_new(source: Path, target: Path) -> None:
    """Move a name within one file system without ever replacing; FileExistsError when the target is taken."""
    try:
        link(source, target)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        rename_new(source, target)
        return
    unlink(source)
