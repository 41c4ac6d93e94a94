"""A short story of uploads that goes through every step: create, append, chunk, finalize, publish, delete."""

import random

from tests.faults.programme.client import LOST, Client
from tests.faults.programme.ledger import PART_SIZE, Ending, Kind, Ledger

WHOLE = 130_000


async def tell(port: int, ledger: Ledger, *, chance: random.Random) -> bool:
    """Play it; False when the server was gone before the end."""
    client = Client(port, ledger, chance=chance)
    acts = [_tus, _chunks, _given_up]
    chance.shuffle(acts)
    try:
        for act in acts:
            await act(client)
    except LOST:
        return False
    return True


async def _tus(client: Client) -> None:
    entry = client.ledger.new(Kind.TUS, length=WHOLE)
    if not await client.create(entry):
        return
    await client.append(entry, at=0, size=50_000)
    offset = await client.head(entry)
    await client.append(entry, at=entry.told if offset is None else offset, size=WHOLE, pieces=4)
    await client.head(entry)
    if client.chance.random() < 0.5:
        await client.delete(entry)


async def _chunks(client: Client) -> None:
    entry = client.ledger.new(Kind.CHUNKS, length=2 * PART_SIZE + 10_000)
    # The last first: of odd size, it waits until its place is known.
    stored = [await client.put(entry, index, file_first=client.chance.random() < 0.3) == 200 for index in (2, 0, 1)]
    if all(stored):
        await client.finalize(entry)
    if entry.parts and client.chance.random() < 0.5:
        await client.delete(entry)


async def _given_up(client: Client) -> None:
    entry = client.ledger.new(Kind.TUS, length=WHOLE)
    if await client.create(entry):
        await client.append(entry, at=0, size=20_000)
        await client.delete(entry)


def advances(ledger: Ledger, *, since: int) -> list[str]:
    """Name the things in the log from an index on that only a durable change may cause."""
    found, told = list[str](), dict[int, int]()
    for number, each in enumerate(ledger.log):
        if each.what == "offset":
            before = told.get(id(each.entry), 0)
            told[id(each.entry)] = max(before, int(each.value))
            is_advance = int(each.value) > before
        else:
            is_advance = each.what in {"made", "part", "url"} or (
                each.what == "gone" and each.entry.ending is Ending.GONE and each.entry.is_known
            )
        if is_advance and number >= since:
            found.append(f"{each.entry}: {each.what} {each.value}")
    return found
