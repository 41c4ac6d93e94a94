"""F6: a full disk for the data, the session table or both. F8: no file descriptors left."""

import asyncio
import contextlib
import random
import resource
from pathlib import Path

from tests.faults.programme import load
from tests.faults.programme.kills import finish, look
from tests.faults.programme.ledger import Ledger
from tests.faults.programme.mounts import Tmpfs
from tests.faults.programme.rounds import Outcome, Round

MIB = 1024 * 1024
ROOM = (2 * MIB, 4 * MIB)
TABLE_ROOM = 1 * MIB
LOAD_SECONDS = 0.6
FILLS = 3
SPARE_DESCRIPTORS = (2, 10, 25)
MANY = 60
AFTER_SECONDS = 1.2
"""asyncio accepts nothing for a second after it ran out of descriptors."""


async def full(round_: Round) -> Outcome:
    """Fill a small disk under load, look, make room, finish everything."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    which = chance.choice(("data", "table", "both"))
    outcome.notes[which] += 1
    small = {"data": chance.choice(ROOM), "table": 256 * MIB} if which == "data" else {}
    small = small or {"data": 256 * MIB if which == "table" else chance.choice(ROOM), "table": TABLE_ROOM}
    with (
        Tmpfs(round_.memory / "d", size=small["data"]) as data,
        Tmpfs(round_.memory / "t", size=small["table"]) as table,
    ):
        server = round_.server(data.place / "data", database=table.place / "sessions.db")
        server.log = round_.memory / "server.log"
        async with server:
            for fill in range(round_.count(FILLS)):
                await _load(server.port, ledger, actors=load.ACTORS, most=40 * (fill + 1))
                outcome.count += 1
                if chance.random() < 0.5:
                    await look(server, ledger, outcome, may_wait=True)
                if chance.random() < 0.5 and not outcome.violations:
                    await server.kill()
                    data.resize(256 * MIB)  # a restart on a full disk may refuse; what counts is that nothing is lost
                    table.resize(256 * MIB)
                    await server.start()
                    await look(server, ledger, outcome)
                if outcome.violations:
                    return outcome
            data.resize(256 * MIB)
            table.resize(256 * MIB)
            outcome.notes["507"] += ledger.statuses[507]
            outcome.notes["500"] += ledger.statuses[500]
            await finish(server, ledger, outcome)
    return outcome


async def no_descriptors(round_: Round) -> Outcome:
    """Leave the server hardly any descriptors while many clients come; afterwards it is as before."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data") as server:
        await _load(server.port, ledger, actors=4, most=8)
        base = _descriptors(server.pid)
        limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (base + chance.choice(SPARE_DESCRIPTORS), limits[1]))
        stop = asyncio.Event()
        driving = asyncio.create_task(load.drive(server.port, ledger, stop=stop, actors=MANY, most=60))
        await asyncio.sleep(LOAD_SECONDS)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
        stop.set()
        await driving
        outcome.count += 1
        await asyncio.sleep(AFTER_SECONDS)
        await finish(server, ledger, outcome, log_must_be_clean=False)
        outcome.most("descriptors_more", _descriptors(server.pid) - base)
        if _descriptors(server.pid) > base + 4:
            outcome.violations.append(f"{_descriptors(server.pid)} descriptors are open, before it were {base}")
        await server.kill()
        await server.start()
        await look(server, ledger, outcome)
    return outcome


async def _load(port: int, ledger: Ledger, *, actors: int, most: int) -> None:
    stop = asyncio.Event()
    driving = asyncio.create_task(load.drive(port, ledger, stop=stop, actors=actors, most=most))
    await asyncio.sleep(LOAD_SECONDS)
    stop.set()
    await driving


def _descriptors(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0
