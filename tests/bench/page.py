"""How fast a large file goes through the page in a real Chromium, beside curl: ``make bench-page``.

The same server on loopback, the same file, runs by turns: curl, a bare page that only sends (the most that any page can
reach), and ours. Told are the medians and their ratios; page / curl is to be 0.8 at least. Ends with 1 when it is less.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Opened
from tests.e2e.disk import MIB
from tests.faults.processes import ServerProcess

LEAST = 0.8
BLOCK = 4 * MIB
BARE = "/assets/upload/THIRD_PARTY_LICENSES.txt"
"""A text of the same origin: a page without any script."""
SEND = """() => new Promise((resolve) => {
  const request = new XMLHttpRequest()
  request.open('PUT', '/files/large.bin')
  request.onloadend = () => resolve(request.status)
  request.send(document.querySelector('input').files[0])
})"""


async def through_curl(server: ServerProcess, file: Path) -> float:
    """Send with ``curl -T``; seconds."""
    began = time.perf_counter()
    curl = await asyncio.create_subprocess_exec(
        *(
            "curl",
            "--silent",
            "--fail",
            "--output",
            "/dev/null",
            "-H",
            "Expect:",
            "-T",
            str(file),
            f"{server.url}/files/",
        )
    )
    if await curl.wait():
        raise SystemExit(f"curl ended with {curl.returncode}")
    return time.perf_counter() - began


async def through_page(server: ServerProcess, file: Path, *, folder: Path) -> float:
    """Choose the file and press the button; seconds from there until the page says that it is done."""
    async with chromium.browser(folder) as context:
        context.set_default_timeout(600_000)
        page = Opened(await context.new_page(), server.url)
        await page.goto()
        await page.choose(file, profile="files")
        began = time.perf_counter()
        await page.send()
        await page.page.locator(".upload.done").wait_for()
        return time.perf_counter() - began


async def through_bare_page(server: ServerProcess, file: Path, *, folder: Path) -> float:
    """Send with one request of a page that does nothing else: as fast as any page can be in this browser."""
    async with chromium.browser(folder) as context:
        context.set_default_timeout(600_000)
        page = await context.new_page()
        await page.goto(f"{server.url}{BARE}")
        await page.evaluate("document.body.append(Object.assign(document.createElement('input'), { type: 'file' }))")
        await page.set_input_files("input", str(file))
        began = time.perf_counter()
        status = await page.evaluate(SEND)
        if status != HTTPStatus.CREATED:
            raise SystemExit(f"the bare page was answered with {status}")
        return time.perf_counter() - began


async def measure(mebibytes: int, runs: int) -> float:
    """Print a line for each run, and the figures; give the ratio of page and curl."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "large.bin"
        with file.open("wb") as sink:
            for _ in range(mebibytes // (BLOCK // MIB)):
                sink.write(os.urandom(BLOCK))
        seconds: dict[str, list[float]] = {"curl": [], "bare page": [], "page": []}
        async with ServerProcess(folder / "data") as server:
            for run in range(runs):
                seconds["curl"].append(await through_curl(server, file))
                forget(server)
                seconds["bare page"].append(await through_bare_page(server, file, folder=folder / f"bare{run}"))
                forget(server)
                seconds["page"].append(await through_page(server, file, folder=folder / f"browser{run}"))
                forget(server)
                told = ", ".join(f"{who} {each[-1]:.2f} s" for who, each in seconds.items())
                print(f"run {run + 1}: {told}", flush=True)
    curl, bare, page = (statistics.median(each) for each in seconds.values())
    speeds = ", ".join(f"{who} {mebibytes / statistics.median(each):.0f} MiB/s" for who, each in seconds.items())
    print(f"{mebibytes} MiB, medians of {runs}: {speeds}")
    print(f"page / curl {curl / page:.2f}, page / bare page {bare / page:.2f}, bare page / curl {curl / bare:.2f}")
    if curl / bare < LEAST:
        print(f"no page in this browser reaches {LEAST} here: the bare one does not")
    return curl / page


def forget(server: ServerProcess) -> None:
    """Make room for the next run."""
    for published in (server.data_dir / "uploads").rglob("*.bin"):
        published.unlink()


def main() -> int:
    """Measure; 0 when the page is fast enough."""
    parser = argparse.ArgumentParser(prog="make bench-page", description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    return 0 if asyncio.run(measure(options.mebibytes, options.runs)) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
