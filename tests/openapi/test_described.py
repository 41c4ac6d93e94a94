"""The JSON routes answer as their description says: schemathesis sends what it allows, and what it does not.

Not among the checks is that all valid data is accepted: that the content of a file is a video, for one, no schema says.
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest_asyncio

from tests.e2e import chunks, tus
from tests.faults.processes import ServerProcess
from tests.media.clip import CLIP
from tests.web.wire import connect, until
from tusvideo.service.watching import MOST_STREAMS

HERE = Path(__file__).parent
OPERATIONS = 24
"""All but the one whose answer has no end."""
TO_REMOVE = 20
"""So many uploads, and so many records, are there for DELETE alone."""
CAPTIONS = 10
"""So many languages are there for DELETE alone."""
CAPTIONED = 4
"""So many records have captions: DELETE of records may take some of them before their captions are asked for."""

CUES = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello\n"
CHUNK = "/api/{profile}/video/chunk"
VIDEO = "/api/videos/{id}"
ENDLESS = "/api/events"


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server of its own; its log tells of no surprise."""
    async with ServerProcess(tmp_path / "data") as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log[-8000:]
    assert "request_failed" not in log, log[-8000:]


async def _finished(port: int, key: str) -> tuple[str, str]:
    """Publish a video and describe it; give the name of its file and the id of its record."""
    await chunks.put(port, key, 0, 1, data=CLIP.read_bytes())
    answer = await chunks.finalize(port, key, 1)
    filename = json.loads(answer.body)["filename"]
    record = await chunks.post_json(port, "/api/videos/metadata", {"filename": filename, "title": key})
    return filename, json.loads(record.body)["id"]


async def _has_thumbnail(port: int, video: str) -> bool:
    answer = await tus.ask(port, f"GET /api/videos/{video} HTTP/1.1")
    return answer.json["thumbnail"] is not None


async def _known(port: int) -> dict[str, Any]:
    """Store uploads, and tell by operation what requests may say about them."""
    filename, video = await _finished(port, "done")
    gone: list[Any] = []
    removed: list[Any] = []
    await chunks.put(port, "half", 0, 2, data=CLIP.read_bytes()[:1000])
    for number in range(TO_REMOVE):
        await chunks.put(port, f"gone-{number}", 0, 2, data=CLIP.read_bytes()[:1000])
        gone.append({"query": {"uploadId": f"gone-{number}"}})
        removed.append({"path_parameters": {"id": (await _finished(port, f"removed-{number}"))[1]}})
    path = await tus.create(port, 10)
    await tus.patch(port, path, at=0, body=b"hello")
    captioned = [video, *[(await _finished(port, f"captioned-{number}"))[1] for number in range(1, CAPTIONED)]]
    spare = [f"en-x-{number}" for number in range(CAPTIONS)]
    for one in captioned:
        for language in ("en", *spare):
            line = f"PUT /api/videos/{one}/captions/{language} HTTP/1.1"
            assert (await tus.ask(port, line, f"Content-Length: {len(CUES)}", body=CUES)).status == 201
    poster: Any = {"profile": "poster"}
    await until(lambda: _has_thumbnail(port, video))
    asked = [{"path_parameters": poster, "query": {"uploadId": key}} for key in ("half", "done")]
    return {
        f"GET {CHUNK}": asked,
        f"HEAD {CHUNK}": asked,
        f"DELETE {CHUNK}": [{"path_parameters": poster, **each} for each in gone],
        f"POST {CHUNK}": [
            {
                "path_parameters": poster,
                "body": {"uploadId": "half", "chunkIndex": 0, "totalChunks": 2, "fileSize": 2000},
            }
        ],
        "POST /api/{profile}/video/finalize": [
            {"path_parameters": poster, "body": {"uploadId": key, "filename": "clip.mp4", "totalChunks": total}}
            for key, total in (("done", 1), ("half", 2))
        ],
        "POST /api/videos/metadata": [{"body": {"filename": filename, "profile": "poster"}}],
        f"GET {VIDEO}": [{"path_parameters": {"id": video}}],
        f"PATCH {VIDEO}": [{"path_parameters": {"id": video}}],
        f"DELETE {VIDEO}": removed,
        f"POST {VIDEO}/restore": [{"path_parameters": {"id": video}}],
        f"GET {VIDEO}/thumbnail": [{"path_parameters": {"id": video}}],
        f"GET {VIDEO}/captions/{{language}}": [{"path_parameters": {"id": one, "language": "en"}} for one in captioned],
        f"PUT {VIDEO}/captions/{{language}}": [
            {"path_parameters": {"id": one, "language": "en"}, "body": CUES.decode()} for one in captioned
        ],
        f"DELETE {VIDEO}/captions/{{language}}": [
            {"path_parameters": {"id": one, "language": language}} for language in spare for one in captioned
        ],
        f"GET {VIDEO}/play": [{"path_parameters": {"id": video}}],
        f"GET {VIDEO}/download": [{"path_parameters": {"id": video}}],
        "GET /api/uploads/{id}": [{"path_parameters": {"id": path.rpartition("/")[2]}}],
        "PATCH /api/uploads/{id}": [{"path_parameters": {"id": path.rpartition("/")[2]}}],
        "GET /files/{id}/digest": [
            {"path_parameters": {"id": path.rpartition("/")[2]}, "query": {"from": 0, "to": 5}},
        ],
    }


async def test_every_operation_answers_as_described(server: ServerProcess, tmp_path: Path) -> None:
    """No answer that the description does not have, and each operation was seen to work."""
    report = tmp_path / "report.json"
    environment = {
        **os.environ,
        "TUSVIDEO_KNOWN": json.dumps(await _known(server.port)),
        "SCHEMATHESIS_HOOKS": "tests.openapi.known",
        "PYTHONPATH": str(HERE.parents[1]),
        # Its tables of Unicode take seconds to make; they are kept where the other tests have theirs.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(HERE.parents[1] / ".hypothesis"),
    }
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
            *("run", f"{server.url}/openapi.json"),
            *("--phases", "coverage,fuzzing,stateful"),
            *("--no-color", "--warnings", "off"),
            *("--report-json-path", str(report)),
            # Its answer has no end; it is judged by the other test.
            *("--exclude-path", ENDLESS),
        ],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout[-20000:] + ran.stderr[-2000:]
    found = json.loads(report.read_text())
    assert found["operations"]["tested"] == found["operations"]["total"] - 1 == OPERATIONS
    assert not found["failures"], found["failures"]
    accepted = {
        name: sum(phase["accepted"] for phase in phases.values()) for name, phases in found["valid_rates"].items()
    }
    never = sorted(name for name, count in accepted.items() if not count)
    assert len(accepted) == OPERATIONS
    assert not never, f"never seen to work: {never}"


def _judge(document: dict[str, Any], name: str, data: object) -> None:
    """Compare an object with one of the schemas."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema_rs.validate(schema, data)


async def _refused(port: int, lines: str, *, status: int, document: dict[str, Any]) -> None:
    answer = await tus.ask(port, lines)
    assert answer.status == status
    _judge(document, "Problem", answer.json)


async def test_events_are_as_described(server: ServerProcess) -> None:
    """Type, names and data of the stream that has no end; more streams than may be, and other methods, are refused."""
    document = (await tus.ask(server.port, "GET /openapi.json HTTP/1.1")).json
    described = document["paths"][ENDLESS]["get"]["responses"]
    wires = []
    for _ in range(MOST_STREAMS):
        wires.append(await connect(server.port))
        await wires[-1].send(f"GET {ENDLESS} HTTP/1.0")
        status, headers = await wires[-1].head()
        assert headers["Content-Type"].partition(";")[0] in described[str(status)]["content"]
    await _refused(server.port, f"GET {ENDLESS} HTTP/1.1", status=429, document=document)
    await _refused(server.port, f"POST {ENDLESS} HTTP/1.1", status=405, document=document)
    assert {"200", "429"} <= set(described)

    path = await tus.create(server.port, len(CLIP.read_bytes()), tus.metadata(title="Sea", filename="sea.mp4"))
    await tus.patch(server.port, path, at=0, body=CLIP.read_bytes())
    await tus.delete(server.port, path)
    seen: set[str] = set()
    schemas = {"upload": "Upload", "video": "Video"}
    while not {"upload_gone", "video_gone"} <= seen:
        lines = (await wires[0].reader.readuntil(b"\n\n")).decode("ascii").strip().split("\n")
        name, data = lines[0].removeprefix("event: "), lines[-1].removeprefix("data: ")
        if name in schemas:
            _judge(document, schemas[name], json.loads(data))
            seen.add(name)
        elif lines[0].startswith("event: "):
            assert list(json.loads(data)) == ["id"]
            seen.add(name)
    for wire in wires:
        await wire.close()
