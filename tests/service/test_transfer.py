"""Transfer: write, then sync, then commit, whatever happens to the body, the disk or the task."""

import asyncio
from collections.abc import Callable

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.service.transfers import Bench
from tusvideo.errors import (
    BodyCut,
    BodyStalled,
    DiskFull,
    Preempted,
    StorageFailed,
    TooLarge,
    TransferEnded,
    TusvideoError,
)
from tusvideo.service.transfer import CheckpointTurns


async def test_a_whole_body_is_durable_and_committed_when_run_returns() -> None:
    """The number of stored bytes is told only after the last of them is durable and committed."""
    bench = Bench(FakeBody(b"hello", b" ", b"world"), start=7)
    assert await bench.transfer.run() == 11
    assert (bench.writer.data, bench.writer.durable, bench.offset) == (b"hello world", 18, 18)


async def test_an_empty_body_commits_nothing() -> None:
    """No byte, no sync, no commit."""
    bench = Bench(FakeBody())
    assert await bench.transfer.run() == 0
    assert bench.commits == []
    assert not bench.writer.syncing.is_set()


@pytest.mark.parametrize("reason", [BodyCut("cut"), BodyStalled("stalled"), Preempted("asked")])
@pytest.mark.parametrize("exact", [True, False])
async def test_what_came_before_the_end_is_kept(reason: TransferEnded, exact: bool) -> None:
    """A body that ends early leaves all bytes that arrived durable and committed; then its reason is raised."""
    bench = Bench(cut_body(b"hel", b"lo", reason=reason), exact=exact)
    with pytest.raises(type(reason)):
        await bench.transfer.run()
    assert (bench.writer.data, bench.offset) == (b"hello", 5)


async def test_a_stop_keeps_what_had_arrived() -> None:
    """A transfer that is asked to leave stores what the body still holds, commits, and raises Preempted."""
    body = FakeBody(b"one", is_open=True)
    bench = Bench(body)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    body.feed(b"two", b"three")
    bench.transfer.stop()
    with pytest.raises(Preempted):
        await running
    assert (bench.writer.data, bench.offset) == (b"onetwothree", 11)


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        pytest.param((b"123456",), b"", id="in one block"),
        pytest.param((b"123", b"456"), b"123", id="crossing the bound"),
        pytest.param((b"12345", b"6"), b"", id="after a block that reaches the bound"),
        pytest.param((b"12", b"345", b"6"), b"12", id="after a later block that reaches the bound"),
    ],
)
async def test_a_body_of_unknown_size_that_is_too_long_never_completes(blocks: tuple[bytes, ...], kept: bytes) -> None:
    """The block that reaches the bound waits for the end of the body: on overflow the prefix stays below the bound."""
    bench = Bench(FakeBody(*blocks), most=5, exact=False)
    with pytest.raises(TooLarge):
        await bench.transfer.run()
    assert (bench.writer.data, bench.offset) == (kept, len(kept))


async def test_an_overflow_of_an_exact_plan_is_refused() -> None:
    """A body that is longer than it said stores nothing beyond the bound."""
    bench = Bench(FakeBody(b"123", b"456"), most=5)
    with pytest.raises(TooLarge):
        await bench.transfer.run()
    assert bench.writer.data == b"123"


@pytest.mark.parametrize("exact", [True, False])
async def test_a_body_may_reach_the_bound(exact: bool) -> None:
    """Exactly as many bytes as there is room for are fine, known size or not."""
    bench = Bench(FakeBody(b"12", b"345"), most=5, exact=exact)
    assert await bench.transfer.run() == 5
    assert bench.offset == 5


async def test_a_cut_at_the_bound_keeps_all_but_the_last_byte() -> None:
    """Without its end a body of unknown size may have been too long, so what is kept must not complete anything."""
    bench = Bench(cut_body(b"12", b"345"), most=5, exact=False)
    with pytest.raises(BodyCut):
        await bench.transfer.run()
    assert (bench.writer.data, bench.offset) == (b"1234", 4)


async def test_a_held_back_single_byte_is_not_written() -> None:
    """Of a last block of one byte nothing is left to keep."""
    bench = Bench(cut_body(b"1234", b"5"), most=5, exact=False)
    with pytest.raises(BodyCut):
        await bench.transfer.run()
    assert bench.offset == 4


async def test_checkpoints_come_by_bytes() -> None:
    """After so many bytes since the last commit a checkpoint runs, and the body is read on meanwhile."""
    body = FakeBody(b"1234", is_open=True)
    bench = Bench(body, checkpoint_bytes=4)
    bench.writer.gate.clear()
    running = asyncio.create_task(bench.transfer.run())
    await bench.writer.syncing.wait()
    body.feed(b"56")
    await body.hungry.wait()
    assert (bench.writer.position, bench.commits) == (6, [])
    bench.writer.gate.set()
    body.end()
    await running
    assert bench.commits == [4, 6]


async def test_checkpoints_come_by_time() -> None:
    """A slow body is committed every second, at the first bytes after it."""
    body = FakeBody(b"1", is_open=True)
    bench = Bench(body)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    assert bench.commits == []
    bench.clock.move(1.0)
    body.feed(b"2")
    await bench.committing.wait()
    body.end()
    await running
    assert bench.commits == [2]


async def test_many_bodies_take_turns() -> None:
    """Of the checkpoints that only the time asks for there are few at once, so that trickles keep nobody else waiting;
    who found no turn makes one with the next bytes after another one has ended."""
    turns = CheckpointTurns(most=1)
    first, second = (Bench(FakeBody(b"1", is_open=True), turns=turns) for _ in range(2))
    running = [asyncio.create_task(bench.transfer.run()) for bench in (first, second)]
    for bench in (first, second):
        await bench.body.hungry.wait()
        bench.clock.move(1.0)
    first.writer.gate.clear()
    first.body.feed(b"2")
    await first.writer.syncing.wait()
    second.body.feed(b"2")
    await second.body.hungry.wait()
    assert not second.writer.syncing.is_set()
    first.writer.gate.set()
    await first.committing.wait()
    await first.body.hungry.wait()
    second.body.feed(b"3")
    await second.committing.wait()
    first.body.end()
    second.body.end()
    await asyncio.gather(*running)
    assert (first.commits, second.commits) == ([2], [3])


async def test_a_turn_rests_four_times_as_long_as_its_checkpoint_took() -> None:
    """Trickles get a fifth of the disk's and the processor's time, whatever a checkpoint takes there."""
    turns = CheckpointTurns(most=1)
    first, second = (Bench(FakeBody(b"1", is_open=True), turns=turns) for _ in range(2))
    running = [asyncio.create_task(bench.transfer.run()) for bench in (first, second)]
    for bench in (first, second):
        await bench.body.hungry.wait()
        bench.clock.move(1.0)
    first.writer.gate.clear()
    first.body.feed(b"2")
    await first.writer.syncing.wait()
    first.clock.move(0.5)
    first.writer.gate.set()
    await first.committing.wait()
    await first.body.hungry.wait()
    second.clock.move(2.4)
    second.body.feed(b"2")
    await second.body.hungry.wait()
    assert not second.writer.syncing.is_set()
    second.clock.move(0.1)
    second.body.feed(b"3")
    await second.committing.wait()
    first.body.end()
    second.body.end()
    await asyncio.gather(*running)


async def test_questions_and_bytes_need_no_turn() -> None:
    """Whoever asks where an upload stands, and what must not be lost, waits for no trickle."""
    body = FakeBody(b"12", is_open=True)
    bench = Bench(body, turns=CheckpointTurns(most=0), checkpoint_bytes=4)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    bench.clock.move(1.0)
    body.feed(b"3")
    await body.hungry.wait()
    assert bench.commits == []
    await bench.transfer.checkpoint()
    assert bench.commits == [3]
    bench.committing.clear()
    body.feed(b"4567")
    await bench.committing.wait()
    body.end()
    await running
    assert bench.commits == [3, 7]


async def test_a_question_gets_a_checkpoint_of_a_live_transfer() -> None:
    """When ``checkpoint`` returns, what was written before is committed; the transfer goes on."""
    body = FakeBody(b"123", is_open=True)
    bench = Bench(body)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    await bench.transfer.checkpoint()
    assert bench.offset == 3
    body.end(b"45")
    assert await running == 5
    assert bench.offset == 5


async def test_many_questions_share_the_checkpoints() -> None:
    """Questions beside each other and beside the transfer's own checkpoint never sync or commit twice for one byte."""
    body = FakeBody(b"1234", is_open=True)
    bench = Bench(body, checkpoint_bytes=4)
    bench.writer.gate.clear()
    running = asyncio.create_task(bench.transfer.run())
    await bench.writer.syncing.wait()
    body.feed(b"5")
    await body.hungry.wait()
    questions = [asyncio.create_task(bench.transfer.checkpoint()) for _ in range(5)]
    await asyncio.sleep(0)
    body.end()
    bench.writer.gate.set()
    await asyncio.gather(*questions, running)
    assert bench.commits == [4, 5]


async def test_a_question_that_gives_up_stops_no_checkpoint() -> None:
    """A question waits a moment only; the commit that it asked for goes on without it."""
    body = FakeBody(b"123", is_open=True)
    bench = Bench(body)
    bench.writer.gate.clear()
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    question = asyncio.create_task(bench.transfer.checkpoint())
    await bench.writer.syncing.wait()
    question.cancel()
    await asyncio.wait([question])
    bench.writer.gate.set()
    await bench.committing.wait()
    body.end()
    await running
    assert bench.commits == [3]


@pytest.mark.parametrize("error", [DiskFull(), StorageFailed()])
async def test_a_failing_write_keeps_what_was_written_before(error: TusvideoError) -> None:
    """The disk refuses a block: the blocks before it are made durable and committed, the error is told."""
    body = FakeBody(b"123", is_open=True)
    bench = Bench(body)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    bench.writer.fails_write = error
    body.feed(b"456")
    with pytest.raises(type(error)):
        await running
    assert (bench.offset, bench.writer.durable) == (3, 3)


async def test_a_failing_sync_commits_nothing_of_it() -> None:
    """After a failed sync nothing more is committed, not even by a question; the error is told."""
    body = FakeBody(b"123", is_open=True)
    bench = Bench(body)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    await bench.transfer.checkpoint()
    bench.writer.fails_sync = StorageFailed()
    body.feed(b"45")
    await body.hungry.wait()
    await bench.transfer.checkpoint()
    bench.writer.fails_sync = None
    await bench.transfer.checkpoint()
    body.end(b"6")
    with pytest.raises(StorageFailed):
        await running
    assert bench.offset == 3


async def test_a_failing_commit_ends_the_transfer() -> None:
    """A database that fails is told; the offset stays at what is committed."""
    bench = Bench(FakeBody(b"1234", b"56", b"78"), checkpoint_bytes=4)
    bench.fails_commit = StorageFailed()
    with pytest.raises(StorageFailed):
        await bench.transfer.run()
    assert bench.commits == []


async def test_a_failing_last_commit_wins_over_the_cut() -> None:
    """When what arrived could not be kept, the failure is told and not the cut."""
    bench = Bench(cut_body(b"123"))
    bench.fails_commit = StorageFailed()
    with pytest.raises(StorageFailed):
        await bench.transfer.run()


async def test_refused_bytes_are_not_written() -> None:
    """What ``look`` refuses never reaches the writer; what came before is kept."""
    body = FakeBody(b"123", is_open=True)
    bench = Bench(body)
    running = asyncio.create_task(bench.transfer.run())
    await body.hungry.wait()
    bench.refuses = TooLarge("the body", limit=3)
    body.feed(b"456")
    with pytest.raises(TooLarge):
        await running
    assert (bench.writer.data, bench.offset) == (b"123", 3)


def _endings() -> list[tuple[str, Callable[[], FakeBody]]]:
    return [
        ("whole", lambda: FakeBody(b"123", b"456", b"789", b"0")),
        ("cut", lambda: cut_body(b"123", b"456", b"789", b"0")),
    ]


@pytest.mark.parametrize("again", [0, 1, 3])
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("ending", "make"), _endings())
async def test_a_cancellation_at_any_await_leaves_nothing_running(
    ending: str, make: Callable[[], FakeBody], exact: bool, again: int
) -> None:
    """Cancelled at its n-th turn, for every n, and again soon after: when the task is over so is every sync and commit,
    and the session counts exactly what was written."""
    for turn in range(1000):
        bench = Bench(make(), most=10, exact=exact, checkpoint_bytes=4)
        running = asyncio.create_task(bench.transfer.run())
        for _ in range(turn):
            await asyncio.sleep(0)
        if running.done():
            break
        running.cancel()
        for _ in range(again):
            await asyncio.sleep(0)
            running.cancel()
        await asyncio.wait([running])
        assert running.cancelled() or ending == "cut"
        before = list(bench.commits)
        assert bench.offset == bench.writer.position == bench.writer.durable
        for _ in range(20):
            await asyncio.sleep(0)
        assert bench.commits == before
    else:
        pytest.fail("the transfer never ended by itself")
    assert turn > 5
    await asyncio.gather(running, return_exceptions=True)


async def test_a_cancellation_waits_for_the_commit_under_way() -> None:
    """Cancelled while its last commit runs, the transfer ends after it: the lease must not be given back before."""
    bench = Bench(FakeBody(b"123"))
    bench.commit_gate.clear()
    running = asyncio.create_task(bench.transfer.run())
    await bench.committing.wait()
    running.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not running.done()
    bench.commit_gate.set()
    await asyncio.wait([running])
    assert running.cancelled()
    assert bench.commits == [3]


async def test_silence_is_that_of_the_body() -> None:
    """The transfer is as silent as its body."""
    bench = Bench(FakeBody(is_open=True))
    bench.body.silent_seconds = 6.5
    assert bench.transfer.silent_seconds == 6.5
