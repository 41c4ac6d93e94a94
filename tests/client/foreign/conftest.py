"""The servers of others, installed where the benchmark keeps them too; one that cannot be had is skipped, loudly."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bench.peers.peer import Peer
from tests.bench.peers.process import BenchError
from tests.bench.peers.python_peers import TUSPYSERVER
from tests.bench.peers.tus_node import TUS_NODE
from tests.bench.peers.tusd import TUSD
from tests.bench.suite.work import cache_of
from tests.client.foreign.servers import Foreign

CACHE = Path(__file__).parents[3] / ".bench" / "peers"
PEERS = {"tusd": TUSD, "tus-node-server": TUS_NODE, "tuspyserver": TUSPYSERVER}

Start = Callable[..., Awaitable[Foreign]]


@cache
def installed(peer: Peer) -> str | None:
    """Set a peer up, once; None, or the reason why it cannot be had."""
    try:
        peer.version(cache_of(CACHE, peer.name))
    except (BenchError, OSError) as error:
        return f"{peer.name} cannot be set up here: {error}"
    return None


@pytest.fixture(params=list(PEERS))
def peer(request: pytest.FixtureRequest) -> Peer:
    """Each of the servers in turn."""
    chosen: Peer = PEERS[request.param]
    if reason := installed(chosen):
        pytest.skip(reason)
    return chosen


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start servers, each on a folder of its own; stopped after the test."""
    async with AsyncExitStack() as stack:
        count = 0

        async def run(peer: Peer, **options: object) -> Foreign:
            nonlocal count
            count += 1
            cache = cache_of(CACHE, peer.name)
            foreign = Foreign(peer, cache=cache, folder=tmp_path / f"data{count}", **options)  # type: ignore[arg-type]  # a row of a table
            return await stack.enter_async_context(foreign)

        yield run
