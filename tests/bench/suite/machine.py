"""The machine under the benchmark: what it is, how fast its disk syncs, how busy it is."""

import os
import platform
import shutil
import statistics
import time
from pathlib import Path
from typing import Final

SYNCS: Final = 50
GIB: Final = 1024**3


def load() -> float:
    """Tell the load average of the last minute."""
    return os.getloadavg()[0]


def wait_for_calm(*, below: float, seconds: float) -> None:
    """Wait until the load is below a number, for so long at most."""
    until = time.monotonic() + seconds
    while load() >= below and time.monotonic() < until:
        time.sleep(5)


def free_gib(folder: Path) -> float:
    """Tell the room on the disk of a folder."""
    return shutil.disk_usage(folder).free / GIB


def sync_milliseconds(folder: Path) -> float:
    """Measure the median of writing 4 KiB behind a file and syncing it."""
    path = folder / "sync"
    walls = []
    block = os.urandom(4096)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(SYNCS):
            os.write(file, block)
            began = time.perf_counter()
            os.fdatasync(file)
            walls.append(time.perf_counter() - began)
    finally:
        os.close(file)
        path.unlink()
    return statistics.median(walls) * 1000


def describe(folder: Path) -> dict[str, str]:
    """Tell what must be known to read the figures."""
    return {
        "machine": f"{os.cpu_count()} cores ({_processor()}), {_memory_gib():.0f} GiB, Linux {platform.release()}",
        "file system": _file_system(folder),
        "fdatasync of 4 KiB, median": f"{sync_milliseconds(folder):.2f} ms",
        "load before": f"{load():.1f}",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB


def _file_system(folder: Path) -> str:
    """Name the type of the file system that holds a folder: that of the longest mount point above it."""
    place = str(folder.resolve())
    found = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if (place == point or place.startswith(point.rstrip("/") + "/")) and len(point) > len(found[0]):
            found = (point, kind)
    return found[1]
