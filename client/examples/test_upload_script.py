"""Test an upload script, here async_upload.py, through cuts and refusals, as you would test yours.

Usage: python -m pytest test_upload_script.py
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tusvideo_client.testing import FlakyServer

# In a project of your own this line belongs into the conftest.py of the root.
pytest_plugins = ["tusvideo_client.testing.plugin"]

FIRST = 1_000_000
SCRIPT = Path(__file__).with_name("async_upload.py")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file to send."""
    path = tmp_path / "talk.mp4"
    path.write_bytes(bytes(range(256)) * 8192)
    return path


def run(server: FlakyServer, video: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as its users do."""
    command = [sys.executable, str(SCRIPT), server.url, str(video)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own script


def test_cuts_cost_nothing(flaky_server: FlakyServer, video: Path) -> None:
    """The connection is cut three times, and no byte is sent twice."""
    flaky_server.cut(after_bytes=500_000, times=3)
    assert run(flaky_server, video).returncode == 0
    flaky_server.assert_holds(video)
    assert flaky_server.creations == 1
    assert flaky_server.repeated == 0


def test_a_lost_answer_makes_no_second_upload(flaky_server: FlakyServer, video: Path) -> None:
    """The server makes the upload, and the script does not hear of it."""
    flaky_server.lose_answer("create")
    assert run(flaky_server, video).returncode == 0
    assert flaky_server.creations == 1


def test_after_a_refusal_the_next_run_goes_on(flaky_server: FlakyServer, video: Path) -> None:
    """A refusal for good ends the script; run again, it sends only what is missing."""
    flaky_server.cut(after_bytes=FIRST)
    flaky_server.refuse(status=403, step="offset")
    assert run(flaky_server, video).returncode == 1
    assert flaky_server.upload.offset == FIRST
    assert run(flaky_server, video).returncode == 0
    flaky_server.assert_holds(video)
    assert flaky_server.received == video.stat().st_size
