"""The clients that are written in JavaScript, as package-lock.json names them, in a folder that git does not see.

The tests fetch them when they are not there; ``python -m tests.clients.npm`` does it before, and takes its time.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[1] / ".clients"
INSTALL_SECONDS: Final = 100
"""Less than a test may take, so that a slow network makes tests skip, and tell why."""
PATIENT_SECONDS: Final = 600
FILES: Final = ("package.json", "package-lock.json", ".npmrc")


class Absent(Exception):
    """What the tests need is not there, and could not be fetched; the text is the reason."""


@cache
def installed(*, seconds: float = INSTALL_SECONDS) -> Path:
    """Give the folder ``node_modules``; fills it when it is not what the lock file says. Raises Absent."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Absent(f"{program} is not on this machine; on Debian and Ubuntu: apt-get install nodejs npm")
    modules, mark = CACHE / "node_modules", CACHE / "installed"
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == wanted:
            return modules
        for name in FILES:
            shutil.copy(HERE / name, CACHE / name)
        _install(seconds)
        mark.write_text(wanted)
    return modules


def bundled(entry: Path, target: Path, *, modules: Path) -> None:
    """Make one script of a page's source and the packages that it imports, as a developer has them: with warnings."""
    subprocess.run(
        [modules / ".bin/esbuild", entry, "--bundle", "--format=esm", "--jsx=automatic", f"--outfile={target}"],
        env={**os.environ, "NODE_PATH": str(modules)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )


def _install(seconds: float) -> None:
    try:
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--loglevel=error"],
            cwd=CACHE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise Absent(f"`npm ci` took longer than {seconds:.0f} s in {CACHE}") from error
    if done.returncode:
        raise Absent(f"`npm ci` failed in {CACHE}: {done.stderr[-500:].strip()}")


if __name__ == "__main__":
    try:
        installed(seconds=PATIENT_SECONDS)
    except Absent as reason:
        sys.exit(str(reason))
