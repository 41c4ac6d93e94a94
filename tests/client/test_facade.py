"""The blocking uploaders: in scripts, inside running loops, with callbacks in the caller's thread."""

import asyncio
import inspect
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    ChunkedVideoUploader,
    GaveUpError,
    Progress,
    Uploader,
)
from tusvideo_client.state import MIB


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
    for name in ("upload", "upload_video"):
        if hasattr(awaited, name):
            ours = inspect.signature(getattr(blocking, name)).parameters
            assert list(ours) == list(inspect.signature(getattr(awaited, name)).parameters)


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
