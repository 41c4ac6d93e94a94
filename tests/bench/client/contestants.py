"""Who takes part, and how each is started: as well set up as its own documentation allows, in every scenario alike."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from tests.bench.client.folder import Folder
from tests.clients import npm

ROOT: Final = Path(__file__).parents[3]
DRIVERS: Final = Path(__file__).parent / "drivers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A client: its name, its version, how it is set up, and the words that start it."""

    name: str
    settings: str
    version: Callable[[], str]
    words: Callable[[Folder, str], tuple[str, ...]]
    environment: Callable[[Folder], Mapping[str, str]] = field(default=lambda _: {})
    why_not: Callable[[], str | None] = lambda: None
    protocol: str = "tus"
    is_ours: bool = False


@cache
def our_version() -> str:
    """Name the commit that changed the client last, with "+" when there is something that is not committed."""
    names = ("client/tusvideo_client",)
    found = _said("git", "-C", str(ROOT), "log", "-1", "--format=%h", "--", *names)
    return found + ("+" if _said("git", "-C", str(ROOT), "status", "--porcelain", "--", *names) else "")


@cache
def _said(*words: str) -> str:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _curl_version() -> str:
    return _said("curl", "--version").removeprefix("curl ").partition(" ")[0]


def _python(driver: str, folder: Folder, url: str, *more: str) -> tuple[str, ...]:
    words = (sys.executable, str(DRIVERS / driver), url, str(folder.file), str(folder.state), str(folder.token))
    return (*words, *more)


def _no_node() -> str | None:
    try:
        npm.installed()
    except npm.Absent as reason:
        return str(reason)
    return None


def _ours(folder: Folder, url: str, *more: str) -> tuple[str, ...]:
    words = (sys.executable, "-m", "tusvideo_client", "upload", str(folder.file), "--to", url)
    return (*words, "--token-file", str(folder.token), "--quiet", *more)


def _our_environment(folder: Folder) -> Mapping[str, str]:
    return {"TUSVIDEO_STATE_DIR": str(folder.state)}


OURS: Final = Contestant(
    name="ours",
    settings="defaults",
    version=our_version,
    words=_ours,
    environment=_our_environment,
    is_ours=True,
)
CHUNKS: Final = Contestant(
    name="chunks",
    settings="ours over the chunk API; the profile video, since the one that it takes by itself has at most 50 MiB",
    version=our_version,
    words=lambda folder, url: _ours(folder, url, "--protocol", "chunks", "--profile", "video"),
    environment=_our_environment,
    is_ours=True,
    protocol="chunks",
)
CURL: Final = Contestant(
    name="curl",
    settings="drivers/curl.sh: HEAD before every PATCH, --speed-time 15, --retry 5, the URL kept on disk",
    version=_curl_version,
    words=lambda folder, url: (
        *("sh", str(DRIVERS / "curl.sh"), url),
        *(str(folder.file), str(folder.state / "url"), str(folder.token)),
    ),
    why_not=lambda: None if shutil.which("curl") else "curl is not installed",
)

TUSPY: Final = Contestant(
    name="tuspy",
    settings="defaults (one chunk); retries=30, retry_delay=1, the URL stored",
    version=lambda: metadata.version("tuspy"),
    words=lambda folder, url: _python("tuspy_upload.py", folder, url),
)
RESUMABLE: Final = Contestant(
    name="resumable",
    settings="resumable-upload; defaults (chunks of 1 MiB with checksums); max_retries=30, the URL stored",
    version=lambda: metadata.version("resumable-upload"),
    words=lambda folder, url: _python("resumable.py", folder, url),
)
TUS_JS: Final = Contestant(
    name="tus-js",
    settings="tus-js-client in Node; defaults (one chunk); 8 retries of 0 to 30 s, the URL stored",
    version=lambda: json.loads((npm.CACHE / "node_modules/tus-js-client/package.json").read_text())["version"],
    words=lambda folder, url: (
        *("node", str(DRIVERS / "tus_js.mjs"), str(npm.CACHE / "node_modules"), url),
        *(str(folder.file), str(folder.state), str(folder.token)),
    ),
    why_not=_no_node,
)

ALL: Final = (OURS, CHUNKS, CURL, TUSPY, RESUMABLE, TUS_JS)
