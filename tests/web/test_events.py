"""/api/uploads and /api/events over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.service.wishes import a_video
from tests.web.conftest import BYTES, TUS, Served, Start, TokenAuthenticator
from tests.web.wire import PATIENCE_SECONDS, Wire, until
from tusvideo.service.watching import MOST_STREAMS

DATA = a_video(100)


class Events:
    """The events of one stream."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The name and the data of the next event; comments are passed over."""
        while True:
            async with asyncio.timeout(PATIENCE_SECONDS):
                block = (await self.wire.reader.readuntil(b"\n\n")).decode("ascii")
            if block.startswith("event: "):
                name, data = block.strip().split("\n")
                return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@asynccontextmanager
async def following(served: Served, *fields: str) -> AsyncIterator[Events]:
    """Follow the events; HTTP/1.0 has them without chunks around them."""
    async with served.wire() as wire:
        await wire.send("GET /api/events HTTP/1.0", *fields)
        status, headers = await wire.head()
        assert (status, headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
        yield Events(wire)


async def append(served: Served, path: str, data: bytes, *, at: int) -> None:
    """Append bytes."""
    answer = await served.ask(
        f"PATCH {path} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {at}", f"Content-Length: {len(data)}", body=data
    )
    assert answer.status == 204, answer.body


async def draft(served: Served, upload_id: str, document: object) -> Any:
    """Draft texts; the answer."""
    body = json.dumps(document).encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return await served.ask(f"PATCH /api/uploads/{upload_id} HTTP/1.1", *fields, body=body)


async def test_a_second_device_sees_an_upload_move(served: Served) -> None:
    """From its creation to its record, each state as the lists tell it too."""
    async with following(served) as events:
        path = await served.create(100, "Upload-Metadata: filename Yy5tcDQ=,title U2Vh")
        name, first = await events.next()
        assert (name, first["offset"], first["length"], first["filename"]) == ("upload", 0, 100, "c.mp4")
        assert first == (await served.ask("GET /api/uploads HTTP/1.1")).json["uploads"][0]
        await append(served, path, DATA[:60], at=0)
        name, moved = await events.next()
        assert (name, moved["offset"], moved["state"], moved["url"]) == ("upload", 60, "uploading", path)
        await append(served, path, DATA[60:], at=60)
        found = dict([await events.next(), await events.next()])
        assert found["upload"]["state"] == "ready"
        assert found["video"]["title"] == "Sea"
        assert found["upload"]["videoId"] == found["video"]["id"]
        await served.ask(f"DELETE {path} HTTP/1.1", TUS)
        gone = dict([await events.next(), await events.next()])
        assert gone == {"upload_gone": {"id": first["id"]}, "video_gone": {"id": found["video"]["id"]}}


async def test_drafts_over_the_wire(served: Served) -> None:
    """Texts for an upload that is on its way; what cannot be is refused."""
    path = await served.create(100)
    upload_id = path.rpartition("/")[2]
    answer = await draft(served, upload_id, {"title": "Sea"})
    assert (answer.status, answer.json["title"]) == (200, "Sea")
    assert (await served.ask(f"GET /api/uploads/{upload_id} HTTP/1.1")).json["title"] == "Sea"
    await append(served, path, DATA, at=0)
    assert (await served.ask("GET /api/videos HTTP/1.1")).json["videos"][0]["title"] == "Sea"
    for target, document, status in (
        (upload_id, {}, 400),
        (upload_id, {"title": ""}, 400),
        ("e" * 32, {"title": "x"}, 404),
    ):
        assert (await draft(served, target, document)).status == status


async def test_everybody_follows_their_own(start: Start) -> None:
    """Nothing of somebody else's is told, and nobody without a name follows."""
    served = await start(authenticator=TokenAuthenticator())
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    async with following(served, alice) as events:
        await served.create(100, bob)
        path = await served.create(50, alice)
        assert (await events.next())[1]["url"] == path
        listed = (await served.ask("GET /api/uploads HTTP/1.1", alice)).json["uploads"]
        assert [upload["url"] for upload in listed] == [path]
    assert (await served.ask("GET /api/events HTTP/1.1")).status == 401


async def test_a_stream_too_many_is_refused(served: Served) -> None:
    """With 429 and a time to come back; a connection that ended makes room."""
    streams = [following(served) for _ in range(MOST_STREAMS)]
    opened = [await stream.__aenter__() for stream in streams]
    answer = await served.ask("GET /api/events HTTP/1.1")
    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (429, "too_many_streams", "5")
    opened[0].wire.reset()

    async def has_room() -> bool:
        async with served.wire() as wire:
            await wire.send("GET /api/events HTTP/1.0")
            return (await wire.head())[0] == 200

    await until(has_room)
    for stream in streams[1:]:
        await stream.__aexit__(None, None, None)


async def test_a_stream_over_http_1_1_is_in_chunks(served: Served) -> None:
    """As browsers ask for it; the connection ends with it."""
    async with served.wire() as wire:
        await wire.send("GET /api/events HTTP/1.1")
        status, headers = await wire.head()
        assert (status, headers["Transfer-Encoding"], headers["Connection"]) == (200, "chunked", "close")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await wire.reader.readuntil(b"retry: 2000\n\n\r\n")


async def test_a_stop_ends_streams_at_once(served: Served) -> None:
    """Also one whose reader takes nothing: nobody waits for those who only look."""
    async with following(served) as idle, following(served) as deaf:
        deaf.wire.reader._transport.pause_reading()  # type: ignore[attr-defined]  # private: streams have no way to read nothing
        for _ in range(200):
            await served.create(100, "Upload-Metadata: description " + "QUFB" * 1000)
        loop = asyncio.get_running_loop()
        began = loop.time()
        served.house.stopping.set()
        await idle.wire.ended()
        await served.stop()
        assert loop.time() - began < 2
