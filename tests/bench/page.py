"""How fast a large file goes through the page in a real Chromium, beside curl: ``make bench-page``.

The same server on loopback, the same file, runs by turns; told is the median of each, and their ratio, which is to be
0.8 at least. Ends with 1 when it is less.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Opened
from tests.e2e.disk import MIB
from tests.faults.processes import ServerProcess

LEAST = 0.8
BLOCK = 4 * MIB


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


async def measure(mebibytes: int, runs: int) -> float:
    """Print a line for each run, and the figures; give the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "large.bin"
        with file.open("wb") as sink:
            for _ in range(mebibytes // (BLOCK // MIB)):
                sink.write(os.urandom(BLOCK))
        seconds: dict[str, list[float]] = {"curl": [], "page": []}
        async with ServerProcess(folder / "data") as server:
            for run in range(runs):
                seconds["curl"].append(await through_curl(server, file))
                seconds["page"].append(await through_page(server, file, folder=folder / f"browser{run}"))
                print(f"run {run + 1}: curl {seconds['curl'][-1]:.2f} s, page {seconds['page'][-1]:.2f} s", flush=True)
                for published in (folder / "data/uploads").rglob("*.bin"):
                    published.unlink()
    curl, page = (statistics.median(seconds[who]) for who in ("curl", "page"))
    ratio = curl / page
    print(f"{mebibytes} MiB: curl {mebibytes / curl:.0f} MiB/s, page {mebibytes / page:.0f} MiB/s, ratio {ratio:.2f}")
    return ratio


def main() -> int:
    """Measure; 0 when the page is fast enough."""
    parser = argparse.ArgumentParser(prog="make bench-page", description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    return 0 if asyncio.run(measure(options.mebibytes, options.runs)) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
