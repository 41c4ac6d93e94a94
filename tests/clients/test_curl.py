"""curl, by hand and in the script of the examples."""

import json
import shutil
from pathlib import Path

import pytest

from tests.clients.journey import (
    CHECKPOINT,
    CUTS,
    PER_CUT,
    PER_KILL,
    RATE,
    SIZE,
    killed_once,
    link,
    whole,
)
from tests.clients.programs import curl, run
from tests.e2e import chunks, tus
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, place_of, staged
from tests.faults.processes import ServerProcess

SCRIPT = Path(__file__).parents[2] / "client/examples/upload.sh"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")


@pytest.mark.parametrize("expect", ["Expect: 100-continue", "Expect:"])
async def test_sends_a_patch(expect: str, server: ServerProcess, source: Path) -> None:
    """curl -T with PATCH, waiting for 100 Continue and not waiting."""
    path = await tus.create(server.port, SIZE, tus.metadata(filename="by curl.mp4"))
    headers = [tus.TUS, tus.BYTES, "Upload-Offset: 0", expect]
    _, told = await curl(
        *("-X", "PATCH", "-T", str(source)), *(word for each in headers for word in ("-H", each)), server.url + path
    )
    assert ("< HTTP/1.1 100 Continue" in told) == (expect != "Expect:")
    assert "< HTTP/1.1 204 No Content" in told
    assert whole(server, source).name == "by curl.mp4"


async def test_sends_what_comes_through_a_pipe(server: ServerProcess, source: Path) -> None:
    """curl -T - does not know the length of the body, and sends it chunked."""
    path = await tus.create(server.port, SIZE)
    headers = [tus.TUS, tus.BYTES, "Upload-Offset: 0"]
    words = " ".join(f"-H '{each}'" for each in headers)
    await run("sh", "-c", f"cat '{source}' | curl -sS -X PATCH -T - {words} '{server.url}{path}'")
    whole(server, source)


async def test_is_refused_before_it_sends_the_body(server: ServerProcess, source: Path) -> None:
    """With Expect: 100-continue a wrong offset costs no byte of the body: the refusal comes instead of 100."""
    path = await tus.create(server.port, SIZE)
    headers = [tus.TUS, tus.BYTES, "Upload-Offset: 5", "Expect: 100-continue"]
    async with link(server) as proxy:
        out, told = await curl(
            *("-X", "PATCH", "-T", str(source)), *(word for each in headers for word in ("-H", each)), proxy.url + path
        )
        assert proxy.body_bytes == 0
    assert "100 Continue" not in told
    assert "< HTTP/1.1 409 Conflict" in told
    assert json.loads(out)["code"] == "offset_mismatch"


@pytest.mark.parametrize("file_first", [False, True])
async def test_sends_a_form(file_first: bool, server: ServerProcess, source: Path) -> None:
    """curl -F with the fields first and with the file first, then finalize as a form."""
    content = source.read_bytes()
    parts = chunks.split(content, MIB)
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
    assert place_of(server.data_dir, json.loads(out)["url"]).read_bytes() == content
    assert staged(server.data_dir) == []


async def test_script_goes_on_after_cuts(server: ServerProcess, source: Path) -> None:
    """The example gets through two cuts: it asks with HEAD and sends the rest. It needs no OPTIONS and no state."""
    async with link(server, *CUTS) as proxy:
        out, _ = await run("sh", str(SCRIPT), proxy.url, str(source))
        assert out.startswith(f"{proxy.url}/files/")
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * PER_CUT
    assert whole(server, source).name == source.name


async def test_script_goes_on_after_the_server_was_killed(start: Start, source: Path) -> None:
    """The example gets through kill -9 of the server."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        await run("sh", str(SCRIPT), proxy.url, str(source))
        assert proxy.body_bytes <= SIZE + PER_KILL
    whole(server, source)
