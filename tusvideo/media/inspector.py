"""Examining videos in processes of their own, of which nothing is believed that cannot be so."""

import asyncio
import contextlib
import importlib.util
import json
import math
import re
import sys
from dataclasses import replace
from typing import Final

from tusvideo.errors import StorageFailed
from tusvideo.media import faststart
from tusvideo.ports import PublishedFile
from tusvideo.video import Beginning, Facts, Fault, Inspection

SECONDS: Final = 20.0
"""So long one video may take, its process killed after that."""
MAX_TOLD: Final = 1024 * 1024
"""Bytes that a process may tell, its thumbnail included; one of 640 pixels has a twentieth of it."""
MAX_BEGINNING: Final = faststart.HEAD.size + faststart.MAX_BEGINNING_BYTES + 2 * faststart.MAX_INDEX_BYTES
"""The same of one that makes a beginning: an index has twice its size at most when its places get longer."""
_COMMAND: Final = (sys.executable, "-I", "-m", "tusvideo.media.child")
_REPAIR: Final = (sys.executable, "-I", "-m", "tusvideo.media.faststart")
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

    async def inspect(self, file: PublishedFile, *, kind: str, repairs: bool = False) -> Inspection:
        try:
            told = await self._told((*self._command, str(file.descriptor), kind), file, most=MAX_TOLD)
        except TimeoutError:
            return Inspection(fault=Fault.TOO_SLOW)
        inspection = Inspection(fault=Fault.BROKEN) if told is None else parse(told)
        if repairs and inspection.facts.faststart is False:
            return replace(inspection, beginning=await self._beginning(file))
        return inspection

    async def _beginning(self, file: PublishedFile) -> Beginning | None:
        """Have a beginning made; None when that takes too long, too: the video plays as it is."""
        try:
            told = await self._told((*_REPAIR, str(file.descriptor)), file, most=MAX_BEGINNING)
        except TimeoutError:
            return None
        return None if told is None else parse_beginning(told, size=file.size)

    async def _told(self, command: tuple[str, ...], file: PublishedFile, *, most: int) -> bytes | None:
        try:
            async with asyncio.timeout(self._seconds):
                return await _run(command, fd=file.descriptor, most=most)
        except TimeoutError:
            raise
        except OSError as error:  # no process could be started: nothing that the video is to blame for
            raise StorageFailed from error


async def _run(command: tuple[str, ...], *, fd: int, most: int) -> bytes | None:
    """Give what the process told, None when it told too much or died."""
    process = await asyncio.create_subprocess_exec(
        *command,
        pass_fds=(fd,),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        told = bytearray()
        while process.stdout is not None and (block := await process.stdout.read(MAX_TOLD)):
            told += block
            if len(told) > most:
                return None
        return bytes(told) if await process.wait() == 0 else None
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


def parse_beginning(told: bytes, *, size: int) -> Beginning | None:
    """Judge the beginning that a process made for a file of ``size`` bytes; None when it made none, or nonsense."""
    if len(told) <= faststart.HEAD.size:
        return None
    start, gap_start, gap_stop = faststart.HEAD.unpack_from(told)
    if not start <= gap_start < gap_stop <= size:
        return None
    return Beginning(told[faststart.HEAD.size :], start, gap_start, gap_stop)


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
