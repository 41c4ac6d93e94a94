"""What is opened in a thread has an owner, or is closed: nobody who is cancelled leaves something half opened."""

import asyncio
import io
import os
import threading
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from tusvideo_client import growing, stream
from tusvideo_client.follow import Follow
from tusvideo_client.held import Held
from tusvideo_client.opening import opened
from tusvideo_client.origin import open_content
from tusvideo_client.source import open_regular
from tusvideo_client.spool import Spool
from tusvideo_client.stream import Stream


class Late:
    """Lets a thread go on only when whoever waits for it was cancelled."""

    def __init__(self) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def wait(self) -> None:
        """Called in the thread."""
        self.begun.set()
        assert self.goes_on.wait(10)

    async def cancel(self, opening: Awaitable[Any]) -> None:
        """Cancel what waits for the thread, and then wait for the thread itself."""
        task = asyncio.ensure_future(opening)
        assert await asyncio.to_thread(self.begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        self.goes_on.set()
        await asyncio.get_running_loop().shutdown_default_executor()
        await asyncio.sleep(0)  # the callback of the thread's end


async def test_what_is_opened_has_an_owner() -> None:
    """Who was not cancelled gets it, or the error, and nothing is closed."""
    closed: list[str] = []
    assert await opened(lambda: "open", close=closed.append) == "open"
    with pytest.raises(FileNotFoundError):
        await opened(partial(os.stat, "/no/such/file"), close=lambda _: closed.append("never"))
    assert closed == []


@pytest.mark.parametrize("fails", [False, True])
async def test_what_comes_too_late_is_closed_once(fails: bool) -> None:
    """There is nothing to close, and nobody to complain to, if it could not be opened at all."""
    late, closed = Late(), list[str]()

    def begin() -> str:
        late.wait()
        if fails:
            raise OSError
        return "open"

    await late.cancel(opened(begin, close=closed.append))
    assert closed == ([] if fails else ["open"])


async def test_a_cancel_at_the_moment_of_the_end_closes_too() -> None:
    """The thread is done, and the task that waits for it had no turn yet."""
    begun, closed = threading.Event(), list[str]()

    def begin() -> str:
        begun.set()
        return "open"

    task = asyncio.ensure_future(opened(begin, close=closed.append))
    await asyncio.sleep(0)
    assert begun.wait(10)  # in the loop's own thread, on purpose: what has ended cannot be told yet
    await asyncio.sleep(0)
    task.cancel()
    got = await asyncio.gather(task, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    assert [closed, isinstance(got[0], asyncio.CancelledError)] == [["open"], True]


@pytest.mark.parametrize("kind", ["growing", "stream"])
async def test_no_content_is_left_half_opened(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is followed and a spool, whose descriptors nobody would close."""
    late, files = Late(), list[FileIO]()

    def open_late(path: str | os.PathLike[str]) -> tuple[Path, FileIO]:
        real, file = open_regular(path)
        files.append(file)
        late.wait()
        return real, file

    def spool_late(capacity: int) -> Spool:
        spool = Spool.open(capacity)
        files.append(spool._file)  # type: ignore[arg-type]  # unbuffered: it is one
        late.wait()
        return spool

    path = tmp_path / "talk.ts"
    path.write_bytes(b"beginning")
    monkeypatch.setattr(growing, "open_regular", open_late)
    monkeypatch.setattr(stream, "Spool", type("", (Spool,), {"open": staticmethod(spool_late)}))
    await late.cancel(open_content(path, follow=Follow()) if kind == "growing" else open_content(iter([b"bytes"])))
    assert [file.closed for file in files] == [True]


async def test_a_file_object_has_its_position_back() -> None:
    """It is the caller's, who may be cancelled while its length is measured."""
    late = Late()

    class Slow(io.BytesIO):
        def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
            if whence == io.SEEK_END:
                late.wait()
            return super().seek(offset, whence)

    file = Slow(b"0123456789")
    file.seek(3)
    await late.cancel(Held.of_file(file))
    assert file.tell() == 3


@pytest.mark.parametrize("kind", ["file", "growing", "stream"])
async def test_who_is_cancelled_before_the_close_has_its_turn_closes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All threads are busy when the close is asked for, and the cancel comes before one of them is free."""
    late, ended = Late(), list[str]()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
    path = tmp_path / "talk.ts"
    path.write_bytes(b"beginning")
    content = await open_content(
        iter([b"bytes"]) if kind == "stream" else path, follow=Follow() if kind == "growing" else None
    )
    holder, name = (content._spool, "close") if isinstance(content, Stream) else (content, "_close")
    close = getattr(holder, name)

    def end(_: object) -> None:
        ended.append(kind)
        close()

    monkeypatch.setattr(type(holder), name, end)
    busy = loop.run_in_executor(None, late.wait)
    task = asyncio.ensure_future(content.close())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)  # the cancel is through before a thread is free
    late.goes_on.set()
    await asyncio.gather(task, busy, return_exceptions=True)
    await loop.shutdown_default_executor()
    assert ended == [kind]
