"""Servers that the programme starts, kills and waits for; forked, so that a life costs tens of milliseconds."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

START_SECONDS = 20.0
STOP_SECONDS = 15.0
ROOT: Final = Path(__file__).parents[3]


class StartError(Exception):
    """The server ended before it listened; ``code`` is its exit code."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(f"exit code {code}: {log[-2000:]}")
        self.code = code


class Zygote:
    """The process that forks servers."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._plug = ours
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.programme.zygote"], stdin=theirs.fileno(), cwd=ROOT, env={**os.environ}
        )
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._plug.close()
        self._process.wait(STOP_SECONDS)

    def fork(self, request: Mapping[str, Any], *, output: int, errors: int) -> int:
        """Start a server and give its process id."""
        socket.send_fds(self._plug, [json.dumps(request).encode()], [output, errors])
        return int(self._answer()["pid"])

    def reap(self, pid: int) -> int:
        """Give the exit code of a server that has ended."""
        self._plug.sendall(json.dumps({"reap": pid}).encode())
        return int(self._answer()["code"])

    def _answer(self) -> dict[str, int]:
        answer: dict[str, int] = json.loads(self._plug.recv(4096))
        return answer


class ForkedServer:
    """One server on one data directory, life after life."""

    def __init__(
        self,
        zygote: Zygote,
        data_dir: Path,
        *,
        database: Path | None = None,
        options: Mapping[str, str] | None = None,
        planted: str = "",
    ) -> None:
        self.data_dir = data_dir
        self.database = database or data_dir / "tusvideo.db"
        self.log = data_dir.parent / f"{data_dir.name}.server.log"
        self.options = dict(options or {})
        self.planted = planted
        self.port = 0
        self.pid = 0
        self.ready_seconds = 0.0
        self._zygote = zygote
        self._ended: asyncio.Event = asyncio.Event()
        self._output: asyncio.StreamReader | None = None
        self._pipe: asyncio.BaseTransport | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.pid:
            await self.kill()

    async def start(self) -> None:
        """Fork, and wait until it listens. Raises StartError when it ends instead."""
        await self.fork()
        await self.listening()

    async def fork(self, *, stopped: bool = False) -> None:
        """Start; ``stopped`` holds it before its first step, until SIGCONT."""
        environment = {
            "TUSVIDEO_STORAGE_DATA_DIR": str(self.data_dir),
            "TUSVIDEO_STORAGE_DATABASE": str(self.database),
            "TUSVIDEO_SERVER_LISTEN": "127.0.0.1:0",
            "TUSVIDEO_LIMITS_MIN_FREE_BYTES": "0",
            "TUSVIDEO_LIMITS_CHECKPOINT_BYTES": "65536",
            "TUSVIDEO_PLANTED_BUG": self.planted,
            **self.options,
        }
        source, target = os.pipe()
        with self.log.open("ab") as log:
            request = {"words": ["serve"], "environment": environment, "stopped": stopped}
            self.ready_seconds = time.monotonic()
            self.pid = self._zygote.fork(request, output=target, errors=log.fileno())
        os.close(target)
        loop = asyncio.get_running_loop()
        self._output = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(self._output)
        self._pipe, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(source, "rb"))
        self._ended = asyncio.Event()
        handle = os.pidfd_open(self.pid)

        def ended() -> None:
            loop.remove_reader(handle)
            os.close(handle)
            self._ended.set()

        loop.add_reader(handle, ended)
        if stopped:
            await self._stands_still(every_thread=True)

    async def listening(self) -> None:
        """Wait for the line that tells the port."""
        if self._output is None:
            raise RuntimeError("the server was not started")
        async with asyncio.timeout(START_SECONDS):
            line = (await self._output.readline()).decode()
        if not line.startswith("listening on http://"):
            code = await self.ended()
            raise StartError(code, self.log.read_text(errors="replace"))
        self.port = int(line.rsplit(":", 1)[1])
        self.ready_seconds = time.monotonic() - self.ready_seconds

    @property
    def is_running(self) -> bool:
        """True until it has ended."""
        return bool(self.pid) and not self._ended.is_set()

    async def kill(self) -> int:
        """Kill -9; give the exit code."""
        return await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; give the exit code."""
        return await self._end(signal.SIGTERM)

    async def freeze(self, *, quiet: bool) -> None:
        """SIGSTOP. After it no call returns to the program; with ``quiet`` none is under way any more either.

        One that has ended by itself stands still, too; ``kill`` tells how it ended.
        """
        os.kill(self.pid, signal.SIGSTOP)
        # The first thread that stops has told all others to stop before they return.
        await self._stands_still(every_thread=quiet)

    async def _stands_still(self, *, every_thread: bool) -> None:
        tasks = Path(f"/proc/{self.pid}/task")
        until = time.monotonic() + STOP_SECONDS
        while True:
            states = {task.name: task.joinpath("stat").read_text().rpartition(") ")[2][0] for task in tasks.iterdir()}
            if all(state == "T" for state in states.values()) if every_thread else "T" in states.values():
                return
            if self._ended.is_set():
                return
            if time.monotonic() > until:
                stacks = {task: (tasks / task / "stack").read_text() for task, state in states.items() if state != "T"}
                raise RuntimeError(f"the server does not stand still: {states} {stacks}")
            await asyncio.sleep(0.0005)

    def thaw(self) -> None:
        """Let it go on after ``freeze``."""
        os.kill(self.pid, signal.SIGCONT)

    async def ended(self) -> int:
        """Wait for its end; give the exit code, negative for a signal."""
        async with asyncio.timeout(STOP_SECONDS):
            await self._ended.wait()
        if self._pipe is not None:
            self._pipe.close()
        pid, self.pid = self.pid, 0
        return self._zygote.reap(pid)

    async def _end(self, number: signal.Signals) -> int:
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        try:
            return await self.ended()
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            await self.ended()
            raise
