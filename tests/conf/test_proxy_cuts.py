"""Uploads through each proxy of conf/, cut on either side of it, with the server killed behind it."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.journey import CHECKPOINT, CUTS, PATIENCE_SECONDS, PER_CUT, PER_KILL, RATE, SIZE, killed_once
from tests.conf.deployments import EACH, NAME, TUS, Proxy, proxying
from tests.e2e.disk import MIB, published
from tests.faults.processes import ServerProcess
from tests.faults.proxy import FaultProxy

CHUNK = MIB // 2
"""Of a request. When its link to the server is gone, a proxy reads and drops the rest of the request so that its answer
is heard; and one that has not noticed a cut yet makes a new request come too early, which is refused with 409."""

DATA = random.Random(1).randbytes(SIZE)


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server as the comments in conf/ say, which makes uploads durable every CHECKPOINT bytes."""
    environment = {
        "TUSVIDEO_SERVER_ALLOWED_HOSTS": NAME,
        "TUSVIDEO_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        "TUSVIDEO_LIMITS_CHECKPOINT_BYTES": str(CHECKPOINT),
    }
    async with ServerProcess(tmp_path / "data", environment=environment) as running:
        yield running


def send(proxy: Proxy) -> None:
    """Upload a file and go on after every cut, as a client does that knows what 502 and 503 are."""
    created = proxy.ask("POST", "/files/", Upload_Length=str(SIZE), **TUS)
    assert created.status == 201, created
    path = created.headers["Location"]
    while True:
        try:
            told = proxy.ask("HEAD", path, **TUS)
            if told.status >= 500:  # of the proxy: ours never answer HEAD so
                continue
            offset = int(told.headers["Upload-Offset"])
            if offset == SIZE:
                return
            fields = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
            answer = proxy.ask("PATCH", path, DATA[offset : offset + CHUNK], **TUS, **fields)
            assert answer.status in {204, 409, 502, 503}, answer
        except OSError:
            continue


async def upload(proxy: FaultProxy) -> None:
    """Run `send` through a line to the proxy, to its end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.to_thread(send, Proxy(proxy.port))


def whole(server: ServerProcess) -> None:
    """Hold the server to one file, every byte right."""
    assert [file.read_bytes() for file in published(server.data_dir, "files")] == [DATA]


@pytest.mark.parametrize("name", EACH)
async def test_client_side_is_cut(name: str, server: ServerProcess, tmp_path: Path) -> None:
    """Cut between client and proxy: what had come is stored, and the rest is sent."""
    with proxying(name, tmp_path, upstream=server.port) as proxy:
        async with FaultProxy(("127.0.0.1", proxy.port), faults=CUTS) as line:
            await upload(line)
            assert line.cuts == len(CUTS)
            assert line.body_bytes <= SIZE + len(CUTS) * (PER_CUT + CHUNK)
    whole(server)


@pytest.mark.parametrize("name", EACH)
async def test_server_side_is_cut(name: str, server: ServerProcess, tmp_path: Path) -> None:
    """Cut between proxy and server: the client is told 502 or loses its connection, asks, and goes on."""
    async with FaultProxy(("127.0.0.1", server.port), faults=CUTS) as behind:
        with proxying(name, tmp_path, upstream=behind.port) as proxy:
            async with FaultProxy(("127.0.0.1", proxy.port)) as line:
                await upload(line)
                assert behind.cuts == len(CUTS)
                assert line.body_bytes <= SIZE + len(CUTS) * (PER_CUT + CHUNK)
    whole(server)


@pytest.mark.parametrize("name", EACH)
async def test_server_is_killed(name: str, server: ServerProcess, tmp_path: Path) -> None:
    """kill -9 behind the proxy: 502 or 503 until the server is back, then the upload goes on."""
    with proxying(name, tmp_path, upstream=server.port) as proxy:
        async with FaultProxy(("127.0.0.1", proxy.port), rate=RATE) as line, killed_once(server, line):
            await upload(line)
            assert line.body_bytes <= SIZE + PER_KILL + CHUNK
    whole(server)
