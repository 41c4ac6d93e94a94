"""Captions in the library: added, seen in the player, replaced and removed, and nothing of it before it is saved."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser import chromium
from tests.browser.chromium import Opened
from tests.browser.conftest import Open
from tests.browser.test_library import stock
from tests.browser.test_upload import FOCUSED
from tests.e2e.test_media import settled
from tests.faults.processes import ServerProcess

SRT = (
    "1\r\n00:00:00,000 --> 00:00:01,000\r\nHello & <i>welcome</i>\r\n\r\n2\r\n00:00:01,000 --> 00:00:02,000\r\nBye\r\n"
)
VTT = "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nمرحبا\n"
OFFERED = "video => [...video.textTracks].map(({ language, label, kind, mode }) => [language, label, kind, mode])"
LOAD = "video => { for (const track of video.textTracks) if (track.mode === 'disabled') track.mode = 'hidden' }"
SAID = "video => [...video.textTracks].map(({ cues }) => [...cues].map(cue => cue.getCueAsHTML().textContent))"
LOADED = 2


@pytest.fixture
def srt(tmp_path: Path) -> Path:
    """Captions as people have them."""
    path = tmp_path / "sea.srt"
    path.write_bytes(SRT.encode("utf-8-sig"))
    return path


@pytest.fixture
def vtt(tmp_path: Path) -> Path:
    """Captions as browsers take them."""
    path = tmp_path / "sea.vtt"
    path.write_text(VTT)
    return path


async def tracks(page: Page) -> Any:
    """Give what the player offers, and what is said in it once all of it is loaded."""
    video = page.locator("video")
    offered = await video.evaluate(OFFERED)
    await video.evaluate(LOAD)
    for track in await page.locator("video track").all():
        await expect(track).to_have_js_property("readyState", LOADED)
    return [[*told, said] for told, said in zip(offered, await video.evaluate(SAID), strict=True)]


async def test_a_file_becomes_captions_of_the_player(
    server: ServerProcess, open_page: Open, srt: Path, vtt: Path, axe: str
) -> None:
    """SubRip too; those in the browser's language are shown from the start, and others are offered."""
    [record] = await stock(server, "Sea")
    page = await open_page(server.url, f"/library/{record['id']}")
    await page.page.get_by_role("button", name="Edit").click()
    dialog = page.page.get_by_role("dialog")
    await expect(dialog.get_by_text("There are none yet.")).to_be_visible()
    await expect(dialog.get_by_label("Language")).to_have_value("en-GB")
    await dialog.get_by_label("Language").select_option("en")
    await page.page.set_input_files("#captions-file", str(srt))
    await dialog.get_by_label("Language").select_option("ar")
    await page.page.set_input_files("#captions-file", str(vtt))
    await expect(dialog.locator(".captions li")).to_have_text(
        [re.compile(r"^English.*sea\.srt"), re.compile("العربية")]
    )
    await expect(dialog.get_by_role("status")).to_have_text("Captions in Arabic are kept when you save.")
    await page.look("captions-edit", axe=axe, sizes=(chromium.DESKTOP, chromium.PHONE, (320, 640)))
    assert (await settled(server.port))[0]["captions"] == []
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await expect(page.page.locator("video track")).to_have_count(2)
    assert await tracks(page.page) == [
        ["ar", "العربية", "captions", "disabled", ["مرحبا"]],
        ["en", "English", "captions", "showing", ["Hello & welcome", "Bye"]],
    ]
    await page.look("captions-player", axe=axe)
    assert set(page.statuses("GET", f"/api/videos/{record['id']}/captions/")) == {200}
    await page.reload()
    await expect(page.page.locator("video track")).to_have_count(2)
    assert [track[3] for track in await tracks(page.page)] == ["disabled", "showing"]


async def test_captions_are_replaced_and_removed(server: ServerProcess, open_page: Open, srt: Path, vtt: Path) -> None:
    """Another file for a language takes the place of the first; what is removed is gone once that is saved."""
    [record] = await stock(server, "Sea")
    page = await open_page(server.url, f"/library/{record['id']}")
    dialog, edit = page.page.get_by_role("dialog"), page.page.get_by_role("button", name="Edit")
    for file in (srt, vtt):
        await edit.click()
        await dialog.get_by_label("Language").select_option("en")
        await page.page.set_input_files("#captions-file", str(file))
        await expect(dialog.locator(".captions li")).to_have_count(1)
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0)
    assert (await tracks(page.page))[0][4] == ["مرحبا"]
    await edit.click()
    await dialog.get_by_role("button", name="Remove: English").click()
    await expect(dialog.get_by_role("button", name="Add a file")).to_be_focused()
    await dialog.get_by_role("button", name="Cancel").click()
    assert [one["language"] for one in (await settled(server.port))[0]["captions"]] == ["en"]
    await edit.click()
    await dialog.get_by_role("button", name="Remove: English").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.page.locator("video track")).to_have_count(0)
    assert (await settled(server.port))[0]["captions"] == []


async def test_a_mistake_is_told_and_nothing_is_lost(
    server: ServerProcess, open_page: Open, tmp_path: Path, srt: Path, axe: str
) -> None:
    """The form stays with its line and its reason; another file in its place is saved."""
    [record] = await stock(server, "Sea")
    bad = tmp_path / "bad.srt"
    bad.write_text(SRT.replace("00:00:01,000 -->", "00:00:61,000 -->"))
    page = await open_page(server.url, f"/library/{record['id']}", expected=("status of 400",))
    await page.page.get_by_role("button", name="Edit").click()
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_label("Title").fill("Ocean")
    await dialog.get_by_label("Language").select_option("en")
    await page.page.set_input_files("#captions-file", str(bad))
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Line 6 of the captions")
    await page.look("captions-refused", axe=axe)
    await page.page.set_input_files("#captions-file", str(srt))
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.page.locator("h1")).to_have_text("Ocean")
    [stored] = await settled(server.port)
    assert [one["label"] for one in stored["captions"]] == ["English"]


async def test_captions_by_keyboard_and_from_right_to_left(
    server: ServerProcess, tmp_path: Path, srt: Path, axe: str
) -> None:
    """Tab leads to language, file and removal, Enter opens the picker; in Arabic the form is mirrored."""
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    [record] = await stock(server, "بحر")
    async with chromium.browser(tmp_path / "browser", locale="ar") as context:
        page = Opened(await context.new_page(), server.url)
        await page.goto(f"/library/{record['id']}")
        await page.page.get_by_role("button", name="تعديل").click()
        await expect(page.page.locator("#edit-title")).to_be_focused()
        for _ in range(40):
            await page.page.keyboard.press("Tab")
            if "أضف ملفًا" in str(await page.page.evaluate(FOCUSED)):
                break
        else:
            raise AssertionError("Tab does not lead to the file")
        await page.page.keyboard.press("Enter")
        await page.pick(srt)
        await expect(page.page.locator(".captions li")).to_have_count(1)
        await page.look("captions-rtl", axe=axe)
        await page.page.keyboard.press("Shift+Tab")
        await page.page.keyboard.press("Shift+Tab")
        await page.page.keyboard.press("Enter")
        await expect(page.page.locator(".captions li")).to_have_count(0)
        assert page.unexpected() == []
