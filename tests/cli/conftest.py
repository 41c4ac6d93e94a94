"""Real processes of ``tusvideo serve``."""

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

WAIT_SECONDS = 20


class Log:
    """What a process writes on stderr, read as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._stream:
            with self._news:
                self._lines.append(line.rstrip("\n"))
                self._news.notify_all()

    def all(self) -> list[str]:
        """Give every line, once the process has ended."""
        self._reader.join(timeout=WAIT_SECONDS)
        assert not self._reader.is_alive(), "the log is read to its end after the process ended"
        return self._lines

    def wait_for(self, event: str) -> str:
        """Wait until an event is told, and give its line."""

        def told() -> list[str]:
            return [line for line in self._lines if f" {event}" in line]

        with self._news:
            assert self._news.wait_for(told, timeout=WAIT_SECONDS), f"expected {event}, got {self._lines}"
            return told()[0]


@dataclass
class Served:
    """A server that said it is ready."""

    process: subprocess.Popen[str]
    url: str
    log: Log

    @property
    def port(self) -> int:
        """The port it told."""
        return int(self.url.rpartition(":")[2])

    def wait(self) -> int:
        """Wait for the end and give the exit code."""
        return self.process.wait(timeout=WAIT_SECONDS)


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start servers on a free port with data in a folder of the test; whoever still runs at its end is killed."""
    with contextlib.ExitStack() as stack:

        def start(*words: str, data: Path | None = None, listen: str = "127.0.0.1:0", **environ: str) -> Served:
            command = [sys.executable, "-m", "tusvideo", "serve", "--listen", listen]
            command += ["--data-dir", str(tmp_path / "data" if data is None else data), *words]
            process = stack.enter_context(
                subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environ
                )
            )
            assert process.stdout is not None
            assert process.stderr is not None
            log = Log(process.stderr)
            stack.callback(log.all)
            stack.callback(process.kill)
            line = process.stdout.readline()
            match = re.fullmatch(r"listening on (http://\S+:\d+)\n", line)
            assert match is not None, f"expected the line of readiness, got {line!r}"
            return Served(process=process, url=match[1], log=log)

        yield start


Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Run a server that cannot start: exit code 1, nothing on stdout; gives the one line on stderr."""

    def run(*words: str, data: Path | None = None, listen: str = "127.0.0.1:0", **environ: str) -> str:
        command = [sys.executable, "-m", "tusvideo", "serve", "--listen", listen]
        command += ["--data-dir", str(tmp_path / "data" if data is None else data), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS, env=os.environ | environ
        )
        told = [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-\d\d-\d\dT", line)]
        assert (done.returncode, done.stdout, len(told)) == (1, "", 1), done.stderr
        assert "Traceback" not in done.stderr
        return told[0]

    return run
