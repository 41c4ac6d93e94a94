"""strace on a server, to record it or to tamper with it; whatever strace does, it lets go in the end."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from tests.faults.strace import Strace

LET_GO_SECONDS = 3.0


class Tracer(Strace):
    """``Strace`` that ends also when strace does not."""

    async def __aexit__(self, *_: object) -> None:
        """Let go of the process. strace 6.1 can wait for ever for threads that it killed at the same moment."""
        process = self._process
        if process is None:
            return
        # Not by its own method, which may reap the process before the event loop does.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.communicate(), LET_GO_SECONDS)
        except TimeoutError:
            os.kill(process.pid, signal.SIGKILL)
            await process.communicate()


class Injection(Tracer):
    """Lets strace tamper with a call, as ``-e inject`` takes it."""

    def __init__(self, pid: int, *, path: Path, rule: str) -> None:
        super().__init__(pid, path=path, calls=rule.partition(":")[0])
        self._command += ["-e", f"inject={rule}"]
