"""The upload page: files arrive whole and once, whatever happens to line, server, tab or browser."""

import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser import chromium
from tests.browser.chromium import LINK_BROKE, Opened
from tests.browser.conftest import SIZE, Open
from tests.clients.journey import CHECKPOINT, killed_once, link
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, published, staged, video
from tests.faults.processes import ServerProcess
from tests.web.wire import until

NAME = "holiday.mp4"
RATE = 4 * MIB
"""Slow enough to do something in the middle."""
MIDDLE = 7 * MIB
ON_THE_WIRE = 6 * MIB
"""What may be sent twice after a cut: Chromium hands so much to the kernel before a byte has left this machine."""
REPEATED = "status of 409"
"""A request that goes on before the last bytes of the one before have come: refused by its offset, and asked again."""


def arrived(server: ServerProcess, source: Path, *, directory: str = "videos") -> None:
    """Hold the server to one published file with the content of ``source``, and nothing in staging."""
    [file] = published(server.data_dir, directory)
    assert file.read_bytes() == source.read_bytes()
    assert staged(server.data_dir) == []


async def test_a_video_is_chosen_described_and_sent(server: ServerProcess, open_page: Open, source: Path) -> None:
    """Frame, title, bytes, record: the file is published whole; its record has what was typed before and meanwhile."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url)
        await page.choose(source)
        card = page.card(NAME)
        await expect(card.locator("canvas")).to_be_visible()
        await expect(card.get_by_label("Title")).to_have_value("holiday")
        await card.get_by_label("Title").fill("Our holiday")
        assert page.statuses("POST") == [], "nothing is sent before the button is pressed"
        await page.send()
        await page.state(NAME, "sending")
        async with page.saved(title="Our holiday", description="Two weeks of rain,\nand one sunny day."):
            await card.get_by_label("Description").fill("Two weeks of rain,\nand one sunny day.")
        await page.state(NAME, "done")
        await expect(card.locator(".draft")).to_have_text("Saved.")
        records = await page.page.evaluate("async () => (await (await fetch('/api/videos')).json()).videos")
    arrived(server, source)
    assert page.creations() == 1
    [record] = records
    assert (record["title"], record["description"]) == ("Our holiday", "Two weeks of rain,\nand one sunny day.")
    await expect(page.page).to_have_title("Done – Upload – tusvideo")


async def test_percent_is_in_the_title_and_leaving_is_warned_of_only_while_sending(
    server: ServerProcess, open_page: Open, source: Path
) -> None:
    """Nobody is asked before or after; while bytes flow the browser asks."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        await page.choose(source)
        await page.reload()
        assert page.dialogs == []
        await page.choose(source)
        await page.send()
        await expect(page.page).to_have_title(re.compile(r"^\d+ % – |^\d+% – "))
        await page.reload()
        assert page.dialogs == ["beforeunload"]
        await page.choose(source)
        await page.state(NAME, "done")
        await page.reload()
        assert page.dialogs == ["beforeunload"]


async def test_page_is_loaded_again_at_40_percent(server: ServerProcess, open_page: Open, source: Path) -> None:
    """It says where it stopped; the same file, chosen again, goes on there: one creation, and hardly a byte twice."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        await page.choose(source)
        await page.card(NAME).get_by_label("Title").fill("Kept title")
        await page.send()
        await proxy.passed(SIZE * 2 // 5)
        await page.reload()
        await page.state(NAME, "needsFile")
        await expect(page.card(NAME)).to_contain_text(re.compile(r"Choose the same file again and it continues at \d+"))
        await expect(page.card(NAME).get_by_label("Title")).to_have_value("Kept title")
        await page.choose(source)
        await page.state(NAME, "done")
        assert proxy.body_bytes <= SIZE + ON_THE_WIRE
    assert page.creations() == 1
    assert set(page.statuses("HEAD")) == {200}
    arrived(server, source)


async def test_browser_is_closed_and_opened_again(server: ServerProcess, tmp_path: Path, source: Path) -> None:
    """What was begun is known to the browser, not to the tab: another start of it goes on with the same upload."""
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    async with link(server, rate=RATE) as proxy:
        async with chromium.browser(tmp_path / "browser") as context:
            page = Opened(await context.new_page(), proxy.url)
            await page.goto()
            await page.choose(source)
            await page.send()
            await proxy.passed(SIZE // 2)
        async with chromium.browser(tmp_path / "browser") as context:
            again = Opened(await context.new_page(), proxy.url)
            await again.goto()
            await again.state(NAME, "needsFile")
            await again.choose(source)
            await again.state(NAME, "done")
            assert again.unexpected() == []
        assert proxy.body_bytes <= SIZE + ON_THE_WIRE
    assert (page.creations(), again.creations()) == (1, 0)
    arrived(server, source)


OPFS = """async (size) => {
  const folder = await navigator.storage.getDirectory()
  const handle = await folder.getFileHandle('kept.bin', { create: true })
  const writer = await handle.createWritable()
  for (let at = 0; at < size; at += 65536) {
    await writer.write(crypto.getRandomValues(new Uint8Array(Math.min(65536, size - at))))
  }
  await writer.close()
}"""
PICKER = """window.showOpenFilePicker = async () => {
  const folder = await navigator.storage.getDirectory()
  return [await folder.getFileHandle('kept.bin')]
}"""
"""Stands for the person in front of the browser's picker; the handle is a real one, of the origin's private folder."""


FOCUSED = """() => {
  const { activeElement: one } = document
  return one.labels?.[0]?.textContent ?? (one.matches('a, button, summary') ? one.textContent : '')
}"""


async def test_a_kept_handle_goes_on_after_a_reload_by_itself(server: ServerProcess, open_page: Open) -> None:
    """Where the browser gives handles of files, nobody has to choose the file again."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        await page.page.evaluate(OPFS, SIZE)
        await page.page.add_init_script(PICKER)
        await page.reload()
        await page.page.select_option("#profile", "files")
        await page.page.get_by_text("Choose files").click()
        await page.send()
        await proxy.passed(SIZE // 2)
        await page.reload()
        await page.state("kept.bin", "done")
        assert proxy.body_bytes <= SIZE + ON_THE_WIRE
    assert page.creations() == 1
    [file] = published(server.data_dir, "files")
    assert file.stat().st_size == SIZE


async def test_server_is_killed_and_comes_back(start: Start, open_page: Open, source: Path) -> None:
    """After kill -9 the page goes on by itself, behind no byte that was made durable."""
    server = await start(limits_checkpoint_bytes=str(CHECKPOINT))
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        async with killed_once(server, proxy, at=MIDDLE):
            await page.choose(source)
            await page.send()
            await page.state(NAME, "done")
        assert proxy.body_bytes <= SIZE + ON_THE_WIRE
    assert page.creations() == 1
    arrived(server, source)


async def test_offline_and_back(
    server: ServerProcess, open_page: Open, context: BrowserContext, source: Path, axe: str
) -> None:
    """The page says that it is offline, waits, and goes on by itself."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        await page.choose(source)
        await page.send()
        await proxy.passed(MIDDLE)
        await context.set_offline(True)
        proxy.break_all()
        await page.state(NAME, "offline")
        await expect(page.page.get_by_role("alert").first).to_contain_text("You are offline")
        await page.look("upload-offline", axe=axe)
        await context.set_offline(False)
        await page.state(NAME, "done")
        await expect(page.page.get_by_text("You are offline")).to_have_count(0)
        assert proxy.body_bytes <= SIZE + ON_THE_WIRE
    assert page.creations() == 1
    arrived(server, source)


async def test_paused_and_gone_on_with(server: ServerProcess, open_page: Open, source: Path, axe: str) -> None:
    """Pausing stops the bytes; going on asks where it stands. What is typed meanwhile is on the server at once."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(REPEATED,))
        await page.choose(source)
        await page.send()
        await proxy.passed(MIDDLE)
        await page.card(NAME).get_by_role("button", name="Pause").click()
        await page.state(NAME, "paused")
        await page.look("upload-paused", axe=axe)
        async with page.saved(description="Said while it waits"):
            await page.card(NAME).get_by_label("Description").fill("Said while it waits")
        await expect(page.card(NAME).locator(".draft")).to_have_text("Saved.")
        drafts = await page.page.evaluate("async () => (await (await fetch('/api/uploads')).json()).uploads")
        assert [draft["description"] for draft in drafts] == ["Said while it waits"]
        await page.card(NAME).get_by_role("button", name="Continue").click()
        await page.state(NAME, "done")
        assert proxy.body_bytes <= SIZE + ON_THE_WIRE
    assert page.creations() == 1
    assert set(page.statuses("HEAD")) == {200}
    arrived(server, source)


async def test_cancelled_in_the_middle(server: ServerProcess, open_page: Open, source: Path, axe: str) -> None:
    """It is asked once; then nothing is left, neither here nor on the server, and the focus is at the picker."""
    async with link(server, rate=RATE // 4) as proxy:
        page = await open_page(proxy.url)
        await page.choose(source)
        await page.send()
        await proxy.passed(MIDDLE)
        await page.card(NAME).get_by_role("button", name="Cancel").click()
        dialog = page.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("is deleted from the server")
        await page.look("upload-ask", axe=axe)
        async with page.page.expect_response(lambda answer: answer.request.method == "DELETE") as expected:
            await dialog.get_by_role("button", name="Cancel upload").click()
        assert (await expected.value).status == 204
        await expect(page.page.get_by_role("listitem").filter(has_text=NAME)).to_have_count(0)
        await expect(page.page.locator("#files")).to_be_focused()
        await page.reload()
        await expect(page.page.locator(".cards")).to_have_count(0)
    assert (staged(server.data_dir), published(server.data_dir, "videos")) == ([], [])


async def test_what_is_no_video_is_refused_with_a_reason(
    server: ServerProcess, open_page: Open, tmp_path: Path, axe: str
) -> None:
    """By its name before anything is sent; by its content after 4 KiB. The reason stays until it is dismissed."""
    letter, text = tmp_path / "letter.mp4", tmp_path / "letter.txt"
    for path in (letter, text):
        path.write_text("Dear Sir or Madam, " * 40_000)
    page = await open_page(server.url, expected=("status of 415",))
    await page.choose(text)
    await page.state("letter.txt", "failed")
    await expect(page.card("letter.txt").get_by_role("alert")).to_contain_text("This type of file is not taken here")
    assert page.statuses("POST") == []
    await page.choose(letter)
    await page.send()
    await page.state("letter.mp4", "failed")
    await expect(page.card("letter.mp4").get_by_role("alert")).to_contain_text("The content of this file")
    await page.look("upload-refused", axe=axe)
    for name in ("letter.txt", "letter.mp4"):
        await page.card(name).get_by_role("button", name="Clear").click()
    await expect(page.page.locator(".cards")).to_have_count(0)
    assert staged(server.data_dir) == []


async def test_what_is_too_large_is_refused_before_it_is_sent(
    server: ServerProcess, open_page: Open, tmp_path: Path
) -> None:
    """51 MiB as a poster: refused with both figures; as a video the same file may go."""
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(51 * MIB)
    page = await open_page(server.url)
    await page.choose(large, profile="poster")
    await expect(page.card("large.mp4").get_by_role("alert")).to_contain_text("53.5 MB. Here at most 52.4 MB are taken")
    await page.page.select_option("#profile", "video")
    await page.state("large.mp4", "chosen")
    assert page.statuses("POST") == []


async def test_two_tabs_with_the_same_file(server: ServerProcess, open_page: Open, source: Path, axe: str) -> None:
    """The second watches the first, and goes on in its place when that is closed: one creation, hardly a byte twice."""
    async with link(server, rate=RATE // 2) as proxy:
        first = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        second = await open_page(proxy.url, expected=(REPEATED,))
        await first.choose(source)
        await first.send()
        await proxy.passed(MIDDLE)
        await second.state(NAME, "elsewhere")
        await second.choose(source)
        await expect(second.card(NAME)).to_contain_text("Another tab is uploading this file already")
        assert second.statuses("PATCH") == []
        await second.look("upload-elsewhere", axe=axe)
        await first.page.close()
        await second.state(NAME, "done")
        assert proxy.body_bytes <= SIZE + ON_THE_WIRE
    assert first.creations() + second.creations() == 1
    arrived(server, source)


async def test_an_upload_that_expired_meanwhile_begins_anew(
    start: Start, open_page: Open, source: Path, axe: str
) -> None:
    """The page says so, makes a new upload, and the file arrives whole."""
    server = await start(limits_expiry_seconds="2", storage_sweep_seconds="1")
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=("status of 410", "status of 404"))
        await page.choose(source)
        await page.send()
        await proxy.passed(MIDDLE)
        await page.card(NAME).get_by_role("button", name="Pause").click()
        await page.state(NAME, "paused")
        await until(lambda: not staged(server.data_dir))
        await page.card(NAME).get_by_role("button", name="Continue").click()
        await expect(page.card(NAME)).to_contain_text("It starts from the beginning")
        await page.look("upload-expired", axe=axe)
        await page.state(NAME, "done")
    assert page.creations() == 2
    arrived(server, source)


async def test_another_file_of_the_same_name_is_not_mixed_in(
    server: ServerProcess, open_page: Open, source: Path, tmp_path: Path, axe: str
) -> None:
    """Same name, same size, other bytes: the stored ones are compared, and the file is refused with what to do."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        await page.choose(source)
        await page.send()
        await proxy.passed(SIZE // 2)
        await page.reload()
        await page.state(NAME, "needsFile")
        other = tmp_path / "other" / NAME
        other.parent.mkdir()
        other.write_bytes(video(4, SIZE))
        await page.choose(other)
        await expect(page.page.get_by_role("alert")).to_contain_text("has changed since its upload began")
        await page.look("upload-other-file", axe=axe)
        await page.page.get_by_role("button", name="Dismiss").click()
        await expect(page.page.get_by_role("alert")).to_have_count(0)
        await page.choose(source)
        await page.state(NAME, "done")
    assert page.creations() == 1
    arrived(server, source)


async def test_a_slow_line_shows_speed_and_time_left(
    server: ServerProcess, open_page: Open, source: Path, axe: str
) -> None:
    """Figures in the reader's units, and a progress bar with a name and a text; the page can be used meanwhile."""
    async with link(server, rate=RATE // 2) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE, REPEATED))
        await page.choose(source)
        await page.send()
        card = page.card(NAME)
        await expect(card.locator(".speed")).to_have_text(re.compile(r"\d (k|M)B(/s|ps)"))
        await expect(card.locator(".left")).to_have_text(re.compile(r"\d+ secs? left"))
        bar = card.get_by_role("progressbar")
        await expect(bar).to_have_accessible_name(NAME)
        await expect(bar).to_have_attribute("aria-valuetext", re.compile(r"^\d+ ?%, .* of 16.8 MB, .* left$"))
        await page.look("upload-sending", axe=axe)


async def test_somebody_on_the_way_takes_no_large_request(server: ServerProcess, open_page: Open, source: Path) -> None:
    """To a server on this machine a file goes in one request; refused with 413, it goes in smaller ones."""
    page = await open_page(server.url, expected=("status of 413",))
    await page.page.route(re.compile(r"/files/[0-9a-f]{32}$"), lambda route: route.fulfill(status=413), times=1)
    await page.choose(source)
    await page.send()
    await page.state(NAME, "done")
    assert page.statuses("PATCH") == [413, 204]
    assert page.creations() == 1
    arrived(server, source)


async def test_several_files_go_three_at_once(server: ServerProcess, open_page: Open, tmp_path: Path, axe: str) -> None:
    """Five files: all arrive; the others wait for their turn, and say so."""
    files = [tmp_path / f"clip {number}.mp4" for number in range(5)]
    for number, file in enumerate(files):
        file.write_bytes(video(number, MIB))
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url)
        await page.choose(*files)
        await page.look("upload-chosen", axe=axe)
        await page.send()
        await page.state("clip 4.mp4", "queued")
        for file in files:
            await page.state(file.name, "done")
        await expect(page.page.locator(".toasts .note")).to_have_text(re.compile("5 files are uploaded"))
        await page.look("upload-done", axe=axe)
    assert page.creations() == 5
    assert len(published(server.data_dir, "videos")) == 5


async def test_dropped_and_pasted_files_are_taken(server: ServerProcess, open_page: Open) -> None:
    """Both are ways to choose, anywhere on the page."""
    page = await open_page(server.url)
    await page.page.select_option("#profile", "files")
    await page.page.evaluate(
        """() => {
          const give = (name) => { const data = new DataTransfer(); data.items.add(new File(['x'], name)); return data }
          const how = { bubbles: true, cancelable: true }
          document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: give('dropped.txt'), ...how }))
          document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: give('pasted.txt'), ...how }))
        }"""
    )
    await page.send()
    for name in ("dropped.txt", "pasted.txt"):
        await page.state(name, "done")
    assert {path.name for path in published(server.data_dir, "files")} == {"dropped.txt", "pasted.txt"}


async def test_keyboard_alone_is_enough(server: ServerProcess, open_page: Open) -> None:
    """Tab, Enter, Space and Escape choose, send, pause, keep, cancel; the focus is always somewhere visible."""
    async with link(server, rate=RATE) as proxy:
        page = await open_page(proxy.url, expected=(REPEATED,))
        await page.page.evaluate(OPFS, SIZE)
        await page.page.add_init_script(PICKER)
        await page.reload()
        await page.page.select_option("#profile", "files")

        async def tab_to(name: str) -> None:
            for _ in range(30):
                await page.page.keyboard.press("Tab")
                if name in str(await page.page.evaluate(FOCUSED)):
                    return
            raise AssertionError(f"Tab does not lead to {name!r}")

        await tab_to("Choose files")
        await page.page.keyboard.press("Enter")
        await page.state("kept.bin", "chosen")
        await tab_to("Upload 1 file")
        await page.page.keyboard.press("Enter")
        await proxy.passed(MIDDLE)
        await tab_to("Pause")
        await page.page.keyboard.press("Space")
        await page.state("kept.bin", "paused")
        await tab_to("Cancel")
        await page.page.keyboard.press("Enter")
        await page.page.keyboard.press("Escape")
        await page.state("kept.bin", "paused")
        await tab_to("Continue")
        await page.page.keyboard.press("Enter")
        await page.state("kept.bin", "done")
    assert len(published(server.data_dir, "files")) == 1


async def test_right_to_left(server: ServerProcess, tmp_path: Path, source: Path, axe: str) -> None:
    """In Arabic everything stands on the other side, nothing is cut off, and axe-core finds nothing either."""
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    async with link(server, rate=RATE) as proxy, chromium.browser(tmp_path / "browser", locale="ar") as context:
        page = Opened(await context.new_page(), proxy.url)
        await page.goto()
        await expect(page.page.locator("html")).to_have_attribute("dir", "rtl")
        await page.choose(source)
        await page.page.get_by_role("button", name="رفع ملف واحد").click()
        await page.state(NAME, "sending")
        await page.look("upload-rtl", axe=axe)
        await page.state(NAME, "done")
        await page.page.set_viewport_size({"width": 320, "height": 700})
        assert await page.overflow() <= 0
        assert page.unexpected() == []


async def test_nothing_yet(server: ServerProcess, open_page: Open, axe: str) -> None:
    """The page as it comes; also with forced colours, in German, and at 320 px, which is 400 % of a desk."""
    page = await open_page(server.url)
    await page.look("upload-empty", axe=axe, sizes=(chromium.DESKTOP, chromium.PHONE, (320, 640)))
    await page.page.emulate_media(forced_colors="active")
    await page.page.screenshot(path=chromium.SCREENSHOTS / "upload-forced-colors.png")
    await page.page.emulate_media(forced_colors="none")
    await page.page.get_by_label("Language").select_option("de")
    await expect(page.page.locator("h1")).to_have_text("Hochladen")
    await page.reload()
    await expect(page.page.locator("html")).to_have_attribute("lang", "de")
