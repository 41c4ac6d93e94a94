"""A library that is searched by many keeps no upload waiting."""

import asyncio
from pathlib import Path

from tests.bench.library import fill
from tests.e2e import tus
from tests.e2e.conftest import Start

SEARCH = "GET /api/videos?limit=100&q=sea+sand+house+garden+river+winter+tour+drone HTTP/1.1"
RECORDS, WORDS = 800, 500
SEARCHES, HEADS = 12, 10


async def test_an_upload_does_not_wait_for_searches(start: Start, tmp_path: Path) -> None:
    """While a dozen searches through long descriptions are under way, uploads are asked for and fed, and are ready
    before the searches are; a search is answered, or refused with a sentence."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    await fill(data / "tusvideo.db", count=RECORDS, words=WORDS)
    server = await start()
    paths = [await tus.create(server.port, 5) for _ in range(HEADS)]
    # Rows that are in memory are found there; these have to be asked for.
    await server.stop()
    await server.start()
    searches = [asyncio.create_task(tus.ask(server.port, SEARCH)) for _ in range(SEARCHES)]
    await asyncio.wait(searches, return_when=asyncio.FIRST_COMPLETED)
    waiting = sum(not search.done() for search in searches)
    for path in paths:
        assert await tus.offset(server.port, path) == 0
    assert (await tus.patch(server.port, paths[0], at=0, body=b"hello")).status == 204
    assert sum(not search.done() for search in searches) >= waiting // 2
    for search in await asyncio.gather(*searches):
        assert (search.status, search.json.get("code")) in {(200, None), (503, "took_too_long")}
