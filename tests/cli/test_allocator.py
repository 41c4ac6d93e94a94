"""The C library keeps freed blocks, and other C libraries are left alone."""

import ctypes
import platform
import subprocess
import sys

import pytest

from tusvideo.allocator import YOUNG_OBJECTS, keep_freed_blocks

READS = """
import resource, socket, sys
from tusvideo.allocator import keep_freed_blocks
if sys.argv[1] == "kept":
    assert keep_freed_blocks()
sender, receiver = socket.socketpair()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    sender.sendall(bytes(64 * 1024))
    receiver.recv(256 * 1024)  # the size that asyncio asks for
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(way: str) -> int:
    """Count the page faults of 200 reads in a process of their own."""
    done = subprocess.run([sys.executable, "-c", READS, way], capture_output=True, text=True, check=True, timeout=30)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library here is not glibc")
def test_freed_blocks_are_used_again() -> None:
    """Blocks of the size of a read cost hardly a page fault once freed ones are kept."""
    assert page_faults("kept") * 10 < page_faults("given back")


@pytest.mark.parametrize("trouble", [AttributeError("mallopt"), OSError("no handle")])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    """Where mallopt does not exist nothing is changed and nothing fails."""

    class Library:
        def __init__(self, name: str | None) -> None:
            if isinstance(trouble, OSError):
                raise trouble

    monkeypatch.setattr(ctypes, "CDLL", Library)
    assert not keep_freed_blocks()


def test_circles_are_looked_for_seldom_and_still_found() -> None:
    """What is there when it is said is not looked at again; a circle that is made later goes, after 10,000 objects."""
    program = """
import gc, weakref
from tusvideo.allocator import collect_seldom
collect_seldom()
assert gc.get_freeze_count() > 1000
class Knot: pass
knot = Knot()
knot.itself, gone = knot, weakref.ref(knot)
del knot
made = []
while gone() is not None:
    made.append([])
print(len(made))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert YOUNG_OBJECTS // 2 < int(done.stdout) <= YOUNG_OBJECTS
