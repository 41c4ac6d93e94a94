"""The client against the server of this project, as a process: that both sides read the contract alike."""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import CLIP_BYTES
from tests.client.links import hurting_link
from tests.e2e.chunks import post_json
from tests.faults.processes import ServerProcess
from tests.media.clip import make_mp4
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    Follow,
    IntegrityError,
    Progress,
    RejectedError,
    UploadResult,
)
from tusvideo_client.clock import Clock
from tusvideo_client.model import Choice
from tusvideo_client.state import MIB
from tusvideo_client.transport import ANSWER_LIMIT, Transport

MARK = b"a link that flips bits sees this"


class Enough(Exception):
    """Raised by a progress callback to stop an upload in the middle."""


async def send(
    protocol: Choice, server: ServerProcess, path: Path, *, progress: Callable[[Progress], None] | None = None
) -> UploadResult:
    """Upload in pieces of 1 MiB over one of the protocols, on a clock that lets every report of progress through."""
    clock = Clock(now=partial(next, itertools.count(1.0)))
    if protocol == "chunks":
        return await AsyncChunkedVideoUploader(server.url, clock=clock).upload(path, title="Talk", progress=progress)
    async with AsyncUploader(server.url, protocol=protocol, request_bytes=MIB, clock=clock) as uploader:
        return await uploader.upload(path, title="Talk", profile="video", progress=progress)


def stop_at(offset: int) -> Callable[[Progress], None]:
    """A progress callback that raises once so much is stored."""

    def stop(now: Progress) -> None:
        if now.stored >= offset:
            raise Enough

    return stop


def on_disk(server: ServerProcess, result: UploadResult) -> bytes:
    """The published file in the user's folder."""
    (path,) = (server.data_dir / "uploads").rglob(result.filename)
    return path.read_bytes()


@pytest.mark.parametrize("protocol", ["tus", "ietf"])
async def test_a_stream_whose_end_comes_late_is_published(protocol: Choice, server: ServerProcess, clip: Path) -> None:
    """The server takes an end that is told alone, after the last byte, and publishes the file then."""
    data, stored = clip.read_bytes(), asyncio.Event()

    def tell(now: Progress) -> None:
        if now.stored == len(data):
            stored.set()

    async def produce() -> AsyncIterator[bytes]:
        yield data[:MIB]
        yield data[MIB:]
        await stored.wait()

    async with AsyncUploader(server.url, protocol=protocol) as uploader:
        result = await uploader.upload(produce(), name="talk.mp4", title="Talk", profile="video", progress=tell)
    assert on_disk(server, result) == data
    assert result.size == CLIP_BYTES


@pytest.mark.parametrize("protocol", ["tus", "ietf"])
async def test_a_recording_is_followed_left_and_gone_on_with(
    protocol: Choice, server: ServerProcess, clip: Path, tmp_path: Path
) -> None:
    """The second call proves by the server's digests that what is stored is the beginning of the file."""
    data, path = clip.read_bytes(), tmp_path / "live.mp4"
    path.write_bytes(data[:MIB])

    def finish(now: Progress) -> None:
        if now.stored == MIB:
            path.write_bytes(data)

    async with AsyncUploader(server.url, protocol=protocol) as uploader:
        with pytest.raises(Enough):
            await uploader.upload(
                path, follow=Follow(pid=os.getpid(), poll=0.01), profile="video", progress=stop_at(MIB)
            )
        follow = Follow(until=lambda: path.stat().st_size == CLIP_BYTES, poll=0.01)
        result = await uploader.upload(path, follow=follow, profile="video", progress=finish)
    assert (result.resumed_from, result.stats.wire_bytes) == (MIB, CLIP_BYTES - MIB)
    assert on_disk(server, result) == data


async def get(server: ServerProcess, url: str, *, method: str = "GET") -> tuple[int, bytes]:
    """One plain request: status and body."""
    async with Transport(server.url) as transport:
        reply = await transport.send(method, url)
    return reply.status, reply.body


@pytest.mark.parametrize("protocol", ["tus", "ietf", "chunks"])
async def test_a_video_is_published_with_its_record(protocol: Choice, server: ServerProcess, clip: Path) -> None:
    """The bytes in the user's folder, behind the result's address, and the title in the list."""
    result = await send(protocol, server, clip)
    assert on_disk(server, result) == clip.read_bytes()
    assert (result.size, result.stats.resent_bytes, result.stats.retries) == (CLIP_BYTES, 0, 0)
    assert (result.protocol, result.filename.endswith(".mp4")) == (protocol, True)
    assert await get(server, result.url) == (200, clip.read_bytes()[:ANSWER_LIMIT])
    _, videos = await get(server, f"{server.url}/api/videos")
    assert '"Talk"' in json.dumps(json.loads(videos))


@pytest.mark.parametrize("protocol", ["tus", "ietf", "chunks"])
async def test_a_rerun_resumes(protocol: Choice, server: ServerProcess, clip: Path) -> None:
    """What the first call stored is not sent again, though the server was killed -9 in between."""
    with pytest.raises(Enough):
        await send(protocol, server, clip, progress=stop_at(2 * MIB))
    await server.kill()
    await server.start()
    result = await send(protocol, server, clip)
    assert (result.resumed_from, result.restarted, result.unproven) == (2 * MIB, False, 0)
    assert result.stats.wire_bytes == CLIP_BYTES - 2 * MIB
    assert on_disk(server, result) == clip.read_bytes()


@pytest.mark.parametrize("protocol", ["tus", "ietf", "chunks"])
async def test_an_edited_file_starts_anew_and_the_old_upload_goes(
    protocol: Choice, server: ServerProcess, clip: Path
) -> None:
    """The new version arrives whole, and the server keeps nothing of the old one."""
    with pytest.raises(Enough):
        await send(protocol, server, clip, progress=stop_at(MIB))
    make_mp4(clip, size=CLIP_BYTES, seed=1)
    result = await send(protocol, server, clip)
    assert result.resumed_from == 0
    assert on_disk(server, result) == clip.read_bytes()
    assert [path for path in (server.data_dir / "staging").rglob("*") if path.is_file()] == []


async def test_the_same_key_gives_the_same_upload(server: ServerProcess) -> None:
    """A create whose answer was lost is repeated without a second upload."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Idempotency-Key": "0123456789abcdef"}
    async with Transport(server.url) as transport:
        first, second = [await transport.send("POST", f"{server.url}/files/", headers=headers) for _ in range(2)]
    assert (first.status, second.status // 100) == (201, 2)
    assert first.headers["Location"] == second.headers["Location"]


async def test_a_refusal_explains_itself(server: ServerProcess, tmp_path: Path) -> None:
    """What is no video is refused with a sentence of the server's."""
    path = tmp_path / "fake.mp4"
    path.write_bytes(b"%PDF-1.7" + bytes(8192))
    with pytest.raises(RejectedError) as caught:
        await AsyncChunkedVideoUploader(server.url).upload_video(path)
    assert caught.value.status == 415
    assert len(str(caught.value)) > len("the server answered 415: ")


@pytest.mark.parametrize("protocol", ["auto", "ietf"])
async def test_an_empty_file_is_published(protocol: Choice, server: ServerProcess, tmp_path: Path) -> None:
    """Zero bytes are a file like any other outside the video profiles."""
    (tmp_path / "empty.txt").touch()
    async with AsyncUploader(server.url, protocol=protocol) as uploader:
        result = await uploader.upload(tmp_path / "empty.txt")
    assert on_disk(server, result) == b""


async def record_of(server: ServerProcess) -> dict[str, Any]:
    """The only record there is."""
    _, body = await get(server, f"{server.url}/api/videos")
    (record,) = json.loads(body)["videos"]
    found: dict[str, Any] = record
    return found


async def patch(server: ServerProcess, video_id: str, **texts: str) -> None:
    """Change what a record says."""
    answer = await post_json(server.port, f"/api/videos/{video_id}", texts, method="PATCH")
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("protocol", ["tus", "ietf", "chunks"])
async def test_a_video_gets_another_file(protocol: Choice, server: ServerProcess, clip: Path, tmp_path: Path) -> None:
    """The record keeps its id and its texts; interrupted, the replacement is gone on with, and is not mistaken for an
    upload of the same file that replaces nothing. A title that comes along takes the place of the title alone."""
    await send(protocol, server, clip)
    before = await record_of(server)
    await patch(server, before["id"], description="calm")
    other = make_mp4(tmp_path / "cut.mp4", size=CLIP_BYTES, seed=1)

    async def replace(progress: Callable[[Progress], None] | None = None) -> UploadResult:
        clock = Clock(now=partial(next, itertools.count(1.0)))
        if protocol == "chunks":
            chunked = AsyncChunkedVideoUploader(server.url, clock=clock)
            return await chunked.upload(other, title="Lake", replaces=before["id"], progress=progress)
        async with AsyncUploader(server.url, protocol=protocol, request_bytes=MIB, clock=clock) as uploader:
            facts = {"profile": "video", "title": "Lake", "replaces": before["id"]}
            return await uploader.upload(other, **facts, progress=progress)

    with pytest.raises(Enough):
        await replace(stop_at(2 * MIB))
    with pytest.raises(Enough):
        await send(protocol, server, other, progress=stop_at(MIB))
    result = await replace()
    assert result.resumed_from == 2 * MIB
    assert on_disk(server, result) == other.read_bytes()
    after = await record_of(server)
    assert (after["id"], after["title"], after["filename"]) == (before["id"], "Lake", result.filename)
    assert after["description"] == "calm"


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_a_video_that_is_not_there_is_not_replaced(protocol: Choice, server: ServerProcess, clip: Path) -> None:
    """The server says so before it takes a byte."""
    async with AsyncUploader(server.url, protocol=protocol) as uploader:
        with pytest.raises(RejectedError, match="no such video") as caught:
            await uploader.upload(clip, replaces="0" * 32)
    assert caught.value.status == 404


def marked(clip: Path, *places: int) -> bytes:
    """Write something at these places that a link can know again; gives what the file is then."""
    data = bytearray(clip.read_bytes())
    for place in places:
        data[place : place + 4096] = MARK * 128
    clip.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("protocol", ["tus", "ietf"])
async def test_bits_that_flip_on_the_way_are_mended_before_anybody_sees_them(
    protocol: Choice, times: int, server: ServerProcess, clip: Path
) -> None:
    """In the middle, in pieces that are sent again, and in the last bytes: one file is published, and it is equal."""
    data = marked(clip, 2 * MIB, CLIP_BYTES - 100_000)
    async with (
        hurting_link(server.port, mark=MARK, times=times) as url,
        AsyncUploader(url, protocol=protocol, request_bytes=MIB) as uploader,
    ):
        result = await uploader.upload(clip, profile="video")
    assert on_disk(server, result) == data
    assert (result.restarted, result.verified) == (True, "checksums")
    assert min(times, 2) <= result.stats.damaged <= times
    assert len([path for path in (server.data_dir / "uploads").rglob("*.mp4") if path.is_file()]) == 1
    assert [path for path in (server.data_dir / "staging").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("protocol", ["tus", "ietf"])
async def test_a_link_that_damages_the_same_bytes_for_ever_publishes_nothing(
    protocol: Choice, server: ServerProcess, clip: Path
) -> None:
    """The error names the cure, and the user's folder is empty."""
    marked(clip, CLIP_BYTES - 100_000)
    async with (
        hurting_link(server.port, mark=MARK, times=-1) as url,
        AsyncUploader(url, protocol=protocol) as uploader,
    ):
        with pytest.raises(IntegrityError, match="damaged on its way") as caught:
            await uploader.upload(clip, profile="video")
    assert "https" in (caught.value.hint or "")
    assert [path for path in (server.data_dir / "uploads").rglob("*.mp4") if path.is_file()] == []


@pytest.mark.parametrize("protocol", ["tus", "ietf"])
async def test_a_clean_link_is_proven_with_nothing_sent_twice(
    protocol: Choice, server: ServerProcess, clip: Path
) -> None:
    """Ranges are compared by digests, and the result says so."""
    result = await send(protocol, server, clip)
    assert (result.verified, result.stats.damaged, result.stats.resent_bytes) == ("digests", 0, 0)
