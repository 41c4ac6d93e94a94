"""The tus servers of others, asked the same questions: one table, with versions and a date.

They run as their documentation starts them. What only our own server can be asked (its disk, its settings) is asked of
nobody here, ours included, so that the columns can be compared. Rules that only we set have a column of their own.
"""

import contextlib
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.bench.peers.ours import STRICT
from tests.bench.peers.peer import Peer
from tests.bench.peers.process import BenchError, Command, Server
from tests.bench.peers.python_peers import TUSPYSERVER
from tests.bench.peers.tus_node import TUS_NODE
from tests.bench.peers.tusd import TUSD
from tests.bench.suite.work import cache_of
from tests.conformance.wire import report, run
from tests.conformance.wire.calls import ORIGIN
from tests.conformance.wire.catalogue import Check
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import Level, Result, Verdict

COLUMNS: Final = (Level.MUST, Level.SHOULD, Level.HTTP, Level.OURS)
ATTEMPTS: Final = 2
"""A check during which a server ended is asked again after a restart, and no file is asked for any more to see it."""
SETTLE_SECONDS: Final = 0.3
"""A server that dies takes a moment to do so."""
_NODE_SCRIPT: Final = """\
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const days = 24 * 60 * 60 * 1000
const tus = new Server({
  path: '/files',
  datastore: new FileStore({ directory: process.argv[2], expirationPeriodInMilliseconds: 7 * days }),
})
const listener = tus.listen({ host: '127.0.0.1', port: 0 }, () => {
  console.log(`listening on http://127.0.0.1:${listener.address().port}`)
})
"""


def _node(cache: Path, folder: Path) -> Command:
    script = cache / "conformance.mjs"
    script.write_text(_NODE_SCRIPT)
    return Command(words=("node", str(script), str(folder)))


def _ours(_: Path, folder: Path) -> Command:
    words = (sys.executable, "-m", "tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder))
    return Command(words=words, environment={"TUSVIDEO_SERVER_ALLOWED_ORIGINS": ORIGIN})


PEERS: Final = (
    replace(STRICT, name="tusvideo", settings="defaults, and the page of the suite is allowed", command=_ours),
    TUSD,
    replace(TUS_NODE, settings="stand-alone, FileStore, expiry of 7 days (which it announces)", command=_node),
    TUSPYSERVER,
)


@dataclass(slots=True)
class Guest:
    """A server of somebody else that runs while it is asked; started again when it ended by itself."""

    peer: Peer
    cache: Path
    folder: Path
    ended: list[str] = field(default_factory=list)
    """The checks during which it ended."""
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _server: Server | None = None
    _target: Target | None = None

    def target(self) -> Target:
        """Give the target; starts the server if it is not there."""
        if self._target is None or not self._answers():
            self.close()
            place = self.folder / f"data-{len(self.ended)}"
            self._server = self._stack.enter_context(self.peer.running(self.cache, folder=place))
            self._target = Target(url=f"http://127.0.0.1:{self._server.port}{self.peer.base}")
            self._target.discover()
            self._target.downloads = not self.ended
        return self._target

    def ask(self, check: Check) -> Verdict:
        """Ask one check."""
        verdict = run.ask(check, self.target())
        for _ in range(ATTEMPTS):
            time.sleep(SETTLE_SECONDS if verdict.result is Result.FAILED else 0)
            if verdict.result is not Result.FAILED or self._answers():
                return verdict
            self.ended.append(check.id)
            verdict = run.ask(check, self.target())
        return verdict

    def close(self) -> None:
        """End the server."""
        self._stack.close()
        self._stack = contextlib.ExitStack()

    def _answers(self) -> bool:
        assert self._server is not None
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._server.port), timeout=2):
            return True
        return False


def table(checks: Sequence[Check], *, folder: Path, cache: Path, tell: bool) -> list[str]:
    """Ask all peers, and give the lines of a Markdown table; with ``tell`` the failures behind it."""
    lines = [f"| server | {' | '.join(COLUMNS)} | announced |", f"|---|{'---|' * len(COLUMNS)}---|"]
    notes: list[str] = []
    for peer in PEERS:
        place = cache_of(cache, peer.name)
        guest = Guest(peer=peer, cache=place, folder=folder / peer.name.strip("@").replace("/", "-"))
        try:
            version = peer.version(place)
            verdicts = list(run.ask_all(checks, lambda _, guest=guest: guest.target(), guest.ask))  # type: ignore[misc]  # its type is inferred
            announced = ", ".join(sorted(guest.target().announced))
        except (BenchError, OSError) as error:
            notes.append(f"- {peer.name} is missing: {' '.join(str(error).split())[-200:]}")
            continue
        finally:
            guest.close()
        scores = " | ".join(report.score(verdicts, level) for level in COLUMNS)
        lines.append(f"| {peer.name} ({version}) | {scores} | {announced} |")
        notes.append(f"- {peer.name}: {peer.settings}")
        if guest.ended:
            notes.append(f"  - it ended by itself during {', '.join(guest.ended)} and was started again")
        if tell:
            notes += [f"  - {line}" for line in report.failures(verdicts)]
    day = time.strftime("%Y-%m-%d")
    return [*lines, "", f"Passed of those that apply, {day}; rules that only tusvideo sets are OURS.", *notes]
