"""F2: power loss under mixed load, with the data on one file system and the session table on another.

The disks die with the machine, or one of them first and the server goes on for a moment. What no server can be held to
is a sync that is under way while its file system is shut down: ext4 then says that it worked when it did not (the
extents stay unwritten, and the transaction that it waits for is an older one). Real power does not go in the middle of
a call that then returns. So the server stands still at the moment of each cut: with calls under way when no more of it
will be seen, without any when it goes on. A server that goes on may also die of it: SQLite maps a file of its log into
memory, and a page of that which is not there and cannot be read any more is a SIGBUS.
"""

import asyncio
import random
import signal

from tests.faults.programme import load
from tests.faults.programme.kills import finish, look
from tests.faults.programme.ledger import Ledger
from tests.faults.programme.mounts import Disk
from tests.faults.programme.rounds import Outcome, Round
from tests.faults.programme.servers import ForkedServer

CUTS = 12
WITHIN_SECONDS = 0.3
BETWEEN_SECONDS = 0.05
PER_LIFE = 10
KINDS = (("ext4", "ext4"), ("xfs", "xfs"), ("ext4", "xfs"), ("xfs", "ext4"))


async def strict(round_: Round) -> Outcome:
    """Cut the power again and again; everything that was told must be there after each."""
    return await _again_and_again(round_, is_strict=True)


async def relaxed(round_: Round) -> Outcome:
    """The same in ``relaxed``, the machine having booted in between: fewer bytes may count, wrong ones never."""
    return await _again_and_again(round_, is_strict=False)


async def _again_and_again(round_: Round, *, is_strict: bool) -> Outcome:
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    data_kind, table_kind = chance.choice(KINDS)
    outcome.notes[f"{data_kind}+{table_kind}"] += 1
    with Disk(round_.memory / "d", kind=data_kind) as data, Disk(round_.memory / "t", kind=table_kind) as table:
        boot = round_.memory / "boot_id"
        server = round_.server(data.place / "data", database=table.place / "sessions.db")
        server.log = round_.memory / "server.log"
        if not is_strict:
            server.options |= {"TUSVIDEO_STORAGE_DURABILITY": "relaxed", "TUSVIDEO_TEST_BOOT_ID": str(boot)}
        try:
            for life in range(round_.count(CUTS)):
                boot.write_text(f"boot-{life}")
                await server.start()
                outcome.most("ready_ms", server.ready_seconds * 1000)
                await look(server, ledger, outcome, least=is_strict)
                if outcome.violations:
                    return outcome
                disks = [data, table] if chance.random() < 0.5 else [table, data]
                code = await _one_life(server, ledger, disks=disks, chance=chance, most=(life + 1) * PER_LIFE)
                outcome.count += 1
                if code == -signal.SIGBUS:
                    outcome.notes["ended when the disk of its table was gone"] += 1
                elif code != -signal.SIGKILL:
                    outcome.violations.append(f"the server ended by itself, with exit code {code}")
                if not is_strict:
                    ledger.forgive()
            boot.write_text("last")
            await server.start()
            await look(server, ledger, outcome, least=is_strict)
            await finish(server, ledger, outcome)
        finally:
            if server.pid:
                await server.kill()
    return outcome


async def _one_life(
    server: ForkedServer, ledger: Ledger, *, disks: list[Disk], chance: random.Random, most: int
) -> int:
    """Give the exit code of the server, which was killed unless it ended before."""
    stop = asyncio.Event()
    driving = asyncio.create_task(load.drive(server.port, ledger, stop=stop, most=most))
    await asyncio.sleep(chance.random() * WITHIN_SECONDS)
    between = chance.choice((0, chance.random() * BETWEEN_SECONDS))
    if chance.random() < 0.5:
        await server.freeze(quiet=False)
        disks[0].cut()
        await asyncio.sleep(between)
    else:
        await server.freeze(quiet=True)
        disks[0].cut()
        server.thaw()
        await asyncio.sleep(between)
        await server.freeze(quiet=False)
    disks[1].cut()
    stop.set()
    code = await server.kill()
    await driving
    for disk in disks:
        disk.unmount()
        disk.mount()
    return code
