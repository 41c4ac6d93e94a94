"""kill -9 of the server in the middle of uploads: nothing that was acknowledged is lost, and both protocols go on."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable

import pytest

from tests.e2e import chunks, tus
from tests.e2e.conftest import Start
from tests.e2e.deaths import LOST
from tests.e2e.disk import MIB, place_of, published, staged, video
from tests.faults.processes import ServerProcess
from tests.web.wire import connect

PIECE = 64 * 1024
PART = 700_001
KILLS = 2
SEEDS = range(20)
Check = Callable[[], Awaitable[None]]


class Killer:
    """Kills the server when so many bytes have been sent, starts it again, and lets nobody on before ``checks``."""

    def __init__(self, server: ServerProcess, *, places: list[int]) -> None:
        self.server = server
        self.places = sorted(places)
        self.checks: list[Check] = []
        self.sent = 0
        self.lives = 1
        self._up = asyncio.Event()
        self._up.set()

    async def ready(self) -> int:
        """Wait until the server runs; give the number of its life."""
        await self._up.wait()
        return self.lives

    async def passed(self, count: int, *, life: int) -> None:
        """Note bytes that were sent. Raises ConnectionError when the server they were sent to is dead."""
        self.sent += count
        if life == self.lives and self.places and self.sent >= self.places[0]:
            self.places = [place for place in self.places if place > self.sent]
            await self.kill(life)
        if life != self.lives:
            raise ConnectionResetError

    async def kill(self, life: int) -> None:
        """Kill, unless somebody else did, and start again."""
        if life != self.lives:
            return
        self.lives += 1
        self._up.clear()
        await self.server.kill()
        await self.server.start()
        for check in self.checks:
            await check()
        self._up.set()


class TusSender:
    """Sends one file over tus, and keeps outside the server what was acknowledged."""

    def __init__(self, killer: Killer, *, data: bytes, chance: random.Random) -> None:
        self.killer = killer
        self.data = data
        self.chance = chance
        self.dies_at_the_end = chance.random() < 0.3
        self.path = ""
        self.acknowledged = 0
        self.url = ""

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.killer.server.port

    @property
    def name(self) -> str:
        """The name of the file in staging."""
        return self.path.rpartition("/")[2]

    async def run(self) -> None:
        """Send until the server tells that the file is published."""
        while not self.url:
            life = await self.killer.ready()
            try:
                await self._go_on(life)
            except LOST:
                continue

    async def look(self) -> None:
        """Hold the server to what it acknowledged: the offset, and the bytes on disk below it."""
        if not self.path:
            return
        await self._ask()
        folders = (self.killer.server.data_dir / "staging", self.killer.server.data_dir / "uploads/files/local")
        stored = b"".join(
            path.read_bytes() for path in (folders[0] / self.name, folders[1] / "tus.mp4") if path.exists()
        )
        assert stored[: self.acknowledged] == self.data[: self.acknowledged]

    async def _go_on(self, life: int) -> None:
        if not self.path:
            fields = ("Idempotency-Key: one", tus.metadata(filename="tus.mp4"))
            self.path = await tus.create(self.port, len(self.data), *fields)
        self.url = await self._ask()
        left = len(self.data) - self.acknowledged
        if self.url:
            assert left == 0, "only a whole file is published"
            return
        size = min(self.chance.choice([1, 4097, MIB, 3 * MIB, len(self.data)]), left)
        await self._patch(size, life=life)

    async def _patch(self, size: int, *, life: int) -> None:
        start = self.acknowledged
        wire = await tus.open_patch(self.port, self.path, at=start, length=size)
        try:
            for number, at in enumerate(range(start, start + size, PIECE)):
                piece = self.data[at : min(at + PIECE, start + size)]
                await wire.raw(piece)
                await self.killer.passed(len(piece), life=life)
                if number % 48 == 47 and at + len(piece) < len(self.data):  # else it may be busy with publishing
                    await self._ask()
            if self.dies_at_the_end and start + size == len(self.data):
                self.dies_at_the_end = False
                await self.killer.kill(life)
                return
            answer = await wire.answer(method="PATCH")
            assert answer.status == 204, answer
            self._report(answer.headers["Upload-Offset"])
            assert self.acknowledged == start + size
        finally:
            await wire.close()

    async def _ask(self) -> str:
        answer = await tus.head(self.port, self.path)
        assert answer.status == 200, "an upload that was acknowledged is there"
        self._report(answer.headers["Upload-Offset"])
        return answer.headers.get("Content-Location", "")

    def _report(self, offset: str) -> None:
        assert int(offset) >= self.acknowledged, "an offset that was reported never goes back"
        self.acknowledged = int(offset)


class ChunkSender:
    """Sends one file over the chunk API, three chunks at a time in random order."""

    def __init__(self, killer: Killer, *, data: bytes, chance: random.Random, neighbour: TusSender) -> None:
        self.killer = killer
        self.data = data
        self.parts = chunks.split(data, PART)
        self.order = chance.sample(range(len(self.parts)), len(self.parts))
        self.dies_at_the_end = chance.random() < 0.3
        self.neighbour = neighbour
        self.acknowledged: set[int] = set()
        self.url = ""

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.killer.server.port

    async def run(self) -> None:
        """Send every chunk, then finalize."""
        async with asyncio.TaskGroup() as senders:
            for _ in range(3):
                senders.create_task(self._send_some())
        while not self.url:
            life = await self.killer.ready()
            try:
                await self._finalize(life)
            except LOST:
                continue

    async def look(self) -> None:
        """Hold the server to what it acknowledged: the chunks, and their bytes on disk."""
        if not self.acknowledged:
            return
        told = (await chunks.query(self.port, "k")).json
        assert chunks.indexes(told["received"]) >= self.acknowledged, "a chunk that was acknowledged is there"
        if told["status"] == "complete":
            return
        [stored] = [
            path.read_bytes() for path in staged(self.killer.server.data_dir) if path.name != self.neighbour.name
        ]
        for index in self.acknowledged:
            assert stored[index * PART :][: len(self.parts[index])] == self.parts[index]

    async def _send_some(self) -> None:
        while self.order:
            index = self.order.pop()
            while index not in self.acknowledged:
                life = await self.killer.ready()
                try:
                    await self._put(index, life=life)
                except LOST:
                    continue

    async def _put(self, index: int, *, life: int) -> None:
        body = chunks.form("k", index, len(self.parts), data=self.parts[index], chunkSize=PART)
        wire = await connect(self.port)
        try:
            await wire.send(*chunks.lines(body))
            for piece in chunks.split(body, PIECE):
                await wire.raw(piece)
                await self.killer.passed(len(piece), life=life)
            answer = await wire.answer()
            assert answer.status == 200, answer.body
            self.acknowledged.add(index)
        finally:
            await wire.close()

    async def _finalize(self, life: int) -> None:
        asked = asyncio.ensure_future(
            chunks.finalize(self.port, "k", len(self.parts), filename="chunks.mp4"),
        )
        if self.dies_at_the_end:
            self.dies_at_the_end = False
            await self.killer.kill(life)
        answer = await asked
        assert answer.status == 200, answer.body
        self.url = answer.json["url"]


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_killed_server_keeps_what_it_acknowledged_and_goes_on(seed: int, start: Start) -> None:
    """Whenever the server dies: no offset goes back, no acknowledged byte differs, and both files come out whole."""
    chance = random.Random(seed)
    server = await start()
    sizes = [chance.randrange(9 * MIB, 11 * MIB), chance.randrange(3 * MIB, 5 * MIB)]
    places = chance.sample(range(1, sum(sizes)), KILLS)
    print(f"seed {seed}: sizes {sizes}, kills at {sorted(places)}")  # noqa: T201  # shown when the test fails
    killer = Killer(server, places=places)
    over_tus = TusSender(killer, data=video(seed, sizes[0]), chance=chance)
    over_chunks = ChunkSender(killer, data=video(seed + 1000, sizes[1]), chance=chance, neighbour=over_tus)
    killer.checks = [over_tus.look, over_chunks.look]
    async with asyncio.TaskGroup() as senders:
        senders.create_task(over_tus.run())
        senders.create_task(over_chunks.run())
    assert killer.lives > 1
    for sender, directory in ((over_tus, "files"), (over_chunks, "posters")):
        [file] = published(server.data_dir, directory)
        assert file == place_of(server.data_dir, sender.url)
        assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(sender.data).digest()
    assert staged(server.data_dir) == []
