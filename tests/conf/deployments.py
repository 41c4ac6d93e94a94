"""The proxies that conf/ has a file for, each run with that very file: few values are replaced, all else is as written.

Replaced is what a test cannot have: ports 80, 443 and 8080, certificates, and the password under /etc.
"""

import http.client
import os
import shutil
import socket
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

import pytest

CONF = Path(__file__).parents[2] / "conf"
NAME = "uploads.example.org"
PASSWORD = {"Authorization": "Basic " + b64encode(b"alice:correct horse").decode()}
TUS = {"Tus-Resumable": "1.0.0", **PASSWORD}
START_SECONDS = 20
STOP_SECONDS = 10
ROOT = os.geteuid() == 0

Edit = Callable[[str], str]


class Answer(NamedTuple):
    """What came back through the proxy."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Proxy:
    """A running proxy with the configuration under test."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self) -> socket.socket:
        """Open a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, method: str, target: str, body: bytes | None = None, /, **headers: str) -> Answer:
        """Send one request under the configured name; underscores in header names stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, {"Host": NAME, **named})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a proxy is to run: its folder, the socket that it listens on, and the server's port.

    ``edit`` changes its file before; with ``http2`` clients speak that, without TLS and from the first byte.
    """

    folder: Path
    listener: socket.socket
    upstream: int
    edit: Edit
    http2: bool = False

    @property
    def listen(self) -> int:
        """The port to listen on."""
        port: int = self.listener.getsockname()[1]
        return port

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        """Read a file of conf/, changed as the test wants it besides what it needs."""
        return self.edit((CONF / name).read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a proxy is started, and how it checks what it is started with."""

    run: list[str | Path]
    check: list[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    takes_socket: bool = True


def replace_once(text: str, old: str, new: str) -> str:
    """Replace the one place where a text occurs."""
    assert text.count(old) == 1, f"expected {old!r} exactly once"
    return text.replace(old, new)


def program(name: str) -> str | None:
    """Find a program, also where only root looks."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def nginx(place: Place) -> Launch:
    """conf/nginx.conf, included by a configuration that Debian's package has in another form."""
    folder = place.folder
    password = place.write("htpasswd", "alice:{PLAIN}correct horse\n")
    text = place.read("nginx.conf")
    text = replace_once(text, "listen 80;", f"listen 127.0.0.1:{place.listen}{' http2' if place.http2 else ''};")
    text = replace_once(text, "server 127.0.0.1:8080;", f"server 127.0.0.1:{place.upstream};")
    text = replace_once(
        text, "auth_basic_user_file /etc/nginx/tusvideo.htpasswd;", f'auth_basic_user_file "{password}";'
    )
    site = place.write("tusvideo.conf", text)
    temporary = "\n".join(
        f'    {kind}_temp_path "{folder / kind}";' for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The password file is readable for the one who runs the test, so nginx's worker has to be the same one.
    user = "user root root;" if ROOT else ""
    whole = place.write(
        "nginx.conf",
        f'{user}\ndaemon off;\nworker_processes 1;\npid "{folder / "pid"}";\nerror_log stderr notice;\n'
        f'events {{}}\nhttp {{\n    access_log off;\n{temporary}\n    include "{site}";\n}}\n',
    )
    words: list[str | Path] = [program("nginx") or "nginx", "-p", folder, "-e", "stderr", "-c", whole]
    return Launch(run=words, check=[*words, "-t", "-q"], environment={"NGINX": f"{place.listener.fileno()};"})


def caddy(place: Place) -> Launch:
    """conf/Caddyfile, over plain HTTP."""
    folder = place.folder
    # A cheap hash of the password; the one that `caddy hash-password` makes takes a second to check.
    password = place.write("passwd", "alice $2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n")
    text = place.read("Caddyfile")
    text = replace_once(text, f"\n{NAME} {{", f"\nhttp://{NAME}:{place.listen} {{")
    text = replace_once(text, "reverse_proxy 127.0.0.1:8080", f"reverse_proxy 127.0.0.1:{place.upstream}")
    text = replace_once(text, "import /etc/caddy/tusvideo.passwd", f"import {password}")
    place.write("tusvideo.caddy", text)
    servers = "\tservers {\n\t\tprotocols h1 h2c\n\t}\n" if place.http2 else ""
    whole = place.write(
        "Caddyfile",
        f"{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n{servers}}}\n\nimport tusvideo.caddy\n",
    )
    words: list[str | Path] = ["--config", whole, "--adapter", "caddyfile"]
    name = program("caddy") or "caddy"
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    # It cannot be handed a socket, so a test has to wait until it listens.
    return Launch(run=[name, "run", *words], check=[name, "validate", *words], environment=homes, takes_socket=False)


def haproxy(place: Place) -> Launch:
    """conf/haproxy.cfg; it drops root where there is root to drop."""
    text = place.read("haproxy.cfg")
    bind = f"bind fd@{place.listener.fileno()}{' proto h2' if place.http2 else ''}\n"
    text = replace_once(text, "    bind :80\n", f"    {bind}")
    text = replace_once(text, "server tusvideo 127.0.0.1:8080", f"server tusvideo 127.0.0.1:{place.upstream}")
    hashed = "$5$0000000000000000$nobody.has.a.password.with.this.hash.000000"
    text = replace_once(text, hashed, "$5$rounds=1000$tusvideo$f0m99rhsviTbazXaDSa4zuRbiFLmlwiJ9/UCgke8BuD")
    if not ROOT:
        for line in ("chroot /var/lib/haproxy\n", "user haproxy\n", "group haproxy\n"):
            text = replace_once(text, f"    {line}", "")
    whole = place.write("haproxy.cfg", text)
    name = program("haproxy") or "haproxy"
    return Launch(run=[name, "-db", "-f", whole], check=[name, "-q", "-c", "-dW", "-f", whole])


DEPLOYMENTS: Mapping[str, Callable[[Place], Launch]] = {"nginx": nginx, "caddy": caddy, "haproxy": haproxy}
EACH = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(program(name) is None, reason=f"{name} is not installed: apt-get install {name}"),
    )
    for name in DEPLOYMENTS
]
"""All of them, for a table of tests; the absent ones are skipped."""


def as_written(text: str) -> str:
    """Change nothing."""
    return text


def checked(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let a proxy check its file, warnings included."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        launch = DEPLOYMENTS[name](Place(folder=folder, listener=listener, upstream=8080, edit=as_written))
        return subprocess.run(
            launch.check,
            env={**os.environ, **launch.environment},
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def proxying(
    name: str, folder: Path, *, upstream: int, edit: Edit = as_written, http2: bool = False
) -> Iterator[Proxy]:
    """Run a proxy in front of a port on loopback until the block ends; the last two are told at Place."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The socket is handed over open, so that a connection waits for the proxy instead of the test.
        place = Place(folder=folder, listener=listener, upstream=upstream, edit=edit, http2=http2)
        launch = DEPLOYMENTS[name](place)
        listen = place.listen
        if not launch.takes_socket:
            listener.close()
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                launch.run,
                cwd=folder,
                env={**os.environ, **launch.environment},
                pass_fds=[listener.fileno()] if launch.takes_socket else [],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
    with process:
        try:
            if not launch.takes_socket:
                _wait(process, listen, folder / f"{name}.log")
            yield Proxy(listen)
        finally:
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            finally:
                process.kill()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, log.read_text()[-2000:]
            assert monotonic() < deadline, log.read_text()[-2000:]
            sleep(0.02)
        else:
            return
