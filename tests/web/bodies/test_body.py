"""The body of a request: asked for late, given whole, and ended early without losing what came."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from tests.web.bodies.conftest import Leap, collect, given_up_after, pattern, serve
from tests.web.wire import Wire, connect, until
from tusvideo.errors import BodyCut, BodyStalled, Preempted, TooLarge
from tusvideo.web.body import LAST_WORDS_SECONDS, RequestBody, read_whole

SIZE = 100_000


class Bench:
    """A server with one handler that gives its body to the test and waits until the test is done with it."""

    def __init__(self) -> None:
        self.body: asyncio.Future[RequestBody] = asyncio.get_running_loop().create_future()
        self.done = asyncio.Event()
        self.gone = asyncio.Event()
        self.stall_seconds = 30.0
        self.port = 0
        self.wires: list[Wire] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Hand the body to the test."""
        expects = "Expect" in request.headers
        body = RequestBody(request, expects_continue=expects, stall_seconds=self.stall_seconds)
        self.body.set_result(body)
        await self.done.wait()
        body.close()
        return web.Response(text="done")

    async def begin(self, head: str, data: bytes = b"") -> tuple[Wire, RequestBody]:
        """Send a request and give both of its ends."""
        wire = await connect(self.port)
        self.wires.append(wire)
        await wire.raw(f"{head}\r\nHost: localhost\r\n\r\n".encode() + data)
        async with asyncio.timeout(10):
            return wire, await asyncio.shield(self.body)


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A running bench."""
    bench = Bench()
    async with serve(bench.handle) as bench.port:
        yield bench
        bench.done.set()
        for wire in bench.wires:
            await wire.close()


async def arrived(body: RequestBody, size: int) -> None:
    """Wait until the server holds so many bytes."""
    await until(lambda: body.received >= size)


async def test_a_whole_body_is_given_once_and_then_nothing(bench: Bench) -> None:
    """Every byte is given once, in order; after the end there is b"" for ever."""
    data = pattern(3_000_000)
    wire, body = await bench.begin(f"PATCH / HTTP/1.1\r\nContent-Length: {len(data)}")
    reading = asyncio.create_task(collect(body))
    await wire.raw(data)
    assert await reading == (data, None)
    assert await body.read() == b""


async def test_a_chunked_body_is_given_without_its_framing(bench: Bench) -> None:
    """The sizes of chunks are not part of the body."""
    wire, body = await bench.begin(
        "PATCH / HTTP/1.1\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    )
    assert await collect(body) == (b"abcdefg", None)
    await wire.close()


async def test_no_body_ends_at_once(bench: Bench) -> None:
    """A request without a body has an empty one, and nobody is asked to send it."""
    wire, body = await bench.begin("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0")
    assert await collect(body) == (b"", None)
    bench.done.set()
    assert (await wire.answer()).interim == ()


@pytest.mark.parametrize("end", [Wire.reset, lambda wire: wire.writer.close()], ids=["RST", "FIN"])
async def test_the_tail_before_a_disconnect_is_given(bench: Bench, end: Callable[[Wire], None]) -> None:
    """100,000 bytes that arrived while the handler was busy are all given, although the connection is gone."""
    data = pattern(SIZE)
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 1000000", data)
    await arrived(body, SIZE)
    end(wire)
    await until(lambda: body._content.exception() is not None)
    assert await collect(body) == (data, BodyCut)
    with pytest.raises(BodyCut):
        await body.read()


async def test_a_disconnect_wakes_a_waiting_read(bench: Bench) -> None:
    """A read that waits for bytes ends with the connection."""
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 10", b"abc")
    assert await body.read() == b"abc"
    reading = asyncio.create_task(collect(body))
    await asyncio.sleep(0)
    wire.reset()
    assert await reading == (b"", BodyCut)


async def test_a_body_that_came_whole_before_the_disconnect_is_whole(bench: Bench) -> None:
    """The end of the connection after the last byte takes nothing away."""
    data = pattern(SIZE)
    wire, body = await bench.begin(f"PATCH / HTTP/1.1\r\nContent-Length: {SIZE}", data)
    await arrived(body, SIZE)
    wire.reset()
    await until(lambda: body._content.exception() is not None)
    assert await collect(body) == (data, None)


async def test_silence_ends_a_body(bench: Bench, leap: Leap) -> None:
    """A body without a byte for the limit has stalled, and not before; what came is given first."""
    bench.stall_seconds = 15.0
    _, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 10", b"abc")
    await arrived(body, 3)
    assert await given_up_after(10.0, 5.0, body=body, leap=leap) == (b"abc", BodyStalled)


async def test_a_slow_reader_is_no_silence(bench: Bench, leap: Leap) -> None:
    """Time that the server spends elsewhere does not count as the client's silence."""
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 6", b"abc")
    assert await body.read() == b"abc"
    await leap(4 * bench.stall_seconds)
    assert body.silent_seconds == 0
    await wire.raw(b"def")
    await arrived(body, 6)
    assert await collect(body) == (b"def", None)


async def test_silence_is_measured_while_somebody_waits(bench: Bench, leap: Leap) -> None:
    """silent_seconds grows while a read waits."""
    _, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 10")
    reading = asyncio.create_task(collect(body))
    await until(lambda: body.silent_seconds > 0)
    await leap(10.0)
    assert body.silent_seconds >= 10.0
    body.interrupt()
    assert await reading == (b"", Preempted)


async def test_interrupt_gives_what_is_held_first(bench: Bench) -> None:
    """Bytes that arrived before the interruption are given, then Preempted is raised, again and again."""
    data = pattern(SIZE)
    _, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 1000000", data)
    await arrived(body, SIZE)
    body.interrupt()
    body.interrupt()
    assert await collect(body) == (data, Preempted)
    with pytest.raises(Preempted):
        await body.read()


async def test_interrupt_gives_what_the_kernel_holds(bench: Bench) -> None:
    """What was sent before the interruption is given, also what nobody has received yet: it need not be sent again."""
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 3000000")
    sent = pattern(2_000_000)
    pushing = asyncio.create_task(wire.raw(sent))
    first = bytes(await body.read())
    body.interrupt()
    rest, ended = await collect(body)
    await pushing
    assert ended is Preempted
    assert first + rest == sent


async def test_a_connection_that_ended_is_known_before_it_is_read(bench: Bench) -> None:
    """is_cut is False while the client is there, and True as soon as it closed, with bytes still to be read."""
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 3000000")
    await wire.raw(pattern(100_000))
    before = body.is_cut
    wire.writer.close()
    await wire.writer.wait_closed()
    assert (before, body.is_cut) == (False, True)
    data, ended = await collect(body)
    assert (data, ended) == (pattern(100_000), BodyCut)


async def test_interrupt_ends_a_body_that_never_pauses(bench: Bench) -> None:
    """A client that keeps sending cannot keep an interrupted body alive: it gets a moment, whatever it sends."""
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 1000000000")
    pushing = asyncio.create_task(wire.push(b"x" * 65_536, most=1_000_000_000))
    await body.read()
    body.interrupt()
    async with asyncio.timeout(40 * LAST_WORDS_SECONDS):  # a moment, on a machine that has much else to do
        _, ended = await collect(body)
    assert ended is Preempted
    wire.reset()
    await pushing


async def test_interrupt_of_a_body_that_came_whole_changes_nothing(bench: Bench) -> None:
    """Who has everything need not stop."""
    data = pattern(SIZE)
    _, body = await bench.begin(f"PATCH / HTTP/1.1\r\nContent-Length: {SIZE}", data)
    await arrived(body, SIZE)
    body.interrupt()
    assert await collect(body) == (data, None)


async def test_cancelling_the_reader_loses_no_byte(bench: Bench) -> None:
    """A cancelled read is a real cancellation, and the bytes that come later are for the next read."""
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 3")
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await wire.raw(b"abc")
    assert await collect(body) == (b"abc", None)


async def test_a_stopping_server_ends_a_body_without_cancelling(bench: Bench) -> None:
    """aiohttp puts a CancelledError into the stream at shutdown; to the reader that is a cut, with what came before."""
    _, body = await bench.begin("PATCH / HTTP/1.1\r\nContent-Length: 10", b"abc")
    await arrived(body, 3)
    body._content.set_exception(asyncio.CancelledError())
    assert await collect(body) == (b"abc", BodyCut)


async def test_the_first_read_asks_for_the_body(bench: Bench) -> None:
    """100 Continue is sent once, by the first read, and the final answer comes whole after it."""
    wire, body = await bench.begin("PATCH / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6")
    reading = asyncio.create_task(collect(body))
    assert (await wire.head())[0] == 100
    await wire.raw(b"abcdef")
    assert await reading == (b"abcdef", None)
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.interim, answer.body) == (200, (), b"done")


async def test_nobody_reads_nobody_asks(bench: Bench) -> None:
    """Without a read there is no 100 Continue."""
    wire, _ = await bench.begin("PATCH / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6")
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.interim) == (200, ())


async def test_a_small_body_is_read_to_its_bound(bench: Bench) -> None:
    """read_whole gives a body that fits and refuses one that does not, before its end."""
    _, body = await bench.begin("POST / HTTP/1.1\r\nContent-Length: 6", b"abcdef")
    assert await read_whole(body, most=6) == b"abcdef"


async def test_a_body_beyond_its_bound_is_refused(bench: Bench) -> None:
    """One byte more than the bound is too large, although the body has not ended."""
    _, body = await bench.begin("POST / HTTP/1.1\r\nContent-Length: 1000", b"abcdefg")
    with pytest.raises(TooLarge):
        await read_whole(body, most=6)
