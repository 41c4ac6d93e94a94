"""The React form of client/examples, bundled and used by a person, in a page of the server's own origin."""

import json
import re
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Route, expect

from tests.browser.chromium import LINK_BROKE, PATIENCE_MS, Opened
from tests.browser.conftest import SIZE, Open
from tests.clients import npm
from tests.clients.journey import link
from tests.e2e.disk import MIB, published, staged
from tests.faults.processes import ServerProcess

HERE = Path(__file__).parent
RATE = 8 * MIB
CHUNK = "/api/poster/video/chunk"
RECORD = "/api/videos/metadata"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page's script with React in it; skips, with the reason, where the packages cannot be had."""
    try:
        modules = npm.installed()
    except npm.Absent as reason:
        pytest.skip(str(reason))
    target = tmp_path_factory.mktemp("react") / "shop.js"
    npm.bundled(HERE / "shop.jsx", target, modules=modules)
    return target.read_text()


@pytest_asyncio.fixture
async def shop(context: BrowserContext, bundle: str) -> str:
    """The path of the page, which this browser finds at every server: as behind one outer proxy."""
    html = (HERE / "shop.html").read_text()
    await context.route(re.compile(r"/shop$"), lambda route: route.fulfill(body=html, content_type="text/html"))
    await context.route(
        re.compile(r"/shop\.js$"), lambda route: route.fulfill(body=bundle, content_type="text/javascript")
    )
    return "/shop"


def whole(server: ServerProcess, source: Path) -> str:
    """Hold the server to one published file with the content of the source; its name."""
    [file] = published(server.data_dir, "posters")
    assert file.read_bytes() == source.read_bytes()
    assert staged(server.data_dir) == []
    return file.name


async def percent(page: Opened) -> int:
    """Read how far the bar is."""
    return int(await page.page.get_by_role("progressbar").get_attribute("value") or 0)


async def said(page: Opened, text: str) -> None:
    """Wait until the form says so."""
    await expect(page.page.get_by_role("status")).to_contain_text(text, timeout=PATIENCE_MS)


async def test_a_video_goes_up_with_progress_and_its_record(
    server: ServerProcess, open_page: Open, shop: str, source: Path, axe: str
) -> None:
    """From 0 to 100, with what was typed before and meanwhile; then the name is shown, and the caller has all."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, shop)
        await page.look("react-idle", axe=axe)
        await expect(page.page.get_by_role("button", name="Upload")).to_be_disabled()
        await page.page.get_by_label("Video").set_input_files(str(source))
        await page.page.get_by_label("Title").fill("By the sea")
        await page.page.get_by_role("button", name="Upload").click()
        await proxy.passed(SIZE // 4)
        await expect(page.page.get_by_role("status")).to_have_text("Uploading …")
        assert 0 < await percent(page) < 100
        await page.look("react-sending", axe=axe)
        await page.page.get_by_label("Description").fill("Three rooms")
        await said(page, "Uploaded as ")
        await page.look("react-done", axe=axe)
    filename = whole(server, source)
    await expect(page.page.get_by_role("status")).to_have_text(f"Uploaded as {filename}.")
    assert await percent(page) == 100
    [uploaded] = await page.page.evaluate("uploaded")
    record = uploaded.pop("record")
    assert uploaded == {"filename": filename, "title": "By the sea", "description": "Three rooms"}
    assert (record["filename"], record["title"], record["description"]) == (filename, "By the sea", "Three rooms")
    assert page.statuses("POST", CHUNK) == [200] * (SIZE // MIB)


async def test_stopped_and_gone_on_with(server: ServerProcess, open_page: Open, shop: str, source: Path) -> None:
    """It says where, and stays stopped until it is gone on with; then only the torn chunk goes twice."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, shop, expected=(LINK_BROKE,))
        await page.page.get_by_label("Video").set_input_files(str(source))
        await page.page.get_by_role("button", name="Upload").click()
        await proxy.passed(SIZE // 2)
        await page.page.get_by_role("button", name="Stop").click()
        at = await percent(page)
        await expect(page.page.get_by_role("status")).to_have_text(f"Stopped at {at} %. What was sent stays there.")
        assert at > 0
        await page.page.get_by_role("button", name="Go on").click()
        await said(page, "Uploaded as ")
        assert proxy.body_bytes <= SIZE + 2 * MIB
    assert await page.page.evaluate("uploaded[0].record") is None
    whole(server, source)


async def test_what_is_no_video_is_refused_until_another_file_is_chosen(
    server: ServerProcess, open_page: Open, shop: str, source: Path, tmp_path: Path, axe: str
) -> None:
    """The server's sentence stays."""
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam, " * 1000)
    page = await open_page(server.url, shop, expected=("status of 415",))
    await page.page.get_by_label("Video").set_input_files(str(letter))
    await page.page.get_by_role("button", name="Upload").click()
    await expect(page.page.get_by_role("alert")).not_to_be_empty()
    await page.look("react-failed", axe=axe)
    await page.page.get_by_label("Video").set_input_files(str(source))
    await expect(page.page.get_by_role("alert")).to_have_count(0)
    await page.page.get_by_role("button", name="Upload").click()
    await said(page, "Uploaded as ")
    whole(server, source)


async def test_a_record_that_fails_costs_no_second_upload(
    server: ServerProcess, open_page: Open, shop: str, source: Path
) -> None:
    """The video is there and only its record is not: going on makes the record."""
    page = await open_page(server.url, shop, expected=("status of 403",))

    async def refuse(route: Route) -> None:
        await route.fulfill(status=403, body=json.dumps({"success": False, "error": "Not yet."}))

    await page.page.route(re.compile(RECORD), refuse, times=1)
    await page.page.get_by_label("Video").set_input_files(str(source))
    await page.page.get_by_label("Title").fill("By the sea")
    await page.page.get_by_role("button", name="Upload").click()
    await expect(page.page.get_by_role("alert")).to_have_text("Not yet.")
    await page.page.get_by_role("button", name="Go on").click()
    await said(page, "Uploaded as ")
    assert page.statuses("POST", RECORD) == [403, 201]
    assert len(page.statuses("POST", CHUNK)) == SIZE // MIB
    whole(server, source)
