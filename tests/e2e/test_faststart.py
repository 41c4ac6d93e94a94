"""Faststart repair, from the upload to the player, over a real server: the file that was sent stays what was sent."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.test_media import settled, uploaded
from tests.e2e.tus import ask
from tests.faults.processes import ServerProcess
from tests.media.clips import make_clip
from tests.media.packets import packets

CONFIG = '[profiles.video]\nfaststart = "repair"\n'


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server that repairs videos of one profile."""
    config = tmp_path / "tusvideo.toml"
    config.write_text(CONFIG)
    async with ServerProcess(tmp_path / "data", options=("--config", str(config))) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log[-8000:]


async def test_a_player_need_not_wait_for_the_end(server: ServerProcess, tmp_path: Path) -> None:
    """Its address has the index in front, whole and in ranges; kill -9 loses neither; all else is as it was sent."""
    path = make_clip(tmp_path / "a.mp4", audio="aac", seconds=4)
    content = path.read_bytes()
    upload = await uploaded(server.port, path)
    [video] = await settled(server.port)
    assert (video["faststart"], video["size"]) == (False, len(content))
    assert video["play"].startswith(f"/api/videos/{video['id']}/play?v=")
    for _ in range(2):
        whole = await ask(server.port, f"GET {video['play']} HTTP/1.1")
        assert (whole.status, whole.headers["Content-Type"]) == (200, "video/mp4")
        repaired = tmp_path / "repaired.mp4"
        repaired.write_bytes(whole.body)
        assert whole.body.index(b"moov") < whole.body.index(b"mdat")
        assert packets(repaired) == packets(path)
        for first, last in ((0, 9), (100, len(content) - 1), (len(content) // 2, len(content) // 2)):
            part = await ask(server.port, f"GET {video['play']} HTTP/1.1", f"Range: bytes={first}-{last}")
            assert (part.status, part.body) == (206, whole.body[first : last + 1])
        etag = whole.headers["ETag"]
        same = await ask(server.port, f"GET {video['play']} HTTP/1.1", f"If-None-Match: {etag}")
        assert same.status == 304
        plain = await ask(server.port, f"HEAD {video['url']} HTTP/1.1")
        lines = ("Range: bytes=100-199", f"If-Range: {plain.headers['Last-Modified']}")
        glued = await ask(server.port, f"GET {video['play']} HTTP/1.1", *lines)
        assert (glued.status, glued.body) == (200, whole.body), "both are as old, and differ"
        for address in (video["url"], video["download"], upload):
            sent = await ask(server.port, f"GET {address} HTTP/1.1")
            assert sent.body == content
            assert sent.headers["ETag"] != etag
        proof = await ask(server.port, f"GET {upload}/digest HTTP/1.1")
        assert proof.json["digest"] == hashlib.sha256(content).hexdigest()
        await server.kill()
        await server.start()
