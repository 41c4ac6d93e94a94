"""The commands beside ``upload``: what is remembered, asked, gone on with, removed."""

import argparse
import asyncio
import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.addresses import NO_ADDRESSES
from tests.client.cancellation import leave
from tests.client.conftest import Command
from tests.client.peer import Fault, Peer, as_json
from tests.client.processes import environment, start
from tusvideo_client import cli
from tusvideo_client.cli import run
from tusvideo_client.commands import completion, values
from tusvideo_client.fingerprint import Fingerprint, Identity, Place
from tusvideo_client.journal import Journal, Record
from tusvideo_client.state import MIB


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_an_upload_is_listed_asked_about_and_gone_on_with(
    protocol: str, command: Command, peer: Peer, video: Path
) -> None:
    """What an interrupt left is in `ls`, with what the server has; `status` tells it; `resume` needs only the id."""
    name = await leave(peer, video, protocol=protocol, after=1000)
    stored = len(peer.only().data) if protocol == "tus" else MIB
    code, out, err = await command("ls", "--json")
    listed, last = as_json(out)
    assert (code, err, last["event"], last["exit_code"]) == (0, "", "result", 0)
    assert (listed["id"], listed["file"], listed["server"]) == (name, str(video), peer.url)
    assert (listed["stored"], listed["total"], listed["state"]) == (stored, video.stat().st_size, "unfinished")
    code, out, _ = await command("ls")
    assert (code, [name[:8] in out, str(video) in out]) == (0, [True, True])
    code, out, _ = await command("status", name[:6], "--json")
    assert (code, as_json(out)[0]["stored"], as_json(out)[0]["state"]) == (0, stored, "unfinished")
    code, out, _ = await command("resume", name[:8])
    assert (code, out.startswith(f"{peer.url}/uploads/")) == (0, True)
    if protocol == "tus":
        assert bytes(peer.only().data) == video.read_bytes()
        sent = {"filename": "talk.mp4", "filetype": "video/mp4", "title": "Talk", "a": "b=c"}
        assert peer.only().metadata == sent
    assert (await command("ls"))[1:] == ("", "no unfinished upload is remembered\n")


async def test_resume_takes_all_and_leaves_out_what_it_cannot_read(
    command: Command, peer: Peer, video: Path, state_dir: Path, tmp_path: Path
) -> None:
    """`resume --all` goes on with every file, and says a sentence about bytes that came from elsewhere."""
    await leave(peer, video)
    journal = Journal()
    place = Place(path="<stdin>", endpoint=peer.url, account="", protocol="tus", profile="", name="x")
    mark = Fingerprint(identity=Identity(size=9, mtime_ns=0, inode=0), probe="")
    claim = journal.claim(place)
    claim.save(Record(place=place, fingerprint=mark, upload_id="1"))
    claim.release()
    code, out, err = await command("resume", "--all")
    assert (code, out) == (0, f"{peer.url}/uploads/files/local/talk.mp4\n")
    assert "is left out: its bytes came from <stdin>" in err
    code, _, err = await command("resume", "--all")
    assert (code, "nothing to go on with" in err) == (0, True)
    code, _, _ = await command("resume", place.key())
    assert code == 4
    code, out, _ = await command("ls")
    assert (code, "not begun" in out) == (0, True)


async def test_resume_says_when_the_file_is_gone(command: Command, peer: Peer, video: Path) -> None:
    """A file that was moved away is exit code 4; the upload stays remembered."""
    await leave(peer, video)
    video.rename(video.with_name("elsewhere.mp4"))
    code, _, err = await command("resume", "--all")
    assert (code, "cannot be read" in err) == (4, True)
    assert len(Journal().entries()) == 1


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_rm_removes_at_the_server_and_forgets(protocol: str, command: Command, peer: Peer, video: Path) -> None:
    """The upload goes from the server first, then from the journal; the file may name it."""
    await leave(peer, video, protocol=protocol, after=1000)
    code, out, _ = await command("rm", str(video))
    assert (code, "removed, " in out) == (0, True)
    assert (peer.uploads, peer.chunked, Journal().entries()) == ({}, {}, [])
    code, out, _ = await command("rm", f"{peer.url}/files/none", "--json")
    assert (code, as_json(out)[0]["outcome"]) == (0, "was gone from the server already")


async def test_rm_keeps_what_it_cannot_remove(command: Command, peer: Peer, video: Path) -> None:
    """A server out of reach is exit code 75 and nothing is forgotten, unless that is asked for."""
    name = await leave(peer, video)
    await peer.stop()
    code, _, err = await command("rm", name)
    assert (code, "cannot be reached" in err, len(Journal().entries())) == (75, True, 1)
    code, out, _ = await command("ls")
    assert (code, "not to be asked" in out, "%?" in out) == (0, True, True)
    assert (await command("ls", "--offline"))[0] == 0
    code, out, _ = await command("rm", name, "--forget")
    assert (code, Journal().entries()) == (0, [])
    await peer.start()


async def test_rm_leaves_a_finished_file(command: Command, peer: Peer, video: Path) -> None:
    """An upload that ended while its last answer was lost is a published file: it is forgotten, and stays."""
    name = await leave(peer, video)
    upload = peer.only()
    upload.data = bytearray(video.read_bytes())
    code, out, _ = await command("rm", name)
    assert (code, "complete, and left at" in out, len(peer.uploads)) == (0, True, 1)
    assert Journal().entries() == []


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_what_is_refused_before_it_began_is_not_remembered(
    protocol: str, command: Command, peer: Peer, video: Path
) -> None:
    """Nothing of it is at the server, so there is nothing to go on with; the same command again asks again."""
    words = ("upload", str(video), "--to", peer.url, "--protocol", protocol)
    peer.faults = [Fault("POST", status=413, body='{"detail": "too large."}')]
    code, _, err = await command(*words)
    assert (code, "answered 413: too large." in err, Journal().entries()) == (5, True, [])
    video.write_bytes(b"")
    if protocol == "chunks":
        assert (await command(*words))[0] == 4
        assert Journal().entries() == []
    peer.faults = [Fault("POST", status=507)]
    video.write_bytes(b"x")
    assert (await command(*words))[0] == 5
    assert [entry.record.refused for entry in Journal().entries()] == [None]  # a full disk is no verdict on the file


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_what_is_refused_in_the_middle_is_shown_and_left_alone(
    protocol: str, command: Command, peer: Peer, video: Path
) -> None:
    """`ls` tells why; `resume --all` does not try it, `resume ID` does, and `rm` removes it."""
    name = await leave(peer, video, protocol=protocol, after=1000)
    method = "PATCH" if protocol == "tus" else "POST"
    peer.faults = [Fault(method, status=415, body='{"detail": "no video."}', times=2)]
    assert (await command("resume", "--all"))[0] == 5
    code, out, err = await command("ls")
    assert (code, "refused" in out, f"{name[:8]}: the server answered 415: no video.; `resume" in err) == (
        0,
        True,
        True,
    )
    row, _ = as_json((await command("ls", "--json"))[1])
    assert (row["state"], row["message"]) == ("refused", "the server answered 415: no video.")
    requests = len(peer.seen)
    code, _, err = await command("resume", "--all")
    assert (code, "is left out: the server answered 415: no video." in err, len(peer.seen)) == (0, True, requests)
    assert (await command("resume", name))[0] == 5
    code, out, _ = await command("resume", name)
    assert (code, out.startswith(peer.url), Journal().entries()) == (0, True, [])

    name = await leave(peer, video, protocol=protocol, after=1000)
    peer.faults = [Fault(method, status=415)]
    assert (await command("resume", name))[0] == 5
    code, out, _ = await command("rm", name)
    assert (code, "removed, " in out, Journal().entries()) == (0, True, [])


async def test_a_chunk_upload_that_a_proxy_refuses_once_keeps_its_place(
    command: Command, peer: Peer, video: Path
) -> None:
    """After a kill nobody noted what the server has: a 403 on the first question must not cost it."""
    peer.faults = [Fault("POST", path="chunk", hold_after=1000, skip=1)]
    process = await start(str(video), "--to", peer.url, "--protocol", "chunks")
    await peer.reached.wait()
    process.kill()
    await process.communicate()
    peer.faults = [Fault("HEAD", status=403, headers={"Content-Type": "text/html"})]
    code, _, err = await command("resume", "--all")
    assert (code, "something before the server answered 403" in err) == (5, True)
    (entry,) = Journal().entries()
    assert (await command("resume", entry.key))[0] == 0
    assert len(peer.chunked) == 1


async def test_an_upload_that_runs_is_left_alone(command: Command, peer: Peer, video: Path) -> None:
    """`ls` names the process; `resume` leaves it out, and `rm` refuses."""
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    process = await start(str(video), "--to", peer.url)
    await peer.reached.wait()
    code, out, _ = await command("ls", "--offline")
    assert (code, f"running (process {process.pid})" in out) == (0, True)
    code, _, err = await command("resume", "--all")
    assert (code, f"process {process.pid} is sending" in err) == (0, True)
    code, _, err = await command("rm", str(video))
    assert (code, "another upload of this file is running" in err) == (4, True)
    process.kill()
    await process.communicate()
    code, out, _ = await command("ls", "--offline")
    assert "running" not in out


async def test_a_token_goes_to_one_server(command: Command, peer: Peer, video: Path) -> None:
    """With uploads to several servers a token is sent to none until one is named; `status` of one needs no name."""
    await leave(peer, video)
    other = Peer()
    await other.start()
    await leave(other, video)
    for words in (["ls"], ["resume", "--all"], ["rm", str(video)]):
        code, _, err = await command(*words, TUSVIDEO_TOKEN="secret")
        assert (code, "a token is for one server" in err) == (2, True)
    code, out, _ = await command("ls", "--to", other.url, "--json", TUSVIDEO_TOKEN="secret")
    assert (code, [row["server"] for row in as_json(out) if row["event"] == "upload"]) == (0, [other.url])
    assert not any(seen.headers.get("Authorization") for seen in peer.seen)
    assert other.seen[-1].headers["Authorization"] == "Bearer secret"
    await other.stop()


async def test_a_token_goes_to_no_address_that_nobody_vouched_for(command: Command, peer: Peer, video: Path) -> None:
    """`status`, `rm` and `verify` of an address send it to the server of --to, and to where an upload is remembered."""
    address = f"{peer.url}/files/x"
    for words in (["status", address], ["rm", address], ["verify", str(video), address]):
        for to in ([], ["--to", "http://127.0.0.1:9"]):
            code, out, err = await command(*words, *to, TUSVIDEO_TOKEN="secret")
            assert (code, out, f"give --to {peer.url} if it may have it" in err) == (2, "", True)
    assert peer.seen == []
    assert (await command("status", address, "--to", peer.url, TUSVIDEO_TOKEN="secret"))[0] == 5
    assert peer.seen[-1].headers["Authorization"] == "Bearer secret"
    await leave(peer, video)
    (known,) = [entry.record.upload_url for entry in Journal().entries()]
    assert known is not None
    assert (await command("status", known, TUSVIDEO_TOKEN="secret"))[0] == 0


async def test_a_password_in_an_address_is_refused_and_not_repeated(
    command: Command, peer: Peer, video: Path, state_dir: Path
) -> None:
    """It is neither shown nor stored nor sent, wherever the address is given."""
    url = peer.url.replace("//", "//me:secret@")
    there = ["--to", url]
    for words in (
        ["upload", str(video), *there],
        ["ls", *there],
        ["status", "abcdef", *there],
        ["doctor", url],
        ["status", f"{url}/files/x"],
        ["rm", f"{url}/files/x"],
        ["verify", str(video), f"{url}/files/x"],
    ):
        code, out, err = await command(*words)
        assert (code, out, "leave them out and give a token" in err, "secret" in err) == (2, "", True, False), words
    code, out, err = await command("upload", str(video), TUSVIDEO_TO=url)
    assert (code, out, "secret" in err) == (2, "", False)
    assert peer.seen == []
    assert not any("secret" in path.read_text() for path in state_dir.rglob("*.json"))


async def test_a_token_comes_from_a_command(command: Command, peer: Peer, video: Path) -> None:
    """The program is run without a shell, anew when its token is refused; its failure is exit code 6."""
    peer.token = "right"
    script = f"{sys.executable} -c \"print('right')\""
    assert (await command("upload", str(video), "--to", peer.url, "--token-command", script))[0] == 0
    for wrong, words in ((f"{sys.executable} -c 1/0", "ended with 1"), ("/no/such/program", "cannot be started")):
        code, _, err = await command("upload", str(video), "--to", peer.url, TUSVIDEO_TOKEN_COMMAND=wrong)
        assert (code, words in err) == (6, True)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *[(401, 6), (403, 5), (404, 5), (400, 5), (501, 5), (505, 5), (507, 5)],
        *[(408, 75), (423, 75), (425, 75), (429, 75), (500, 75), (503, 75), (307, 1), (200, 1)],
    ],
    ids=str,
)
async def test_exit_codes_of_status(status: int, code: int, command: Command, peer: Peer) -> None:
    """A question that is not answered ends as an upload would."""
    peer.faults = [Fault("HEAD", status=status)]
    ended, out, err = await command("status", f"{peer.url}/files/x")
    assert (ended, out, "answered" in err) == (code, "", True)
    peer.faults = [Fault("HEAD", status=status)]
    ended, out, _ = await command("status", f"{peer.url}/files/x", "--json")
    assert (ended, as_json(out)[-1]["exit_code"]) == (code, code)


async def test_a_page_is_no_file(command: Command, peer: Peer) -> None:
    """What answers with success and is neither an upload nor a file is told apart, whatever its length is."""
    for headers in ({}, {"Content-Length": "512"}, {"Accept-Ranges": "none", "Content-Length": "512"}):
        peer.faults = [Fault("HEAD", status=200, headers=headers)]
        code, out, err = await command("status", f"{peer.url}/login")
        assert (code, out, "no address of an upload, nor of a file" in err) == (1, "", True)


@pytest.mark.parametrize("url", NO_ADDRESSES)
async def test_an_address_that_is_none_is_a_mistake_in_words(
    url: str, command: Command, peer: Peer, video: Path
) -> None:
    """Every command says so in one sentence and ends with 2, wherever the address comes from; nobody is asked."""
    is_address = re.match("[a-z]{2,}:/", url) is not None
    places = [["status", url], ["rm", url], ["verify", str(video), url]] if is_address else []
    for words in (
        *([*command_words, "--to", url] for command_words in (["upload", str(video)], ["ls"], ["resume", "--all"])),
        ["doctor", url],
        *places,
    ):
        code, out, err = await command(*words)
        assert (code, out, err.count("\n")) == (2, "", 1), words
        assert "is no server address: expected http://HOST[:PORT]" in err, words
    if url:
        assert (await command("ls", TUSVIDEO_TO=url))[0] == 2
    assert (peer.seen, peer.asked, Journal().entries()) == ([], [], [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--user", ""], "--user: expected the name of a user"),
        (["--user", " "], "--user: expected the name of a user"),
        (["--user", "a:b"], "without a colon; the password comes from TUSVIDEO_PASSWORD"),
        (["--user", "a\n"], "--user: expected the name of a user"),
        (["--token-file", ""], "--token-file: expected a text that is not empty"),
        (["--token-command", ""], "--token-command: expected a program and its arguments"),
        (["--token-command", "'x"], "--token-command: expected a program and its arguments, quotes closed"),
        (["--name", ""], "--name: expected a text that is not empty"),
        (["--profile", ""], "--profile: expected a text that is not empty"),
        (["--to", "http://h/?x=1"], "--to: expected the root of a server, without ? and #"),
        (["--to", "http://h/#x"], "--to: expected the root of a server, without ? and #"),
    ],
    ids=" ".join,
)
async def test_an_option_that_says_nothing_is_refused(
    words: list[str], said: str, command: Command, peer: Peer, video: Path
) -> None:
    """`--user "$NAME"` with a variable that is not set must not become an upload without a name."""
    code, out, err = await command("upload", str(video), "--to", peer.url, *words)
    assert (code, out, said in err, err.count("\n")) == (2, "", True, 1), err
    assert (peer.seen, peer.asked) == ([], [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resume"], "which uploads"),
        (["resume", "none.mp4"], "expected an id"),
        (["status", "abcdef"], "no unfinished upload"),
        (["rm", "abcdef"], "no unfinished upload"),
        (["rm"], "required"),
        (["status", "http://"], "no server address"),
        (["upload", "x", "--to", "http://h", "--meta", "novalue"], "KEY=VALUE"),
        (["upload", "x", "--to", "http://h", "--stall", "0"], "above zero"),
        (["upload", "x", "--to", "http://h", "--protocol", "chunks", "--meta", "a=b"], "--meta is not for the chunk"),
        (["upload", "x", "--to", "http://h", "--description", "d"], "give --title as well"),
    ],
)
async def test_mistakes_in_words_are_exit_code_2(words: list[str], said: str, command: Command) -> None:
    """They are told on stderr, and nothing is sent."""
    code, out, err = await command(*words)
    assert (code, out, said in err) == (2, "", True)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["upload", "x", "--chunk-size", "8x"],
            "tusvideo_client upload: --chunk-size: expected a positive number of bytes, as 65536, 512K or 8M; got '8x'",
        ),
        (["ls", "--json=1"], "tusvideo_client ls: --json: ignored explicit argument '1'"),
        (["status"], "tusvideo_client status: the following arguments are required: ID|FILE|URL"),
        (["ls", "--ofline"], "tusvideo_client: unrecognized arguments: --ofline"),
    ],
)
async def test_a_mistake_in_words_is_one_line(words: list[str], line: str, command: Command) -> None:
    """What was expected, what came, and where to read more; not the whole usage."""
    assert await command(*words) == (2, "", f"{line}; try --help\n")


async def test_state_that_cannot_be_read_is_told(command: Command, state_dir: Path) -> None:
    """One sentence and the exit code of local files, and no traceback."""
    (state_dir / "uploads" / "x.json").mkdir(parents=True)
    code, out, err = await command("ls", "--offline")
    assert (code, out, "cannot be read" in err, "Traceback" in err) == (4, "", True, False)


async def test_a_path_is_told_once(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that begins with the file needs no file before it."""
    monkeypatch.chdir(tmp_path)
    for path in ("no.mp4", str(tmp_path / "no.mp4")):
        for words in (["upload", path], ["verify", path, "http://127.0.0.1:9/files/x"]):
            code, _, err = await command(*words, "--to", "http://127.0.0.1:9")
            assert (code, err.count("no.mp4")) == (4, 1)


async def test_variables_give_what_flags_do_not(command: Command, peer: Peer, video: Path) -> None:
    """A variable counts where the flag is missing, is judged like it, and an empty one is none."""
    code, out, _ = await command("upload", str(video), TUSVIDEO_TO=peer.url, TUSVIDEO_PROGRESS="", TUSVIDEO_STALL="20s")
    assert (code, out.startswith(peer.url)) == (0, True)
    for variable, value in (("TUSVIDEO_PROTOCOL", "ftp"), ("TUSVIDEO_CHUNK_SIZE", "x"), ("TUSVIDEO_PROGRESS", "much")):
        code, _, err = await command("upload", str(video), "--to", peer.url, **{variable: value})
        assert (code, "expected" in err) == (2, True)


async def test_a_reader_that_leaves_is_no_error(peer: Peer, video: Path) -> None:
    """`tusvideo ls | head -0` ends without a traceback."""
    await leave(peer, video)
    reader, writer = os.pipe()
    os.close(reader)
    process = await start_with(writer, "ls", "--offline")
    os.close(writer)
    _, err = await process.communicate()
    assert err == b""


async def test_a_disk_that_is_full_is_told(peer: Peer, video: Path) -> None:
    """What cannot be written to stdout is one sentence on stderr and exit code 1, and no traceback."""
    upload = ["upload", str(video), "--to", peer.url]
    for words in (["completion", "bash"], upload, [*upload, "--json"], ["status", f"{peer.url}/files/x", "--json"]):
        with open("/dev/full", "wb") as full:  # noqa: PTH123  # a device
            process = await start_with(full.fileno(), *words)
        _, err = await process.communicate()
        told = err.decode().splitlines()
        assert (process.returncode, told[-1]) == (1, "the results cannot be written: No space left on device")
        assert "Traceback" not in err.decode()


@pytest.mark.parametrize("name", ["EMFILE", "ENOMEM", "ECONNREFUSED", "EPERM", "ENOTCONN"])
def test_not_every_failure_of_the_system_is_one_of_the_output(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what a disk answers to who writes is told as that; anything else is not explained away."""

    def fail(_: argparse.Namespace) -> int:
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    monkeypatch.setattr(completion, "run", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(getattr(errno, name)))):
        run(["completion", "bash"])
    assert "written" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EBADF"])
def test_every_answer_to_who_cannot_write_is_told(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, a full quota, a file that is too large, a broken disk and a stream that cannot be written to."""

    def fail(_: argparse.Namespace) -> int:
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    monkeypatch.setattr(completion, "run", fail)
    monkeypatch.setattr(cli, "_write_no_more", lambda: None)  # the descriptor here is that of the tests
    assert run(["completion", "bash"]) == 1
    assert capsys.readouterr().err == f"the results cannot be written: {os.strerror(getattr(errno, name))}\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
async def test_closed_streams_stop_no_upload(closed: str, peer: Peer, video: Path) -> None:
    """As a daemon or a bad script starts it: with nowhere to write the upload is made all the same."""
    line = f'exec "$0" -m tusvideo_client upload "$1" --to "$2" {closed}'
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", line, sys.executable, str(video), peer.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    out, err = await process.communicate()
    assert (process.returncode, b"Traceback" in err, bytes(peer.only().data)) == (0, False, video.read_bytes())
    assert (out == b"", err == b"") == (" >&-" in f" {closed}", "2>&-" in closed)


async def test_a_standard_input_that_is_closed_is_no_empty_file(peer: Peer) -> None:
    """Its number may be that of a file that was opened meanwhile, which is not what anybody meant to send."""
    line = 'exec "$0" -m tusvideo_client upload - --name talk.mp4 --to "$1" <&-'
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", line, sys.executable, peer.url), stderr=subprocess.PIPE, env=environment()
    )
    _, err = await process.communicate()
    assert (process.returncode, b"standard input is closed; expected a pipe" in err, peer.seen) == (2, True, [])


async def start_with(stdout: int, *words: str) -> asyncio.subprocess.Process:
    """Begin the command with another stdout."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tusvideo_client", *words), stdout=stdout, stderr=subprocess.PIPE, env=environment()
    )


def test_damaged_records_are_left_out(state_dir: Path) -> None:
    """One bad file does not hide the others, and is not touched by a look."""
    folder = state_dir / "uploads"
    folder.mkdir(parents=True)
    (folder / "bad.json").write_text("{")
    (folder / "old.json").write_text(json.dumps({"schema": 0}))
    assert Journal().entries() == []
    assert sorted(path.name for path in folder.iterdir()) == ["bad.json", "old.json"]


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("512K", 512 * 1024), ("8m", 8 * MIB), ("1.5MiB", 3 * MIB // 2), ("2GB", 2048 * MIB)]
)
def test_sizes(text: str, size: int) -> None:
    """Bytes, with or without a unit of 1024."""
    assert values.size(text) == size


@pytest.mark.parametrize(("text", "seconds"), [("0.5", 0.5), ("90s", 90), ("15m", 900), ("6h", 21600), ("2d", 172800)])
def test_times(text: str, seconds: float) -> None:
    """Seconds, with or without a unit."""
    assert values.seconds(text) == seconds
    assert values.patience(text).no_progress == seconds
