"""The command line in processes of its own, and what a terminal shows of it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """The environment of a child process that finds the package in the source tree."""
    path = os.pathsep.join([str(ROOT / "client"), str(ROOT)])
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "CI", "TERM"}}
    return {**plain, "PYTHONPATH": path, **more}


async def command(*arguments: str, stdin: int | None = None, **variables: str) -> tuple[int, str, str]:
    """Run ``python -m tusvideo_client`` in a process of its own: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tusvideo_client",
        *arguments,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**variables),
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def start(*arguments: str, stdin: int | None = None) -> asyncio.subprocess.Process:
    """Begin ``upload`` and leave it running."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tusvideo_client",
        "upload",
        *arguments,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )


def read_to_end(descriptor: int) -> str:
    """All that a terminal was sent, until its other side was closed."""
    drawn = b""
    try:
        while data := os.read(descriptor, 4096):
            drawn += data
    except OSError:  # how Linux says that the other side was closed
        pass
    finally:
        os.close(descriptor)
    return drawn.decode()
