"""Many slow uploads at once: how much memory each costs, how soon others are answered, and whether every byte is kept.

    python -m tests.bench.slow_uploads [--uploads 1000] [--seconds 20] [--rate 100] [--kib 64] [-- OPTIONS]

Every upload is a PATCH of so many KiB on a connection of its own, of which ``rate`` bytes are sent every second. After
``seconds`` the resident memory of the server is compared with what it was before the first of them. Then a third of the
uploads send the rest at once, a third are cut and a third fall silent, and both of these go on from what HEAD tells, on
other connections; every file is compared. More than 2 GiB in all is not finished: all are cut, and every byte that was
sent must be counted. Ends by itself.
"""

import argparse
import asyncio
import contextlib
import itertools
import math
import os
import random
import resource
import socket
import statistics
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.one_patch import MIB, TUS, Running, started
from tests.e2e import tus
from tests.web.wire import Answer, Wire, connect

AT_ONCE: Final = 50
"""So many connections are opened, or asked, at the same time."""
SLICES: Final = 20
"""A second's bytes leave in so many parts, as they would from clients that know nothing of each other."""
QUESTION_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 120
FINISHED_BYTES: Final = 2048 * MIB
PER_ADDRESS: Final = 8000
"""So many connections come from one address of 127.0.0.0/8; each address has ports of its own."""
SPARE_FILES: Final = 400
LINGER: Final = struct.pack("ii", 1, 0)
BLOCK: Final = os.urandom(2 * MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What a number of slow uploads was like."""

    uploads: int
    kib_each: float
    """Resident memory above what it was before them."""
    peak_mib: float
    """The most memory that the server ever had, in all."""
    cpu_seconds: float
    questions: Sequence[float]
    """How long each HEAD took, in seconds."""
    early: Mapping[str, int]
    """Uploads that were ended before their last byte, and went on later, by the answer."""
    kept: int
    """Uploads of which every byte is there in the end."""
    is_finished: bool
    """False: they were only counted."""


def resident_kib(server: Running) -> int:
    """Resident memory now."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError


class Slow(asyncio.Protocol):
    """One upload: makes itself, then sends when it is told to. No streams: ten thousand of these must cost little."""

    __slots__ = ("_found", "_head", "_transport", "begun", "content", "ended", "number", "path", "sent")

    def __init__(self, number: int, *, length: int) -> None:
        self.number = number
        at = number % MIB
        self.content = memoryview(BLOCK)[at : at + length] if length <= MIB else memoryview(bytes(length))
        self.path = ""
        self.sent = 0
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[bytes] = loop.create_future()
        self._found = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask(
            "POST /files/", f"Upload-Length: {len(self.content)}", tus.metadata(filename=f"{self.number}.bin"), length=0
        )

    def data_received(self, data: bytes) -> None:
        self._found += data
        head, end, self._found = self._found.partition(b"\r\n\r\n")
        if not end:
            self._found = head
        elif not self.begun.done():
            fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
            self.path = fields["Location"]
            self._ask(f"PATCH {self.path}", tus.BYTES, "Upload-Offset: 0", length=len(self.content))
            self.begun.set_result(None)
        elif not self.ended.done():
            self.ended.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        for each in (self.begun, self.ended):
            if not each.done():
                each.set_exception(exc or ConnectionError("the server closed the connection"))
                each.exception()  # is asked for by whoever waits, and not missed where nobody does

    def send(self, size: int) -> None:
        """Send so many bytes more; nothing once the server has answered."""
        if not self.ended.done() and size:
            self._transport.write(self.content[self.sent : self.sent + size])
            self.sent = min(self.sent + size, len(self.content))

    @property
    def outcome(self) -> str:
        """The first line of the answer, or what befell the connection."""
        failure = self.ended.exception()
        return self.ended.result().partition(b"\r\n")[0].decode() if failure is None else type(failure).__name__

    async def is_done(self) -> bool:
        """Tell, once there is an answer or none to come, whether the server has taken the whole."""
        try:
            return (await self.ended).startswith(b"HTTP/1.1 204")
        except OSError:
            return False

    def cut(self) -> None:
        """Break the connection with RST."""
        if not self._transport.is_closing():
            plug: socket.socket = self._transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            self._transport.abort()

    def _ask(self, line: str, *fields: str, length: int) -> None:
        lines = (f"{line} HTTP/1.1", "Host: localhost", TUS, *fields, f"Content-Length: {length}", "", "")
        self._transport.write("\r\n".join(lines).encode())


async def begin(port: int, number: int, *, length: int, turns: asyncio.Semaphore) -> Slow:
    """Open a connection and make its upload."""
    async with turns:
        address = (f"127.0.0.{2 + number // PER_ADDRESS}", 0)
        _, upload = await asyncio.get_running_loop().create_connection(
            lambda: Slow(number, length=length), "127.0.0.1", port, local_addr=address
        )
        await upload.begun
        return upload


async def trickle(uploads: Sequence[Slow], *, rate: int, seconds: float = math.inf) -> None:
    """Send ``rate`` bytes a second on every connection that is still open."""
    began = time.monotonic()
    for step in itertools.takewhile(lambda step: step < seconds * SLICES, itertools.count()):
        for upload in uploads[step % SLICES :: SLICES]:
            upload.send(rate)
        await asyncio.sleep(max(0.0, began + (step + 1) / SLICES - time.monotonic()))


async def question(wire: Wire, path: str) -> Answer:
    """Ask where an upload stands, on a connection that is kept."""
    return await wire.ask(f"HEAD {path} HTTP/1.1", TUS)


async def questions(port: int, uploads: Sequence[Slow], *, chance: random.Random) -> list[float]:
    """Ask about one upload after the other until cancelled; give how long each answer took."""
    took: list[float] = []
    wire = await connect(port)
    try:
        while True:
            begun = time.monotonic()
            answer = await question(wire, chance.choice(uploads).path)
            took.append(time.monotonic() - begun)
            if answer.status != 200:
                raise RuntimeError(f"HEAD was answered {answer.status}")
            await asyncio.sleep(QUESTION_SECONDS)
    except asyncio.CancelledError:
        return took
    finally:
        await wire.close()


class Keeping:
    """Sees to it that every upload ends well, or that its bytes are counted."""

    def __init__(self, port: int, *, folder: Path) -> None:
        self._port = port
        self._folder = folder
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.early: Counter[str] = Counter()

    async def finish(self, upload: Slow) -> bool:
        """Finish in one of three ways; True when the file is what it must be."""
        async with self._turns:
            way = upload.number % 3
            if upload.ended.done():
                self.early[upload.outcome] += 1
            if way == 1:
                upload.cut()
            upload.send(len(upload.content) if way == 0 else 0)
            if (way or not await upload.is_done()) and not await self._resume(upload):
                return False
        return (self._folder / f"{upload.number}.bin").read_bytes() == upload.content

    async def count(self, upload: Slow) -> bool:
        """Cut it; True once every byte that was sent is counted."""
        async with self._turns:
            upload.cut()
            wire = await connect(self._port)
            try:
                for _ in range(50):
                    answer = await question(wire, upload.path)
                    if int(answer.headers.get("Upload-Offset", "-1")) == upload.sent:
                        return True
                    await asyncio.sleep(0.1)
                return False
            finally:
                await wire.close()

    async def _resume(self, upload: Slow) -> bool:
        """Go on as a client does: HEAD, then PATCH from there; again when the server asks for patience."""
        for _ in range(20):
            offset = int((await tus.head(self._port, upload.path)).headers.get("Upload-Offset", "-1"))
            if offset >= 0:
                answer = await tus.patch(self._port, upload.path, at=offset, body=bytes(upload.content[offset:]))
                if answer.status == 204:
                    return True
            await asyncio.sleep(0.1)
        return False


async def measure(server: Running, *, uploads: int, seconds: int, rate: int, length: int, folder: Path) -> Crowd:
    """Run the uploads. ``folder`` is where their files are published."""
    turns = asyncio.Semaphore(AT_ONCE)
    first = await begin(server.port, uploads, length=length, turns=turns)  # what is made once is no cost of the others
    await trickle([first], seconds=1, rate=rate)
    before, cpu = resident_kib(server), server.cpu_seconds
    crowd = await asyncio.gather(*(begin(server.port, each, length=length, turns=turns) for each in range(uploads)))
    asking = asyncio.create_task(questions(server.port, crowd, chance=random.Random(0)))
    await trickle(crowd, seconds=seconds, rate=rate)
    after, cpu = resident_kib(server), server.cpu_seconds - cpu
    asking.cancel()
    took = await asking
    keeping = Keeping(server.port, folder=folder)
    is_finished = uploads * length <= FINISHED_BYTES
    # Those that wait for their turn are not silent meanwhile: a minute of that would end them.
    going_on = asyncio.create_task(trickle(crowd, rate=rate if is_finished else 0))
    kept = await asyncio.gather(*(keeping.finish(each) if is_finished else keeping.count(each) for each in crowd))
    going_on.cancel()
    first.cut()
    return Crowd(
        uploads=uploads,
        kib_each=(after - before) / uploads,
        peak_mib=server.peak_mib,
        cpu_seconds=cpu,
        questions=took,
        early=keeping.early,
        kept=sum(kept),
        is_finished=is_finished,
    )


def most(wanted: int) -> int:
    """Give how many uploads can be run here, and raise the limit of open files, which the server inherits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + SPARE_FILES  # of the server: a connection and a file each; of this process: a connection
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), max(needed, hard)))
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, (hard - SPARE_FILES) // 2)


def run(*, uploads: int, seconds: int, rate: int, length: int, options: Sequence[str] = ()) -> Crowd:
    """Start a server, run the uploads, or as many as there can be open files, stop it."""
    uploads = most(uploads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ("tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder / "data"))
        with started(*command, *options, log=folder / "log") as server:
            measuring = measure(
                server,
                uploads=uploads,
                seconds=seconds,
                rate=rate,
                length=length,
                folder=folder / "data/uploads/files/local",
            )
            return asyncio.run(asyncio.wait_for(measuring, seconds + PATIENCE_SECONDS + uploads / 20))


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.slow_uploads", description="Many slow uploads.")
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=100, help="bytes a second of each")
    parser.add_argument("--kib", type=int, default=64, help="length of each; from 8 MiB on a body is taken over")
    parser.add_argument("options", nargs="*", help="options of tusvideo serve")
    given = parser.parse_args()
    length = given.kib * 1024
    crowd = run(uploads=given.uploads, seconds=given.seconds, rate=given.rate, length=length, options=given.options)
    print(f"{crowd.uploads} uploads of {given.kib} KiB at {given.rate} B/s for {given.seconds} s:")
    print(f"  memory: {crowd.kib_each:.1f} KiB each; {crowd.peak_mib:.0f} MiB in all at most")
    p95 = statistics.quantiles(crowd.questions, n=20)[-1] * 1000
    print(f"  HEAD: {p95:.0f} ms (p95 of {len(crowd.questions)}); {crowd.cpu_seconds:.1f} s of CPU time")
    ends = "finished with the right bytes" if crowd.is_finished else "count every byte that was sent"
    print(f"  {crowd.kept} {ends}; ended before their last byte: {dict(crowd.early) or 'none'}")


if __name__ == "__main__":
    main()
