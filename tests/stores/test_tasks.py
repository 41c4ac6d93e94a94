"""Threads and tasks at the real disk: slow calls, cancelled callers, what nobody closed."""

import asyncio
import errno
import gc
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from tests.fakes.turns import turns
from tests.stores.calls import ONE, PATIENCE, PLACE, Gate, fails, stage, writer_of
from tests.stores.conftest import count_open_files
from tusvideo.errors import StorageFailed
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore


async def test_the_loop_does_not_wait_for_the_disk(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one fdatasync takes its time the loop serves others, and the same writer takes more bytes."""
    writer = await writer_of(store)
    await writer.write(b"first")
    slow = Gate(files.fdatasync)
    with monkeypatch.context() as patch:
        patch.setattr(files, "fdatasync", slow)
        syncing = asyncio.create_task(writer.sync())
        await slow.reached()
        await writer.write(b"second")
        assert await store.staged_size(ONE) == 11
        assert not slow.ended
        slow.released.set()
        assert await syncing == 5
    assert await writer.sync() == 11
    await writer.close()


async def test_nothing_is_written_after_close(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a cancelled write nor a cancelled close returns while a thread still writes."""
    writer = await writer_of(store)
    slow = Gate(files.pwrite)
    monkeypatch.setattr(files, "pwrite", slow)
    writing = asyncio.create_task(writer.write(b"late"))
    await slow.reached()
    closing = [asyncio.create_task(writer.close()) for _ in range(2)]
    await turns()
    for _ in range(2):
        writing.cancel()
        closing[0].cancel()
        await turns()
    assert not any(task.done() for task in (writing, *closing))
    slow.released.set()
    await asyncio.wait(closing, return_when=asyncio.FIRST_COMPLETED)
    assert slow.ended
    with pytest.raises(asyncio.CancelledError):
        await writing
    with pytest.raises(asyncio.CancelledError):
        await closing[0]
    await closing[1]


async def test_a_cancelled_write_does_not_count(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a cancelled write the position is that from before, and the next write takes the same place."""
    writer = await writer_of(store)
    slow = Gate(files.pwrite)
    with monkeypatch.context() as patch:
        patch.setattr(files, "pwrite", slow)
        writing = asyncio.create_task(writer.write(b"cancelled"))
        await slow.reached()
        writing.cancel()
        slow.released.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert writer.position == 0
    await writer.write(b"kept")
    assert await writer.sync() == 4
    await writer.close()


async def test_a_sync_that_fails_unheard_kills_the_writer(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync whose caller was cancelled leaves a dead writer when it fails, though nobody saw the error."""
    writer = await writer_of(store)
    await writer.write(b"uncertain")
    slow = Gate(fails(errno.EIO))
    with monkeypatch.context() as patch:
        patch.setattr(files, "fdatasync", slow)
        syncing = asyncio.create_task(writer.sync())
        await slow.reached()
        syncing.cancel()
        slow.released.set()
        with pytest.raises(asyncio.CancelledError):
            await syncing
    with pytest.raises(StorageFailed):
        await writer.sync()
    await writer.close()


@pytest.mark.parametrize("name", ["sync", "sync_staged", "stage"])
async def test_a_loss_is_noted_though_nobody_waits_for_it(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is noted in the thread, before the cancelled caller hears that his call has ended."""
    writer = await writer_of(store)
    await writer.write(b"uncertain")
    calls: dict[str, Callable[[], Coroutine[None, None, object]]] = {
        "sync": writer.sync,
        "sync_staged": lambda: store.sync_staged(ONE),
        "stage": lambda: stage(store),
    }
    slow = Gate(fails(errno.EIO))
    with monkeypatch.context() as patch:
        patch.setattr(files, "fdatasync", slow)
        syncing: asyncio.Task[object] = asyncio.create_task(calls[name]())
        await slow.reached()
        assert not store.has_lost(ONE)
        syncing.cancel()
        slow.released.set()
        with pytest.raises(asyncio.CancelledError):
            await syncing
    assert store.has_lost(ONE)
    await writer.close()


@pytest.mark.parametrize("name", ["open_or_make", "open_spool"])
async def test_a_cancelled_opening_leaves_nothing_open(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch, open_files: None, name: str
) -> None:
    """A file that was opened for a caller who is gone is closed."""
    slow = Gate(getattr(files, name))
    monkeypatch.setattr(files, name, slow)
    call = store.open_spool() if name == "open_spool" else store.open_writer(ONE, position=0, fresh=True)
    opening: asyncio.Task[object] = asyncio.create_task(call)
    await slow.reached()
    opening.cancel()
    slow.released.set()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_an_abandoned_reading_leaves_nothing_open(store: DiskStore, open_files: None) -> None:
    """Dropping the iterator of read_staged in the middle closes the file."""
    writer = await writer_of(store)
    await writer.write(bytes(2 * 1024 * 1024))
    await writer.close()
    before = count_open_files()
    blocks = store.read_staged(ONE, start=0, stop=2 * 1024 * 1024)
    await anext(aiter(blocks))
    assert count_open_files() == before + 1
    del blocks
    gc.collect()
    await turns()
    while count_open_files() > before:  # a thread closes it; the test's timeout is the bound
        await store.free_bytes()


async def test_a_forgotten_writer_is_told(store: DiskStore, open_files: None) -> None:
    """A writer that nobody closed is closed when it is forgotten, with a ResourceWarning."""
    writer = await writer_of(store)
    await writer.write(b"all")
    forgotten = [writer]
    del writer
    with pytest.warns(ResourceWarning, match="left open"):
        forgotten.clear()


async def test_closing_a_published_file_waits_for_its_reader(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor is not closed under a reading thread, who could read another file that got its number."""
    writer = await writer_of(store)
    await writer.write(b"all")
    await writer.close()
    await store.publish(ONE, length=3, location=PLACE)
    file = await store.open_published(PLACE)
    assert file is not None
    slow = Gate(files.pread)
    monkeypatch.setattr(files, "pread", slow)
    reading = asyncio.create_task(_first(file.read(0, 3)))
    await slow.reached()
    closing = asyncio.create_task(file.close())
    await turns()
    assert not closing.done()
    slow.released.set()
    await closing
    assert slow.ended
    assert await reading == b"all"


async def _first(blocks: AsyncIterator[bytes]) -> bytes:
    return await anext(blocks)


class Flood:
    """A tap that never runs dry."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def next(self) -> bytes:
        """Give a byte."""
        self.begun.set()
        return b"x"


async def test_a_draw_leaves_when_others_wait_for_its_thread(tmp_path: Path) -> None:
    """One long body does not hold up a question about another upload until all of its bytes are written."""
    most = 100_000_000
    store = await DiskStore.open(tmp_path / "data", threads=1)
    try:
        writer = await writer_of(store)
        flood = Flood()
        drawing = asyncio.create_task(writer.draw(flood, most=most))
        assert await asyncio.to_thread(flood.begun.wait, PATIENCE)
        async with asyncio.timeout(PATIENCE):
            assert await store.staged_size(ONE)
        assert 0 < await drawing == writer.position < most
        await writer.close()
    finally:
        await store.close()
