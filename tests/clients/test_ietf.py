"""Clients of the IETF draft and of no protocol at all: tus-js-client in its modes for it, curl -T, and a plain POST."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.journey import CHECKPOINT, CUTS, KILL_AT, PER_CUT, PER_KILL, RATE, SIZE, killed_once, link, whole
from tests.clients.programs import curl
from tests.clients.tus_js import NEXT, begun, ran
from tests.e2e import tus
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, published, staged
from tests.faults.processes import ServerProcess

DRAFT_03 = {"protocol": "ietf-draft-03"}
DRAFT_05 = {"protocol": "ietf-draft-05"}
"""They speak interop versions 5 and 6."""

CREATES_WITH_DATA = {"uploadDataDuringCreation": True, "chunkSize": MIB - 1}
MODES = [
    pytest.param({"options": DRAFT_03}, id="draft-03"),
    pytest.param({"options": DRAFT_05}, id="draft-05"),
    pytest.param({"options": {**DRAFT_03, "chunkSize": 700_001}}, id="draft-03, chunks"),
    pytest.param({"options": {**DRAFT_05, "chunkSize": 700_001}}, id="draft-05, chunks"),
    pytest.param({"options": {**DRAFT_03, **CREATES_WITH_DATA}}, id="draft-03, uploadDataDuringCreation"),
    pytest.param({"options": {**DRAFT_05, **CREATES_WITH_DATA}}, id="draft-05, uploadDataDuringCreation"),
    pytest.param({"options": DRAFT_03, **NEXT}, id="next, draft-03"),
    pytest.param({"options": DRAFT_05, **NEXT}, id="next, draft-05"),
]

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")


@pytest.mark.parametrize("mode", MODES)
async def test_upload_is_cut_and_resumed(
    mode: dict[str, Any], server: ServerProcess, source: Path, modules: Path
) -> None:
    """Cut twice, it asks with HEAD and goes on: one upload, every byte right, and little is sent twice."""
    async with link(server, *CUTS) as proxy:
        told = await ran(source, modules=modules, to=proxy, **mode)
        assert told.url()
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * PER_CUT
    assert set(told.statuses("HEAD")) <= {200, 204}
    assert told.statuses("POST") == [201]
    assert whole(server, source).name == source.name


async def test_server_is_killed_and_comes_back(start: Start, source: Path, modules: Path) -> None:
    """After kill -9 it goes on with the same upload, behind no byte that was made durable."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        told = await ran(source, modules=modules, to=proxy, options=DRAFT_05)
        assert told.url()
        assert proxy.body_bytes <= SIZE + PER_KILL
    assert told.statuses("POST") == [201]
    whole(server, source)


async def test_next_run_resumes_from_the_stored_url(server: ServerProcess, source: Path, modules: Path) -> None:
    """A run that was killed is gone on with by another one, from the URL that the first one stored."""
    async with link(server, rate=RATE) as proxy:
        first = await begun(source, modules=modules, to=proxy, options=DRAFT_05)
        await proxy.passed(KILL_AT)
        await first.killed()
        proxy.break_all()
        told = await ran(source, modules=modules, to=proxy, resume=True, options=DRAFT_05)
        assert told.url()
        assert told.methods() == ["HEAD", "PATCH"]
        assert proxy.body_bytes <= SIZE + PER_CUT
    whole(server, source)


async def test_abort_with_cancellation_removes_the_upload(server: ServerProcess, source: Path, modules: Path) -> None:
    """abort(true) cuts the PATCH and sends DELETE at once: 204, and nothing is left."""
    async with link(server, rate=RATE) as proxy:
        told = await ran(source, modules=modules, to=proxy, abortAt=MIB, terminate=True, options=DRAFT_05)
    [aborted] = told.all("aborted")
    assert told.statuses("DELETE") == [204]
    assert (staged(server.data_dir), published(server.data_dir, "files")) == ([], [])
    assert (await tus.head(server.port, aborted["url"].removeprefix(proxy.url))).status == 404


@needs_curl
@pytest.mark.parametrize("words", [("-T",), ("-H", "Content-Type: video/mp4", "--data-binary")], ids=["PUT", "POST"])
async def test_curl_sends_a_whole_file(words: tuple[str, ...], server: ServerProcess, source: Path) -> None:
    """curl -T FILE URL is enough; it knows no protocol."""
    file = str(source) if words[-1] == "-T" else f"@{source}"
    _, told = await curl(*words, file, f"{server.url}/files/")
    assert "< HTTP/1.1 201" in told
    whole(server, source)
