"""The library page: what was uploaded is found, watched and described, and nothing else is claimed."""

import asyncio
import os
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Request, expect

from tests.browser import chromium
from tests.browser.conftest import Open
from tests.e2e.test_media import settled, uploaded
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


async def test_a_video_is_played_and_sought(server: ServerProcess, open_page: Open, tmp_path: Path, axe: str) -> None:
    """Only the metadata is fetched first; a place that is far on is asked for as a range and answered with 206."""
    clip = await asyncio.to_thread(noise, tmp_path / "noise.mp4", seconds=LONG)
    [record] = await stock(server, "Noise", clip=clip)
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
    assert any(int(start) > clip.stat().st_size // 2 for start in re.findall(r"bytes=(\d+)-", " ".join(ranges)))


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
