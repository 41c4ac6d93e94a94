"""ChunkedVideoUploader, the ES module for browsers, in Node: cut, killed, resumed, and refused."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.journey import CUTS, PATIENCE_SECONDS, PER_CUT, SIZE, link
from tests.clients.node import Told, _lines
from tests.e2e.chunks import post_json
from tests.e2e.disk import MIB, published, staged
from tests.e2e.tus import ask
from tests.faults.processes import ServerProcess
from tests.faults.proxy import Fault, Kind

SCRIPT = Path(__file__).parent / "chunked.mjs"
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: apt-get install nodejs")


async def run(source: Path, url: str, **job: Any) -> Told:
    """Upload a file; what was told. ``retrySeconds`` are short, for a test has no time to wait."""
    storage = source.with_name("storage.json")
    if not storage.exists():
        storage.write_text("{}")
    options = {"retrySeconds": [0.2, 0.4, 0.8], "stallSeconds": 5, **job.pop("options", {})}
    told = {"url": url, "file": str(source), "storage": str(storage), "options": options, **job}
    process = await asyncio.create_subprocess_exec(
        *("node", str(SCRIPT), json.dumps(told)), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, errors = await process.communicate()
    return Told(events=list(_lines(out)), errors=errors.decode())


def percents(told: Told) -> list[int]:
    """The progress that was told."""
    return [event["percent"] for event in told.all("progress")]


def whole(server: ServerProcess, source: Path) -> str:
    """Hold the server to one published file with the content of the source; its name."""
    [file] = published(server.data_dir, "posters")
    assert file.read_bytes() == source.read_bytes()
    assert staged(server.data_dir) == []
    return file.name


async def test_an_upload_with_its_record(server: ServerProcess, source: Path) -> None:
    """The final name, progress that rises from 0 to 100, and a record; nothing is remembered afterwards."""
    told = await run(source, server.url, title="Sea")
    assert len(told.all("success")) == 1, told
    [success] = told.all("success")
    assert success["filename"] == whole(server, source)
    assert success["record"]["title"] == "Sea"
    found = percents(told)
    assert (found[0], found[-1], found) == (0, 100, sorted(set(found)))
    assert json.loads(source.with_name("storage.json").read_text()) == {}


@pytest.mark.parametrize("title", [None, "Lake"])
async def test_a_record_gets_another_file(server: ServerProcess, source: Path, title: str | None) -> None:
    """It keeps its id, its description, and its title if none is given; the same file again is another upload."""
    said = {"filename": (await run(source, server.url)).all("success")[0]["filename"], "title": "Sea"}
    record = (await post_json(server.port, "/api/videos/metadata", {**said, "description": "calm"})).json
    told = await run(source, server.url, replaces=record["id"], **({"title": title} if title else {}))
    assert told.all("error") == [], told
    [shown] = (await ask(server.port, "GET /api/videos HTTP/1.1")).json["videos"]
    assert (shown["id"], shown["title"], shown["description"]) == (record["id"], title or "Sea", "calm")
    assert shown["filename"] == told.all("success")[0]["filename"] != record["filename"]


async def test_cuts_are_survived(server: ServerProcess, source: Path) -> None:
    """Two cuts cost two chunks at most, and nobody hears of them."""
    async with link(server, *CUTS) as proxy:
        told = await run(source, f"http://127.0.0.1:{proxy.port}")
    assert told.all("error") == [], told
    assert [event["filename"] for event in told.all("success")] == [whole(server, source)]
    assert proxy.body_bytes <= SIZE + len(CUTS) * (MIB + PER_CUT)


async def test_the_next_visit_goes_on(server: ServerProcess, source: Path) -> None:
    """After the retries are used up the error is told once; the same file again sends only what is missing."""
    faults = [Fault(Kind.RESET, 3 * MIB // 2), Fault(Kind.RESET, 2 * MIB)]
    async with link(server, *faults) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        told = await run(source, url, options={"retrySeconds": [0.1]})
        assert len(told.all("error")) == len(told.all("failure")) == 1, told
        assert told.all("failure")[0]["name"] == "UploadError"
        before = proxy.body_bytes
        again = await run(source, url)
    assert [event["filename"] for event in again.all("success")] == [whole(server, source)]
    assert percents(again)[:2] == [0, 100 * MIB // SIZE]
    assert proxy.body_bytes - before < SIZE - MIB + PER_CUT


async def test_what_is_no_video_is_refused(server: ServerProcess, tmp_path: Path) -> None:
    """With the server's sentence, at once."""
    source = tmp_path / "letter.mp4"
    source.write_bytes(b"Dear all, " * 1000)
    told = await run(source, server.url)
    [failure] = told.all("failure")
    assert failure["status"] == 415
    assert told.all("error")[0]["text"] == failure["message"]
    assert published(server.data_dir, "posters") == []
