"""What every client of others is given: a server of its own, and a video to send."""

from pathlib import Path

import pytest

from tests.clients import npm
from tests.clients.journey import SIZE
from tests.e2e.conftest import server, start
from tests.e2e.disk import video

__all__ = ["modules", "server", "source", "start"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A video to send."""
    path = tmp_path / "holiday.mp4"
    path.write_bytes(video(3, SIZE))
    return path


@pytest.fixture(scope="session")
def modules() -> Path:
    """The clients of npm; skips, with the reason, where they cannot be had."""
    try:
        return npm.installed()
    except npm.Absent as reason:
        pytest.skip(str(reason))
