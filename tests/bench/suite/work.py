"""A work of the benchmark: what it compares, and the figures that come out of it."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.peers.peer import Peer
from tests.bench.peers.process import BenchError, Server

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much each work does. Sizes in bytes."""

    patch: int = 1024 * MIB
    eighth: int = 256 * MIB
    small_patches: int = 256
    chunk_uploads: int = 5
    chunks: int = 48
    """Of 1 MiB each; the profile takes 50 at most, and the upload stays one short of being whole."""
    creates: int = 3000
    short_parts: int = 50
    long_parts: int = 5120
    few_rows: int = 1000
    many_rows: int = 1_000_000
    heads: int = 2000
    appends: int = 50
    open_uploads: int = 100_000


QUICK: Final = Sizes(
    patch=128 * MIB,
    eighth=32 * MIB,
    small_patches=64,
    chunk_uploads=1,
    creates=600,
    many_rows=50_000,
    heads=500,
    appends=10,
    open_uploads=5000,
)


@dataclass(slots=True, kw_only=True)
class Figures:
    """What a work measured: the samples of each quantity, by quantity and by column, one for each round."""

    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Columns that failed, with the reason."""
    notes: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    """All of them, in the order in which they are shown."""

    def median(self, quantity: str, column: str) -> float | None:
        """Give the median over the rounds, None when there is none."""
        found = self.samples.get(quantity, {}).get(column)
        return statistics.median(found) if found else None

    def ratio(self, quantity: str, column: str, *, against: str) -> float | None:
        """Give the median of the ratios within the rounds: what drifts, drifts for both."""
        ours, theirs = (self.samples.get(quantity, {}).get(name, []) for name in (column, against))
        pairs = [one / other for one, other in zip(ours, theirs, strict=False) if other]
        return statistics.median(pairs) if pairs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a work has at its disposal."""

    peers: Mapping[str, Peer]
    """By name; those that are installed."""
    cache: Path
    folder: Path
    """For the data of this work alone; it is removed afterwards."""
    sizes: Sizes
    runs: int
    until: float
    """The monotonic instant after which no further round begins."""

    @contextmanager
    def servers(self, names: Sequence[str], figures: Figures) -> Iterator[dict[str, Server]]:
        """Run these peers side by side; one that is missing or does not start is left out."""
        found: dict[str, Server] = {}
        with ExitStack() as stack:
            for name in names:
                if name not in self.peers:
                    continue
                try:
                    found[name] = stack.enter_context(self.server(name))
                except (BenchError, OSError) as error:
                    figures.failed[name] = str(error)
            yield found

    @contextmanager
    def server(self, name: str, *, folder: Path | None = None) -> Iterator[Server]:
        """Run one of them, with its data in the work's folder, or in another one that may hold some already."""
        place = folder if folder is not None else self.folder / name.strip("@").replace("/", "-").replace(" ", "-")
        with self.peers[name].running(cache_of(self.cache, name), folder=place) as server:
            yield server

    def interleave(
        self,
        figures: Figures,
        columns: Mapping[str, Callable[[], Mapping[str, float]]],
        *,
        runs: int | None = None,
        warm: bool = False,
    ) -> None:
        """Measure A B C, B C A, …: each column once in a round, so that whatever drifts hits all alike.

        With ``warm`` there is a round before the first, which does not count: it brings what is loaded once.
        """
        figures.columns += columns
        order = list(columns)
        for number in range(0 if warm else 1, (self.runs if runs is None else runs) + 1):
            if time.monotonic() > self.until:
                figures.notes.append(f"out of time before round {number}")
                return
            for column in order:
                if column in figures.failed:
                    continue
                try:
                    measured = columns[column]()
                except (BenchError, OSError) as error:
                    figures.failed[column] = f"round {number}: {error}"
                    continue
                if number == 0:
                    continue
                for quantity, value in measured.items():
                    figures.samples.setdefault(quantity, {}).setdefault(column, []).append(value)
            order = order[1:] + order[:1]


def cache_of(cache: Path, name: str) -> Path:
    """Name the folder into which a peer is installed."""
    return cache / name.strip("@").replace("/", "-").replace(" ", "-")


@contextlib.contextmanager
def timed(server: Server, *, size: int) -> Iterator[dict[str, float]]:
    """Measure a stretch in which ``size`` bytes move; the figures are there when it has ended."""
    found: dict[str, float] = {}
    server.forget_peak()
    cpu, began = server.cpu_seconds, time.perf_counter()
    yield found
    wall, cpu = time.perf_counter() - began, server.cpu_seconds - cpu
    found["CPU s/GiB"] = cpu * 1024 * MIB / size
    found["MB/s"] = size / 1e6 / wall
    found["peak RSS MiB"] = server.peak_mib
