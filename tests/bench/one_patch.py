"""One large PATCH: what it costs the server, and how fast it goes, beside a bare loop of recv and write.

    python -m tests.bench.one_patch [--mib 1024] [--rounds 5] [--folder DIR] [-- OPTIONS OF THE SERVER]

Both servers run as processes of their own and write to the same folder; this process sends. Every round sends one body
to each. The table tells medians: CPU seconds per GiB and context switches per GiB of the server (/proc/PID), MB/s as
its client sees it, the largest RSS, and the CPU time as a multiple of the floor's in the same round. Between two bodies
the file of the first is removed and all is synced, so that neither pays for what the other left to be written.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB
BLOCK: Final = os.urandom(MIB)
PATIENCE_SECONDS: Final = 120
TUS: Final = "Tus-Resumable: 1.0.0"
TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one body cost."""

    cpu_seconds: float
    wall_seconds: float
    switches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server process."""

    pid: int
    port: int

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def switches(self) -> int:
        """Context switches of all threads that live."""
        found = 0
        for status in Path(f"/proc/{self.pid}/task").glob("*/status"):
            for line in status.read_text().splitlines():
                if "ctxt_switches" in line:
                    found += int(line.split()[1])
        return found

    @property
    def peak_mib(self) -> float:
        """Largest resident set so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        raise RuntimeError

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)


@contextmanager
def started(*command: str, log: Path) -> Iterator[Running]:
    """Run a server that prints where it listens."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        if not line.startswith("listening on "):
            message = f"{command[0]} did not start: {log.read_text()[-2000:]}"
            raise RuntimeError(message)
        yield Running(pid=process.pid, port=int(line.rpartition(":")[2]))
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stdout is not None:
            process.stdout.close()


def ask(connection: socket.socket, *lines: str) -> tuple[int, Mapping[str, str]]:
    """Send a head and read the head of the answer; nothing is asked here whose answer has a body."""
    connection.sendall("\r\n".join([*lines, "Host: localhost", "", ""]).encode())
    return answer(connection)


def answer(connection: socket.socket) -> tuple[int, Mapping[str, str]]:
    """Read the head of an answer."""
    found = b""
    while b"\r\n\r\n" not in found:
        block = connection.recv(65_536)
        if not block:
            raise ConnectionError(found)
        found += block
    status, *fields = found.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return int(status.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


def send(server: Running, *, path: str, size: int, expected: int) -> Cost:
    """Send one PATCH and wait for its answer."""
    os.sync()
    with server.connect() as connection:
        switches, cpu, began = server.switches, server.cpu_seconds, time.perf_counter()
        head = [f"PATCH {path} HTTP/1.1", TUS, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream"]
        connection.sendall("\r\n".join([*head, "Host: localhost", f"Content-Length: {size}", "", ""]).encode())
        left = size
        while left:
            step = min(left, MIB)
            connection.sendall(BLOCK if step == MIB else memoryview(BLOCK)[:step])
            left -= step
        status, fields = answer(connection)
        if status != expected:
            message = f"expected {expected}, got {status} {fields}"
            raise RuntimeError(message)
        return Cost(
            wall_seconds=time.perf_counter() - began,
            cpu_seconds=server.cpu_seconds - cpu,
            switches=server.switches - switches,
        )


def patch_once(server: Running, *, size: int) -> Cost:
    """Make an upload, send it whole, remove it."""
    with server.connect() as connection:
        status, fields = ask(connection, "POST /files/ HTTP/1.1", TUS, f"Upload-Length: {size}", "Content-Length: 0")
        assert status == 201, (status, fields)
        path = fields["location"]
    try:
        return send(server, path=path, size=size, expected=204)
    finally:
        with server.connect() as connection:
            ask(connection, f"DELETE {path} HTTP/1.1", TUS, "Content-Length: 0")


def table(costs: Mapping[str, list[Cost]], *, peaks: Mapping[str, float], size: int) -> str:
    """Lay out the medians."""
    lines = [
        "| server | CPU s/GiB | × floor | MB/s | switches/GiB | peak RSS MiB |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in costs.items():
        cpu = statistics.median(cost.cpu_seconds for cost in found) * GIB / size
        pairs = zip(found, costs["floor"], strict=True)
        ratio = statistics.median(cost.cpu_seconds / floor.cpu_seconds for cost, floor in pairs)
        speed = size / 1e6 / statistics.median(cost.wall_seconds for cost in found)
        switches = statistics.median(cost.switches for cost in found) * GIB / size
        lines.append(f"| {name} | {cpu:.2f} | {ratio:.2f} | {speed:.0f} | {switches:.0f} | {peaks[name]:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Start both servers, send, print the table, stop them."""
    parser = argparse.ArgumentParser(description="What one large PATCH costs.")
    parser.add_argument("--mib", type=int, default=1024, help="MiB of a body")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where both servers write; default: a temporary folder")
    parser.add_argument("options", nargs="*", help="options of tusvideo serve")
    arguments = parser.parse_args()
    size = arguments.mib * MIB
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        ours = ("tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder / "data"))
        with (
            started("tests.bench.floor", str(folder / "floor"), log=folder / "floor.log") as floor,
            started(*ours, *arguments.options, log=folder / "ours.log") as server,
        ):
            costs: dict[str, list[Cost]] = {"floor": [], "tusvideo": []}
            for _ in range(arguments.rounds):
                costs["floor"].append(send(floor, path="/", size=size, expected=204))
                (folder / "floor").unlink()
                costs["tusvideo"].append(patch_once(server, size=size))
            peaks = {"floor": floor.peak_mib, "tusvideo": server.peak_mib}
    print(table(costs, peaks=peaks, size=size))


if __name__ == "__main__":
    main()
