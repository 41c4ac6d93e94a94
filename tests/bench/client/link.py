"""The link between a client and the server: it has a speed, it counts what a client sends, and it breaks on demand.

It reads straight from small sockets, so that few bytes hide in the kernel when it breaks. A black hole is one: a filter
in the kernel drops every packet that comes for the connection, nobody acknowledges, and the client's TCP does what it
does on such a day. That takes root; without it the link merely stops reading.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys
import termios
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Self

from tests.bench.client.heads import Kind, Piece, Request, Splitter

BUFFER: Final = 64 * 1024
READ: Final = 16 * 1024
SEGMENT: Final = 1400
"""Bytes in a packet: loopback's 64 KiB would be coarser than any real link."""
TICKS: Final = 40
"""So often a second a slow link moves something."""
AT_ONCE, LATE = 0.002, 1.0
LOAD, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x35, 0x06
RANDOM: Final = 0xFFFFF000 + 56
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27

Rule = Callable[[Request], bytes | None]


def answer(status: str, *fields: str, body: str = "") -> bytes:
    """Make an answer that ends its connection."""
    lines = (f"HTTP/1.1 {status}", *fields, "Content-Type: text/plain", f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "Connection: close", "", body)).encode()


@dataclass(slots=True, eq=False)
class Wire:
    """One connection of a client, and its twin to the server once there is one."""

    client: socket.socket
    server: socket.socket | None = None
    current: Request | None = None
    answered: bool = True
    asked_at: float = 0.0
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    splitter: Splitter = field(default_factory=Splitter)
    broken: bool = False
    stale: int = 0
    """So many of the bytes that come next had arrived before the link was healed."""
    rest: bytes = b""
    """What had arrived when the client's end was dropped."""

    def ends(self) -> list[socket.socket]:
        return [self.client] + ([self.server] if self.server is not None else [])

    @property
    def is_asking(self) -> bool:
        return self.splitter.in_body or not self.answered


class Link:
    """Listens on loopback and passes everything on to ``upstream`` (a port on loopback, which may change)."""

    def __init__(self, upstream: int, *, rate: float | None = None, delay: float = 0.0, packet: int = SEGMENT) -> None:
        self.upstream = upstream
        self.rate = rate
        self.delay = delay
        self.port = 0
        self.body_bytes = 0
        self.requests: list[Request] = []
        self.cuts = 0
        self.given_up = 0
        """Connections that the client ended in the middle of a request although the link had not broken."""
        self.began: float | None = None
        self.detected: float | None = None
        self.resumed: float | None = None
        self.rule: Rule = lambda _: None
        self.loses: Callable[[Request], bool] = lambda _: False
        """Whether the answer to a request is lost."""
        self.mangle: Callable[[bytes], bytes] = lambda data: data
        self.time_limit: float | None = None
        """A request that lasts longer is answered with 504, as proxies do."""
        self.answered_at = 0.0
        """When the last answer passed."""
        self._packet = packet
        self._fault_at: float | None = None
        self._healed_at: float | None = None
        self._free_at = 0.0
        self._listener: socket.socket | None = None
        self._wires: set[Wire] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waits: list[tuple[int, asyncio.Event]] = []
        self._is_hole = False
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.shut()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for wire in self._wires:  # whose task had not begun
            wire.client.close()

    # ------------------------------------------------------------------------------------------------- what is done

    def open(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        """Begin to accept connections, again on the same port."""
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # A slow link has a small window: loopback carries 64 KiB as one piece, and its room is free when all is read.
        # Never less than a few segments: a smaller window opens only when the client's TCP asks, ever more rarely.
        window = BUFFER if self.rate is None else max(6 * SEGMENT, min(BUFFER, int(self.rate / 8)))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window // 2)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self._packet)
        listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", self.port))
        listener.listen(64)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def shut(self) -> None:
        """Refuse connections from now on; those that exist go on."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def reset(self) -> None:
        """Reset every connection, on both sides."""
        self._break(reset=True)

    def close(self) -> None:
        """End every connection in an orderly way, in whatever it was doing."""
        self._break(reset=False)

    def abandon(self) -> None:
        """Reset the client's ends; what was taken from them goes on to the server, when ``release`` lets it."""
        self.cuts += 1
        for wire in self._wires:
            wire.broken = True
            wire.flowing.clear()
            with contextlib.suppress(OSError):
                while data := wire.client.recv(READ):
                    wire.rest += data
            self._fell(wire.client, reset=True)

    def release(self) -> None:
        """Let what was held back go on."""
        for wire in self._wires:
            wire.flowing.set()

    def hole(self, *, everything: bool) -> None:
        """Swallow every packet of the connections there are; with ``everything`` also those of new ones."""
        self._fault_at = None if everything else _now()  # what nobody can get through tells nothing
        self.cuts += 1
        for wire in self._wires:
            wire.broken = True
            wire.flowing.clear()
            _swallow(wire.client)
        if everything and self._listener is not None:
            self._is_hole = True
            _swallow(self._listener)

    def lose_packets(self, share: float) -> None:
        """Lose this share of the packets that come for connections made from now on."""
        if self._listener is not None:
            _swallow(self._listener, share=share)

    def stop_reading(self) -> None:
        """Read no more from the connections there are: their window closes, and stays so."""
        self._fault_at = _now()
        self.cuts += 1
        for wire in self._wires:
            wire.broken = True
            wire.flowing.clear()

    def heal(self) -> None:
        """Let packets through again, and let what stood still go on."""
        self._is_hole = False
        for plug in [wire.client for wire in self._wires] + ([self._listener] if self._listener else []):
            with contextlib.suppress(OSError):
                plug.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        self.release()
        self.healed()

    def healed(self) -> None:
        """From here on the time is counted until the server gets a byte again."""
        self._healed_at = _now()
        self.resumed = None
        for wire in self._wires:
            wire.stale = _waiting(wire.client)

    async def passed(self, body_bytes: int) -> None:
        """Wait until so many body bytes came from clients in all."""
        if self.body_bytes >= body_bytes:
            return
        event = asyncio.Event()
        self._waits.append((body_bytes, event))
        await event.wait()

    async def asked(self, wanted: Callable[[Request], bool]) -> None:
        """Wait for a request of a kind; those that came before do not count."""
        seen = len(self.requests)
        while not any(wanted(request) for request in self.requests[seen:]):
            seen = len(self.requests)
            self._changed.clear()
            await self._changed.wait()

    # --------------------------------------------------------------------------------------------------- connections

    def _accept(self, listener: socket.socket) -> None:
        # Not a task: one that is cancelled just when a connection came would drop it without closing it.
        try:
            client, _ = listener.accept()
        except OSError:
            return
        if self._is_hole:  # it came through before the filter; nobody is here
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = _now() if self.began is None else self.began
        self._detect()
        wire = Wire(client)
        self._wires.add(wire)
        self._run(self._serve(wire))

    async def _serve(self, wire: Wire) -> None:
        client = wire.client
        wire.flowing.set()
        down: asyncio.Task[None] | None = None
        try:
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER // 2)
            server.setblocking(False)
            wire.server = server
            await asyncio.get_running_loop().sock_connect(server, ("127.0.0.1", self.upstream))
            down = asyncio.create_task(self._down(wire))
            await self._up(wire)
            if wire.rest or not wire.broken:
                server.shutdown(socket.SHUT_WR)
                await asyncio.wait({down}, timeout=5)
        except OSError:
            self._fell(client, reset=True)  # the server is not there, or has gone
        finally:
            self._wires.discard(wire)
            try:
                if down is not None:
                    down.cancel()
                    await asyncio.gather(down, return_exceptions=True)
            finally:  # it may be cancelled just here, when the link is closed
                for end in wire.ends():
                    end.close()

    async def _up(self, wire: Wire) -> None:
        loop = asyncio.get_running_loop()
        send = self._sender(wire, lambda: wire.server)
        while True:
            size = READ if self.rate is None else max(256, min(READ, int(self.rate / TICKS)))
            asked = _now()
            try:
                data = await loop.sock_recv(wire.client, size)
            except OSError:
                data = b""
            if _now() - asked > AT_ONCE:
                self._free_at = max(_now(), self._free_at)  # it stood idle; otherwise being late here is made up for
            data, wire.rest = (data or wire.rest), (wire.rest if data else b"")
            if not data:
                self._detect()
                self.given_up += wire.is_asking and not wire.broken
                return
            for piece in wire.splitter.feed(data):
                if piece.kind is Kind.HEAD and await self._is_answered_here(wire, piece):
                    return
                await self._count(wire, piece)
                if self.time_limit is not None and _now() - wire.asked_at > self.time_limit:
                    await self._answer_here(wire, answer("504 Gateway Timeout"))
                    return
                await send(self.mangle(piece.data) if piece.kind is Kind.BODY else piece.data)

    async def _is_answered_here(self, wire: Wire, piece: Piece) -> bool:
        """Note a request; answer it in the server's place if there is a rule for it."""
        request = Request.read(piece.data)
        self.requests.append(request)
        self._changed.set()
        wire.current, wire.answered, wire.asked_at = request, False, _now()
        text = self.rule(request)
        if text is None:
            return False
        await self._answer_here(wire, text)
        return True

    async def _answer_here(self, wire: Wire, text: bytes) -> None:
        wire.broken = True
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(wire.client, text)
        wire.client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(2):  # a close with unread bytes would be a reset, and take the answer with it
                while data := await loop.sock_recv(wire.client, READ):
                    for other in wire.splitter.feed(data):
                        await self._count(wire, other)

    async def _count(self, wire: Wire, piece: Piece) -> None:
        size = len(piece.data)
        is_fresh, wire.stale = not wire.stale, max(0, wire.stale - size)
        if piece.kind is not Kind.BODY:
            return
        self.body_bytes += size
        if self._healed_at is not None and self.resumed is None and is_fresh:
            self.resumed = _now() - self._healed_at
        if self._waits:
            for wanted, event in self._waits:
                if self.body_bytes >= wanted:
                    event.set()
            self._waits = [(wanted, event) for wanted, event in self._waits if not event.is_set()]
        if self.rate is not None:
            self._free_at = max(_now() - LATE, self._free_at) + size / self.rate
            await asyncio.sleep(max(0.0, self._free_at - _now()))

    def _sender(self, wire: Wire, end: Callable[[], socket.socket | None]) -> Callable[[bytes], Awaitable[None]]:
        async def send(data: bytes) -> None:
            await wire.flowing.wait()
            if (plug := end()) is not None:
                await asyncio.get_running_loop().sock_sendall(plug, data)

        return _Delayed(self.delay / 2, send, self._run).put if self.delay else send

    async def _down(self, wire: Wire) -> None:
        loop = asyncio.get_running_loop()
        send = self._sender(wire, lambda: wire.client)
        if wire.server is None:
            return
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(wire.server, READ):
                if not data.startswith(b"HTTP/1.1 1"):
                    if wire.current is not None and self.loses(wire.current):
                        wire.broken = True
                        self.cuts += 1
                        break
                    wire.answered, self.answered_at = True, _now()
                await send(data)
            if self.delay:
                await asyncio.sleep(self.delay / 2)  # what is on its way arrives
        with contextlib.suppress(OSError):
            if wire.broken or not wire.answered:
                self._fell(wire.client, reset=True)
            else:
                wire.client.shutdown(socket.SHUT_WR)  # it may still be sending: the server reads on for a while

    def _fell(self, plug: socket.socket, *, reset: bool) -> None:
        with contextlib.suppress(OSError):
            if reset:
                _disconnect(plug)
            else:
                plug.shutdown(socket.SHUT_RDWR)

    def _break(self, *, reset: bool) -> None:
        self.cuts += bool(self._wires)
        for wire in self._wires:
            wire.broken = True
            wire.flowing.set()
            for end in wire.ends():
                self._fell(end, reset=reset)

    def _detect(self) -> None:
        if self._fault_at is not None and self.detected is None:
            self.detected = _now() - self._fault_at

    def _run(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Delayed:
    """Passes bytes on, each a while after it came."""

    def __init__(
        self, seconds: float, send: Callable[[bytes], Awaitable[None]], run: Callable[[Awaitable[None]], None]
    ) -> None:
        self._seconds = seconds
        self._send = send
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._some = asyncio.Event()
        run(self._pass_on())

    async def put(self, data: bytes) -> None:
        self._waiting.append((_now() + self._seconds, data))
        self._some.set()

    async def _pass_on(self) -> None:
        while True:
            await self._some.wait()
            due, data = self._waiting.popleft()
            await asyncio.sleep(max(0.0, due - _now()))
            with contextlib.suppress(OSError):
                await self._send(data)
            if not self._waiting:
                self._some.clear()


def can_swallow() -> bool:
    """Tell whether this process may make a black hole."""
    with socket.socket() as plug:
        return _swallow(plug)


def _swallow(plug: socket.socket, *, share: float = 1.0) -> bool:
    """Drop what comes for a socket, or some of it, before TCP sees it. Gives False if the system does not let us."""
    steps = (
        (LOAD, 0, 0, RANDOM),
        (JUMP_IF_AT_LEAST, 1, 0, int(share * 2**32)),
        (RETURN, 0, 0, 0),
        (RETURN, 0, 0, 2**32 - 1),
    )
    chosen = steps if share < 1 else steps[2:3]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in chosen))
    program = struct.pack("HL", len(chosen), ctypes.addressof(code))
    try:
        plug.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True


def _waiting(plug: socket.socket) -> int:
    """Tell how many bytes have arrived and were not read yet."""
    try:
        return int.from_bytes(fcntl.ioctl(plug, termios.FIONREAD, bytes(4)), sys.byteorder)
    except (OSError, ValueError):
        return 0


def _disconnect(plug: socket.socket) -> None:
    """Reset a connection while another task still waits on its descriptor, which therefore must not be closed here."""
    connect = ctypes.CDLL(None, use_errno=True).connect
    nowhere = struct.pack("=HHI8s", socket.AF_UNSPEC, 0, 0, bytes(8))
    if connect(plug.fileno(), nowhere, len(nowhere)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _now() -> float:
    return asyncio.get_running_loop().time()
