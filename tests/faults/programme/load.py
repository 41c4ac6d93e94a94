"""Mixed load: uploads over both dialects that are begun, fed, asked about, finished and removed, eight at a time."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable

from tests.faults.programme.client import LOST, Client
from tests.faults.programme.ledger import Ending, Entry, Kind, Ledger

ACTORS = 8
MOST_ENTRIES = 40
MOST_OPEN = 14
FINISH_TRIES = 40


async def drive(
    port: int,
    ledger: Ledger,
    *,
    stop: asyncio.Event,
    actors: int = ACTORS,
    most: int = MOST_ENTRIES,
    spare: Entry | None = None,
) -> None:
    """Let actors work until ``stop``; a server that is gone is tried again. ``spare`` is left alone."""
    ledger.busy = set() if spare is None else {spare}
    seeds = [ledger.chance.getrandbits(32) for _ in range(actors)]
    async with asyncio.TaskGroup() as group:
        for seed in seeds:
            chance = random.Random(seed)
            group.create_task(_act(Client(port, ledger, chance=chance), stop=stop, most=most))


async def _act(client: Client, *, stop: asyncio.Event, most: int) -> None:
    while not stop.is_set():
        entry = _pick(client, most=most)
        client.ledger.busy.add(entry)
        try:
            await asyncio.sleep(0)  # a step may ask nothing
            await _step(client, entry)
        except LOST:
            if stop.is_set():
                return
            try:
                await asyncio.wait_for(stop.wait(), 0.02)  # the server is dying, or refuses; not to spin on it
            except TimeoutError:
                continue
        finally:
            client.ledger.busy.discard(entry)


def _pick(client: Client, *, most: int) -> Entry:
    ledger, chance = client.ledger, client.chance
    free = [entry for entry in ledger.entries if entry not in ledger.busy]
    going = [entry for entry in free if not entry.is_over]
    if going and chance.random() < 0.7:
        return chance.choice(going)
    if len(ledger.entries) < most and sum(not entry.is_over for entry in ledger.entries) < MOST_OPEN:
        return ledger.new()
    return chance.choice(going or free) if free else ledger.new()


async def _step(client: Client, entry: Entry) -> None:
    draw = client.chance.random()
    if entry.is_over:
        if entry.ending is Ending.ASKED or (entry.ending is Ending.NONE and draw < 0.3):
            await client.delete(entry)
        else:
            await client.look(entry)
    elif draw < 0.04 and entry.is_known:
        await client.delete(entry)
    elif entry.kind is Kind.TUS:
        await _step_tus(client, entry)
    else:
        await _step_chunks(client, entry)


async def _step_tus(client: Client, entry: Entry) -> None:
    chance = client.chance
    if not entry.path and not await client.create(entry):
        return
    offset = await client.head(entry) if chance.random() < 0.4 else entry.told
    if offset is None or entry.is_over:
        return
    size = chance.choice((1, 3_000, 70_000, 200_000, entry.length))
    sending = client.append(entry, at=offset, size=size, pieces=chance.choice((1, 4, 12)))
    if chance.random() < 0.5:
        await sending
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_losing(sending))
        for _ in range(chance.randrange(1, 4)):
            await asyncio.sleep(chance.random() * 0.01)  # a question at a random moment of the transfer
            try:
                await client.head(entry)
            except LOST:
                break


async def _losing(sending: Awaitable[int]) -> None:
    with contextlib.suppress(*LOST):
        await sending


async def _step_chunks(client: Client, entry: Entry) -> None:
    chance = client.chance
    left = sorted(set(range(entry.total)) - entry.parts)
    if not left:
        await client.finalize(entry)
        return
    if chance.random() < 0.1:
        await client.query(entry)
    chosen = chance.sample(left, min(len(left), chance.randrange(1, 4)))
    async with asyncio.TaskGroup() as group:
        for index in chosen:
            pieces, first = chance.choice((1, 3)), chance.random() < 0.3
            group.create_task(_losing(client.put(entry, index, pieces=pieces, file_first=first)))


async def look_at_all(port: int, ledger: Ledger) -> None:
    """Hold the server to everything that it told, by asking for each upload."""
    client = Client(port, ledger, chance=random.Random(0))
    for entry in list(ledger.entries):
        await client.look(entry)


async def finish_all(port: int, ledger: Ledger) -> None:
    """Finish every upload that nobody removed; one that cannot be finished is a violation."""
    client = Client(port, ledger, chance=random.Random(0))
    for entry in list(ledger.entries):
        if entry.ending is Ending.ASKED:
            await client.delete(entry)
        before = len(ledger.violations)
        for _ in range(FINISH_TRIES):
            if entry.is_over or len(ledger.violations) > before:
                break
            if not await client.finish(entry):
                await asyncio.sleep(0.02)  # the server asked for patience
        if not entry.is_over and len(ledger.violations) == before:
            ledger.wrong(f"{entry}: cannot be finished; answers so far: {dict(ledger.statuses)}")
