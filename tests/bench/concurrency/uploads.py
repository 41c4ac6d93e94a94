"""Uploads that a measurement begins, leaves and finishes."""

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e import tus
from tests.faults.processes import ServerProcess
from tests.web.wire import Wire, until

SIZES: Final = (1_000_000, 12_000_000)
"""Long bodies go another way through the server."""
HALF: Final = 400_000
TCP_REPAIR: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An upload of which ``stored`` bytes are committed, and the connection of the PATCH that sent them."""

    path: str
    data: bytes
    stored: int
    wire: Wire


async def begin(server: ServerProcess, *, size: int, name: str) -> Begun:
    """Begin a PATCH of the whole, send less than half of it, and wait until that is committed."""
    data = os.urandom(size)
    path = await tus.create(server.port, size, tus.metadata(filename=name))
    wire = await tus.open_patch(server.port, path, at=0, length=size)
    await wire.raw(data[:HALF])

    async def stored() -> bool:
        return await tus.offset(server.port, path) == HALF

    await until(stored)
    return Begun(path=path, data=data, stored=HALF, wire=wire)


def vanish(wire: Wire) -> None:
    """Let a connection be gone at the client's end without a word to the server: half-open. Needs CAP_NET_ADMIN."""
    plug: socket.socket = wire.writer.get_extra_info("socket")
    plug.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    wire.writer.transport.abort()


def why_not_vanish() -> str | None:
    """Tell why no connection can vanish here; None when one can."""
    with socket.socket() as plug:
        try:
            plug.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        except OSError as error:
            return f"a connection cannot be made to vanish here: {error.strerror}"
    return None


async def file_of(server: ServerProcess, *, name: str) -> bytes:
    """Read a published file."""
    return await asyncio.to_thread((Path(server.data_dir) / "uploads/files/local" / name).read_bytes)
