"""Many slow uploads at once: how much memory each costs the server, and whether all of their bytes are kept.

    python -m tests.bench.slow_uploads [--uploads 1000] [--seconds 20] [--rate 100] [--mib 100] [-- OPTIONS]

Every upload is a PATCH of so many MiB on a connection of its own, of which ``rate`` bytes are sent every second. After
``seconds`` the resident memory of the server is compared with what it was before the first of them; then all
connections are cut, and every byte that was sent must be counted. Ends by itself.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.one_patch import MIB, TUS, Running, started
from tests.web.wire import Wire, connect

AT_ONCE: Final = 50
"""So many connections are opened, or asked, at the same time."""
PATIENCE_SECONDS: Final = 60


def resident_kib(server: Running) -> int:
    """Resident memory now."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError


async def begin(server: Running, *, length: int) -> tuple[str, Wire]:
    """Make an upload and send the head of its PATCH."""
    wire = await connect(server.port)
    made = await wire.ask("POST /files/ HTTP/1.1", TUS, f"Upload-Length: {length}", "Content-Length: 0")
    path = made.headers["Location"]
    kind = "Content-Type: application/offset+octet-stream"
    await wire.send(f"PATCH {path} HTTP/1.1", TUS, kind, "Upload-Offset: 0", f"Content-Length: {length}")
    return path, wire


async def offset_of(server: Running, path: str) -> int:
    """Ask where an upload stands."""
    wire = await connect(server.port)
    try:
        answer = await wire.ask(f"HEAD {path} HTTP/1.1", TUS)
        return int(answer.headers["Upload-Offset"])
    finally:
        await wire.close()


async def trickle(wires: Sequence[Wire], *, seconds: int, rate: int) -> None:
    """Send ``rate`` bytes a second on every connection."""
    began = time.monotonic()
    for second in range(seconds):
        for wire in wires:
            await wire.raw(bytes(rate))
        await asyncio.sleep(max(0.0, began + second + 1 - time.monotonic()))


async def all_counted(server: Running, paths: Sequence[str], expected: int) -> int:
    """Tell how many uploads count every byte that was sent; waits a while for those that are being stored."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def is_counted(path: str) -> bool:
        async with turns:
            for _ in range(50):
                if await offset_of(server, path) == expected:
                    return True
                await asyncio.sleep(0.1)
        return False

    return sum(await asyncio.gather(*map(is_counted, paths)))


async def measure(server: Running, *, uploads: int, seconds: int, rate: int, length: int) -> None:
    """Run the uploads and print what they cost."""
    _, first = await begin(server, length=length)  # what is made once is no cost of the others
    await trickle([first], seconds=1, rate=rate)
    before, cpu = resident_kib(server), server.cpu_seconds
    begun: list[tuple[str, Wire]] = []
    while len(begun) < uploads:
        count = min(AT_ONCE, uploads - len(begun))
        begun += await asyncio.gather(*(begin(server, length=length) for _ in range(count)))
    wires = [wire for _, wire in begun]
    await trickle(wires, seconds=seconds, rate=rate)
    after, cpu = resident_kib(server), server.cpu_seconds - cpu
    for wire in [*wires, first]:
        wire.reset()
    counted = await all_counted(server, [path for path, _ in begun], seconds * rate)
    print(f"{uploads} uploads of {length // MIB} MiB at {rate} B/s for {seconds} s:")
    print(f"  {before / 1024:.0f} MiB before, {after / 1024:.0f} MiB after: {(after - before) / uploads:.1f} KiB each")
    print(f"  {cpu:.1f} s of CPU time; {counted} of {uploads} count every byte that was sent")


def main() -> None:
    """Start the server, measure, print, stop it."""
    parser = argparse.ArgumentParser(description="What many slow uploads cost.")
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=100, help="bytes a second of each")
    parser.add_argument("--mib", type=int, default=100, help="length of each; from 8 on a body is taken over")
    parser.add_argument("options", nargs="*", help="options of tusvideo serve")
    arguments = parser.parse_args()
    files = 3 * arguments.uploads + 100  # of the server: a connection and a file each; of this process: a connection
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, hard)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ("tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder / "data"))
        with started(*command, *arguments.options, log=folder / "log") as server:
            whole = arguments.seconds + PATIENCE_SECONDS + arguments.uploads / 20
            measuring = measure(
                server,
                uploads=arguments.uploads,
                seconds=arguments.seconds,
                rate=arguments.rate,
                length=arguments.mib * MIB,
            )
            asyncio.run(asyncio.wait_for(measuring, whole))


if __name__ == "__main__":
    main()
