"""``make bench-client MINUTES=20``: the client and its rivals on links that break, all through the same proxy to the
same server.

Runs until the time is over, those first that are furthest from what is wanted. Runs accumulate in .bench-client.jsonl
by the version of the client, so that a long programme can be run in pieces; --table shows them. Exit code 1: a run of
ours did not end as it must; the seed is told.
"""

import argparse
import asyncio
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.client import records
from tests.bench.client.catalogue import SCENARIOS
from tests.bench.client.contestants import ALL, Contestant
from tests.bench.client.records import say
from tests.bench.client.run import Figures, Scenario, run_once
from tests.faults.programme.servers import Zygote

OURS_WANTED, RIVALS_WANTED = 20, 5


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.client", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=20.0, help="how long, about (default: 20)")
    add("--only", default="", help="names of scenarios, with commas; 12 stands for 12a, 12b and so on (default: all)")
    add("--who", default="", help="names of clients, with commas (default: all)")
    add("--side-by-side", type=int, default=2, help="so many runs at once (default: 2)")
    add("--seed", type=int, help="only this seed")
    add("--rounds", type=int, help="stop after so many runs")
    add("--table", action="store_true", help="only show what was measured so far")
    given = parser.parse_args()
    scenarios = [it for it in SCENARIOS if _is_named(it.name, given.only)]
    contestants = [it for it in ALL if not given.who or it.name in given.who.split(",")]
    if not scenarios or not contestants:
        parser.error(f"there are {', '.join(it.name for it in SCENARIOS)}, and {', '.join(it.name for it in ALL)}")
    skipped = {it.name: why for it in scenarios if (why := it.why_not()) is not None}
    skipped |= {it.name: why for it in contestants if (why := it.why_not()) is not None}
    for name, why in skipped.items():
        say(f"SKIPPED {name}: {why}")
    failed = 0
    if not given.table:
        pairs = [(s, c) for s in scenarios for c in contestants if not {s.name, c.name} & set(skipped) and s.takes(c)]
        programme = Programme(pairs, until=time.monotonic() + given.minutes * 60, seed=given.seed, rounds=given.rounds)
        failed = asyncio.run(programme.run(given.side_by_side))
    say("")
    for line in records.table(scenarios, contestants, skipped=skipped):
        say(line)
    return 1 if failed else 0


def _is_named(name: str, only: str) -> bool:
    return not only or name in only.split(",") or name.rstrip("abcdefgh") in only.split(",")


@dataclass(slots=True)
class Programme:
    """Which runs are still wanted, and what goes on at the moment."""

    pairs: Sequence[tuple[Scenario, Contestant]]
    until: float
    seed: int | None
    rounds: int | None
    failed: int = 0
    begun: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def run(self, side_by_side: int) -> int:
        """Run until the time is over; gives how many runs of ours did not end as they must."""
        for record in records.records(contestant for _, contestant in self.pairs):
            self.begun[record["scenario"], record["who"]] += 1
        alone = asyncio.Lock()
        with Zygote() as zygote:
            async with asyncio.TaskGroup() as group:
                for _ in range(side_by_side):
                    group.create_task(self._work(zygote, alone))
        return self.failed

    async def _work(self, zygote: Zygote, alone: asyncio.Lock) -> None:
        while time.monotonic() < self.until and self.rounds != 0 and (pair := self._next()) is not None:
            scenario, contestant = pair
            seed = self.begun[scenario.name, contestant.name] + 1 if self.seed is None else self.seed
            self.begun[scenario.name, contestant.name] += 1
            self.rounds = None if self.rounds is None else self.rounds - 1
            if scenario.direct:
                async with alone:
                    figures = await _careful(scenario, contestant, seed=seed, zygote=zygote)
            else:
                figures = await _careful(scenario, contestant, seed=seed, zygote=zygote)
            if figures is None:
                self.failed += 1
                continue
            records.append(scenario, contestant, figures, seed=seed)
            self.failed += not figures.whole and contestant.is_ours
            say(f"{scenario.name:<4} {contestant.name:<10} seed {seed}: {_told(figures)}")

    def _next(self) -> tuple[Scenario, Contestant] | None:
        """Choose what is furthest from what is wanted; when all is there, what has the fewest runs."""
        if not self.pairs:
            return None

        def had(pair: tuple[Scenario, Contestant]) -> float:
            scenario, contestant = pair
            wanted = scenario.share * (OURS_WANTED if contestant.is_ours else RIVALS_WANTED)
            return self.begun[scenario.name, contestant.name] / wanted

        return min(self.pairs, key=had)


async def _careful(scenario: Scenario, contestant: Contestant, *, seed: int, zygote: Zygote) -> Figures | None:
    try:
        return await run_once(scenario, contestant, seed=seed, zygote=zygote)
    except Exception:  # noqa: BLE001  # a harness that fails must be seen, and the others go on
        say(f"THE HARNESS FAILED: {scenario.name} {contestant.name} seed {seed}\n{traceback.format_exc(limit=-4)}")
        return None


def _told(figures: Figures) -> str:
    names = {"W": figures.resent, "O": figures.overhead}
    shares = [f"{name} {100 * value:.1f} %" for name, value in names.items() if value is not None]
    times = {"D": figures.detected, "R": figures.resumed}
    seconds = [f"{name} {value:.1f} s" for name, value in times.items() if value is not None]
    words = [*shares, *seconds, f"{figures.wall:.1f} s", f"CPU {figures.cpu:.2f} s", f"{figures.requests} requests"]
    return (
        ("whole" if figures.whole else "NOT WHOLE")
        + ", "
        + ", ".join([*words, figures.note] if figures.note else words)
    )


if __name__ == "__main__":
    sys.exit(main())
