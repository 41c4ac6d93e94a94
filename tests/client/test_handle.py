"""An upload in the hands of its caller: watched, paused, cancelled, over both protocols."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    AsyncUploadHandle,
    Continued,
    Created,
    Cut,
    Failed,
    Finished,
    Offline,
    Online,
    Paused,
    Phase,
    PieceSize,
    Progress,
    RejectedError,
    Resumed,
    Retrying,
    RetryPolicy,
    Stalled,
    Stored,
    UploadCancelledError,
    UploadError,
    Verified,
    chunks,
)
from tusvideo_client.clock import Clock
from tusvideo_client.control import Control
from tusvideo_client.events import OnEvent, UploadEvent
from tusvideo_client.state import MIB

Start = Callable[..., AsyncUploadHandle]


@pytest.fixture(params=["tus", "chunks"])
async def start(request: pytest.FixtureRequest, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """``start`` of an uploader, once for each protocol."""
    if request.param == "chunks":
        monkeypatch.setattr(chunks, "PAUSE_GRACE", 0.05)  # a chunk that the server holds does not end
        yield AsyncChunkedVideoUploader(peer.url).start
        return
    async with AsyncUploader(peer.url) as uploader:
        yield uploader.start


def only(events: list[UploadEvent]) -> list[UploadEvent]:
    """The events without progress."""
    return [event for event in events if not isinstance(event, Progress)]


@asynccontextmanager
async def held(start: Start, peer: Peer, video: Path, **options: object) -> AsyncIterator[AsyncUploadHandle]:
    """An upload whose first body is held by the server after 300,000 bytes."""
    method, path = ("PATCH", "files") if start.__self__.__class__ is AsyncUploader else ("POST", "chunk")  # type: ignore[attr-defined]  # a bound method
    peer.faults = [Fault(method, hold_after=300_000, path=path)]
    async with start(video, **options) as handle:
        await peer.reached.wait()
        yield handle


async def wait_for(events: AsyncIterator[UploadEvent], kind: type[UploadEvent]) -> UploadEvent:
    """The next event of a kind."""
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind}")


async def test_a_pause_breaks_the_request_off_and_costs_nothing(start: Start, peer: Peer, video: Path) -> None:
    """While paused nothing is sent; afterwards the server is asked first, and no failure is booked."""
    async with held(start, peer, video) as handle:
        events = handle.events()
        handle.pause()
        handle.pause()
        assert await wait_for(events, Paused) == Paused(offset=0)
        assert (handle.is_paused, handle.is_done, handle.progress.phase) == (True, False, Phase.PAUSED)
        requests = len(peer.seen)
        handle.resume()
        await wait_for(events, Continued)
        result = await handle
    assert (handle.is_paused, handle.is_done) == (False, True)
    assert peer.seen[requests].method == "HEAD"
    assert bytes(peer.only().data) == video.read_bytes()
    assert (result.stats.retries, result.stats.stalls) == (0, 0)


async def test_a_pause_before_the_first_request_holds_everything_back(start: Start, peer: Peer, video: Path) -> None:
    """A handle can be paused as soon as it exists."""
    handle = start(video)
    events = handle.events()
    handle.pause()
    await wait_for(events, Paused)
    assert peer.seen == []
    handle.resume()
    assert (await handle.result()).size == video.stat().st_size


async def test_a_pause_that_ends_at_once_is_no_cancel(peer: Peer, video: Path) -> None:
    """``pause`` and ``resume`` in one breath break a request of tus off, and the upload goes on."""
    async with AsyncUploader(peer.url) as uploader, held(uploader.start, peer, video) as handle:
        handle.pause()
        handle.resume()
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_pause_uses_no_patience(peer: Peer, video: Path, waits: Waits) -> None:
    """Hours in a pause are no time without progress: the failure that follows is judged as if there had been none."""
    policy = RetryPolicy(no_progress=60.0)
    async with (
        AsyncUploader(peer.url, retry=policy, clock=waits.clock) as uploader,
        held(uploader.start, peer, video) as handle,
    ):
        events = handle.events()
        handle.pause()
        await wait_for(events, Paused)
        peer.faults = [Fault("HEAD", status=500, times=3)]
        waits.at += 7200
        handle.resume()
        assert await wait_for(events, Continued) == Continued(seconds=7200)
        await handle.result()
    assert bytes(peer.only().data) == video.read_bytes()


@pytest.mark.parametrize("ends", ["within the wait", "after it"])
async def test_a_pause_is_no_time_offline(ends: str, peer: Peer, video: Path, waits: Waits) -> None:
    """Hours in a pause that began while a wait for the server lasted: nobody gives up for them, and none is counted."""

    async def wait(seconds: float) -> None:
        """Instead of waiting; the user pauses in the second wait, and the server comes back in the third."""
        waits.slept.append(seconds)
        waits.at += seconds
        if len(waits.slept) == 2:
            handle.pause()
            waits.at += 7200
            if ends == "within the wait":
                handle.resume()
        if len(waits.slept) == 3:
            await peer.start()

    def hear(event: UploadEvent) -> None:
        told.append(event)
        if isinstance(event, Paused):
            waits.at += 3600
            handle.resume()

    told: list[UploadEvent] = []
    await peer.stop()
    policy = RetryPolicy(no_progress=100.0, max_offline=100.0)
    clock = Clock(now=lambda: waits.at, sleep=wait, draw=max)
    async with AsyncUploader(peer.url, protocol="tus", retry=policy, clock=clock) as uploader:
        handle = uploader.start(video, on_event=hear)
        result = await handle
    assert result.stats.offline == sum(waits.slept)
    assert [event.seconds for event in told if isinstance(event, Online)] == [sum(waits.slept)]
    assert [event.seconds for event in told if isinstance(event, Continued)] == [3600] * (ends == "after it")
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_pause_right_after_a_resume_holds_back(waits: Waits) -> None:
    """Whoever was let go and had no turn yet waits on, however often; the time between is none of a pause."""
    control = Control(waits.clock.now)
    control.pause()
    passing = asyncio.create_task(control.passage())
    for _ in range(3):
        await asyncio.sleep(0)
        waits.at += 5
        control.resume()
        waits.at += 1
        control.pause()
    for _ in range(3):
        await asyncio.sleep(0)
    assert (passing.done(), control.is_paused, control.paused) == (False, True, 15)
    control.resume()
    await passing
    control.resume()
    assert control.paused == 15


async def test_cancel_keeps_what_is_stored(start: Start, peer: Peer, video: Path) -> None:
    """After a cancel the result is an error of its own, and the same upload again resumes."""
    async with held(start, peer, video) as handle:
        assert await handle.cancel()
        with pytest.raises(UploadCancelledError, match="cancelled") as caught:
            await handle
    assert caught.value.retryable
    assert caught.value.upload_url
    assert not await handle.cancel(terminate=True), "it has ended, and nothing is removed any more"
    await start(video)
    assert bytes(peer.only().data) == video.read_bytes()


async def test_cancel_may_remove_what_is_stored(start: Start, peer: Peer, video: Path, state_dir: Path) -> None:
    """With ``terminate`` neither side remembers the upload."""
    async with held(start, peer, video) as handle:
        assert await handle.cancel(terminate=True)
        with pytest.raises(UploadCancelledError, match="removed"):
            await handle.result()
    assert [*peer.uploads, *peer.chunked] == []
    assert list((state_dir / "uploads").iterdir()) == []


async def test_what_the_server_does_not_remove_is_remembered(peer: Peer, video: Path, state_dir: Path) -> None:
    """If the server does not confirm the end, ``cancel`` says so and the upload can go on."""
    async with AsyncUploader(peer.url) as uploader:
        async with held(uploader.start, peer, video) as handle:
            peer.faults = [Fault("DELETE", status=500)]
            assert not await handle.cancel(terminate=True)
        result = await uploader.upload(video)
    assert result.resumed_from > 0
    assert peer.count("DELETE") == 1


async def test_a_paused_upload_can_be_cancelled(start: Start, peer: Peer, video: Path) -> None:
    """A pause does not hold a cancel back."""
    async with held(start, peer, video) as handle:
        events = handle.events()
        handle.pause()
        await wait_for(events, Paused)
        assert await handle.cancel()
    assert handle.is_done


async def test_an_error_in_the_block_cancels_the_upload(start: Start, peer: Peer, video: Path) -> None:
    """``async with`` leaves nothing running behind."""
    with pytest.raises(ZeroDivisionError):
        async with held(start, peer, video) as handle:
            raise ZeroDivisionError
    assert handle.is_done


async def test_cancelling_the_block_cancels_the_upload_and_cancelling_a_wait_does_not(
    start: Start, peer: Peer, video: Path
) -> None:
    """Who waits for the result may stop waiting; who leaves the block leaves nothing behind."""
    handles: list[AsyncUploadHandle] = []

    async def block() -> None:
        async with held(start, peer, video) as handle:
            handles.append(handle)
            inside.set()

    inside = asyncio.Event()
    task = asyncio.create_task(block())
    await inside.wait()
    waiter = asyncio.create_task(handles[0].result())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait({waiter})
    assert not handles[0].is_done
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handles[0].is_done


async def test_the_end_of_the_uploader_cancels_what_still_runs(peer: Peer, video: Path) -> None:
    """The state of an upload that nobody waits for is saved when its uploader closes."""
    peer.faults = [Fault("PATCH", hold_after=300_000)]
    async with AsyncUploader(peer.url) as uploader:
        handle = uploader.start(video)
        await peer.reached.wait()
    with pytest.raises(UploadCancelledError):
        await handle
    async with AsyncUploader(peer.url) as uploader:
        assert (await uploader.upload(video)).resumed_from == 300_000


async def test_the_events_of_a_plain_upload(start: Start, peer: Peer, video: Path) -> None:
    """Created, piece size, stored, verified, finished; 100 % comes after the server's word and before the result."""
    told: list[UploadEvent] = []
    handle = start(video, on_event=told.append)
    streamed = [event async for event in handle.events()]
    assert only(streamed) == only(told)
    kinds = [type(event) for event in only(told)]
    assert kinds[0] is Created
    assert kinds[1] is PieceSize
    assert kinds[-2:] == [Verified, Finished]
    assert set(kinds[2:-2]) == {Stored}
    assert told[-1] == Finished(result=await handle)
    assert [event async for event in handle.events()] == [told[-1]]
    whole = next(index for index, event in enumerate(told) if isinstance(event, Progress) and event.percent == 100)
    assert whole > told.index(next(event for event in told if isinstance(event, Verified)))
    assert told[whole].phase is Phase.DONE  # type: ignore[union-attr]  # an error if it is none


async def test_the_events_of_a_resumed_upload(start: Start, peer: Peer, video: Path) -> None:
    """An upload that goes on is resumed, not created."""
    async with held(start, peer, video) as handle:
        await handle.cancel()
    told: list[UploadEvent] = []
    await start(video, on_event=told.append)
    (resumed,) = [event for event in told if isinstance(event, Resumed)]
    assert resumed.offset == (300_000 if "/files/" in resumed.url else 0)
    assert not any(isinstance(event, Created) for event in told)


async def test_the_events_of_an_upload_through_trouble(peer: Peer, video: Path, waits: Waits) -> None:
    """A cut, a stall, a server that is away and back: each is told when it happens, each wait with its length."""

    async def wait(seconds: float) -> None:
        """Instead of waiting; the server leaves in the second wait and comes back in the fourth."""
        waits.slept.append(seconds)
        waits.at += seconds
        if len(waits.slept) == 2:
            await peer.stop()
        if len(waits.slept) == 4:
            await peer.start()

    told: list[UploadEvent] = []
    peer.faults = [Fault("PATCH", cut_after=300_000), Fault("PATCH", hold_after=300_000)]
    clock = Clock(now=lambda: waits.at, sleep=wait, draw=max)
    async with AsyncUploader(peer.url, stall_timeout=0.5, clock=clock, request_bytes=MIB) as uploader:
        await uploader.start(video, on_event=told.append)
    kinds = [type(event) for event in only(told)]
    assert kinds[:2] == [Created, PieceSize]
    trouble = [kind for kind in kinds if kind in {Cut, Stalled, Offline, Online, Retrying}]
    assert trouble == [Cut, Retrying, Stalled, Retrying, Offline, Retrying, Retrying, Online]
    assert [event.seconds for event in told if isinstance(event, Retrying)] == waits.slept
    (online,) = [event for event in told if isinstance(event, Online)]
    assert online.seconds == sum(waits.slept[2:])
    assert bytes(peer.only().data) == video.read_bytes()


async def test_progress_is_honest(start: Start, peer: Peer, video: Path, waits: Waits) -> None:
    """stored <= acked <= sent <= total at every moment; per cents never fall, and 100 comes once, at the end."""
    told: list[Progress] = []
    peer.faults = [
        Fault("PATCH", cut_after=300_000),
        Fault("PATCH", cut_after=700_000),
        Fault("POST", cut_after=100_000, path="chunk"),
    ]
    handle = start(video, progress=told.append)
    await handle
    size = video.stat().st_size
    assert all(0 <= now.stored <= now.acked <= now.sent <= size == now.total for now in told)
    percents = [now.percent for now in told]
    assert percents == sorted(percents)
    assert [now.phase for now in told if now.percent == 100] == [Phase.DONE]
    assert handle.progress == told[-1]


async def test_a_failure_is_the_last_event(start: Start, peer: Peer, video: Path) -> None:
    """The error that ``result`` raises is told before."""
    peer.faults = [Fault("POST", status=403, body="no room")]
    handle = start(video)
    told = [event async for event in handle.events()]
    with pytest.raises(RejectedError) as caught:
        await handle
    assert told[-1] == Failed(error=caught.value)
    with pytest.raises(RejectedError):
        async with handle:
            pass


async def test_an_error_of_a_callback_ends_the_upload(start: Start, peer: Peer, video: Path) -> None:
    """What the caller's own code raises is raised to the caller, and the state is saved."""

    def refuse(event: UploadEvent) -> None:
        if isinstance(event, Stored):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await start(video, on_event=refuse)
    result = await start(video)
    assert result.size == video.stat().st_size
    assert len([*peer.uploads, *peer.chunked]) == 1


async def test_to_a_slow_reader_only_progress_is_left_out(start: Start, peer: Peer, video: Path) -> None:
    """Every other event waits for its reader."""
    told: list[UploadEvent] = []
    handle = start(video, on_event=told.append)
    events = handle.events()
    await handle
    streamed = [event async for event in events]
    assert only(streamed) == only(told)
    for one, other in pairwise(streamed):
        assert not (isinstance(one, Progress) and isinstance(other, Progress))


async def test_upload_tells_the_same_events(peer: Peer, video: Path) -> None:
    """``on_event`` of ``upload`` needs no handle, and ``progress`` beside it is told what it always was."""
    told: list[UploadEvent] = []
    progress: list[Progress] = []
    hear: OnEvent = told.append
    async with AsyncUploader(peer.url) as uploader:
        result = await uploader.upload(video, on_event=hear, progress=progress.append)
        peer.faults = [Fault("POST", status=403)]
        with pytest.raises(UploadError):
            await uploader.upload(video, on_event=hear)
    assert Finished(result=result) in told
    assert isinstance(told[-1], Failed)
    assert [event for event in told if isinstance(event, Progress)][: len(progress)] == progress
