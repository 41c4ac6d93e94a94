"""Our own server as a process, and its inside: disk, rows, log, and the hand that kills it."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote

from tests.bench.peers.process import LOOPBACK, free_port

START_SECONDS: Final = 30
STOP_SECONDS: Final = 15
_SERVE: Final = ("-m", "tusvideo", "serve")


@dataclass(slots=True, kw_only=True)
class Own:
    """``tusvideo serve`` on a data directory; keeps its port and its data over restarts."""

    folder: Path
    settings: str = ""
    """TOML."""
    program: tuple[str, ...] = _SERVE
    """Arguments of the interpreter."""
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the collection."""
        return f"http://{LOOPBACK}:{self.port}/files/"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    # --- its life

    def start(self) -> None:
        """Start, and wait for the line that says it listens. Raises RuntimeError with the log when it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tusvideo.toml").write_text(self.settings)
        self.port = self.port or free_port()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                (
                    *(sys.executable, *self.program),
                    *("--listen", f"{LOOPBACK}:{self.port}", "--data-dir", str(self.data)),
                    *("--config", str(self.folder / "tusvideo.toml")),
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line.startswith("listening on http://"):
            self._process.wait(START_SECONDS)
            raise RuntimeError(f"the server did not start: {line!r}\n{self.log[-4000:]}")

    def revive(self) -> None:
        """Start it if a check has left it dead."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self.start()

    def kill(self) -> None:
        """Kill -9 and reap."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM and wait; give the exit code, 0 when it was not running."""
        return self._end(signal.SIGTERM)

    @contextlib.contextmanager
    def set_otherwise(self, settings: str) -> Iterator[None]:
        """Restart with these lines of TOML for a while."""
        usual = self.settings
        self.stop()
        self.settings = usual + settings
        self.start()
        try:
            yield
        finally:
            self.stop()
            self.settings = usual
            self.start()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        os.kill(self.pid, number)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        with process:
            if process.poll() is None:
                process.send_signal(number)
            try:
                return process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    # --- its inside

    @property
    def log(self) -> str:
        """Everything that it has told so far."""
        return (self.folder / "log").read_text(errors="replace")

    def events(self, path: str, name: str) -> int:
        """Count the events of this name about an upload; waits a moment for the first one, as the log comes late."""
        upload = path.partition("?")[0].rpartition("/")[2]
        until = time.monotonic() + 0.2
        while True:
            count = sum(name in line and f"upload={upload}" in line for line in self.log.splitlines())
            if count or time.monotonic() > until:
                return count
            time.sleep(0.01)

    def bytes_of(self, path: str, *, published: str | None = None) -> bytes:
        """Read what lies on disk of an upload: in staging, or where Content-Location says that it was published."""
        if published is not None:
            return (self.data / unquote(published).lstrip("/")).read_bytes()
        staged = self.data / "staging" / path.partition("?")[0].rpartition("/")[2]
        try:
            return staged.read_bytes()
        except FileNotFoundError:
            return b""  # the file is made with the first byte

    def files(self) -> frozenset[str]:
        """Name everything below staging and uploads."""
        found: set[str] = set()
        for top in ("staging", "uploads"):
            for place in (self.data / top).rglob("*"):
                with contextlib.suppress(FileNotFoundError):
                    if place.is_file():
                        found.add(str(place.relative_to(self.data)))
        return frozenset(found)

    def rows(self, *, also_ended: bool = False) -> Mapping[str, str]:
        """Give the status of every upload by its id; those that ended are left out."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data / 'tusvideo.db'}?mode=ro", uri=True)) as table:
            found = dict(table.execute("SELECT id, status FROM uploads").fetchall())
        ended = set() if also_ended else {"terminated", "expired", "failed"}
        return {name: status for name, status in found.items() if status not in ended}

    def census(self) -> frozenset[str]:
        """Name all uploads and all files."""
        return self.files() | {f"upload {name}" for name in self.rows()}

    @contextlib.contextmanager
    def locked_table(self) -> Iterator[None]:
        """Hold the session table as another program would that writes to it."""
        with contextlib.closing(sqlite3.connect(self.data / "tusvideo.db", isolation_level=None)) as table:
            table.execute("BEGIN IMMEDIATE")
            yield
            table.execute("ROLLBACK")

    def open_descriptors(self) -> int:
        """Count the files and sockets that the process holds open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def resident_kib(self) -> int:
        """KiB of memory that the process holds."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0
