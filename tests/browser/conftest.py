"""A server, a browser and files to send; nothing may go wrong in a page that the test did not announce."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.browser import chromium
from tests.browser.chromium import Opened
from tests.clients import npm
from tests.e2e.conftest import server, start
from tests.e2e.disk import MIB, video

__all__ = ["server", "start"]

SIZE = 16 * MIB
"""Of the video: well beyond what Chromium hands to the kernel at once."""

Open = Callable[..., Awaitable[Opened]]


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, to be run in a page; skips, with the reason, where it cannot be had."""
    try:
        return (npm.installed() / "axe-core/axe.min.js").read_text()
    except npm.Absent as reason:
        pytest.skip(str(reason))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A video to send."""
    path = tmp_path / "holiday.mp4"
    path.write_bytes(video(3, SIZE))
    return path


@pytest_asyncio.fixture
async def context(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    """A browser with a new profile."""
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    async with chromium.browser(tmp_path / "browser") as context:
        yield context


@pytest_asyncio.fixture
async def open_page(context: BrowserContext) -> AsyncIterator[Open]:
    """Open tabs on a server; afterwards no console error, page error or policy report may be left unexplained."""
    tabs: list[Opened] = []

    async def run(base: str, path: str = "/", *, expected: tuple[str, ...] = ()) -> Opened:
        tab = Opened(await context.new_page(), base)
        tab.expected.extend(expected)
        tabs.append(tab)
        await tab.goto(path)
        return tab

    yield run
    for tab in tabs:
        assert tab.unexpected() == []
