"""Examining videos in processes of their own, of which nothing is believed that cannot be so."""

import asyncio
import contextlib
import importlib.util
import json
import math
import re
import sys
from typing import Final

from tusvideo.errors import StorageFailed
from tusvideo.model import Facts, Fault, Inspection
from tusvideo.ports import PublishedFile

SECONDS: Final = 20.0
"""So long one video may take, its process killed after that."""
MAX_TOLD: Final = 1024 * 1024
"""Bytes that a process may tell, its thumbnail included; one of 640 pixels has a twentieth of it."""
_COMMAND: Final = (sys.executable, "-I", "-m", "tusvideo.media.child")
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8"}
_CODEC: Final = re.compile(r"[a-z0-9_.-]{1,32}", re.ASCII)
_JPEG: Final = (b"\xff\xd8\xff", b"\xff\xd9")
_MAX_SIDE: Final = 65_536
_MAX_SECONDS: Final = 366 * 24 * 3600.0
_TURNS: Final = frozenset({0, 90, 180, 270})


def is_available() -> bool:
    """Tell whether the extra ``media`` is installed; the library itself is loaded by the processes alone."""
    return importlib.util.find_spec("av") is not None


class ChildInspector:
    """One process a video, killed when it takes too long; see Inspector and ``child``."""

    def __init__(self, *, command: tuple[str, ...] = _COMMAND, seconds: float = SECONDS) -> None:
        self._command = command
        self._seconds = seconds

    async def inspect(self, file: PublishedFile, *, kind: str) -> Inspection:
        try:
            async with asyncio.timeout(self._seconds):
                told = await self._told(file.descriptor, kind)
        except TimeoutError:
            return Inspection(fault=Fault.TOO_SLOW)
        except OSError as error:  # no process could be started: nothing that the video is to blame for
            raise StorageFailed from error
        return Inspection(fault=Fault.BROKEN) if told is None else parse(told)

    async def _told(self, fd: int, kind: str) -> bytes | None:
        """Give what the process told, None when it told too much or died."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            str(fd),
            kind,
            pass_fds=(fd,),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        try:
            told = b""
            while process.stdout is not None and (block := await process.stdout.read(MAX_TOLD)):
                told += block
                if len(told) > MAX_TOLD:
                    return None
            return told if await process.wait() == 0 else None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def parse(told: bytes) -> Inspection:
    """Judge what a process told; anything that is not exactly as it should be makes it a broken one."""
    line, _, thumbnail = told.partition(b"\n")
    try:
        document = json.loads(line)
        if set(document) == {"fault"}:
            return Inspection(fault=Fault(document["fault"]))
        facts = _facts(document["facts"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Inspection(fault=Fault.BROKEN)
    if thumbnail and not (thumbnail.startswith(_JPEG[0]) and thumbnail.endswith(_JPEG[1])):
        return Inspection(fault=Fault.BROKEN)
    return Inspection(facts=facts, thumbnail=thumbnail or None)


def _facts(told: dict[str, object]) -> Facts:
    return Facts(
        duration=_duration(told["duration"]),
        width=_side(told["width"]),
        height=_side(told["height"]),
        rotation=_turn(told["rotation"]),
        video_codec=_codec(told["video_codec"]),
        audio_codec=_codec(told["audio_codec"]),
        faststart=_maybe(told["faststart"]),
    )


def _duration(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError
    # A header may say what it likes; what no video can last is not told.
    return round(value, 3) if 0 < value <= _MAX_SECONDS else None


def _side(value: object) -> int | None:
    if value is not None and (type(value) is not int or not 0 < value <= _MAX_SIDE):
        raise ValueError
    return value


def _turn(value: object) -> int | None:
    if type(value) is not int:
        raise ValueError
    # A matrix may turn by any angle; players know these.
    return value if value in _TURNS else 0


def _codec(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or _CODEC.fullmatch(value) is None:
        raise ValueError
    return value


def _maybe(value: object) -> bool | None:
    if value is not None and type(value) is not bool:
        raise ValueError
    return value
