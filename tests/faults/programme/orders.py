"""F13: requests that come twice and out of order. F14: several writers of different bytes for one place."""

import asyncio
import os
import random

from tests.e2e.chunks import form, lines
from tests.e2e.tus import TUS, patch_lines
from tests.faults.programme.client import LOST, Client
from tests.faults.programme.kills import finish, look
from tests.faults.programme.ledger import PART_SIZE, Entry, Kind, Ledger
from tests.faults.programme.rounds import Outcome, Round
from tests.faults.programme.servers import ForkedServer

PIECE = 9_000
DELAY_SECONDS = 0.05
RACES = 12
WRITERS = (2, 3, 5, 8)
RACE_BYTES = (1_000, 40_000, 200_000)
REFUSED = frozenset({409, 423, 503})


async def twice_and_out_of_order(round_: Round) -> Outcome:
    """Send every request of a few uploads up to three times, late and in any order; each byte counts once."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data") as server:
        client = Client(server.port, ledger, chance=chance)
        for _ in range(2):
            over_tus, in_chunks = ledger.new(Kind.TUS, length=90_000), ledger.new(Kind.CHUNKS, length=400_000)
            await asyncio.gather(*(client.create(over_tus) for _ in range(3)))
            outcome.count += await _scatter(client, over_tus, in_chunks)
            async with asyncio.TaskGroup() as group:
                for _ in range(chance.randrange(2, 9)):
                    group.create_task(_finalize(client, in_chunks))
        if chance.random() < 0.5:
            await server.kill()
            await server.start()
            await look(server, ledger, outcome)
        await finish(server, ledger, outcome)
    return outcome


async def _scatter(client: Client, over_tus: Entry, in_chunks: Entry) -> int:
    chance = client.chance
    jobs = [("patch", at) for at in range(0, over_tus.length, PIECE)] + [("put", n) for n in range(in_chunks.total)]
    jobs += [chance.choice(jobs) for _ in range(len(jobs))] + [("head", 0)] * 10 + [("query", 0)] * 5

    async def one(what: str, where: int) -> None:
        await asyncio.sleep(
            chance.random() * DELAY_SECONDS + where / over_tus.length * DELAY_SECONDS * (what == "patch")
        )
        if what == "patch":
            await client.append(over_tus, at=where, size=PIECE, pieces=chance.choice((1, 3)))
        elif what == "put":
            await client.put(in_chunks, where, file_first=chance.random() < 0.5)
        elif what == "head":
            await client.head(over_tus)
        else:
            await client.query(in_chunks)

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(one(*job))
    return len(jobs)


async def _finalize(client: Client, entry: Entry) -> None:
    if len(entry.parts) == entry.total:
        await client.finalize(entry)


async def race(round_: Round) -> Outcome:
    """Let writers of different bytes race for one offset, and for one chunk; one wins, whole or in part, not two."""
    chance, ledger, outcome = random.Random(round_.seed), Ledger(round_.seed), Outcome()
    async with round_.server(round_.memory / "data") as server:
        client = Client(server.port, ledger, chance=chance)
        answer, _ = await client.ask("POST /files/ HTTP/1.1", TUS, f"Upload-Length: {50_000_000}")
        path, start = answer.headers["Location"], 0
        for _ in range(round_.count(RACES)):
            start = await _race_for_an_offset(client, server, path, start)
            await _race_for_a_chunk(client, server, key=f"race{chance.getrandbits(40):x}")
            outcome.count += 2
            if chance.random() < 0.15:
                await server.kill()
                await server.start()
                client.port = server.port
        outcome.collect(ledger)
        outcome.notes.update({f"answers {status}": count for status, count in ledger.statuses.items()})
    return outcome


async def _race_for_an_offset(client: Client, server: ForkedServer, path: str, start: int) -> int:
    """Give the offset after the race."""
    chance, ledger = client.chance, client.ledger
    size = chance.choice(RACE_BYTES)
    bodies = [bytes([letter]) * size for letter in range(1, chance.choice(WRITERS) + 1)]
    won: list[int] = []

    async def write(body: bytes) -> None:
        await asyncio.sleep(chance.random() * 0.01)
        try:
            answer, _ = await client.ask(
                *patch_lines(path, at=start, length=size), body=body, pieces=chance.choice((1, 4, 20))
            )
        except LOST:
            return  # a transfer that was stopped for another one may find its connection closed
        if answer.status == 204:
            won.append(body[0])
            if answer.headers["Upload-Offset"] != str(start + size):
                ledger.wrong(f"race at {start}: {size} bytes acknowledged as {answer.headers['Upload-Offset']}")
        elif answer.status not in REFUSED:
            ledger.wrong(f"race at {start}: answered {answer.status} {answer.body[:100]!r}")

    await asyncio.gather(*map(write, bodies))
    answer, _ = await client.ask(f"HEAD {path} HTTP/1.1", TUS)
    after = int(answer.headers["Upload-Offset"])
    staged = (server.data_dir / "staging" / path.rpartition("/")[2]).read_bytes() if after else b""
    _judge(ledger, f"race at {start}", found=staged[start:after], won=won)
    if won and after != start + size:
        ledger.wrong(f"race at {start}: one of {size} bytes won, and the offset is {after}")
    return after


async def _race_for_a_chunk(client: Client, server: ForkedServer, *, key: str) -> None:
    chance, ledger, won = client.chance, client.ledger, list[int]()
    before = set(os.listdir(server.data_dir / "staging"))  # noqa: PTH208  # names are wanted
    size = PART_SIZE

    async def put(letter: int) -> None:
        body = form(key, 1, 2, data=bytes([letter]) * size, file_first=chance.random() < 0.3, chunkSize=PART_SIZE)
        await asyncio.sleep(chance.random() * 0.01)
        try:
            answer, _ = await client.ask(*lines(body), body=body, pieces=chance.choice((1, 4)))
        except LOST:
            return
        if answer.status == 200:
            won.append(letter)
        elif answer.status not in REFUSED:
            ledger.wrong(f"race for a chunk: answered {answer.status} {answer.body[:100]!r}")

    await asyncio.gather(*map(put, range(1, chance.choice(WRITERS) + 1)))
    for name in set(os.listdir(server.data_dir / "staging")) - before:  # noqa: PTH208  # names are wanted
        staged = (server.data_dir / "staging" / name).read_bytes()
        if won:
            _judge(ledger, "race for a chunk", found=staged[size : 2 * size], won=won)


def _judge(ledger: Ledger, where: str, *, found: bytes, won: list[int]) -> None:
    letters = sorted(set(found))
    if len(letters) > 1:
        ledger.wrong(f"{where}: bytes of writers {letters} are mixed")
    if len(won) > 1:
        ledger.wrong(f"{where}: writers {won} were all told that they had won")
    if won and letters != won:
        ledger.wrong(f"{where}: writer {won} was told that it had won, the bytes are those of {letters}")
