"""What the client's tests share: a server that fails on demand, a clock that does not wait, a file, a state folder."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.client.integrity import TUS_WITH_CHECKSUMS
from tests.client.peer import Peer
from tests.faults.processes import ServerProcess
from tests.media.clip import make_mp4
from tusvideo_client.cli import run
from tusvideo_client.clock import Clock
from tusvideo_client.state import MIB
from tusvideo_client.testing import FlakyServer

CLIP_BYTES = 3 * MIB + 11
Command = Callable[..., Awaitable[tuple[int, str, str]]]


class Waits:
    """A clock that writes down every wait instead of waiting."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []
        self.clock = Clock(now=lambda: self.at, sleep=self._sleep, draw=max)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    """A running server, stopped after the test."""
    peer = Peer()
    await peer.start()
    yield peer
    await peer.stop()
    assert peer.mistakes == []


@pytest.fixture
def ours(peer: Peer) -> Peer:
    """A server like that of this project: it tells digests, and takes checksums."""
    peer.tells_digests = True
    peer.offer = dict(TUS_WITH_CHECKSUMS)
    return peer


@pytest.fixture
def foreign(peer: Peer) -> Peer:
    """A server with the checksum extension, and without digests of what it stores."""
    peer.offer = dict(TUS_WITH_CHECKSUMS)
    return peer


@pytest.fixture
def waits() -> Waits:
    """A clock that does not wait."""
    return Waits()


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own, so that no test meets the user's uploads or another test's."""
    path = tmp_path / "state"
    for name in [name for name in os.environ if name.startswith("TUSVIDEO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TUSVIDEO_STATE_DIR", str(path))
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file of 2.5 MiB and 7 bytes that is named like a video."""
    path = tmp_path / "talk.mp4"
    path.write_bytes(random.Random(7).randbytes(5 * 2**19 + 7))
    return path


@pytest.fixture
def flaky() -> Iterator[FlakyServer]:
    """The server for users' tests, which fails when it is told to."""
    with FlakyServer() as server:
        yield server


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """The real server on a data directory of its own."""
    async with ServerProcess(tmp_path / "data") as server:
        yield server


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A real mp4 of a little more than 3 MiB."""
    return make_mp4(tmp_path / "talk.mp4", size=CLIP_BYTES)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line in a thread: exit code, stdout, stderr. Variables of the environment come by name."""

    async def run_one(*words: str, **variables: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            code = await asyncio.to_thread(run, words)
        return code, *capsys.readouterr()

    return run_one
