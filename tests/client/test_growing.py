"""Files that are sent while somebody writes them."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer, Seen
from tests.client.processes import environment
from tusvideo_client import (
    AsyncUploader,
    FileChangedError,
    Follow,
    GaveUpError,
    LocalFileError,
    Progress,
    RetryPolicy,
    Uploader,
    growing,
)
from tusvideo_client.cli import run
from tusvideo_client.fingerprint import Fingerprint, take_fingerprint
from tusvideo_client.state import MIB

DATA = random.Random(9).randbytes(2 * MIB + 300_007)
IMPATIENT = RetryPolicy(no_progress=0, max_offline=0, busy=0)


class Recorder:
    """Somebody who writes a file bit by bit: the next bit when the server has the one before."""

    def __init__(self, path: Path, *, bits: int = 5) -> None:
        self.path = path
        self.is_done = False
        path.touch()
        size = -(-len(DATA) // bits)
        self._left = [DATA[start : start + size] for start in range(0, len(DATA), size)]
        self._written = 0

    def write(self) -> None:
        """One bit more; the last one is the end."""
        with self.path.open("ab") as file:
            self._written += file.write(self._left.pop(0))
        self.is_done = not self._left

    def progress(self, now: Progress) -> None:
        """A callback: writes when the server has all there is."""
        if now.stored == self._written and self._left:
            self.write()

    def follow(self) -> Follow:
        """Until this recorder is done."""
        return Follow(until=lambda: self.is_done, poll=0.01)


class Enough(Exception):
    """Raised by a progress callback to stop an upload in the middle."""


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A recorder of talk.mkv."""
    return Recorder(tmp_path / "talk.mkv")


async def upload(peer: Peer, path: Path, follow: Follow | bool, **options: Any) -> Any:
    """One upload by an uploader of its own."""
    made = {key: options.pop(key) for key in ("clock", "retry") & options.keys()}
    async with AsyncUploader(peer.url, **made) as uploader:
        return await uploader.upload(path, follow=follow, **options)


async def test_a_file_is_sent_as_it_grows(peer: Peer, recorder: Recorder, state_dir: Path) -> None:
    """One upload that begins before the first byte is there, with a length that is told at the end."""
    result = await upload(peer, recorder.path, recorder.follow(), progress=recorder.progress)
    assert bytes(peer.only().data) == recorder.path.read_bytes() == DATA
    assert (result.size, result.filename, result.stats.resent_bytes) == (len(DATA), "talk.mkv", 0)
    assert peer.seen[0].headers["Upload-Defer-Length"] == "1"
    assert peer.count("PATCH") >= 5
    assert list((state_dir / "uploads").iterdir()) == []


async def test_it_works_in_code_that_blocks(peer: Peer, recorder: Recorder) -> None:
    """With the same argument."""

    def block() -> int:
        with Uploader(peer.url) as uploader:
            return uploader.upload(recorder.path, follow=recorder.follow(), progress=recorder.progress).size

    assert await asyncio.to_thread(block) == len(DATA)


async def test_a_file_that_stays_quiet_has_ended(peer: Peer, video: Path) -> None:
    """Without anybody who says so, silence is the end."""
    await upload(peer, video, Follow(quiet=0.05, poll=0.01))
    assert (bytes(peer.only().data), peer.only().length) == (video.read_bytes(), video.stat().st_size)


async def test_an_empty_file_that_stays_quiet_is_an_empty_upload(peer: Peer, tmp_path: Path) -> None:
    """As an empty file is."""
    (tmp_path / "empty.bin").touch()
    assert (await upload(peer, tmp_path / "empty.bin", Follow(quiet=0.05, poll=0.01))).size == 0
    assert peer.only().length == 0


async def test_the_end_of_a_process_is_the_end(peer: Peer, video: Path) -> None:
    """Also of one whose end nobody asked for yet; while it runs nothing ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None

        def tell(now: Progress) -> None:
            if now.stored == video.stat().st_size and now.waiting and process.stdin and not process.stdin.closed:
                assert peer.only().length is None
                process.stdin.close()

        await upload(peer, video, Follow(pid=process.pid, quiet=0.001, poll=0.01), progress=tell)
        assert process.stdin.closed
    assert bytes(peer.only().data) == video.read_bytes()


async def test_what_was_written_just_before_the_end_is_sent(peer: Peer, video: Path) -> None:
    """The writer is asked whether it is done before the file is asked how long it is."""

    def last_words() -> bool:
        if not video.read_bytes().endswith(b"the end"):
            with video.open("ab") as file:
                file.write(b"the end")
        return True

    await upload(peer, video, Follow(until=last_words, poll=0.01))
    assert bytes(peer.only().data) == video.read_bytes()
    assert peer.only().data.endswith(b"the end")


async def test_cuts_cost_no_byte(peer: Peer, recorder: Recorder, waits: Waits) -> None:
    """The file is its own spool."""
    peer.faults = [Fault("PATCH", cut_after=100_000, times=4, skip=1), Fault("PATCH", lose=True, skip=2)]
    result = await upload(peer, recorder.path, recorder.follow(), progress=recorder.progress, clock=waits.clock)
    assert (bytes(peer.only().data), result.stats.retries) == (DATA, 5)


async def test_an_upload_that_was_lost_begins_anew(peer: Peer, recorder: Recorder, waits: Waits) -> None:
    """Unlike a stream, a file can be read again from its first byte."""
    peer.faults = [Fault("PATCH", status=404, skip=2), Fault("HEAD", status=404)]
    result = await upload(peer, recorder.path, recorder.follow(), progress=recorder.progress, clock=waits.clock)
    assert result.restarted
    assert bytes(list(peer.uploads.values())[-1].data) == DATA


def stop_after(recorder: Recorder, *, stored: int) -> Callable[[Progress], None]:
    """A callback that records, and ends the call when so much is stored."""

    def tell(now: Progress) -> None:
        if now.stored >= stored:
            raise Enough
        recorder.progress(now)

    return tell


@pytest.mark.parametrize("tells_digests", [True, False])
@pytest.mark.parametrize("is_finished", [False, True])
async def test_a_later_call_goes_on(tells_digests: bool, is_finished: bool, peer: Peer, recorder: Recorder) -> None:
    """While it is still recorded, and when it was finished in between: then also without following."""
    peer.tells_digests = tells_digests
    with pytest.raises(Enough):
        await upload(peer, recorder.path, recorder.follow(), progress=stop_after(recorder, stored=MIB))
    while is_finished and not recorder.is_done:
        recorder.write()
    again = False if is_finished else recorder.follow()
    result = await upload(peer, recorder.path, again, progress=recorder.progress)
    assert result.resumed_from >= MIB
    assert (bytes(peer.only().data), peer.only().length) == (DATA, len(DATA))


async def test_an_unfinished_recording_is_listed_without_a_length(
    peer: Peer, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """``ls`` makes up no per cents of a length that nobody knows."""
    with pytest.raises(Enough):
        await upload(peer, recorder.path, recorder.follow(), progress=stop_after(recorder, stored=MIB))
    assert await asyncio.to_thread(run, ["ls", "--offline"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert "1.4 MiB?" in row
    assert " ? " in row
    assert "%" not in row


@pytest.mark.parametrize("tells_digests", [True, False])
@pytest.mark.parametrize("is_followed", [False, True])
async def test_a_later_call_does_not_go_on_with_another_file(
    tells_digests: bool, is_followed: bool, peer: Peer, recorder: Recorder
) -> None:
    """What was sent is no longer the beginning: a new upload, and the old one is removed."""
    peer.tells_digests = tells_digests
    with pytest.raises(Enough):
        await upload(peer, recorder.path, recorder.follow(), progress=stop_after(recorder, stored=MIB))
    while not recorder.is_done:
        recorder.write()
    with recorder.path.open("r+b") as file:
        file.write(b"another head")
    result = await upload(peer, recorder.path, recorder.follow() if is_followed else False)
    assert result.resumed_from == 0
    assert bytes(peer.only().data) == recorder.path.read_bytes()


async def test_a_writer_that_goes_back_is_noticed(peer: Peer, recorder: Recorder) -> None:
    """As recorders of MP4 do: no length is told, and the next call sends the finished file from the beginning."""

    def finish() -> bool:
        if recorder.is_done:
            with recorder.path.open("r+b") as file:
                file.write(b"length")
        return recorder.is_done

    with pytest.raises(FileChangedError, match="was rewritten where it had been sent already"):
        await upload(peer, recorder.path, Follow(until=finish, poll=0.01), progress=recorder.progress)
    assert peer.only().length is None
    result = await upload(peer, recorder.path, follow=False)
    assert (result.resumed_from, bytes(peer.only().data)) == (0, recorder.path.read_bytes())


async def test_a_writer_that_goes_back_at_the_last_moment_is_noticed(
    peer: Peer, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written after the last look at the bytes, and before the file is taken for ended, was not sent."""
    written: list[int] = []

    def write_before(file: BinaryIO) -> Fingerprint:
        if not written:
            with video.open("r+b") as other:
                other.seek(MIB)
                written.append(other.write(b"length"))
        return take_fingerprint(file)

    monkeypatch.setattr(growing, "take_fingerprint", write_before)
    with pytest.raises(FileChangedError, match="was rewritten where it had been sent already"):
        await upload(peer, video, Follow(until=lambda: True, poll=0.01))
    assert peer.only().length is None


async def test_a_file_that_shrinks_is_noticed(peer: Peer, recorder: Recorder) -> None:
    """A recorder that begins again leaves no mixture behind."""

    def shrink(now: Progress) -> None:
        if now.stored >= MIB:
            os.truncate(recorder.path, 1000)
        recorder.progress(now)

    with pytest.raises(FileChangedError, match=r"became shorter|it had been longer"):
        await upload(peer, recorder.path, recorder.follow(), progress=shrink)
    assert peer.only().length is None


async def test_a_change_is_told_every_time(video: Path) -> None:
    """A recorder that has caught up with itself wrote other bytes all the same; no later call goes on with them."""
    source = await growing.Growing.open(video, follow=Follow(until=lambda: False))
    await source.ready(0, tell=lambda: None)
    source.settle(MIB)
    whole = video.read_bytes()
    os.truncate(video, 1000)
    with pytest.raises(FileChangedError, match="became shorter"):
        source.check()
    video.write_bytes(whole)
    for _ in range(2):
        with pytest.raises(FileChangedError, match="became shorter"):
            source.check()
    assert not source.resumes(source.fingerprint)
    await source.close()


async def test_a_file_that_goes_on_after_its_end_is_noticed(peer: Peer, video: Path) -> None:
    """Somebody was wrong about the end: an error, and the next call sends the whole."""

    def append(seen: Seen) -> None:
        if "Upload-Length" in seen.headers:
            with video.open("ab") as file:
                file.write(b"more")

    peer.on_request = append
    with pytest.raises(FileChangedError, match="after its end had been told"):
        await upload(peer, video, Follow(quiet=0.05, poll=0.01))
    peer.on_request = None
    await upload(peer, video, Follow(quiet=0.05, poll=0.01))
    assert bytes(list(peer.uploads.values())[-1].data) == video.read_bytes()


async def test_an_end_that_was_told_is_not_told_again(peer: Peer, video: Path) -> None:
    """The answer to the last request was lost, and the process with it: the next call finds all there."""
    peer.faults = [
        Fault("PATCH", lose=True, skip=1),
        Fault("HEAD", status=500),
    ]
    with pytest.raises(GaveUpError):
        await upload(peer, video, Follow(quiet=0.05, poll=0.01), retry=IMPATIENT)
    for follow in (Follow(quiet=0.05, poll=0.01), False):
        result = await upload(peer, video, follow)
        assert result.size == video.stat().st_size
        if follow:
            assert result.resumed_from == result.size
            assert bytes(peer.only().data) == video.read_bytes()


@pytest.mark.parametrize(
    "facts", [{"quiet": 0}, {"poll": 0}, {"pid": 0}, {"pid": -1}, {"pid": 5, "until": lambda: True}]
)
def test_what_cannot_be_followed_by_is_refused(facts: dict[str, Any]) -> None:
    """At once, in words."""
    with pytest.raises(ValueError, match="follow"):
        Follow(**facts)


async def test_only_files_are_followed(peer: Peer, tmp_path: Path) -> None:
    """Bytes have ended; a folder and a missing file are what they are for any upload."""
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(ValueError, match="follow is for a path"):
            await uploader.upload(b"bytes", name="x", follow=True)
        with pytest.raises(LocalFileError, match="not a regular file"):
            await uploader.upload(tmp_path, follow=True)
        with pytest.raises(LocalFileError, match="cannot be read"):
            await uploader.upload(tmp_path / "missing", follow=True)


WRITER = "import sys\nfile = open(sys.argv[1], 'ab', 0)\nfor line in sys.stdin.buffer: file.write(line)"


async def test_the_command_follows_a_process(peer: Peer, tmp_path: Path) -> None:
    """``upload --follow --until-exit PID`` sends what a recorder writes, and ends with it."""
    path = tmp_path / "talk.log"
    path.touch()
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), stdin=subprocess.PIPE, env=environment()
    )
    assert writer.stdin is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tusvideo_client", "upload", str(path), "--json", "--to", peer.url),
        *("--follow", "--until-exit", str(writer.pid)),
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    for count in range(1, 4):
        writer.stdin.write(b"line\n")
        while f'"stored": {5 * count},'.encode() not in await process.stdout.readline():
            pass
    assert peer.only().length is None
    writer.stdin.close()
    await process.stdout.read()
    assert (await process.wait(), await writer.wait()) == (0, 0)
    assert (bytes(peer.only().data), peer.only().length) == (b"line\n" * 3, 15)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["-", "--name", "x", "--follow"], "--follow is for files"),
        (["x", "--follow", "--protocol", "chunks"], "--follow is for files, and not for the chunk API"),
        (["x", "--until-quiet", "5"], "give --follow as well"),
        (["x", "--follow", "--until-quiet", "5", "--until-exit", "5"], "give one of them"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, before any request."""
    assert run(["upload", *arguments, "--to", "http://127.0.0.1:1"]) == 2
    assert match in capsys.readouterr().err
