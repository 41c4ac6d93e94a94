"""A page with Uppy in a headless Chromium, served from another origin than the server's."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, Response, async_playwright

from tests.browser.chromium import PROGRAM, QUIET
from tests.clients.journey import PATIENCE_SECONDS

HTML = Path(__file__).parent / "uppy.html"
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed: apt-get install chromium")


class UppyPage:
    """The page, and what crossed its network."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.answers: list[tuple[str, int]] = []
        self.errors: list[str] = []
        page.on("response", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, response: Response) -> None:
        self.answers.append((response.request.method, response.status))

    def statuses(self, method: str) -> list[int]:
        """Give the statuses of a method's answers, in order."""
        return [status for told, status in self.answers if told == method]

    async def begin(
        self, endpoint: str, *, golden: bool = False, meta: dict[str, Any] | None = None, **tus: Any
    ) -> None:
        """Load the page, or load it again, and set Uppy up."""
        await self.page.goto(self.url)
        options = {"tus": {"endpoint": endpoint, **tus}, "golden": golden, "meta": meta or {}}
        await self.page.evaluate("options => begin(options)", options)

    async def choose(self, *files: Path) -> None:
        """Choose files as a person would."""
        await self.page.set_input_files("input", [str(file) for file in files])

    async def send(self) -> Any:
        """Upload what was chosen, to its end: ``urls`` and ``failed``."""
        return await self.page.evaluate("send()")

    async def start(self) -> None:
        """Begin to upload, and do not wait."""
        await self.page.evaluate("void send()")

    async def call(self, script: str) -> Any:
        """Run a piece of script in the page."""
        return await self.page.evaluate(script)

    async def until(self, script: str) -> Any:
        """Wait until a piece of script gives something."""
        handle = await self.page.wait_for_function(script)
        return await handle.json_value()


@asynccontextmanager
async def site(modules: Path) -> AsyncIterator[str]:
    """Serve the page and the bundle of Uppy; gives the origin."""
    app = web.Application()

    async def page(_: web.Request) -> web.FileResponse:
        return web.FileResponse(HTML)

    async def bundle(_: web.Request) -> web.FileResponse:
        return web.FileResponse(modules / "uppy/dist/uppy.min.js")

    app.router.add_get("/", page)
    app.router.add_get("/uppy.min.js", bundle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def chromium(origin: str, *, profile: Path) -> AsyncIterator[UppyPage]:
    """Run Chromium with a new profile, and open the page."""
    assert PROGRAM is not None
    # Its wrapper script and its crash handler write below HOME and XDG folders; those are the test's own.
    home = {"HOME": str(profile), "XDG_CONFIG_HOME": str(profile), "XDG_CACHE_HOME": str(profile)}
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile / "profile", executable_path=PROGRAM, args=QUIET, env={**os.environ, **home}, headless=True
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        try:
            page = UppyPage(await context.new_page(), f"{origin}/")
            yield page
            assert page.errors == []
        finally:
            await context.close()
