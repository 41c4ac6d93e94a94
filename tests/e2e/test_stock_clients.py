"""Clients that others wrote: tuspy and curl."""

import asyncio
import io
import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.storage.filestorage import FileStorage

from tests.e2e import chunks, tus
from tests.e2e.disk import MIB, place_of, published, staged, video
from tests.faults.processes import ServerProcess
from tests.faults.proxy import Fault, FaultProxy, Kind

SIZE = 3 * MIB + 12_345

NAMED = {"filename": "übung ☃.mp4", "empty": ""}

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A video to send."""
    path = tmp_path / "holiday.mp4"
    path.write_bytes(video(3, SIZE))
    return path


class Reread(io.BytesIO):
    """A stream that stays open: tuspy closes the one it is given after the fingerprint, and then reads it."""

    def __exit__(self, *_: object) -> None:
        """Do not close."""


def client_of(url: str) -> TusClient:
    """Make tuspy's client."""
    return TusClient(f"{url}/files/")


@pytest.mark.parametrize(("chunk_size", "metadata"), [(SIZE + 1, None), (SIZE, NAMED), (MIB, None), (777_777, NAMED)])
async def test_tuspy_uploads(
    chunk_size: int, metadata: dict[str, str] | None, server: ServerProcess, source: Path
) -> None:
    """In one request or in many, with metadata and without."""
    with source.open("rb") as stream:
        uploader = client_of(server.url).uploader(file_stream=stream, chunk_size=chunk_size, metadata=metadata)
        await asyncio.to_thread(uploader.upload)
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == source.read_bytes()
    assert metadata is None or file.name == metadata["filename"]
    assert staged(server.data_dir) == []


async def test_tuspy_resumes_from_its_url_storage_after_a_cut(
    server: ServerProcess, source: Path, tmp_path: Path
) -> None:
    """A run that a cut ended is gone on with by another run, from the bytes that were stored."""
    cut = 2 * MIB
    async with FaultProxy(("127.0.0.1", server.port), faults=[Fault(Kind.CLOSE, cut)]) as proxy:

        def run() -> None:
            storage = FileStorage(str(tmp_path / "urls.json"))  # type: ignore[no-untyped-call]  # tuspy's
            with closing(storage):
                uploader = client_of(proxy.url).uploader(
                    file_stream=Reread(source.read_bytes()), chunk_size=512 * 1024, store_url=True, url_storage=storage
                )
                uploader.upload()

        with pytest.raises((TusCommunicationError, OSError)):
            await asyncio.to_thread(run)
        assert published(server.data_dir, "files") == []
        await asyncio.to_thread(run)
        assert proxy.cuts == 1
        assert proxy.body_bytes <= SIZE + 512 * 1024
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == source.read_bytes()


async def curl(*arguments: str) -> tuple[str, str]:
    """Run curl; give stdout, and what -v told."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--show-error", "--verbose", "--max-time", "20", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors
    return out.decode(), errors.decode()


@needs_curl
@pytest.mark.parametrize("expect", ["Expect: 100-continue", "Expect:"])
async def test_curl_sends_a_patch(expect: str, server: ServerProcess, source: Path) -> None:
    """curl -T with PATCH, waiting for 100 Continue and not waiting."""
    path = await tus.create(server.port, SIZE, tus.metadata(filename="by curl.mp4"))
    headers = [tus.TUS, tus.BYTES, "Upload-Offset: 0", expect]
    _, told = await curl(
        *("-X", "PATCH", "-T", str(source)), *(word for each in headers for word in ("-H", each)), server.url + path
    )
    assert ("< HTTP/1.1 100 Continue" in told) == (expect != "Expect:")
    assert "< HTTP/1.1 204 No Content" in told
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == source.read_bytes()


@needs_curl
async def test_curl_is_refused_before_it_sends_the_body(server: ServerProcess, source: Path) -> None:
    """With Expect: 100-continue a wrong offset costs no byte of the body: the refusal comes instead of 100."""
    path = await tus.create(server.port, SIZE)
    headers = [tus.TUS, tus.BYTES, "Upload-Offset: 5", "Expect: 100-continue"]
    async with FaultProxy(("127.0.0.1", server.port)) as proxy:
        out, told = await curl(
            *("-X", "PATCH", "-T", str(source)), *(word for each in headers for word in ("-H", each)), proxy.url + path
        )
        assert proxy.body_bytes == 0
    assert "100 Continue" not in told
    assert "< HTTP/1.1 409 Conflict" in told
    assert json.loads(out)["code"] == "offset_mismatch"


@needs_curl
@pytest.mark.parametrize("file_first", [False, True])
async def test_curl_sends_a_form(file_first: bool, server: ServerProcess, source: Path) -> None:
    """curl -F with the fields first and with the file first, then finalize as a form."""
    whole = source.read_bytes()
    parts = chunks.split(whole, MIB)
    for index, part in enumerate(parts):
        piece = source.with_name(f"part{index}")
        piece.write_bytes(part)
        fields = ["-F", "uploadId=by-curl", "-F", f"chunkIndex={index}", "-F", f"totalChunks={len(parts)}"]
        file = ["-F", f"chunk=@{piece}"]
        out, _ = await curl(*(file + fields if file_first else fields + file), server.url + chunks.CHUNK)
        assert json.loads(out)["received"] == index + 1
    out, _ = await curl(
        *("-F", "uploadId=by-curl", "-F", "filename=holiday.mp4", "-F", f"totalChunks={len(parts)}"),
        server.url + chunks.FINALIZE,
    )
    assert place_of(server.data_dir, json.loads(out)["url"]).read_bytes() == whole
    assert staged(server.data_dir) == []
