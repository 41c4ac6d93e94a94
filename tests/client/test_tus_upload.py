"""Uploads over tus against a server on a real socket."""

from pathlib import Path

from tests.client.peer import Peer
from tusvideo_client import AsyncUploader, Progress


async def test_a_file_arrives_whole_with_one_create_and_one_patch(peer: Peer, video: Path) -> None:
    """On a clean link an upload costs two requests and no byte twice."""
    seen: list[Progress] = []
    async with AsyncUploader(peer.url) as uploader:
        result = await uploader.upload(video, title="Talk", progress=seen.append)
    assert bytes(peer.only().data) == video.read_bytes()
    assert [request.method for request in peer.seen] == ["POST", "PATCH"]
    assert peer.only().metadata == {"filename": "talk.mp4", "title": "Talk"}
    assert result.url == f"{peer.url}/uploads/files/local/talk.mp4"
    assert (result.stats.wire_bytes, result.stats.resent_bytes) == (video.stat().st_size, 0)
