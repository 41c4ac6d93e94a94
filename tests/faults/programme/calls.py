"""What strace does to a server. F1b: death in place of the n-th system call; F5: the order of calls; F7: a call that
fails with EIO, once or for good; F10, a slow disk."""

import asyncio
import random
import signal
import statistics
import time
from pathlib import Path

from tests.faults.programme import load, story
from tests.faults.programme.client import Client
from tests.faults.programme.kills import ask, finish, look
from tests.faults.programme.ledger import Kind, Ledger
from tests.faults.programme.rounds import Outcome, Round
from tests.faults.programme.servers import ForkedServer
from tests.faults.programme.tracing import Injection, Tracer
from tests.faults.syscalls import judge, parse

DEATHS = 6
ERRORS = 5
SITES = (
    *(("pwrite64", 25), ("pwrite64", 25), ("fdatasync", 10), ("fdatasync", 10), ("fsync", 6), ("fsync", 6)),
    *(("openat", 12), ("linkat", 2), ("unlink", 3), ("fchmod", 2), ("mkdir", 3), ("ftruncate", 3)),
    *(("copy_file_range", 1), ("sendto", 6), ("recvfrom", 12)),
)
"""Calls, and how often a thread makes them in a story, about."""
FAILING = ("pwrite64", "fdatasync", "fsync", "openat", "linkat", "unlink", "ftruncate", "fchmod", "copy_file_range")
DELAY_MICROSECONDS = (200_000, 600_000)
SLOW_SECONDS = 2.0
HEAD_SECONDS = 0.25
ONE_THREAD = {"TUSVIDEO_STORAGE_DISK_THREADS": "1"}
"""strace counts calls by thread."""
WHOLE_BODIES = {"TUSVIDEO_LIMITS_CHECKPOINT_BYTES": "8388608"}
"""No checkpoint comes in the middle of a body."""


async def kill_at_a_call(round_: Round) -> Outcome:
    """Kill at one call after the other on one data directory; look after each start, finish all in the end."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data", options=ONE_THREAD) as server:
        for _ in range(round_.count(DEATHS)):
            call, most = chance.choice(SITES)
            at = (call, chance.randint(1, most))
            rule = f"{call}:signal=SIGKILL:when={at[1]}"
            async with Injection(server.pid, path=round_.memory / "trace", rule=rule):
                whole = await story.tell(server.port, ledger, chance=chance)
            if whole and server.is_running:
                outcome.notes["survived"] += 1
                continue
            if await server.ended() != -signal.SIGKILL:
                ledger.wrong(f"the server ended by itself at {at}")
            outcome.count += 1
            outcome.notes[call] += 1
            await server.start()
            await look(server, ledger, outcome)
            if outcome.violations:
                return outcome
        await finish(server, ledger, outcome)
    return outcome


async def order_of_calls(round_: Round) -> Outcome:
    """F5: watch the calls of a story, and judge their order before every answer."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data", options=WHOLE_BODIES) as server:
        trace = round_.memory / "trace"
        async with Tracer(server.pid, path=trace):
            await story.tell(server.port, ledger, chance=chance)
        verdict = judge(parse(trace.read_text(errors="replace").splitlines(keepends=True)), data_dir=server.data_dir)
        outcome.count = verdict.stored + verdict.published
        outcome.violations += verdict.wrong
        await finish(server, ledger, outcome)
    return outcome


async def fail_with_eio(round_: Round) -> Outcome:
    """Let a call fail in the middle of a story; afterwards the disk works again and nothing is missing."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data", options=ONE_THREAD) as server:
        for _ in range(round_.count(ERRORS)):
            rule = f"{chance.choice(FAILING)}:error=EIO:when="
            rule += chance.choice((f"{chance.randint(1, 8)}", f"{chance.randint(1, 8)}+", "1+"))
            since = len(ledger.log)
            async with Injection(server.pid, path=round_.memory / "trace", rule=rule):
                await story.tell(server.port, ledger, chance=chance)
            outcome.count += 1
            outcome.notes[rule.partition(":")[0]] += 1
            if rule == "fdatasync:error=EIO:when=1+":
                ledger.violations += [
                    f"no sync worked, and yet: {told}" for told in story.advances(ledger, since=since)
                ]
            if chance.random() < 0.5 and server.is_running:
                await ask(server, ledger, outcome)  # now that the disk works again
            if server.is_running:
                await server.kill()
            else:
                await server.ended()
            await server.start()
            await look(server, ledger, outcome)
            if outcome.violations:
                outcome.violations = [f"{rule}: {each}" for each in outcome.violations]
                return outcome
        await finish(server, ledger, outcome)
    return outcome


async def slow_disk(round_: Round) -> Outcome:
    """Make every sync slow; questions are answered all the same, and nothing is lost when the server dies then."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data") as server:
        client = Client(server.port, ledger, chance=chance)
        asked = ledger.new(Kind.TUS, length=40_000)
        await client.create(asked)
        await client.append(asked, at=0, size=20_000)
        ledger.busy.add(asked)
        usual = await _latency(
            client, server, seconds=SLOW_SECONDS / 4, rule="fdatasync:delay_exit=1", work=round_.memory
        )
        rule = f"fdatasync:delay_exit={chance.choice(DELAY_MICROSECONDS)}"
        slow = await _latency(client, server, seconds=SLOW_SECONDS, rule=rule, work=round_.memory)
        outcome.count += 1
        outcome.most("head_p95_ms", slow * 1000)
        if slow > max(HEAD_SECONDS, 3 * usual):
            ledger.wrong(f"{rule}: HEAD of others took {slow * 1000:.0f} ms (p95), before {usual * 1000:.0f} ms")
        await server.kill()
        await server.start()
        await look(server, ledger, outcome)
        await finish(server, ledger, outcome)
    return outcome


async def _latency(client: Client, server: ForkedServer, *, seconds: float, rule: str, work: Path) -> float:
    """Ask for an idle upload again and again while others are written; give the 95th percentile."""
    ledger, stop, took = client.ledger, asyncio.Event(), list[float]()
    [asked] = ledger.entries[:1]
    async with Injection(server.pid, path=work / "trace", rule=rule):
        driving = asyncio.create_task(load.drive(server.port, ledger, stop=stop, actors=4, spare=asked))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.monotonic()
            await client.head(asked)
            took.append(time.monotonic() - begun)
            await asyncio.sleep(0.01)
        stop.set()
        await driving
    return statistics.quantiles(took, n=20)[-1]
