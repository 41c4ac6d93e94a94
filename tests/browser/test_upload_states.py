"""What the upload page shows and offers in states that pass quickly elsewhere, each held until it was seen."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Route, expect

from tests.browser.chromium import LINK_BROKE, ROOT, Opened
from tests.browser.conftest import SIZE, Open
from tests.browser.test_upload import NAME, OPFS, PICKER, arrived
from tests.e2e.disk import MIB, published, staged, video
from tests.faults.processes import ServerProcess

UPLOAD = re.compile(r"/files/[0-9a-f]{32}$")
FULL = {"code": "disk_full", "detail": "507 Insufficient Storage", "success": False}


@asynccontextmanager
async def bytes_held(page: Opened, *, status: int = 0) -> AsyncIterator[None]:
    """Keep back every PATCH until the block ends; or answer it with a status, where -1 breaks the line."""
    gate = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method != "PATCH" or gate.is_set():
            await route.fallback()
        elif status == -1:
            await route.abort()
        elif status:
            await route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(FULL))
        else:
            await gate.wait()
            await route.continue_()

    await page.page.route(UPLOAD, hold)
    try:
        yield
    finally:
        gate.set()


async def test_a_broken_line_may_be_tried_at_once(
    server: ServerProcess, open_page: Open, source: Path, axe: str
) -> None:
    """It waits by itself, longer each time; who does not want to wait presses a button."""
    page = await open_page(server.url, expected=(LINK_BROKE,))
    async with bytes_held(page, status=-1):
        await page.choose(source)
        await page.send()
        await page.state(NAME, "waiting")
        await expect(page.card(NAME)).to_contain_text("connection lost, trying again")
        await page.look("upload-waiting", axe=axe)
    await page.card(NAME).get_by_role("button", name="Try now").click()
    await page.state(NAME, "done")
    assert page.creations() == 1
    arrived(server, source)


async def test_a_failure_stays_and_costs_nothing(
    server: ServerProcess, open_page: Open, source: Path, axe: str
) -> None:
    """The reason and the texts stay, also over a reload; the same upload is gone on with when there is room again."""
    page = await open_page(server.url, expected=("status of 507",))
    alert = page.card(NAME).get_by_role("alert")
    async with bytes_held(page, status=507):
        await page.choose(source)
        await page.send()
        await expect(alert).to_contain_text("The server has no room left")
        await page.card(NAME).get_by_label("Description").fill("Typed while it failed")
        await page.card(NAME).get_by_label("Title").fill("Kept")
        await expect(page.page).to_have_title(re.compile("^Failed – "))
        await page.look("upload-failed", axe=axe)
        await page.card(NAME).get_by_role("button", name="Try again").click()
        await expect(alert).to_contain_text("The server has no room left")
        await expect(page.card(NAME).get_by_label("Title")).to_have_value("Kept")
        await expect(page.card(NAME).locator(".draft")).to_have_text("Saved.")
        await page.reload()
        await page.state(NAME, "needsFile")
        await expect(page.card(NAME).get_by_label("Description")).to_have_value("Typed while it failed")
        await expect(page.card(NAME).locator(".draft")).to_have_text("Saved.")
        await page.look("upload-interrupted", axe=axe)
    await page.choose(source)
    await page.state(NAME, "done")
    [record] = await page.page.evaluate("async () => (await (await fetch('/api/videos')).json()).videos")
    assert (record["title"], record["description"]) == ("Kept", "Typed while it failed")
    assert page.creations() == 1
    assert page.dialogs == []
    arrived(server, source)


async def test_texts_that_go_back_to_those_of_the_beginning_are_saved_too(
    server: ServerProcess, open_page: Open, source: Path
) -> None:
    """After a reload the page goes by what the server has of the texts, not by what it once said of them."""
    page = await open_page(server.url)
    title, draft = page.card(NAME).get_by_label("Title"), page.card(NAME).locator(".draft")
    async with bytes_held(page):
        await page.choose(source)
        await title.fill("First")
        await page.send()
        await page.state(NAME, "sending")
        async with page.saved(title="Second"):
            await title.fill("Second")
        await expect(draft).to_have_text("Saved.")
        await page.reload()
        await page.state(NAME, "needsFile")
        await expect(draft).to_have_text("Saved.")
        async with page.saved(title="First"):
            await title.fill("First")
        await expect(draft).to_have_text("Saved.")
        [upload] = await page.page.evaluate("async () => (await (await fetch('/api/uploads')).json()).uploads")
        assert upload["title"] == "First"


TYPES_MEANWHILE = """(() => {
  const put = IDBObjectStore.prototype.put
  IDBObjectStore.prototype.put = function (record) {
    if (record.url && record.title === 'First') {
      IDBObjectStore.prototype.put = put
      const field = document.querySelector('.fields input')
      field.value = 'Second'
      field.dispatchEvent(new Event('input', { bubbles: true }))
    }
    return put.call(this, record)
  }
})()"""
"""Stands for a reader who types while the browser keeps the texts from before."""


async def test_what_is_typed_while_texts_are_kept_outlives_a_reload(
    server: ServerProcess, open_page: Open, context: BrowserContext, source: Path
) -> None:
    """It is kept here before the server has it, so that no older text takes its place later."""
    await context.add_init_script(TYPES_MEANWHILE)
    page = await open_page(server.url)
    title, draft = page.card(NAME).get_by_label("Title"), page.card(NAME).locator(".draft")
    async with bytes_held(page):
        await page.choose(source)
        await title.fill("First")
        async with page.saved(title="Second"):
            await page.send()
        await page.reload()
        await page.state(NAME, "needsFile")
        await expect(title).to_have_value("Second")
        await expect(draft).to_have_text("Saved.")


SEEN = """(draft) => {
  window.seen = []
  new MutationObserver(() => window.seen.push(draft.textContent)).observe(draft, { characterData: true, subtree: true })
}"""
"""Every text that the line under title and description shows, in order, also those that pass quickly."""


async def test_no_text_is_called_saved_before_the_server_has_it(
    server: ServerProcess, open_page: Open, source: Path
) -> None:
    """Not even one that the creation says, as long as that has no answer."""
    page = await open_page(server.url)
    title, draft = page.card(NAME).get_by_label("Title"), page.card(NAME).locator(".draft")
    answered = asyncio.Event()

    async def hold(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await page.page.route(re.compile("/files/$"), hold)
    await page.choose(source)
    await page.send()
    await expect(draft).to_have_text("Kept on this device; saved with the upload.")
    await draft.evaluate(SEEN)
    await title.fill("Other")
    await page.page.wait_for_function("() => window.seen.length === 2")
    await title.fill("holiday")
    await page.page.wait_for_function("() => window.seen.length === 4")
    assert await page.page.evaluate("window.seen") == ["Saving…", "Kept on this device; saved with the upload."] * 2
    answered.set()
    await expect(draft).to_have_text("Saved.")
    await page.state(NAME, "done")
    arrived(server, source)


ASKS = """(() => {
  window.leave = { asked: 0, answer: 'denied' }
  FileSystemHandle.prototype.queryPermission = async () => (window.leave.answer === 'granted' ? 'granted' : 'prompt')
  FileSystemHandle.prototype.requestPermission = async () => { window.leave.asked += 1; return window.leave.answer }
})()"""
"""Stands for the browser's question and for who answers it: nobody is asked about handles of the private folder."""


async def test_the_reader_is_asked_to_let_the_file_be_read_again(
    server: ServerProcess, open_page: Open, axe: str
) -> None:
    """Whoever says no is not pressed and loses nothing; after a yes the upload goes on, and no file is chosen anew."""
    page = await open_page(server.url)
    await page.page.evaluate(OPFS, SIZE)
    await page.page.add_init_script(PICKER)
    await page.reload()
    go_on = page.card("kept.bin").get_by_role("button", name="Continue")
    async with bytes_held(page):
        await page.page.select_option("#profile", "files")
        await page.page.get_by_text("Choose files").click()
        async with page.page.expect_request(lambda asked: asked.method == "PATCH"):  # so the creation was answered
            await page.send()
        await page.page.add_init_script(ASKS)
        await page.reload()
        await page.state("kept.bin", "needsFile")
        await expect(page.card("kept.bin")).to_contain_text("Allow the browser to read the file again")
        await page.look("upload-leave", axe=axe)
        await go_on.click()
        await page.page.wait_for_function("() => window.leave.asked === 1")
        await page.state("kept.bin", "needsFile")
    await page.page.evaluate("window.leave.answer = 'granted'")
    await go_on.click()
    await page.state("kept.bin", "done")
    assert page.creations() == 1
    [file] = published(server.data_dir, "files")
    assert file.stat().st_size == SIZE


async def test_the_fourth_file_waits_for_its_turn(
    server: ServerProcess, open_page: Open, tmp_path: Path, axe: str
) -> None:
    """Three go at once; the others say that they wait, and may be taken out meanwhile."""
    files = [tmp_path / f"clip {number}.mp4" for number in range(5)]
    for number, file in enumerate(files):
        file.write_bytes(video(number, MIB))
    page = await open_page(server.url)
    async with bytes_held(page):
        await page.choose(*files)
        await page.send()
        for name, state in (("clip 2.mp4", "sending"), ("clip 3.mp4", "queued"), ("clip 4.mp4", "queued")):
            await page.state(name, state)
        await page.look("upload-queued", axe=axe)
        await page.card("clip 3.mp4").get_by_role("button", name="Remove").click()
        await expect(page.card("clip 3.mp4")).to_have_count(0)
    for name in ("clip 0.mp4", "clip 1.mp4", "clip 2.mp4", "clip 4.mp4"):
        await page.state(name, "done")
    assert page.creations() == 4
    assert len(published(server.data_dir, "videos")) == 4
    assert staged(server.data_dir) == []


async def test_a_file_over_the_page_shows_where_it_may_be_dropped(
    server: ServerProcess, open_page: Open, axe: str
) -> None:
    """And no longer when it is taken away again."""
    page = await open_page(server.url)
    over = """(name) => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['x'], 'x.mp4'))
      document.body.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }))
    }"""
    await page.page.evaluate(over, "dragover")
    await expect(page.page.locator(".drop.over")).to_be_visible()
    await page.look("upload-drag", axe=axe)
    await page.page.evaluate(over, "dragleave")
    await expect(page.page.locator(".drop.over")).to_have_count(0)


async def test_a_profile_of_the_configuration_can_be_chosen(open_page: Open, tmp_path: Path, source: Path) -> None:
    """The one that conf/tusvideo.toml shows, without its #: its name and limits stand on the page; it is kept."""
    text = (ROOT / "conf/tusvideo.toml").read_text()
    head, mark, listing = text.partition("# [profiles.listing]\n")
    config = tmp_path / "tusvideo.toml"
    config.write_text(head + mark.removeprefix("# ") + re.sub(r"^# ", "", listing, flags=re.MULTILINE))
    async with ServerProcess(tmp_path / "data", options=("--config", str(config))) as server:
        page = await open_page(server.url)
        await page.page.get_by_label("What are you uploading?").select_option("Property listing")
        await expect(page.page.locator("#profile-hint")).to_contain_text("up to 524 MB")
        await page.reload()
        await expect(page.page.get_by_label("What are you uploading?")).to_have_value("listing")
        await page.choose(source)
        await page.send()
        await page.state(NAME, "done")
        arrived(server, source, directory="listings")


@pytest.mark.parametrize("name", ["empty.mp4", "notes.txt"])
async def test_what_is_refused_here_can_be_chosen_again_under_another_kind(
    name: str, server: ServerProcess, open_page: Open, tmp_path: Path
) -> None:
    """Nothing was sent for it; with another kind it is ready."""
    file = tmp_path / name
    file.write_bytes(b"" if name == "empty.mp4" else b"x")
    page = await open_page(server.url)
    await page.choose(file, profile="video")
    await page.state(name, "failed")
    await page.page.select_option("#profile", "files")
    await page.state(name, "chosen")
    await page.send()
    await page.state(name, "done")
    assert page.statuses("POST") == [201]
