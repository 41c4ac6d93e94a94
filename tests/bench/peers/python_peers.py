"""The tus servers of the Python package index, in a virtual environment of their own."""

import sys
from pathlib import Path
from typing import Final

from tests.bench.peers.peer import Peer, run
from tests.bench.peers.process import Command, free_port

_SCRIPT: Final = """\
import sys

from fastapi import FastAPI
from tuspyserver import create_tus_router

app = FastAPI()
app.include_router(create_tus_router(files_dir=sys.argv[1]))

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]))
"""


def _installed(cache: Path, *packages: str) -> str:
    python = cache / "venv" / "bin" / "python"
    done = cache / "installed"
    if not done.exists():
        run(sys.executable, "-m", "venv", "--clear", "venv", folder=cache)
        run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages, folder=cache)
        done.touch()
    names = [package.partition("[")[0] for package in packages]
    ask = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {names!r}))"
    return run(str(python), "-c", ask, folder=cache).strip()


def _tuspyserver_version(cache: Path) -> str:
    found = _installed(cache, "tuspyserver", "fastapi", "uvicorn[standard]")
    (cache / "server.py").write_text(_SCRIPT)
    return found


def _tuspyserver(cache: Path, folder: Path) -> Command:
    port = free_port()
    python = cache / "venv" / "bin" / "python"
    return Command(words=(str(python), str(cache / "server.py"), str(folder), str(port)), port=port)


def _resumable_upload(cache: Path, folder: Path) -> Command:
    port = free_port()
    words = (
        *(str(cache / "venv" / "bin" / "resumable-upload"), "serve", "--host", "127.0.0.1", "--port", str(port)),
        *("--upload-dir", str(folder / "uploads"), "--db-path", str(folder / "uploads.db")),
    )
    return Command(words=words, port=port)


TUSPYSERVER: Final = Peer(
    name="tuspyserver",
    settings="its router with defaults in FastAPI, one uvicorn[standard] process; syncs its records, not the data",
    version=_tuspyserver_version,
    command=_tuspyserver,
)

RESUMABLE_UPLOAD: Final = Peer(
    name="resumable-upload",
    settings="its own command `resumable-upload serve` with defaults (SQLite, local disk)",
    version=lambda cache: _installed(cache, "resumable-upload"),
    command=_resumable_upload,
    base="/files",
)
