"""A TCP proxy between a client and the server that counts body bytes and breaks the link where a plan says.

It understands just enough HTTP/1.1 to tell body bytes from heads on the way to the server. The counts are those of
bytes that came from clients, whether or not they reached the server. Buffers on both sides are small, so that few bytes
hide in the kernel when a link breaks.
"""

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

BUFFER = 64 * 1024
READ = 16 * 1024


class Kind(StrEnum):
    """How a link breaks."""

    RESET = "reset"
    """Both ends are reset at once; what the kernel held is gone."""
    CLOSE = "close"
    """Both ends are closed in an orderly way, in the middle of a body."""
    STALL = "stall"
    """Nothing moves any more and nobody is told, until ``heal`` or the end."""
    ANSWER = "answer"
    """What was sent arrives, and both ends are reset when the answer comes, which nobody gets."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Break the link that carries the body byte with this number (counted over all connections)."""

    kind: Kind
    at_body_byte: int


def seeded_faults(seed: int, *, count: int, size: int, kinds: Iterable[Kind] = (Kind.RESET, Kind.CLOSE)) -> list[Fault]:
    """Choose ``count`` faults spread over ``size`` body bytes; the same seed gives the same faults."""
    chosen = random.Random(seed)
    pool = tuple(kinds)
    places = sorted(chosen.sample(range(1, size), count))
    return [Fault(chosen.choice(pool), place) for place in places]


class BodyCounter:
    """Reads a client's byte stream and tells how many bytes of each piece belong to request bodies."""

    def __init__(self) -> None:
        self._head = b""
        self._body_left = 0
        self._chunk_state: str | None = None

    def feed(self, data: bytes) -> int:
        """Count the body bytes in the next piece."""
        counted = 0
        while data:
            if self._body_left:
                taken = min(self._body_left, len(data))
                self._body_left -= taken
                counted += taken
                data = data[taken:]
                continue
            data = self._feed_head(data)
        return counted

    def _feed_head(self, data: bytes) -> bytes:
        end = b"\r\n\r\n" if self._chunk_state is None else b"\r\n"
        held = len(self._head)
        text = self._head + data
        at = text.find(end)
        if at < 0:
            self._head = text
            return b""
        line, self._head = text[:at], b""
        if self._chunk_state is None:
            self._begin_body(line)
        else:
            self._continue_chunks(line)
        return data[at + len(end) - held :]

    def _begin_body(self, head: bytes) -> None:
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                self._body_left = int(value)
            if name.lower() == b"transfer-encoding":
                self._chunk_state = "size"

    def _continue_chunks(self, line: bytes) -> None:
        if self._chunk_state == "size":
            self._body_left = int(line.partition(b";")[0], 16)
            self._chunk_state = "after" if self._body_left else "trailer"
        elif self._chunk_state == "after":
            self._chunk_state = "size"
        elif not line:
            self._chunk_state = None


class _Link:
    """One client connection and its twin to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.ends = (client, server)
        self.broken = asyncio.Event()
        self.keeps_answer = False

    def reset(self) -> None:
        for end in self.ends:
            plug = end.get_extra_info("socket")
            if plug is not None and plug.fileno() >= 0:  # not one that has closed by itself meanwhile
                # Linger zero turns the close into a reset.
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()

    def close(self) -> None:
        for end in self.ends:
            end.close()


class FaultProxy:
    """Listens on loopback and passes connections on to ``upstream``, breaking them as planned.

    ``rate`` bounds the bytes per second towards the server, over all connections; None does not.
    """

    def __init__(self, upstream: tuple[str, int], *, faults: Iterable[Fault] = (), rate: int | None = None) -> None:
        self.upstream = upstream
        self.faults = deque(sorted(faults, key=lambda fault: fault.at_body_byte))
        self.rate = rate
        self.body_bytes = 0
        self.cuts = 0
        self.connections = 0
        self.reached: dict[int, asyncio.Event] = {}
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL that clients use."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=BUFFER)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.break_all()
        if self._tasks:  # they end with their links
            await asyncio.wait(self._tasks, timeout=1)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_all(self, kind: Kind = Kind.RESET) -> int:
        """Break every open link now; give their number."""
        links = list(self._links)
        for link in links:
            self._break(link, kind)
        return len(links)

    async def passed(self, body_bytes: int) -> None:
        """Wait until so many body bytes came from clients in all."""
        if self.body_bytes < body_bytes:
            await self.reached.setdefault(body_bytes, asyncio.Event()).wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            plug = socket.socket()
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            plug.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(plug, self.upstream)
            except OSError:
                plug.close()
                writer.transport.abort()
                return
            except asyncio.CancelledError:
                plug.close()
                raise
            up_reader, up_writer = await asyncio.open_connection(sock=plug, limit=BUFFER)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, up_writer)
        self._links.add(link)
        pumps = [
            asyncio.ensure_future(self._pump_up(reader, up_writer, link)),
            asyncio.ensure_future(self._pump_down(up_reader, writer, link)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.ALL_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._links.discard(link)
            link.close()

    async def _pump_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        counter = BodyCounter()
        try:
            while data := await reader.read(READ):
                self._count(counter.feed(data))
                fault = self._due()
                if fault is not None and fault.kind is Kind.STALL:
                    self.cuts += 1
                    await link.broken.wait()
                    return
                if fault is not None and fault.kind is Kind.RESET:
                    self._break(link, Kind.RESET)
                    return
                if fault is not None and fault.kind is Kind.ANSWER:
                    link.keeps_answer = True
                writer.write(data)
                await writer.drain()
                if fault is not None and fault.kind is Kind.CLOSE:
                    self._break(link, Kind.CLOSE)
                    return
                if self.rate is not None:
                    # This is the link's speed, not a way to wait for something.
                    await asyncio.sleep(len(data) / self.rate)
            writer.write_eof()
        except (ConnectionError, OSError):
            link.reset()

    async def _pump_down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        try:
            while data := await reader.read(READ):
                if link.keeps_answer:
                    self._break(link, Kind.RESET)
                    return
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except (ConnectionError, OSError):
            writer.transport.abort()

    def _count(self, body_bytes: int) -> None:
        self.body_bytes += body_bytes
        for wanted, event in self.reached.items():
            if self.body_bytes >= wanted:
                event.set()

    def _due(self) -> Fault | None:
        due = None
        while self.faults and self.body_bytes >= self.faults[0].at_body_byte:
            due = self.faults.popleft()
        return due

    def _break(self, link: _Link, kind: Kind) -> None:
        self.cuts += 1
        link.broken.set()
        if kind is Kind.CLOSE:
            link.close()
        else:
            link.reset()
