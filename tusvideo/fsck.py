"""``tusvideo fsck``: what recovery would do to a data directory, told and not done."""

import asyncio
import stat
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from tusvideo.config import Config
from tusvideo.errors import ConfigError, TusvideoError
from tusvideo.log import configure_log
from tusvideo.service.recovery import Action, Finding
from tusvideo.sessions.database import version_at
from tusvideo.sessions.schema import VERSION
from tusvideo.wiring import opened

_NO_TABLE: Final = (
    "expected a session table at {table}, got {got}; name the data directory of the server with --data-dir, or its"
    " configuration with --config"
)
_OLDER: Final = (
    "the session table {table} is of an older tusvideo (version {version} of its tables, this program's is {newest}),"
    " and looking at it would change it; look with that tusvideo, or start the server, which brings it up to date"
)

FOUND_SOMETHING: Final = 3
"""Exit code of a check that has something to tell."""


def check(config: Config) -> int:
    """Tell on stdout what recovery would do, and what it could not: 0 nothing, 3 something, 1 nobody could look."""
    configure_log(level="warning", form=config.log.format)
    try:
        _require_something_to_examine(config)
        return asyncio.run(_examine(config))
    except TusvideoError as error:
        print(f"tusvideo: {error}", file=sys.stderr)  # noqa: T201  # for the person who typed the command
        return 1


def _require_something_to_examine(config: Config) -> None:
    """Refuse where opening would make or change something: what is missing is no clean bill of health."""
    table = config.storage.database_path
    if (got := _instead_of_a_file(table)) is not None:
        raise ConfigError([_NO_TABLE.format(table=table, got=got)])
    version = version_at(table)
    if not version:
        raise ConfigError([_NO_TABLE.format(table=table, got="a file without the tables of tusvideo")])
    if version < VERSION:
        raise ConfigError([_OLDER.format(table=table, version=version, newest=VERSION)])


def _instead_of_a_file(path: Path) -> str | None:
    """Tell what is there in the place of a file; None when it is one."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except OSError as error:
        return f"'{error.strerror}'"
    if stat.S_ISDIR(mode):
        return "a folder"
    return None if stat.S_ISREG(mode) else "something that is no file"


async def _examine(config: Config) -> int:
    counts: Counter[Action] = Counter()
    async with opened(config) as server:
        for findings in (server.recovery.findings(), server.recovery.losses()):
            async for finding in findings:
                counts[finding.action] += 1
                if finding.action is not Action.CHECK:
                    print(finding.action, finding.upload_id, *_about(finding))  # noqa: T201  # what was asked for
    told = counts.total() - counts[Action.CHECK]
    print(f"{counts[Action.CHECK]} unfinished uploads checked, {told} to be told of")  # noqa: T201  # see above
    return FOUND_SOMETHING if told else 0


def _about(finding: Finding) -> list[str]:
    upload = finding.upload
    return [] if upload is None else [f"status={upload.status}", f"offset={upload.offset}", f"length={upload.length}"]
