"""A server that gives the bodies of its requests to the test; and that of long ones past aiohttp."""

import asyncio
import contextlib
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from tests.web.wire import Wire, connect, until
from tusvideo.errors import TransferEnded
from tusvideo.streams import Body
from tusvideo.web.body import RequestBody
from tusvideo.web.intake import Blocks
from tusvideo.web.takeover import RawBody

MIB = 1024 * 1024
FIRST = b"the first bytes"
Leap = Callable[[float], Awaitable[None]]


def pattern(size: int) -> bytes:
    """Bytes of which no two stretches are alike."""
    return array("I", range(size // 4)).tobytes()


class Bench:
    """A server with one handler that gives its body to the test and waits until the test is done with it."""

    def __init__(self) -> None:
        self.body: asyncio.Future[RawBody] = asyncio.get_running_loop().create_future()
        self.done = asyncio.Event()
        self.blocks = Blocks()
        self.least_bytes = 1
        self.stall_seconds = 30.0
        self.port = 0
        self.served = 0
        self.requests: list[web.Request] = []
        self.wires: list[Wire] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Hand the body to the test."""
        self.served += 1
        self.requests.append(request)
        body = RawBody(
            request,
            RequestBody(request, expects_continue="Expect" in request.headers, stall_seconds=self.stall_seconds),
            blocks=self.blocks,
            stall_seconds=self.stall_seconds,
            least_bytes=self.least_bytes,
        )
        if not self.body.done():
            self.body.set_result(body)
        try:
            await self.done.wait()
        finally:
            body.release()
        response = web.Response(text="done")
        if body.is_taken:
            response.force_close()
        return response

    async def begin(self, *lines: str, data: bytes = b"") -> tuple[Wire, RawBody]:
        """Send a request and give both of its ends."""
        wire = await connect(self.port)
        self.wires.append(wire)
        await wire.send(*lines, body=data)
        async with asyncio.timeout(10):
            return wire, await asyncio.shield(self.body)

    async def taken(self, length: int, *fields: str) -> tuple[Wire, RawBody]:
        """Begin a body, read its first bytes, and give both ends of the connection that was taken over by that."""
        wire, body = await self.begin("PATCH / HTTP/1.1", f"Content-Length: {length}", *fields, data=FIRST)
        assert await body.read() == FIRST
        assert body.is_taken
        return wire, body


@contextlib.asynccontextmanager
async def serve(handle: Callable[[web.Request], Awaitable[web.StreamResponse]], **settings: Any) -> AsyncIterator[int]:
    """Run a server with one handler, which says itself when a body may come, and give its port."""
    app = web.Application()

    async def write_nothing(_: web.Request) -> None:
        return

    app.router.add_route("*", "/{path:.*}", handle, expect_handler=write_nothing)
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=False, read_bufsize=65_536, shutdown_timeout=1, **settings
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A running bench."""
    bench = Bench()
    async with serve(bench.handle, lingering_time=0) as bench.port:
        yield bench
        bench.done.set()
        for wire in bench.wires:
            await wire.close()


@pytest_asyncio.fixture
async def leap() -> AsyncIterator[Leap]:
    """Lets the clock of the loop go forward by seconds at once; returns when all has happened that was due by then."""
    loop = asyncio.get_running_loop()
    time, ahead = loop.time, 0.0

    async def leap(seconds: float) -> None:
        nonlocal ahead
        passed = asyncio.Event()
        loop.call_later(seconds, passed.set)
        ahead += seconds
        await passed.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", lambda: time() + ahead)
        yield leap


async def collect(body: Body) -> tuple[bytes, type[TransferEnded] | None]:
    """Read a body to its end, good or bad; what is lent is copied at once."""
    found = []
    try:
        async with asyncio.timeout(20):
            while block := await body.read():
                found.append(bytes(block))
    except TransferEnded as error:
        return b"".join(found), type(error)
    return b"".join(found), None


async def given_up_after(
    *waits: float, body: RequestBody | RawBody, leap: Leap
) -> tuple[bytes, type[TransferEnded] | None]:
    """Read a silent body, which must not end before the last of the waits (seconds); give what it ends with."""
    reading = asyncio.create_task(collect(body))
    await until(lambda: body.silent_seconds > 0)
    for wait in waits:
        assert not reading.done()
        await leap(wait)
    return await reading


async def arrived(body: RawBody, size: int) -> None:
    """Wait until the server holds so many bytes behind the first ones."""
    await until(lambda: body.received >= size + len(FIRST))
