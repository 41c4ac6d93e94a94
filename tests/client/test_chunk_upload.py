"""Uploads over the chunk API against a server on a real socket."""

from pathlib import Path

from tests.client.peer import Peer
from tusvideo_client import AsyncChunkedVideoUploader


async def test_a_video_arrives_whole(peer: Peer, video: Path) -> None:
    """Every chunk is sent once, in order, then finalize is asked once."""
    percents: list[int] = []
    name = await AsyncChunkedVideoUploader(peer.url).upload_video(video, percents.append)
    assert bytes(peer.only().data) == video.read_bytes()
    assert name == peer.only().filename
    assert percents == sorted(set(percents))
    assert percents[-1] == 100
