"""A video whose index lies behind its data, in a player that does not have to wait for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Open
from tests.browser.test_library import LONG, noise, stock
from tests.faults.processes import ServerProcess

CONFIG = '[profiles.video]\nfaststart = "repair"\n'


@pytest.fixture
async def repairing(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server that repairs videos."""
    config = tmp_path / "tusvideo.toml"
    config.write_text(CONFIG)
    async with ServerProcess(tmp_path / "data", options=("--config", str(config))) as server:
        yield server


async def test_a_repaired_video_is_played_and_sought(repairing: ServerProcess, open_page: Open, tmp_path: Path) -> None:
    """Chromium plays it to a place far on, and asks for ranges of that address alone."""
    [record] = await stock(repairing, "Noise", clip=noise(tmp_path / "noise.mp4", seconds=LONG))
    page = await open_page(repairing.url, f"/library/{record['id']}")
    player = page.page.get_by_label("Noise")
    await expect(player).to_have_js_property("readyState", 4)
    assert await player.evaluate("video => Math.round(video.duration)") == LONG
    await player.evaluate("video => { video.currentTime = 18 }")
    await expect(player).to_have_js_property("seeking", False)
    await player.evaluate("async video => { video.muted = true; await video.play() }")
    await expect(player).to_have_js_property("paused", False)
    assert set(page.statuses("GET", record["play"])) == {206}
    assert page.statuses("GET", record["url"]) == []
