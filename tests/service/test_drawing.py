"""Transfer of bodies that come fast: the writer's thread receives them, and nothing else is different."""

import asyncio

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.service.transfers import Bench
from tusvideo.errors import (
    BodyCut,
    DiskFull,
    Preempted,
    StorageFailed,
    TransferEnded,
)
from tusvideo.model import SNIFF_BYTES

HEAD = bytes(SNIFF_BYTES)


def fast(*blocks: bytes, is_open: bool = False) -> FakeBody:
    """Make a body that offers a tap."""
    body = FakeBody(*blocks, is_open=is_open)
    body.is_fast = True
    return body


async def test_a_body_that_comes_fast_is_drawn_once_its_head_was_seen() -> None:
    """What decides the type of an upload is looked at before it is written; the rest goes past the loop."""
    bench = Bench(fast(HEAD, b"one", b"two"), most=10_000)
    assert await bench.transfer.run() == SNIFF_BYTES + 6
    assert (bench.writer.data, bench.writer.drawn) == (HEAD + b"onetwo", b"onetwo")
    assert bench.offset == SNIFF_BYTES + 6


async def test_a_short_head_is_read_until_it_is_long_enough() -> None:
    """One byte less than what decides is followed by a read."""
    bench = Bench(fast(HEAD[1:], b"one", b"two"), most=10_000)
    await bench.transfer.run()
    assert (bench.writer.data, bench.writer.drawn) == (HEAD[1:] + b"onetwo", b"two")


@pytest.mark.parametrize("case", ["a body of unknown size", "a writer that has to see the bytes"])
async def test_other_bodies_are_read(case: str) -> None:
    """Whose bytes have to be held back, or looked at, they pass by in the loop."""
    bench = Bench(fast(b"one", b"two"), start=SNIFF_BYTES, exact=case != "a body of unknown size")
    bench.writer.draws = case != "a writer that has to see the bytes"
    assert await bench.transfer.run() == 6
    assert (bench.writer.data, bench.writer.drawn) == (b"onetwo", b"")


async def test_what_is_drawn_is_committed_on_the_way() -> None:
    """A checkpoint is begun after as many bytes as ever, while the body goes on."""
    body = fast(b"12345", b"67890", b"more", is_open=True)
    bench = Bench(body, start=SNIFF_BYTES, checkpoint_bytes=10)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    assert bench.commits[0] == SNIFF_BYTES + 10
    assert bench.writer.drawn == b"1234567890more"
    body.end()
    assert await running == 14


async def test_what_was_drawn_before_a_full_disk_is_kept() -> None:
    """The bytes in front of those that found no room are committed; then DiskFull is raised."""
    body = fast(b"12345", b"67890", is_open=True)
    bench = Bench(body, start=SNIFF_BYTES)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    bench.writer.fails_write = DiskFull()
    body.feed(b"no room")
    with pytest.raises(DiskFull):
        await running
    assert (bench.writer.data, bench.offset) == (b"1234567890", SNIFF_BYTES + 10)


async def test_a_failed_checkpoint_ends_a_body_that_is_drawn() -> None:
    """A disk that cannot sync takes no more of it, however much of it is there."""
    body = fast(b"12345", is_open=True)
    bench = Bench(body, start=SNIFF_BYTES, checkpoint_bytes=5)
    bench.writer.fails_sync = StorageFailed()
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    await bench.transfer.checkpoint()
    body.end(b"67890", b"more")
    with pytest.raises(StorageFailed):
        await running
    assert (bench.writer.data, bench.writer.drawn) == (b"1234567890", b"12345")


@pytest.mark.parametrize("reason", [BodyCut("cut"), Preempted("asked")])
async def test_what_was_drawn_before_the_end_is_kept(reason: TransferEnded) -> None:
    """How the body ended tells the read that follows."""
    body = cut_body(b"hel", b"lo", reason=reason)
    body.is_fast = True
    bench = Bench(body, start=SNIFF_BYTES)
    with pytest.raises(type(reason)):
        await bench.transfer.run()
    assert (bench.writer.drawn, bench.offset) == (b"hello", SNIFF_BYTES + 5)
