"""tuspy, the client that tus.io offers for Python."""

import asyncio
import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.storage.filestorage import FileStorage

from tests.clients.journey import CHECKPOINT, CUTS, PER_CUT, PER_KILL, RATE, SIZE, killed_once, link, whole
from tests.e2e import tus
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, published
from tests.faults.processes import ServerProcess
from tests.faults.proxy import Fault, Kind

NAMED = {"filename": "übung ☃.mp4", "empty": ""}
PIECE = 512 * 1024
RETRIES = {"retries": 20, "retry_delay": 1}


class Reread(io.BytesIO):
    """A stream that stays open: tuspy closes the one it is given after the fingerprint, and then reads it."""

    def __exit__(self, *_: object) -> None:
        """Do not close."""


async def upload(to: str, source: Path, **options: Any) -> str:
    """Upload a file to a server; gives the URL of the upload."""

    def run() -> str:
        with source.open("rb") as stream:
            uploader = TusClient(f"{to}/files/").uploader(file_stream=stream, **options)
            uploader.upload()
            return str(uploader.url)

    return await asyncio.to_thread(run)


def remembering(to: str, source: Path, **options: Any) -> Callable[[], None]:
    """Make an upload that stores its URL beside the file, and can be run again."""

    def run() -> None:
        storage = FileStorage(str(source.with_name("urls.json")))  # type: ignore[no-untyped-call]  # tuspy's
        with closing(storage):
            TusClient(f"{to}/files/").uploader(
                file_stream=Reread(source.read_bytes()), store_url=True, url_storage=storage, **options
            ).upload()

    return run


@pytest.mark.parametrize(("chunk_size", "metadata"), [(SIZE + 1, None), (SIZE, NAMED), (MIB, None), (777_777, NAMED)])
async def test_uploads(chunk_size: int, metadata: dict[str, str] | None, server: ServerProcess, source: Path) -> None:
    """In one request or in many; without metadata it sends an empty Upload-Metadata, which is fine."""
    await upload(server.url, source, chunk_size=chunk_size, metadata=metadata)
    file = whole(server, source)
    assert metadata is None or file.name == metadata["filename"]


async def test_empty_file(server: ServerProcess, tmp_path: Path) -> None:
    """For an empty file it sends POST and nothing else."""
    empty = tmp_path / "empty.txt"
    empty.touch()
    await upload(server.url, empty, metadata={"filename": empty.name})
    assert whole(server, empty).name == empty.name


@pytest.mark.parametrize("chunk_size", [SIZE, PIECE])
async def test_is_cut_and_goes_on(chunk_size: int, server: ServerProcess, source: Path) -> None:
    """With retries one run gets through two cuts, and sends little twice."""
    async with link(server, *CUTS) as proxy:
        await upload(proxy.url, source, chunk_size=chunk_size, **RETRIES)
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * PER_CUT
    whole(server, source)


async def test_checksums_through_cuts(server: ServerProcess, source: Path) -> None:
    """With Upload-Checksum a chunk that was cut does not count: it is sent again, whole, and no more than that."""
    async with link(server, *CUTS) as proxy:
        await upload(proxy.url, source, chunk_size=PIECE, upload_checksum=True, **RETRIES)
        assert proxy.cuts == len(CUTS)
        assert SIZE < proxy.body_bytes <= SIZE + len(CUTS) * PIECE
    assert "checksum_mismatch" not in server.log.read_text()
    whole(server, source)


async def test_server_is_killed_and_comes_back(start: Start, source: Path) -> None:
    """After kill -9 it goes on with the same upload, behind no byte that was made durable."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        await upload(proxy.url, source, chunk_size=SIZE, **RETRIES)
        assert proxy.body_bytes <= SIZE + PER_KILL
    whole(server, source)


async def test_next_run_resumes_from_the_stored_url(server: ServerProcess, source: Path) -> None:
    """A run that a cut ended is gone on with by another run, from the bytes that were stored."""
    async with link(server, Fault(Kind.CLOSE, 2 * MIB)) as proxy:
        run = remembering(proxy.url, source, chunk_size=PIECE)
        with pytest.raises((TusCommunicationError, OSError)):
            await asyncio.to_thread(run)
        assert published(server.data_dir, "files") == []
        await asyncio.to_thread(run)
        assert proxy.cuts == 1
        assert proxy.body_bytes <= SIZE + PER_CUT
    whole(server, source)


async def test_stored_url_that_is_gone_is_an_error_to_the_program(server: ServerProcess, source: Path) -> None:
    """It reads Upload-Offset from any answer to HEAD, so 404 has none: the program learns that the upload is gone."""
    path = await tus.create(server.port, SIZE)
    assert (await tus.delete(server.port, path)).status == 204
    with pytest.raises(TusCommunicationError) as caught:
        await upload(server.url, source, url=f"{server.url}{path}")
    assert caught.value.status_code == 404


async def test_async_uploader(server: ServerProcess, source: Path) -> None:
    """The one to await, which sends by aiohttp."""
    with source.open("rb") as stream:
        await TusClient(f"{server.url}/files/").async_uploader(file_stream=stream, chunk_size=MIB).upload()
    whole(server, source)
