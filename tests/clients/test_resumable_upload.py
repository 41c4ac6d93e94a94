"""resumable-upload, a client without dependencies from PyPI."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from resumable_upload import FileURLStorage

from tests.clients.journey import CHECKPOINT, CUTS, PER_CUT, PER_KILL, RATE, SIZE, killed_once, link, whole
from tests.clients.resumable import PIECE, client_of
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, published
from tests.faults.processes import ServerProcess


async def upload(url: str, source: Path, **options: Any) -> str:
    """Upload a file; gives the URL of the upload."""
    return await asyncio.to_thread(client_of(url, **options).upload_file, str(source))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"chunk_size": SIZE}, id="one PATCH"),
        pytest.param({"override_patch_method": True}, id="override_patch_method"),
        pytest.param({"add_request_id": True}, id="add_request_id"),
        pytest.param({"checksum": True}, id="checksum"),
        pytest.param({"checksum": "sha512"}, id="checksum sha512"),
    ],
)
async def test_uploads(options: dict[str, Any], server: ServerProcess, source: Path) -> None:
    """In one request or in many; Location is a path that it resolves against /files without a slash."""
    url = await upload(server.url, source, **options)
    assert url.startswith(f"{server.url}/files/")
    assert whole(server, source).name == source.name


@pytest.mark.parametrize("checksum", [False, "sha256"])
async def test_is_cut_and_goes_on(checksum: str | bool, server: ServerProcess, source: Path) -> None:
    """It repeats the chunk that was cut. When part of that was stored it is told 409, asks, and goes on."""
    async with link(server, *CUTS) as proxy:
        await upload(proxy.url, source, checksum=checksum)
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * (PER_CUT + PIECE)
    whole(server, source)


async def test_server_is_killed_and_comes_back(start: Start, source: Path) -> None:
    """After kill -9 it goes on with the same upload, behind no byte that was made durable."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        await upload(proxy.url, source, max_retries=8)
        assert proxy.body_bytes <= SIZE + PER_KILL + PIECE
    whole(server, source)


async def test_next_run_resumes_from_the_stored_url(server: ServerProcess, source: Path) -> None:
    """A run that stopped is gone on with by another one, from the URL that the first one stored; no byte goes twice."""
    async with link(server) as proxy:
        storage = FileURLStorage(str(source.with_name("urls.json")))
        client = client_of(proxy.url, store_url=True, url_storage=storage)
        await asyncio.to_thread(client.upload_file, str(source), stop_at=MIB)
        assert published(server.data_dir, "files") == []
        await asyncio.to_thread(client.upload_file, str(source))
        assert proxy.body_bytes == SIZE
    whole(server, source)


async def test_deferred_length(server: ServerProcess, source: Path) -> None:
    """Created without a length, which comes with the first PATCH."""

    def run() -> None:
        client = client_of(server.url)
        with client.create_uploader(str(source), upload_url=client.create_deferred_upload()) as uploader:
            uploader.upload()

    await asyncio.to_thread(run)
    whole(server, source)
