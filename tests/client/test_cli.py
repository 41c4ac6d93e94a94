"""The command line: what it prints where, how it ends, and that the same command again resumes."""

import argparse
import asyncio
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tomllib
from dataclasses import replace
from inspect import signature
from pathlib import Path

import pytest

from tests.client.peer import Fault, Peer, as_json
from tests.client.processes import ROOT, command, environment, read_to_end, start
from tusvideo_client import (
    AsyncUploader,
    AuthError,
    FileChangedError,
    FileTooLargeError,
    Follow,
    GaveUpError,
    IntegrityError,
    LocalFileError,
    Phase,
    Progress,
    ProtocolError,
    RejectedError,
    RetryPolicy,
    TransferStats,
    UnsupportedTypeError,
    UploadError,
    UploadGoneError,
    UploadResult,
)
from tusvideo_client.bars import Bars
from tusvideo_client.cli import run
from tusvideo_client.commands import vocabulary
from tusvideo_client.commands.arguments import COMMANDS, add_commands
from tusvideo_client.commands.exits import EXIT_CODES, MEANINGS, exit_code_of
from tusvideo_client.commands.senders import STALL, STALL_OF_CHUNKS
from tusvideo_client.display import Lines, Text
from tusvideo_client.state import MIB
from tusvideo_client.width import AT_MOST, chunk_size_for


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_the_result_is_on_stdout_and_nothing_else(protocol: str, peer: Peer, video: Path) -> None:
    """stdout is for scripts: the URL alone; progress goes to stderr, in plain lines when that is no terminal."""
    code, out, err = await command("upload", str(video), "--to", peer.url, "--protocol", protocol, "--title", "Talk")
    assert (code, out) == (0, f"{peer.url}/uploads/files/local/{peer.only().filename or 'talk.mp4'}\n")
    assert "\r" not in err
    assert "pct=100 state=done" in err.splitlines()[-1]
    assert bytes(peer.only().data) == video.read_bytes()


async def test_quiet_means_results_and_errors_only(peer: Peer, video: Path) -> None:
    """-q and --progress none say nothing on stderr when all goes well."""
    assert (await command("upload", str(video), "-q", TUSVIDEO_TO=peer.url))[2] == ""
    assert (await command("upload", str(video), "--progress", "none", TUSVIDEO_TO=peer.url))[2] == ""


async def test_verbose_logs_requests_and_no_secret(peer: Peer, video: Path) -> None:
    """-v shows every request; never the token."""
    code, _, err = await command("upload", str(video), "-v", "--to", peer.url, TUSVIDEO_TOKEN="s3cret")
    assert code == 0
    assert "request_answered method=PATCH status=204" in err
    assert "s3cret" not in err


async def test_a_bar_on_a_terminal(peer: Peer, video: Path) -> None:
    """A terminal gets one line that is drawn anew; stdout still holds the URL alone."""
    master, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tusvideo_client", "upload", str(video), "--to", peer.url),
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=environment(TERM="xterm"),
    )
    os.close(terminal)
    drawn = await asyncio.to_thread(read_to_end, master)
    out, _ = await process.communicate()
    assert out.decode().startswith(peer.url)
    assert "━" * 20 in drawn
    assert "\r\x1b[K" in drawn


async def test_json_is_one_object_a_line_and_ends_with_the_result(peer: Peer, video: Path, tmp_path: Path) -> None:
    """Every line has the schema's version; the last one sums up, also when a file failed."""
    code, out, err = await command("upload", str(video), str(tmp_path / "none.mp4"), "--to", peer.url, "--json")
    events = as_json(out)
    assert {event["schema"] for event in events} == {1}
    assert (code, events[-1]["event"], events[-1]["ok"], events[-1]["exit_code"]) == (3, "result", False, 3)
    first, second = events[-1]["files"]
    assert (first["ok"], first["size"], first["stats"]["resent_bytes"]) == (True, video.stat().st_size, 0)
    assert (second["ok"], second["error"], second["exit_code"]) == (False, "LocalFileError", 4)
    assert [event["event"] for event in events if event["event"] != "progress"] == [
        *("begin", "uploaded", "begin", "failed"),
        "result",
    ]
    assert err == ""


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("POST", status=413), 5),
        (Fault("POST", status=401), 6),
        (Fault("PATCH", status=460), 7),
        (Fault("POST", status=307), 1),
        (Fault("POST", status=500, times=99), 75),
    ],
    ids=["rejected", "auth", "integrity", "protocol", "gave up"],
)
async def test_exit_codes_of_answers(fault: Fault, code: int, peer: Peer, video: Path) -> None:
    """The exit code tells a calling program what kind of error it was."""
    peer.faults = [fault]
    ended, out, err = await command("upload", str(video), "--to", peer.url, "--retry-for", "0")
    assert (ended, out) == (code, "")
    assert f"the server answered {fault.status}" in err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (LocalFileError, 4),
        (FileChangedError, 4),
        (UnsupportedTypeError, 5),
        (FileTooLargeError, 5),
        (RejectedError, 5),
        (UploadGoneError, 5),
        (AuthError, 6),
        (IntegrityError, 7),
        (GaveUpError, 75),
        (ProtocolError, 1),
        (UploadError, 1),
    ],
)
def test_exit_codes_of_errors(kind: type[UploadError], code: int) -> None:
    """Every error class has its exit code."""
    assert exit_code_of(kind("x")) == code
    assert all(
        known[0] in {kind, *UploadError.__subclasses__(), *LocalFileError.__subclasses__()} for known in EXIT_CODES
    )


async def test_files_that_fail_alike_share_their_code(peer: Peer, tmp_path: Path) -> None:
    """Several missing files are still exit code 4."""
    code, _, err = await command("upload", str(tmp_path / "a"), str(tmp_path / "b"), "--to", peer.url)
    assert code == 4
    assert err.count("cannot be read: No such file or directory") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required"),
        (["upload"], "FILE"),
        (["upload", "x"], "TUSVIDEO_TO"),
        (["upload", "x", "--to", "nowhere"], "no server address"),
        (["upload", "x", "--to", "http://h", "--retry-for", "-1"], "forever"),
        (["upload", "x", "--to", "http://h", "--retry-for", "soon"], "retry-for"),
        (["upload", "x", "--to", "http://h", "--chunk-size", "0"], "positive"),
        (["upload", "x", "--to", "http://h", "--protocol", "ftp"], "protocol"),
        (["download"], "invalid choice"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors are explained on stderr, before anything is sent."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


async def test_the_token_comes_from_a_file_or_the_environment(peer: Peer, video: Path, tmp_path: Path) -> None:
    """Never from the command line; a file wins over the environment, and may end with a line break."""
    peer.token = "right"
    assert (await command("upload", str(video), "--to", peer.url, TUSVIDEO_TOKEN="right"))[0] == 0
    (tmp_path / "token").write_text("right\n")
    arguments = ("upload", str(video), "--to", peer.url, "--token-file")
    assert (await command(*arguments, str(tmp_path / "token"), TUSVIDEO_TOKEN="wrong"))[0] == 0
    code, _, err = await command(*arguments, str(tmp_path / "none"))
    assert code == 6
    assert "cannot be read" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("as_json_lines", [False, True])
async def test_an_interrupt_saves_the_state(
    number: signal.Signals, code: int, as_json_lines: bool, peer: Peer, video: Path
) -> None:
    """One signal: the state is saved, a sentence says how to go on, and the process ends within a second."""
    peer.faults = [Fault("PATCH", hold_after=MIB, skip=1)]
    arguments = [str(video), "--to", peer.url, "--chunk-size", str(MIB), *(["--json"] if as_json_lines else [])]
    process = await start(*arguments)
    await peer.reached.wait()
    process.send_signal(number)
    async with asyncio.timeout(1):
        out, err = await process.communicate()
    assert process.returncode == code
    if as_json_lines:
        last = as_json(out.decode())[-1]
        assert (last["exit_code"], last["files"][0]["error"], last["files"][0]["stored"]) == (
            code,
            "Interrupted",
            2 * MIB,
        )
    else:
        assert (out, "stored 79 % – run the same command to resume" in err.decode()) == (b"", True)
    peer.seen.clear()
    assert (await command("upload", *arguments))[0] == 0
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.method for seen in peer.seen] == ["HEAD", "GET", "PATCH"]  # GET asks for the digest of what is stored


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_a_connection_that_does_not_come_about_is_given_up_in_time(protocol: str, video: Path) -> None:
    """--connect-timeout holds over all protocols; a listener whose queue is full answers no further connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        words = ("upload", str(video), "--to", url, "--protocol", protocol, "--retry-for", "0")
        async with asyncio.timeout(9):  # less than the default
            code, _, err = await command(*words, "--connect-timeout", "0.2s")
    assert (code, "the server cannot be reached" in err) == (75, True)


async def test_a_second_interrupt_ends_at_once(peer: Peer, video: Path) -> None:
    """Who presses Ctrl-C twice is not kept waiting."""
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    process = await start(str(video), "--to", peer.url)
    await peer.reached.wait()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(1):
        await process.communicate()
    assert process.returncode == 130


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_a_server_that_is_killed_is_waited_for(protocol: str, peer: Peer, video: Path) -> None:
    """With both protocols the command line is patient: the server goes away in mid-upload and comes back."""
    peer.faults = [Fault("PATCH", hold_after=MIB), Fault("POST", hold_after=MIB // 8, path="chunk", skip=1)]
    process = await start(str(video), "--to", peer.url, "--protocol", protocol)
    await peer.reached.wait()
    await peer.stop()
    err = b""
    assert process.stderr is not None
    while b"cannot be reached" not in err:
        err += await process.stderr.readline()
    await peer.start()
    await process.communicate()
    assert process.returncode == 0
    assert bytes(peer.only().data) == video.read_bytes()


async def test_help_is_quick() -> None:
    """--help loads neither the HTTP library nor anything that reads files, and tells every exit code."""
    script = (
        "import sys; from tusvideo_client.cli import run; from tusvideo_client.commands import arguments as a;"
        "codes = [run([name, '--help']) for name in a.COMMANDS];"
        "print(set(codes), sorted({'aiohttp', 'aiofiles', 'asyncio', 'platformdirs', 'yarl'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, env=environment()
    )
    out, _ = await process.communicate()
    *helps, last = re.split(r"^(?=usage:|\{)", out.decode(), flags=re.MULTILINE)[1:]
    assert (last, len(helps)) == ("{0} []\n", len(COMMANDS))
    for name, text in zip(COMMANDS, helps, strict=True):
        variables = {"TUSVIDEO_STATE_DIR"} | ({"TUSVIDEO_TO", "TUSVIDEO_TOKEN"} if name != "completion" else set())
        assert all(word in text for word in variables)
        assert all(f"\n{code:>5}  {meaning}\n" in f"{text}\n" for code, meaning in MEANINGS.items())


def test_help_tells_the_defaults_that_hold() -> None:
    """The figures in the sentences are those of the library."""
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers().add_parser)
    upload = next(command for command in vocabulary.of_parser(parser).commands if command.name == "upload")
    lines = {name: option.line for option in upload.options for name in option.names}
    policy, uploader = RetryPolicy(), signature(AsyncUploader).parameters
    patience = (policy.no_progress or 0) / 60, (policy.max_offline or 0) / 3600
    sizes = chunk_size_for(1, wanted="auto") // 1024, chunk_size_for(1, wanted=1) // MIB
    told = {
        "--retry-for": f"default {patience[0]:.0f}m, or {patience[1]:.0f}h while",
        "--stall": f"default {STALL:.0f}s; with chunks {STALL_OF_CHUNKS:.0f}s",
        "--connect-timeout": f"default {uploader['connect_timeout'].default:.0f}s",
        "--until-quiet": f"default {Follow().quiet:.0f}s",
        "--connections": f"1 to {AT_MOST},",
        "--chunk-size": f"default {sizes[0]}k, or {sizes[1]}m where there is but one",
    }
    assert {name: text in lines[name] for name, text in told.items()} == dict.fromkeys(told, True)
    assert f"(default {uploader['request_bytes'].default // MIB}m)" in lines["--chunk-size"]


async def test_importing_the_package_loads_no_http_library() -> None:
    """``import tusvideo_client`` is quick; the first use of an uploader loads the rest."""
    script = (
        "import sys, tusvideo_client as t; before = 'aiohttp' in sys.modules;"
        "names = [getattr(t, name).__name__ for name in t.__all__]; print(before, 'aiohttp' in sys.modules, len(names))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, env=environment()
    )
    out, _ = await process.communicate()
    assert out.decode().split()[:2] == ["False", "True"]


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    """The lazy names do not hide mistakes."""
    import tusvideo_client

    with pytest.raises(AttributeError, match="Uplaoder"):
        _ = tusvideo_client.Uplaoder


@pytest.mark.parametrize("example", ["async_upload.py", "chunked_upload.py"])
async def test_the_examples_work(example: str, peer: Peer, video: Path) -> None:
    """The scripts in client/examples upload, report a refusal, and explain themselves."""
    script = str(ROOT / "client" / "examples" / example)
    (done, out, _), (refused, _, words), (usage, _, line) = [
        await example_run(script, *arguments)
        for arguments in ([peer.url, str(video)], [peer.url, str(video.parent / "none.mp4")], [])
    ]
    assert (done, refused, usage) == (0, 1, 1)
    assert bytes(peer.only().data) == video.read_bytes()
    assert out.strip().endswith(peer.only().filename or "talk.mp4")
    assert "cannot be read" in words
    assert "Usage:" in line


async def example_run(*arguments: str) -> tuple[int | None, str, str]:
    """Run a script as a user would."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def test_the_package_is_typed() -> None:
    """py.typed lies beside the modules that the wheel ships."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "client/tusvideo_client" in packages["packages"]
    assert (ROOT / "client" / "tusvideo_client" / "py.typed").exists()


# What the displays draw


def progress(stored: int, *, phase: Phase = Phase.SENDING, waiting: str | None = None) -> Progress:
    """Progress of a file of 10 MiB."""
    percent = 100.0 * stored / (10 * MIB)
    return Progress(stored=stored, total=10 * MIB, sent=stored, percent=percent, phase=phase, waiting=waiting)


def test_lines_come_every_ten_per_cent_and_at_every_wait() -> None:
    """A log gets few lines, without control characters; a wait is told once."""
    notes = io.StringIO()
    lines = Lines(io.StringIO(), notes=notes)
    lines.begin("a\x1bb")
    for stored in range(0, 10 * MIB, MIB // 4):
        lines.progress("a\x1bb", now=progress(stored))
    for _ in range(3):
        lines.progress("a\x1bb", now=progress(MIB, phase=Phase.WAITING, waiting="link lost"))
    written = notes.getvalue().splitlines()
    assert len(written) == 9 + 1
    assert all(" a?b stored=" in line and line[10] == "T" for line in written)
    assert written[-1].endswith('state=waiting waiting="link lost"')


def test_a_line_says_100_only_at_the_end() -> None:
    """All bytes are on their way and none is confirmed: that is not all of it, whatever a rounded number would say."""
    notes = io.StringIO()
    lines = Lines(io.StringIO(), notes=notes)
    lines.begin("a")
    now = Progress(stored=0, total=MIB, sent=MIB, percent=99.9, phase=Phase.SENDING)
    lines.progress("a", now=now)
    lines.progress("a", now=replace(now, sent=0, phase=Phase.WAITING, waiting="the server cannot be reached"))
    lines.progress("a", now=replace(now, stored=MIB, percent=100.0, phase=Phase.DONE))
    told = [line.partition(" a ")[2].partition(" state=")[0] for line in notes.getvalue().splitlines()]
    assert told == [f"stored=0 total={MIB} pct=99", f"stored=0 total={MIB} pct=99", f"stored={MIB} total={MIB} pct=100"]


def test_an_interrupt_tells_how_much_is_stored() -> None:
    """Per cents of what has a length, MiB of what has none; how to go on, where one can."""
    text = io.StringIO()
    display = Text(io.StringIO(), notes=text)
    now = Progress(stored=MIB, total=4 * MIB, sent=MIB, percent=25.0, phase=Phase.SENDING)
    growing = replace(now, total=None)
    for told, is_once in ((now, False), (growing, False), (now, True), (growing, True)):
        display.interrupt("a", now=told, is_once=is_once)
    again, never = "run the same command to resume", "a pipe gives its bytes but once: no later run goes on"
    lines = [line.removeprefix("a: stored ").split(", and")[0] for line in text.getvalue().splitlines()]
    assert lines == [f"25 % – {again}", f"1.0 MiB – {again}", f"25 % – {never}", f"1.0 MiB – {never}"]


def test_the_bar_says_what_it_is_doing() -> None:
    """Rate and time left while sending, the reason while waiting, the phase otherwise; a note begins a new line."""
    notes = io.StringIO()
    bar = Bars(io.StringIO(), notes=notes)
    bar.begin("a")
    bar.progress("a", now=progress(0, phase=Phase.CREATING))
    bar.progress("a", now=progress(MIB, phase=Phase.WAITING, waiting="link lost"))
    bar.fail("a", error=RejectedError("no", hint="smaller", request_id="r1"), exit_code=5)
    assert "creating" in notes.getvalue()
    assert "1.0/10.0 MiB stored  link lost\n" in notes.getvalue()
    assert notes.getvalue().endswith("a: no (request r1)\n  smaller\n")


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (200, f"talk.mp4  {'━' * 5}{'─' * 15}  25.0 %  2.5/10.0 MiB stored  sending"),
        (60, f"talk.mp4  {'━' * 2}{'─' * 9}  25.0 %  2.5/10.0 MiB stored  sending"),
        (50, "talk.mp4 25.0 %  2.5/10.0 MiB stored  sending"),
        (20, "talk.mp4 25.0 %  2."),
        (1, ""),
    ],
    ids=str,
)
def test_a_narrow_terminal_keeps_the_figures(columns: int, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar is the first to go: of a line that is cut off the per cents are the last thing to be seen."""
    monkeypatch.setenv("COLUMNS", str(columns))
    notes = io.StringIO()
    bar = Bars(io.StringIO(), notes=notes)
    bar.begin("talk.mp4")
    bar.progress("talk.mp4", now=progress(10 * MIB // 4))
    assert notes.getvalue() == f"\r\x1b[K{line}"


def test_a_resumed_file_is_not_shown_as_sent_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """9 of 10 MiB were there, and half of the last one takes half a second: 1 MiB/s, and half a second is left."""
    times = iter([0.0, 0.1, 0.2, 0.7])
    monkeypatch.setattr("tusvideo_client.bars.time.monotonic", lambda: next(times))
    notes = io.StringIO()
    bar = Bars(io.StringIO(), notes=notes)
    bar.begin("a")
    bar.progress("a", now=progress(0, phase=Phase.PREPARING))
    bar.progress("a", now=progress(9 * MIB, phase=Phase.PROBING))
    bar.progress("a", now=progress(9 * MIB))
    assert "MiB/s" not in notes.getvalue()
    bar.progress("a", now=progress(9 * MIB + MIB // 2))
    assert notes.getvalue().endswith("1.0 MiB/s  0:00 left")


def test_an_interrupt_before_anything_is_known() -> None:
    """An interrupt in the first moment says 0 %."""
    notes = io.StringIO()
    Text(io.StringIO(), notes=notes).interrupt("a", now=None, is_once=False)
    assert notes.getvalue() == "a: stored 0 % – run the same command to resume\n"


def test_results_can_be_written_as_json() -> None:
    """A result holds nothing that JSON cannot."""
    stats = TransferStats(wall=1.0, wire_bytes=1, resent_bytes=0, requests=2, retries=0)
    facts = {"url": "u", "filename": "f", "size": 1, "upload_id": "i", "upload_url": "u", "resumed_from": 0}
    result = UploadResult(**facts, protocol="tus", restarted=False, stats=stats)  # type: ignore[arg-type]  # a row of a table
    assert json.loads(
        json.dumps(result, default=lambda value: {name: getattr(value, name) for name in value.__slots__})
    )
    assert RetryPolicy() == RetryPolicy()
