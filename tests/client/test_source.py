"""The file on this side: its fingerprint, and that bytes of two versions never meet."""

import asyncio
import errno
import hashlib
import itertools
import os
import random
import sys
import threading
from io import FileIO
from pathlib import Path

import pytest

from tests.client.edits import rewrite
from tusvideo_client import FileChangedError, LocalFileError
from tusvideo_client.fingerprint import Fingerprint, sample_ranges, take_fingerprint
from tusvideo_client.follow import Follow
from tusvideo_client.growing import Growing
from tusvideo_client.source import LARGE_PIECE, SMALL_PIECE, TELLS_CHANGES, RunningDigest, Source
from tusvideo_client.state import MIB


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 192 * 1024, 192 * 1024 + 1, 10 * MIB, 10 * 1024 * MIB + 3])
def test_samples_lie_inside_the_file_and_hold_both_ends(size: int) -> None:
    """The probe reads the head, the tail and 16 blocks between, in order, and never past the end."""
    ranges = sample_ranges(size)
    assert ranges[0][0] == 0
    assert sum(ranges[-1]) == size
    assert all(sum(before) <= after[0] for before, after in itertools.pairwise(ranges))
    assert len(ranges) == (18 if size > 192 * 1024 else 1)


def fingerprint_of(path: Path) -> Fingerprint:
    """The fingerprint of a file on disk."""
    with path.open("rb", buffering=0) as file:
        return take_fingerprint(file)


REWRITE = pytest.param(
    "rewrite",
    marks=pytest.mark.skipif(not TELLS_CHANGES, reason="this system does not tell when a file was last changed"),
)


@pytest.mark.parametrize("where", [0, MIB, -1])
def test_content_changes_the_fingerprint_even_if_the_time_does_not(where: int, video: Path) -> None:
    """An edit that keeps size, time and inode is seen where the probe looks."""
    before, facts = fingerprint_of(video), video.stat()
    data = bytearray(video.read_bytes())
    start = where if where <= 0 else sample_ranges(len(data))[8][0]
    data[start] ^= 1
    with video.open("r+b") as file:
        file.write(data)
    os.utime(video, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    after = fingerprint_of(video)
    assert after.identity == before.identity
    assert after.probe != before.probe


async def test_a_file_comes_in_pieces_that_are_the_file(video: Path) -> None:
    """The pieces of a range, joined, are that range."""
    source = await Source.open(video)
    pieces = [piece async for piece in source.pieces(5, end=source.size - 3)]
    assert b"".join(pieces) == video.read_bytes()[5:-3]
    assert {len(piece) for piece in pieces[:-1]} <= {SMALL_PIECE, LARGE_PIECE}
    await source.close()


async def test_pieces_grow_on_a_swift_link(tmp_path: Path) -> None:
    """When nothing slows the reader down, pieces become large after 4 MiB."""
    path = tmp_path / "large"
    path.write_bytes(bytes(8 * MIB))
    source = await Source.open(path)
    sizes = [len(piece) async for piece in source.pieces(0, end=source.size)]
    assert (sizes[0], max(sizes), sum(sizes)) == (SMALL_PIECE, LARGE_PIECE, source.size)
    await source.close()


@pytest.mark.parametrize("change", ["append", "truncate", "touch", REWRITE])
async def test_a_change_is_noticed_before_a_byte_of_it_leaves(change: str, video: Path) -> None:
    """A read after the file changed gives an error, not bytes."""
    source = await Source.open(video)
    pieces = source.pieces(0, end=source.size)
    await anext(pieces)
    match change:
        case "append":
            with video.open("ab") as file:
                file.write(b"x")
        case "truncate":
            os.truncate(video, 5)
        case "rewrite":
            rewrite(video, 9)
        case _:
            os.utime(video, ns=(1, 1))
    with pytest.raises(FileChangedError, match="changed while"):
        await anext(pieces)
    await source.close()


@pytest.mark.skipif(not TELLS_CHANGES, reason="this system does not tell when a file was last changed")
@pytest.mark.parametrize("change", ["rights", "link", "name"])
async def test_a_file_whose_bytes_are_the_same_goes_on(change: str, video: Path) -> None:
    """A backup that links it, other rights and another name are no other version; a change of bytes after that is."""
    source = await Source.open(video)
    before = video.read_bytes()
    match change:
        case "rights":
            video.chmod(0o640 if video.stat().st_mode & 0o777 != 0o640 else 0o600)
        case "link":
            os.link(video, video.with_suffix(".backup"))
        case _:
            video = video.rename(video.with_suffix(".done"))
    assert await source.read(0, size=source.size) == before
    rewrite(video, 9)
    with pytest.raises(FileChangedError, match="changed while"):
        await source.read(0, size=source.size)
    await source.close()


@pytest.mark.parametrize("change", ["touch", "truncate", REWRITE])
async def test_a_change_is_told_every_time(change: str, video: Path) -> None:
    """Also when the file looks as before again: who was told first may have kept it for himself."""
    before, facts = video.read_bytes(), video.stat()
    source, kept = await Source.open(video), fingerprint_of(video)
    match change:
        case "rewrite":
            rewrite(video, 9)
        case "truncate":
            os.truncate(video, 5)
        case _:
            os.utime(video, ns=(1, 1))
    with pytest.raises(FileChangedError):
        source.check()
    video.write_bytes(before)
    os.utime(video, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    video.chmod(0o640 if facts.st_mode & 0o777 != 0o640 else 0o600)
    for _ in range(2):
        with pytest.raises(FileChangedError, match="changed while"):
            source.check()
        with pytest.raises(FileChangedError, match="changed while"):
            await source.read(0, size=5)
    assert (source.size, source.resumes(kept)) == (len(before), True)
    again = await Source.open(video)
    assert (again.fingerprint, again.resumes(source.fingerprint)) == (kept, False)
    await again.close()
    await source.close()


@pytest.mark.skipif(not TELLS_CHANGES, reason="this system does not tell when a file was last changed")
async def test_a_change_before_the_first_read_is_one_of_the_upload(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that change after their samples were read are not those of the fingerprint."""

    def rewrite_after(file: FileIO) -> Fingerprint:
        taken = take_fingerprint(file)
        rewrite(video, 9)
        return taken

    monkeypatch.setattr("tusvideo_client.source.take_fingerprint", rewrite_after)
    with pytest.raises(FileChangedError, match="changed while"):
        await Source.open(video)


@pytest.mark.skipif(not TELLS_CHANGES, reason="this system does not tell when a file was last changed")
async def test_a_look_that_comes_late_hides_nothing(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that saw the file with its old rights must not judge after another one that saw the new ones."""
    source = await Source.open(video)
    looked, goes_on = threading.Event(), threading.Event()
    monkeypatch.setattr(source, "_guard", Turns(waits=goes_on), raising=False)

    def look(descriptor: int) -> os.stat_result:
        facts = os.stat(descriptor)
        if threading.current_thread() is late:
            looked.set()
            assert goes_on.wait(10)  # until the other one has judged, or has to wait for its turn
        return facts

    def check_beside() -> None:
        source.check()
        goes_on.set()

    monkeypatch.setattr("tusvideo_client.source.os.fstat", look)
    late, beside = threading.Thread(target=source.check), threading.Thread(target=check_beside)
    late.start()
    assert await asyncio.to_thread(looked.wait, 10)
    video.chmod(0o640 if video.stat().st_mode & 0o777 != 0o640 else 0o600)
    beside.start()
    for thread in (late, beside):
        await asyncio.to_thread(thread.join)
    rewrite(video, 9)
    with pytest.raises(FileChangedError, match="changed while"):
        source.check()
    await source.close()


class Turns:
    """A lock that tells when somebody has to wait for it."""

    def __init__(self, *, waits: threading.Event) -> None:
        self._lock = threading.Lock()
        self._waits = waits

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._waits.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


async def test_a_file_that_is_replaced_is_sent_as_it_was_opened(video: Path, tmp_path: Path) -> None:
    """A rename over the path leaves the open file whole: what is sent is one version, entirely."""
    before = video.read_bytes()
    source = await Source.open(video)
    (tmp_path / "new").write_bytes(b"new version")
    (tmp_path / "new").replace(video)
    assert b"".join([piece async for piece in source.pieces(0, end=source.size)]) == before
    await source.close()


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
async def test_what_is_no_regular_file_is_refused(kind: str, tmp_path: Path) -> None:
    """A missing file, a folder and a pipe are local errors that say so."""
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(LocalFileError, match="cannot be read" if kind == "missing" else "not a regular file"):
        await Source.open(path)


async def test_a_cancelled_read_does_not_move_the_next_one(video: Path) -> None:
    """A request that is given up leaves a read behind in its thread; the next read still gets its own bytes."""
    data = video.read_bytes()
    source = await Source.open(video)
    chance = random.Random(1)
    for _ in range(300):
        abandoned = asyncio.create_task(source.read(chance.randrange(MIB), size=MIB))
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        abandoned.cancel()
        start = chance.randrange(MIB)
        assert await source.read(start, size=1000) == data[start : start + 1000]
    await source.close()
    await source.close()


async def test_a_disk_that_refuses_is_a_local_error(video: Path) -> None:
    """An error of the disk names the file and the byte."""
    source = await Source.open(video)
    readable = source._file
    with video.open("wb") as other:
        source._file = other  # cannot be read from
        with pytest.raises(LocalFileError, match="cannot be read at byte 5"):
            await source.read(5, size=1)
    source._file = readable
    await source.close()


async def test_a_file_that_its_server_lost_is_a_local_error(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says of the open file itself is told with its name, wherever the upload was at that moment."""

    def lost(_: int) -> os.stat_result:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    source, followed = await Source.open(video), await Growing.open(video, follow=Follow())
    with monkeypatch.context() as patch:
        patch.setattr("tusvideo_client.source.os.fstat", lost)
        for look in (source.check, followed.check):
            with pytest.raises(LocalFileError, match=r"talk\.mp4 cannot be read: Stale file handle"):
                look()
        with pytest.raises(LocalFileError, match=r"talk\.mp4 cannot be read: Stale file handle"):
            await Source.open(video)
    source.check()
    followed.check()
    await source.close()
    await followed.close()


async def test_links_are_followed(video: Path, tmp_path: Path) -> None:
    """A symbolic link is the file that it points to, so that resuming does not depend on the name used."""
    link = tmp_path / "link.mp4"
    link.symlink_to(video)
    source = await Source.open(link)
    assert source.path == video.resolve()
    await source.close()


async def test_the_running_digest_fills_gaps(video: Path) -> None:
    """Fed in order, from the middle on, or not at all: the digest is that of the whole file."""
    data = video.read_bytes()
    expected = hashlib.sha256(data).hexdigest()
    source = await Source.open(video)
    for start in (0, MIB, None):
        digest = RunningDigest(source)
        if start is not None:
            await digest.feed(data[start : start + MIB], start=start)
            await digest.feed(data[:MIB], start=0)
        assert await digest.finish(source.size) == expected
    await source.close()


async def test_a_feed_that_is_given_up_and_repeated_counts_once(video: Path) -> None:
    """A request that is given up leaves a feed behind in its thread; the same bytes come again, cut otherwise."""
    data, chance = video.read_bytes(), random.Random(1)
    source = await Source.open(video)
    digest, start = RunningDigest(source), 0
    while start < len(data):
        end = min(len(data), start + chance.randrange(1, 200_000))
        abandoned = asyncio.create_task(digest.feed(data[start:end], start=start))
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        abandoned.cancel()
        await asyncio.gather(abandoned, return_exceptions=True)
        if chance.random() < 0.5:
            await digest.feed(data[start:end], start=start)
        start = end if chance.random() < 0.5 else (start + end + 1) // 2
    assert await digest.finish(source.size) == hashlib.sha256(data).hexdigest()
    await source.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reads what is in memory and nothing else")
async def test_what_is_in_memory_is_read_without_a_thread_and_still_checked(tmp_path: Path) -> None:
    """The short way gives the same bytes, and refuses a file that was changed like the long one."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(8 * MIB))
    source = await Source.open(path)
    assert source._read_cached(5, LARGE_PIECE) in (None, path.read_bytes()[5 : 5 + LARGE_PIECE])
    assert source._read_cached(8 * MIB - 5, LARGE_PIECE) is None
    assert b"".join([piece async for piece in source.pieces(3, end=source.size)]) == path.read_bytes()[3:]
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(FileChangedError):
        source._read_cached(0, LARGE_PIECE)
    await source.close()


async def test_a_file_that_is_opened_too_late_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is cancelled while a thread opens the file leaves no descriptor behind."""
    path = tmp_path / "talk.mp4"
    path.write_bytes(bytes(1000))
    begun, cancelled = threading.Event(), threading.Event()
    opened: list[FileIO] = []

    def take_late(file: FileIO) -> Fingerprint:
        opened.append(file)
        begun.set()
        assert cancelled.wait(10)
        return take_fingerprint(file)

    monkeypatch.setattr("tusvideo_client.source.take_fingerprint", take_late)
    opening = asyncio.create_task(Source.open(path))
    assert await asyncio.to_thread(begun.wait, 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    cancelled.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)  # the callback of the thread's end
    assert [file.closed for file in opened] == [True]
