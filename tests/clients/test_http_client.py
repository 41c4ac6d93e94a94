"""Python's http.client: what somebody writes who has read the protocol and has nothing else at hand."""

import asyncio
import http.client
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tests.clients.journey import (
    CHECKPOINT,
    CUTS,
    PATIENCE_SECONDS,
    PER_CUT,
    PER_KILL,
    RATE,
    SIZE,
    killed_once,
    link,
    whole,
)
from tests.e2e.conftest import Start
from tests.faults.processes import ServerProcess

TUS = {"Tus-Resumable": "1.0.0"}
LOST = (OSError, http.client.HTTPException)


def ask(url: str, method: str, fields: Mapping[str, str], body: IO[bytes] | None = None) -> http.client.HTTPResponse:
    """Send one request on a connection of its own, and read the answer."""
    found = urlsplit(url)
    assert found.hostname is not None
    with closing(http.client.HTTPConnection(found.hostname, found.port, timeout=20)) as connection:
        connection.request(method, found.path, body, {**TUS, **fields})
        response = connection.getresponse()
        response.read()
        return response


def send(server: str, source: Path) -> int:
    """Upload a file and go on after every cut; gives the number of PATCHes."""
    size = source.stat().st_size
    created = ask(f"{server}/files/", "POST", {"Upload-Length": str(size)})
    assert created.status == 201
    url, patches, deadline = server + created.headers["Location"], 0, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            told = ask(url, "HEAD", {})
            offset = int(told.headers["Upload-Offset"])
            if offset == size:
                return patches
            patches += 1
            fields = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            with source.open("rb") as file:
                file.seek(offset)
                # A file has no length to http.client, so it says Transfer-Encoding: chunked unless told.
                answer = ask(url, "PATCH", {**fields, "Content-Length": str(size - offset)}, file)
            assert answer.status == 204
        except LOST:
            time.sleep(0.4)
    raise TimeoutError


async def test_is_cut_and_goes_on(server: ServerProcess, source: Path) -> None:
    """Two cuts: three PATCHes, and little is sent twice."""
    async with link(server, *CUTS) as proxy:
        assert await asyncio.to_thread(send, proxy.url, source) == len(CUTS) + 1
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * PER_CUT
    whole(server, source)


async def test_server_is_killed_and_comes_back(start: Start, source: Path) -> None:
    """After kill -9 it goes on with the same upload, behind no byte that was made durable."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        assert await asyncio.to_thread(send, proxy.url, source) == 2
        assert proxy.body_bytes <= SIZE + PER_KILL
    whole(server, source)
