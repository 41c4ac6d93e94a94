"""The client is killed -9 in mid-upload and simply run again, with real processes."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.client.peer import Fault, Peer
from tests.client.processes import command, start
from tusvideo_client.state import MIB


@pytest.mark.parametrize("seed", range(3))
async def test_tus_resumes_after_kill_9(seed: int, peer: Peer, video: Path) -> None:
    """One upload is created, no byte below the stored offset is sent again, and the bytes are equal."""
    chance = random.Random(seed)
    for _ in range(3):
        peer.reached.clear()
        peer.faults = [Fault("PATCH", hold_after=chance.randrange(1, MIB // 2))]
        process = await start(str(video), "--to", peer.url)
        await peer.reached.wait()
        process.kill()
        await process.communicate()
    code, _, _ = await command("upload", str(video), "--to", peer.url)
    assert code == 0
    assert bytes(peer.only().data) == video.read_bytes()
    assert peer.count("POST") == 1
    patches = [seen for seen in peer.seen if seen.method == "PATCH"]
    ends = [0, *((seen.start or 0) + seen.received for seen in patches)]
    assert [seen.start for seen in patches] == ends[:-1]
    assert peer.sent_bytes() == video.stat().st_size


async def test_a_kill_before_the_201_makes_no_second_upload(peer: Peer, video: Path) -> None:
    """The record was on disk before the first request: the rerun carries the same key."""
    answered = asyncio.Event()

    def hold(_: object) -> None:
        answered.set()

    peer.on_request = hold
    peer.faults = [Fault("POST", lose=True, times=99)]
    process = await start(str(video), "--to", peer.url)
    await answered.wait()
    process.kill()
    await process.communicate()
    peer.faults = []
    assert (await command("upload", str(video), "--to", peer.url))[0] == 0
    assert bytes(peer.only().data) == video.read_bytes()
    assert len({seen.headers["Idempotency-Key"] for seen in peer.seen if seen.method == "POST"}) == 1


async def test_the_chunk_api_resumes_after_kill_9(peer: Peer, video: Path) -> None:
    """Every stored chunk is kept, and only the one under way is sent again."""
    arguments = (str(video), "--to", peer.url, "--protocol", "chunks", "--chunk-size", str(MIB // 4))
    for _ in range(3):
        peer.reached.clear()
        peer.faults = [Fault("POST", hold_after=MIB // 8, path="chunk", skip=2)]
        process = await start(*arguments)
        await peer.reached.wait()
        process.kill()
        await process.communicate()
    assert (await command("upload", *arguments))[0] == 0
    assert bytes(peer.only().data) == video.read_bytes()
    whole = [seen.start for seen in peer.seen if seen.path.endswith("chunk") and seen.start is not None]
    assert whole == list(range(11))
