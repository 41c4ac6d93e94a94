"""Video facts and thumbnails, from the upload to the record, over real processes that are killed."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import chunks, tus
from tests.e2e.conftest import Start
from tests.e2e.tus import ask
from tests.faults.processes import ServerProcess
from tests.media.clips import make_clip
from tests.web.wire import Answer, until

WAIT_SECONDS = 60


async def uploaded(port: int, path: Path, *, title: str = "Sea") -> str:
    """Upload a video whose title makes its record; gives the path of the upload."""
    content = path.read_bytes()
    metadata = tus.metadata(filename=path.name, title=title)
    answer = await ask(
        port,
        "POST /files/?profile=video HTTP/1.1",
        "Tus-Resumable: 1.0.0",
        f"Upload-Length: {len(content)}",
        metadata,
        "Content-Type: application/offset+octet-stream",
        f"Content-Length: {len(content)}",
        body=content,
    )
    assert answer.status == 201, answer.body
    return answer.headers["Location"]


async def records(port: int) -> list[dict[str, Any]]:
    """All records, newest first."""
    answer = await ask(port, "GET /api/videos?limit=100 HTTP/1.1")
    videos: list[dict[str, Any]] = answer.json["videos"]
    return videos


async def settled(port: int) -> list[dict[str, Any]]:
    """Wait until nothing is being examined; the records."""
    found: list[dict[str, Any]] = []

    async def are_settled() -> bool:
        found[:] = await records(port)
        return all(video["state"] != "checking" for video in found)

    await until(are_settled)
    return found


async def thumbnail(port: int, video: dict[str, Any], *fields: str, method: str = "GET") -> Answer:
    """Ask for the thumbnail of a record."""
    return await ask(port, f"{method} {video['thumbnail']} HTTP/1.1", *fields)


async def test_a_video_gets_its_facts_and_a_thumbnail(server: ServerProcess, tmp_path: Path) -> None:
    """Checking, then ready with all that is known; the picture is a JPEG that a browser may keep for itself."""
    await uploaded(server.port, make_clip(tmp_path / "a.mp4", audio="aac"))
    [first] = await records(server.port)
    assert first["state"] in {"checking", "ready"}
    [video] = await settled(server.port)
    assert (video["state"], video["reason"]) == ("ready", None)
    assert (video["width"], video["height"], video["rotation"]) == (320, 240, 0)
    assert (video["videoCodec"], video["audioCodec"], video["faststart"]) == ("h264", "aac", False)
    assert video["duration"] == pytest.approx(2, abs=0.2)
    picture = await thumbnail(server.port, video)
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/jpeg")
    assert picture.body.startswith(b"\xff\xd8\xff")
    assert picture.headers["Cache-Control"] == "private, no-cache"
    again = await thumbnail(server.port, video, f"If-None-Match: {picture.headers['ETag']}")
    assert (again.status, again.body) == (304, b"")
    head = await thumbnail(server.port, video, method="HEAD")
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(picture.body)))


async def test_a_damaged_video_fails_and_stays(server: ServerProcess, tmp_path: Path) -> None:
    """S-36: its upload stays finished, its record says why, without a thumbnail; the file is served as it came."""
    path = make_clip(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:2000])
    upload = await uploaded(server.port, path)
    [video] = await settled(server.port)
    assert video["state"] == "failed"
    assert "cannot be read as a video" in video["reason"]
    told = await ask(server.port, f"HEAD {upload} HTTP/1.1", "Tus-Resumable: 1.0.0")
    assert (told.status, told.headers["Upload-Offset"], told.headers["Content-Location"]) == (200, "2000", video["url"])
    assert video["thumbnail"] is None
    assert (await ask(server.port, f"GET /api/videos/{video['id']}/thumbnail HTTP/1.1")).status == 404
    assert (await ask(server.port, f"GET {video['url']} HTTP/1.1")).body == path.read_bytes()


async def test_a_finalized_and_described_video(server: ServerProcess, tmp_path: Path) -> None:
    """The documented routes lead there too."""
    content = make_clip(tmp_path / "a.mp4").read_bytes()
    assert (await chunks.put(server.port, "key", 0, 1, data=content)).status == 200
    filename = (await chunks.finalize(server.port, "key", 1)).json["filename"]
    said = {"filename": filename, "title": "Sea"}
    made = await chunks.post_json(server.port, "/api/videos/metadata", said)
    assert (made.status, made.json["state"]) == (201, "checking")
    [video] = await settled(server.port)
    assert (video["state"], video["videoCodec"]) == ("ready", "h264")


async def test_a_server_that_was_killed_examines_the_rest(start: Start, tmp_path: Path) -> None:
    """kill -9 while six wait: after the next start all get their facts, and no process is left."""
    server = await start()
    for number in range(6):
        await uploaded(server.port, make_clip(tmp_path / f"{number}.mp4", seconds=0.5))
    await until(lambda: bool(_children(server.pid)))
    children = _children(server.pid)
    await server.kill()
    for pid in children:
        await _gone(pid)
    await server.start()
    found = await settled(server.port)
    assert len(found) == 6
    assert {video["state"] for video in found} == {"ready"}
    assert all(video["thumbnail"] for video in found)


async def test_an_orderly_stop_does_not_wait_for_videos(start: Start, tmp_path: Path) -> None:
    """SIGTERM while some wait: the server ends at once with 0, and goes on with them when it is back."""
    server = await start()
    for number in range(6):
        await uploaded(server.port, make_clip(tmp_path / f"{number}.mp4", seconds=0.5))
    assert await server.stop() == 0
    await server.start()
    assert {video["state"] for video in await settled(server.port)} == {"ready"}


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


async def _gone(pid: int) -> None:
    """Wait until a process has ended: the kernel kills it when its parent is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
