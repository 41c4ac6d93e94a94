"""Servers of others as processes that a test may kill, behind a link that it may cut."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from tests.bench.peers.peer import Peer
from tests.bench.peers.process import Command, Server
from tests.faults.proxy import Fault, FaultProxy

NOTES = {".info", ".json", ".lock"}
"""What the servers keep beside the bytes of an upload."""


class Foreign:
    """One server on a folder of its own. Its clients use ``proxy.url``, which stays when the server comes back.

    Args:
        peer: Which server.
        cache: Where it is installed.
        folder: Where its data goes.
        faults: What breaks on the way.
        rate: Bytes a second of the way.
        words: Added to its command.
    """

    def __init__(
        self,
        peer: Peer,
        *,
        cache: Path,
        folder: Path,
        faults: Iterable[Fault] = (),
        rate: int | None = None,
        words: tuple[str, ...] = (),
    ) -> None:
        command: Callable[[Path, Path], Command] = peer.command

        def lengthened(cache: Path, folder: Path) -> Command:
            made = command(cache, folder)
            return replace(made, words=(*made.words, *words))

        self._peer = replace(peer, command=lengthened)
        self._cache = cache
        self.folder = folder
        self.proxy = FaultProxy(("127.0.0.1", 0), faults=faults, rate=rate)
        self._stack = ExitStack()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        await self.proxy.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.proxy.__aexit__()
        await asyncio.to_thread(self._stack.close)

    async def start(self) -> None:
        """Start it, on whatever port; the proxy finds it there."""
        running = self._peer.running(self._cache, folder=self.folder)
        self._server = await asyncio.to_thread(self._stack.enter_context, running)
        self.proxy.upstream = ("127.0.0.1", self._server.port)

    async def kill(self) -> None:
        """Kill -9 and reap."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGKILL)
        await asyncio.to_thread(self._stack.close)

    async def killed_at(self, body_bytes: int) -> None:
        """Kill it when so many body bytes have crossed, and start it again."""
        await self.proxy.passed(body_bytes)
        await self.kill()
        await self.start()

    def uploads(self) -> list[Path]:
        """The files in which it keeps the bytes of its uploads."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and path.suffix not in NOTES)

    def lose(self) -> None:
        """Remove all that it stores, behind its back."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                path.unlink()
