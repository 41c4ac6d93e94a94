"""``strace`` on a running server: what it calls, and its death in the middle of a call."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Self

ATTACH_SECONDS = 10
LEAVE_SECONDS = 10

DISK_CALLS = (
    "openat,pwrite64,write,writev,fdatasync,fsync,ftruncate,fchmod,mkdir"
    ",linkat,rename,renameat,renameat2,unlink,unlinkat"
)
SOCKET_CALLS = "recvfrom,sendto,sendmsg"


@cache
def why_not() -> str | None:
    """Tell why processes cannot be traced here, in words for a skipped test; None when they can."""
    if sys.platform != "linux":
        return "system calls are traced on Linux only"
    if shutil.which("strace") is None:
        return "strace is not installed; on Debian and Ubuntu: apt-get install strace"
    victim = subprocess.Popen(["sleep", "60"])
    try:
        tried = subprocess.run(
            ["timeout", "2", "strace", "-e", "trace=none", "-p", str(victim.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        victim.kill()
        victim.wait()
    if "attached" in tried.stderr:
        return None
    return f"this user may not trace its own processes (ptrace): {tried.stderr.strip()}"


class Strace:
    """Follows every thread of a process from ``__aenter__`` on; its lines are in ``path`` after the end.

    ``kill_at`` = (call, n) kills the process with SIGKILL in place of the n-th such call. strace counts per thread, so
    a server that is to be killed this way has one disk thread. ``fails`` = (calls, name of an error) lets every such
    call fail. ``paths`` leaves out all calls on anything else.
    """

    def __init__(
        self,
        pid: int,
        *,
        path: Path,
        calls: str = f"{DISK_CALLS},{SOCKET_CALLS}",
        paths: tuple[Path, ...] = (),
        kill_at: tuple[str, int] | None = None,
        fails: tuple[str, str] | None = None,
    ) -> None:
        self.path = path
        self._command = ["strace", "-f", "-yy", "-s", "1024", "-o", str(path), "-p", str(pid)]
        if fails is not None:
            self._command += ["-e", f"trace={fails[0]}", "-e", f"inject={fails[0]}:error={fails[1]}"]
        elif kill_at is None:
            self._command += ["-e", f"trace={calls}"]
        else:
            call, count = kill_at
            self._command += ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={count}"]
        for each in paths:
            self._command += ["-P", str(each)]
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env={**os.environ}
        )
        if self._process.stderr is None:
            message = "no standard error"
            raise RuntimeError(message)
        told = b""
        async with asyncio.timeout(ATTACH_SECONDS):
            while b"attached" not in told:
                line = await self._process.stderr.readline()
                if not line:
                    message = f"strace did not attach: {told.decode()}"
                    raise RuntimeError(message)
                told += line
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of the process if it still lives, and wait until the last line is written."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await process.communicate()
        except TimeoutError:
            # Asked while its process is at many calls, it may wait for one of the threads for ever, and that for it.
            # The kernel lets go of all of them in its place.
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
