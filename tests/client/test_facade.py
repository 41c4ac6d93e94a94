"""The blocking uploaders: in scripts, inside running loops, with callbacks in the caller's thread."""

import asyncio
import inspect
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    ChunkedVideoUploader,
    Finished,
    GaveUpError,
    Paused,
    Phase,
    Progress,
    UploadCancelledError,
    Uploader,
    UploadError,
    UploadHandle,
    portal,
)
from tusvideo_client.chunked import ChunkedOptions
from tusvideo_client.clock import Clock
from tusvideo_client.state import MIB
from tusvideo_client.uploader import UploadOptions


def test_the_documented_signature() -> None:
    """ChunkedVideoUploader(base_url, token=None).upload_video(file, on_progress=None, on_error=None)."""
    parameters = list(inspect.signature(ChunkedVideoUploader).parameters.values())
    assert [parameter.name for parameter in parameters[:2]] == ["base_url", "token"]
    assert parameters[1].default is None
    assert {parameter.kind for parameter in parameters[2:]} == {inspect.Parameter.KEYWORD_ONLY}
    method = list(inspect.signature(ChunkedVideoUploader.upload_video).parameters)
    assert method == ["self", "file", "on_progress", "on_error"]
    assert method == list(inspect.signature(AsyncChunkedVideoUploader.upload_video).parameters)


@pytest.mark.parametrize(
    ("blocking", "awaited"), [(Uploader, AsyncUploader), (ChunkedVideoUploader, AsyncChunkedVideoUploader)]
)
def test_both_shapes_take_the_same_arguments(blocking: type, awaited: type) -> None:
    """A default that changes changes for both; a method that one has the other has too."""
    assert inspect.signature(blocking).parameters == inspect.signature(awaited).parameters
    for name in ("upload", "upload_video", "upload_many", "start"):
        if hasattr(awaited, name):
            ours = inspect.signature(getattr(blocking, name)).parameters
            assert list(ours) == list(inspect.signature(getattr(awaited, name)).parameters)


@pytest.mark.parametrize(
    ("uploader", "options"), [(AsyncUploader, UploadOptions), (AsyncChunkedVideoUploader, ChunkedOptions)]
)
def test_start_takes_the_options_of_upload(uploader: type, options: type) -> None:
    """An argument that ``upload`` gets is one of ``start`` too."""
    parameters = inspect.signature(uploader.upload).parameters  # type: ignore[attr-defined]  # of either kind
    assert set(parameters) - {"self", "source"} == set(options.__annotations__)


async def test_it_works_inside_a_running_loop(peer: Peer, video: Path) -> None:
    """In a notebook a loop is running already; the blocking call has its own on another thread."""

    def block() -> str:
        async def notebook() -> str:
            with Uploader(peer.url) as uploader:
                return uploader.upload(video).filename

        return asyncio.run(notebook())

    assert await asyncio.to_thread(block) == "talk.mp4"
    assert bytes(peer.only().data) == video.read_bytes()


async def test_callbacks_come_in_the_callers_thread(peer: Peer, video: Path) -> None:
    """A bar may be drawn from a callback: it runs where the call was made."""
    threads: list[threading.Thread] = []
    caller: list[threading.Thread] = []

    def note(_: object) -> None:
        threads.append(threading.current_thread())

    def block() -> str:
        caller.append(threading.current_thread())
        with Uploader(peer.url) as uploader:
            uploader.upload(video, progress=note)
        return ChunkedVideoUploader(peer.url).upload_video(video, on_progress=note)

    await asyncio.to_thread(block)
    assert set(threads) == set(caller)
    assert not any(thread.name == "tusvideo-client" for thread in threading.enumerate())


async def test_on_error_is_told_once_before_the_error(peer: Peer, video: Path, waits: Waits) -> None:
    """The documented contract: on_error(text), then the exception."""
    peer.faults = [Fault("POST", status=500, path="chunk", times=99)]
    told: list[str] = []

    def block() -> None:
        ChunkedVideoUploader(peer.url, clock=waits.clock).upload_video(video, on_error=told.append)

    with pytest.raises(GaveUpError) as caught:
        await asyncio.to_thread(block)
    assert told == [str(caught.value)]
    assert waits.slept == [1, 2, 4]


async def test_the_result_has_the_record(peer: Peer, video: Path) -> None:
    """The blocking ``upload`` gives the whole result, as the awaited one does."""
    told: list[Progress] = []

    def block() -> str:
        return ChunkedVideoUploader(peer.url).upload(video, title="Talk", progress=told.append).filename

    name = await asyncio.to_thread(block)
    assert peer.records == [{"filename": name, "profile": "poster", "title": "Talk"}]
    assert told[-1].percent == 100


async def test_an_error_in_a_callback_ends_the_upload(peer: Peer, video: Path, state_dir: Path) -> None:
    """What a callback raises reaches the caller, and the state is saved."""

    def fail(now: Progress) -> None:
        raise KeyError(now.phase)

    def block() -> None:
        with Uploader(peer.url) as uploader:
            uploader.upload(video, progress=fail)

    with pytest.raises(KeyError):
        await asyncio.to_thread(block)
    assert len(list((state_dir / "uploads").glob("*.json"))) == 1
    assert list((state_dir / "uploads").glob("*.lock")) == []


async def test_an_uploader_can_be_used_again(peer: Peer, video: Path) -> None:
    """Several uploads share one uploader; closing twice is no error, and using it afterwards opens it anew."""

    def block() -> None:
        uploader = Uploader(peer.url)
        for _ in range(2):
            uploader.upload(video)
        uploader.close()
        uploader.close()
        uploader.upload(video)
        uploader.close()

    await asyncio.to_thread(block)
    assert [bytes(made.data) for made in peer.uploads.values()] == [video.read_bytes()] * 3


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT as at a terminal; what is begun in the background by a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_leaves_the_state(video: Path, state_dir: Path) -> None:
    """KeyboardInterrupt reaches the caller at once, the journal stays, and the next call resumes."""
    ready, stop = threading.Event(), threading.Event()
    peers: list[Peer] = []

    async def serve() -> None:
        peer = Peer()
        await peer.start()
        peer.faults = [Fault("PATCH", hold_after=MIB)]
        peers.append(peer)
        ready.set()
        await peer.reached.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.to_thread(stop.wait)
        await peer.stop()

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    ready.wait()
    try:
        with Uploader(peers[0].url) as uploader:
            with pytest.raises(KeyboardInterrupt):
                uploader.upload(video)
            assert len(list((state_dir / "uploads").glob("*.json"))) == 1
            result = uploader.upload(video)
        assert result.resumed_from == MIB
        assert bytes(peers[0].only().data) == video.read_bytes()
    finally:
        stop.set()
        server.join()


@contextmanager
def started(kind: str, peer: Peer, video: Path, **options: object) -> Iterator[UploadHandle]:
    """A running upload over either protocol."""
    if kind == "chunks":
        yield ChunkedVideoUploader(peer.url).start(video, **options)  # type: ignore[arg-type]  # a row of a table
        return
    with Uploader(peer.url) as uploader:
        yield uploader.start(video, **options)  # type: ignore[arg-type]  # a row of a table


def hold(peer: Peer) -> None:
    """Let the server hold the first body."""
    peer.faults = [Fault("PATCH", hold_after=300_000), Fault("POST", path="chunk", hold_after=300_000)]


@pytest.mark.parametrize("kind", ["tus", "chunks"])
async def test_a_handle_from_another_thread_and_inside_a_running_loop(kind: str, peer: Peer, video: Path) -> None:
    """A notebook's loop is running; a handle is watched in one thread, paused and let go on in another."""
    hold(peer)
    told: list[object] = []

    def block() -> None:
        async def notebook() -> None:
            with started(kind, peer, video, on_event=told.append) as handle:
                paused = handle.events()
                threading.Thread(target=pause, args=(handle,)).start()
                assert next(event for event in paused if isinstance(event, Paused)).offset == 0
                assert handle.is_paused
                assert not handle.is_done
                assert handle.progress.phase is Phase.PAUSED
                with pytest.raises(TimeoutError, match="not ended"):
                    handle.result(timeout=0)
                later = handle.events()
                handle.resume()
                result = handle.result(timeout=30)
                assert isinstance(list(later)[-1], Finished)
                assert list(handle.events()) == [Finished(result=result)]
                assert not handle.cancel(), "it has ended"
                assert handle.is_done

        asyncio.run(notebook())

    def pause(handle: UploadHandle) -> None:
        asyncio.run_coroutine_threadsafe(peer.reached.wait(), loop).result()
        handle.pause()

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(block)
    assert bytes(peer.only().data) == video.read_bytes()
    assert isinstance(told[-1], Finished)
    for thread in threading.enumerate():
        if thread.name == "tusvideo-client":
            thread.join(10)  # it ends by itself, soon after its upload
            assert not thread.is_alive()


@pytest.mark.parametrize("kind", ["tus", "chunks"])
@pytest.mark.parametrize("terminate", [False, True])
async def test_a_blocking_handle_is_cancelled(kind: str, terminate: bool, peer: Peer, video: Path) -> None:
    """``cancel`` waits until the state is saved, or the upload removed; the result is an error then."""
    hold(peer)
    loop = asyncio.get_running_loop()

    def block() -> None:
        with started(kind, peer, video) as handle, handle:
            asyncio.run_coroutine_threadsafe(peer.reached.wait(), loop).result()
            assert handle.cancel(terminate=terminate)
            with pytest.raises(UploadCancelledError):
                handle.result()
            handle.pause()
            handle.resume()

    await asyncio.to_thread(block)
    assert len([*peer.uploads, *peer.chunked]) == (0 if terminate or kind == "chunks" else 1)


async def test_an_error_in_the_block_or_the_end_of_the_uploader_cancels(peer: Peer, video: Path) -> None:
    """Nothing is left running behind, and the next call resumes."""
    loop = asyncio.get_running_loop()

    def leave_by_error() -> None:
        with Uploader(peer.url) as uploader, uploader.start(video):
            asyncio.run_coroutine_threadsafe(peer.reached.wait(), loop).result()
            raise ZeroDivisionError

    def leave_by_the_end() -> None:
        with Uploader(peer.url) as uploader:
            handle = uploader.start(video)
            asyncio.run_coroutine_threadsafe(peer.reached.wait(), loop).result()
        assert handle.is_done

    def wait_for_the_end() -> None:
        with Uploader(peer.url) as uploader, uploader.start(video) as handle:
            pass
        assert handle.result().resumed_from == 600_000

    peer.faults = [Fault("PATCH", hold_after=300_000)]
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(leave_by_error)
    peer.reached.clear()
    peer.faults = [Fault("PATCH", hold_after=300_000)]
    await asyncio.to_thread(leave_by_the_end)
    await asyncio.to_thread(wait_for_the_end)
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_close_ends_the_uploads_of_other_threads(peer: Peer, video: Path) -> None:
    """However long they were going to wait: they raise UploadCancelledError, and the uploader can be used again."""
    waiting, ended = threading.Event(), threading.Event()
    errors: list[UploadError] = []

    async def sleep(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    uploader = Uploader(peer.url, clock=Clock(now=lambda: 0.0, sleep=sleep, draw=max))

    def upload() -> None:
        try:
            uploader.upload(video)
        except UploadError as error:
            errors.append(error)
        finally:
            ended.set()

    peer.faults = [Fault("OPTIONS", status=503)]
    threading.Thread(target=upload, daemon=True).start()
    assert await asyncio.to_thread(waiting.wait, 30)
    await asyncio.to_thread(uploader.close)
    assert await asyncio.to_thread(ended.wait, 30)
    assert [type(error) for error in errors] == [UploadCancelledError]
    assert "uploader was closed" in str(errors[0])

    def again() -> str:
        with uploader:
            return uploader.upload(video).filename

    assert await asyncio.to_thread(again) == "talk.mp4"


def test_a_portal_gives_an_answer_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs beside is cancelled if it is late, and what comes after the end is refused; both in the same words."""
    monkeypatch.setattr(portal, "SETTLE_SECONDS", 0.05)
    loop = portal.Portal()
    late = loop.begin(asyncio.Event().wait)
    loop.close()
    assert late.done()
    with pytest.raises(UploadCancelledError, match="uploader was closed"):
        portal.answer_of(late)
    with pytest.raises(UploadCancelledError, match="uploader was closed"):
        loop.begin(asyncio.Event().wait)
    loop.close()


@pytest.mark.parametrize("kind", ["tus", "chunks"])
async def test_a_callback_may_cancel_its_upload(kind: str, peer: Peer, video: Path) -> None:
    """In the upload's own thread ``cancel`` does not wait; what has to wait says so instead of stopping for ever."""
    given = threading.Event()
    told: list[object] = []
    handles: list[UploadHandle] = []

    def hear(_: object) -> None:
        assert given.wait(30)
        if not told:
            try:
                handles[0].result()
            except RuntimeError as error:
                told.append(str(error))
            told.append(handles[0].cancel())

    def block() -> None:
        with started(kind, peer, video, on_event=hear) as handle:
            handles.append(handle)
            given.set()
            with pytest.raises(UploadCancelledError):
                handle.result(timeout=30)
            assert not handle.cancel()

    await asyncio.wait_for(asyncio.to_thread(block), 60)
    assert [type(word) for word in told] == [str, bool]
    assert "call it from another thread" in str(told[0])
    assert told[1] is True


async def test_a_callback_cannot_close_its_uploader(peer: Peer, video: Path) -> None:
    """``close`` and ``start`` wait for the callback's own thread: they are refused, and the upload goes on."""
    told: list[str] = []

    def block() -> bool:
        uploader = Uploader(peer.url)

        def hear(_: object) -> None:
            for call in (uploader.close, lambda: uploader.start(video)):
                try:
                    call()
                except RuntimeError as error:
                    told.append(str(error))

        with uploader:
            return uploader.start(video, on_event=hear).result(timeout=30).filename == "talk.mp4"

    assert await asyncio.wait_for(asyncio.to_thread(block), 60)
    assert len(told) >= 2
    assert {"another thread" in words for words in told} == {True}
