"""Clients that cannot run here, by the very requests that they send: TUSKit, tus-java and tus-android, newer tuspy."""

import pytest

from tests.clients.journey import SIZE
from tests.e2e import tus
from tests.e2e.disk import MIB, published, video
from tests.faults.processes import ServerProcess
from tests.web.wire import Answer

ABSENT = "0" * 32

DATA = video(3, SIZE)


async def lower_case(
    server: ServerProcess, method: str, path: str, fields: dict[str, str], body: bytes = b""
) -> Answer:
    """Send a request as requests does for tuspy: names in lower case, and a length even when it is 0."""
    lines = [f"{name}: {value}" for name, value in fields.items()]
    common = (f"Host: 127.0.0.1:{server.port}", "User-Agent: python-requests/2.34.2", "Accept-Encoding: gzip, deflate")
    length = f"Content-Length: {len(body)}"
    first = f"{method} {path} HTTP/1.1"
    more = ("Accept: */*", "Connection: keep-alive", "Tus-Resumable: 1.0.0", *lines, length)
    return await tus.ask(server.port, first, *common, *more, body=body)


async def test_tuspy_ends_a_stream_with_an_empty_patch(server: ServerProcess) -> None:
    """The deferred length comes at the very end, in a PATCH without a byte, and is the offset: the upload is finished.

    As tuspy sends it since its pull request 108; no release on PyPI has it yet. Upload-Metadata is empty.
    """
    created = await lower_case(server, "POST", "/files/", {"upload-defer-length": "1", "upload-metadata": ""})
    assert created.status == 201
    path, kind = created.headers["Location"], {"Content-Type": "application/offset+octet-stream"}
    for at in range(0, SIZE, MIB):
        answer = await lower_case(server, "PATCH", path, {"upload-offset": str(at), **kind}, DATA[at : at + MIB])
        assert answer.status == 204
    assert (await lower_case(server, "HEAD", path, {})).headers["Upload-Defer-Length"] == "1"
    last = await lower_case(server, "PATCH", path, {"upload-offset": str(SIZE), "upload-length": str(SIZE), **kind})
    assert (last.status, last.headers["Upload-Offset"]) == (204, str(SIZE))
    assert [file.read_bytes() for file in published(server.data_dir, "files")] == [DATA]


async def test_mobile_clients_compare_the_offset(server: ServerProcess) -> None:
    """TUSKit and tus-android stop unless the answer to PATCH carries exactly the offset that they expect."""
    path = await tus.create(server.port, SIZE)
    for at in range(0, SIZE, 500_000):
        piece = DATA[at : at + 500_000]
        answer = await tus.patch(server.port, path, at=at, body=piece)
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(at + len(piece)))


async def test_a_patch_that_the_system_delivers_late_is_harmless(server: ServerProcess) -> None:
    """iOS may deliver a PATCH long after it was asked for, with old fields: 409 with the offset, no harm."""
    path = await tus.create(server.port, SIZE)
    assert (await tus.patch(server.port, path, at=0, body=DATA[:MIB])).status == 204
    late = await tus.patch(server.port, path, at=0, body=bytes(MIB // 2))
    assert (late.status, late.headers["Upload-Offset"]) == (409, str(MIB))
    assert (await tus.patch(server.port, path, at=MIB, body=DATA[MIB:])).status == 204
    late = await tus.patch(server.port, path, at=0, body=bytes(MIB // 2))
    assert (late.status, late.headers["Upload-Offset"]) == (409, str(SIZE))
    assert [file.read_bytes() for file in published(server.data_dir, "files")] == [DATA]


@pytest.mark.parametrize("collection", ["/files", "/files/"])
async def test_creation_is_never_redirected(collection: str, server: ServerProcess) -> None:
    """tus-java does not follow redirects of POST, and finds a Location that is a path."""
    answer = await tus.ask(server.port, f"POST {collection} HTTP/1.1", tus.TUS, "Upload-Length: 5")
    assert (answer.status, answer.headers["Location"].startswith("/files/")) == (201, True)


@pytest.mark.parametrize("terminated", [True, False], ids=["terminated", "never there"])
async def test_an_upload_that_is_not_there_is_404(terminated: bool, server: ServerProcess) -> None:
    """tus-android begins anew after 404 and gives up for good after 410, so 410 is for what has expired."""
    path = f"/files/{ABSENT}"
    if terminated:
        path = await tus.create(server.port, SIZE)
        assert (await tus.delete(server.port, path)).status == 204
    assert (await tus.head(server.port, path)).status == 404


async def test_a_failed_question_tells_no_offset(server: ServerProcess) -> None:
    """tuspy reads Upload-Offset before the status, so an error to HEAD has none."""
    path = await tus.create(server.port, SIZE)
    for answer in (
        await tus.head(server.port, f"/files/{ABSENT}"),
        await tus.ask(server.port, f"HEAD {path} HTTP/1.1", "Tus-Resumable: 2.0.0"),
    ):
        assert answer.status in {404, 412}
        assert "Upload-Offset" not in answer.headers


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [(("Upload-Length: 5",), "Upload-Length", "5"), (("Upload-Defer-Length: 1",), "Upload-Defer-Length", "1")],
)
async def test_a_question_tells_the_length_or_that_there_is_none(
    fields: tuple[str, ...], name: str, value: str, server: ServerProcess
) -> None:
    """tus-js-client gives up when HEAD has neither Upload-Length nor Upload-Defer-Length."""
    created = await tus.ask(server.port, "POST /files/ HTTP/1.1", tus.TUS, *fields)
    answer = await tus.head(server.port, created.headers["Location"])
    found = {key: answer.headers.get(key) for key in ("Upload-Length", "Upload-Defer-Length")}
    assert found == {"Upload-Length": None, "Upload-Defer-Length": None, name: value}
