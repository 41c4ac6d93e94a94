"""The module at /chunked-video-uploader.js, imported by a page of the same origin under our policy: its contract."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.browser.chromium import LINK_BROKE, Opened
from tests.browser.conftest import SIZE, Open
from tests.clients.journey import PER_CUT, link
from tests.e2e.disk import MIB, published, staged
from tests.faults.processes import ServerProcess
from tests.faults.proxy import Fault, Kind

CHUNK = "/api/poster/video/chunk"
CHUNKS = SIZE // MIB
RETRIES_MS = [1000, 2000, 4000]
STALL_MS = 30_000

SET_UP = """() => {
  document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'video' }))
  window.waits = []
  const real = window.setTimeout
  window.setTimeout = (work, ms, ...more) => {
    window.waits.push(ms)
    return real(work, [1000, 2000, 4000].includes(ms) ? 0 : ms, ...more)
  }
}"""
"""A way to choose a file; the waits of the retries are noted and not waited."""
UPLOAD = """async () => {
  const { ChunkedVideoUploader } = await import('/chunked-video-uploader.js')
  const told = { percents: [], errors: [] }
  const [file] = document.getElementById('video').files
  const onProgress = (percent) => told.percents.push(percent)
  const onError = (text) => told.errors.push(text)
  try {
    told.filename = await new ChunkedVideoUploader().uploadVideo({ file, onProgress, onError })
  } catch (error) {
    told.failure = { name: error.name, status: error.status, message: error.message }
  }
  return told
}"""


async def ready(page: Opened, source: Path) -> None:
    """Give the page a file, as a person does."""
    await page.page.evaluate(SET_UP)
    await page.page.set_input_files("#video", str(source))


async def waits(page: Opened) -> list[int]:
    """Tell the waits before retries, in order."""
    return [ms for ms in await page.page.evaluate("waits") if ms in RETRIES_MS]


async def refuse(page: Opened, *, times: int, status: int = 503) -> None:
    """Let the server fail at chunks so many times; with status 0 it is the line that breaks."""

    async def fail(route: Route) -> None:
        nonlocal times
        if route.request.method != "POST" or times == 0:
            await route.fallback()
            return
        times -= 1
        if status == 0:
            await route.abort()
        else:
            await route.fulfill(status=status, body='{"success": false, "error": "Busy."}')

    await page.page.route(re.compile(rf"{CHUNK}$"), fail)


def whole(server: ServerProcess, source: Path) -> str:
    """Hold the server to one published file with the content of the source; its name."""
    [file] = published(server.data_dir, "posters")
    assert file.read_bytes() == source.read_bytes()
    assert staged(server.data_dir) == []
    return file.name


async def test_progress_and_the_final_name(server: ServerProcess, open_page: Open, source: Path) -> None:
    """Chunks of 1 MiB, each given up after 30 s in which nothing moves; whole per cents that rise from 0 to 100."""
    page = await open_page(server.url)
    await ready(page, source)
    told: Any = await page.page.evaluate(UPLOAD)
    assert told["filename"] == whole(server, source)
    assert re.fullmatch(r"video_\d{13}\.mp4", told["filename"])
    found = told["percents"]
    assert (found[0], found[-1], found) == (0, 100, sorted(set(found)))
    assert len(found) == CHUNKS + 2
    assert page.statuses("POST", CHUNK) == [200] * CHUNKS
    assert (await page.page.evaluate("waits")).count(STALL_MS) >= CHUNKS
    assert told["errors"] == []


@pytest.mark.parametrize("status", [503, 0])
async def test_a_chunk_has_three_retries(status: int, server: ServerProcess, open_page: Open, source: Path) -> None:
    """After 1, 2 and 4 seconds, and nobody hears of it, be it the server or the line that failed."""
    page = await open_page(server.url, expected=("status of 503", "status of 404", LINK_BROKE))
    await ready(page, source)
    await refuse(page, times=3, status=status)
    told: Any = await page.page.evaluate(UPLOAD)
    assert told["errors"] == []
    assert await waits(page) == RETRIES_MS
    assert page.statuses("POST", CHUNK) == [503] * (3 if status else 0) + [200] * CHUNKS
    assert told["filename"] == whole(server, source)


async def test_the_fourth_failure_is_told_once(server: ServerProcess, open_page: Open, source: Path) -> None:
    """``onError`` hears it before the promise is rejected with the same words; the next call goes on."""
    page = await open_page(server.url, expected=("status of 503", "status of 404"))
    await ready(page, source)
    await refuse(page, times=4)
    told: Any = await page.page.evaluate(UPLOAD)
    assert (told["errors"], await waits(page)) == (["Busy."], RETRIES_MS)
    assert told["failure"] == {"name": "UploadError", "status": 503, "message": "Busy."}
    again: Any = await page.page.evaluate(UPLOAD)
    assert again["filename"] == whole(server, source)


async def test_a_lost_link_goes_on_from_the_last_stored_chunk(
    server: ServerProcess, open_page: Open, source: Path
) -> None:
    """Two cuts in the middle of a chunk: those two go twice, nothing else, and nobody hears of it.

    Chromium itself repeats a request whose kept connection broke, so there may be nothing to wait for.
    """
    cuts = [Fault(Kind.RESET, SIZE // 4), Fault(Kind.CLOSE, SIZE // 2)]
    async with link(server, *cuts) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE,))
        await ready(page, source)
        told: Any = await page.page.evaluate(UPLOAD)
    assert (told["errors"], len(told["percents"])) == ([], CHUNKS + 2)
    assert told["filename"] == whole(server, source)
    assert proxy.cuts >= len(cuts)
    assert proxy.body_bytes <= SIZE + len(cuts) * (MIB + PER_CUT)


async def test_after_a_reload_the_same_file_goes_on(server: ServerProcess, open_page: Open, source: Path) -> None:
    """The browser remembers the upload, the server its chunks: only those that are missing cross the link."""
    async with link(server, rate=8 * MIB) as proxy:
        page = await open_page(proxy.url, expected=(LINK_BROKE,))
        await ready(page, source)
        await page.page.evaluate(f"void ({UPLOAD})()")
        await proxy.passed(SIZE // 2)
        await page.reload()
        await ready(page, source)
        told: Any = await page.page.evaluate(UPLOAD)
        assert proxy.body_bytes <= SIZE + MIB + PER_CUT
    assert told["percents"][0] == 0
    assert told["percents"][1] >= 40
    assert told["filename"] == whole(server, source)


async def test_a_refusal_is_final_and_told_once(
    server: ServerProcess, open_page: Open, source: Path, tmp_path: Path
) -> None:
    """What is no video: 415. More than 50 MiB: 413. Neither is tried again."""
    letter, large = tmp_path / "letter.mp4", tmp_path / "large.mp4"
    letter.write_text("Dear Sir or Madam, " * 1000)
    with large.open("wb") as file:
        file.write(source.read_bytes())
        file.truncate(51 * MIB)
    page = await open_page(server.url, expected=("status of 415", "status of 413"))
    for path, status in ((letter, 415), (large, 413)):
        await page.page.evaluate("document.getElementById('video')?.remove()")
        await ready(page, path)
        told: Any = await page.page.evaluate(UPLOAD)
        assert told["failure"]["status"] == status
        assert told["errors"] == [told["failure"]["message"]]
        assert await waits(page) == []
    assert page.statuses("POST", CHUNK) == [415, 413]
    await expect(page.page.locator("#video")).to_have_count(1)
    assert (staged(server.data_dir), published(server.data_dir, "posters")) == ([], [])
