"""Examining videos without FFmpeg, and thumbnails without a disk."""

import asyncio
from collections.abc import Container, MutableMapping
from dataclasses import replace
from typing import Any

from tusvideo.model import UserId
from tusvideo.ports import PublishedFile
from tusvideo.stores.memory import MemoryFile, MemoryPublished
from tusvideo.video import Facts, Inspection

FACTS = Facts(duration=2.0, width=320, height=240, rotation=0, video_codec="h264", audio_codec="aac", faststart=False)
PICTURE = b"\xff\xd8\xff picture \xff\xd9"


class MemoryThumbnails:
    """Implements the Thumbnails port."""

    def __init__(self) -> None:
        self.kept: dict[tuple[UserId, str], bytes] = {}

    async def put(self, owner: UserId, name: str, picture: bytes) -> None:
        self.kept.setdefault((owner, name), picture)

    async def get(self, owner: UserId, name: str) -> bytes | None:
        return self.kept.get((owner, name))

    async def remove(self, owner: UserId, name: str) -> None:
        self.kept.pop((owner, name), None)

    async def drop_others(self, kept: Container[str]) -> int:
        return _drop_others(self.kept, kept)


class MemoryBeginnings:
    """Implements the Beginnings port."""

    def __init__(self) -> None:
        self.kept: dict[tuple[UserId, str], MemoryFile] = {}

    async def put(self, owner: UserId, name: str, content: bytes) -> None:
        self.kept.setdefault((owner, name), MemoryFile(number=len(self.kept), data=bytearray(content)))

    async def open(self, owner: UserId, name: str) -> MemoryPublished | None:
        found = self.kept.get((owner, name))
        return None if found is None else MemoryPublished(found)

    async def remove(self, owner: UserId, name: str) -> None:
        self.kept.pop((owner, name), None)

    async def drop_others(self, kept: Container[str]) -> int:
        return _drop_others(self.kept, kept)


def _drop_others(held: MutableMapping[tuple[UserId, str], Any], kept: Container[str]) -> int:
    others = [key for key in held if key[1] not in kept]
    for key in others:
        del held[key]
    return len(others)


class HandInspector:
    """Implements the Inspector port: says what it was told to, and notes what it was asked.

    With ``held`` every call waits until ``go`` is set.
    """

    def __init__(self, answer: Inspection | None = None, *, held: bool = False) -> None:
        self.answer = answer or Inspection(facts=FACTS, thumbnail=PICTURE)
        self.error: Exception | None = None
        self.asked: list[tuple[str, bytes]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.go = asyncio.Event()
        if not held:
            self.go.set()

    async def inspect(self, file: PublishedFile, *, kind: str, repairs: bool = False) -> Inspection:
        content = b"".join([block async for block in file.read(0, file.size)])
        self.asked.append((kind, content))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return self.answer if repairs else replace(self.answer, beginning=None)
