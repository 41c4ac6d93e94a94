"""Resumable uploads of the IETF draft and plain uploads against a real server that is killed, and by stock clients."""

import asyncio
import hashlib
import http.client
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Start
from tests.faults.processes import ServerProcess
from tests.web.ietf.client import V9
from tests.web.wire import Answer, Wire, connect

FULL, MORE = "Upload-Complete: ?1", "Upload-Complete: ?0"
PARTIAL = "Content-Type: application/partial-upload"
MIB = 1024 * 1024


def content(size: int) -> bytes:
    """Bytes that differ from place to place."""
    return random.Random(size).randbytes(size)


async def ask(server: ServerProcess, *lines: str, body: bytes = b"") -> Answer:
    """Send one request on a connection of its own."""
    wire = await connect(server.port)
    try:
        return await wire.ask(*lines, body=body)
    finally:
        await wire.close()


async def begun(wire: Wire, *fields: str, length: int) -> str:
    """Begin a creation and give the path that the interim answer tells."""
    await wire.send("POST /files/?filename=clip.bin HTTP/1.1", V9, *fields, f"Content-Length: {length}")
    status, headers = await wire.head()
    assert status == 104
    return headers["Location"]


async def offset_of(server: ServerProcess, path: str) -> int:
    """Ask where an upload stands, as a client of version 9 does."""
    answer = await ask(server, f"HEAD {path} HTTP/1.1", V9)
    assert (answer.status, answer.headers["Upload-Complete"]) == (204, "?0")
    return int(answer.headers["Upload-Offset"])


async def finished(server: ServerProcess, path: str, data: bytes) -> Any:
    """Send what is missing, and give the JSON of the last answer; the file must have all bytes."""
    offset = await offset_of(server, path)
    fields = (V9, PARTIAL, FULL, f"Upload-Offset: {offset}", f"Content-Length: {len(data) - offset}")
    answer = await ask(server, f"PATCH {path} HTTP/1.1", *fields, body=data[offset:])
    assert (answer.status, answer.headers["Upload-Complete"]) == (201, "?1")
    download = await ask(server, f"GET {answer.json['url']} HTTP/1.1")
    assert hashlib.sha256(download.body).digest() == hashlib.sha256(data).digest()
    return answer.json


async def test_a_creation_survives_a_kill(server: ServerProcess) -> None:
    """IETF 36, 55, 83: kill -9 in the middle; what an interim answer said is there, and the rest is sent once."""
    data = content(24 * MIB)
    wire = await connect(server.port)
    path = await begun(wire, FULL, length=len(data))
    sent, promised = 0, 0
    while not promised:
        # Slowly, so that a second passes: progress is told then.
        await wire.raw(data[sent : sent + MIB])
        sent += MIB
        try:
            async with asyncio.timeout(0.3):
                status, headers = await wire.head()
        except TimeoutError:
            continue
        assert (status, "Location" in headers) == (104, False)
        promised = int(headers["Upload-Offset"])
    assert 0 < promised <= sent
    await server.kill()
    assert not (await wire.ended()).startswith(b"HTTP/1.1 2")
    await wire.close()
    await server.start()
    assert promised <= await offset_of(server, path) <= sent
    assert (await finished(server, path, data))["size"] == len(data)


async def test_a_long_body_that_is_taken_over_is_told_of(server: ServerProcess) -> None:
    """IETF 44, 82: 104, then 100, then progress though the body no longer goes through aiohttp; one answer."""
    data = content(20 * MIB)
    wire = await connect(server.port)
    path = await begun(wire, FULL, "Expect: 100-continue", length=len(data))
    assert (await wire.head())[0] == 100
    await wire.raw(data[: 12 * MIB])
    status, headers = await _slow(wire, data[12 * MIB : 13 * MIB])
    assert (status, "Location" in headers) == (104, False)
    assert 0 < int(headers["Upload-Offset"]) < len(data)
    await wire.raw(data[13 * MIB :])
    answer = await wire.answer()
    assert (answer.status, answer.headers["Location"], answer.json["size"]) == (201, path, len(data))
    await wire.close()


async def _slow(wire: Wire, block: bytes) -> tuple[int, Any]:
    """Send byte after byte until something comes back."""
    waiting = asyncio.ensure_future(wire.head())
    for number in range(len(block)):
        if waiting.done():
            break
        await wire.raw(block[number : number + 1])
        await asyncio.wait([waiting], timeout=0.05)
    else:
        pytest.fail("no progress was told")
    rest = block[number:]
    await wire.raw(rest)
    return await waiting


async def test_a_stopped_server_keeps_what_came(server: ServerProcess) -> None:
    """IETF 36, 55: SIGTERM in the middle of a creation; the client goes on with the next server."""
    data = content(3 * MIB)
    wire = await connect(server.port)
    path = await begun(wire, FULL, length=len(data))
    await wire.raw(data[:MIB])
    await server.stop()
    await wire.close()
    await server.start()
    assert await offset_of(server, path) <= MIB
    await finished(server, path, data)


async def test_appends_survive_kills(server: ServerProcess) -> None:
    """IETF 55, 83: whatever was acknowledged is there after each of them."""
    data = content(5 * MIB)
    path = (await ask(server, "POST /files/ HTTP/1.1", V9, MORE, "Content-Length: 0")).headers["Location"]
    for number in range(4):
        start = number * MIB
        fields = (V9, PARTIAL, MORE, f"Upload-Offset: {start}", f"Content-Length: {MIB}")
        answer = await ask(server, f"PATCH {path} HTTP/1.1", *fields, body=data[start : start + MIB])
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(start + MIB))
        await server.kill()
        await server.start()
        assert await offset_of(server, path) == start + MIB
    await finished(server, path, data)


@pytest.mark.parametrize(
    "options",
    [
        ("-T", "{file}", "{url}/files/"),
        ("-T", "{file}", "-H", "Transfer-Encoding: chunked", "{url}/files/"),
        ("--data-binary", "@{file}", "{url}/files/?filename=holiday.bin"),
        ("-F", "file=@{file}", "{url}/files/"),
        ("-F", "title=Holiday", "-F", "anything=@{file};filename=holiday.bin", "{url}/files/"),
    ],
    ids=["put", "put in chunks", "post", "form", "form with a title"],
)
async def test_curl(server: ServerProcess, tmp_path: Path, options: tuple[str, ...]) -> None:
    """IETF 109: a whole file, with nothing but curl."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    data = content(2 * MIB)
    file = tmp_path / "holiday.bin"
    file.write_bytes(data)
    command = ("curl", "-sS", "--fail-with-body", *(text.format(file=file, url=server.url) for text in options))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    answer = json.loads(told)
    assert (process.returncode, answer["filename"], answer["size"]) == (0, "holiday.bin", len(data))
    assert (await ask(server, f"GET {answer['url']} HTTP/1.1")).body == data


async def test_http_client(server: ServerProcess) -> None:
    """Python's own client takes any interim answer but 100 for the last one: without a version it never gets one."""
    data = content(MIB)

    def upload() -> tuple[int, Any, str | None, int]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", "/files/?filename=a.bin", headers={"Upload-Complete": "?0"})
        created = connection.getresponse()
        created.read()
        path = created.headers["Location"]
        status, told, complete_told = 0, b"", None
        for start, complete in ((0, "?0"), (len(data) // 2, "?1")):
            stop = len(data) // 2 if complete == "?0" else len(data)
            fields = {
                "Upload-Offset": str(start),
                "Upload-Complete": complete,
                "Content-Type": "application/partial-upload",
            }
            connection.request("PATCH", path, body=data[start:stop], headers=fields)
            answer = connection.getresponse()
            status, told, complete_told = answer.status, answer.read(), answer.headers["Upload-Complete"]
        connection.close()
        return created.status, json.loads(told), complete_told, status

    created, document, complete, status = await asyncio.to_thread(upload)
    assert (created, status, complete) == (201, 201, "?1")
    assert (await ask(server, f"GET {document['url']} HTTP/1.1")).body == data


async def test_interim_answers_are_an_option(start: Start) -> None:
    """Behind proxies that do not pass them on they can be switched off; the answer is the same."""
    for value, interim in (("never", ()), ("always", (104,)), ("auto", (104,))):
        server = await start(server_interim_answers=value)
        answer = await ask(server, "POST /files/ HTTP/1.1", V9, FULL, "Content-Length: 5", body=b"hello")
        assert (answer.status, answer.interim) == (201, interim)
