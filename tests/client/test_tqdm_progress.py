"""Uploads as bars of the real tqdm, written to text: to the end, after errors, and where no terminal is."""

import asyncio
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm

from tests.client.reports import DONE, FINALIZING, PAUSED, PREPARING, PROBING, SENDING, WAITING, at
from tusvideo_client import AsyncUploader, ChunkedVideoUploader, RejectedError, Uploader
from tusvideo_client.batch import Item
from tusvideo_client.model import Progress
from tusvideo_client.testing import FlakyServer
from tusvideo_client.tqdm_progress import TqdmProgress

MIB = 2**20
PERCENT = re.compile(r"(\d+)%\|")


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        """It does."""
        return True


@pytest.fixture(autouse=True)
def every_bar_is_closed() -> Iterator[None]:
    """tqdm keeps the bars that are open: after each test there are none."""
    yield
    assert list(getattr(tqdm, "_instances", [])) == []


def drawn(*told: Progress, name: str = "talk.mp4") -> str:
    """What stands in a terminal after this was told."""
    text = Terminal()
    with TqdmProgress(name, file=text) as bar:
        for now in told:
            bar(now)
    return text.getvalue()


def percents(text: str) -> list[int]:
    """The per cents that were drawn, one after the other."""
    return [int(found) for found in PERCENT.findall(text)]


def test_a_bar_of_one_upload() -> None:
    """Name, per cent, bytes, speed, and what is stored."""
    text = drawn(at(SENDING, 0, total=4 * MIB), at(SENDING, 3 * MIB, total=4 * MIB), at(DONE, 4 * MIB, total=4 * MIB))
    last = text.rstrip("\n").rpartition("\r")[2]
    assert last.startswith("talk.mp4: 100%|")
    assert "4.00M/4.00M" in last
    assert "MiB stored" in last
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("told", "note"),
    [
        (at(WAITING, 500, waiting="network lost; next try in 2.0 s"), "waiting: network lost; next try in 2.0 s"),
        (at(PAUSED, 500), "paused"),
        (at(FINALIZING, 1000), "finalizing"),
        (at(PREPARING, 0), "preparing"),
    ],
)
def test_why_nothing_moves(told: Progress, note: str) -> None:
    """The reason is drawn at once, not with the next byte."""
    assert note in drawn(told)


def test_it_never_goes_back_and_never_says_100_too_early() -> None:
    """A cut takes the count back and the bar not; all sent is 99 % until the server has confirmed."""
    text = drawn(at(SENDING, 800), at(PROBING, 100, percent=80), at(SENDING, 999, percent=99.9), at(FINALIZING, 1000))
    assert percents(text) == sorted(percents(text))
    assert percents(text)[-1] == 99
    assert "stopped" in text.rpartition("\r")[2]


def test_what_was_stored_before_makes_no_speed() -> None:
    """An upload that is resumed at 900 MiB does not claim to have sent them in a moment."""
    told: list[dict[str, Any]] = []

    class Watched(tqdm):
        def close(self) -> None:
            if not self.disable:
                told.append(self.format_dict)
            super().close()  # type: ignore[no-untyped-call]  # as all of tqdm

    with TqdmProgress(file=Terminal(), bar_class=Watched) as bar:
        bar(at(PREPARING, 0, total=1000 * MIB))
        bar(at(PROBING, 900 * MIB, total=1000 * MIB))
        bar(at(SENDING, 900 * MIB, total=1000 * MIB))
    assert [(facts["n"], facts["initial"]) for facts in told] == [(900 * MIB, 900 * MIB)]


def test_a_stream_has_bytes_and_no_per_cent() -> None:
    """While the length is not known the bar counts."""
    text = drawn(at(SENDING, 2 * MIB, total=None), at(SENDING, 3 * MIB, total=None), at(DONE, 3 * MIB, total=3 * MIB))
    assert "talk.mp4: 2.00MB [" in text
    assert percents(text) == [100]


@pytest.mark.parametrize(
    ("name", "shown"), [("a/b\x1b[2J.mp4", "b?[2J.mp4: "), ("x" * 30, f"{'x' * 23}…: "), ("", "\r")]
)
def test_names(name: str, shown: str) -> None:
    """A name is short, and steers no terminal."""
    text = drawn(at(SENDING, 1), name=name)
    assert shown in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize(
    ("file", "show", "is_drawn"),
    [
        (Terminal, None, True),
        (io.StringIO, None, False),
        (io.StringIO, True, True),
        (Terminal, False, False),
    ],
)
def test_where_no_terminal_is_nothing_is_drawn(
    file: Callable[[], io.StringIO], show: bool | None, is_drawn: bool, flaky: FlakyServer
) -> None:
    """A log has no bars, unless it is to have them."""
    text = file()
    with Uploader(flaky.url) as uploader, TqdmProgress(file=text, show=show) as bar:
        uploader.upload(bytes(3 * MIB), name="a.bin", progress=bar, on_event=bar)
    assert bool(text.getvalue()) is is_drawn


def test_an_upload_through_a_cut(flaky: FlakyServer, video: Path) -> None:
    """A real upload: the bar rises to 100 %, whatever happens on the way."""
    text = Terminal()
    flaky.cut(after_bytes=MIB)
    with Uploader(flaky.url) as uploader, TqdmProgress("talk.mp4", file=text) as bar:
        uploader.upload(video, progress=bar)
    found = percents(text.getvalue())
    assert found == sorted(found)
    assert found[-1] == 100
    assert "next try in" in text.getvalue()
    assert "2.5 MiB stored" in text.getvalue()


def test_an_error_closes_the_bar(flaky: FlakyServer, video: Path) -> None:
    """The bar of what failed stays where it was and says why; the error goes on its way."""
    text = Terminal()
    flaky.cut(after_bytes=MIB)
    flaky.refuse(status=400, step="offset")
    with (
        pytest.raises(RejectedError),
        Uploader(flaky.url) as uploader,
        TqdmProgress(file=text) as bar,
    ):
        uploader.upload(video, on_event=bar)
    assert "failed: the server answered 400" in text.getvalue()
    assert 100 not in percents(text.getvalue())


async def test_a_cancel_closes_the_bar(flaky: FlakyServer, video: Path) -> None:
    """Who cancels is shown no more; news that come late make no bar."""
    text = Terminal()
    silence = flaky.go_silent(after_bytes=MIB)
    async with AsyncUploader(flaky.url) as uploader:
        with TqdmProgress(file=text) as bar:
            handle = uploader.start(video, progress=bar)
            await asyncio.to_thread(silence.wait)
            await handle.cancel()
    assert text.getvalue().endswith("\n")
    assert 100 not in percents(text.getvalue())
    length = len(text.getvalue())
    bar(at(SENDING, 1))
    bar.close()
    assert len(text.getvalue()) == length


def test_many_files(flaky: FlakyServer, tmp_path: Path) -> None:
    """upload_many has a bar for each file, named after it, and each ends full."""
    for name in ("one.bin", "two.bin", "three.bin"):
        (tmp_path / name).write_bytes(bytes(MIB))
    text = Terminal()
    with Uploader(flaky.url) as uploader, TqdmProgress(file=text) as bars:
        uploader.upload_many(sorted(tmp_path.glob("*.bin")), on_event=bars.item)
    for name in ("one.bin", "two.bin", "three.bin"):
        assert f"{name}: 100%|" in text.getvalue()


def test_handles_side_by_side(flaky: FlakyServer) -> None:
    """Several handles, whose callbacks come from other threads, have a bar each."""
    text = Terminal()
    with Uploader(flaky.url) as uploader, TqdmProgress(file=text) as bars:
        handles = [
            uploader.start(bytes([number]) * MIB, name=f"{number}.bin", on_event=bars.file(f"{number}.bin"))
            for number in range(3)
        ]
        for handle in handles:
            handle.result()
    for number in range(3):
        assert f"{number}.bin: 100%|" in text.getvalue()


def test_numbered_chunks(flaky: FlakyServer, video: Path) -> None:
    """The uploader of the chunk API has the same bar."""
    text = Terminal()
    with TqdmProgress(file=text) as bar:
        ChunkedVideoUploader(flaky.url).upload(video, progress=bar)
    assert percents(text.getvalue())[-1] == 100


def test_it_works_inside_a_running_loop(flaky: FlakyServer, video: Path) -> None:
    """As in a notebook: the blocking uploader is called where a loop runs, and the bar is drawn in that thread."""
    text = Terminal()
    threads: set[threading.Thread] = set()

    async def cell() -> str:
        assert asyncio.get_running_loop().is_running()
        with Uploader(flaky.url) as uploader, TqdmProgress(file=text) as bar:

            def note(now: Progress) -> None:
                threads.add(threading.current_thread())
                bar(now)

            return uploader.upload(video, progress=note).filename

    assert asyncio.run(cell()) == "talk.mp4"
    assert threads == {threading.current_thread()}
    assert percents(text.getvalue())[-1] == 100


def test_without_tqdm_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import of the adapter names the extra; the rest of the package does not need it."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.delitem(sys.modules, "tusvideo_client.tqdm_progress")
    with pytest.raises(ImportError, match=r"TqdmProgress needs tqdm, .* pip install 'tusvideo\[tqdm\]'"):
        import tusvideo_client.tqdm_progress  # noqa: F401  # the import is what is tested


def test_a_folder_and_its_files_have_names_apart() -> None:
    """The name of an item is the last part of its way."""
    text = Terminal()
    with TqdmProgress(file=text) as bars:
        bars.item(Item(path=Path("/x/a.mp4"), name="holiday/day 1/a.mp4", is_inside=True), at(DONE, 1000))
    assert "a.mp4: 100%|" in text.getvalue()
    assert "holiday" not in text.getvalue()
