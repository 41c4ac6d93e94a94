"""``python -m tests.faults.selftest``: plant each bug, and see that the fault programme catches it.

A harness that has never failed shows nothing. Exit code 1: a bug was caught by no fault within the rounds it was given.
"""

import argparse
import asyncio
import atexit
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.programme.__main__ import clean, one_round
from tests.faults.programme.catalogue import FAULTS
from tests.faults.programme.results import say
from tests.faults.programme.rounds import Fault
from tests.faults.programme.servers import Zygote
from tests.faults.selftest.planted import BUGS

CATCHERS: Final[Mapping[str, Sequence[str]]] = {
    "no fdatasync": ("F4", "F2"),
    "synchronous NORMAL": ("F4", "F2"),
    "no directory sync": ("F4", "F2"),
    "answer before commit": ("F4", "F1"),
    "publish before fsync": ("F4", "F2"),
    "offset from file size": ("F4",),
    "no fence": ("F14",),
    "HEAD shows uncommitted bytes": ("F1", "F4"),
    "relaxed trusts another boot": ("F4r", "F2r"),
}
"""By bug: the faults that must catch it, each by itself; the first is the surest."""
ROUNDS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """How a fault did with a bug: injections and rounds until it was seen, and what was seen; "" for nothing."""

    injections: int
    rounds: int
    seconds: float
    seen: str


async def hunt(bug: str, fault: Fault, *, zygote: Zygote, seed: int, rounds: int = ROUNDS, budget: int = 0) -> Catch:
    """Run rounds of a fault on a server with a bug until a broken promise is seen."""
    injections, begun = 0, time.monotonic()
    for number in range(1, rounds + 1):
        outcome = await one_round(fault, zygote=zygote, seed=seed + number, planted=bug, budget=budget)
        injections += outcome.count
        if outcome.violations:
            seconds = time.monotonic() - begun
            return Catch(injections=injections, rounds=number, seconds=seconds, seen=outcome.violations[0])
    return Catch(injections=injections, rounds=rounds, seconds=time.monotonic() - begun, seen="")


async def run(bugs: Sequence[str], *, seed: int, thorough: bool) -> int:
    """Hunt every bug; give the exit code."""
    faults = {fault.name: fault for fault in FAULTS}
    missed = []
    with Zygote() as zygote:
        for bug in bugs:
            caught = False
            for name in CATCHERS[bug]:
                if (why := faults[name].why_not()) is not None:
                    say(f"SKIPPED {bug} by {name}: {why}")
                    continue
                catch = await hunt(bug, faults[name], zygote=zygote, seed=seed)
                verdict = "caught" if catch.seen else "NOT CAUGHT"
                say(
                    f"{bug:<30} {name:<4} {verdict} within {catch.injections} {faults[name].unit}"
                    f" ({catch.rounds} rounds, {catch.seconds:.0f} s)  {catch.seen[:150]}"
                )
                caught = caught or bool(catch.seen)
                if caught and not thorough:
                    break
            if not caught:
                missed.append(bug)
    say(f"{len(bugs) - len(missed)} of {len(bugs)} caught" + (f"; missed: {', '.join(missed)}" if missed else ""))
    return 1 if missed else 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.selftest", description=__doc__)
    parser.add_argument("--only", default="", help="names of bugs, with commas (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--thorough", action="store_true", help="every fault that should catch it, not the first")
    given = parser.parse_args()
    bugs = [name for name in given.only.split(",") if name] or list(BUGS)
    atexit.register(clean)
    return asyncio.run(run(bugs, seed=given.seed, thorough=given.thorough))


if __name__ == "__main__":
    sys.exit(main())
