"""Many files: which ones, in which order, and how each of them ended."""

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncUploader,
    Cut,
    Finished,
    Item,
    LocalFileError,
    Offline,
    Outcome,
    Progress,
    RejectedError,
    Retrying,
    Stalled,
    Stored,
    Uploader,
)
from tusvideo_client.batch import Batch, Weather, list_files, results_of
from tusvideo_client.events import UploadEvent


def make(folder: Path, sizes: dict[str, int]) -> list[Path]:
    """Files of these sizes, each of its own bytes."""
    paths = []
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name[-5].encode() * size)
        paths.append(path)
    return paths


def arrived(peer: Peer) -> list[str]:
    """The names of the uploads in the order in which they were made."""
    return [upload.metadata["filename"] for upload in peer.uploads.values()]


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    """Given files keep their place; a folder's come sorted part by part, with the folder's name in front."""
    make(tmp_path, dict.fromkeys(["z.mp4", "trip/b.mp4", "trip/b-1/c.mp4", "trip/a/d.mp4", "trip/.hidden.mp4"], 1))
    (tmp_path / "trip/link.mp4").symlink_to(tmp_path / "z.mp4")
    (tmp_path / "trip/loop").symlink_to(tmp_path / "trip")
    (tmp_path / "trip/nowhere.mp4").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "trip/pipe")
    (tmp_path / "empty").mkdir()
    found = list_files([tmp_path / "z.mp4", tmp_path / "trip", tmp_path / "empty", "gone.mp4"])
    assert all(isinstance(item, Item) for item in found)
    assert [(item.name, item.is_inside) for item in found if isinstance(item, Item)] == [
        (str(tmp_path / "z.mp4"), False),
        ("trip/.hidden.mp4", True),
        ("trip/a/d.mp4", True),
        ("trip/b-1/c.mp4", True),
        ("trip/b.mp4", True),
        ("trip/link.mp4", True),
        ("gone.mp4", False),
    ]


def test_the_folder_that_one_stands_in_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``.`` is called by its real name."""
    make(tmp_path / "trip", {"a.mp4": 1})
    monkeypatch.chdir(tmp_path / "trip")
    (found,) = list_files(["."])
    assert isinstance(found, Item)
    assert found.name == "trip/a.mp4"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_an_outcome(tmp_path: Path) -> None:
    """What is not sent is not kept quiet about."""
    make(tmp_path, {"trip/a.mp4": 1, "trip/closed/b.mp4": 1})
    (tmp_path / "trip/closed").chmod(0)
    item, outcome = list_files([tmp_path / "trip"])
    (tmp_path / "trip/closed").chmod(0o700)
    assert isinstance(item, Item)
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.error, LocalFileError)


@pytest.mark.parametrize(
    ("events", "at", "bad"),
    [
        ([], 0, False),
        ([(Cut(why="reset"), 0)], 1, False),
        ([(Cut(why="reset"), 0), (Stalled(seconds=15), 30)], 60, True),
        ([(Cut(why="reset"), 0), (Offline(), 30)], 61, False),
        ([(Cut(why="reset"), 0), (Offline(), 30), (Cut(why="reset"), 50)], 61, True),
        ([(Retrying(seconds=1, why="busy"), 0), (Stored(offset=1), 1)], 2, False),
    ],
)
def test_weather(events: list[tuple[UploadEvent, float]], at: float, bad: bool) -> None:
    """Two cuts, stalls or times offline within a minute; what a server asks for is not the link's fault."""
    weather = Weather()
    for event, when in events:
        weather.note(event, at=when)
    assert weather.is_bad(at) is bad


async def test_a_failure_stops_no_other_file(peer: Peer, tmp_path: Path) -> None:
    """Outcomes come in the order of the files, each with a result or an error."""
    paths = make(tmp_path, {"a.mp4": 10, "b.mp4": 20, "trip/c.mp4": 30})
    peer.faults = [Fault("POST", status=403, skip=1)]
    told: list[tuple[str, UploadEvent]] = []
    async with AsyncUploader(peer.url) as uploader:
        outcomes = await uploader.upload_many(
            [paths[0], paths[1], tmp_path / "gone.mp4", tmp_path / "trip"],
            jobs=1,
            title="Trip",
            metadata={"camera": "2"},
            on_event=lambda item, event: told.append((item.path.name, event)),
        )
    first, refused, gone, inside = outcomes
    assert first.result
    assert first.error is None
    assert refused.result is None
    assert isinstance(refused.error, RejectedError)
    assert isinstance(gone.error, LocalFileError)
    assert inside.result
    assert inside.item.name == "trip/c.mp4"
    assert [name for name, event in told if isinstance(event, Finished)] == ["a.mp4", "c.mp4"]
    assert [upload.metadata for upload in peer.uploads.values()] == [
        {"filename": "a.mp4", "filetype": "video/mp4", "title": "Trip", "camera": "2"},
        {
            "filename": "c.mp4",
            "filetype": "video/mp4",
            "title": "Trip",
            "camera": "2",
            "relativePath": "trip/c.mp4",
        },
    ]
    assert results_of([first, inside]) == [first.result, inside.result]
    with pytest.raises(ExceptionGroup, match="2 of 4 files were not uploaded") as caught:
        results_of(outcomes)
    assert caught.value.exceptions == (refused.error, gone.error)


async def test_so_many_at_the_same_time(peer: Peer, tmp_path: Path) -> None:
    """``jobs`` files are under way at once, never more, and the next one begins when one is done."""
    running, most = set(), 0

    def watch(item: Item, event: UploadEvent) -> None:
        nonlocal most
        if isinstance(event, Finished):
            running.discard(item)
        elif isinstance(event, Progress) and event.percent < 100:
            running.add(item)
        most = max(most, len(running))

    paths = make(tmp_path, {f"{letter}.mp4": 100_000 for letter in "abcdefg"})
    async with AsyncUploader(peer.url) as uploader:
        outcomes = await uploader.upload_many(paths, jobs=3, on_event=watch)
    assert [outcome.item.path for outcome in outcomes] == paths
    assert all(outcome.result for outcome in outcomes)
    assert most == 3


@pytest.mark.parametrize(
    ("cuts", "order"), [(0, ["a.mp4", "c.mp4", "b.mp4", "d.mp4"]), (2, ["a.mp4", "b.mp4", "d.mp4", "c.mp4"])]
)
async def test_the_least_that_is_left_comes_first_on_a_bad_link(
    cuts: int, order: list[str], peer: Peer, tmp_path: Path, waits: Waits
) -> None:
    """Good link: the given order. Bad link: b, of which an earlier call stored most, then d, then c."""
    paths = make(tmp_path, {"a.mp4": 400_000, "c.mp4": 500_000, "b.mp4": 600_000, "d.mp4": 300_000})
    async with AsyncUploader(peer.url, clock=waits.clock) as uploader:
        peer.faults = [Fault("PATCH", hold_after=550_000)]
        async with uploader.start(paths[2]) as handle:
            await peer.reached.wait()
            await handle.cancel()
        peer.faults = [Fault("PATCH", cut_after=100_000, times=cuts)]
        finished: list[str] = []
        outcomes = await uploader.upload_many(
            paths,
            jobs=1,
            on_event=lambda item, event: finished.append(item.path.name) if isinstance(event, Finished) else None,
        )
    assert finished == order
    assert arrived(peer) == ["b.mp4", *[name for name in finished if name != "b.mp4"]]
    assert all(outcome.result for outcome in outcomes)


async def test_a_cancel_saves_the_state_of_all(peer: Peer, tmp_path: Path) -> None:
    """The same call again resumes what was under way."""
    paths = make(tmp_path, {f"{letter}.mp4": 500_000 for letter in "abc"})
    held = asyncio.Event()
    count = 0

    def watch(size: int) -> None:
        nonlocal count
        if size == 300_000:
            count += 1
            if count == 2:
                held.set()

    peer.on_body = watch
    peer.faults = [Fault("PATCH", hold_after=300_000, times=2)]
    async with AsyncUploader(peer.url) as uploader:
        task = asyncio.create_task(uploader.upload_many(paths, jobs=2))
        await held.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        outcomes = await uploader.upload_many(paths)
    assert [outcome.result and outcome.result.resumed_from for outcome in outcomes] == [300_000, 300_000, 0]


async def test_an_error_of_the_caller_ends_all(peer: Peer, tmp_path: Path) -> None:
    """What a callback raises is raised, and nothing is left running behind."""
    paths = make(tmp_path, {f"{letter}.mp4": 10 for letter in "abc"})

    def refuse(item: Item, event: UploadEvent) -> None:
        if isinstance(event, Stored):
            raise ZeroDivisionError

    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(ZeroDivisionError):
            await uploader.upload_many(paths, on_event=refuse)
        with pytest.raises(ValueError, match="jobs must be at least 1"):
            await uploader.upload_many(paths, jobs=0)
        with pytest.raises(ValueError, match="metadata key"):
            await uploader.upload_many(paths, metadata={"a b": "c"})
        assert await uploader.upload_many([]) == []


async def test_the_blocking_one_does_the_same(peer: Peer, tmp_path: Path) -> None:
    """Events come in the caller's thread, results in order."""
    paths = make(tmp_path, {f"{letter}.mp4": 1000 for letter in "abc"})
    told: list[UploadEvent] = []

    def block() -> list[Outcome]:
        with Uploader(peer.url) as uploader:
            return uploader.upload_many(paths, jobs=2, on_event=lambda _, event: told.append(event))

    outcomes = await asyncio.to_thread(block)
    assert [result.filename for result in results_of(outcomes)] == ["a.mp4", "b.mp4", "c.mp4"]
    assert sum(isinstance(event, Finished) for event in told) == 3


async def test_files_for_different_places_stand_side_by_side() -> None:
    """A lane that waits holds up no other; one that is closed leaves what was not begun; ends keep the given order."""
    opened = asyncio.Event()
    order: list[str] = []

    async def send(file: str) -> str:
        if file == "a1":
            await opened.wait()
        order.append(file)
        if file == "b2":
            opened.set()
        return file.upper()

    batch = Batch(
        ["a1", "b1", "a2", "b2", "c1", "c2"],
        send=send,
        remaining=lambda files: [0 for _ in files],
        now=lambda: 0.0,
        lane_of=lambda file: file[0],
        closes=lambda end: end == "C1",
    )
    async with asyncio.timeout(10):
        assert await batch.to_end(1) == ["A1", "B1", "A2", "B2", "C1"]
    assert order.index("b2") < order.index("a1") < order.index("a2")
    assert batch.left == 1


async def test_a_lane_that_closes_while_the_next_file_is_chosen_begins_no_more() -> None:
    """On a bad link the next file is chosen in a thread: a file that ends the lane meanwhile ends it."""
    asked, ended = threading.Event(), threading.Event()
    begun: list[str] = []
    both_begun = asyncio.Event()

    def remaining(files: Sequence[str]) -> list[int]:
        asked.set()
        assert ended.wait(10)
        return [0 for _ in files]

    async def send(file: str) -> str:
        begun.append(file)
        if file == "a":
            await both_begun.wait()
            for _ in range(2):
                batch.note(file, Cut(why="reset"))
            return "sent"
        both_begun.set()
        assert await asyncio.to_thread(asked.wait, 10)
        asyncio.get_running_loop().call_soon(ended.set)  # after the lane was closed
        return "out of reach"

    batch = Batch(
        ["a", "b", "c", "d"], send=send, remaining=remaining, now=lambda: 0.0, closes=lambda end: end == "out of reach"
    )
    async with asyncio.timeout(20):
        assert await batch.to_end(2) == ["sent", "out of reach"]
    assert (begun, batch.left) == (["a", "b"], 2)
