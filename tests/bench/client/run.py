"""One run: one client, one scenario, one seed; everything random in it follows from the seed."""

import asyncio
import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.client.contestants import ROOT, Contestant
from tests.bench.client.folder import Folder, digest
from tests.bench.client.link import Link
from tests.faults.programme.servers import ForkedServer, Zygote

KIB: Final = 1024
MIB: Final = 1024 * KIB
SHORT_SECONDS: Final = 1.0
PREFIX: Final = "tusvideo-bench-client-"
SERVER: Final = {"TUSVIDEO_LIMITS_CHECKPOINT_BYTES": "8388608"}
"""The server has its defaults; the forked one is set differently for the programme that it was made for."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was measured; None where the scenario does not tell."""

    whole: bool = False
    exit_code: int | None = None
    wall: float = 0.0
    resent: float | None = None
    overhead: float | None = None
    detected: float | None = None
    resumed: float | None = None
    created: int = 0
    requests: int = 0
    cuts: int = 0
    given_up: int = 0
    restarts: int = 0
    rss_mib: float = 0.0
    cpu: float = 0.0
    bytes: int = 0
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Run:
    """What a scenario's script has to do with."""

    folder: Folder
    link: Link
    server: ForkedServer
    contestant: Contestant
    chance: random.Random
    size: int
    is_short: bool = False
    """Outages take a second and kills are few: what is asked is whether it ends well, not how fast."""
    outage: float = 0.0
    """Seconds in which nobody could have sent anything; the script adds to it."""
    url: str = ""
    wrap: tuple[str, ...] = ()
    """Words before the client's own."""
    figures: Figures = field(default_factory=Figures)
    pid: int = 0

    async def pause(self, *seconds: float) -> float:
        """Let an outage take one of these times, and give it."""
        chosen = SHORT_SECONDS if self.is_short else self.chance.choice(seconds)
        await asyncio.sleep(chosen)  # the outage itself
        return chosen

    async def client(self, *, until: Awaitable[None] | None = None) -> int:
        """Run the client to its end and give its exit code; it is killed when ``until`` comes before."""
        words = (*self.wrap, *self.contestant.words(self.folder, self.url or f"http://127.0.0.1:{self.link.port}"))
        with self.folder.log.open("ab") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": "client", **self.contestant.environment(self.folder)},
                start_new_session=True,
            )
        self.pid = process.pid
        reaped = asyncio.ensure_future(asyncio.to_thread(os.wait4, process.pid, 0))
        killer = asyncio.ensure_future(until) if until is not None else None
        try:
            await asyncio.wait({reaped, killer} if killer else {reaped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if killer is not None:
                killer.cancel()
            if not reaped.done():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = await reaped
            process.returncode = os.waitstatus_to_exitcode(status)
            self._book(usage)
        return process.returncode

    def _book(self, usage: resource.struct_rusage) -> None:
        self.figures.cpu += usage.ru_utime + usage.ru_stime
        self.figures.rss_mib = max(self.figures.rss_mib, usage.ru_maxrss / 1024)


Script = Callable[[Run], Coroutine[None, None, None]]


async def nothing(run: Run) -> None:
    """The script of a scenario in which nothing happens."""


async def once(run: Run) -> None:
    """Start the client once and let it come to its end."""
    run.figures.exit_code = await run.client()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens to the client, and what is asked of it."""

    name: str
    title: str
    size: int
    script: Script = nothing
    drive: Script = once
    rate: float | None = None
    delay: float = 0.0
    limit: float = 90.0
    """Seconds after which a client has not made it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    direct: bool = False
    """There is no link in between: only the client's own cost is of interest."""
    tells_overhead: bool = False
    """Its time is mostly that of the bytes, so that what is on top of that means something."""
    may_fail: bool = False
    """Telling that it cannot be done is as good as doing it; what counts is that nothing wrong is published."""
    protocols: frozenset[str] = frozenset({"tus", "chunks"})
    share: float = 1.0
    """Of the runs that are wanted of others, where one run is many in itself."""
    why_not: Callable[[], str | None] = lambda: None

    def takes(self, contestant: Contestant) -> bool:
        """Tell whether it asks something of this client."""
        return contestant.protocol in self.protocols


async def run_once(
    scenario: Scenario, contestant: Contestant, *, seed: int, zygote: Zygote, is_short: bool = False
) -> Figures:
    """Run once and measure."""
    with _fresh(f"{PREFIX}{os.getpid()}-{scenario.name}-{contestant.name}-{seed}") as root:
        folder = Folder(root)
        folder.fill(scenario.size, seed=seed)
        before = digest(folder.file)
        server = ForkedServer(zygote, folder.data, options={**SERVER, **scenario.environment})
        async with server, Link(server.port, rate=scenario.rate, delay=scenario.delay) as link:
            run = Run(
                folder=folder,
                link=link,
                server=server,
                contestant=contestant,
                chance=random.Random(seed),
                size=scenario.size,
                is_short=is_short,
                url=f"http://127.0.0.1:{server.port}" if scenario.direct else "",
            )
            figures = run.figures
            script = asyncio.create_task(scenario.script(run))
            began = time.monotonic()
            try:
                async with asyncio.timeout(scenario.limit):
                    await scenario.drive(run)
            except TimeoutError:
                figures.note = f"stopped after {scenario.limit:.0f} s"
            figures.wall = time.monotonic() - began
            script.cancel()
            [failure] = await asyncio.gather(script, return_exceptions=True)
            if isinstance(failure, Exception):
                raise failure
            _measure(run, scenario, sha=before)
        return figures


def _measure(run: Run, scenario: Scenario, *, sha: str) -> None:
    figures, link, folder = run.figures, run.link, run.folder
    results = folder.results()
    right = [path for path in results if digest(path) in {sha, digest(folder.file)}]
    figures.created = len(results) + folder.unfinished()
    figures.whole = len(right) == 1 and len(results) == 1 and figures.exit_code == 0
    if scenario.may_fail and not results and figures.exit_code not in {0, None}:
        figures.whole = True
        figures.note = figures.note or f"told, exit code {figures.exit_code}"
    if len(results) > len(right):
        figures.note = "a file with other bytes was published"
    figures.bytes = run.size
    figures.cuts, figures.given_up, figures.requests = link.cuts, link.given_up, len(link.requests)
    figures.detected = figures.detected or link.detected
    figures.resumed = figures.resumed or link.resumed
    figures.restarts = _restarts(link)
    if not scenario.direct:
        figures.resent = link.body_bytes / run.size - 1
        if scenario.tells_overhead and scenario.rate and link.began is not None and figures.exit_code == 0:
            figures.overhead = (link.answered_at - link.began) / (run.size / scenario.rate + run.outage) - 1
    if not figures.whole and not figures.note:
        figures.note = f"exit code {figures.exit_code}: {_last_line(folder.log)}"


def _restarts(link: Link) -> int:
    """Count appends at 0 after others had come further."""
    offsets = [request.offset for request in link.requests if request.method == "PATCH"]
    return sum(offset == 0 and any(offsets[:index]) for index, offset in enumerate(offsets))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:160] if lines else "nothing was said"


@contextmanager
def _fresh(name: str) -> Iterator[Path]:
    root = Path(tempfile.gettempdir()) / name  # a real file system: some clients read from one in memory in another way
    root.mkdir()
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def as_record(figures: Figures) -> dict[str, object]:
    """What is written down of a run."""
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(figures).items()}
