"""Uppy with its tus plugin in a real browser, on a page of another origin: CORS, cuts, kills, reloads."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients import browser
from tests.clients.browser import UppyPage
from tests.clients.journey import CHECKPOINT, CUTS, KILL_AT, PER_CUT, PER_KILL, SIZE, killed_once, link, whole
from tests.e2e.conftest import Start
from tests.e2e.disk import MIB, published, staged
from tests.faults.processes import ServerProcess

pytestmark = browser.needs_chromium

RATE = MIB
"""Slow enough for a test to click in the middle of an upload."""

PER_REPEAT = MIB
"""Chromium sends a request again by itself when a kept connection is reset before the answer, and a page that goes on
at once may ask before the last bytes of its cut request are counted. The server refuses such a request by its offset,
and reads and drops up to this much so that the refusal is heard."""

MANY = 25
"""More files than Uppy sends at once, which is 20."""


@pytest_asyncio.fixture
async def origin(modules: Path) -> AsyncIterator[str]:
    """The page's origin."""
    async with browser.site(modules) as url:
        yield url


@pytest_asyncio.fixture
async def server(origin: str, start: Start) -> ServerProcess:
    """A server that lets the page in."""
    return await start(server_allowed_origins=origin, limits_checkpoint_bytes=str(CHECKPOINT))


@pytest_asyncio.fixture
async def page(origin: str, tmp_path: Path) -> AsyncIterator[UppyPage]:
    """A browser with the page."""
    async with browser.chromium(origin, profile=tmp_path) as found:
        yield found


async def test_uploads_from_another_origin(server: ServerProcess, page: UppyPage, source: Path) -> None:
    """The browser lets it read Location and Upload-Offset; name and type come twice, and null comes as text."""
    await page.begin(f"{server.url}/files/", addRequestId=True, meta={"title": "Übung ☃"})
    await page.choose(source)
    told = await page.send()
    assert told["failed"] == []
    assert told["urls"][0].startswith(f"{server.url}/files/")
    assert page.statuses("POST") == [201]
    assert page.statuses("PATCH") == [204]
    assert whole(server, source).name == source.name


async def test_is_cut_and_goes_on(server: ServerProcess, page: UppyPage, source: Path) -> None:
    """Two cuts: it asks with HEAD and goes on; one upload, and little is sent twice."""
    async with link(server, *CUTS) as proxy:
        await page.begin(f"{proxy.url}/files/")
        await page.choose(source)
        assert (await page.send())["failed"] == []
        assert proxy.cuts == len(CUTS)
        assert proxy.body_bytes <= SIZE + len(CUTS) * (PER_CUT + PER_REPEAT)
    assert set(page.statuses("HEAD")) == {200}
    assert page.statuses("POST") == [201]
    whole(server, source)


async def test_server_is_killed_and_comes_back(server: ServerProcess, page: UppyPage, source: Path) -> None:
    """After kill -9 it goes on with the same upload, behind no byte that was made durable."""
    async with link(server, rate=RATE) as proxy, killed_once(server, proxy):
        await page.begin(f"{proxy.url}/files/")
        await page.choose(source)
        assert (await page.send())["failed"] == []
        assert proxy.body_bytes <= SIZE + PER_KILL + PER_REPEAT
    assert page.statuses("POST") == [201]
    whole(server, source)


@pytest.mark.parametrize("golden", [False, True], ids=["file chosen again", "Golden Retriever"])
async def test_page_is_loaded_again(golden: bool, server: ServerProcess, page: UppyPage, source: Path) -> None:
    """A reload in the middle: the same file, chosen again or kept by the browser, goes on where it was."""
    async with link(server, rate=RATE) as proxy:
        await page.begin(f"{proxy.url}/files/", golden=golden, chunkSize=MIB // 4)
        await page.choose(source)
        if golden:
            await page.until("seen.kept")
        await page.start()
        await proxy.passed(KILL_AT)
        await page.begin(f"{proxy.url}/files/", golden=golden)
        if golden:
            await page.until("seen.restored")
            await page.call("uppy.emit('restore-confirmed')")
            told = await page.until("seen.complete")
        else:
            await page.choose(source)
            told = await page.send()
        assert told["failed"] == []
        assert proxy.body_bytes <= SIZE + PER_CUT + PER_REPEAT
    assert page.statuses("POST") == [201]
    assert set(page.statuses("HEAD")) == {200}
    whole(server, source)


async def test_is_paused_and_goes_on(server: ServerProcess, page: UppyPage, source: Path) -> None:
    """Pausing cuts the request; going on asks where the upload stands."""
    async with link(server, rate=RATE) as proxy:
        await page.begin(f"{proxy.url}/files/", chunkSize=MIB // 4)
        await page.choose(source)
        await page.start()
        await proxy.passed(MIB // 2)
        await page.call("uppy.pauseAll()")
        assert published(server.data_dir, "files") == []
        await page.call("uppy.resumeAll()")
        assert (await page.until("seen.complete"))["failed"] == []
        assert proxy.body_bytes <= SIZE + PER_CUT + PER_REPEAT
    assert page.statuses("POST") == [201]
    whole(server, source)


async def test_is_offline_for_a_while(server: ServerProcess, page: UppyPage, source: Path) -> None:
    """What the browser calls offline is a cut: when it is online again, the upload goes on by itself."""
    async with link(server, rate=RATE) as proxy:
        await page.begin(f"{proxy.url}/files/", chunkSize=MIB // 4)
        await page.choose(source)
        await page.start()
        await proxy.passed(MIB // 2)
        await page.page.context.set_offline(True)
        await page.until("navigator.onLine === false")
        proxy.break_all()
        await page.page.context.set_offline(False)
        assert (await page.until("seen.complete"))["failed"] == []
        assert proxy.body_bytes <= SIZE + PER_CUT + PER_REPEAT
    assert page.statuses("POST") == [201]
    whole(server, source)


async def test_removed_in_the_middle(server: ServerProcess, page: UppyPage, source: Path) -> None:
    """Cancelling cuts the request and sends DELETE: 204, and nothing is left."""
    async with link(server, rate=RATE) as proxy:
        await page.begin(f"{proxy.url}/files/", chunkSize=MIB // 4)
        await page.choose(source)
        await page.start()
        await proxy.passed(MIB // 2)
        async with page.page.expect_response(lambda answer: answer.request.method == "DELETE") as expected:
            await page.call("uppy.cancelAll()")
        assert (await expected.value).status == 204
    assert (staged(server.data_dir), published(server.data_dir, "files")) == ([], [])


async def test_many_files_at_once(server: ServerProcess, page: UppyPage, tmp_path: Path) -> None:
    """More files than it sends at once: none is refused, above all not with 429, of which it bears four in its life."""
    files = [tmp_path / f"{number}.bin" for number in range(MANY)]
    for number, file in enumerate(files):
        file.write_bytes(number.to_bytes(2, "big") * 40_000)
    await page.begin(f"{server.url}/files/")
    await page.choose(*files)
    told = await page.send()
    assert (len(told["urls"]), told["failed"]) == (MANY, [])
    assert {status for _, status in page.answers} <= {200, 201, 204}
    found = {file.name: file.read_bytes() for file in published(server.data_dir, "files")}
    assert found == {file.name: file.read_bytes() for file in files}


async def test_refusal_reaches_the_app(server: ServerProcess, page: UppyPage, tmp_path: Path) -> None:
    """A refusal for good is tried once; the app gets its status, code and a sentence for a person."""
    text = tmp_path / "letter.mp4"
    text.write_text("Dear Sir or Madam, " * 4096)
    await page.begin(f"{server.url}/files/", meta={"profile": "video"}, chunkSize=8192)
    await page.choose(text)
    assert len((await page.send())["failed"]) == 1
    [error] = await page.call("seen.errors")
    document = json.loads(error["text"])
    assert (error["status"], document["code"], document["success"]) == (415, "unsupported_type", False)
    assert document["detail"]
    assert page.statuses("PATCH") == [415]
