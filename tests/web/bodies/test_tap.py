"""Long bodies that come fast: received by the thread that writes them, and given back when they come slowly or end."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.web.bodies.conftest import FIRST, MIB, Bench, arrived, pattern
from tests.web.wire import Wire, until
from tusvideo.errors import BodyCut, Preempted, TransferEnded
from tusvideo.streams import Tap
from tusvideo.web.intake import BLOCK_BYTES, Blocks
from tusvideo.web.takeover import RawBody
from tusvideo.web.tap import BodyTap

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The sender's end of a connection, and the tap's, which does not wait."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as far:
        near, _ = listener.accept()
        near.setblocking(False)
        with near:
            yield far, near


def tap_of(near: socket.socket, *, missing: int, held: bytes = b"", size: int = BLOCK_BYTES) -> BodyTap:
    """Make a tap over a block that holds some bytes already."""
    block = memoryview(bytearray(size))
    block[: len(held)] = held
    return BodyTap(near.dup(), block=block, held=len(held), missing=missing)


def drained(tap: Tap) -> bytes:
    """Take all that a tap gives."""
    found = bytearray()
    while block := tap.next():
        found += block
    return bytes(found)


async def drawn(body: RawBody) -> tuple[bytes, bytes, type[TransferEnded] | None]:
    """Move a body as a transfer does, by taps as far as they go. Give all of it, what came by taps, and its end."""
    found, by_taps = bytearray(), bytearray()
    try:
        async with asyncio.timeout(20):
            while True:
                while (tap := body.tap()) is not None:
                    block = await asyncio.to_thread(drained, tap)
                    found += block
                    by_taps += block
                if not (read := await body.read()):
                    return bytes(found), bytes(by_taps), None
                found += read
    except TransferEnded as error:
        return bytes(found), bytes(by_taps), type(error)


# ----------------------------------------------------------------------------------------------------------------- taps


def test_what_is_there_is_given_and_then_nothing(ends: Ends) -> None:
    """First what was held, together with what follows; a tap to which nothing comes has run dry."""
    far, near = ends
    far.sendall(b"def")
    tap = tap_of(near, held=b"abc", missing=1000)
    assert drained(tap) == b"abcdef"
    assert (tap.received, tap.is_dry) == (3, True)
    far.sendall(b"later")
    assert tap.next() == b""
    tap.close()
    assert near.recv(100) == b"later"


def test_nothing_behind_the_body_is_received(ends: Ends) -> None:
    """The head of a request that follows stays in the connection."""
    far, near = ends
    far.sendall(b"bodyhead of the next")
    tap = tap_of(near, missing=4)
    assert drained(tap) == b"body"
    assert not tap.is_dry
    tap.close()
    assert near.recv(100) == b"head of the next"


@pytest.mark.parametrize("held", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES])
def test_what_was_held_is_given_whole(ends: Ends, held: int) -> None:
    """However much of the block it fills."""
    far, near = ends
    data = pattern(BLOCK_BYTES)[:held]
    far.sendall(b"end")
    tap = tap_of(near, held=data, missing=3)
    assert drained(tap) == data + b"end"
    tap.close()


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_connection_that_ended_is_dry(ends: Ends, how: str) -> None:
    """What came before the end is given; what the end was is for the connection's own transport to tell."""
    far, near = ends
    tap = tap_of(near, held=b"abc", missing=1000)
    if how == "reset":
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    far.close()
    assert drained(tap) == b"abc"
    assert tap.is_dry
    tap.close()


def test_a_tap_that_is_stopped_receives_nothing_more(ends: Ends) -> None:
    """What was held is given all the same: it came before."""
    far, near = ends
    far.sendall(b"more")
    tap = tap_of(near, held=b"abc", missing=1000)
    tap.stop()
    assert drained(tap) == b"abc"
    assert (tap.received, tap.is_dry) == (0, False)
    tap.close()


def test_a_tap_does_not_follow_the_number_of_its_connection(ends: Ends) -> None:
    """When the connection is closed and its number goes to another one, not a byte of that is taken for the body."""
    far, near = ends
    far.sendall(b"body")
    tap = tap_of(near, missing=1000)
    number = near.fileno()
    near.close()
    here, there = socket.socketpair()
    with here, there:
        assert number in {here.fileno(), there.fileno()}
        here.send(b"somebody else's")
        there.send(b"somebody else's")
        assert drained(tap) == b"body"
    tap.close()


# --------------------------------------------------------------------------------------------------------------- bodies


async def test_a_body_that_comes_fast_is_given_whole_and_in_order(bench: Bench) -> None:
    """Every byte comes once, by a tap or by a read; then b"", and every block is back."""
    data = pattern(32 * MIB)
    wire, body = await bench.taken(len(FIRST) + len(data))
    moving = asyncio.create_task(drawn(body))
    await wire.raw(data)
    found, _, ended = await moving
    assert found == data
    assert ended is None
    assert body.received == len(FIRST) + len(data)
    body.release()
    assert 1 <= bench.blocks.free <= 2
    bench.done.set()
    assert (await wire.answer()).body == b"done"


async def fast(bench: Bench, data: bytes, *, size: int = 100 * MIB) -> tuple[Wire, RawBody]:
    """Begin a body of which a block came at once, and read that; all of the data was sent then."""
    wire, body = await bench.taken(size)
    wire.writer.transport.set_write_buffer_limits(high=0)  # what was pushed is in the connection, and not on its way
    pushing = asyncio.create_task(wire.raw(data))
    await arrived(body, BLOCK_BYTES)
    assert await body.read() == data[:BLOCK_BYTES]
    await pushing
    return wire, body


async def test_a_body_that_gave_a_whole_block_has_a_tap(bench: Bench) -> None:
    """It gives what was received behind that block, and what the connection holds; slow bytes are read again."""
    data = pattern(BLOCK_BYTES + 300_000)
    wire, body = await fast(bench, data)
    tap = body.tap()
    assert tap is not None
    assert await asyncio.to_thread(drained, tap) == data[BLOCK_BYTES:]
    assert body.received == len(FIRST) + len(data)
    assert body.tap() is None
    await wire.raw(b"slow")
    assert await body.read() == b"slow"
    assert body.tap() is None


async def test_a_body_that_comes_slowly_has_no_tap(bench: Bench) -> None:
    """Nor one that was not taken over yet, or for which there is no block."""
    bench.blocks = Blocks(most=0)
    wire, body = await bench.begin("PATCH / HTTP/1.1", f"Content-Length: {10 * MIB}", data=FIRST)
    assert body.tap() is None
    assert await body.read() == FIRST
    pushing = asyncio.create_task(wire.raw(pattern(2 * MIB)))
    size = 0
    while size < 2 * MIB:
        size += len(await body.read())
        assert body.tap() is None
    await pushing


async def test_the_tail_before_a_disconnect_comes_by_a_tap(bench: Bench) -> None:
    """All that was sent is given although the connection is gone; the read that follows tells the cut."""
    data = pattern(BLOCK_BYTES + 300_000)
    wire, body = await fast(bench, data)
    wire.writer.close()
    await wire.writer.wait_closed()
    found, by_taps, ended = await drawn(body)
    assert (found, by_taps, ended) == (data[BLOCK_BYTES:], data[BLOCK_BYTES:], BodyCut)


async def test_a_body_that_is_left_while_it_is_tapped_is_whole_up_to_there(bench: Bench) -> None:
    """Who asks it to leave is heard soon, while its sender goes on; not a byte is lost, given twice or out of order."""
    data = pattern(64 * MIB)
    wire, body = await bench.taken(len(FIRST) + 2 * len(data))
    moving = asyncio.create_task(drawn(body))
    pushing = asyncio.create_task(wire.raw(data + data))
    await until(lambda: body.received >= 4 * MIB)
    body.interrupt()
    found, _, ended = await moving
    assert ended is Preempted
    assert found == (data + data)[: len(found)]
    assert body.received == len(FIRST) + len(found)
    body.release()
    bench.done.set()
    wire.reset()
    with contextlib.suppress(ConnectionError):
        await pushing


async def test_a_body_that_was_left_has_no_tap(bench: Bench) -> None:
    """When it has ended, or is released, nothing more is received."""
    _, body = await fast(bench, pattern(BLOCK_BYTES))
    body.interrupt()
    await until(lambda: body.tap() is None)
    with pytest.raises(Preempted):
        await body.read()
    assert body.tap() is None
    body.release()
    assert body.tap() is None


async def test_a_tap_that_nobody_asked_goes_with_the_body(bench: Bench) -> None:
    """Its block and its descriptor are given back."""
    wire, body = await fast(bench, pattern(BLOCK_BYTES + 10_000))
    tap = body.tap()
    assert tap is not None
    free = bench.blocks.free
    body.release()
    assert bench.blocks.free == free + 1
    wire.reset()
