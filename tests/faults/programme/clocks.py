"""F15: the wall clock jumps while uploads are open. The server is a process of its own, under libfaketime."""

import asyncio
import random
from functools import cache
from pathlib import Path

from tests.faults.processes import ServerProcess
from tests.faults.programme import load, oracle, story
from tests.faults.programme.client import Client
from tests.faults.programme.ledger import Kind, Ledger
from tests.faults.programme.rounds import Outcome, Round

JUMPS = ("+1h", "-1h", "+1d", "-1d", "+366d", "-366d", "+8d")
SWEEPS_SECONDS = 0.5
SWEEP_EVERY = "0.1"


@cache
def _library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def why_not() -> str | None:
    """Tell why clocks cannot be set here; None when they can."""
    return (
        None
        if _library() is not None
        else "libfaketime is not installed; on Debian and Ubuntu: apt-get install faketime"
    )


async def jump(round_: Round) -> Outcome:
    """Let the clock jump and come back; the sweeper, which runs all the time, removes no upload for that."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    data, clock = round_.memory / "data", round_.memory / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TUSVIDEO_STORAGE_SWEEP_SECONDS": SWEEP_EVERY,
        "TUSVIDEO_LIMITS_MIN_FREE_BYTES": "0",
        **round_.options,
    }
    async with ServerProcess(data, environment=environment) as server:
        client = Client(server.port, ledger, chance=chance)
        for _ in range(round_.count(3)):
            await story.tell(server.port, ledger, chance=chance)
            entry = ledger.new(Kind.TUS, length=50_000)
            await client.create(entry)
            await client.append(entry, at=0, size=30_000)
            by = chance.choice(JUMPS)
            clock.write_text(by)
            await asyncio.sleep(SWEEPS_SECONDS)
            clock.write_text("+0")
            outcome.count += 1
            outcome.notes[by] += 1
            await load.look_at_all(server.port, ledger)
            ledger.violations = [f"clock {by}: {each}" for each in ledger.violations]
            outcome.collect(ledger)
            if outcome.violations:
                return outcome
        await load.finish_all(server.port, ledger)
        outcome.collect(ledger)
        outcome.violations += oracle.check(ledger, data_dir=data, database=data / "tusvideo.db")
    return outcome
