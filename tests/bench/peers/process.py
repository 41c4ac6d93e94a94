"""A server as a process: started on loopback, measured with its children, ended by its id."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
START_SECONDS: Final = 120
STOP_SECONDS: Final = 20
_GREETING: Final = "listening on "


class BenchError(RuntimeError):
    """Something that the benchmark needs did not happen; ``str()`` of it goes into the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How a server is started. With ``port`` 0 it prints ``listening on http://HOST:PORT``, otherwise it just does."""

    words: tuple[str, ...]
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    name: str
    pid: int
    port: int
    base: str
    """Path of the collection of uploads."""
    folder: Path
    """Where it keeps its data."""

    @property
    def cpu_seconds(self) -> float:
        """User and system time so far, of all threads and of all children that live.

        Read from the processes' own CPU clocks, which count nanoseconds; /proc/PID/stat has the same in hundredths.
        """
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in _family(self.pid))

    @property
    def peak_mib(self) -> float:
        """Largest resident set since ``forget_peak``, of all processes together."""
        return sum(_peak_kib(pid) for pid in _family(self.pid)) / 1024

    def forget_peak(self) -> None:
        """Count the peak from here."""
        for pid in _family(self.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def free_port() -> int:
    """Find a port for a server that cannot tell which one it took."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def started(command: Command, *, name: str, base: str, folder: Path) -> Iterator[Server]:
    """Run a server with its log beside its folder. Raises BenchError with the end of the log when it does not start."""
    log = folder.with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            command.words,
            stdin=subprocess.DEVNULL,
            stdout=output if command.port else subprocess.PIPE,
            stderr=output,
            env={**os.environ, **command.environment},
        )
    try:
        port = command.port or _told_port(process)
        if not port or not _accepts(process, port):
            ending = log.read_text(errors="replace")[-1500:]
            raise BenchError(f"{name} did not start: {ending}")
        yield Server(name=name, pid=process.pid, port=port, base=base, folder=folder)
    finally:
        _end(process)


def _told_port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    return int(line.rpartition(":")[2]) if line.startswith(_GREETING) else 0


def _accepts(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return True
        time.sleep(0.02)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _family(pid: int) -> list[int]:
    """Give the process and its descendants."""
    found = [pid]
    for member in found:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
    return found


def _peak_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0
