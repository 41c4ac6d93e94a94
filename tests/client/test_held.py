"""Bytes in memory and file objects: sent from where they stand, known by their digest, proven at every read."""

import asyncio
import gzip
import hashlib
import io
import random
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    FileChangedError,
    GaveUpError,
    LocalFileError,
    RejectedError,
    RetryPolicy,
    Uploader,
)
from tusvideo_client.held import BLOCK, Held
from tusvideo_client.origin import Uploadable
from tusvideo_client.state import MIB

IMPATIENT = RetryPolicy(no_progress=0, max_offline=0, busy=0)
DATA = random.Random(3).randbytes(2 * MIB + 300_007)

Make = Callable[[bytes], Any]
SHAPES: dict[str, Make] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "memoryview of numbers": lambda data: memoryview(data[: len(data) // 4 * 4]).cast("I"),
    "BytesIO": io.BytesIO,
    "a compressed file": lambda data: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data, 1))),
}


def bytes_of(shape: str) -> bytes:
    """What a shape holds: numbers come in fours."""
    return DATA[: len(DATA) // 4 * 4] if shape.endswith("numbers") else DATA


@pytest.mark.parametrize("shape", SHAPES)
async def test_what_is_held_arrives(shape: str, peer: Peer) -> None:
    """Every shape of bytes is sent whole, over both protocols."""
    async with AsyncUploader(peer.url) as uploader:
        result = await uploader.upload(SHAPES[shape](DATA), name="talk.mp4")
    assert (result.size, result.filename) == (len(bytes_of(shape)), "talk.mp4")
    assert bytes(peer.only().data) == bytes_of(shape)
    peer.uploads.clear()
    await AsyncChunkedVideoUploader(peer.url).upload(SHAPES[shape](DATA), name="talk.mp4")
    assert bytes(peer.only().data) == bytes_of(shape)


@pytest.mark.parametrize("shapes", [("bytes", "bytes"), ("bytearray", "BytesIO"), ("BytesIO", "memoryview")])
async def test_the_same_bytes_resume(shapes: tuple[str, str], peer: Peer, state_dir: Path) -> None:
    """A second call with equal bytes goes on, whatever held them before; other bytes or another name do not."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    async with AsyncUploader(peer.url, retry=IMPATIENT) as uploader:
        with pytest.raises(GaveUpError):
            await uploader.upload(SHAPES[shapes[0]](DATA), name="talk.mp4")
    async with AsyncUploader(peer.url) as uploader:
        other = await uploader.upload(SHAPES[shapes[1]](DATA[1:]), name="talk.mp4")
        renamed = await uploader.upload(SHAPES[shapes[1]](DATA), name="other.mp4")
        result = await uploader.upload(SHAPES[shapes[1]](DATA), name="talk.mp4")
    assert (other.resumed_from, renamed.resumed_from, result.resumed_from) == (0, 0, MIB)
    assert [bytes(made.data) for made in peer.uploads.values()] == [DATA, DATA[1:], DATA]
    assert list((state_dir / "uploads").iterdir()) == []


async def test_chunks_of_held_bytes_resume(peer: Peer) -> None:
    """Over the chunk API too, from the first chunk that is missing."""
    peer.faults = [Fault("POST", status=500, path="chunk", skip=1, times=9)]
    with pytest.raises(GaveUpError):
        await AsyncChunkedVideoUploader(peer.url, retry=IMPATIENT).upload(DATA, name="talk.mp4")
    peer.faults = []
    result = await AsyncChunkedVideoUploader(peer.url).upload(DATA, name="talk.mp4")
    assert (result.resumed_from, bytes(peer.only().data)) == (MIB // 4, DATA)


@pytest.mark.parametrize("cut", [False, True])
async def test_a_file_object_is_sent_from_its_position_and_given_back_there(cut: bool, peer: Peer) -> None:
    """What lies before the position is not sent; afterwards the object is open where it was, also after an error."""
    file = io.BytesIO(DATA)
    file.seek(1000)
    if cut:
        peer.faults = [Fault("PATCH", status=400)]
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(RejectedError) if cut else nullcontext():
            assert (await uploader.upload(file, name="talk.mp4")).size == len(DATA) - 1000
    assert bytes(peer.only().data) == (b"" if cut else DATA[1000:])
    assert file.tell() == 1000


async def test_a_file_object_names_itself(peer: Peer, video: Path) -> None:
    """A file that was opened from a path needs no name; an empty rest of one is an empty upload."""
    with video.open("rb") as file:
        async with AsyncUploader(peer.url) as uploader:
            result = await uploader.upload(file)
            file.seek(0, io.SEEK_END)
            rest = await uploader.upload(file)
    assert (result.filename, rest.size) == ("talk.mp4", 0)


async def test_it_works_in_code_that_blocks(peer: Peer) -> None:
    """The blocking uploader takes the same."""

    def block() -> int:
        with Uploader(peer.url) as uploader:
            return uploader.upload(io.BytesIO(DATA), name="talk.mp4").size

    assert await asyncio.to_thread(block) == len(DATA)
    assert bytes(peer.only().data) == DATA


def change_array(data: bytearray) -> None:
    """Another byte, in the last block."""
    data[-1] ^= 1


def change_file(file: io.BytesIO) -> None:
    """Another byte, written by somebody who holds the same object."""
    file.getbuffer()[-1] ^= 1


def shorten(file: io.BytesIO) -> None:
    """Fewer bytes."""
    file.truncate(len(DATA) - 1)


def shut(file: io.BytesIO) -> None:
    """No bytes at all."""
    file.close()


@pytest.mark.parametrize(
    ("make", "change", "error"),
    [
        (bytearray, change_array, FileChangedError),
        (io.BytesIO, change_file, FileChangedError),
        (io.BytesIO, shorten, FileChangedError),
        (io.BytesIO, shut, LocalFileError),
    ],
)
async def test_a_change_is_noticed_before_a_byte_of_it_leaves(
    make: Make, change: Callable[[Any], None], error: type[LocalFileError], peer: Peer
) -> None:
    """Bytes that changed since their digest was taken are never sent as part of this upload."""
    held = make(DATA)
    peer.on_request = lambda seen: change(held) if seen.method == "POST" else None
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(error, match=r"changed while|cannot be read"):
            await uploader.upload(held, name="talk.mp4")
    assert DATA.startswith(peer.only().data)


@pytest.mark.parametrize("make", [bytes, bytearray])
@pytest.mark.parametrize(
    ("start", "size"), [(0, 0), (0, 1), (5, BLOCK), (BLOCK - 1, 2), (BLOCK, BLOCK), (len(DATA) - 7, 7)]
)
async def test_a_read_gives_exactly_what_was_asked_for(make: Make, start: int, size: int) -> None:
    """Across the borders of blocks, at both ends, and nothing."""
    held = await Held.of_bytes(make(DATA))
    assert await held.read(start, size=size) == DATA[start : start + size]
    assert b"".join([piece async for piece in held.pieces(start, end=start + size)]) == DATA[start : start + size]
    await held.close()
    await held.close()


async def test_the_name_in_the_journal_depends_on_every_byte() -> None:
    """No sample: the digest is of all bytes."""
    changed = bytearray(DATA)
    changed[BLOCK + 12345] ^= 1
    helds = [await Held.of_bytes(data) for data in (DATA, bytes(DATA), changed)]
    first, same, other = (held.path for held in helds)
    assert first == same != other
    assert first.startswith("held:")
    assert len(first) == len("held:") + hashlib.sha256().digest_size * 2


class Crowded(io.BytesIO):
    """A file object that gives less than was asked for, as network files do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 100_000) if size and size > 0 else size)


async def test_short_reads_are_completed() -> None:
    """A read that gives less than was asked for is no end."""
    held = await Held.of_file(Crowded(DATA))
    assert await held.read(3, size=MIB) == DATA[3 : 3 + MIB]
    await held.close()


async def test_a_size_that_is_told_is_checked(peer: Peer, video: Path) -> None:
    """Files and bytes of another length are refused before any request."""
    async with AsyncUploader(peer.url) as uploader:
        for what in (DATA, io.BytesIO(DATA), video):
            with pytest.raises(LocalFileError, match="bytes; expected 5, as told"):
                await uploader.upload(what, name="talk.mp4", size=5)
    assert peer.seen == []


@pytest.mark.parametrize(
    ("what", "error", "match"),
    [
        (io.StringIO("text"), LocalFileError, "gives str; expected bytes"),
        (memoryview(DATA)[::2], LocalFileError, "cannot be sent"),
        (5, TypeError, "int cannot be uploaded"),
    ],
)
async def test_what_is_no_bytes_is_refused(what: Uploadable, error: type[Exception], match: str, peer: Peer) -> None:
    """An error says what was expected, before any request."""
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(error, match=match):
            await uploader.upload(what, name="talk.mp4")
    assert peer.seen == []


@pytest.mark.parametrize("what", [b"bytes", io.BytesIO(b"bytes")])
async def test_a_name_is_asked_for_where_there_is_none(what: Uploadable, peer: Peer) -> None:
    """Bytes have no name of their own."""
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(ValueError, match="give name="):
            await uploader.upload(what)
