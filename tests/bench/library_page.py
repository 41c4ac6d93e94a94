"""How soon a page over a large library can be used, in a real Chromium: ``python -m tests.bench.library_page``.

Ten thousand records, the page opened with an empty cache; told is the median of some runs of how long it takes until
the first cards are there, until a search shows what it found (its pause for typing included), until the next cards are
there after "Show more", and until another order is. Ends with 1 when a person would wait for more than two seconds.
"""

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Page, expect

from tests.bench.library import fill
from tests.browser import chromium
from tests.browser.chromium import Opened
from tests.faults.processes import ServerProcess

LIMIT_MS = 2000.0
SHOWN = 24
"""Records that the page asks for at once."""
RARE = "9876"
"""Stands in the title of one record."""


async def _timed(step: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await step()
    return (time.perf_counter() - began) * 1000


async def _one_run(server: ServerProcess, folder: Path) -> dict[str, float]:
    async with chromium.browser(folder) as context:
        tab = Opened(await context.new_page(), server.url)
        page: Page = tab.page
        titles = page.locator(".videos h2")

        async def open_page() -> None:
            await page.goto(f"{server.url}/library")
            await expect(titles).to_have_count(SHOWN)

        async def search() -> None:
            await page.get_by_label("Search").press_sequentially(RARE)
            await expect(titles).to_have_count(1)
            await expect(titles).to_contain_text([RARE])

        async def clear() -> None:
            await page.get_by_label("Search").fill("")
            await expect(titles).to_have_count(SHOWN)

        async def more() -> None:
            await page.get_by_role("button", name="Show more").click()
            await expect(titles).to_have_count(2 * SHOWN)

        async def sort() -> None:
            await page.get_by_label("Order").select_option("title")
            await expect(page).to_have_url(re.compile(r"sort=title$"))
            await expect(titles).to_have_count(SHOWN)

        steps = {
            "first cards": open_page,
            "a search typed": search,
            "the search cleared": clear,
            "show more": more,
            "by title": sort,
        }
        took = {name: await _timed(step) for name, step in steps.items()}
        if tab.unexpected():
            raise SystemExit(f"the page said: {tab.unexpected()}")
        return took


async def measure(folder: Path, *, count: int, runs: int) -> bool:
    """Tell each step and its figures; False when one is too slow."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    await fill(data / "tusvideo.db", count=count, words=30)
    async with ServerProcess(data) as server:
        found = [await _one_run(server, folder / f"browser{number}") for number in range(runs)]
    is_fast = True
    for name in found[0]:
        took = [run[name] for run in found]
        middle = statistics.median(took)
        print(f"{name:18} {middle:7.0f} ms  slowest {max(took):7.0f} ms")
        is_fast &= middle <= LIMIT_MS
    return is_fast


def main() -> int:
    """Measure and tell; 1 when a person would wait."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="records (10000)")
    parser.add_argument("--runs", type=int, default=5, help="browsers (5)")
    asked = parser.parse_args()
    if chromium.PROGRAM is None:
        raise SystemExit("chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="tusvideo-library-page-") as name:
        print(f"{asked.count} records, {asked.runs} runs")
        is_fast = asyncio.run(measure(Path(name), count=asked.count, runs=asked.runs))
    return 0 if is_fast else 1


if __name__ == "__main__":
    sys.exit(main())
