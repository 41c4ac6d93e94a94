"""The library page gives a video another file: the same machinery as the upload page, and the video stays itself."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser import chromium
from tests.browser.chromium import LINK_BROKE, Opened
from tests.browser.conftest import SIZE, Open
from tests.browser.test_library import stock, titles
from tests.browser.test_upload import FOCUSED, ON_THE_WIRE, RATE, REPEATED
from tests.clients.journey import link
from tests.e2e.disk import published
from tests.e2e.test_media import settled
from tests.e2e.tus import ask
from tests.faults.processes import ServerProcess
from tests.web.wire import until

LINES = (LINK_BROKE, REPEATED)


async def replaced(server: ServerProcess, record: dict[str, Any], source: Path) -> dict[str, Any]:
    """Hold the server to one record, the same as before, with the content of ``source`` as its only file."""
    [now] = await settled(server.port)
    assert (now["id"], now["title"], now["createdAt"]) == (record["id"], record["title"], record["createdAt"])
    assert now["replacedAt"] is not None
    assert now["url"] != record["url"]

    def is_alone() -> bool:
        return [path.read_bytes() for path in published(server.data_dir, "videos")] == [source.read_bytes()]

    await until(is_alone)
    assert (await ask(server.port, f"GET {record['url']} HTTP/1.1")).status == 404
    return now


def picker(page: Page) -> Locator:
    """Give the input of the dialog."""
    return page.locator("#replace-file")


async def test_a_video_gets_another_file(
    server: ServerProcess, open_page: Open, source: Path, tmp_path: Path, axe: str
) -> None:
    """The dialog says what happens and refuses what cannot be; the card shows how far it is; then the video has it."""
    [record] = await stock(server, "Sea")
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam")
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, "/library", expected=LINES)
        await page.page.get_by_role("button", name="Replace… Sea").click()
        dialog = page.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("The file that the video has now is deleted once the new one is stored")
        await picker(page.page).set_input_files(letter)
        await expect(dialog.get_by_role("alert")).to_contain_text("This type of file is not taken for this video")
        await picker(page.page).set_input_files(source)
        await expect(dialog.get_by_role("alert")).to_have_count(0)
        await expect(dialog.get_by_role("status")).to_contain_text("holiday.mp4")
        await page.look("library-replace", axe=axe)
        await dialog.get_by_role("button", name="Replace", exact=True).click()
        await expect(dialog).to_have_count(0)
        card = page.card("Sea")
        await expect(card.locator(".new-file")).to_have_class(re.compile("sending"))
        await card.get_by_role("button", name="Pause").click()
        await expect(page.page.locator(".uploads")).to_have_count(0)
        await page.look("library-replacing", axe=axe)
        await card.get_by_role("button", name="Continue").click()
        await expect(page.page.locator(".toasts")).to_contain_text("“Sea” has its new file.", timeout=30_000)
        await expect(card.locator(".new-file")).to_have_count(0)
    assert page.creations() == 1
    await replaced(server, record, source)


async def test_it_goes_on_after_reload_and_offline_and_is_seen_elsewhere(
    server: ServerProcess, open_page: Open, context: BrowserContext, source: Path, axe: str
) -> None:
    """Begun with the keyboard on the page of the video; one creation, hardly a byte twice; and who looks on sees it
    move."""
    [record] = await stock(server, "Sea")
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, f"/library/{record['id']}", expected=LINES)
        for _ in range(40):
            await page.page.keyboard.press("Tab")
            if "Replace…" in str(await page.page.evaluate(FOCUSED)):
                break
        await page.page.keyboard.press("Enter")
        await expect(picker(page.page)).to_be_focused()
        await picker(page.page).set_input_files(source)
        await page.page.get_by_role("button", name="Replace", exact=True).focus()
        await page.page.keyboard.press("Enter")
        await proxy.passed(SIZE // 4)
        await page.reload()
        part = page.page.locator(".new-file")
        await expect(part).to_contain_text(re.compile(r"Choose “holiday\.mp4” again and it continues at \d+"))
        await page.look("library-replace-again", axe=axe)
        await part.locator("input").set_input_files(source)
        await expect(part).to_have_class(re.compile("sending"))
        await context.set_offline(True)
        await expect(part).to_have_class(re.compile("offline"))
        await context.set_offline(False)
        watcher = await open_page(server.url, "/library", expected=LINES)
        elsewhere = watcher.card("Sea").locator(".new-file")
        await expect(elsewhere).to_contain_text("uploading")
        await page.page.bring_to_front()
        await expect(page.page.locator(".toasts")).to_contain_text("“Sea” has its new file.", timeout=30_000)
        assert proxy.body_bytes <= SIZE + 2 * ON_THE_WIRE
        await expect(page.page.locator("video")).to_have_attribute(
            "src", re.compile(r"^(?!.*" + record["filename"] + ")")
        )
        await watcher.page.bring_to_front()
        await expect(elsewhere).to_have_count(0)
    assert page.creations() == 1
    await replaced(server, record, source)


async def test_a_replacement_is_given_up_or_outlives_its_video(
    server: ServerProcess, open_page: Open, source: Path, axe: str
) -> None:
    """Cancelled, the video is as it was. Its video deleted meanwhile, the new file is kept, and the page says so."""
    [record] = await stock(server, "Sea")
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, "/library", expected=LINES)

        async def begin() -> None:
            await page.page.get_by_role("button", name="Replace… Sea").click()
            await picker(page.page).set_input_files(source)
            await page.page.get_by_role("button", name="Replace", exact=True).click()
            await expect(page.card("Sea").get_by_role("progressbar")).to_have_attribute("value", re.compile("[1-9]"))

        await begin()
        await page.card("Sea").get_by_role("button", name="Cancel").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Stop").click()
        await expect(page.card("Sea").locator(".new-file")).to_have_count(0)
        assert await settled(server.port) == [record]
        await begin()
        await page.page.get_by_role("button", name="Delete Sea").click()
        await expect(page.page.get_by_role("alert")).to_contain_text("“Sea” was deleted meanwhile", timeout=30_000)
        await expect(titles(page.page)).to_have_text(["holiday.mp4"])
        await page.look("library-replace-kept", axe=axe, sizes=(chromium.PHONE,))


async def test_replacing_from_right_to_left(server: ServerProcess, tmp_path: Path, source: Path, axe: str) -> None:
    """In Arabic as well: nothing is cut off, and axe-core finds nothing."""
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    await stock(server, "بيت على البحر")
    async with chromium.browser(tmp_path / "browser", locale="ar") as context, link(server, rate=RATE) as proxy:
        page = Opened(await context.new_page(), proxy.url)
        page.expected.extend(LINES)
        await page.goto("/library")
        await page.page.get_by_role("button", name=re.compile("^استبدال…")).click()
        await picker(page.page).set_input_files(source)
        await page.look("library-rtl-replace", axe=axe, sizes=(chromium.DESKTOP, chromium.PHONE, (320, 640)))
        await page.page.get_by_role("button", name="استبدال", exact=True).click()
        await page.page.locator(".new-file").get_by_role("button", name=re.compile("^إيقاف مؤقت")).click()
        await page.look("library-rtl-replacing", axe=axe, sizes=(chromium.DESKTOP, chromium.PHONE, (320, 640)))
        assert page.unexpected() == []
