"""Files sent in parallel parts, which the server puts together: tus-js-client, Uppy and resumable-upload."""

import asyncio
from pathlib import Path

import pytest

from tests.clients import browser
from tests.clients.journey import CHECKPOINT, CUTS, KILL_AT, PER_CUT, PER_KILL, RATE, SIZE, killed_once, link, whole
from tests.clients.resumable import PIECE, client_of
from tests.clients.tus_js import VERSIONS, begun, ran
from tests.e2e.conftest import Start
from tests.faults.processes import ServerProcess

PARTS = 3
"""They stay until they expire, because another upload may be put together from them, too."""

PARALLEL = {"parallelUploads": PARTS, "metadataForPartialUploads": {"part": "yes"}}


@pytest.mark.parametrize("version", VERSIONS)
async def test_parts_are_cut_and_resumed(
    version: dict[str, str], server: ServerProcess, source: Path, modules: Path
) -> None:
    """tus-js-client cut twice: each part is created once and goes on, and every byte of the whole is right."""
    async with link(server, *CUTS) as proxy:
        told = await ran(source, modules=modules, to=proxy, options=PARALLEL, **version)
        assert told.url()
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * PER_CUT
    assert set(told.statuses("HEAD")) == {200}
    assert told.statuses("POST").count(201) == PARTS + 1
    assert whole(server, source, parts=PARTS).name == source.name


async def test_server_is_killed_and_comes_back(start: Start, source: Path, modules: Path) -> None:
    """After kill -9 every part goes on, behind no byte that was made durable."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        told = await ran(source, modules=modules, to=proxy, options=PARALLEL)
        assert told.url()
        assert proxy.body_bytes <= SIZE + PARTS * PER_KILL
    assert told.statuses("POST").count(201) == PARTS + 1
    whole(server, source, parts=PARTS)


async def test_next_run_resumes_from_the_stored_urls(server: ServerProcess, source: Path, modules: Path) -> None:
    """A run that was killed is gone on with by another one, from the URLs of all parts."""
    async with link(server, rate=RATE) as proxy:
        first = await begun(source, modules=modules, to=proxy, options=PARALLEL)
        await proxy.passed(KILL_AT)
        await first.killed()
        proxy.break_all()
        told = await ran(source, modules=modules, to=proxy, options=PARALLEL, resume=True)
        assert told.url()
        assert told.statuses("HEAD") == [200] * PARTS
        assert told.statuses("POST") == [201]
        assert proxy.body_bytes <= SIZE + PARTS * PER_CUT
    whole(server, source, parts=PARTS)


@pytest.mark.parametrize("checksum", [False, "sha256"])
async def test_resumable_upload_sends_parts(checksum: str | bool, server: ServerProcess, source: Path) -> None:
    """resumable-upload gets its parts through two cuts."""
    async with link(server, *CUTS) as proxy:
        client = client_of(proxy.url, checksum=checksum)
        await asyncio.to_thread(client.upload_file, str(source), parallel_uploads=PARTS)
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * (PER_CUT + PIECE)
    assert whole(server, source, parts=PARTS).name == source.name


@browser.needs_chromium
async def test_uppy_sends_parts(start: Start, source: Path, modules: Path, tmp_path: Path) -> None:
    """Uppy with parallelUploads, from another origin: the browser may send Upload-Concat."""
    async with browser.site(modules) as origin, browser.chromium(origin, profile=tmp_path) as page:
        server = await start(server_allowed_origins=origin)
        await page.begin(f"{server.url}/files/", parallelUploads=PARTS)
        await page.choose(source)
        assert (await page.send())["failed"] == []
        assert page.statuses("POST") == [201] * (PARTS + 1)
        assert whole(server, source, parts=PARTS).name == source.name
