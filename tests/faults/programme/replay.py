"""F4: every disk that the calls of a recorded server allow after a power loss, recovered and judged."""

import asyncio
import json
import os
import pickle
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

from tests.faults.programme import load
from tests.faults.programme.client import LOST
from tests.faults.programme.ledger import Ledger
from tests.faults.programme.persistence import Tree, build, read_tree
from tests.faults.programme.record import IGNORED, Recorder, Recording, recording
from tests.faults.programme.rounds import Outcome, Round
from tests.faults.programme.servers import ROOT

SIZES = (5_000, 5_000, 40_000, 130_000)
STATES = 400
SECONDS = 1.2
QUIET_SECONDS = 0.1
MOST_ENTRIES = 6
ACTORS = 3
GENTLE = 0.5
"""So many of the second recordings end with SIGTERM."""
RECORDINGS = 2
PART_OF_TWO = (0, 1)


async def strict(round_: Round) -> Outcome:
    """Everything that was told must be there, whatever the disk kept."""
    return await _replay(round_)


async def relaxed(round_: Round) -> Outcome:
    """The same in ``relaxed``, in a later boot: fewer bytes of unfinished uploads may count, wrong ones never."""
    boot = round_.memory / "boot_id"
    boot.write_text("recorded")
    options = {"TUSVIDEO_STORAGE_DURABILITY": "relaxed", "TUSVIDEO_TEST_BOOT_ID": str(boot)}
    return await _replay(replace(round_, options={**round_.options, **options}))


async def _replay(round_: Round) -> Outcome:
    """Record a server from its first start, and one more that recovers what the first left; replay both."""
    outcome, ledger = Outcome(), Ledger(round_.seed, sizes=SIZES)
    root = round_.memory / "recorded"
    (root / "table").mkdir(parents=True)
    for number in range(RECORDINGS):
        base = read_tree(root)
        made = await _record(round_, ledger, root=root, base=base, number=number)
        outcome.collect(ledger)
        if outcome.violations:
            return outcome
        await _judge(round_, made, outcome, seed=round_.seed + number)
        if outcome.violations:
            return outcome
    return outcome


async def _record(round_: Round, ledger: Ledger, *, root: Path, base: Tree, number: int) -> Recording:
    server = round_.server(
        root / "data", database=root / "table/sessions.db", options={"TUSVIDEO_STORAGE_DISK_THREADS": "3"}
    )
    server.log = round_.memory / "recorded.log"
    trace = round_.memory / f"trace-{number}"
    known = [(told.entry, told) for told in ledger.log]
    ledger.log = [told for _, told in known]
    await server.fork(stopped=True)
    async with Recorder(server.pid, path=trace):
        os.kill(server.pid, signal.SIGCONT)
        await server.listening()
        stop = asyncio.Event()
        most = MOST_ENTRIES * (number + 1)
        driving = asyncio.create_task(load.drive(server.port, ledger, stop=stop, actors=ACTORS, most=most))
        await asyncio.sleep(SECONDS * (0.5 + random.Random(round_.seed + number).random()))
        stop.set()
        try:
            await driving
        except* LOST:
            pass
        await asyncio.sleep(QUIET_SECONDS)  # so that no call is under way whose outcome strace would not see
        if random.Random(round_.seed).random() < GENTLE * number:
            await server.stop()  # moves the log into the table, and removes it
        else:
            await server.kill()
    made = recording(trace, root=root, base=base, log=ledger.log, entries=list(ledger.entries))
    _compare(made, root)
    trace.unlink()
    # What was told in this life holds in the next from its first moment on.
    ledger.log = [type(told)(0, told.entry, told.what, told.value) for told in ledger.log]
    return made


def _compare(made: Recording, root: Path) -> None:
    """See that the recording is whole: with every change kept it must give what is really there."""
    every = frozenset(number for number, op in enumerate(made.ops) if not op.is_sync)
    told = build(made.base, made.ops, every, spoiled=None, chance=random.Random(0))
    found = read_tree(root)
    ours = {name: told.files.get(number) for name, number in told.names.items()}
    theirs = {name: found.files.get(number) for name, number in found.names.items() if not name.endswith(IGNORED)}
    if ours != theirs:
        differing = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        raise RuntimeError(f"the recording misses changes of {differing}")


async def _judge(round_: Round, made: Recording, outcome: Outcome, *, seed: int) -> None:
    file = round_.memory / "recording"
    file.write_bytes(pickle.dumps(made))
    environment = {**os.environ, **round_.options, "TUSVIDEO_PLANTED_BUG": round_.planted}
    if (boot := environment.get("TUSVIDEO_TEST_BOOT_ID", "")) != "":
        environment["TUSVIDEO_TEST_BOOT_ID"] = f"{boot}-after"
        Path(environment["TUSVIDEO_TEST_BOOT_ID"]).write_text("replayed")
    workers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.programme.replay_worker", str(file), str(round_.memory)),
            *(str(seed), str(round_.count(STATES)), str(part)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=environment,
        )
        for part in PART_OF_TWO
    ]
    for worker in workers:
        told, errors = await worker.communicate()
        if worker.returncode:
            raise RuntimeError(f"a replay ended with exit code {worker.returncode}: {errors.decode()[-2000:]}")
        found = json.loads(told)
        outcome.count += found["count"]
        outcome.violations += found["wrong"]
    outcome.notes["ops"] += len(made.ops)
    outcome.notes["recordings"] += 1
