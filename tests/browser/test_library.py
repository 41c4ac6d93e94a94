"""The library page: what was uploaded is found, watched and described, and nothing else is claimed."""

import asyncio
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import BrowserContext, Page, Request, Route, expect

from tests.browser import chromium
from tests.browser.chromium import LINK_BROKE, Opened
from tests.browser.conftest import Open
from tests.browser.test_upload import FOCUSED, REPEATED
from tests.clients.journey import link
from tests.e2e.disk import MIB
from tests.e2e.test_media import settled, uploaded
from tests.e2e.tus import ask
from tests.faults.processes import ServerProcess
from tests.media.clips import av

CLIP = Path(__file__).parents[1] / "media" / "clip.mp4"
LONG = 24.0
"""Seconds of the clip that is large enough not to be fetched whole."""


def noise(path: Path, *, seconds: float, rate: int = 10, size: tuple[int, int] = (320, 240)) -> Path:
    """Write a clip that cannot be compressed much, so that its seconds lie far apart in the file."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(round(seconds * rate)):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane in frame.planes:
                plane.update(os.urandom(plane.buffer_size))
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 16 MB."""
    return noise(tmp_path_factory.mktemp("clips") / "noise.mp4", seconds=LONG)


async def stock(server: ServerProcess, *titles: str, clip: Path = CLIP) -> list[dict[str, Any]]:
    """Upload a clip under each of the titles, one after the other, and wait until they are known; newest first."""
    for title in titles:
        await uploaded(server.port, clip, title=title)
    return await settled(server.port)


def titles(page: Page) -> Any:
    """Give the titles in the list, in order."""
    return page.locator(".videos h2")


async def test_what_was_uploaded_is_listed_with_its_facts(server: ServerProcess, open_page: Open, axe: str) -> None:
    """Newest first, each with picture, length, size and day."""
    await stock(
        server, "Our house", "A rather long title that needs more than one line, because it says all there is to say"
    )
    page = await open_page(server.url, "/library")
    await expect(titles(page.page)).to_have_text([re.compile("^A rather"), "Our house"])
    entry = page.card("Our house")
    await expect(entry.locator("img")).to_have_js_property("complete", True)
    await expect(entry).to_contain_text(re.compile(r"0:02.*15\.4 kB", re.DOTALL))
    await page.look("library-list", axe=axe)


async def test_a_video_is_played_and_sought(server: ServerProcess, open_page: Open, long_clip: Path, axe: str) -> None:
    """Only the metadata is fetched first; a place that is far on is asked for as a range and answered with 206."""
    [record] = await stock(server, "Noise", clip=long_clip)
    page = await open_page(server.url, "/library")
    ranges: list[str] = []
    page.page.on("request", lambda request: ranges.append(_range_of(request, record["url"])))
    await page.page.get_by_role("link", name="Noise").click()
    await expect(page.page).to_have_url(re.compile(rf"/library/{record['id']}$"))
    await expect(page.page.locator("h1")).to_be_focused()
    player = page.page.get_by_label("Noise")
    await expect(player).to_have_js_property("readyState", 4)
    assert await player.evaluate("video => Math.round(video.duration)") == LONG
    await page.look("library-player", axe=axe)
    await player.evaluate("video => { video.currentTime = 18 }")
    await expect(player).to_have_js_property("seeking", False)
    await player.evaluate("async video => { video.muted = true; await video.play() }")
    await expect(player).to_have_js_property("paused", False)
    assert set(page.statuses("GET", record["url"])) == {206}
    assert any(int(start) > long_clip.stat().st_size // 2 for start in re.findall(r"bytes=(\d+)-", " ".join(ranges)))


def _range_of(request: Request, url: str) -> str:
    return request.headers.get("range", "") if request.url.endswith(url) else ""


async def test_title_and_description_are_changed(server: ServerProcess, open_page: Open, axe: str) -> None:
    """From the list and from the player; what the server does not take stays in the form, with the reason."""
    await stock(server, "Wrong")
    page = await open_page(server.url, "/library", expected=("status of 400",))
    await page.page.get_by_role("button", name="Edit Wrong").click()
    dialog = page.page.get_by_role("dialog")
    await expect(dialog.get_by_label("Title")).to_have_value("Wrong")
    await dialog.get_by_label("Title").fill("Right")
    await dialog.get_by_label("Description").fill("Two lines,\nof text.")
    await page.look("library-edit", axe=axe)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await expect(titles(page.page)).to_have_text(["Right"])
    await page.page.get_by_role("link", name="Right").click()
    await expect(page.page.locator(".description")).to_have_text("Two lines,\nof text.")
    await page.page.get_by_role("button", name="Edit").click()
    await dialog.get_by_label("Title").fill("Bad \u0007 bell")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await expect(dialog.get_by_label("Title")).to_have_value(re.compile("Bad"))
    await dialog.get_by_label("Title").fill("Best")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.page.locator("h1")).to_have_text("Best")
    [record] = await settled(server.port)
    assert (record["title"], record["description"]) == ("Best", "Two lines,\nof text.")


async def test_searched_sorted_and_paged(server: ServerProcess, open_page: Open, axe: str) -> None:
    """What is looked for is in the address; more comes when it is asked for, and the focus goes to what came."""
    await fill(server, 60)
    page = await open_page(server.url, "/library")
    entries = page.page.locator(".videos > li")
    await expect(entries).to_have_count(24)
    await expect(page.page.locator(".count")).to_have_text("60 videos")
    await page.page.get_by_role("button", name="Show more").click()
    await expect(entries).to_have_count(48)
    await expect(entries.nth(24).get_by_role("link")).to_be_focused()
    await page.page.get_by_role("button", name="Show more").click()
    await expect(entries).to_have_count(60)
    await expect(page.page.get_by_role("button", name="Show more")).to_have_count(0)
    await page.page.get_by_label("Order").select_option("title")
    await expect(titles(page.page).first).to_have_text("Clip 00")
    await expect(page.page).to_have_url(re.compile(r"\?sort=title$"))
    await page.page.get_by_label("Search").fill("CLIP 3")
    await expect(entries).to_have_count(15)
    await expect(page.page.locator("#announcer")).to_have_text("15 videos found")
    await page.look("library-found", axe=axe)
    await page.reload()
    await expect(page.page.get_by_label("Search")).to_have_value("CLIP 3")
    await expect(entries).to_have_count(15)
    await page.page.get_by_label("Search").fill("zeppelin")
    await expect(page.page.get_by_text("Nothing matches “zeppelin”.")).to_be_visible()
    await page.look("library-not-found", axe=axe)
    await page.page.get_by_role("button", name="Show all").click()
    await expect(entries).to_have_count(24)
    await expect(page.page.get_by_label("Search")).to_be_focused()


async def fill(server: ServerProcess, count: int) -> None:
    """Make a file and its record, over and over; who looks for "clip 3" finds every one with a 3 in it."""
    for number in range(count):
        title = f"Clip {number:02}"
        body = f"This is {title}.".encode()
        answer = await ask(
            server.port,
            f"POST /files/?profile=files&title={quote(title)} HTTP/1.1",
            f"Content-Length: {len(body)}",
            "Content-Disposition: attachment; filename=a.txt",
            body=body,
        )
        assert answer.status == 201, answer.body


async def test_the_list_says_what_is_wrong(
    server: ServerProcess, open_page: Open, context: BrowserContext, axe: str
) -> None:
    """While it loads; when the server refuses; when there is no network."""
    await stock(server, "House")
    page = await open_page(server.url, "/", expected=("status of 503", LINK_BROKE))
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.fulfill(status=503, json={"code": "busy", "detail": "The server is busy; try again in a minute."})

    await page.page.route(re.compile(r"/api/videos\?"), hold)
    await page.goto("/library")
    await expect(page.page.get_by_role("status").filter(has_text="Loading")).to_have_count(1)
    await page.look("library-loading", axe=axe)
    held.set()
    await expect(page.page.get_by_role("alert")).to_contain_text("The server is busy; try again in a minute.")
    await page.look("library-failed", axe=axe)
    await page.page.unroute_all()
    await page.page.get_by_role("button", name="Try again").click()
    await expect(titles(page.page)).to_have_text(["House"])
    await context.set_offline(True)
    await expect(page.page.get_by_role("alert")).to_contain_text("You are offline")
    await page.look("library-offline", axe=axe)
    await context.set_offline(False)
    await expect(page.page.get_by_role("alert")).to_have_count(0)


async def test_what_cannot_be_read_says_why(server: ServerProcess, open_page: Open, tmp_path: Path, axe: str) -> None:
    """A damaged video is listed as such, its reason is told, and the file can be had as it was uploaded."""
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(CLIP.read_bytes()[:32] + bytes(6000))
    await stock(server, "Damaged", clip=damaged)
    page = await open_page(server.url, "/library", expected=(LINK_BROKE,))
    await expect(page.card("Damaged")).to_contain_text("cannot be read as a video")
    await page.look("library-damaged", axe=axe, sizes=(chromium.PHONE,))
    await page.page.get_by_role("link", name="Damaged").click()
    await expect(page.page.get_by_text("it cannot be read as a video")).to_be_visible()
    await expect(page.page.get_by_role("alert")).to_contain_text("This browser cannot play the file")
    await page.look("library-player-damaged", axe=axe)
    async with page.page.expect_download() as started:
        await page.page.get_by_role("link", name="Download").click()
    saved = await (await started.value).path()
    assert (await started.value).suggested_filename == "damaged.mp4"
    assert saved.read_bytes() == damaged.read_bytes()


async def test_a_file_is_renamed_and_its_link_copied(
    server: ServerProcess, open_page: Open, context: BrowserContext
) -> None:
    """It is downloaded under its new name; the copied link is whole."""
    [record] = await stock(server, "Sea")
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await open_page(server.url, f"/library/{record['id']}")
    await page.page.get_by_role("button", name="Edit").click()
    await page.page.get_by_label("File name").fill("the sea.mp4")
    await page.page.get_by_role("button", name="Save").click()
    await expect(page.page.get_by_role("dialog")).to_have_count(0)
    async with page.page.expect_download() as started:
        await page.page.get_by_role("link", name="Download").click()
    assert (await started.value).suggested_filename == "the sea.mp4"
    await page.page.get_by_role("button", name="Copy link").click()
    await expect(page.page.locator(".toasts")).to_contain_text("The link is copied.")
    assert await page.page.evaluate("navigator.clipboard.readText()") == f"{server.url}{record['url']}"


async def test_another_device_sees_an_upload_move(
    server: ServerProcess, open_page: Open, long_clip: Path, axe: str
) -> None:
    """What one page sends, another shows at once: moving, paused, moving, and then as a video in the list."""
    async with link(server, rate=MIB // 2) as proxy:
        sender = await open_page(proxy.url, expected=(REPEATED,))
        watcher = await open_page(server.url, "/library")
        await sender.choose(long_clip)
        await sender.card("noise.mp4").get_by_label("Title").fill("From my phone")
        await sender.send()
        row = watcher.page.locator(".uploads li").filter(has_text="From my phone")
        await expect(row.get_by_role("progressbar")).to_have_attribute("value", re.compile(r"^[1-9]\d?$"))
        first = int(await row.get_by_role("progressbar").get_attribute("value") or 0)
        await watcher.look("library-uploading", axe=axe)
        await expect(row.get_by_role("progressbar")).not_to_have_attribute("value", str(first))
        await sender.card("noise.mp4").get_by_role("button", name="Pause").click()
        await expect(row).to_have_class(re.compile("paused"), timeout=15_000)
        await watcher.look("library-paused", axe=axe, sizes=(chromium.PHONE,))
        await sender.card("noise.mp4").get_by_role("button", name="Continue").click()
        await expect(row).to_have_class(re.compile("uploading"))
        proxy.rate = None
        await sender.state("noise.mp4", "done")
    await expect(titles(watcher.page)).to_have_text(["From my phone"])
    await expect(watcher.page.locator(".uploads li")).to_have_count(0)
    await expect(watcher.page.locator(".videos img")).to_have_count(1, timeout=chromium.PATIENCE_MS)


async def test_without_events_the_list_is_asked_for_again(server: ServerProcess, open_page: Open) -> None:
    """A page that is refused a stream asks every few seconds, and so shows what came meanwhile."""
    page = await open_page(server.url, "/", expected=("status of 429", "EventSource"))
    await page.page.route("**/api/events", lambda route: route.fulfill(status=429))
    await page.goto("/library")
    await expect(page.page.get_by_text("Nothing here yet.")).to_be_visible()
    await stock(server, "Late")
    await expect(titles(page.page)).to_have_text(["Late"], timeout=15_000)


async def test_deleted_and_brought_back(server: ServerProcess, open_page: Open, axe: str) -> None:
    """One press deletes, one brings back, and so do the keys that people know; the focus goes to a neighbour."""
    await stock(server, "First", "Second", "Third")
    page = await open_page(server.url, "/library")
    await page.page.get_by_role("button", name="Delete Second").click()
    await expect(titles(page.page)).to_have_text(["Third", "First"])
    await expect(page.page.get_by_role("link", name="First")).to_be_focused()
    await expect(page.page.locator(".toasts")).to_contain_text("“Second” is deleted.")
    await expect(page.page.locator("#announcer")).to_have_text("“Second” is deleted. Ctrl+Z brings it back.")
    await page.look("library-deleted", axe=axe)
    await page.page.get_by_role("button", name="Undo").click()
    await expect(titles(page.page)).to_have_text(["Third", "Second", "First"])
    await page.page.get_by_role("link", name="Third").click()
    await page.page.get_by_role("button", name="Delete").click()
    await expect(titles(page.page)).to_have_text(["Second", "First"])
    await page.page.keyboard.press("Control+z")
    await expect(titles(page.page)).to_have_text(["Third", "Second", "First"])
    await expect(page.page.locator(".toasts > *")).to_have_count(0)


async def test_keyboard_alone_is_enough(server: ServerProcess, open_page: Open) -> None:
    """Tab, Enter and Escape find, open, edit and delete; the focus comes back to where it was."""
    await stock(server, "Left", "Right")
    page = await open_page(server.url, "/library")

    async def tab_to(name: str) -> None:
        for _ in range(40):
            await page.page.keyboard.press("Tab")
            if name in str(await page.page.evaluate(FOCUSED)):
                return
        raise AssertionError(f"Tab does not lead to {name!r}")

    await tab_to("Search")
    await page.page.keyboard.type("left")
    await expect(titles(page.page)).to_have_text(["Left"])
    await tab_to("Edit Left")
    await page.page.keyboard.press("Enter")
    await expect(page.page.get_by_label("Title")).to_be_focused()
    await page.page.keyboard.press("Escape")
    await expect(page.page.get_by_role("button", name="Edit Left")).to_be_focused()
    await page.page.keyboard.press("Shift+Tab")
    await page.page.keyboard.press("Enter")
    await expect(page.page.locator("h1")).to_have_text("Left")
    await page.page.go_back()
    await expect(page.page.get_by_role("link", name="Left")).to_be_focused()


async def test_right_to_left(server: ServerProcess, tmp_path: Path, axe: str) -> None:
    """In Arabic everything stands on the other side, nothing is cut off, and axe-core finds nothing either."""
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    await stock(server, "بيت على البحر", "House by the sea")
    async with chromium.browser(tmp_path / "browser", locale="ar") as context:
        page = Opened(await context.new_page(), server.url)
        await page.goto("/library")
        await expect(page.page.locator("html")).to_have_attribute("dir", "rtl")
        await expect(page.page.locator("h1")).to_have_text("المكتبة")
        await page.look("library-rtl", axe=axe, sizes=(chromium.DESKTOP, chromium.PHONE, (320, 640)))
        await page.page.get_by_role("link", name="House by the sea").click()
        await expect(page.page.locator("video")).to_have_js_property("readyState", 4)
        await expect(page.page.locator("main > .meta bdi")).to_have_text(re.compile(r"\.mp4$"))
        await page.look("library-rtl-player", axe=axe)
        await page.page.get_by_role("button", name="تعديل").click()
        await expect(page.page.locator("#edit-title")).to_have_css("direction", "ltr")  # as what is in it
        await expect(page.page.locator("#edit-description")).to_have_css("direction", "rtl")  # it is empty
        assert page.unexpected() == []


async def test_nothing_is_there_yet(server: ServerProcess, open_page: Open, axe: str) -> None:
    """An empty library says what to do; a video that is not there leads back to the others."""
    page = await open_page(server.url, "/library", expected=("status of 404",))
    await expect(page.page.get_by_text("Nothing here yet.")).to_be_visible()
    await page.look("library-empty", axe=axe, sizes=(chromium.DESKTOP, chromium.PHONE, (320, 640)))
    await page.goto(f"/library/{'0' * 32}")
    await expect(page.page.locator("h1")).to_have_text("This video is not there")
    await page.look("library-missing", axe=axe)
    await page.page.locator(".back").click()
    await expect(page.page.get_by_text("Nothing here yet.")).to_be_visible()
