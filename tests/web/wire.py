"""A client that speaks HTTP byte by byte, so that a test says exactly what crosses the wire."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDict

GIGABYTE = 10**9
"""The size of a body that is begun and never sent whole."""

PATIENCE_SECONDS = 20.0
"""A test that waits longer than this for the server has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response as it came; ``interim`` are the statuses of the 1xx answers before it."""

    status: int
    headers: CIMultiDict[str]
    body: bytes
    interim: tuple[int, ...] = ()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        """True when the server said that the connection ends here."""
        return self.headers.get("Connection", "").lower() == "close"


class Wire:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *lines: str, body: bytes = b"") -> None:
        """Send a head (a request line, then fields) and whatever follows it. Host is added."""
        start, *fields = lines
        if not any(field.lower().startswith("host:") for field in fields):
            fields.insert(0, "Host: localhost")
        head = "\r\n".join([start, *fields, "", ""])
        await self.raw(head.encode("latin-1") + body)

    async def raw(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.writer.drain()

    async def head(self) -> tuple[int, CIMultiDict[str]]:
        """Read a status line and fields."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = raw.decode("latin-1").split("\r\n")
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines:
            if line:
                name, _, value = line.partition(":")
                headers.add(name, value.strip())
        return int(status.split(" ")[1]), headers

    async def answer(self, *, method: str = "GET") -> Answer:
        """Read the final answer to a request, with the interim ones before it."""
        interim = []
        status, headers = await self.head()
        while status < 200:
            interim.append(status)
            status, headers = await self.head()
        length = 0 if method == "HEAD" or status in {204, 304} else int(headers.get("Content-Length", "0"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            body = await self.reader.readexactly(length)
        return Answer(status=status, headers=headers, body=body, interim=tuple(interim))

    async def ask(self, *lines: str, body: bytes = b"") -> Answer:
        """Send a request and read its answer."""
        await self.send(*lines, body=body)
        return await self.answer(method=lines[0].partition(" ")[0])

    async def ended(self) -> bytes:
        """Wait for the end of the connection and give what came before it."""
        found = b""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while block := await self.reader.read(65_536):
                    found += block
        except ConnectionError:
            pass
        return found

    async def push(self, block: bytes, *, most: int) -> int:
        """Send a block again and again until ``most`` bytes went or the server takes no more; give the count."""
        sent = 0
        try:
            while sent < most:
                self.writer.write(block)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self.writer.drain()
                sent += len(block)
        except ConnectionError:
            pass
        return sent

    def reset(self) -> None:
        """Break the connection with RST."""
        plug: socket.socket = self.writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


async def until(check: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something has become true on the other side, which tells nobody when it does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = check()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.002)


async def connect(port: int) -> Wire:
    """Open a connection to a server on loopback."""
    return Wire(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))
