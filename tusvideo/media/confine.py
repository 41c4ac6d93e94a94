"""What the process that reads a stranger's video may do: little, and for a short time. Linux keeps it to that."""

import ctypes
import os
import resource
import signal
from typing import Final

CPU_SECONDS: Final = 20
MEMORY_BYTES: Final = 1024 * 1024 * 1024
"""Of addresses, of which libraries take a third. Enough for a picture of 8K, with what its codec keeps of others."""
NICENESS: Final = 10

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def confine(*, cpu_seconds: int = CPU_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
    """Give up time, memory, writing and rights that others might grant, for good. Libraries can still be loaded."""
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is not None:  # Linux
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.nice(NICENESS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)  # pipes are not files
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_AS, memory_bytes)


def shut(*, highest: int) -> None:
    """Open nothing any more: no file, no socket, no pipe, no device. ``highest`` is the last descriptor in use.

    So no container, playlist or codec can make the process look at anything but the file that it was given.
    """
    os.closerange(highest + 1, highest + 64)
    _limit(resource.RLIMIT_NOFILE, highest + 1)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))
