"""Chunks on several connections at once: where they help, what a failure costs, pauses and cancels."""

import asyncio
import random
import statistics
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.client.chunked import CHUNKS, chunks_sent, uploader
from tests.client.conftest import Command, Waits
from tests.client.links import slow_link
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    Continued,
    Paused,
    Phase,
    Progress,
    RejectedError,
    RetryPolicy,
    Stalled,
    Stored,
    chunks,
    width,
)
from tusvideo_client.events import UploadEvent
from tusvideo_client.journal import Journal
from tusvideo_client.state import DOCUMENTED, MIB
from tusvideo_client.width import Connections, Width, after_failure

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what has left")


def large(tmp_path: Path, size: int) -> Path:
    """A file of so many bytes."""
    path = tmp_path / "large.mp4"
    path.write_bytes(random.Random(3).randbytes(size))
    return path


@pytest.mark.parametrize(
    ("is_shared", "at_the_end"),
    [(False, {2, 3, 4}), (True, {1})],
    ids=["each its own rate", "one rate for all"],
)
async def test_several_connections_only_where_they_help(
    is_shared: bool, at_the_end: set[int], peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come one by one while each makes the upload faster; where it does not, the one that was tried goes again."""
    monkeypatch.setattr(width, "SECONDS", 0.7)
    video = large(tmp_path, 6 * MIB)
    async with slow_link(peer.port, bytes_per_second=3 * MIB // 2, is_shared=is_shared) as url:
        client = AsyncChunkedVideoUploader(url, chunk_size=MIB // 8, retry=RetryPolicy())
        result = await client.upload(video)
    assert bytes(peer.only().data) == video.read_bytes()
    assert result.stats.resent_bytes == 0
    assert max(peer.together) > 1  # it was tried
    assert statistics.median_low(peer.together[-6:]) in at_the_end  # where the last bytes leave, the next ones begin


@pytest.mark.parametrize(("fault", "lost"), [("cut_after", MIB // 2), ("status", 0)])
async def test_a_failure_on_one_of_several_connections_costs_one_chunk(
    fault: str, lost: int, peer: Peer, tmp_path: Path
) -> None:
    """The others end in their own time and are booked; then the server is asked, and no stored chunk goes twice."""
    value = 503 if fault == "status" else lost
    peer.faults = [Fault("POST", path="chunk", skip=skip, **{fault: value}) for skip in (2, 3, 6)]  # type: ignore[arg-type]  # of several types
    video = large(tmp_path, 12 * MIB + 5)
    client = AsyncChunkedVideoUploader(peer.url, chunk_size=MIB, retry=RetryPolicy(base=0.01), connections=4)
    result = await client.upload(video)
    assert bytes(peer.only().data) == video.read_bytes()
    arrived = [index for index in chunks_sent(peer) if index is not None]
    assert (sorted(arrived), len(chunks_sent(peer))) == ([*range(13)], 13 + 3)
    assert result.stats.resent_bytes <= 3 * MIB


async def test_a_pause_is_told_once_and_nothing_is_lost(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of connections: one Paused, one Continued, and then the upload goes on."""
    monkeypatch.setattr(chunks, "PAUSE_GRACE", 0.0)  # they are held for ever
    peer.faults = [Fault("POST", path="chunk", hold_after=MIB // 2, skip=skip) for skip in (3, 3, 3, 3)]
    video = large(tmp_path, 9 * MIB)
    told: list[str] = []
    held = asyncio.Event()

    def hear(event: UploadEvent) -> None:
        if isinstance(event, Paused | Continued):
            told.append(type(event).__name__)
            held.set()

    client = AsyncChunkedVideoUploader(peer.url, chunk_size=MIB, retry=RetryPolicy(), connections=4)
    handle = client.start(video, on_event=hear)
    await peer.reached.wait()
    handle.pause()
    await held.wait()
    handle.resume()
    await handle
    assert told == ["Paused", "Continued"]
    assert bytes(peer.only().data) == video.read_bytes()


@LINUX
async def test_what_refuses_one_goes_before_what_puts_off_the_others(
    peer: Peer, tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that judges by the first chunk may ask to come again with the others until it has seen that one."""
    another_failed = asyncio.Event()

    def fail(before: Width, *, at: float) -> Width:
        another_failed.set()
        return after_failure(before, at=at)

    async def judge(index: int) -> None:
        if index:
            raise web.HTTPServiceUnavailable
        await another_failed.wait()
        raise web.HTTPUnsupportedMediaType

    monkeypatch.setattr(chunks, "after_failure", fail)
    peer.before_answer = judge
    async with AsyncUploader(peer.url, protocol="chunks", clock=waits.clock) as client:
        with pytest.raises(RejectedError) as caught:
            await client.upload(large(tmp_path, MIB))
    assert (caught.value.status, waits.slept) == (415, [])


async def test_silence_at_one_place_is_given_ever_more_time(peer: Peer, tmp_path: Path) -> None:
    """A link may be slower than it seems: who is given up there twice gets two, four, then eight times the time."""
    peer.faults = [Fault("POST", path="chunk", hold_after=0, times=6)]
    silences: list[float] = []

    def hear(event: UploadEvent) -> None:
        if isinstance(event, Stalled):
            silences.append(event.seconds)

    client = AsyncChunkedVideoUploader(
        peer.url, chunk_size=6 * MIB, retry=RetryPolicy(base=0.01), stall_timeout=0.15, connections=1
    )
    await client.upload(large(tmp_path, 6 * MIB), on_event=hear)
    assert len(silences) == 6
    assert all(silence >= 0.05 * times for silence, times in zip(silences, (1, 1, 2, 4, 8, 8), strict=True)), silences


@LINUX
async def test_the_link_is_not_idle_while_an_answer_is_waited_for(peer: Peer, tmp_path: Path) -> None:
    """A chunk begins when the last byte of the one before has left; here none is answered before the next one came."""
    video = large(tmp_path, MIB)
    came: dict[int, asyncio.Event] = {index: asyncio.Event() for index in range(9)}
    came[4].set()  # nobody comes after the last one

    async def wait_for_the_next(index: int) -> None:
        came[index].set()
        await came[index + 1].wait()

    peer.before_answer = wait_for_the_next
    async with AsyncUploader(peer.url, protocol="chunks") as client:
        result = await client.upload(video)
    assert (result.stats.resent_bytes, chunks_sent(peer)) == (0, [0, 1, 2, 3])
    assert bytes(peer.only().data) == video.read_bytes()


@pytest.mark.parametrize(
    ("options", "most"),
    [({"connections": 1}, 1), ({"connections": 2}, 2), ({"rate_limit": 64 * MIB}, 1), pytest.param({}, 4, marks=LINUX)],
)
async def test_as_many_answers_are_waited_for_as_there_may_be_connections(
    options: dict[str, int], most: int, peer: Peer, tmp_path: Path
) -> None:
    """And no more: those that wait for an answer count as well, so that a cut never costs more than 1 MiB."""
    waiting, as_many, one_more, go_on = 0, asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(_: int) -> None:
        nonlocal waiting
        waiting += 1
        if waiting >= most:
            (as_many if waiting == most else one_more).set()
        await go_on.wait()

    peer.before_answer = hold
    async with AsyncUploader(peer.url, protocol="chunks", **options) as client:  # type: ignore[arg-type]  # of several types
        handle = client.start(large(tmp_path, 3 * MIB))
        await as_many.wait()
        with pytest.raises(TimeoutError):  # nothing tells that it does not come
            async with asyncio.timeout(0.25):
                await one_more.wait()
        go_on.set()
        await handle


@pytest.mark.parametrize("connections", [1, 4])
async def test_a_pause_lets_chunks_end(
    connections: int, peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on its way arrives and is booked before the pause is told; nothing else begins or goes twice."""
    monkeypatch.setattr(chunks, "PAUSE_GRACE", 60.0)  # however slow the machine is
    total = 4 * connections
    video = large(tmp_path, total * MIB // 16)
    options = {"chunk_size": MIB // 16, "retry": RetryPolicy(), "connections": connections}
    held = asyncio.Event()
    told: list[UploadEvent] = []

    def hear(event: UploadEvent) -> None:
        told.append(event)
        is_moving = isinstance(event, Progress) and event.phase is Phase.SENDING and event.sent > event.stored
        if is_moving and not held.is_set():
            handle.pause()
        if isinstance(event, Paused):
            held.set()

    async with slow_link(peer.port, bytes_per_second=MIB // 8) as url:
        handle = AsyncChunkedVideoUploader(url, **options).start(video, on_event=hear)  # type: ignore[arg-type]  # of several types
        await held.wait()
        arrived = len(peer.only().chunks)
        assert arrived == peer.count("POST", "chunk") < total
        assert next(event.offset for event in told if isinstance(event, Paused)) == arrived * MIB // 16
        handle.resume()
        result = await handle
    assert [type(event).__name__ for event in told if isinstance(event, Paused | Continued)] == ["Paused", "Continued"]
    assert (result.stats.resent_bytes, result.stats.wire_bytes) == (0, total * MIB // 16)
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_pause_that_ends_soon_breaks_no_chunk_off(peer: Peer, video: Path) -> None:
    """``pause`` and ``resume`` while a chunk is on its way: it goes on, and no question is asked."""
    moves = asyncio.Event()
    peer.on_body = lambda _: moves.set()
    handle = uploader(peer).start(video)
    await moves.wait()
    handle.pause()
    handle.resume()
    result = await handle
    assert (result.stats.resent_bytes, [seen.method for seen in peer.seen]) == (0, ["POST"] * (CHUNKS + 1))


async def test_a_cancel_does_not_wait_for_the_chunks_of_a_pause(
    peer: Peer, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a pause gives them: who then cancels has it at once."""
    monkeypatch.setattr(chunks, "PAUSE_GRACE", 3600.0)
    peer.faults = [Fault("POST", path="chunk", hold_after=MIB // 2)]
    handle = uploader(peer).start(video)
    await peer.reached.wait()
    handle.pause()
    async with asyncio.timeout(30):
        await handle.cancel()
    assert handle.is_cancelled


@pytest.mark.parametrize(
    ("connections", "size"), [(1, MIB), (2, MIB // 2), (3, 5 * MIB // 16), (4, MIB // 4), ("auto", MIB // 4)]
)
async def test_a_cut_of_all_connections_costs_half_a_mib_on_average(
    connections: Connections, size: int, peer: Peer, video: Path
) -> None:
    """Where nobody says how long chunks are, those of all connections that there may be are 1 MiB together."""
    async with AsyncUploader(peer.url, protocol="chunks", connections=connections) as client:
        result = await client.upload(video)
    chunked = AsyncChunkedVideoUploader(peer.url, retry=RetryPolicy(), connections=connections)
    again = await chunked.upload(video, name="again.mp4")
    assert {seen.fields["chunkSize"] for seen in peer.seen if "chunkSize" in seen.fields} == {str(size)}
    assert result.size == again.size == video.stat().st_size


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_cancel_leaves_what_is_stored_and_resumes(is_killed: bool, peer: Peer, tmp_path: Path) -> None:
    """All connections end with it; the same call again sends only what is missing, in whatever order it came.

    After a kill nobody noted how much that was.
    """
    peer.faults = [Fault("POST", path="chunk", hold_after=MIB // 2, skip=1)]
    video = large(tmp_path, 9 * MIB)
    client = AsyncChunkedVideoUploader(peer.url, chunk_size=MIB, retry=RetryPolicy(), connections=3)
    more = asyncio.Event()
    handle = client.start(video, on_event=lambda event: more.set() if _reached(event, 6 * MIB) else None)
    await more.wait()  # beyond the chunk that is held
    await handle.cancel()
    if is_killed:
        (entry,) = Journal().entries()
        claim = Journal().claim(entry.record.place)
        claim.save(replace(entry.record, offset=0))
        claim.release()
    result = await client.upload(video)
    assert result.resumed_from >= 6 * MIB
    arrived = [index for index in chunks_sent(peer) if index is not None]
    assert len(arrived) <= 9 + 2  # two may have come as a whole when the cancel came
    assert len(peer.only().chunks) == 9
    assert bytes(peer.only().data) == video.read_bytes()


def _reached(event: UploadEvent, offset: int) -> bool:
    return isinstance(event, Stored) and event.offset >= offset


async def test_a_server_that_tells_no_list_is_believed(peer: Peer, tmp_path: Path) -> None:
    """It says how far the upload stands without a gap, and gets the rest."""
    peer.faults = [Fault("POST", path="chunk", status=503, skip=3), Fault("GET", status=405, times=9)]
    video = large(tmp_path, 9 * MIB)
    client = AsyncChunkedVideoUploader(peer.url, chunk_size=MIB, retry=RetryPolicy(base=0.01), connections=3)
    assert (await client.upload(video)).size == 9 * MIB
    assert bytes(peer.only().data) == video.read_bytes()


@pytest.mark.parametrize(
    "bound", [{"rate_limit": 64 * MIB}, {"retry": DOCUMENTED}, {"connections": 1}, {"chunk_size": MIB}]
)
async def test_where_one_connection_is_the_rule(
    bound: dict[str, object], peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limited rate, the documented figures, the caller's wish, and chunks so long that a cut would cost too much."""
    monkeypatch.setattr(width, "SECONDS", 0.0)
    monkeypatch.setattr(width, "LEAST_RATE", 1)
    options = {"chunk_size": MIB // 8, "retry": RetryPolicy(), **bound}
    await uploader(peer, None, **options).upload(large(tmp_path, 9 * MIB))
    assert set(peer.together) == {1}


async def test_so_many_as_are_wished(peer: Peer, tmp_path: Path, command: Command) -> None:
    """--connections N begins with so many; the word is judged like others."""
    words = ("upload", str(large(tmp_path, 9 * MIB)), "--to", peer.url, "--protocol", "chunks", "--connections")
    async with slow_link(peer.port, bytes_per_second=16 * MIB) as url:
        assert (await command(*words, "3", "--to", url))[0] == 0
    assert max(peer.together) in {2, 3}
    for word in ("0", "5", "many"):
        code, _, err = await command(*words, word)
        assert (code, "expected auto, or a whole number from 1 to 4" in err) == (2, True)


@pytest.mark.parametrize("connections", [0, 5, -1])
def test_more_than_four_connections_are_refused(connections: int) -> None:
    """So many help nobody, and take from everybody."""
    with pytest.raises(ValueError, match="from 1 to 4"):
        AsyncChunkedVideoUploader("http://h", connections=connections)
    with pytest.raises(ValueError, match="from 1 to 4"):
        AsyncUploader("http://h", connections=connections)
