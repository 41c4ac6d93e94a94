"""How memory is got and given back: by the C library for blocks from sockets, by the interpreter for small objects."""

import ctypes
import gc
from typing import Final

KEPT_BLOCK_BYTES: Final = 8 * 1024 * 1024
KEPT_FREE_BYTES: Final = 16 * 1024 * 1024

YOUNG_OBJECTS: Final = 10_000

# From glibc's malloc.h.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def keep_freed_blocks() -> bool:
    """Let glibc use freed blocks again instead of giving each back to the kernel; once per process, at start.

    asyncio allocates 256 KiB for every read, and glibc would map and unmap each of them: half of the CPU time of an
    upload. Costs at most 16 MiB of memory that is kept. Gives False, and changes nothing, where the C library is not
    glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = ((_M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES), (_M_TRIM_THRESHOLD, KEPT_FREE_BYTES))
    return all(mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in settings)


def collect_seldom() -> None:
    """Let the interpreter look for circles of objects after 10,000 new ones, and never among those of now.

    Once per process, when its modules are loaded. A request makes hundreds of objects and hardly a circle: what it
    leaves goes at once, without being looked for.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
