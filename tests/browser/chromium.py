"""A page of ours in a headless Chromium, and everything that went wrong in it."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Dialog,
    FileChooser,
    Locator,
    Page,
    Response,
    async_playwright,
    expect,
)

ROOT: Final = Path(__file__).parents[2]
SCREENSHOTS: Final = ROOT / ".screenshots"
PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS: Final = 30_000
"""How long anything is waited for: a machine with much else to do is slow, and that is no failure."""
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: Final = (1280, 900)
PHONE: Final = (390, 844)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
LINK_BROKE: Final = r"net::ERR_|Failed to load resource"
"""What Chromium writes on the console when a request got no answer; only tests that break links expect it."""

expect.set_options(timeout=PATIENCE_MS)


class Opened:
    """A tab with a page of ours, and what happened in it."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.answers: list[tuple[str, str, int]] = []
        self.problems: list[str] = []
        self.expected: list[str] = []
        self.dialogs: list[str] = []
        self._pickers: asyncio.Queue[FileChooser] = asyncio.Queue()
        page.on("response", self._answered)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("dialog", self._asked)
        # From the start: who asks for pickers only when a key is about to open one does so by another way than the key
        # goes, and a Chromium that is busy may hear of the key first. Then nobody sees the picker.
        page.on("filechooser", self._pickers.put_nowait)

    def _answered(self, response: Response) -> None:
        self.answers.append((response.request.method, response.url.removeprefix(self.base), response.status))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    async def _asked(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.type)
        await dialog.accept()

    def statuses(self, method: str, path: str = "/files/") -> list[int]:
        """Give the statuses of a method's answers below a path, in order."""
        return [status for told, at, status in self.answers if told == method and at.startswith(path)]

    def creations(self) -> int:
        """Count the uploads that were made: different ones cannot be told apart by status 201, so none is repeated."""
        return self.statuses("POST").count(201)

    def unexpected(self) -> list[str]:
        """Give every error, warning and policy report that the test did not announce."""
        return [text for text in self.problems if not any(re.search(pattern, text) for pattern in self.expected)]

    async def goto(self, path: str = "/") -> None:
        """Open a page of ours and wait until it is drawn."""
        await self.page.goto(f"{self.base}{path}")
        await expect(self.page.locator("h1")).to_be_visible()

    async def reload(self) -> None:
        """Load the page again, as the key F5 does."""
        await self.page.reload()
        await expect(self.page.locator("h1")).to_be_visible()

    async def pick(self, *files: Path) -> None:
        """Choose files in the picker that a key or a click has opened, or is about to open."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            picker = await self._pickers.get()
        await picker.set_files([str(file) for file in files])

    # -------------------------------------------------------------------------------------------------- the upload page

    async def choose(self, *files: Path, profile: str | None = None) -> None:
        """Choose files as a person does with the picker."""
        if profile is not None:
            await self.page.select_option("#profile", profile)
        await self.page.set_input_files("#files", [str(file) for file in files])

    async def send(self) -> None:
        """Press "Upload"."""
        await self.page.get_by_role("button", name=re.compile(r"^Upload \d+ file")).click()

    def card(self, name: str) -> Locator:
        """Give the entry of a file in the list."""
        return self.page.get_by_role("listitem").filter(has_text=name)

    async def state(self, name: str, state: str) -> None:
        """Wait until a file's entry is in a state, as its class tells."""
        await expect(self.card(name)).to_have_class(re.compile(rf"\b{state}\b"))

    @asynccontextmanager
    async def saved(self, **texts: str) -> AsyncIterator[None]:
        """Wait until the server has taken the texts that are typed in the block.

        That the page calls them saved does not tell: it may not have drawn yet that something was typed.
        """

        def takes(answer: Response) -> bool:
            asked = answer.request
            if asked.method != "PATCH" or "/api/uploads/" not in asked.url:
                return False
            said = asked.post_data_json or {}
            return answer.ok and {name: said.get(name) for name in texts} == texts

        async with self.page.expect_response(takes) as taken:
            yield
        await (await taken.value).finished()

    async def percent(self, name: str) -> int:
        """Read how far a file is."""
        return int(await self.card(name).get_by_role("progressbar").get_attribute("value") or 0)

    # ------------------------------------------------------------------------------------------------- looks and access

    async def look(self, name: str, *, axe: str, sizes: tuple[tuple[int, int], ...] = (DESKTOP, PHONE)) -> None:
        """Photograph the page as it is, light and dark, on a desk and on a phone, and hold each against axe-core."""
        SCREENSHOTS.mkdir(exist_ok=True)
        before = self.page.viewport_size
        for width, height in sizes:
            await self.page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                await self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                path = SCREENSHOTS / f"{name}-{width}-{scheme}.png"
                await self.page.screenshot(path=path, full_page=True)
                found = await violations(self.page, axe)
                assert found == [], f"{name}, {width} px, {scheme}: {found}"
                assert await self.overflow() <= 0, f"{name}: wider than {width} px"
        if before is not None:
            await self.page.set_viewport_size(before)

    async def overflow(self) -> int:
        """Measure by how many pixels the page is wider than its window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(await self.page.evaluate(width))


async def violations(page: Page, axe: str) -> list[str]:
    """Run axe-core with all its rules for WCAG 2.2 AA and good practice; one line for each broken rule."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(axe)
    found: Any = await page.evaluate("async () => (await axe.run(document)).violations")
    return [f"{rule['id']}: {rule['help']}: {[node['html'][:160] for node in rule['nodes']]}" for rule in found]


@asynccontextmanager
async def browser(profile: Path, *, locale: str = "en-GB") -> AsyncIterator[BrowserContext]:
    """Run Chromium on a profile folder; the same folder again is the same browser, opened again."""
    assert PROGRAM is not None
    # Its wrapper script and its crash handler write below HOME and XDG folders; those are the test's own.
    home = {"HOME": str(profile), "XDG_CONFIG_HOME": str(profile), "XDG_CACHE_HOME": str(profile)}
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile / "profile",
            executable_path=PROGRAM,
            args=QUIET,
            env={**os.environ, **home},
            headless=True,
            locale=locale,
            viewport={"width": DESKTOP[0], "height": DESKTOP[1]},
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield context
        finally:
            await context.close()
