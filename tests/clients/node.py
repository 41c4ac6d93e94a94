"""tus-js-client in a process of its own."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.clients.journey import PATIENCE_SECONDS

SCRIPT = Path(__file__).parent / "tus.mjs"
Event = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Told:
    """What one run told."""

    events: list[Event] = field(default_factory=list)
    errors: str = ""

    def all(self, event: str, method: str | None = None) -> list[Event]:
        """Give the events of a name, and of a method if one is named."""
        return [told for told in self.events if told["event"] == event and method in {None, told.get("method")}]

    def methods(self) -> list[str]:
        """Give the methods that were sent, in order."""
        return [told["method"] for told in self.all("request")]

    def statuses(self, method: str) -> list[int]:
        """Give the statuses of a method's answers, in order."""
        return [told["status"] for told in self.all("answer", method)]

    def url(self) -> str:
        """Give the URL of the upload that succeeded; fails with everything that was told if none did."""
        found = self.all("success")
        assert len(found) == 1, (self.events, self.errors)
        url: str = found[0]["url"]
        return url


class Upload:
    """A run of the script that a test may wait for or kill."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def started(cls, source: Path, *, modules: Path, endpoint: str, **job: Any) -> Self:
        """Start it on a file. ``job`` is told in tus.mjs; ``options`` are those of tus.Upload."""
        options = {"endpoint": endpoint, **job.pop("options", {})}
        storage = source.with_name("urls.json")
        if not storage.exists():
            storage.write_text("{}")
        told = {
            "package": "tus-js-client",
            "file": str(source),
            "modules": str(modules),
            "storage": str(storage),
            **job,
            "options": options,
        }
        process = await asyncio.create_subprocess_exec(
            *("node", str(SCRIPT), json.dumps(told)), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        return cls(process)

    async def ended(self) -> Told:
        """Wait for its end; gives what it told. Kills it when that takes too long."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                out, errors = await self.process.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        return Told(events=list(_lines(out)), errors=errors.decode())

    async def killed(self) -> Told:
        """Kill -9; gives what it told before."""
        self.process.kill()
        return await self.ended()


def _lines(out: bytes) -> Iterator[Event]:
    # The last line of one that was killed may be torn.
    for line in out.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield json.loads(line)
