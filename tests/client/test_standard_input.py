"""``tusvideo upload -``: what comes through a pipe, on the command line; and ``--limit-rate``."""

import asyncio
import hashlib
import os
import pty
import signal
import subprocess
import time
from copy import deepcopy
from pathlib import Path

import pytest

from tests.client.peer import Fault, Peer, as_json
from tests.client.processes import command, start
from tusvideo_client.cli import run
from tusvideo_client.state import MIB


async def upload(*arguments: str, stdin: int = subprocess.DEVNULL, **variables: str) -> tuple[int, str, str]:
    """Run ``upload`` in a process of its own: exit code, stdout, stderr."""
    return await command("upload", *arguments, stdin=stdin, **variables)


async def upload_pipe(data: bytes, *arguments: str) -> tuple[int, str, str]:
    """The same, with bytes that come through a pipe."""
    reading, writing = os.pipe()
    try:
        running = asyncio.create_task(upload(*arguments, stdin=reading))
        with open(writing, "wb") as pipe:  # noqa: PTH123  # a number, no path
            await asyncio.to_thread(pipe.write, data)
            await asyncio.to_thread(pipe.flush)
        return await running
    finally:
        os.close(reading)


async def test_a_pipe_is_uploaded(peer: Peer, video: Path) -> None:
    """Under the name that is given; the URL goes to stdout."""
    data = video.read_bytes()
    code, out, _ = await upload_pipe(data, "-", "--name", "talk.mp4", "--title", "Talk", "--to", peer.url)
    assert (code, out) == (0, f"{peer.url}/uploads/files/local/talk.mp4\n")
    assert (bytes(peer.only().data), peer.only().metadata["title"]) == (data, "Talk")


async def test_a_pipe_that_ends_early_is_no_file(peer: Peer, video: Path) -> None:
    """With --size a writer that died is told from one that ended: exit 4, and the upload stays unfinished."""
    data = video.read_bytes()
    size = str(len(data) + 1)
    code, out, err = await upload_pipe(data, "-", "--name", "talk.mp4", "--size", size, "--to", peer.url)
    assert (code, out) == (4, "")
    assert f"ended after {len(data)} of {size} bytes" in err
    assert "send the stream anew" in err
    assert all(len(made.data) < int(size) for made in peer.uploads.values())


async def test_a_file_on_standard_input_resumes(peer: Peer, video: Path) -> None:
    """``< file`` can seek: the same command again goes on."""
    peer.faults = [Fault("PATCH", cut_after=MIB), Fault("HEAD", status=500, times=9)]
    arguments = ["-", "--name", "talk.mp4", "--json", "--to", peer.url]
    codes, lines = [], ""
    for retry in (["--retry-for", "0"], []):
        with video.open("rb") as file:
            code, lines, _ = await upload(*arguments, *retry, stdin=file.fileno())
        codes.append(code)
        peer.faults = []
    assert codes == [75, 0]
    assert as_json(lines)[-1]["files"][0]["resumed_from"] == MIB
    assert hashlib.sha256(peer.only().data).digest() == hashlib.sha256(video.read_bytes()).digest()


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("PATCH", cut_after=1000), Fault("HEAD", status=500, times=9)],
        [Fault("POST", status=503, times=9)],
        [Fault("OPTIONS", status=503, times=9)],
    ],
    ids=["while it is sent", "before it is made", "before it is known what to speak"],
)
async def test_who_gives_up_on_a_pipe_promises_nothing(faults: list[Fault], peer: Peer) -> None:
    """75 means that the same command goes on; a pipe's bytes do not come again: 4, and advice that can be followed."""
    data = bytes(60_000)  # a pipe holds it, also when nobody reads any more
    words = ["-", "--name", "talk.mp4", "--to", peer.url, "--retry-for", "0"]
    for more in ([], ["--size", str(len(data))]):
        peer.faults = deepcopy(faults)
        code, out, err = await upload_pipe(data, *words, *more)
        assert (code, out, "send the stream anew" in err, "again resumes" in err) == (4, "", True, False), err
        peer.faults = deepcopy(faults)
        code, out, _ = await upload_pipe(data, *words, *more, "--json")
        (told,) = as_json(out)[-1]["files"]
        assert (code, told["error"], told["retryable"]) == (4, "GaveUpError", False)


@pytest.mark.parametrize("size", [[], ["--size", "900000"]], ids=["unknown length", "known length"])
async def test_an_interrupted_pipe_is_not_said_to_go_on(size: list[str], peer: Peer) -> None:
    """Ctrl-C tells what is stored, that no later run goes on, and what removes it."""
    process = await start("-", "--name", "talk.mp4", "--to", peer.url, *size, stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(bytes(300_000))
    while b"waiting" not in (line := await process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        err = (await process.stderr.read()).decode()
        assert await process.wait() == 130
    process.stdin.close()
    assert "no later run goes on, and `rm` removes what is stored" in err
    assert "run the same command" not in err


async def test_a_silent_pipe_does_not_hold_the_process(peer: Peer) -> None:
    """Ctrl-C ends it though a thread waits for bytes that do not come."""
    process = await start("-", "--name", "talk.mp4", "--json", "--to", peer.url, stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(bytes(300_000))
    while b'"stored": 300000' not in (line := await process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        await process.stdout.read()
        assert await process.wait() == 130
    process.stdin.close()
    assert (peer.only().length, len(peer.only().data)) == (None, 300_000)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["-"], "standard input has no name: give --name"),
        (["-", "talk.mp4", "--name", "x.mp4"], "--name is for one file, not for 2"),
        (["talk.mp4", "--size", "5"], "--size is for standard input"),
        (["talk.mp4", "--limit-rate", "fast"], "rate 'fast' is not understood"),
        (["talk.mp4", "--limit-rate", "22:00 1M"], "is not understood"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, before any request."""
    assert run(["upload", *arguments, "--to", "http://127.0.0.1:1"]) == 2
    told = capsys.readouterr()
    assert (match in told.err, told.out) == (True, "")


async def test_a_terminal_is_no_source(peer: Peer) -> None:
    """Somebody who forgot the pipe is told so instead of being listened to."""
    near, far = pty.openpty()
    try:
        code, _, err = await upload("-", "--name", "talk.mp4", "--to", peer.url, stdin=far)
    finally:
        os.close(near)
        os.close(far)
    assert (code, peer.seen) == (2, [])
    assert "standard input is a terminal" in err


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_files_share_the_limit(protocol: str, peer: Peer, video: Path) -> None:
    """Two files of 2.5 MiB at 3 MiB a second take more than a second; the limit may come from the environment."""
    other = video.with_name("other.mp4")
    other.write_bytes(video.read_bytes())
    began = time.monotonic()
    code, _, _ = await upload(
        str(video), str(other), "--protocol", protocol, "--to", peer.url, TUSVIDEO_LIMIT_RATE="3M"
    )
    assert code == 0
    assert time.monotonic() - began > 5 / 3 - 0.5
    data = [bytes(made.data) for made in [*peer.uploads.values(), *peer.chunked.values()]]
    assert data == [video.read_bytes()] * 2
