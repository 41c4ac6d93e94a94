"""``make faults MINUTES=30``: break everything around the server, and see that it keeps its promise.

Runs rounds of faults until the time is over, those first that have had the least of their share. Counts accumulate in
.faults.jsonl by commit, so that a long programme can be run in pieces; --table shows them. Exit code 1: a promise was
broken; the seed is told.
"""

import argparse
import asyncio
import atexit
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.programme import mounts, results
from tests.faults.programme.catalogue import FAULTS
from tests.faults.programme.results import say
from tests.faults.programme.rounds import PREFIX, Fault, Outcome, Round, fresh
from tests.faults.programme.servers import Zygote

ROUND_SECONDS = 240
MEMORY = Path("/dev/shm")  # where it exists it is memory
SHOWN = 12
SATISFIED = 0.2
"""A fault that has had what is wanted gets so much of its share."""


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.programme", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long, about (default: 30)")
    parser.add_argument("--only", default="", help="names of faults, with commas (default: all)")
    parser.add_argument("--seed", type=int, help="seed of the first round (default: the time)")
    parser.add_argument("--rounds", type=int, help="stop after so many rounds")
    parser.add_argument("--table", action="store_true", help="only show what was counted for this commit")
    parser.add_argument("--clean", action="store_true", help="only unmount what a killed programme left")
    given = parser.parse_args()
    if given.clean:
        clean()
        return 0
    if given.table:
        show(FAULTS, skipped={})
        return 0
    names = {fault.name for fault in FAULTS}
    only = {name for name in given.only.split(",") if name} or names
    if only - names:
        parser.error(f"there is no fault {', '.join(sorted(only - names))}; there are {', '.join(sorted(names))}")
    seed = int(time.time()) if given.seed is None else given.seed
    if mounts.why_not() is None:
        with contextlib.suppress(
            PermissionError
        ):  # then nothing can be mounted either, and the rounds that mount tell it
            mounts.alone()
    chosen = [fault for fault in FAULTS if fault.name in only]
    atexit.register(clean)
    if os.environ.get("LD_PRELOAD"):
        say("LD_PRELOAD is set: a library that swallows syncs would make this worthless")
        return 1
    try:
        return asyncio.run(run(chosen, minutes=given.minutes, seed=seed, rounds=given.rounds))
    except asyncio.CancelledError:
        say("stopped in the middle of a round, which does not count")
        return 1


def clean() -> None:
    """Remove what programmes of this name left behind, mounts and loop devices included; those that run are spared."""
    for place in {MEMORY, Path(tempfile.gettempdir())}:
        for folder in place.glob(f"{PREFIX}*"):
            owner = folder.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdecimal() and int(owner) != os.getpid() and Path(f"/proc/{owner}").exists():
                continue
            for done in mounts.clean(folder):
                say(f"cleaned up: {done}")
            shutil.rmtree(folder, ignore_errors=True)


async def run(faults: Sequence[Fault], *, minutes: float, seed: int, rounds: int | None) -> int:
    """Run rounds until the time is over; give the exit code."""
    skipped = {fault.name: why for fault in faults if (why := fault.why_not()) is not None}
    for name, why in skipped.items():
        say(f"SKIPPED {name}: {why}")
    going = [fault for fault in faults if fault.name not in skipped]
    if not going:
        return 0
    stop = _asked_to_stop()
    spent: Counter[str] = Counter()
    until, done, broken = time.monotonic() + minutes * 60, 0, 0
    with Zygote() as zygote:
        while time.monotonic() < until and done != rounds and not stop.is_set():
            fault = _next(going, spent, results.counts(results.records()))
            number = seed + done
            begun = time.monotonic()
            outcome = await one_round(fault, zygote=zygote, seed=number)
            if stop.is_set():
                break  # what came of a round that was broken off says nothing
            seconds = time.monotonic() - begun
            spent[fault.name] += round(seconds * 1000)
            results.append(fault, outcome, seed=number, seconds=seconds)
            done += 1
            say(f"{fault.name:<4} seed {number}: {outcome.count} {fault.unit} in {seconds:.1f} s  {_notes(outcome)}")
            if outcome.violations:
                broken += 1
                _tell(fault, outcome, seed=number)
    show(faults, skipped=skipped)
    say(f"here: {done} rounds, {broken} with a broken promise")
    return 1 if broken else 0


def _asked_to_stop() -> asyncio.Event:
    """Give an event that SIGINT and SIGTERM set; they also break off the round. One that waits for a server to end may
    take that for its own time-out and go on, so the event tells it, too."""
    stop, loop, programme = asyncio.Event(), asyncio.get_running_loop(), asyncio.current_task()
    assert programme is not None

    def ask() -> None:
        stop.set()
        programme.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    return stop


def show(faults: Sequence[Fault], *, skipped: Mapping[str, str]) -> None:
    """Write the table."""
    say("")
    for line in results.table(faults, skipped=skipped):
        say(line)


async def one_round(
    fault: Fault,
    *,
    zygote: Zygote,
    seed: int,
    planted: str = "",
    options: dict[str, str] | None = None,
    budget: int = 0,
) -> Outcome:
    """Run one round in folders of its own."""
    name = f"{PREFIX}{os.getpid()}-{fault.name}-{seed}"
    memory = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
    with fresh(Path(tempfile.gettempdir()) / f"{name}-disk") as work, fresh(memory / name) as fast:
        round_ = Round(
            seed=seed, zygote=zygote, work=work, memory=fast, planted=planted, options=options or {}, budget=budget
        )
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                outcome = await fault.run(round_)
        except Exception as error:  # noqa: BLE001  # a harness that fails must be seen, and the others go on
            where = "".join(traceback.format_tb(error.__traceback__)[-3:])
            outcome = Outcome(violations=[f"{error!r}\n{where}"])
        if outcome.violations and not planted:
            _keep(fast, work, name=name)
        return outcome


def _keep(*folders: Path, name: str) -> None:
    """Keep the logs of a round that broke a promise."""
    kept = Path(tempfile.gettempdir()) / f"kept-{name}"
    kept.mkdir(exist_ok=True)
    for folder in folders:
        for log in folder.rglob("*.log"):
            with contextlib.suppress(OSError):
                shutil.copy(log, kept)


def _next(going: Sequence[Fault], spent: Counter[str], counts: Counter[str]) -> Fault:
    """Choose the fault that has had the least of its share."""

    def had(fault: Fault) -> float:
        return spent[fault.name] / (fault.share * (SATISFIED if counts[fault.name] >= fault.wanted else 1))

    return min(going, key=had)


def _notes(outcome: Outcome) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(outcome.notes.items()) if value)


def _tell(fault: Fault, outcome: Outcome, *, seed: int) -> None:
    say(f"BROKEN PROMISE: {fault.name} ({fault.title}), seed {seed}")
    for sentence in outcome.violations[:SHOWN]:
        say(f"  {sentence}")
    if len(outcome.violations) > SHOWN:
        say(f"  and {len(outcome.violations) - SHOWN} more")
    say(f"  again: python -m tests.faults.programme --only {fault.name} --seed {seed} --rounds 1")


if __name__ == "__main__":
    sys.exit(main())
