"""Streams: bytes that come only once, of a length that is not known."""

import asyncio
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.client.cancellation import cancelled_in_the_middle
from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer, Seen
from tests.faults.processes import ServerProcess
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    LocalFileError,
    Phase,
    Progress,
    RejectedError,
    RetryPolicy,
    StreamBrokenError,
    Uploader,
    UploadError,
)
from tusvideo_client.origin import Uploadable
from tusvideo_client.state import MIB

DATA = random.Random(5).randbytes(2 * MIB + 300_007)
KIB = 1024


async def produced(data: bytes = DATA, *, piece: int = 100_000) -> AsyncIterator[bytes]:
    """An async generator."""
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


def generated(data: bytes = DATA) -> Iterator[bytearray]:
    """A generator, of bytes of another shape, some of them none."""
    for start in range(0, len(data), 70_001):
        yield bytearray(data[start : start + 70_001])
        yield bytearray()


class Tube(io.RawIOBase):
    """A file object that cannot seek."""

    def __init__(self, data: bytes = DATA) -> None:
        self._rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


class Reader:
    """An object whose ``read`` is awaited."""

    name = "reader.mp4"

    def __init__(self, data: bytes = DATA) -> None:
        self._rest = io.BytesIO(data)

    async def read(self, size: int) -> bytes:
        """As much as is asked for."""
        return self._rest.read(size)


SHAPES: dict[str, Callable[[], Any]] = {
    "async generator": produced,
    "one large piece": lambda: produced(piece=len(DATA)),
    "generator": generated,
    "list": lambda: [DATA[:5], memoryview(DATA)[5:]],
    "raw file object": Tube,
    "buffered file object": lambda: io.BufferedReader(Tube()),
    "async file object": Reader,
}


async def upload(peer: Peer, source: Uploadable, *, name: str = "talk.mp4", **options: Any) -> Any:
    """One upload by an uploader of its own."""
    made = {key: options.pop(key) for key in ("spool_bytes", "clock", "retry", "request_bytes") & options.keys()}
    async with AsyncUploader(peer.url, **made) as uploader:
        return await uploader.upload(source, name=name, **options)


@pytest.mark.parametrize("spool_bytes", [64 * KIB, 64 * MIB])
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stream_arrives_whole(shape: str, spool_bytes: int, peer: Peer, state_dir: Path) -> None:
    """Whatever gives the bytes: one upload, whose length is told when it is known and not before."""
    result = await upload(peer, SHAPES[shape](), spool_bytes=spool_bytes)
    assert bytes(peer.only().data) == DATA
    assert (result.size, result.filename, result.stats.resent_bytes) == (len(DATA), "talk.mp4", 0)
    (created,) = (seen for seen in peer.seen if seen.method == "POST")
    assert ("Upload-Defer-Length" in created.headers) or spool_bytes > len(DATA)
    told = [seen.headers.get("Upload-Length") for seen in peer.seen]
    assert {length for length in told if length} == {str(len(DATA))}
    assert list((state_dir / "uploads").iterdir()) == []


async def test_it_works_in_code_that_blocks(peer: Peer) -> None:
    """Generators of both kinds, from a script; the async one runs in the uploader's loop."""

    def block() -> None:
        with Uploader(peer.url) as uploader:
            uploader.upload(generated(), name="a.mp4")
            uploader.upload(produced(), name="b.mp4")

    await asyncio.to_thread(block)
    assert [bytes(made.data) for made in peer.uploads.values()] == [DATA, DATA]
    assert not any(thread.name == "tusvideo-stream" for thread in threading.enumerate())


async def test_the_output_of_a_process_is_a_stream(peer: Peer) -> None:
    """A pipe has a number for a name, so one is given."""
    command = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(bytes(3_000_000))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert (await upload(peer, process.stdout)).size == 3_000_000
    assert peer.only().data == bytes(3_000_000)


@pytest.mark.parametrize("is_late", [False, True])
async def test_an_empty_stream_is_an_empty_upload(is_late: bool, peer: Peer) -> None:
    """Its length is told at the creation, or later with a request that carries nothing else."""
    created = asyncio.Event()

    def note(seen: Seen) -> None:
        created.set()

    peer.on_request = note

    async def produce() -> AsyncIterator[bytes]:
        if is_late:
            await created.wait()
        yield b""

    assert (await upload(peer, produce())).size == 0
    assert (peer.only().length, [seen.method for seen in peer.seen]) == (0, ["POST", "PATCH" if is_late else "HEAD"])


async def test_a_length_that_is_known_is_told_at_once(peer: Peer) -> None:
    """Then it is an upload like any other, with per cents."""
    told: list[Progress] = []
    await upload(peer, produced(), size=len(DATA), progress=told.append)
    assert peer.seen[0].headers["Upload-Length"] == str(len(DATA))
    assert {now.total for now in told} == {len(DATA)}


async def test_progress_has_no_total_until_the_end(peer: Peer) -> None:
    """No per cents are made up: 0 while the length is not known, and 100 when the server has all."""
    told: list[Progress] = []
    waiting = asyncio.Event()

    def tell(now: Progress) -> None:
        told.append(now)
        if now.phase is Phase.WAITING:
            waiting.set()

    async def produce() -> AsyncIterator[bytes]:
        await waiting.wait()
        async for piece in produced():
            yield piece

    await upload(peer, produce(), spool_bytes=64 * KIB, progress=tell)
    assert told[1].total is None
    assert all(now.percent == 0 for now in told if now.total is None)
    assert (told[-1].total, told[-1].percent, told[-1].phase) == (len(DATA), 100, Phase.DONE)
    assert {now.waiting for now in told if now.phase is Phase.WAITING} == {"for the stream"}


@pytest.mark.parametrize("spool_bytes", [64 * KIB, 512 * KIB, 64 * MIB])
async def test_a_cut_loses_no_byte_of_a_stream(spool_bytes: int, peer: Peer, waits: Waits) -> None:
    """What the server did not confirm waits in the spool, however small that is."""
    peer.faults = [Fault("PATCH", cut_after=30_000, times=3), Fault("PATCH", lose=True, times=2)]
    result = await upload(peer, produced(), spool_bytes=spool_bytes, clock=waits.clock)
    assert bytes(peer.only().data) == DATA
    assert result.stats.retries == 5 - sum(fault.times for fault in peer.faults) >= 4
    assert peer.count("POST") == 1


async def test_the_producer_waits_while_the_spool_is_full(peer: Peer) -> None:
    """It is never further ahead of what the server confirmed than the spool and one piece."""
    ahead: list[int] = []

    async def produce() -> AsyncIterator[bytes]:
        given = 0
        for start in range(0, len(DATA), 10_000):
            yield DATA[start : start + 10_000]
            given += 10_000
            ahead.append(given - (len(peer.only().data) if peer.uploads else 0))

    await upload(peer, produce(), spool_bytes=256 * KIB)
    assert bytes(peer.only().data) == DATA
    assert 128 * KIB < max(ahead) <= 256 * KIB + 10_000


class Torn(Exception):
    """What a producer raises."""


async def torn(error: BaseException) -> AsyncIterator[bytes]:
    """A stream that breaks off."""
    yield DATA[:MIB]
    raise error


def torn_in_a_thread() -> Iterator[bytes]:
    """The same, from a thread."""
    yield DATA[:MIB]
    raise Torn


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (partial(torn, Torn("the camera is gone")), Torn),
        (partial(torn, asyncio.CancelledError()), None),
        (torn_in_a_thread, Torn),
        (lambda: [DATA[:MIB], "text"], TypeError),
        (lambda: [DATA[:MIB], None], TypeError),
        (lambda: [DATA[:MIB], 5], TypeError),
    ],
)
async def test_a_stream_that_breaks_off_is_never_a_short_file(
    make: Callable[[], Any], cause: type[Exception] | None, peer: Peer
) -> None:
    """The error says so and carries the producer's own; the server is never told a length."""
    with pytest.raises(StreamBrokenError, match=r"broke off after 1048576 bytes|was cancelled after") as caught:
        await upload(peer, make())
    assert type(caught.value.__cause__) is (type(None) if cause is None else cause)
    assert not caught.value.retryable
    assert "send the stream anew" in (caught.value.hint or "")
    assert all(made.length is None for made in peer.uploads.values())


@pytest.mark.parametrize(
    ("told", "match"),
    [(len(DATA) + 1, f"ended after {len(DATA)} of {len(DATA) + 1} bytes"), (len(DATA) - 1, "gives more than the")],
)
async def test_a_stream_keeps_to_the_length_that_was_told(told: int, match: str, peer: Peer) -> None:
    """A pipe whose writer died looks like one that ended; a length tells them apart."""
    with pytest.raises(StreamBrokenError, match=match):
        await upload(peer, produced(), size=told)
    assert all(len(made.data) < told for made in peer.uploads.values())


class Moody(Tube):
    """A file object that gives nothing at the moment, or text."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def read(self, size: int = -1) -> Any:
        return self._answer


@pytest.mark.parametrize(("answer", "match"), [(None, "it does not block"), ("text", "reading gave text")])
async def test_nothing_at_the_moment_is_no_end(answer: Any, match: str, peer: Peer) -> None:
    """A descriptor that does not block, and text, are errors."""
    with pytest.raises(StreamBrokenError, match=match):
        await upload(peer, Moody(answer))


class Stored:
    """A callback for progress, through which a producer waits until something is stored."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._event = asyncio.Event()

    def __call__(self, now: Progress) -> None:
        if now.stored >= self._least:
            self._event.set()

    async def wait(self) -> None:
        """Until the server confirmed so much."""
        await self._event.wait()


@pytest.mark.parametrize("fault", [Fault("PATCH", status=500), Fault("PATCH", lose=True)])
async def test_a_late_end_is_told_until_the_server_knows(fault: Fault, peer: Peer, waits: Waits) -> None:
    """All bytes are there when the stream ends: the length goes alone, and again if that request is lost."""
    stored = Stored(300_000)
    fault.skip, fault.times = 1, 1
    peer.faults = [fault]

    async def produce() -> AsyncIterator[bytes]:
        yield DATA[:300_000]
        await stored.wait()

    result = await upload(peer, produce(), clock=waits.clock, progress=stored)
    assert (peer.only().length, result.size, bytes(peer.only().data)) == (300_000, 300_000, DATA[:300_000])
    last = [seen for seen in peer.seen if seen.method == "PATCH"][1:]
    assert {seen.received for seen in last} == {0}
    assert peer.seen[-1].method == ("HEAD" if fault.lose else "PATCH")


async def test_a_server_that_lost_the_upload_cannot_be_given_it_again(peer: Peer, waits: Waits) -> None:
    """What the server confirmed was forgotten here: an error, no file without its beginning."""
    peer.faults = [Fault("PATCH", skip=2, status=404), Fault("HEAD", status=404, times=9)]
    with pytest.raises(StreamBrokenError, match="the server lost bytes of the stream that it had confirmed"):
        await upload(peer, produced(), spool_bytes=256 * KIB, clock=waits.clock)
    assert peer.count("POST") == 1


async def test_a_server_that_lost_nothing_confirmed_gets_the_stream_in_a_new_upload(peer: Peer, waits: Waits) -> None:
    """Before the first confirmed byte a lost upload costs nothing."""
    peer.faults = [Fault("PATCH", status=404), Fault("HEAD", status=404)]
    result = await upload(peer, produced(), clock=waits.clock)
    assert (result.restarted, bytes(list(peer.uploads.values())[-1].data)) == (True, DATA)


async def test_a_pause_of_the_producer_is_no_time_without_progress(peer: Peer, waits: Waits) -> None:
    """After an hour of silence the first cut is still the first."""
    stored = Stored(MIB)

    async def produce() -> AsyncIterator[bytes]:
        yield DATA[:MIB]
        await stored.wait()
        waits.at += 3600
        peer.faults = [Fault("PATCH", status=500)]
        yield DATA[MIB:]

    await upload(peer, produce(), clock=waits.clock, retry=RetryPolicy(no_progress=900), progress=stored)
    assert bytes(peer.only().data) == DATA
    assert peer.faults[0].times == 0


async def test_a_cancelled_upload_takes_no_more(peer: Peer) -> None:
    """The producer is asked for nothing any more, and no thread of ours stays."""
    taken = 0

    def produce() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(10_000)

    peer.faults = [Fault("PATCH", hold_after=1)]
    await cancelled_in_the_middle(peer, upload(peer, produce(), spool_bytes=64 * KIB))
    assert taken < 20
    for thread in threading.enumerate():
        if thread.name == "tusvideo-stream":
            thread.join(5)
            assert not thread.is_alive()


async def test_a_refusal_is_told_as_ever(peer: Peer, state_dir: Path) -> None:
    """A server that wants no deferred length says so, and so does the error; nothing is left to be remembered."""
    peer.faults = [Fault("POST", status=400, body="tell the length")]
    with pytest.raises(RejectedError, match="tell the length") as caught:
        await upload(peer, produced())
    assert "send the stream anew" not in (caught.value.hint or ""), "it would be refused again"
    assert list((state_dir / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("source", "name", "error", "match"),
    [
        (sys.stdin, None, ValueError, "has no file name"),
        (5, "talk.mp4", TypeError, "int cannot be uploaded"),
        (object(), "talk.mp4", TypeError, "object cannot be uploaded"),
    ],
)
async def test_what_is_no_stream_is_refused(
    source: Any, name: str | None, error: type[Exception], match: str, peer: Peer
) -> None:
    """Before any request."""
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(error, match=match):
            await uploader.upload(source, name=name)
    assert peer.seen == []


async def test_a_stream_with_a_name_needs_no_other(peer: Peer) -> None:
    """As a file object that was opened from a path."""
    async with AsyncUploader(peer.url) as uploader:
        assert (await uploader.upload(Reader())).filename == "reader.mp4"  # type: ignore[arg-type]  # no stream to mypy


async def test_the_chunk_api_takes_no_streams(peer: Peer) -> None:
    """Its chunks may have to be sent again, and it wants the length first."""
    with pytest.raises(LocalFileError, match="cannot be sent over the chunk API"):
        await AsyncChunkedVideoUploader(peer.url).upload(produced(), name="talk.mp4")


@pytest.mark.parametrize("spool_bytes", [0, 64 * KIB - 1])
def test_a_spool_has_a_least_size(spool_bytes: int) -> None:
    """Half of it is a request."""
    with pytest.raises(ValueError, match="spool_bytes must be at least 65536"):
        AsyncUploader("http://127.0.0.1:1", spool_bytes=spool_bytes)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is counted in KiB on Linux only")
async def test_memory_does_not_grow_with_the_stream(tmp_path: Path) -> None:
    """96 MiB from a generator to the real server, in a process of its own: its memory rises by less than 16 MiB."""
    async with ServerProcess(tmp_path / "data") as server:
        environment = {**os.environ, "PYTHONPATH": "client", "TUSVIDEO_STATE_DIR": str(tmp_path / "state")}
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("stream_child.py")),
            server.url,
            "96",
            stdout=subprocess.PIPE,
            env=environment,
        )
        facts = json.loads((await child.communicate())[0])
        (path,) = (server.data_dir / "uploads").rglob(Path(facts["url"]).name)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == facts["sha256"]
    assert facts["size"] == 96 * MIB
    assert facts["grown"] < 16 * 1024


def test_every_stream_error_is_an_upload_error() -> None:
    """One class to catch."""
    assert issubclass(StreamBrokenError, LocalFileError)
    assert issubclass(StreamBrokenError, UploadError)
