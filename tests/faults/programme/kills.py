"""F1: kill -9 at a random moment under mixed load. F16: SIGTERM there, which must be quick and lose nothing."""

import asyncio
import random
import time

from tests.faults.programme import load, oracle
from tests.faults.programme.client import LOST
from tests.faults.programme.ledger import Ledger
from tests.faults.programme.rounds import Outcome, Round
from tests.faults.programme.servers import ForkedServer

KILLS = 8
WITHIN_SECONDS = 0.4
READY_SECONDS = 2.0
STOP_SECONDS = 2.0
PER_LIFE = 12
"""New uploads that a life may add."""


async def kill(round_: Round) -> Outcome:
    """Kill a loaded server again and again on one data directory, look after each start, finish all in the end."""
    return await _again_and_again(round_, gently=False)


async def stop(round_: Round) -> Outcome:
    """The same with SIGTERM."""
    return await _again_and_again(round_, gently=True)


async def _again_and_again(round_: Round, *, gently: bool) -> Outcome:
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    place = (round_.work if chance.random() < 0.5 else round_.memory) / "data"
    async with round_.server(place) as server:
        for life in range(1, round_.count(KILLS) + 1):
            after = chance.random() * WITHIN_SECONDS
            await _one_life(server, ledger, outcome, after=after, most=life * PER_LIFE, gently=gently)
            outcome.count += 1
            await server.start()
            outcome.most("ready_ms", server.ready_seconds * 1000)
            await look(server, ledger, outcome)
            if outcome.violations:
                return outcome
        await finish(server, ledger, outcome)
    return outcome


async def _one_life(
    server: ForkedServer, ledger: Ledger, outcome: Outcome, *, after: float, most: int, gently: bool
) -> None:
    stop = asyncio.Event()
    driving = asyncio.create_task(load.drive(server.port, ledger, stop=stop, most=most))
    await asyncio.sleep(after)
    begun = time.monotonic()
    if gently:
        code = await server.stop()
        seconds = time.monotonic() - begun
        outcome.most("stop_ms", seconds * 1000)
        if code != 0 or seconds > STOP_SECONDS:
            ledger.wrong(f"SIGTERM: exit code {code} after {seconds:.1f} s")
    else:
        await server.kill()
    stop.set()
    await driving


async def ask(server: ForkedServer, ledger: Ledger, outcome: Outcome) -> None:
    """Hold a server to what was told, over HTTP."""
    try:
        await load.look_at_all(server.port, ledger)
    except LOST as error:
        ledger.wrong(f"the server does not answer: {error!r}")
    outcome.collect(ledger)


async def look(
    server: ForkedServer, ledger: Ledger, outcome: Outcome, *, least: bool = True, may_wait: bool = False
) -> None:
    """Hold a server that has just recovered, or is idle, to what was told, over HTTP and on disk."""
    await ask(server, ledger, outcome)
    outcome.violations += oracle.check(
        ledger, data_dir=server.data_dir, database=server.database, least=least, may_wait=may_wait
    )


async def finish(server: ForkedServer, ledger: Ledger, outcome: Outcome, *, log_must_be_clean: bool = True) -> None:
    """Finish every upload, and look at every byte."""
    try:
        await load.finish_all(server.port, ledger)
    except LOST as error:
        ledger.wrong(f"while uploads were finished the server did not answer: {error!r}")
    outcome.collect(ledger)
    outcome.violations += oracle.check(ledger, data_dir=server.data_dir, database=server.database)
    unfinished = [entry for entry in ledger.entries if not entry.is_over]
    outcome.violations += [f"{entry}: not finished" for entry in unfinished]
    if log_must_be_clean and b"Traceback" in server.log.read_bytes():
        outcome.violations.append(f"the log tells of an error nobody expected: {server.log}")
    outcome.notes["uploads"] += len(ledger.entries)
