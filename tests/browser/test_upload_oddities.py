"""What people do and browsers are: the same file twice, many files at once, nothing kept, a session that is over."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Route, expect

from tests.browser.chromium import LINK_BROKE
from tests.browser.conftest import Open
from tests.browser.test_upload import NAME, RATE, arrived
from tests.browser.test_upload_states import UPLOAD, bytes_held
from tests.clients.journey import link
from tests.e2e.disk import MIB, video
from tests.faults.processes import ServerProcess

HANGS = "IDBFactory.prototype.open = () => new EventTarget()"
REFUSES = "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError') }"
COMES_LATE = """(() => {
  const open = IDBFactory.prototype.open
  const gate = new Promise((resolve) => { window.openNow = resolve })
  IDBFactory.prototype.open = function (...what) {
    const request = open.apply(this, what)
    const told = { get result() { return request.result } }
    request.onupgradeneeded = () => told.onupgradeneeded()
    request.onsuccess = () => gate.then(() => told.onsuccess())
    return told
  }
})()"""
LOGIN = "<!doctype html><title>Sign in</title>"


def clips(folder: Path, count: int) -> list[Path]:
    """Videos of 1 MiB."""
    files = [folder / f"clip {number}.mp4" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(video(number, MIB))
    return files


async def test_a_file_that_is_in_the_list_is_not_added_again(
    server: ServerProcess, open_page: Open, tmp_path: Path, axe: str
) -> None:
    """Everybody sees why, not only those who listen; what is chosen next takes the sentence away."""
    one, two, three = clips(tmp_path, 3)
    page = await open_page(server.url)
    note = page.page.locator(".notices .note.warn")
    await page.choose(one, two)
    await page.choose(one)
    await expect(note).to_have_text("“clip 0.mp4” is in the list already.")
    await page.look("upload-double", axe=axe)
    await page.choose(one, two)
    await expect(note).to_have_text("2 files are in the list already.")
    await page.choose(three)
    await expect(note).to_have_count(0)
    await expect(page.page.get_by_role("listitem")).to_have_count(3)


async def test_the_title_counts_what_is_done_of_all_that_went_together(
    server: ServerProcess, open_page: Open, tmp_path: Path, axe: str
) -> None:
    """With many files it does not stay near 0 until the last ones; they leave the list with a click, still counted."""
    page = await open_page(server.url)
    gate, passed = asyncio.Event(), 0

    async def hold(route: Route) -> None:
        nonlocal passed
        if route.request.method == "PATCH" and not gate.is_set():
            passed += 1
            if passed > 2:
                await gate.wait()
        await route.fallback()

    await page.page.route(UPLOAD, hold)
    await page.choose(*clips(tmp_path, 4))
    await page.send()
    for name in ("clip 0.mp4", "clip 1.mp4"):
        await page.state(name, "done")
    await expect(page.page).to_have_title(re.compile("^50% "))
    clear = page.page.get_by_role("button", name="Clear 2 uploaded files")
    await clear.click()
    await expect(page.page.get_by_role("listitem")).to_have_count(2)
    await expect(page.page.locator("#files")).to_be_focused()
    await expect(page.page).to_have_title(re.compile("^50% "))
    await page.look("upload-cleared", axe=axe)
    await expect(clear).to_have_count(0)
    gate.set()
    for name in ("clip 2.mp4", "clip 3.mp4"):
        await page.state(name, "done")
    assert page.creations() == 4


@pytest.mark.parametrize("database", [HANGS, REFUSES])
async def test_a_browser_that_keeps_nothing_uploads_all_the_same(
    server: ServerProcess, context: BrowserContext, open_page: Open, source: Path, database: str, axe: str
) -> None:
    """Whether its database refuses or never answers; and the reader is told to leave the page open."""
    await context.add_init_script(database)
    page = await open_page(server.url)
    await page.choose(source)
    await expect(page.page.locator(".notices .note")).to_contain_text("This browser keeps nothing for this page.")
    if database == HANGS:
        await page.look("upload-forgets", axe=axe)
    await page.send()
    await page.state(NAME, "done")
    await expect(page.page.locator(".notices .note")).to_have_count(0)
    arrived(server, source)


async def test_a_database_that_opens_late_is_used_once_it_is_there(
    server: ServerProcess, context: BrowserContext, open_page: Open, source: Path
) -> None:
    """What was chosen meanwhile is kept from then on; what was kept before is found, however long that takes."""
    await context.add_init_script(COMES_LATE)
    page = await open_page(server.url)
    note = page.page.locator(".notices .note")
    await page.choose(source)
    await expect(note).to_contain_text("This browser keeps nothing for this page.")
    await page.page.evaluate("window.openNow()")
    await expect(note).to_have_count(0)
    async with bytes_held(page):
        await page.send()
        await expect(page.card(NAME).locator(".draft")).to_have_text("Saved.")
        await page.reload()
        await page.page.evaluate("window.openNow()")
        await page.state(NAME, "needsFile")
    await page.choose(source)
    await page.state(NAME, "done")
    assert page.creations() == 1
    arrived(server, source)


async def test_a_tab_that_is_left_with_an_upload_knows_what_the_server_has(
    server: ServerProcess, open_page: Open, source: Path
) -> None:
    """As after a reload, whose page finds the upload with the one before as long as that is not quite gone."""
    async with link(server, rate=RATE // 2) as proxy:
        first = await open_page(proxy.url, expected=(LINK_BROKE,))
        second = await open_page(proxy.url)
        await first.choose(source)
        await first.send()
        await expect(first.card(NAME).locator(".draft")).to_have_text("Saved.")
        await second.state(NAME, "elsewhere")
        await first.page.close()
        await second.state(NAME, "needsFile")
        await expect(second.card(NAME).locator(".draft")).to_have_text("Saved.")


async def test_a_session_that_is_over_costs_nothing(
    server: ServerProcess, open_page: Open, source: Path, axe: str
) -> None:
    """A proxy answers with its own page: the reader is told what to do, and the upload goes on after that."""
    page = await open_page(server.url, expected=("status of 401",))
    async with bytes_held(page):
        await page.choose(source)
        await page.send()
        await page.state(NAME, "sending")
        await page.card(NAME).get_by_role("button", name="Pause").click()
        await page.state(NAME, "paused")

    async def deny(route: Route) -> None:
        await route.fulfill(status=401, content_type="text/html", body=LOGIN)

    await page.page.route("**/files/**", deny)
    await page.card(NAME).get_by_role("button", name="Continue").click()
    await expect(page.card(NAME).get_by_role("alert")).to_have_text(
        "You are not signed in any more. Sign in again in another tab, then try again here."
    )
    await page.look("upload-signed-out", axe=axe)
    await page.page.unroute("**/files/**")
    await page.card(NAME).get_by_role("button", name="Try again").click()
    await page.state(NAME, "done")
    assert page.creations() == 1
    arrived(server, source)


async def test_a_folder_is_left_out_and_the_file_beside_it_is_not(
    server: ServerProcess, context: BrowserContext, open_page: Open, tmp_path: Path, axe: str
) -> None:
    """Dropped together from a file manager; the reader is told what to do with the folder."""
    folder = tmp_path / "holiday"
    folder.mkdir()
    [file] = clips(tmp_path, 1)
    page = await open_page(server.url)
    devtools = await context.new_cdp_session(page.page)
    data = {"items": [], "files": [str(folder), str(file)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        await devtools.send("Input.dispatchDragEvent", {"type": step, "x": 300, "y": 400, "data": data})
    await expect(page.page.locator(".notices .note.bad")).to_contain_text("A folder was left out.")
    await page.state("clip 0.mp4", "chosen")
    await expect(page.page.get_by_role("listitem")).to_have_count(1)
    await page.look("upload-folder", axe=axe)
    await page.send()
    await page.state("clip 0.mp4", "done")
