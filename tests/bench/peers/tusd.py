"""tusd, the reference server, in Go."""

import os
from pathlib import Path
from typing import Final

from tests.bench.peers.peer import Peer, run
from tests.bench.peers.process import Command, free_port


def _version(cache: Path) -> str:
    program = cache / "tusd"
    if not program.exists():
        environment = {**os.environ, "GOBIN": str(cache), "GOFLAGS": "-modcacherw"}
        run("go", "install", "github.com/tus/tusd/v2/cmd/tusd@latest", folder=cache, environment=environment)
    for line in run("go", "version", "-m", str(program), folder=cache).splitlines():
        words = line.split()
        if words[:1] == ["mod"]:
            return words[2]
    return "unknown"


def _command(cache: Path, folder: Path) -> Command:
    port = free_port()
    words = (str(cache / "tusd"), "-host", "127.0.0.1", "-port", str(port), "-upload-dir", str(folder))
    return Command(words=words, port=port)


TUSD: Final = Peer(
    name="tusd", settings="defaults, disk store, no hooks; never syncs", version=_version, command=_command
)
