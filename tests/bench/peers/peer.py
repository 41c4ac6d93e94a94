"""What the benchmark must know about a server: how it comes into the cache, and how it is started."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.peers.process import BenchError, Command, Server, started

INSTALL_SECONDS: Final = 1200


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server that can be measured."""

    name: str
    settings: str
    """How it is set, for the report."""
    version: Callable[[Path], str]
    """Install it into a folder of the cache, if it is not there, and tell its version. Raises BenchError or OSError."""
    command: Callable[[Path, Path], Command]
    """How to start what was installed in the first folder, with its data in the second."""
    base: str = "/files/"
    truncates: str = ""
    """A file of its data folder to be emptied after a body, for a server that knows no DELETE."""

    @contextmanager
    def running(self, cache: Path, *, folder: Path) -> Iterator[Server]:
        """Run it; its data lies in a folder of its own, which is made here."""
        folder.mkdir(parents=True, exist_ok=True)
        command = self.command(cache, folder)
        with started(command, name=self.name, base=self.base, folder=folder) as server:
            yield server


def run(*words: str, folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a command of an installation to its end and give what it printed. Raises BenchError when it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{words[0]} took longer than {INSTALL_SECONDS} s") from error
    except FileNotFoundError as error:
        raise BenchError(f"{words[0]} is not on this machine") from error
    if done.returncode:
        raise BenchError(f"`{' '.join(words)}` failed: {done.stdout[-500:].strip()}")
    return done.stdout
