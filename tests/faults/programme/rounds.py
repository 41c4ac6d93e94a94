"""What a round of a fault gets, and what it gives."""

import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.programme.ledger import Ledger
from tests.faults.programme.servers import ForkedServer, Zygote


@dataclass(slots=True)
class Outcome:
    """How often a round injected its fault, what was broken by that, and what else it saw, in counts or maxima."""

    count: int = 0
    violations: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    skipped: str = ""

    def collect(self, ledger: Ledger) -> None:
        """Take over the violations that the ledger noted."""
        self.violations += ledger.violations
        ledger.violations = []

    def most(self, name: str, value: float) -> None:
        """Keep the largest of the values under a name; whole numbers only."""
        self.notes[name] = max(self.notes[name], round(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One go at one fault: everything random in it follows from ``seed``."""

    seed: int
    zygote: Zygote
    work: Path
    """An empty folder on a disk, for this round alone."""
    memory: Path
    """The same in memory, or again on the disk where there is no /dev/shm."""
    planted: str = ""
    options: dict[str, str] = field(default_factory=dict)
    budget: int = 0
    """With 0 each fault does what it takes for a round; otherwise at most so many injections."""

    def server(
        self, data_dir: Path, *, database: Path | None = None, options: Mapping[str, str] | None = None
    ) -> ForkedServer:
        """Make a server that is not started yet. In every other round it takes small bodies for long ones."""
        small = {"TUSVIDEO_TEST_SMALL_BODIES": "1"} if self.seed % 2 else {}
        chosen = {**small, **self.options, **(options or {})}
        return ForkedServer(self.zygote, data_dir, database=database, options=chosen, planted=self.planted)

    def count(self, usual: int) -> int:
        """Say how many injections to make."""
        return min(usual, self.budget) if self.budget else usual


Run = Callable[[Round], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind of fault: how a round of it runs, what share of the time it needs, and why it cannot run here."""

    name: str
    title: str
    run: Run
    share: float
    unit: str
    wanted: int
    """So many injections are asked for before a release; a fault that has had them gets less of the time."""
    why_not: Callable[[], str | None] = lambda: None


PREFIX: Final = "tusvideo-faults-"


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """Give an empty folder that is removed afterwards."""
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
