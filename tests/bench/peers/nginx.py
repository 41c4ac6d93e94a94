"""nginx as a server of files, for the row of downloads. Taken from the machine, not installed."""

import os
import pwd
import shutil
from pathlib import Path
from typing import Final

from tests.bench.peers.peer import Peer, run
from tests.bench.peers.process import BenchError, Command, free_port

_CONFIGURATION: Final = """\
{user}
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    default_type application/octet-stream;
    access_log {folder}/access.log;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/root;
    }}
}}
"""


def _program() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BenchError("nginx is not on this machine; on Debian and Ubuntu: apt-get install nginx-light")
    return found


def _command(_: Path, folder: Path) -> Command:
    port = free_port()
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    (folder / "root").mkdir(exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=user, folder=folder, port=port))
    words = (_program(), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration))
    return Command(words=words, port=port)


NGINX: Final = Peer(
    name="nginx",
    settings="sendfile and tcp_nopush on, worker_processes auto, access log, as Debian sets it; the same file",
    version=lambda cache: run(_program(), "-v", folder=cache).strip().removeprefix("nginx version: "),
    command=_command,
    base="/",
)
