"""A server takes the open files that the system grants, and no more uploads at once than those suffice for."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Log


@contextmanager
def limited(words: str, data: Path) -> Iterator[tuple[subprocess.Popen[str], Log]]:
    """Start a server under ``ulimit``; it is stopped in the end."""
    server = [sys.executable, "-m", "tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(data)]
    command = ["sh", "-c", f'ulimit {words} && exec "$@"', "sh", *server]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        log = Log(process.stderr)
        try:
            assert process.stdout.readline().startswith("listening on ")
            yield process, log
        finally:
            process.terminate()
            process.wait(timeout=20)
            log.all()


def test_too_few_descriptors_are_told(tmp_path: Path) -> None:
    """With a hard limit of 300 files only 50 uploads are taken at once, and the log says so."""
    with limited("-n 300", tmp_path / "data") as (_, log):
        assert log.wait_for("server_started").endswith(" max_transfers=50")


def test_a_low_soft_limit_is_raised(tmp_path: Path) -> None:
    """Shells give 1,024 files and allow more; the server takes what is allowed."""
    with limited("-S -n 300", tmp_path / "data") as (process, log):
        limits = Path(f"/proc/{process.pid}/limits")
        if not limits.exists():
            pytest.skip("no /proc here to see the limits of a process")
        (line,) = [line.split() for line in limits.read_text().splitlines() if line.startswith("Max open files")]
        soft, hard = line[3:5]
        told = log.wait_for("server_started")
    assert soft == hard
    assert told.endswith(f" max_transfers={min(10_000, max(1, (int(hard) - 200) // 2))}")
