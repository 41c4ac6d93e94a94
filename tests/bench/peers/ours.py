"""tusvideo itself, at both of its levels, and the floor under everybody."""

import sys
from pathlib import Path
from typing import Final

import aiohttp

from tests.bench.peers.peer import Peer
from tests.bench.peers.process import Command
from tusvideo import __version__


def _version(_: Path) -> str:
    return f"{__version__}, aiohttp {aiohttp.__version__}, Python {sys.version.split()[0]}"


def _command(level: str, folder: Path) -> Command:
    words = (sys.executable, "-m", "tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder))
    return Command(words=words, environment={"TUSVIDEO_STORAGE_DURABILITY": level})


STRICT: Final = Peer(
    name="tusvideo strict",
    settings="defaults; every acknowledged byte is synced before it is acknowledged",
    version=_version,
    command=lambda _, folder: _command("strict", folder),
)

RELAXED: Final = Peer(
    name="tusvideo relaxed",
    settings='durability = "relaxed"; acknowledged bytes survive kill -9, and are synced within half a minute',
    version=_version,
    command=lambda _, folder: _command("relaxed", folder),
)

FLOOR: Final = Peer(
    name="floor",
    settings="blocking recv into one buffer of 1 MiB, write; no offsets, no rows, no syncs, one connection at a time",
    version=lambda _: "tests/bench/floor.py",
    command=lambda _, folder: Command(words=(sys.executable, "-m", "tests.bench.floor", str(folder / "body"))),
    truncates="body",
)
