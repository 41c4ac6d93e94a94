"""The client against tus servers of others: it knows none of them, and treats their bytes as carefully as ours."""

import asyncio
import hashlib
import logging
from pathlib import Path

import pytest

from tests.bench.peers.peer import Peer
from tests.bench.peers.python_peers import TUSPYSERVER
from tests.bench.peers.tusd import TUSD
from tests.client.foreign.conftest import Start, installed
from tests.client.foreign.servers import Foreign
from tests.faults.proxy import Fault, Kind
from tusvideo_client import AsyncUploader, FileTooLargeError, Progress, UploadResult
from tusvideo_client.state import MIB

SIZE = 5 * 2**19 + 7
"""Of the fixture ``video``."""
PER_CUT = 256 * 1024
RATE = 4 * MIB


class Enough(Exception):
    """Raised by a progress callback to stop an upload in the middle."""


async def send(foreign: Foreign, path: Path, **options: object) -> UploadResult:
    """Upload with an uploader of its own, as a run of a script makes it."""
    async with AsyncUploader(foreign.proxy.url) as uploader:
        return await uploader.upload(path, **options)  # type: ignore[arg-type]  # options as they come


def stop_at(offset: int) -> object:
    """A progress callback that raises once the other end has acknowledged so much."""

    def stop(now: Progress) -> None:
        if now.acked >= offset:
            raise Enough

    return stop


def whole(foreign: Foreign, source: Path) -> bool:
    """True if the server holds one upload, and in it the bytes of the file."""
    [stored] = foreign.uploads()
    return hashlib.sha256(stored.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()


async def test_a_file_arrives_whole(peer: Peer, start: Start, video: Path) -> None:
    """One upload, every byte once."""
    foreign = await start(peer)
    result = await send(foreign, video, title="Talk")
    assert whole(foreign, video)
    assert result.url.startswith(f"{foreign.proxy.url}/files/")
    assert (result.stats.resent_bytes, result.stats.retries, result.restarted) == (0, 0, False)


async def test_an_empty_file_arrives(peer: Peer, start: Start, tmp_path: Path) -> None:
    """Zero bytes are a file like any other."""
    (tmp_path / "empty.txt").touch()
    foreign = await start(peer)
    result = await send(foreign, tmp_path / "empty.txt")
    assert result.size == 0
    assert whole(foreign, tmp_path / "empty.txt")


async def test_cuts_cost_little(peer: Peer, start: Start, video: Path) -> None:
    """Cut twice in the middle, it goes on where the server says: one upload, little sent twice."""
    foreign = await start(peer, faults=[Fault(Kind.RESET, MIB), Fault(Kind.CLOSE, 2 * MIB)])
    result = await send(foreign, video)
    assert whole(foreign, video)
    assert foreign.proxy.cuts == 2
    assert not result.restarted
    assert foreign.proxy.body_bytes <= SIZE + 2 * PER_CUT


async def test_a_lost_answer_costs_one_question(peer: Peer, start: Start, video: Path) -> None:
    """The last bytes arrive and their answer does not: HEAD tells, and nothing is sent again."""
    foreign = await start(peer, faults=[Fault(Kind.ANSWER, SIZE - 1)])
    await send(foreign, video)
    assert whole(foreign, video)
    assert foreign.proxy.body_bytes == SIZE


async def test_a_killed_server_comes_back(
    peer: Peer, start: Start, video: Path, request: pytest.FixtureRequest
) -> None:
    """After kill -9 in mid-request it goes on with the same upload."""
    if peer is TUSPYSERVER:
        reason = "tuspyserver 4.4 notes its offset at the end of a request, and appends to more than it noted before"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    foreign = await start(peer, rate=RATE)
    death = asyncio.create_task(foreign.killed_at(SIZE // 2))
    result = await send(foreign, video)
    await death
    assert whole(foreign, video)
    assert not result.restarted


async def test_a_rerun_resumes_and_tells_what_is_not_proven(
    peer: Peer, start: Start, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """None of these servers tells digests: what they stored is believed, and the result says how much that is."""
    foreign = await start(peer, rate=RATE)
    with pytest.raises(Enough):
        await send(foreign, video, progress=stop_at(MIB))
    with caplog.at_level(logging.WARNING, "tusvideo_client"):
        result = await send(foreign, video)
    assert whole(foreign, video)
    assert result.resumed_from == result.unproven
    if peer is TUSPYSERVER and result.resumed_from == 0:
        return  # asked at once it still tells the offset from before the request that was cut, and refuses it later
    assert result.unproven > 0
    assert f"prefix_unproven bytes={result.unproven}" in caplog.text
    assert foreign.proxy.body_bytes <= SIZE + PER_CUT


async def test_a_lost_upload_is_begun_anew(peer: Peer, start: Start, video: Path) -> None:
    """404 or 410 after the server lost its data: a new upload, and the result says so."""
    foreign = await start(peer, rate=RATE)
    with pytest.raises(Enough):
        await send(foreign, video, progress=stop_at(MIB))
    assert len(foreign.uploads()) == 1
    foreign.lose()
    result = await send(foreign, video)
    assert whole(foreign, video)
    assert (result.restarted, result.resumed_from) == (True, 0)


@pytest.mark.parametrize("path", ["", "/", "/files/", "/files"])
async def test_the_address_may_be_that_of_the_server_or_of_its_uploads(
    path: str, peer: Peer, start: Start, tmp_path: Path
) -> None:
    """People give what they know of a server: both are found by asking."""
    (tmp_path / "small.txt").write_bytes(b"small")
    foreign = await start(peer)
    async with AsyncUploader(foreign.proxy.url + path) as uploader:
        result = await uploader.upload(tmp_path / "small.txt")
    assert whole(foreign, tmp_path / "small.txt")
    assert result.protocol == "tus"


async def test_a_file_that_is_too_large_is_not_begun(start: Start, video: Path) -> None:
    """Tus-Max-Size is judged on this side: nothing is made and nothing sent."""
    if reason := installed(TUSD):
        pytest.skip(reason)
    foreign = await start(TUSD, words=("-max-size", str(SIZE - 1)))
    with pytest.raises(FileTooLargeError, match=f"at most {SIZE - 1}"):
        await send(foreign, video)
    assert foreign.uploads() == []
