"""One real server a module, attacked by its tests and looked over when they are done."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.processes import ServerProcess
from tests.hostile.target import Target

MEMORY_KIB = 64 * 1024
"""The server may have so much more memory after the attacks of a module than before."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """A server with uploads stored before; afterwards they are whole, and the log tells of no surprise."""
    root = tmp_path_factory.mktemp("hostile")
    # aiohttp does not tell the reader of a body that its framing broke: the stall timer ends it, here within 2 s.
    stall = {"TUSVIDEO_LIMITS_STALL_SECONDS": "2"}
    async with ServerProcess(root / "data", environment=stall) as server:
        target = Target(server)
        yield target
        target.whole()
        grown = target.resident_kib() - target.memory_kib
        assert grown < MEMORY_KIB, f"{grown} KiB more memory than before"
        assert await server.stop() == 0
    log = server.log.read_text()
    for word in ("Traceback", "request_failed", " ERROR ", " CRITICAL "):
        assert word not in log, log[max(log.find(word) - 2000, 0) :][:4000]
    for line in log.splitlines():
        assert line.isprintable(), ascii(line)
