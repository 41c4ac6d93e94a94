"""Builds the disks that a recording allows, recovers each, and judges it. A process of its own: it runs the server's
recovery, and a planted bug may be in that. Reads a pickle that was written a moment before; writes JSON."""

import asyncio
import copy
import json
import os
import pickle
import random
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.faults.programme import oracle
from tests.faults.programme.ledger import Ending, Ledger
from tests.faults.programme.persistence import Op, build, certain, safe_times, subsets, write_tree
from tests.faults.programme.record import Heard, Recording
from tests.faults.selftest import planted
from tusvideo.config import load_config
from tusvideo.errors import TusvideoError
from tusvideo.wiring import opened

MOST_WRONG: Final = 20
EVERY: Final = 4
"""In one state of so many a second recovery must find nothing to do."""
TABLE: Final = "table/sessions.db"


@dataclass(frozen=True, slots=True)
class State:
    """A disk after a power loss: the moment, what is kept, and the write that is spoiled."""

    when: int
    kept: frozenset[int]
    spoiled: int | None


def states(ops: list[Op], heard: Iterable[Heard], *, chance: random.Random, most: int) -> list[State]:
    """Choose states, each with the latest moment that allows it: then most had been told."""
    found: dict[tuple[frozenset[int], int | None], State] = {}
    safe = safe_times(ops)
    for when in sorted({op.ended for op in ops} | {told.when for told in heard}):
        sure, maybe = certain(ops, safe, when)
        for subset in subsets(maybe, chance):
            kept = frozenset(sure) | subset
            found[kept, None] = State(when, kept, None)
            writes = [number for number in subset if ops[number].what == "data"]
            if writes:
                spoiled = chance.choice(writes)
                found[kept, spoiled] = State(when, kept, spoiled)
    every = list(found.values())
    return every if len(every) <= most else chance.sample(every, most)


def expected(recording: Recording, when: int) -> Ledger:
    """Tell what clients knew at a moment."""
    ledger = Ledger(0)
    ledger.entries = [copy.copy(entry) for entry in recording.entries]
    for entry in ledger.entries:
        entry.path, entry.told, entry.parts, entry.url, entry.ending = "", 0, set(), "", Ending.NONE
    for told in recording.heard:
        if told.when > when:
            continue
        entry = ledger.entries[told.entry]
        match told.what:
            case "made":
                entry.path = str(told.value)
            case "offset":
                entry.told = max(entry.told, int(told.value))
            case "part":
                entry.parts.add(int(told.value))
            case "url":
                entry.url, entry.told = str(told.value), entry.length
            case "ask":
                entry.ending = Ending.ASKED
            case _:
                entry.ending = Ending.GONE
    return ledger


async def judge(recording: Recording, state: State, *, root: Path, seed: int, least: bool) -> list[str]:
    """Recover a state, now and then twice, and tell what is wrong with it."""
    tree = build(recording.base, recording.ops, state.kept, spoiled=state.spoiled, chance=random.Random(seed))
    root.mkdir()
    try:
        write_tree(tree, root)
        (root / "table").mkdir(exist_ok=True)
        variables = {
            "TUSVIDEO_STORAGE_DATA_DIR": str(root / "data"),
            "TUSVIDEO_STORAGE_DATABASE": str(root / TABLE),
            **{name: value for name, value in os.environ.items() if name == "TUSVIDEO_STORAGE_DURABILITY"},
        }
        config = load_config(environ=variables)
        try:
            async with opened(config) as server:
                await server.recovery.run()
            again = {"checked": 0}
            if not seed % EVERY:
                async with opened(config) as server:
                    again = asdict(await server.recovery.run())
        except TusvideoError as error:
            return [f"recovery failed: {error!r} {error.__cause__!r}"]
        del again["checked"]
        wrong = [f"a second recovery still did something: {again}"] if any(again.values()) else []
        ledger = expected(recording, state.when)
        if not least:
            ledger.forgive()
        return wrong + oracle.check(ledger, data_dir=root / "data", database=root / TABLE, least=least)
    finally:
        shutil.rmtree(root)


def main() -> None:
    """Judge the states of one recording: arguments are the pickle, a folder, a seed, a number of states, which half."""
    file, folder, seed, most, share = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6])
    planted.apply(os.environ)
    recording: Recording = pickle.loads(file.read_bytes())  # noqa: S301  # written by the process that started this one
    least = os.environ.get("TUSVIDEO_STORAGE_DURABILITY") != "relaxed"
    chosen = states(list(recording.ops), recording.heard, chance=random.Random(seed), most=most)
    wrong, count = list[str](), 0
    with asyncio.Runner() as runner:
        for number, state in enumerate(chosen):
            if number % 2 != share:
                continue
            count += 1
            root = folder / f"state-{share}"
            found = runner.run(judge(recording, state, root=root, seed=seed + number, least=least))
            told = f"state {number} (power lost at {state.when}, {len(state.kept)} changes kept)"
            wrong += [f"{told}: {sentence}" for sentence in found]
            if len(wrong) >= MOST_WRONG:
                break
    json.dump({"count": count, "wrong": wrong, "possible": len(chosen)}, sys.stdout)


if __name__ == "__main__":
    main()
