"""SIGTERM under load: the server stops in time, accounts for every byte, and everybody goes on afterwards."""

import asyncio
import contextlib
import os
import time

from tests.e2e import chunks, tus
from tests.e2e.disk import place_of, published, staged, video
from tests.faults.processes import ServerProcess
from tests.web.wire import Wire, connect, until

UPLOADS = 50
SIZE, LONG = 400_000, 9_000_000
"""Bytes of most uploads, and of every fifth: long bodies go another way through the server."""
SENT = 150_000
PIECE = 4_000


class Running:
    """One PATCH that is going on while the server is told to stop."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.data = os.urandom(SIZE if number % 5 else LONG)
        self.path = ""
        self.reported = 0

    async def begin(self, port: int) -> Wire:
        """Send a part of the body, and wait until the server reports that."""
        self.path = await tus.create(port, len(self.data), tus.metadata(filename=f"{self.number}.bin"))
        wire = await tus.open_patch(port, self.path, at=0, length=len(self.data))
        await wire.raw(self.data[:SENT])

        async def stored() -> bool:
            self.reported = await tus.offset(port, self.path)
            return self.reported == SENT

        await until(stored)
        return wire

    async def go_on(self, wire: Wire, *, silently: bool) -> str:
        """Send on, or be silent, until the server ends the connection; give the first line of its answer."""
        answered = asyncio.ensure_future(wire.ended())
        with contextlib.suppress(ConnectionError):
            for at in range(SENT, len(self.data) - PIECE, PIECE):
                if silently or answered.done():
                    break
                await wire.raw(self.data[at : at + PIECE])
        told = (await answered).decode("latin-1")
        await wire.close()
        return told.partition("\r\n")[0]

    async def finish(self, server: ServerProcess) -> None:
        """Go on with the next server, and compare the file."""
        offset = await tus.offset(server.port, self.path)
        assert offset >= self.reported, "a byte that was reported is there after the stop"
        answer = await tus.patch(server.port, self.path, at=offset, body=self.data[offset:])
        assert answer.status == 204
        assert place_of(server.data_dir, answer.headers["Content-Location"]).read_bytes() == self.data


async def test_a_stop_under_load_loses_nothing(server: ServerProcess) -> None:
    """50 uploads run, half of them silent, beside a chunk on its way: exit code 0 within 10 s; after a restart every
    offset is at least what was reported, every upload goes on to its end, and the torn chunk counts for nothing."""
    uploads = [Running(number) for number in range(UPLOADS)]
    wires = await asyncio.gather(*(upload.begin(server.port) for upload in uploads))
    parts = chunks.split(video(1, SIZE), SENT)
    assert (await chunks.put(server.port, "k", 0, len(parts), data=parts[0])).status == 200
    body = chunks.form("k", 1, len(parts), data=parts[1])
    torn = await connect(server.port)
    await torn.send(*chunks.lines(body), body=body[:-1])

    begun = time.monotonic()
    stopping = asyncio.ensure_future(server.stop())
    pairs = zip(uploads, wires, strict=True)
    told = await asyncio.gather(*(upload.go_on(wire, silently=upload.number % 2 == 0) for upload, wire in pairs))
    assert await stopping == 0
    assert time.monotonic() - begun < 10
    await torn.ended()
    await torn.close()
    assert {line[:12] for line in told} == {"HTTP/1.1 503"}

    await server.start()
    assert (await chunks.query(server.port, "k")).json["received"] == [[0, 0]]
    await asyncio.gather(*(upload.finish(server) for upload in uploads))
    for index, part in enumerate(parts):
        assert (await chunks.put(server.port, "k", index, len(parts), data=part)).status == 200
    assert (await chunks.finalize(server.port, "k", len(parts))).status == 200
    assert len(published(server.data_dir, "files")) == UPLOADS
    assert staged(server.data_dir) == []


async def test_those_who_only_look_hold_up_nothing(server: ServerProcess) -> None:
    """Streams of events, read or not, end with the server, within two seconds."""
    wires = [await connect(server.port) for _ in range(8)]
    for wire in wires:
        await wire.send("GET /api/events HTTP/1.1")
        assert (await wire.head())[0] == 200
    begun = time.monotonic()
    assert await server.stop() == 0
    assert time.monotonic() - begun < 2
    for wire in wires:
        await wire.ended()
        await wire.close()
