"""The real server and the real command line as processes that a test may kill."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

START_SECONDS = 20
STOP_SECONDS = 15


class ServerProcess:
    """``tusvideo serve`` on a data directory; keeps its port across restarts."""

    def __init__(
        self,
        data_dir: Path,
        *,
        options: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        module: str = "tusvideo",
    ) -> None:
        self.data_dir = data_dir
        self.options = options
        self.module = module
        self.environment = dict(environment or {})
        self.port = 0
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            message = "the server is not running"
            raise RuntimeError(message)
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            await self.stop()

    async def start(self) -> None:
        """Start, and wait for the line that says it listens. Raises RuntimeError with the log when it does not."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.module, "serve"),
                *("--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.data_dir)),
                *self.options,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        if self._process.stdout is None:
            message = "no standard output"
            raise RuntimeError(message)
        async with asyncio.timeout(START_SECONDS):
            line = (await self._process.stdout.readline()).decode()
        if not line.startswith("listening on http://"):
            await self._process.wait()
            message = f"the server did not start: {line!r}\n{self.log.read_text()[-4000:]}"
            self._process = None
            raise RuntimeError(message)
        self.port = int(line.rsplit(":", 1)[1])

    async def kill(self) -> None:
        """Kill -9 and reap."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM and wait; give the exit code."""
        return await self._end(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for an end that somebody else brings about; give the exit code, negative for a signal."""
        if self._process is None:
            message = "the server is not running"
            raise RuntimeError(message)
        async with asyncio.timeout(STOP_SECONDS):
            _, code = await asyncio.gather(self._process.communicate(), self._process.wait())
        self._process = None
        return code

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            message = "the server is not running"
            raise RuntimeError(message)
        self._process = None
        if process.returncode is None:
            process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            _, code = await asyncio.gather(process.communicate(), process.wait())
        return code


async def run_upload(
    *arguments: str, state_dir: Path, environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start ``tusvideo upload …`` with its own state directory; the caller waits for it or kills it."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tusvideo", "upload", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TUSVIDEO_STATE_DIR": str(state_dir), **(environment or {})},
    )


def resident(pid: int, field: str) -> int:
    """Read a figure of /proc/PID/status, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
