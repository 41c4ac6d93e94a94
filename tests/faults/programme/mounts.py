"""Small file systems on loop devices that can lose their power, and tmpfs that can be full. Needs root."""

import contextlib
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Final, Self

IMAGE_BYTES: Final = {"ext4": 96 * 1024 * 1024, "xfs": 320 * 1024 * 1024}
_MAKE: Final = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K"),
}
_SHUTDOWN: Final = 0x8004587D
"""XFS_IOC_GOINGDOWN, which ext4 has too; what ``xfs_io -x -c shutdown`` calls."""
_WITHOUT_LOG: Final = 2
_REMOUNT: Final = 32
_RECURSIVE_PRIVATE: Final = 0x4000 | 0x40000
_NEW_MOUNTS: Final = 0x00020000
"""CLONE_NEWNS."""
_SBIN: Final = "/usr/sbin:/sbin"
UMOUNT_TRIES: Final = 200

_libc = ctypes.CDLL(None, use_errno=True)


def alone() -> None:
    """Give this process, and those that it starts, mounts that nobody else sees or copies.

    Whoever makes a namespace of its own meanwhile (a container, ``ip netns exec``) would keep a copy of a disk whose
    power is gone, and with it the file system: mounting it again would find it as it was, dead. Raises OSError.
    """
    if _libc.unshare(_NEW_MOUNTS):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    _mount("none", Path("/"), "none", flags=_RECURSIVE_PRIVATE)


@cache
def why_not(*programs: str) -> str | None:
    """Tell why file systems cannot be mounted here; None when they can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "mounting file systems needs root"
    missing = [name for name in programs if _which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed; on Debian and Ubuntu: apt-get install xfsprogs e2fsprogs mount"
    if programs and not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    return None


def why_no_power_cuts() -> str | None:
    """Tell why power cuts cannot be simulated here; None when they can."""
    return why_not("losetup", "mkfs.ext4", "mkfs.xfs")


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SBIN}")


def _run(*command: str) -> str:
    program = _which(command[0]) or command[0]
    return subprocess.run([program, *command[1:]], check=True, capture_output=True, text=True).stdout


def _mount(source: str, target: Path, kind: str, options: str = "", *, flags: int = 0) -> None:
    if _libc.mount(source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def _unmount(target: Path) -> None:
    for _ in range(UMOUNT_TRIES):
        if not _libc.umount2(os.fsencode(target), 0):
            return
        time.sleep(0.01)  # what the killed server had open is let go of a moment later
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), str(target))


class Disk:
    """A file system of its own in an image file."""

    def __init__(self, folder: Path, *, kind: str) -> None:
        self.place = folder / "mounted"
        self.place.mkdir(parents=True)
        image = folder / "image"
        with image.open("wb") as file:
            file.truncate(IMAGE_BYTES[kind])
        _run(*_MAKE[kind], str(image))
        self._kind = kind
        self._device = _run("losetup", "--find", "--show", str(image)).strip()
        self._is_mounted = False

    def __enter__(self) -> Self:
        self.mount()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._is_mounted:
                self.unmount()
        finally:
            _run("losetup", "--detach", self._device)

    def mount(self) -> None:
        """Mount it; replays what reached its journal."""
        _mount(self._device, self.place, self._kind)
        self._is_mounted = True

    def unmount(self) -> None:
        """Unmount it."""
        _unmount(self.place)
        self._is_mounted = False

    def cut(self) -> None:
        """Lose everything that no sync has brought to the device; every later call fails with EIO."""
        handle = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, struct.pack("I", _WITHOUT_LOG))
        finally:
            os.close(handle)


class Tmpfs:
    """A folder with so many bytes of room."""

    def __init__(self, place: Path, *, size: int) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        _mount("tmpfs", place, "tmpfs", f"size={size}")

    def resize(self, size: int) -> None:
        """Change the room."""
        _mount("tmpfs", self.place, "tmpfs", f"size={size}", flags=_REMOUNT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _unmount(self.place)


def clean(folder: Path) -> list[str]:
    """Unmount and detach what lies in the folder of a programme that was killed; tell what that was."""
    done: list[str] = []
    if why_not() is not None:
        return done
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        place = line.split()[1]
        if Path(place).is_relative_to(folder):
            with contextlib.suppress(OSError):
                _unmount(Path(place))
                done.append(place)
    for file in Path("/sys/block").glob("loop*/loop/backing_file"):
        if Path(file.read_text().strip()).is_relative_to(folder):
            device = f"/dev/{file.parts[3]}"
            _run("losetup", "--detach", device)
            done.append(device)
    return done
