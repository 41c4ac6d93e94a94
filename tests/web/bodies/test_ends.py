"""Long bodies past aiohttp that end early: cut, silent, interrupted, cancelled, released."""

import asyncio
from collections.abc import Callable

import pytest

from tests.web.bodies.conftest import FIRST, Bench, Leap, arrived, collect, given_up_after, pattern
from tests.web.wire import Wire, until
from tusvideo.errors import BodyCut, BodyStalled, Preempted
from tusvideo.web.body import LAST_WORDS_SECONDS


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


async def test_silence_ends_a_body(bench: Bench, leap: Leap) -> None:
    """A body without a byte for the limit has stalled, and not before; what came is given first."""
    bench.stall_seconds = 15.0
    wire, body = await bench.taken(10_000_000)
    await wire.raw(b"abc")
    await arrived(body, 3)
    assert await given_up_after(10.0, 5.0, body=body, leap=leap) == (b"abc", BodyStalled)


async def test_a_slow_reader_is_no_silence(bench: Bench, leap: Leap) -> None:
    """Time that the server spends elsewhere does not count as the client's silence."""
    wire, body = await bench.taken(len(FIRST) + 3)
    await leap(4 * bench.stall_seconds)
    assert body.silent_seconds == 0
    await wire.raw(b"def")
    assert await collect(body) == (b"def", None)


async def test_silence_is_measured_while_somebody_waits(bench: Bench, leap: Leap) -> None:
    """silent_seconds grows while a read waits."""
    _, body = await bench.taken(10_000_000)
    reading = asyncio.create_task(collect(body))
    await until(lambda: body.silent_seconds > 0)
    await leap(10.0)
    assert body.silent_seconds >= 10.0
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
