"""F15: the wall clock jumps while uploads are open. The server is a process of its own, under libfaketime."""

import asyncio
import random
import time
from collections import Counter
from functools import cache
from pathlib import Path

from tests.e2e.tus import TUS
from tests.faults.processes import ServerProcess
from tests.faults.programme import load, oracle, story
from tests.faults.programme.client import Client
from tests.faults.programme.ledger import Kind, Ledger
from tests.faults.programme.rounds import Outcome, Round

JUMPS = ("+1h", "-1h", "+1d", "-1d", "+366d", "-366d", "+8d")
JUMPS_A_ROUND = 6
EXPIRY_SECONDS = 8
"""Less than any jump, and more than a turn takes."""
SWEEPS_SECONDS = 0.5
SWEEP_EVERY = "0.1"
GONE_SECONDS = 3 * EXPIRY_SECONDS


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
    """Let the clock jump and come back, or stay; the sweeper, which runs all the time, removes no upload for that.

    An upload that nobody touches comes first, and must go in its time: a sweeper that removes nothing proves nothing.
    """
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    data, clock = round_.memory / "data", round_.memory / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # or each wait for a lock that may time out takes a tenth of a second
        "TUSVIDEO_STORAGE_SWEEP_SECONDS": SWEEP_EVERY,
        "TUSVIDEO_LIMITS_EXPIRY_SECONDS": str(EXPIRY_SECONDS),
        "TUSVIDEO_LIMITS_MIN_FREE_BYTES": "0",
        **round_.options,
    }
    async with ServerProcess(data, environment=environment) as server:
        await _wait_for_an_expiry(server, chance, outcome)
        for _ in range(round_.count(JUMPS_A_ROUND)):
            begun = time.monotonic()
            await _one_jump(server, ledger, clock=clock, chance=chance, notes=outcome.notes)
            if time.monotonic() - begun > EXPIRY_SECONDS:
                # Uploads may have been left alone for so long that they had to go; nothing is held against that.
                outcome.notes["too slow to tell"] += 1
                return outcome
            outcome.count += 1
            outcome.collect(ledger)
            if outcome.violations:
                return outcome
        outcome.violations += oracle.check(ledger, data_dir=data, database=data / "tusvideo.db")
    return outcome


async def _wait_for_an_expiry(server: ServerProcess, chance: random.Random, outcome: Outcome) -> None:
    """See that the sweeper is at work: an upload that is given up is gone after its time, and not before."""
    client = Client(server.port, Ledger(0), chance=chance)
    entry = client.ledger.new(Kind.TUS, length=50_000)
    await client.create(entry)
    begun = time.monotonic()
    while (seconds := time.monotonic() - begun) < GONE_SECONDS:
        answer, _ = await client.ask(f"HEAD {entry.path} HTTP/1.1", TUS)
        if answer.status == 410:
            if seconds < EXPIRY_SECONDS:
                outcome.violations.append(f"an upload expired after {seconds:.1f} of {EXPIRY_SECONDS} s")
            return
        await asyncio.sleep(SWEEPS_SECONDS)
    outcome.violations.append(f"an upload that nobody touched was still there after {GONE_SECONDS} s")


async def _one_jump(
    server: ServerProcess, ledger: Ledger, *, clock: Path, chance: random.Random, notes: Counter[str]
) -> None:
    """Begin uploads, let the clock jump, begin one more, look, let it come back or not, look again, finish all."""
    by, is_told_at_start, comes_back = chance.choice(JUMPS), chance.random() < 0.2, chance.random() < 0.7
    notes[by] += 1
    notes["with a restart"] += is_told_at_start
    client = Client(server.port, ledger, chance=chance)
    await story.tell(server.port, ledger, chance=chance)
    await _begin(client)
    clock.write_text(by)
    if is_told_at_start:
        await server.kill()
        await server.start()
    await asyncio.sleep(SWEEPS_SECONDS)
    await load.look_at_all(server.port, ledger)
    await _begin(client)
    await asyncio.sleep(SWEEPS_SECONDS / 2)
    if comes_back:
        clock.write_text("+0")
        await asyncio.sleep(SWEEPS_SECONDS)
    await load.look_at_all(server.port, ledger)
    await load.finish_all(server.port, ledger)
    clock.write_text("+0")
    ledger.violations = [f"clock {by}: {each}" for each in ledger.violations]


async def _begin(client: Client) -> None:
    entry = client.ledger.new(Kind.TUS, length=50_000)
    await client.create(entry)
    await client.append(entry, at=0, size=30_000)
