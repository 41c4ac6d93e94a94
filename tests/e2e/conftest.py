"""Real server processes, each with a data directory of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from tests.faults.processes import ServerProcess

Start = Callable[..., Awaitable[ServerProcess]]


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start servers with options in the environment; stopped after the test, and their logs tell of no surprise."""
    servers: list[ServerProcess] = []
    async with AsyncExitStack() as stack:

        async def run(**options: str) -> ServerProcess:
            environment = {f"TUSVIDEO_{name.upper()}": value for name, value in options.items()}
            server = ServerProcess(tmp_path / f"data{len(servers) or ''}", environment=environment)
            servers.append(server)
            return await stack.enter_async_context(server)

        yield run
    for server in servers:
        log = server.log.read_text()
        assert "Traceback" not in log, log[-8000:]
        assert "request_failed" not in log, log[-8000:]


@pytest_asyncio.fixture
async def server(start: Start) -> ServerProcess:
    """One server as it comes."""
    return await start()
