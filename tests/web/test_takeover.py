"""Long bodies past aiohttp: the promises of the Body port, on a connection that was taken over."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from tests.web.conftest import BYTES, TUS, Served
from tests.web.wire import Wire, connect, until
from tusvideo.errors import BodyCut, BodyStalled, Preempted, TransferEnded
from tusvideo.web.body import LAST_WORDS_SECONDS, RequestBody
from tusvideo.web.takeover import BLOCK_BYTES, COPIED_BYTES, Blocks, RawBody

MIB = 1024 * 1024
FIRST = b"the first bytes"


def pattern(size: int) -> bytes:
    """Bytes of which no two stretches are alike."""
    return b"".join(i.to_bytes(4, "big") for i in range(size // 4))


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


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A running bench."""
    bench = Bench()
    app = web.Application()

    async def write_nothing(_: web.Request) -> None:
        return

    app.router.add_route("*", "/{path:.*}", bench.handle, expect_handler=write_nothing)
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=False, read_bufsize=65_536, shutdown_timeout=1, lingering_time=0
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bench.port = runner.addresses[0][1]
    yield bench
    bench.done.set()
    for wire in bench.wires:
        await wire.close()
    await runner.cleanup()


async def collect(body: RawBody) -> tuple[bytes, type[TransferEnded] | None]:
    """Read a body to its end, good or bad; what is lent is copied at once."""
    found = []
    try:
        async with asyncio.timeout(20):
            while block := await body.read():
                found.append(bytes(block))
    except TransferEnded as error:
        return b"".join(found), type(error)
    return b"".join(found), None


async def arrived(body: RawBody, size: int) -> None:
    """Wait until the server holds so many bytes behind the first ones."""
    await until(lambda: body.received >= size + len(FIRST))


# -------------------------------------------------------------------------------------------------------- whole bodies


async def test_a_long_body_is_given_whole_and_in_order(bench: Bench) -> None:
    """Every byte is given once, wherever it was received; then b"" for ever, and every block is back."""
    data = pattern(20_000_000)
    wire, body = await bench.taken(len(FIRST) + len(data))
    reading = asyncio.create_task(collect(body))
    await wire.raw(data)
    assert await reading == (data, None)
    assert await body.read() == b""
    assert body.received == len(FIRST) + len(data)
    body.release()
    assert 1 <= bench.blocks.free <= 2


@pytest.mark.parametrize("size", [1, COPIED_BYTES - 1, COPIED_BYTES, COPIED_BYTES + 1, BLOCK_BYTES, BLOCK_BYTES + 1])
@pytest.mark.parametrize("most", [0, 1, 32], ids=lambda most: f"{most} blocks")
async def test_bodies_at_the_borders_of_the_blocks(bench: Bench, size: int, most: int) -> None:
    """Sizes around those of the blocks, with enough blocks, with one and with none, change nothing about the bytes."""
    bench.blocks = Blocks(most=most)
    data = bytes(range(251)) * (size // 251 + 1)
    wire, body = await bench.taken(len(FIRST) + 2 * size)
    reading = asyncio.create_task(collect(body))
    for count in (1, 2):
        await wire.raw(data[:size])
        await arrived(body, count * size)
    assert await reading == (data[:size] * 2, None)


async def test_bytes_are_given_as_soon_as_there_are_any(bench: Bench) -> None:
    """A read does not wait for a block to fill."""
    wire, body = await bench.taken(10_000_000)
    for block in (b"a", b"bc", b"def"):
        await wire.raw(block)
        async with asyncio.timeout(5):
            assert await body.read() == block


async def test_what_is_lent_stays_until_the_next_read(bench: Bench) -> None:
    """While one block is with the reader another one is filled."""
    data = pattern(3 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data[:MIB])
    await arrived(body, MIB)
    lent = await body.read()
    assert isinstance(lent, memoryview)
    size = len(lent)
    pushing = asyncio.create_task(wire.raw(data[MIB:]))
    await arrived(body, min(size + BLOCK_BYTES, 2 * MIB))
    assert lent == data[:size]
    assert await collect(body) == (data[size:], None)
    await pushing


async def test_the_answer_is_read_and_the_connection_ends(bench: Bench) -> None:
    """Behind a body that was taken over comes its answer, which says that it is the last, and the end."""
    data = pattern(2 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data)
    assert await collect(body) == (data, None)
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.body, answer.closes) == (200, b"done", True)
    assert await wire.ended() == b""


async def test_nothing_beyond_the_body_is_taken_for_it(bench: Bench) -> None:
    """Requests that follow a long body at once are neither body nor answered; the answer to the body is whole."""
    data, more = pattern(2 * MIB), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30_000
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data + more)
    assert await collect(body) == (data, None)
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.body) == (200, b"done")
    assert await wire.ended() == b""
    assert bench.served == 1


async def test_a_client_that_waits_for_100_continue_gets_it(bench: Bench) -> None:
    """The first read asks for the body, and the final answer comes whole after it."""
    size = 3 * MIB
    wire, body = await bench.begin("PATCH / HTTP/1.1", "Expect: 100-continue", f"Content-Length: {size}")
    reading = asyncio.create_task(collect(body))
    assert (await wire.head())[0] == 100
    await wire.raw(pattern(size))
    assert await reading == (pattern(size), None)
    assert body.is_taken
    bench.done.set()
    answer = await wire.answer()
    assert (answer.status, answer.interim, answer.body) == (200, (), b"done")


# ------------------------------------------------------------------------------------------------- out of the way for …


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("PATCH / HTTP/1.1", "Content-Length: 6"), id="a short body"),
        pytest.param(("PATCH / HTTP/1.1", "Transfer-Encoding: chunked"), id="a chunked body"),
    ],
)
async def test_other_bodies_stay_with_aiohttp(bench: Bench, lines: tuple[str, ...]) -> None:
    """They are read as ever, and the connection serves the next request."""
    bench.least_bytes = 100
    chunked = "chunked" in lines[1]
    wire, body = await bench.begin(*lines, data=b"6\r\nabcdef\r\n0\r\n\r\n" if chunked else b"abcdef")
    assert await collect(body) == (b"abcdef", None)
    assert not body.is_taken
    bench.done.set()
    assert (await wire.answer()).status == 200
    assert (await wire.ask("GET / HTTP/1.1")).status == 200
    assert bench.served == 2


async def test_a_body_with_little_to_come_stays_with_aiohttp(bench: Bench) -> None:
    """What counts is what is still to come when the first bytes were read."""
    bench.least_bytes = 1000
    wire, body = await bench.begin("PATCH / HTTP/1.1", "Content-Length: 1100", data=bytes(101))
    assert len(await body.read()) == 101
    assert not body.is_taken
    await wire.raw(bytes(999))
    assert await collect(body) == (bytes(999), None)


async def test_a_body_that_was_interrupted_before_is_not_taken_over(bench: Bench) -> None:
    """Bytes that came before an interruption are given, and nothing else is begun."""
    _, body = await bench.begin("PATCH / HTTP/1.1", "Content-Length: 10000000", data=FIRST)
    await until(lambda: body.received == len(FIRST))
    body.interrupt()
    assert await collect(body) == (FIRST, Preempted)
    assert not body.is_taken


# --------------------------------------------------------------------------------------------------------- early ends


@pytest.mark.parametrize("end", [Wire.reset, lambda wire: wire.writer.close()], ids=["RST", "FIN"])
@pytest.mark.parametrize("size", [100, 100_000, 700_000])
async def test_the_tail_before_a_disconnect_is_given(bench: Bench, end: Callable[[Wire], None], size: int) -> None:
    """Bytes that arrived while the reader was busy are all given, although the connection is gone; then the cut."""
    data = pattern(size)
    wire, body = await bench.taken(10_000_000)
    await wire.raw(data)
    await arrived(body, size)
    end(wire)
    await until(lambda: bench.requests[0].transport is None)
    assert await collect(body) == (data, BodyCut)
    with pytest.raises(BodyCut):
        await body.read()


async def test_a_disconnect_wakes_a_waiting_read(bench: Bench) -> None:
    """A read that waits for bytes ends with the connection."""
    wire, body = await bench.taken(10_000_000)
    reading = asyncio.create_task(collect(body))
    await asyncio.sleep(0)
    wire.reset()
    assert await reading == (b"", BodyCut)


async def test_a_body_that_came_whole_before_the_disconnect_is_whole(bench: Bench) -> None:
    """The end of the connection after the last byte takes nothing away."""
    data = pattern(100_000)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data)
    await arrived(body, len(data))
    wire.reset()
    await until(lambda: bench.requests[0].transport is None)
    assert await collect(body) == (data, None)


async def test_silence_ends_a_body(bench: Bench) -> None:
    """A body without a byte for the limit has stalled; what came is given first."""
    bench.stall_seconds = 0.2
    wire, body = await bench.taken(10_000_000)
    await wire.raw(b"abc")
    began = asyncio.get_running_loop().time()
    assert await collect(body) == (b"abc", BodyStalled)
    assert 0.15 < asyncio.get_running_loop().time() - began < 2


async def test_a_slow_reader_is_no_silence(bench: Bench) -> None:
    """Time that the server spends elsewhere does not count as the client's silence."""
    bench.stall_seconds = 0.05
    wire, body = await bench.taken(len(FIRST) + 3)
    await asyncio.sleep(0.2)  # the time itself is what is tested
    assert body.silent_seconds == 0
    await wire.raw(b"def")
    assert await collect(body) == (b"def", None)


async def test_silence_is_measured_while_somebody_waits(bench: Bench) -> None:
    """silent_seconds grows while a read waits."""
    _, body = await bench.taken(10_000_000)
    reading = asyncio.create_task(collect(body))
    await asyncio.sleep(0.1)  # the time itself is what is tested
    assert body.silent_seconds >= 0.09
    body.interrupt()
    assert await reading == (b"", Preempted)


@pytest.mark.parametrize("size", [100, 100_000, 700_000])
async def test_interrupt_gives_what_is_held_first(bench: Bench, size: int) -> None:
    """Bytes that arrived before the interruption are given, then Preempted is raised, again and again."""
    data = pattern(size)
    wire, body = await bench.taken(10_000_000)
    await wire.raw(data)
    await arrived(body, size)
    body.interrupt()
    body.interrupt()
    assert await collect(body) == (data, Preempted)
    with pytest.raises(Preempted):
        await body.read()


async def test_interrupt_gives_what_the_kernel_holds(bench: Bench) -> None:
    """What was sent before the interruption is given, also what nobody has received yet: it need not be sent again."""
    wire, body = await bench.taken(3_000_000)
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
    wire, body = await bench.taken(3_000_000)
    await wire.raw(pattern(100_000))
    before = body.is_cut
    wire.writer.close()
    await wire.writer.wait_closed()
    assert (before, body.is_cut) == (False, True)
    data, ended = await collect(body)
    assert (data, ended) == (pattern(100_000), BodyCut)


async def test_interrupt_ends_a_body_that_never_pauses(bench: Bench) -> None:
    """A client that keeps sending cannot keep an interrupted body alive: it gets a moment, whatever it sends."""
    wire, body = await bench.taken(1_000_000_000)
    pushing = asyncio.create_task(wire.push(b"x" * 65_536, most=500_000_000))
    await body.read()
    body.interrupt()
    asked = time.monotonic()
    _, ended = await collect(body)
    assert ended is Preempted
    assert time.monotonic() - asked < 4 * LAST_WORDS_SECONDS
    wire.reset()
    await pushing


async def test_interrupt_of_a_body_that_came_whole_changes_nothing(bench: Bench) -> None:
    """Who has everything need not stop."""
    data = pattern(100_000)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data)
    await arrived(body, len(data))
    body.interrupt()
    assert await collect(body) == (data, None)


async def test_cancelling_the_reader_loses_no_byte(bench: Bench) -> None:
    """A cancelled read is a real cancellation, and the bytes that come later are for the next read."""
    wire, body = await bench.taken(len(FIRST) + 3)
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await wire.raw(b"abc")
    assert await collect(body) == (b"abc", None)


async def test_a_stopping_server_ends_a_body_without_cancelling(bench: Bench) -> None:
    """aiohttp puts a CancelledError into the stream at shutdown; to the reader that is a cut, with what came before."""
    wire, body = await bench.taken(10_000_000)
    await wire.raw(b"abc")
    await arrived(body, 3)
    bench.requests[0].content.set_exception(asyncio.CancelledError())
    assert await collect(body) == (b"abc", BodyCut)


async def test_a_body_that_was_released_gives_nothing_more(bench: Bench) -> None:
    """After release the memory belongs to others: a late read raises instead of showing their bytes."""
    wire, body = await bench.taken(10_000_000)
    await wire.raw(pattern(200_000))
    await arrived(body, 200_000)
    body.release()
    body.release()
    assert bench.blocks.free == 1
    with pytest.raises(BodyCut):
        await body.read()


async def test_a_body_that_nobody_wants_goes_back_to_aiohttp(bench: Bench) -> None:
    """Released before its end, a body is aiohttp's again: it can be read and dropped for the sake of the answer."""
    wire, body = await bench.taken(10_000_000)
    await wire.raw(b"abc")
    await arrived(body, 3)
    body.release()
    await wire.raw(b"defg")
    async with asyncio.timeout(5):
        assert await bench.requests[0].content.readexactly(4) == b"defg"


# --------------------------------------------------------------------------------------------------------- held memory


async def test_a_slow_connection_holds_no_block(bench: Bench) -> None:
    """A few bytes that nobody reads yet are copied; the block stays free for others."""
    wire, body = await bench.taken(10_000_000)
    for count in range(1, 6):
        await wire.raw(bytes(1000))
        await arrived(body, count * 1000)
        assert bench.blocks.free == 1
    assert await body.read() == bytes(5000)


async def test_a_block_goes_back_when_it_was_read(bench: Bench) -> None:
    """While a read waits for more, the connection holds no block, however fast it was before."""
    wire, body = await bench.taken(100_000_000)
    read: list[bytes] = []
    await wire.raw(pattern(3 * MIB))

    async def reading() -> None:
        while block := await body.read():
            read.append(bytes(block))

    task = asyncio.create_task(reading())
    await until(lambda: sum(map(len, read)) == 3 * MIB)
    assert 1 <= bench.blocks.free <= 2
    body.interrupt()
    with pytest.raises(Preempted):
        await task


async def test_nobody_reads_nothing_is_received_beyond_a_block(bench: Bench) -> None:
    """A connection holds one block that nobody reads; the rest stays with its sender until somebody does."""
    data = pattern(40 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    pushing = asyncio.create_task(wire.raw(data))
    await arrived(body, BLOCK_BYTES)
    assert not pushing.done()
    assert body.received == len(FIRST) + BLOCK_BYTES
    assert await collect(body) == (data, None)
    await pushing


async def test_more_connections_than_blocks(bench: Bench) -> None:
    """When all blocks are lent, others go on in smaller steps, and nothing waits for anything."""
    bench.blocks = Blocks(most=1)
    data = pattern(3 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    await wire.raw(data[:MIB])
    await arrived(body, MIB)
    bench.body = asyncio.get_running_loop().create_future()
    other_wire, other = await bench.taken(len(FIRST) + len(data))
    reading = asyncio.create_task(collect(other))
    await other_wire.raw(data)
    assert await reading == (data, None)
    pushing = asyncio.create_task(wire.raw(data[MIB:]))
    assert await collect(body) == (data, None)
    await pushing


# -------------------------------------------------------------------------------------------------- through the server


async def test_a_long_patch_is_stored_as_it_was_sent(served: Served) -> None:
    """The bytes of a long PATCH are those of the file; its answer is the last of its connection."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as wire:
        answer = await wire.ask(
            f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}", body=data
        )
        assert (answer.status, answer.headers["Upload-Offset"], answer.closes) == (204, str(len(data)), True)
        assert await wire.ended() == b""
    (file,) = served.store.published.values()
    assert file.data == data


async def test_a_long_creation_is_stored_as_it_was_sent(served: Served) -> None:
    """creation-with-upload takes long bodies the same way."""
    data = pattern(12_000_000)
    answer = await served.ask(
        "POST /files/ HTTP/1.1", TUS, BYTES, f"Upload-Length: {len(data)}", f"Content-Length: {len(data)}", body=data
    )
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, str(len(data)))
    (file,) = served.store.published.values()
    assert file.data == data


async def test_a_long_patch_that_is_cut_keeps_all_that_arrived(served: Served) -> None:
    """After a reset in the middle the offset is what the server had received, and a second PATCH completes the file."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as wire:
        await wire.send(
            f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}", body=data[:-1]
        )
        await served.reached(path, len(data) - 1)
        wire.reset()
    answer = await served.ask(
        *(f"PATCH {path} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {len(data) - 1}", "Content-Length: 1"), body=data[-1:]
    )
    assert answer.status == 204
    (file,) = served.store.published.values()
    assert file.data == data


async def test_a_long_patch_is_taken_over_by_the_next(served: Served) -> None:
    """The first PATCH stores what it has and gets its answer in the middle of its body; the second one goes on."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as first:
        await first.send(
            *(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}"),
            body=data[:20_000_000],
        )
        await served.reached(path, 20_000_000)
        second = await served.ask(
            *(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 20000000", "Content-Length: 10000000"),
            body=data[20_000_000:],
        )
        assert (second.status, second.headers["Upload-Offset"]) == (204, "30000000")
        assert (await first.answer()).status == 423
        assert await first.ended() == b""
    (file,) = served.store.published.values()
    assert file.data == data


async def test_stopping_ends_a_long_patch_with_an_answer(served: Served) -> None:
    """At a stop a long transfer stores what came, and its client is told to come again."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as wire:
        await wire.send(
            *(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}"),
            body=data[:20_000_000],
        )
        await served.reached(path, 20_000_000)
        served.house.stopping.set()
        served.locks.stop_all()
        assert (await wire.answer()).status == 503
        assert await wire.ended() == b""
    assert bytes(next(iter(served.store.staged.values())).data) == data[:20_000_000]
