"""What every client of others has to live through: cuts, and a server that is killed and comes back."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.disk import MIB, published, staged
from tests.faults.processes import ServerProcess
from tests.faults.proxy import Fault, FaultProxy, Kind

SIZE = 3 * MIB + 12_345
PATIENCE_SECONDS = 60
"""A client that needs longer for one file has failed."""

CUTS = (Fault(Kind.RESET, MIB), Fault(Kind.CLOSE, 2 * MIB))
PER_CUT = 256 * 1024
"""What a cut costs at most: bytes that were on the wire."""

KILL_AT = 3 * MIB // 2
RATE = 8 * MIB
CHECKPOINT = 256 * 1024
PER_KILL = 3 * CHECKPOINT
"""What kill -9 costs at most when the server makes its uploads durable every CHECKPOINT bytes: those that were being
made durable, those that came meanwhile, and the wire."""


def link(server: ServerProcess, *faults: Fault, rate: int | None = None) -> FaultProxy:
    """A line to the server that breaks as told."""
    return FaultProxy(("127.0.0.1", server.port), faults=faults, rate=rate)


def whole(server: ServerProcess, source: Path, *, parts: int = 0) -> Path:
    """Hold the server to one published file with the content of ``source``, and only ``parts`` in staging; gives it."""
    [file] = published(server.data_dir, "files")
    assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    assert len(staged(server.data_dir)) == parts
    return file


@asynccontextmanager
async def killed_once(server: ServerProcess, proxy: FaultProxy, *, at: int = KILL_AT) -> AsyncIterator[None]:
    """Kill -9 when so many body bytes have crossed, and start again, while the block runs; it has to get there."""

    async def kill() -> None:
        await proxy.passed(at)
        await server.kill()
        await server.start()

    task = asyncio.create_task(kill())
    try:
        yield
        assert task.done(), f"the upload ended before {at} body bytes had crossed, so nothing was killed"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    task.result()
