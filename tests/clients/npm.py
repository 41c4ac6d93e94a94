"""The clients that are written in JavaScript, as package-lock.json names them, in a folder that git does not see."""

import fcntl
import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[1] / ".clients"
INSTALL_SECONDS: Final = 300
FILES: Final = ("package.json", "package-lock.json", ".npmrc")


class Absent(Exception):
    """What the tests need is not there, and could not be fetched; the text is the reason."""


@cache
def installed() -> Path:
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
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--loglevel=error"],
            cwd=CACHE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
        if done.returncode:
            raise Absent(f"`npm ci` failed in {CACHE}: {done.stderr[-500:].strip()}")
        mark.write_text(wanted)
    return modules
