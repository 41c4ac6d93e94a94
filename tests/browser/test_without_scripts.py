"""The pages in a browser that runs no scripts: a plain form, which looks and works as it should."""

from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, CDPSession, expect

from tests.browser.chromium import DESKTOP, PHONE, Opened
from tests.e2e.disk import published
from tests.e2e.test_media import settled
from tests.faults.processes import ServerProcess

UNWRAP = "() => { const one = document.querySelector('noscript'); one.replaceWith(...one.childNodes) }"
"""Where scripts may run, what is for browsers without them is never shown."""


async def opened(context: BrowserContext, server: ServerProcess, path: str = "/") -> tuple[Opened, CDPSession]:
    """Open a page without its scripts; from the session they can be allowed again, which loads none."""
    page = Opened(await context.new_page(), server.url)
    session = await context.new_cdp_session(page.page)
    await session.send("Emulation.setScriptExecutionDisabled", {"value": True})
    await page.goto(path)
    return page, session


@pytest.mark.parametrize(("path", "name"), [("/", "upload-without-scripts"), ("/library", "library-without-scripts")])
async def test_the_pages_look_as_they_should(
    context: BrowserContext, server: ServerProcess, path: str, name: str, axe: str
) -> None:
    """No rule of axe-core is broken, light and dark, and nothing is wider than a small phone."""
    page, session = await opened(context, server, path)
    await session.send("Emulation.setScriptExecutionDisabled", {"value": False})  # axe-core is one
    await page.page.evaluate(UNWRAP)
    await page.look(name, axe=axe, sizes=(DESKTOP, PHONE, (320, 640)))
    await page.page.set_viewport_size({"width": 320, "height": 640})
    for field in await page.page.locator("input, select, textarea").all():
        box, card = await field.bounding_box(), await page.page.locator(".card").bounding_box()
        assert box is not None
        assert card is not None
        assert box["x"] + box["width"] <= card["x"] + card["width"] - 8, await field.get_attribute("id")
    assert page.unexpected() == []


async def test_a_file_is_sent_with_its_texts(context: BrowserContext, server: ServerProcess, source: Path) -> None:
    """In one request; the answer names the file, and the record is there."""
    page, _ = await opened(context, server)
    await page.page.get_by_label("Title").fill("Sea")
    await page.page.get_by_label("Description").fill("calm")

    await page.page.get_by_label("File").set_input_files(str(source))
    await page.page.get_by_role("button", name="Upload").click()
    await expect(page.page.locator("body")).to_contain_text('"success":true')
    [record] = await settled(server.port)
    assert (record["title"], record["description"], record["originalName"]) == ("Sea", "calm", source.name)
    [stored] = published(server.data_dir, "videos")
    assert stored.read_bytes() == source.read_bytes()
