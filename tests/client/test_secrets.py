"""Secrets go to their server and nowhere else: no screen, log, report, record, error or list of processes has them."""

import argparse
import base64
import logging
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.client.peer import Fault, Peer
from tusvideo_client import AsyncUploader, RetryPolicy, UploadError
from tusvideo_client.cli import add_commands
from tusvideo_client.commands import vocabulary
from tusvideo_client.commands.access import Keys
from tusvideo_client.model import Choice

SECRET = "hunter2-and-more"
BASIC = base64.b64encode(f"alice:{SECRET}".encode()).decode()


def keys_in(folder: Path, host: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    """The ways to give a secret to the command line: words and variables."""
    token = folder / "token"
    token.write_text(f"{SECRET}\n")
    netrc = folder / "netrc"
    netrc.write_text(f"machine {host} login alice password {SECRET}\n")
    netrc.chmod(0o600)
    script = f"{sys.executable} -c \"print('{SECRET}')\""
    return {
        "variable": ([], {"TUSVIDEO_TOKEN": SECRET}),
        "file": (["--token-file", str(token)], {}),
        "command": (["--token-command", script], {}),
        "password": (["--user", "alice"], {"TUSVIDEO_PASSWORD": SECRET}),
        "netrc": (["--user", "alice"], {"NETRC": str(netrc)}),
    }


def _is_sent(peer: Peer) -> bool:
    """Tell whether the server got the secret."""
    sent = [seen.headers.get("Authorization", "") for seen in [*peer.seen, *peer.asked]]
    return any(SECRET in value or BASIC in value for value in sent)


WAYS = ["variable", "file", "command", "password", "netrc"]


@pytest.mark.parametrize("is_right", [True, False], ids=["taken", "refused"])
@pytest.mark.parametrize("way", WAYS)
async def test_no_command_tells_a_secret(
    way: str,
    is_right: bool,
    command: Command,
    peer: Peer,
    video: Path,
    state_dir: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every command, in words and as NDJSON, whether the secret is taken or not; all logs; what is left on the disk."""
    caplog.set_level(logging.DEBUG)  # more than -v shows
    words, variables = keys_in(tmp_path, "127.0.0.1")[way]
    right = SECRET if is_right else "another"
    if way in {"password", "netrc"}:
        peer.login = ("alice", right)
    else:
        peer.token = right
    peer.faults = [Fault("PATCH", status=500, times=99)]
    told = ""
    for line in (
        ["upload", str(video), "--to", peer.url, "--retry-for", "0", "--protocol", "tus"],
        ["ls"],
        ["status", str(video)],
        ["verify", str(video), f"{peer.url}/files/x", "--to", peer.url],
        ["rm", f"{peer.url}/files/x", "--to", peer.url],
        ["resume", "--all", "--retry-for", "0"],
        ["doctor", peer.url, "--seconds", "0.1"],
    ):
        more = ["-v"] if is_right else ["--json"]
        code, out, err = await command(*line, *words, *more, **variables)
        assert code in {0, 5, 6, 75, 7, 1}
        told += out + err
    told += caplog.text
    assert "request_answered" in told
    assert _is_sent(peer)
    told += "".join(path.read_text(errors="replace") for path in state_dir.rglob("*") if path.is_file())
    assert [secret for secret in (SECRET, BASIC) if secret in told] == []


@pytest.mark.parametrize(
    "words",
    [
        ["--user", f"alice:{SECRET}"],
        ["--token-command", f"echo '{SECRET}"],
        ["--token-command", f"/no/such/program {SECRET}"],
        ["--token-command", f"{sys.executable} -c 1/0 {SECRET}"],
        ["--to", f"http://alice:{SECRET}@h"],
        ["--to", f"http://alice:{SECRET}@h:99999"],
        ["--to", f"http://alice:{SECRET}@h/files?token=x"],
        ["--to", f"http://h/?token={SECRET}"],
        ["--to", f"http://h/files#{SECRET}"],
        ["--to", f"h/files?token={SECRET}"],
        ["--to", f"ftp://h/files?token={SECRET}"],
        ["--to", f"http://h:99999/files?token={SECRET}"],
        ["--to", f"http://h/fi les?token={SECRET}"],
        ["--to", f"http://[h/files?token={SECRET}"],
    ],
)
async def test_a_mistake_repeats_no_secret(words: list[str], command: Command, peer: Peer, video: Path) -> None:
    """What stands in the wrong place, as NAME:PASSWORD, is not shown once more; nor are the arguments of a program."""
    code, out, err = await command("upload", str(video), "--to", peer.url, *words)
    assert (code in {2, 6}, SECRET in out + err, "Traceback" in err) == (True, False, False)
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
@pytest.mark.parametrize("fault", [Fault("POST", status=401), Fault("POST", status=403), Fault("POST", lose=True)])
@pytest.mark.parametrize("keys", [{"token": SECRET}, {"auth": ("alice", SECRET)}], ids=["token", "password"])
async def test_no_error_and_no_log_tells_a_secret(
    protocol: Choice, fault: Fault, keys: Keys, peer: Peer, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In its words, its attributes, its causes and their tracebacks, nor in what the library logs at any level."""
    caplog.set_level(logging.DEBUG)
    peer.faults = [replace(fault, times=99), Fault("HEAD", status=500, times=99)]
    async with AsyncUploader(
        peer.url, protocol=protocol, retry=RetryPolicy(budget=0, no_progress=0.0), **keys
    ) as uploader:
        with pytest.raises(UploadError) as caught:
            await uploader.upload(video)
    assert _is_sent(peer)
    error = caught.value
    told = "".join(traceback.format_exception(error)) + repr(error) + str(error.facts()) + repr(vars(uploader))
    assert [secret for secret in (SECRET, BASIC) if secret in told + caplog.text] == []


def test_no_option_takes_a_secret() -> None:
    """The words of a command are seen by everybody who lists processes, and kept by the shell."""
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers().add_parser)
    names = {name for told in vocabulary.of_parser(parser).commands for option in told.options for name in option.names}
    assert "--token-file" in names
    assert names.isdisjoint({"--token", "--password", "--pass", "--auth", "--header", "--key"})
