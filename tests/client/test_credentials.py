"""Names and passwords: what is sent, to whom, and where they must never be found."""

import asyncio
import base64
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.client.peer import Fault, Peer
from tests.client.processes import environment, read_to_end
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    AuthError,
    ChunkedVideoUploader,
    ProtocolError,
    Uploader,
)
from tusvideo_client.credentials import Auth, Credentials, encode
from tusvideo_client.journal import Journal
from tusvideo_client.state import MIB
from tusvideo_client.transport import Transport

ALICE = ("alice", "correct horse: ä")


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "correct horse"), ("ä", "ö:ü"), ("alice", ""), ("a b", "\N{SNOWMAN}")]
)
def test_name_and_password_are_one_word(name: str, password: str) -> None:
    """UTF-8, a colon between, base64; the password may have colons.

    Spec: RFC 7617 § 2, § 2.1
    """
    assert base64.b64decode(encode(name, password)).decode().split(":", 1) == [name, password]


@pytest.mark.parametrize("auth", [("a:b", "c"), ("", "c"), ("a\n", "c"), ("a", "c\r\n"), ("a", "\x7f")])
def test_what_cannot_be_sent_is_refused_at_once(auth: tuple[str, str]) -> None:
    """A colon in the name and control characters; the message has no part of the password."""
    with pytest.raises(ValueError, match="cannot be sent"):
        AsyncUploader("http://h", auth=auth)
    with pytest.raises(ValueError, match="cannot be sent"):
        ChunkedVideoUploader("http://h", auth=auth)


def test_one_way_to_say_who_one_is() -> None:
    """A token and a password at once are a mistake of the caller."""
    for make in (AsyncUploader, Uploader, AsyncChunkedVideoUploader, ChunkedVideoUploader):
        with pytest.raises(ValueError, match="give one of them"):
            make("http://h", token="t", auth=ALICE)


def test_credentials_do_not_show() -> None:
    """Nothing that prints them prints a secret."""
    assert repr(Credentials(auth=ALICE)) == "<Credentials Basic>"
    assert "secret" not in repr(Credentials(token="secret"))


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_a_password_opens_the_server(protocol: str, peer: Peer, video: Path, state_dir: Path) -> None:
    """Every request carries it, and no file of ours holds it; without it the advice is to give one."""
    peer.login = ALICE
    async with AsyncUploader(peer.url, protocol=protocol, auth=ALICE) as uploader:  # type: ignore[arg-type]  # a table
        assert (await uploader.upload(video)).size == video.stat().st_size
    assert {seen.headers["Authorization"] for seen in peer.seen} == {f"Basic {encode(*ALICE)}"}
    async with AsyncUploader(peer.url, auth=("alice", "guess")) as uploader:
        with pytest.raises(AuthError, match="401") as caught:
            await uploader.upload(video)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("give a name and its password (--user NAME")
    (kept,) = [path.read_text() for path in state_dir.rglob("*.json")]
    assert [secret in kept for secret in ("alice", "guess", encode("alice", "guess"))] == [False] * 3


async def test_a_provider_is_asked_again_once(peer: Peer, video: Path) -> None:
    """A password that was changed in mid-upload is fetched anew, and the upload goes on."""
    peer.login = ("alice", "new")
    given = iter(["old", "new"])

    async def provide() -> tuple[str, str]:
        return "alice", next(given)

    async with AsyncUploader(peer.url, auth=provide) as uploader:
        assert (await uploader.upload(video)).size == video.stat().st_size


async def test_a_provider_that_gives_nonsense_is_told(peer: Peer, video: Path) -> None:
    """It comes too late for the constructor: then it is an error of the upload."""
    provider: Auth = lambda: ("a:b", "c")  # noqa: E731  # an annotated one, for the type checker
    async with AsyncUploader(peer.url, auth=provider) as uploader:
        with pytest.raises(AuthError, match="without a colon"):
            await uploader.upload(video)


async def test_a_password_goes_to_its_server_only(peer: Peer) -> None:
    """Not to an address that an answer names, on another host or another port."""
    elsewhere = Peer()
    await elsewhere.start()
    async with Transport(peer.url, auth=ALICE) as transport:
        await transport.send("HEAD", f"{elsewhere.url}/files/x")
        await transport.send("HEAD", f"{peer.url}/files/x")
        await transport.send("HEAD", f"{peer.url}/files/x", headers={"Proxy-Authorization": "Basic x"})
    assert "Authorization" not in elsewhere.seen[0].headers
    assert [seen.headers["Authorization"] for seen in peer.seen] == [f"Basic {encode(*ALICE)}"] * 2
    assert peer.seen[1].headers["Proxy-Authorization"] == "Basic x"
    await elsewhere.stop()


async def test_a_redirect_gets_no_password(peer: Peer, video: Path) -> None:
    """An answer that sends elsewhere is not followed; a creation that names another host is, without the password."""
    elsewhere = Peer()
    await elsewhere.start()
    peer.login = ALICE
    peer.faults = [
        Fault("POST", status=307, headers={"Location": f"{elsewhere.url}/files/"}),
        Fault("POST", status=201, headers={"Location": f"{elsewhere.url}/files/x", "Tus-Resumable": "1.0.0"}),
    ]
    async with AsyncUploader(peer.url, auth=ALICE, protocol="tus") as uploader:
        with pytest.raises(ProtocolError, match="307"):
            await uploader.upload(video)
        assert elsewhere.seen == []
        assert (await uploader.upload(video)).restarted  # the upload that was named there does not exist
    assert [seen for seen in elsewhere.seen if "Authorization" in seen.headers] == []
    assert elsewhere.count("PATCH") == 1
    await elsewhere.stop()


async def test_the_variable_gives_the_password(command: Command, peer: Peer, video: Path, state_dir: Path) -> None:
    """--user names whose it is; -v shows every request and never the password."""
    peer.login = ALICE
    code, out, err = await command(
        "upload", str(video), "--to", peer.url, "--user", "alice", "-v", TUSVIDEO_PASSWORD=ALICE[1]
    )
    assert (code, out.startswith(peer.url)) == (0, True)
    assert not any(secret in out + err for secret in (ALICE[1], encode(*ALICE), "Basic"))
    code, _, err = await command("upload", str(video), "--to", peer.url, "--user", "alice", TUSVIDEO_PASSWORD="guess")
    assert (code, "give a name and its password" in err, "guess" in err) == (6, True, False)
    code, out, _ = await command("ls", "--user", "alice", TUSVIDEO_PASSWORD=ALICE[1])
    assert (code, "not begun" in out) == (0, True)
    assert not any(ALICE[1] in path.read_text() for path in state_dir.rglob("*.json"))


async def test_the_netrc_file_gives_the_password(command: Command, peer: Peer, video: Path, tmp_path: Path) -> None:
    """The entry of this host and this user, in a file that nobody else may read; the variable wins over it."""
    peer.login = ("alice", "right")
    file = tmp_path / "netrc"
    words = ("upload", str(video), "--to", peer.url, "--user", "alice")
    file.write_text("machine 127.0.0.1 login alice password right\n")
    file.chmod(0o600)
    assert (await command(*words, NETRC=str(file)))[0] == 0
    assert (await command(*words, NETRC=str(file), TUSVIDEO_PASSWORD="wrong"))[0] == 6
    file.chmod(0o644)
    code, _, err = await command(*words, NETRC=str(file))
    assert (code, f"chmod 600 {file}" in err, "right" in err) == (2, True, False)


async def test_a_host_may_have_several_users(command: Command, peer: Peer, video: Path, tmp_path: Path) -> None:
    """Each finds the own password, wherever it stands; of two under one name the first counts, as for curl."""
    peer.login = ("alice", "right")
    file = tmp_path / "netrc"
    entries = [("alice", "right"), ("bob", "another"), ("alice", "old")]
    file.write_text("".join(f"machine 127.0.0.1 login {user} password {word}\n" for user, word in entries))
    file.chmod(0o600)
    words = ("upload", str(video), "--to", peer.url, "--user")
    assert (await command(*words, "alice", NETRC=str(file)))[0] == 0
    peer.login = ("bob", "another")
    assert (await command(*words, "bob", NETRC=str(file)))[0] == 0


async def test_a_password_that_is_no_text_is_refused_without_being_shown(
    command: Command, peer: Peer, video: Path
) -> None:
    """Bytes of the environment that are no UTF-8 cannot be sent, and nothing of them is repeated."""
    words = ("upload", str(video), "--to", peer.url, "--user", "alice")
    code, _, err = await command(*words, TUSVIDEO_PASSWORD="hunter2\udcff")
    assert (code, err, peer.seen) == (2, "the password cannot be sent: expected text in UTF-8\n", [])


async def left_on_two_servers(command: Command, peer: Peer, other: Peer, video: Path) -> None:
    """An unfinished upload on each of two servers, ``127.0.0.1`` and ``localhost``."""
    for server, url in ((peer, peer.url), (other, other.url.replace("127.0.0.1", "localhost"))):
        server.faults = [Fault("PATCH", cut_after=MIB), Fault("HEAD", status=500, times=9)]
        assert (await command("upload", str(video), "--to", url, "--retry-for", "0"))[0] == 75
        server.faults = []


@pytest.mark.parametrize(
    "words", [["ls", "--json"], ["status"], ["verify"], ["resume", "--all"], ["rm"]], ids=lambda words: words[0]
)
async def test_each_server_gets_the_password_of_its_own_host(
    words: list[str], command: Command, peer: Peer, video: Path, tmp_path: Path
) -> None:
    """With an entry for each host in the netrc file one command may ask several servers; none sees another's password.

    `verify` is about one upload: it is named by its address, and the file vouches for that host.
    """
    other = Peer()
    await other.start()
    peer.tells_digests = other.tells_digests = True
    await left_on_two_servers(command, peer, other, video)
    seen = {peer: len(peer.seen), other: len(other.seen)}
    file = tmp_path / "netrc"
    file.write_text(
        "machine third.host login alice password t\n"
        "machine localhost login alice password other\nmachine 127.0.0.1 login alice password ours\n"
    )
    file.chmod(0o600)
    urls = [entry.record.upload_url or "" for entry in Journal().entries()]
    more = {"status": [[str(video)]], "rm": [[str(video)]], "verify": [[str(video), url] for url in urls]}
    for rest in more.get(words[0], [[]]):
        code, _, err = await command(*words, *rest, "--user", "alice", NETRC=str(file))
        assert (code in {0, 75}, err.count("no password")) == (True, 0), err
    for server, password in ((peer, "ours"), (other, "other")):
        sent = {request.headers.get("Authorization") for request in server.seen[seen[server] :]}
        assert sent == {f"Basic {encode('alice', password)}"}
    await other.stop()


async def test_one_password_is_for_one_of_several_servers(
    command: Command, peer: Peer, video: Path, tmp_path: Path
) -> None:
    """Where the netrc file leaves a server out nothing is sent to any; the variable wins over it, and is for one."""
    other = Peer()
    await other.start()
    await left_on_two_servers(command, peer, other, video)
    seen = len(peer.seen) + len(other.seen)
    file = tmp_path / "netrc"
    file.write_text("machine localhost login alice password other\n")
    file.chmod(0o600)
    for more in ({}, {"TUSVIDEO_PASSWORD": "p"}):
        code, _, err = await command("ls", "--user", "alice", NETRC=str(file), **more)
        assert (code, "a password is for one server, and there are 2" in err) == (2, True)
        assert "put a password for each into the netrc file" in err
    assert len(peer.seen) + len(other.seen) == seen
    await other.stop()


async def test_a_redirect_gets_no_password_of_a_file(command: Command, peer: Peer, video: Path, tmp_path: Path) -> None:
    """Not even where the file has an entry for the host that the answer names."""
    elsewhere = Peer()
    await elsewhere.start()
    target = elsewhere.url.replace("127.0.0.1", "localhost")
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login alice password ours\nmachine localhost login alice password theirs\n")
    file.chmod(0o600)
    for words, method in (
        (["status", f"{peer.url}/files/x"], "HEAD"),
        (["rm", f"{peer.url}/files/x"], "HEAD"),
        (["verify", str(video), f"{peer.url}/files/x"], "HEAD"),
        (["upload", str(video), "--to", peer.url, "--protocol", "tus"], "POST"),
    ):
        peer.faults = [Fault(method, status=307, headers={"Location": f"{target}/files/x"})]
        code, _, err = await command(*words, "--user", "alice", NETRC=str(file))
        assert (code, "307" in err) == (1, True)
    peer.faults = [Fault("POST", status=201, headers={"Location": f"{target}/files/x", "Tus-Resumable": "1.0.0"})]
    await command("upload", str(video), "--to", peer.url, "--protocol", "tus", "--user", "alice", NETRC=str(file))
    assert elsewhere.count("PATCH") == 1
    assert not any("Authorization" in seen.headers for seen in elsewhere.seen)
    await elsewhere.stop()


async def test_a_user_without_a_home_is_told_where_to_put_the_password(
    command: Command, peer: Peer, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither HOME nor the user's entry in the system names a home: a sentence, and no traceback."""

    def homeless() -> Path:
        message = "Could not determine home directory."
        raise RuntimeError(message)

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = await command("upload", str(video), "--to", peer.url, "--user", "alice")
    assert (code, "set TUSVIDEO_PASSWORD" in err, "~/.netrc" in err) == (2, True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("machine other.host login alice password right\n", "no password of alice at 127.0.0.1"),
        ("machine 127.0.0.1 login bob password right\n", "no password of alice at 127.0.0.1"),
        ("default login alice password right\n", "no password of alice at 127.0.0.1"),
        ("machine 127.0.0.1 hunter2\n", "is no netrc file: line "),
        ("machine 127.0.0.1 login alice password hunter2\udcff\n", "is no netrc file: expected text in UTF-8"),
    ],
)
async def test_what_stands_there_for_others_is_not_sent(
    text: str, said: str, command: Command, peer: Peer, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host's entry, another user's, or everybody's; a file that cannot be read is not repeated."""
    monkeypatch.setattr(sys, "stdin", None)
    (tmp_path / "netrc").write_text(text, errors="surrogateescape")
    (tmp_path / "netrc").chmod(0o600)
    words = ("upload", str(video), "--to", peer.url, "--user", "alice")
    code, _, err = await command(*words, NETRC=str(tmp_path / "netrc"))
    assert (code, said in err, "hunter2" in err, peer.seen) == (2, True, False, [])


async def test_a_password_is_for_one_server(command: Command, peer: Peer, video: Path) -> None:
    """As a token: not to an address that nobody vouched for, and not beside a token."""
    password = {"TUSVIDEO_PASSWORD": "p", "TUSVIDEO_USER": "alice"}
    code, _, err = await command("status", f"{peer.url}/files/x", **password)
    assert (code, "a password is not sent to" in err) == (2, True)
    code, _, err = await command("upload", str(video), "--to", peer.url, TUSVIDEO_TOKEN="t", **password)
    assert (code, "the server takes one of them" in err, peer.seen) == (2, True, [])


async def at_a_terminal(peer: Peer, video: Path, keys: bytes) -> tuple[int | None, str, str]:
    """Run the command, answer its question with these keys; gives exit code, stdout and what the terminal shows."""
    master, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tusvideo_client", "upload", str(video), "--to", peer.url, "--user", "alice"),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=environment(TERM="dumb", NETRC=str(video.with_name("none"))),
        start_new_session=True,
    )
    os.close(terminal)
    asked = b""
    while b"password of alice at 127.0.0.1: " not in asked:
        asked += await asyncio.to_thread(os.read, master, 4096)
    os.write(master, keys)
    shown = await asyncio.to_thread(read_to_end, master)
    out, _ = await process.communicate()
    return process.returncode, out.decode(), shown


async def test_a_terminal_is_asked(peer: Peer, video: Path) -> None:
    """The question names user and host, and what is typed is not shown."""
    peer.login = ("alice", "typed")
    code, out, shown = await at_a_terminal(peer, video, b"typed\n")
    assert (code, out.startswith(peer.url), "typed" in shown) == (0, True, False)


async def test_whoever_types_no_password_is_told_so(peer: Peer, video: Path) -> None:
    """Ctrl-D ends the question: a sentence, and the exit code of a command that makes no sense."""
    code, out, shown = await at_a_terminal(peer, video, b"\x04")
    assert (code, out, peer.seen) == (2, "", [])
    assert shown.split("\n")[-2].strip() == "no password of alice at 127.0.0.1 was typed"
