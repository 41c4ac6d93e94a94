"""F9: a session table that another process holds, and one that was damaged on disk."""

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.faults.programme import content, load
from tests.faults.programme.client import LOST
from tests.faults.programme.kills import finish, look
from tests.faults.programme.ledger import Ledger
from tests.faults.programme.oracle import read_rows
from tests.faults.programme.rounds import Outcome, Round
from tests.faults.programme.servers import ForkedServer, StartError

HOLD_SECONDS = (0.2, 0.5, 0.5, 6.0)
LOAD_SECONDS = 0.4
FLIPS = (1, 4, 64)


async def busy(round_: Round) -> Outcome:
    """Another process holds the table for a while; the server waits or says 503, and loses nothing."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data") as server:
        stop = asyncio.Event()
        driving = asyncio.create_task(load.drive(server.port, ledger, stop=stop, most=60))
        await asyncio.sleep(LOAD_SECONDS * chance.random())
        with closing(sqlite3.connect(server.database, isolation_level=None, timeout=10)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(chance.choice(HOLD_SECONDS))
            holder.execute("ROLLBACK")
        outcome.count += 1
        await asyncio.sleep(LOAD_SECONDS * chance.random())
        stop.set()
        await driving
        outcome.notes["503"] += ledger.statuses[503]
        await server.kill()
        await server.start()
        await look(server, ledger, outcome)
        await finish(server, ledger, outcome)
    return outcome


async def damaged(round_: Round) -> Outcome:
    """Flip bits in the table or its log: the server refuses or goes on; it publishes no wrong byte, deletes nothing."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    server = round_.server(round_.memory / "data")
    async with server:
        stop = asyncio.Event()
        driving = asyncio.create_task(load.drive(server.port, ledger, stop=stop, most=30))
        await asyncio.sleep(LOAD_SECONDS)
        stop.set()
        await driving
        await server.stop() if chance.random() < 0.5 else await server.kill()
        before = _contents(server.data_dir)
        outcome.count += 1
        outcome.notes[_flip(server.database, chance)] += 1
        try:
            await server.start()
        except StartError:
            outcome.notes["refused"] += 1
        else:
            await _go_on(server, ledger, outcome)
        after = _contents(server.data_dir)
    outcome.violations += _compare(before, after, ledger)
    return outcome


def _flip(database: Path, chance: random.Random) -> str:
    files = [path for path in (database, database.with_name(f"{database.name}-wal")) if path.exists()]
    path = chance.choice([file for file in files if file.stat().st_size])
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice(FLIPS)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return path.suffix


async def _go_on(server: ForkedServer, ledger: Ledger, outcome: Outcome) -> None:
    """Clients go on as well as they can; what they meet is the damage, save a wrong byte that was published."""
    try:
        await load.finish_all(server.port, ledger)
    except LOST:
        outcome.notes["ended"] += 1
    outcome.notes["went on"] += 1
    outcome.notes["noticed by clients"] += bool(ledger.violations)
    ledger.violations = []
    try:
        _, verdict = read_rows(server.database)
    except (sqlite3.DatabaseError, KeyError):
        verdict = "unreadable"
    outcome.notes["went on with a table that integrity_check refuses"] += verdict != "ok"


def _contents(data_dir: Path) -> dict[str, tuple[int, bytes]]:
    """Read every file of an upload, by path below the data directory: its inode, and its bytes."""
    found = {}
    for path in sorted(path for path in data_dir.rglob("*") if path.is_file() and "tusvideo.db" not in path.name):
        found[str(path.relative_to(data_dir))] = (path.stat().st_ino, path.read_bytes())
    return found


def _compare(before: dict[str, tuple[int, bytes]], after: dict[str, tuple[int, bytes]], ledger: Ledger) -> list[str]:
    expected = {entry.seed: entry for entry in ledger.entries}
    wrong = []
    for name, (_, data) in after.items():
        whose = content.whose(data) if name.startswith("uploads/") else None
        entry = None if whose is None else expected.get(whose[0])
        if entry is not None and entry.data != data:
            wrong.append(
                f"{entry}: published as {name}, first difference at {content.first_difference(data, entry.data)}"
            )
    inodes = {inode for inode, _ in after.values()}
    asked = {entry.seed for entry in ledger.entries if entry.ending.value != "none"}
    for name, (inode, data) in before.items():
        whose = content.whose(data)
        if whose is not None and whose[0] not in asked and inode not in inodes:
            wrong.append(f"{name} ({len(data)} bytes, {expected[whose[0]]}): deleted")
    return wrong
