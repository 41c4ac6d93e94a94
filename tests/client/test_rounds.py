"""Several files in one command: folders, several at a time, and the same command again."""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Command
from tests.client.peer import Fault, Peer, Seen, as_json
from tests.client.processes import environment, start
from tusvideo_client import Phase, Progress, RejectedError, TransferStats, UploadResult
from tusvideo_client.bars import Bars
from tusvideo_client.commands import rounds
from tusvideo_client.commands.senders import Senders, Wish
from tusvideo_client.journal import replace_file
from tusvideo_client.state import MIB


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three videos at two levels, a text, hidden files, and a link that leads back to it."""
    top = tmp_path / "in"
    (top / "b").mkdir(parents=True)
    (top / ".cache").mkdir()
    for name in ("a.mp4", "b/a.mp4", "z.mp4", "note.txt", ".hidden.mp4", ".cache/c.mp4"):
        (top / name).write_bytes(name.encode() * 100)
    (top / "b" / "back").symlink_to(top)
    return top


def stored(peer: Peer) -> list[bytes]:
    """What the server has, by content."""
    return sorted(bytes(upload.data) for upload in peer.uploads.values())


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["a.mp4", "b/a.mp4", "note.txt", "z.mp4"]),
        (["--include", "*.mp4"], ["a.mp4", "b/a.mp4", "z.mp4"]),
        (["--exclude", "b/*", "--exclude", "*.txt"], ["a.mp4", "z.mp4"]),
        (["--include", "b/*", "--include", "z.*"], ["b/a.mp4", "z.mp4"]),
    ],
)
async def test_what_a_folder_means(words: list[str], names: list[str], folder: Path, command: Command) -> None:
    """All files below it but hidden ones, as the patterns want it; --dry-run lists them and sends nothing."""
    code, out, err = await command("upload", "-r", str(folder), "--dry-run", "--to", "http://127.0.0.1:1", *words)
    assert (code, out.splitlines(), err) == (0, [str(folder / name) for name in names], "")


async def test_a_folder_is_sent(peer: Peer, folder: Path, command: Command) -> None:
    """Every file is an upload of its own; those below the top tell their place."""
    code, out, _ = await command("upload", "-r", str(folder), "--to", peer.url, "--jobs", "3", "--include", "*.mp4")
    assert (code, len(out.splitlines())) == (0, 3)
    assert stored(peer) == sorted(name.encode() * 100 for name in ("a.mp4", "b/a.mp4", "z.mp4"))
    places = {upload.metadata.get("relativePath") for upload in peer.uploads.values()}
    assert places == {None, "b/a.mp4"}
    await command("upload", "-r", str(folder), "--to", peer.url, "--include", "*.mp4")
    assert len(peer.uploads) == 6  # a command that was done is a new one


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["upload", "IN"], 2, "give --recursive"),
        (["upload", "-r", "IN", "--include", "*.avi"], 4, "no file fits"),
        (["upload", "IN/a.mp4", "--jobs", "0"], 2, "whole number"),
    ],
)
async def test_mistakes(words: list[str], code: int, said: str, folder: Path, command: Command) -> None:
    """A folder without --recursive, a folder without a file that fits, and no jobs at all."""
    words = [word.replace("IN", str(folder)) for word in words]
    ended, out, err = await command(*words, "--to", "http://127.0.0.1:1")
    assert (ended, out, said in err) == (code, "", True)


async def test_the_same_command_sends_only_what_is_missing(peer: Peer, folder: Path, command: Command) -> None:
    """A round that broke off goes on: finished files are told again and not sent again, unless they changed."""
    words = ("upload", "-r", str(folder), "--to", peer.url, "--include", "*.mp4")
    peer.faults = [Fault("POST", status=400, skip=2)]
    code, out, err = await command(*words)
    assert (code, len(out.splitlines()), "z.mp4: " in err) == (3, 2, True)
    code, out, _ = await command(*words, "--json")
    files = as_json(out)[-1]["files"]
    assert (code, [file["ok"] for file in files]) == (0, [True] * 3)
    assert [event["event"] for event in as_json(out)].count("skipped") == 2
    assert len(peer.uploads) == 3

    peer.faults = [Fault("POST", status=400, skip=2)]
    await command(*words)
    (folder / "a.mp4").write_bytes(b"another one")
    assert (await command(*words))[0] == 0
    assert len(peer.uploads) == 3 + 2 + 2
    assert b"another one" in stored(peer)


async def test_a_file_edited_right_after_it_was_sent_is_sent_again(
    peer: Peer, folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered is the file as it was before: the new version is not what is published."""
    send = Senders.send

    async def send_and_edit(senders: Senders, wish: Wish, **told: Any) -> UploadResult:
        result = await send(senders, wish, **told)
        (folder / "a.mp4").write_bytes(b"another one")
        return result

    words = ("upload", "-r", str(folder), "--to", peer.url, "--include", "*.mp4", "--exclude", "b/*")
    peer.faults = [Fault("POST", status=400, skip=1)]
    with monkeypatch.context() as patch:
        patch.setattr(Senders, "send", send_and_edit)
        assert (await command(*words))[0] == 3
    assert (await command(*words))[0] == 0
    assert b"another one" in stored(peer)


async def test_a_file_that_grew_while_it_was_followed_is_not_sent_again(
    peer: Peer, folder: Path, command: Command
) -> None:
    """Of it the mark from the end is remembered: there it is what was sent."""
    words = ("upload", "-r", str(folder), "--to", peer.url, "--include", "*.mp4", "--exclude", "b/*")
    grown: list[int] = []

    def grow(seen: Seen) -> None:
        if seen.method == "PATCH" and not grown:
            with (folder / "a.mp4").open("ab") as file:
                grown.append(file.write(b"more"))

    peer.on_request = grow
    peer.faults = [Fault("POST", status=400, skip=1)]
    assert (await command(*words, "--follow", "--until-quiet", "0.05"))[0] == 3
    assert stored(peer) == [(folder / "a.mp4").read_bytes()]
    assert (await command(*words))[0] == 0
    assert len(peer.uploads) == 2


def test_files_that_end_at_once_are_all_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file's entry is written over with what another one knew before: they are saved one after the other."""
    both, met = threading.Barrier(2), list[int]()

    def replace_late(path: Path, text: str) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            met.append(both.wait(0.1))  # two here at once would go on with what each of them knows
        replace_file(path, text)

    monkeypatch.setattr(rounds, "replace_file", replace_late)
    ledger, files = rounds.Ledger(["upload"]), [tmp_path / "a", tmp_path / "b"]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: ledger.add(file, mark="m", url=f"http://h/{file.name}"), files))
    again = rounds.Ledger(["upload"])
    assert ([again.url_of(file, mark="m") for file in files], met) == (["http://h/a", "http://h/b"], [])


async def test_a_server_out_of_reach_ends_the_round(peer: Peer, folder: Path, command: Command) -> None:
    """What one file could not get, the next could not: the rest is not begun; the exit code says try again."""
    await peer.stop()
    code, _, err = await command("upload", "-r", str(folder), "--to", peer.url, "--retry-for", "0")
    assert (code, "3 files are not begun – run the same command to go on" in err) == (75, True)
    await peer.start()
    peer.token = "right"
    code, _, err = await command("upload", "-r", str(folder), "--to", peer.url)
    assert (code, "3 files are not begun" in err) == (6, True)


@pytest.mark.parametrize(("cuts", "order"), [(0, "abcd"), (2, "adcb")])
async def test_the_least_that_is_left_comes_first_on_a_bad_link(
    cuts: int, order: str, peer: Peer, tmp_path: Path, command: Command
) -> None:
    """Good link: the order of the words. Bad link: the smallest of those that wait; what has begun goes on."""
    sizes = {"a": 400_000, "b": 600_000, "c": 500_000, "d": 300_000}
    for name, size in sizes.items():
        (tmp_path / f"{name}.mp4").write_bytes(name.encode() * size)
    peer.faults = [Fault("PATCH", cut_after=100_000, times=cuts)]
    code, out, _ = await command("upload", *(str(tmp_path / f"{name}.mp4") for name in sizes), "--to", peer.url)
    assert (code, [line[-5] for line in out.splitlines()]) == (0, list(order))


async def begin_two(servers: Iterable[Peer], tmp_path: Path, command: Command) -> None:
    """Begin two uploads to each server, which refuses their bytes."""
    for server in servers:
        for name in "ab":
            (tmp_path / f"{name}.mp4").write_bytes(os.urandom(1000))
            server.faults = [Fault("PATCH", status=401)]
            assert (await command("upload", str(tmp_path / f"{name}.mp4"), "--to", server.url))[0] == 6


async def test_a_server_out_of_reach_holds_up_no_other(peer: Peer, tmp_path: Path, command: Command) -> None:
    """`resume --all` goes on with the uploads to other servers, side by side, while it waits for one."""
    other = Peer()
    await other.start()
    await begin_two((peer, other), tmp_path, command)
    await peer.stop()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tusvideo_client", "resume", "--all"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    done = [(await process.stdout.readline()).decode() for _ in range(2)]
    assert [line.startswith(f"{other.url}/") for line in done] == [True, True]
    await peer.start()
    out, err = await process.communicate()
    assert (process.returncode, out.decode().count(f"{peer.url}/"), b"waiting" in err) == (0, 2, True)
    await other.stop()


async def test_a_server_is_given_up_alone(peer: Peer, tmp_path: Path, command: Command) -> None:
    """After --retry-for the uploads to one server are left, and those to the other one are done; again is 75."""
    other = Peer()
    await other.start()
    await begin_two((peer, other), tmp_path, command)
    await peer.stop()
    code, out, err = await command("resume", "--all", "--retry-for", "0")
    assert (code, out.count(f"{other.url}/"), "1 file is not begun" in err) == (75, 2, True)
    await other.stop()


@pytest.mark.parametrize("as_json_lines", [False, True])
async def test_an_interrupt_saves_all_that_run(as_json_lines: bool, peer: Peer, tmp_path: Path) -> None:
    """Two at a time: both save their state and say so, and the third is not begun."""
    files = [tmp_path / f"{name}.mp4" for name in "abc"]
    for file in files:
        file.write_bytes(os.urandom(2 * MIB))
    both = asyncio.Semaphore(0)
    peer.faults = [Fault("PATCH", hold_after=MIB, times=2)]
    peer.on_body = lambda received: both.release() if received >= MIB else None
    words = [*map(str, files), "--to", peer.url, "--jobs", "2", *(["--json"] if as_json_lines else [])]
    process = await start(*words)
    await both.acquire()
    await both.acquire()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):  # not the second that test_cli holds one upload to: this one has two
        out, err = await process.communicate()
    assert process.returncode == 130
    if as_json_lines:
        events = as_json(out.decode())
        assert [event["event"] for event in events if event["event"] != "progress"][2:] == [
            *("interrupted", "interrupted", "not_begun", "result"),
        ]
    else:
        assert err.decode().count("% – run the same command to resume") == 2
        assert "1 file is not begun" in err.decode()
    peer.on_body = None
    again = await start(*words)
    out, _ = await again.communicate()
    assert (again.returncode, stored(peer)) == (0, sorted(file.read_bytes() for file in files))


def progress(percent: float, *, waiting: str | None = None) -> Progress:
    """Progress of a file of 10 MiB."""
    done = int(percent / 10 * MIB)
    phase = Phase.WAITING if waiting else Phase.SENDING
    return Progress(stored=done, total=10 * MIB, sent=done, percent=percent, phase=phase, waiting=waiting)


def test_bars_of_several_files() -> None:
    """A line for each file that runs and one for all; what ends leaves its line above, nothing is half drawn."""
    notes, results = io.StringIO(), io.StringIO()
    bars = Bars(results, notes=notes, files=3)
    bars.begin("a")
    bars.begin("b")
    bars.progress("a", now=progress(10))
    bars.progress("b", now=progress(20, waiting="link lost"))
    drawn = notes.getvalue().rpartition("\r")[2]
    assert [line.partition("\x1b[K")[2].split("  ")[0] for line in drawn.split("\n")] == ["a", "b", "0 of 3 files done"]
    assert drawn.startswith("\x1b[1A")
    stats = TransferStats(wall=1.0, wire_bytes=1, resent_bytes=0, requests=2, retries=0)
    facts = {"url": "U", "filename": "f", "size": 1, "upload_id": "i", "upload_url": "u", "resumed_from": 0}
    bars.succeed("a", result=UploadResult(**facts, protocol="tus", restarted=False, stats=stats))  # type: ignore[arg-type]  # a row of a table
    bars.progress("b", now=progress(30))
    assert "1 of 3 files done" in notes.getvalue()
    bars.interrupt("b", now=progress(30), is_once=False)
    bars.skip("c", url="V")
    bars.fail("d", error=RejectedError("no"), exit_code=5)
    bars.end(exit_code=3)
    assert results.getvalue() == "U\nV\n"
    assert notes.getvalue().endswith("d: no\n")
    assert "b: stored 30 % – run the same command to resume\n" in notes.getvalue()
