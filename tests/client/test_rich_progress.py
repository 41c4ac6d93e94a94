"""Uploads as bars of the real rich, on a terminal made of text."""

import io
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from tests.client.reports import DONE, FINALIZING, PREPARING, PROBING, SENDING, WAITING, at
from tusvideo_client import RejectedError, Uploader
from tusvideo_client.batch import Item
from tusvideo_client.rich_progress import RichProgress, columns
from tusvideo_client.testing import FlakyServer

MIB = 2**20
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PERCENT = re.compile(r"(\d+)%")


def terminal() -> Console:
    """A terminal of 160 columns, made of text."""
    return Console(file=io.StringIO(), force_terminal=True, width=160, color_system=None, legacy_windows=False)


def text_of(console: Console) -> str:
    """What was written, without what steers the terminal."""
    assert isinstance(console.file, io.StringIO)
    return CODES.sub("", console.file.getvalue())


def test_the_columns_of_an_upload() -> None:
    """Name, per cent, stored of total, and why nothing moves."""
    console = terminal()
    with RichProgress("talk.mp4", console=console) as bars:
        bars(at(SENDING, 3 * MIB, stored=2 * MIB, total=4 * MIB))
        bars(at(WAITING, 2 * MIB, stored=2 * MIB, total=4 * MIB, percent=75, waiting="network lost; next try in 2.0 s"))
        bars.progress.refresh()
        line = text_of(console)
        (task,) = bars.progress.tasks
        assert (task.completed, task.total) == (3 * MIB, 4 * MIB)
    for words in ("talk.mp4", " 75%", "2.0/4.0 MiB stored", "waiting: network lost; next try in 2.0 s"):
        assert words in line
    assert "stopped" in text_of(console)
    assert bars.progress.finished is False


def test_it_never_goes_back_and_never_says_100_too_early() -> None:
    """A cut takes the count back and the bar not; all sent is 99 % until the server has confirmed."""
    console = terminal()
    with RichProgress(console=console) as bars:
        positions = []
        for now in (
            at(SENDING, 800),
            at(PROBING, 100, percent=80),
            at(SENDING, 1000, percent=99.9),
            at(FINALIZING, 1000),
            at(DONE, 1000),
        ):
            bars(now)
            positions.append(bars.progress.tasks[0].completed)
            bars.progress.refresh()
    assert positions == [800, 800, 990, 990, 1000]
    found = [int(number) for number in PERCENT.findall(text_of(console))]
    assert found == sorted(found)
    assert {80, 99, 100} <= set(found)


def test_what_was_stored_before_makes_no_speed() -> None:
    """An upload that is resumed at 900 MiB does not claim to have sent them in a moment."""
    with RichProgress(console=terminal()) as bars:
        bars(at(PREPARING, 0, total=1000 * MIB))
        bars(at(PROBING, 900 * MIB, total=1000 * MIB))
        bars(at(SENDING, 900 * MIB, total=1000 * MIB))
        (task,) = bars.progress.tasks
        assert (task.completed, task.speed) == (900 * MIB, None)


def test_a_stream_has_no_per_cent_before_its_end() -> None:
    """While the length is not known the stored bytes are what there is to tell."""
    console = terminal()
    with RichProgress(console=console) as bars:
        bars(at(SENDING, 2 * MIB, stored=MIB, total=None))
        bars.progress.refresh()
        assert "1.0/? MiB stored" in text_of(console)
        assert not PERCENT.search(text_of(console))
        bars(at(DONE, 3 * MIB, stored=3 * MIB, total=3 * MIB))
    assert "100%" in text_of(console)


@pytest.mark.parametrize(
    ("is_terminal", "show", "is_drawn"),
    [(True, None, True), (False, None, False), (False, True, True), (True, False, False)],
)
def test_where_no_terminal_is_nothing_is_drawn(
    is_terminal: bool, show: bool | None, is_drawn: bool, flaky: FlakyServer
) -> None:
    """A log has no bars, unless it is to have them."""
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=160)
    with Uploader(flaky.url) as uploader, RichProgress(console=console, show=show) as bars:
        uploader.upload(bytes(MIB), name="a.bin", progress=bars)
    assert bool(text_of(console).strip()) is is_drawn


def test_an_upload_through_a_cut(flaky: FlakyServer, video: Path) -> None:
    """A real upload ends with a full bar, after the reason of its wait was shown."""
    console = terminal()
    flaky.cut(after_bytes=MIB)
    notes: list[str] = []
    with Uploader(flaky.url) as uploader, RichProgress("talk.mp4", console=console) as bars:

        def note(event: object) -> None:
            notes.extend(task.fields["note"] for task in bars.progress.tasks)

        uploader.upload(video, progress=bars, on_event=note)
    assert any("next try in" in text for text in notes)
    (task,) = bars.progress.tasks
    assert (task.completed, task.total) == (video.stat().st_size, video.stat().st_size)
    assert "100%" in text_of(console)


def test_an_error_stops_the_bar(flaky: FlakyServer, video: Path) -> None:
    """The bar of what failed stays where it was and says why; the screen is left, and the error goes on its way."""
    console = terminal()
    flaky.cut(after_bytes=MIB)
    flaky.refuse(status=400, step="offset")
    bars = RichProgress(console=console)
    with pytest.raises(RejectedError), Uploader(flaky.url) as uploader, bars:
        uploader.upload(video, on_event=bars)
    assert "failed: the server answered 400" in text_of(console)
    assert not bars.progress.live.is_started
    assert all(task.stop_time is not None for task in bars.progress.tasks)
    bars.close()
    bars(at(SENDING, 1))
    assert len(bars.progress.tasks) == 1


def test_many_files_and_handles(flaky: FlakyServer, tmp_path: Path) -> None:
    """upload_many and handles side by side have a bar for each file."""
    for name in ("one.bin", "two [red].bin"):
        (tmp_path / name).write_bytes(bytes(MIB))
    console = terminal()
    with Uploader(flaky.url) as uploader, RichProgress(console=console) as bars:
        uploader.upload_many(sorted(tmp_path.glob("*.bin")), on_event=bars.item)
        handle = uploader.start(b"abc", name="c.bin", on_event=bars.file("c.bin"))
        handle.result()
    assert len(bars.progress.tasks) == 3
    assert all(task.completed == task.total for task in bars.progress.tasks)
    for name in ("one.bin", "two [red].bin", "c.bin"):
        assert name in text_of(console)


def test_names_steer_no_terminal() -> None:
    """Neither codes of the terminal nor those of rich come through a name or a reason."""
    console = terminal()
    with RichProgress(console=console) as bars:
        bars.item(Item(path=Path("a"), name="a/[bold]\x1b[2Jb.mp4"), at(WAITING, 1, waiting="[red]no"))
        bars.progress.refresh()
        assert "[bold]?[2Jb.mp4" in text_of(console)
        assert "waiting: [red]no" in text_of(console)


def test_the_columns_fit_into_a_progress_of_ones_own() -> None:
    """Who draws more than uploads takes the columns alone."""
    console = terminal()
    with Bars(*columns(), console=console) as bars:
        bars.add_task("mine", total=4, completed=2, stored="half", note="resting")
    assert "mine" in text_of(console)
    assert "half" in text_of(console)


def test_without_rich_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import of the adapter names the extra; the rest of the package does not need it."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.delitem(sys.modules, "tusvideo_client.rich_progress")
    with pytest.raises(ImportError, match=r"RichProgress needs rich, .* pip install 'tusvideo\[rich\]'"):
        import tusvideo_client.rich_progress  # noqa: F401  # the import is what is tested
