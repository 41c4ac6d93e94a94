"""What the server promises about many clients at once, measured and held against its bounds.

    python -m tests.bench.concurrency [--only takeovers,…] [--many]

Takes about five minutes; with ``--many`` ten thousand slow uploads come last, or as many as ``ulimit -n`` allows: each
needs two files of the server. Real processes on loopback, in a temporary folder. Exit code 1: a bound is broken.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from tests.bench import slow_uploads
from tests.bench.concurrency import servers, takeovers
from tests.bench.concurrency.figure import Figure, percentile
from tests.bench.suite import machine
from tests.faults.processes import ServerProcess

THOUSAND: Final = 1000
TEN_THOUSAND: Final = 10_000
RATE: Final = 100
EACH_KIB: Final = 64
ALL_MIB: Final = 700
QUESTION_MS: Final = 250
LONG_KIB: Final = 100 * 1024

Work = Callable[[Path], Sequence[Figure]]


def _on_a_server(*works: Callable[[ServerProcess], Awaitable[Sequence[Figure]]]) -> Work:
    async def run(folder: Path) -> Sequence[Figure]:
        async with ServerProcess(folder / "data") as server:
            return [figure for work in works for figure in await work(server)]

    return lambda folder: asyncio.run(run(folder))


def _crowd(uploads: int, *, seconds: int, kib: int, in_all: bool) -> Sequence[Figure]:
    crowd = slow_uploads.run(uploads=uploads, seconds=seconds, rate=RATE, length=kib * 1024)
    what, took = f"{crowd.uploads:,} uploads of {kib:,} KiB at {RATE} B/s", crowd.questions
    early = ", ".join(f"{count} {answer}" for answer, count in crowd.early.items()) or "none"
    memory = (
        Figure(what=f"{what}: memory in all", value=crowd.peak_mib, unit="MiB", most=ALL_MIB)
        if in_all
        else Figure(what=f"{what}: memory of each", value=crowd.kib_each, unit="KiB", most=EACH_KIB)
    )
    return [
        memory,
        Figure(
            what=f"{what}: HEAD, p95",
            value=percentile(took, 0.95) * 1000,
            unit="ms",
            most=QUESTION_MS,
            note=f"{len(took)} times; {crowd.cpu_seconds:.0f} s of CPU time in {seconds} s",
        ),
        Figure(
            what=f"{what}: {'finished' if crowd.is_finished else 'every sent byte counted'}",
            value=100 * crowd.kept / crowd.uploads,
            unit="%",
            least=100,
            note=f"ended early and gone on: {early}",
        ),
    ]


WORKS: Final[dict[str, Work]] = {
    "takeovers": _on_a_server(takeovers.takeovers),
    "questions": _on_a_server(takeovers.questions_take_over, takeovers.questions_beside),
    "races": _on_a_server(takeovers.races),
    "stops": lambda folder: asyncio.run(servers.stops(folder)),
    "lag": lambda folder: asyncio.run(servers.loop_lag(folder)),
    "recovery": lambda folder: asyncio.run(servers.recovery(folder)),
    "slow": lambda _: [
        *_crowd(THOUSAND, seconds=20, kib=64, in_all=False),
        *_crowd(THOUSAND, seconds=20, kib=LONG_KIB, in_all=False),
    ],
    "many": lambda _: _crowd(TEN_THOUSAND, seconds=60, kib=64, in_all=True),
}


def _print(figure: Figure) -> None:
    verdict = "" if not figure.bound else "holds" if figure.holds else "BROKEN"
    print(
        f"{figure.what:<58} {figure.value:>9.1f} {figure.unit:<4} {figure.bound:<14} {verdict:<6} {figure.note}",
        flush=True,
    )


def main() -> int:
    """Run the works and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.concurrency", description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", default="", help=f"works, with commas: {', '.join(WORKS)}")
    parser.add_argument("--many", action="store_true", help="ten thousand slow uploads, too")
    given = parser.parse_args()
    usual = [name for name in WORKS if name != "many" or given.many]
    chosen = [name for name in given.only.split(",") if name] or usual
    if unknown := [name for name in chosen if name not in WORKS]:
        parser.error(f"expected some of {', '.join(WORKS)}, got {', '.join(unknown)}")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tusvideo-concurrency-") as name:
        facts = machine.describe(Path(name))
        for fact, value in facts.items():
            print(f"{fact}: {value}")
        print(f"\n{'what':<58} {'value':>9} {'':<4} {'must be':<14} {'':<6} note", flush=True)
        for work in chosen:
            print(f"{time.strftime('%H:%M:%S')} {work} …", file=sys.stderr, flush=True)
            folder = Path(name) / work
            folder.mkdir()
            for figure in WORKS[work](folder):
                figures.append(figure)
                _print(figure)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
