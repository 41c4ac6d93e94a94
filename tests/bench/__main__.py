"""tusvideo and its peers side by side, on loopback.

    python -m tests.bench [--only WORK,…] [--runs 5] [--quick] [--minutes 40] [--calm LOAD]

Installs the peers into .bench/ (the first time; needs package indexes, Go and npm; what cannot be had is named in the
report), runs the works one after the other, prints the tables and writes them to .bench/results-DATE.json and .md. Data
lies in .bench/data-… and is removed. Only processes that were started here are ended, by their ids.
"""

import argparse
import contextlib
import json
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.peers.nginx import NGINX
from tests.bench.peers.ours import FLOOR, RELAXED, STRICT
from tests.bench.peers.peer import Peer
from tests.bench.peers.process import BenchError
from tests.bench.peers.python_peers import RESUMABLE_UPLOAD, TUSPYSERVER
from tests.bench.peers.tus_node import TUS_NODE
from tests.bench.peers.tusd import TUSD
from tests.bench.suite import machine
from tests.bench.suite.catalogue import WORKS
from tests.bench.suite.report import Report
from tests.bench.suite.work import QUICK, Bench, Figures, Sizes, cache_of

OURS: Final = (STRICT, RELAXED, FLOOR)
PEERS: Final = (TUSD, TUS_NODE, TUSPYSERVER, RESUMABLE_UPLOAD, NGINX)
CALM_SECONDS: Final = 900
NEEDED_GIB: Final = 10


def measure(report: Report, *, peers: Sequence[Peer], works: Sequence[str], folder: Path, minutes: float) -> None:
    """Install what is missing and run the works; the report is filled as they end."""
    here: dict[str, Peer] = {}
    for peer in peers:
        try:
            version = peer.version(cache_of(folder / "peers", peer.name))
        except (BenchError, OSError) as error:
            report.missing[peer.name] = str(error)
            continue
        here[peer.name] = peer
        report.peers[peer.name] = f"{version}; {peer.settings}"
    until = time.monotonic() + minutes * 60
    for name in works:
        if time.monotonic() > until:
            break
        _tell(f"{name} …")
        with tempfile.TemporaryDirectory(dir=folder, prefix="data-") as data:
            bench = Bench(
                peers=here,
                cache=folder / "peers",
                folder=Path(data),
                sizes=report.sizes,
                runs=report.runs,
                until=until,
            )
            report.add(name, _outcome(name, bench), load=machine.load())


def _outcome(name: str, bench: Bench) -> Figures:
    try:
        return WORKS[name].run(bench)
    except (BenchError, OSError, sqlite3.Error) as error:
        return Figures(failed={name: f"{type(error).__name__}: {error}"})


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def save(report: Report, *, folder: Path) -> Path:
    """Write both forms of the report; give the name of the one with all samples."""
    path = folder / f"results-{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    path.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    path.with_suffix(".md").write_text(report.markdown() + "\n")
    return path


def main() -> int:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="tusvideo and its peers on loopback.")
    parser.add_argument("--only", help=f"works, with commas: {', '.join(WORKS)}")
    parser.add_argument("--peers", help="peers to run beside ours, with commas; default: all")
    parser.add_argument("--runs", type=int, default=5, help="rounds of each work (default: 5)")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--minutes", type=float, default=40, help="begin nothing more after this (default: 40)")
    parser.add_argument("--calm", type=float, help="wait for a load below this, a quarter of an hour at most")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="cache, data and results (default: .bench)")
    arguments = parser.parse_args()
    works = _chosen(parser, arguments.only, tuple(WORKS))
    names = _chosen(parser, arguments.peers, tuple(peer.name for peer in PEERS))
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if machine.free_gib(folder) < NEEDED_GIB:
        parser.error(f"{folder} has {machine.free_gib(folder):.1f} GiB free, and {NEEDED_GIB} are needed")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and data go also then
    if arguments.calm is not None:
        machine.wait_for_calm(below=arguments.calm, seconds=CALM_SECONDS)
    sizes = QUICK if arguments.quick else Sizes()
    report = Report(machine=machine.describe(folder), sizes=sizes, runs=arguments.runs)
    peers = (*OURS, *(peer for peer in PEERS if peer.name in names))
    with contextlib.suppress(KeyboardInterrupt):  # what was measured until then is told
        measure(report, peers=peers, works=works, folder=folder, minutes=arguments.minutes)
    print(report.markdown())
    print(f"\nall samples: {save(report, folder=folder)}")
    return 0


def _chosen(parser: argparse.ArgumentParser, text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    if text is None:
        return tuple(known)
    names = tuple(name for name in text.split(",") if name)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"expected some of {', '.join(known)}, got {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
