"""`doctor`: nginx set up wrongly in four ways; each is named, and the line that is told mends it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.client.conftest import Command
from tests.client.peer import Fault, Peer, as_json
from tests.conf.conftest import serving
from tests.conf.deployments import program, proxying, replace_once

pytestmark = pytest.mark.skipif(program("nginx") is None, reason="nginx is not installed: apt-get install nginx")

PASS = "proxy_pass http://tusvideo;"
TRAPS = [
    pytest.param("body limit", "client_max_body_size 0;", "client_max_body_size 1m;", id="body limit"),
    pytest.param("buffering", "proxy_request_buffering off;", "proxy_request_buffering on;", id="buffering"),
    pytest.param("time limit", "client_body_timeout 120s;", "client_body_timeout 1s;", id="time limit"),
    pytest.param("stripped header", PASS, f"{PASS} proxy_hide_header Upload-Offset;", id="stripped header"),
]


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[int]:
    """The real server, which trusts the proxy; gives its port."""
    config = tmp_path / "tusvideo.toml"
    config.write_text('[server]\ntrusted_proxies = ["127.0.0.1"]\n')
    with serving("--config", config, "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data") as (_, url):
        port = urlsplit(url).port
        assert port is not None
        yield port


def without_password(text: str) -> str:
    """The deployment's file without its password, which the doctor has none of."""
    return replace_once(text, 'auth_basic           "tusvideo";', "")


async def trap_and_mend(
    trap: str, right: str, wrong: str, *, seconds: int, upstream: int, tmp_path: Path, command: Command
) -> None:
    """The trap is named and no other; with the line that is told, put where the mistake was, nothing is found."""
    line = ""
    for text, code in ((wrong, 7), ("", 0)):
        folder = tmp_path / f"nginx{code}"
        folder.mkdir()
        mended = f"{wrong} {line}" if trap == "stripped header" else line

        def edit(conf: str, new: str = text or mended) -> str:
            return replace_once(without_password(conf), right, new)

        with proxying("nginx", folder, upstream=upstream, edit=edit) as proxy:
            ended, out, err = await command(
                "doctor", f"http://127.0.0.1:{proxy.port}", "--seconds", str(seconds), "--json"
            )
        events = as_json(out)
        assert (ended, err) == (code, ""), out
        found = [event for event in events if event["event"] == "trap"]
        assert [event["trap"] for event in found] == ([trap] if code else [])
        line = found[0]["line"] if found else ""


@pytest.mark.parametrize(("trap", "right", "wrong"), [TRAPS[0], TRAPS[3]])
async def test_nginx_set_up_wrongly(
    trap: str, right: str, wrong: str, upstream: int, tmp_path: Path, command: Command
) -> None:
    """A limit and a stripped field show at once; what takes time is in nginx_traps.py, for `make test-commands`."""
    await trap_and_mend(trap, right, wrong, seconds=1, upstream=upstream, tmp_path=tmp_path, command=command)


async def test_a_server_without_a_trap(upstream: int, command: Command, tmp_path: Path) -> None:
    """Nothing is found where nothing stands in the way, and nothing of the test upload is left."""
    code, out, _ = await command("doctor", f"http://127.0.0.1:{upstream}", "--seconds", "1")
    assert (code, out) == (0, "no trap was found\n")
    assert not list((tmp_path / "data").rglob("*doctor*"))


async def test_a_clock_that_is_wrong(peer: Peer, command: Command) -> None:
    """The server's Date is held against this machine's; a field that an answer lacks is named with its remedy."""
    far = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT", "Server": "Caddy"}
    peer.faults = [Fault("POST", status=201, headers=far)]
    code, out, _ = await command("doctor", "--to", peer.url, "--seconds", "1")
    assert (code, "clock: the server's clock is" in out, "timedatectl" in out) == (7, True, True)
    assert "stripped header: the answer 201 to a creation has no Location" in out
    assert "header_down -Location" in out


async def test_what_is_no_trap(peer: Peer, command: Command) -> None:
    """A server that refuses or cannot be reached ends the examination with its exit code."""
    peer.token = "right"
    assert (await command("doctor", peer.url))[0] == 6
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    code, _, err = await command("doctor", f"http://127.0.0.1:{port}")
    assert (code, "cannot be reached" in err) == (75, True)
    assert (await command("doctor"))[0] == 2
