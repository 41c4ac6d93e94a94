"""@tus/server with @tus/file-store, the reference server for Node.js."""

import json
from pathlib import Path
from typing import Final

from tests.bench.peers.peer import Peer, run
from tests.bench.peers.process import Command

_SCRIPT: Final = """\
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const tus = new Server({
  path: '/files',
  datastore: new FileStore({ directory: process.argv[2] }),
})
const listener = tus.listen({ host: '127.0.0.1', port: 0 }, () => {
  console.log(`listening on http://127.0.0.1:${listener.address().port}`)
})
"""


def _version(cache: Path) -> str:
    modules = cache / "node_modules" / "@tus"
    if not (modules / "file-store").exists():
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "package.json").write_text('{"private": true}\n')
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        run("npm", "install", *quiet, "@tus/server@latest", "@tus/file-store@latest", folder=cache)
    (cache / "server.mjs").write_text(_SCRIPT)
    found = [
        f"{name} {json.loads((modules / name / 'package.json').read_text())['version']}"
        for name in ("server", "file-store")
    ]
    return ", ".join([*found, f"Node.js {run('node', '--version', folder=cache).strip()}"])


TUS_NODE: Final = Peer(
    name="@tus/server",
    settings="as in its documentation: a stand-alone server, FileStore, no hooks; never syncs",
    version=_version,
    command=lambda cache, folder: Command(words=("node", str(cache / "server.mjs"), str(folder))),
)
