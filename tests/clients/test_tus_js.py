"""tus-js-client in Node.js: every mode of it, through cuts, kills and its own death."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.journey import CHECKPOINT, CUTS, KILL_AT, PER_CUT, PER_KILL, RATE, SIZE, killed_once, link, whole
from tests.clients.tus_js import NEXT, VERSIONS, begun, ran
from tests.e2e import tus
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, published, staged
from tests.faults.processes import ServerProcess
from tests.faults.proxy import Fault, Kind

DEFERRED = {"stream": "node", "options": {"uploadLengthDeferred": True, "chunkSize": MIB}}
MODES = [
    pytest.param({}, id="one PATCH"),
    pytest.param({"options": {"chunkSize": 700_001}}, id="chunks"),
    pytest.param({"options": {"overridePatchMethod": True}}, id="overridePatchMethod"),
    pytest.param({"options": {"uploadDataDuringCreation": True, "chunkSize": MIB - 1}}, id="uploadDataDuringCreation"),
    pytest.param(DEFERRED, id="uploadLengthDeferred"),
]


@pytest.mark.parametrize("version", VERSIONS)
async def test_one_upload_is_one_post_and_one_patch(
    version: dict[str, Any], server: ServerProcess, source: Path, modules: Path
) -> None:
    """No limit of ours makes it split the file; Location is a path that it resolves; offsets stay within the length."""
    told = await ran(source, modules=modules, to=server, **version)
    assert told.url().startswith(f"{server.url}/files/")
    assert told.methods() == ["POST", "PATCH"]
    created, patched = told.all("answer")
    assert (created["status"], created["fields"]["Location"][0]) == (201, "/")
    assert (patched["status"], patched["fields"]["Upload-Offset"]) == (204, str(SIZE))
    assert whole(server, source).name == source.name


@pytest.mark.parametrize("mode", [*MODES, *VERSIONS[1:]])
async def test_upload_is_cut_and_resumed(
    mode: dict[str, Any], server: ServerProcess, source: Path, modules: Path
) -> None:
    """Cut twice, it asks with HEAD and goes on: one upload, every byte right, and little is sent twice."""
    async with link(server, *CUTS) as proxy:
        told = await ran(source, modules=modules, to=proxy, **mode)
        assert told.url()
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * PER_CUT
    assert set(told.statuses("HEAD")) == {200}
    assert told.statuses("POST").count(201) == 1
    whole(server, source)


@pytest.mark.parametrize("mode", [MODES[0], MODES[3], MODES[4]])
async def test_server_is_killed_and_comes_back(mode: dict[str, Any], start: Start, source: Path, modules: Path) -> None:
    """After kill -9 it goes on with the same upload, behind no byte that was made durable; HEAD is never an error."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        told = await ran(source, modules=modules, to=proxy, **mode)
        assert told.url()
        assert proxy.body_bytes <= SIZE + PER_KILL
    assert set(told.statuses("HEAD")) == {200}
    assert told.statuses("POST").count(201) == 1
    whole(server, source)


@pytest.mark.parametrize("dies", [True, False], ids=["kill -9", "abort()"])
async def test_next_run_resumes_from_the_stored_url(
    dies: bool, server: ServerProcess, source: Path, modules: Path
) -> None:
    """A run that was killed or aborted is gone on with by another one, from the URL that the first one stored."""
    async with link(server, rate=RATE) as proxy:
        if dies:
            first = await begun(source, modules=modules, to=proxy)
            await proxy.passed(KILL_AT)
            await first.killed()
            proxy.break_all()  # the kernel would go on sending for the dead
        else:
            told = await ran(source, modules=modules, to=proxy, abortAt=KILL_AT, options={"chunkSize": MIB // 4})
            assert told.all("aborted")
        assert published(server.data_dir, "files") == []
        told = await ran(source, modules=modules, to=proxy, resume=True)
        assert told.url()
        assert told.methods() == ["HEAD", "PATCH"]
        assert proxy.body_bytes <= SIZE + PER_CUT
    whole(server, source)


@pytest.mark.parametrize("cuts", [(), CUTS], ids=["whole", "cut"])
async def test_parallel_uploads_become_one_file(
    cuts: tuple[Fault, ...], server: ServerProcess, source: Path, modules: Path
) -> None:
    """parallelUploads: four partial uploads side by side, then a final one with their whole addresses; it succeeds at
    201, the file is right and has the metadata of the whole, cut on the way or not."""
    async with link(server, *cuts) as proxy:
        options = {"parallelUploads": 4, "metadata": {"filename": source.name}, "chunkSize": MIB // 2}
        told = await ran(source, modules=modules, to=proxy, options=options)
        assert told.url()
        assert proxy.body_bytes <= SIZE + len(cuts) * PER_CUT
    assert told.statuses("POST").count(201) >= 5
    assert set(told.statuses("HEAD")) <= {200}
    [file] = published(server.data_dir, "files")
    assert (file.name, file.read_bytes()) == (source.name, source.read_bytes())
    assert len(staged(server.data_dir)) == 4, "the pieces stay until they expire or are removed"


async def test_abort_with_termination_removes_the_upload(server: ServerProcess, source: Path, modules: Path) -> None:
    """abort(true) cuts the PATCH and sends DELETE at once: 204, and nothing is left."""
    async with link(server, rate=RATE) as proxy:
        told = await ran(source, modules=modules, to=proxy, abortAt=MIB, terminate=True)
    [aborted] = told.all("aborted")
    assert told.statuses("DELETE") == [204]
    assert (staged(server.data_dir), published(server.data_dir, "files")) == ([], [])
    assert (await tus.head(server.port, aborted["url"].removeprefix(proxy.url))).status == 404


async def test_empty_file_is_finished_by_its_post(server: ServerProcess, tmp_path: Path, modules: Path) -> None:
    """For Upload-Length 0 it sends POST and nothing else, so the file has to be there then."""
    empty = tmp_path / "empty.txt"
    empty.touch()
    told = await ran(empty, modules=modules, to=server)
    assert told.url()
    assert told.methods() == ["POST"]
    assert whole(server, empty).name == "empty.txt"


async def test_deferred_length_comes_with_no_byte(server: ServerProcess, tmp_path: Path, modules: Path) -> None:
    """A stream that ends where a chunk ends: the last PATCH brings Upload-Length and not one byte, and finishes.

    With a stream of Node.js both versions wait for ever there, so this is one of the web.
    """
    source = tmp_path / "even.bin"
    source.write_bytes(bytes(2 * MIB))
    told = await ran(source, modules=modules, to=server, **{**DEFERRED, **NEXT, "stream": "web"})
    assert told.url()
    assert [told["fields"]["Upload-Length"] for told in told.all("request")] == [None, None, None, str(2 * MIB)]
    assert [told["fields"]["Upload-Offset"] for told in told.all("answer", "PATCH")][1:] == [str(2 * MIB)] * 2
    whole(server, source)


async def test_finished_upload_needs_no_patch(server: ServerProcess, source: Path, modules: Path) -> None:
    """HEAD with the offset at the length is success: it believes that without sending anything."""
    await ran(source, modules=modules, to=server)
    told = await ran(source, modules=modules, to=server, resume=True)
    assert told.url()
    assert told.methods() == ["HEAD"]
    [answer] = told.all("answer")
    assert answer["fields"]["Upload-Offset"] == answer["fields"]["Upload-Length"] == str(SIZE)
    whole(server, source)


async def test_last_answer_is_lost(server: ServerProcess, source: Path, modules: Path) -> None:
    """When nobody hears that the last byte was stored, HEAD tells it, and no byte is sent again."""
    async with link(server, Fault(Kind.ANSWER, SIZE)) as proxy:
        told = await ran(source, modules=modules, to=proxy)
        assert told.url()
        assert proxy.cuts == 1
        assert proxy.body_bytes == SIZE
    assert told.methods() == ["POST", "PATCH", "HEAD"]
    whole(server, source)


async def test_lost_creation_makes_a_second_upload(server: ServerProcess, source: Path, modules: Path) -> None:
    """Cut in a POST with data it has no URL to ask, so it begins anew: the first upload is left to its expiry."""
    options = {"uploadDataDuringCreation": True}
    async with link(server, Fault(Kind.RESET, MIB)) as proxy:
        told = await ran(source, modules=modules, to=proxy, options=options)
        assert told.url()
        assert proxy.body_bytes <= SIZE + MIB + PER_CUT
    assert told.methods() == ["POST", "POST"]
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == source.read_bytes()
    assert len(staged(server.data_dir)) == 1


async def test_stored_url_that_is_gone_is_forgotten(server: ServerProcess, source: Path, modules: Path) -> None:
    """404 for a stored URL makes it begin anew, and at once."""
    first = await ran(source, modules=modules, to=server, abortAt=1)
    [aborted] = first.all("aborted")
    assert (await tus.delete(server.port, aborted["url"].removeprefix(server.url))).status == 204
    told = await ran(source, modules=modules, to=server, resume=True)
    assert told.statuses("HEAD") == [404]
    assert told.methods() == ["HEAD", "POST", "PATCH"]
    whole(server, source)


async def test_somebody_else_appends_in_between(server: ServerProcess, source: Path, modules: Path) -> None:
    """A newcomer takes the upload over; what the first is told then (409, 423 or a cut) makes it ask, not give up."""
    async with link(server, rate=RATE) as proxy:
        first = await begun(source, modules=modules, to=proxy, options={"chunkSize": MIB})
        await proxy.passed(KILL_AT)
        [entry] = [path for path in staged(server.data_dir) if path.is_file()]
        path = f"/files/{entry.name}"
        at = await tus.offset(server.port, path)
        answer = await tus.patch(server.port, path, at=at + MIB, body=b"too far")
        assert (answer.status, int(answer.headers["Upload-Offset"]) >= at) == (409, True)
        while (await tus.patch(server.port, path, at=at, body=source.read_bytes()[at : at + 4096])).status != 204:
            at = await tus.offset(server.port, path)
        told = await first.ended()
        assert told.url()
    assert set(told.statuses("PATCH")) <= {204, 409, 423}
    assert set(told.statuses("HEAD")) <= {200, 423}
    whole(server, source)


async def test_refusal_for_good_is_not_retried(server: ServerProcess, tmp_path: Path, modules: Path) -> None:
    """What is no video is refused with 415 in the profile for videos: an error to the app, and no second try."""
    text = tmp_path / "letter.mp4"
    text.write_text("Dear Sir or Madam, " * 4096)
    options = {"metadata": {"filename": text.name, "profile": "video"}, "chunkSize": 8192}
    told = await ran(text, modules=modules, to=server, options=options)
    [error] = told.all("error")
    assert error["status"] == 415
    assert told.methods() == ["POST", "PATCH"]


async def test_request_ids_come_back(server: ServerProcess, source: Path, modules: Path) -> None:
    """addRequestId: every answer has the X-Request-ID of its request, and the log has them too."""
    told = await ran(source, modules=modules, to=server, options={"addRequestId": True})
    sent = [request["fields"]["X-Request-ID"] for request in told.all("request")]
    assert None not in sent
    assert [answer["fields"]["X-Request-ID"] for answer in told.all("answer")] == sent
    log = server.log.read_text()
    assert all(request_id in log for request_id in sent)


async def test_expiry_is_told(server: ServerProcess, source: Path, modules: Path) -> None:
    """Upload-Expires is there while an upload is unfinished, though no client reads it today."""
    told = await ran(source, modules=modules, to=server, options={"chunkSize": MIB})
    answers = told.all("answer")
    assert [answer["fields"]["Upload-Expires"] is not None for answer in answers] == [True, True, True, True, False]
