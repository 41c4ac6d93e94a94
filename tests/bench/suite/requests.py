"""Requests: creates from many connections, and chunks as forms against the same bytes raw."""

import select
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Final
from uuid import uuid4

from tests.bench.peers.process import LOOPBACK, BenchError, Server
from tests.bench.suite.client import BLOCK, MIB, append, connected, creation, expect, make, remove
from tests.bench.suite.transfers import PEERS, RELAXED, STRICT
from tests.bench.suite.work import Bench, Figures, timed

CONNECTIONS: Final = 32
SILENCE_SECONDS: Final = 30
FORM: Final = "chunks, multipart"
RAW: Final = "PATCH, raw"
CHUNKS: Final = "/api/poster/video/chunk"
BOUNDARY: Final = "----tusvideo-bench"
MP4: Final = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


def creates(bench: Bench) -> Figures:
    """Uploads made as fast as 32 connections can ask, each asking again when it was answered."""
    figures = Figures()
    with bench.servers((STRICT, RELAXED, *PEERS), figures) as servers:
        columns = {name: partial(_created, server, count=bench.sizes.creates) for name, server in servers.items()}
        bench.interleave(figures, columns)
    return figures


def _created(server: Server, *, count: int) -> Mapping[str, float]:
    server.forget_peak()
    cpu, began = server.cpu_seconds, time.perf_counter()
    _Crowd(server, count=count).run()
    wall, cpu = time.perf_counter() - began, server.cpu_seconds - cpu
    return {"creates/s": count / wall, "CPU ms each": cpu * 1000 / count, "peak RSS MiB": server.peak_mib}


class _Crowd:
    """Connections that ask for creations; one thread, and as little work for an answer as will do."""

    def __init__(self, server: Server, *, count: int) -> None:
        self._server = server
        self._unsent = self._unanswered = count
        lines = [*creation(server, length=100 * MIB), f"Host: localhost:{server.port}", "Content-Length: 0", "", ""]
        self._request = "\r\n".join(lines).encode()
        self._poll = select.epoll()
        self._plugs: dict[int, socket.socket] = {}
        self._held: dict[int, bytes] = {}

    def run(self) -> None:
        """Ask until every creation is answered. Raises BenchError when one is refused or none comes for long."""
        try:
            for _ in range(min(CONNECTIONS, self._unsent)):
                self._connect()
            while self._unanswered:
                ready = self._poll.poll(SILENCE_SECONDS)
                if not ready:
                    raise BenchError(f"{self._server.name} answered nothing for {SILENCE_SECONDS} s")
                for number, _ in ready:
                    self._serve(number)
        finally:
            for plug in self._plugs.values():
                plug.close()
            self._poll.close()

    def _connect(self) -> None:
        plug = socket.create_connection((LOOPBACK, self._server.port), timeout=SILENCE_SECONDS)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._plugs[plug.fileno()] = plug
        self._held[plug.fileno()] = b""
        self._poll.register(plug, select.EPOLLIN)
        self._ask(plug)

    def _ask(self, plug: socket.socket) -> None:
        if self._unsent:
            self._unsent -= 1
            plug.sendall(self._request)

    def _serve(self, number: int) -> None:
        plug = self._plugs[number]
        block = plug.recv(65_536)
        held = self._held[number] + block
        if block and not _is_whole(held):
            self._held[number] = held
            return
        if held:
            if not held.startswith(b"HTTP/1.1 201"):
                raise BenchError(f"{self._server.name} refused a creation: {held[:60]!r}")
            self._unanswered -= 1
        self._held[number] = b""
        if block and b"\r\nconnection: close" not in held.lower():
            self._ask(plug)
            return
        self._poll.unregister(plug)
        del self._plugs[number]
        plug.close()
        if self._unsent:
            self._connect()


def _is_whole(held: bytes) -> bool:
    head, found, body = held.partition(b"\r\n\r\n")
    if not found:
        return False
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lower:
        return body.endswith(b"0\r\n\r\n")
    _, found, after = lower.partition(b"\r\ncontent-length:")
    return not found or len(body) >= int(after.split(b"\r\n", 1)[0])


def chunk_route(bench: Bench) -> Figures:
    """Chunks of 1 MiB as forms on the documented route, and as PATCHes: the same bytes, one connection, strict."""
    figures = Figures()
    figures.notes.append(f"{bench.sizes.chunk_uploads} uploads of {bench.sizes.chunks} MiB a round")
    with bench.servers((STRICT,), figures) as servers:
        if STRICT in servers:
            columns = {name: partial(_uploads, servers[STRICT], name, bench=bench) for name in (FORM, RAW)}
            bench.interleave(figures, columns)
    return figures


def _uploads(server: Server, way: str, *, bench: Bench) -> Mapping[str, float]:
    count, uploads = bench.sizes.chunks, bench.sizes.chunk_uploads
    send = _chunks if way == FORM else _patches
    with timed(server, size=count * uploads * MIB) as found:
        paths = [send(server, count=count) for _ in range(uploads)]
    for path in paths:
        remove(server, path)
    return {**found, "CPU ms/MiB": found["CPU s/GiB"] / 1024 * 1000}


def _chunks(server: Server, *, count: int) -> str:
    key = uuid4().hex
    first = MP4 + bytes(BLOCK[len(MP4) :])
    with connected(server) as connection:
        for index in range(count):
            body = chunk_form(key, index=index, total=count + 1, data=first if index == 0 else BLOCK)
            answer = connection.ask(
                f"POST {CHUNKS} HTTP/1.1", f"Content-Type: multipart/form-data; boundary={BOUNDARY}", body=body
            )
            expect(answer, status=200, server=server)
    return f"{CHUNKS}?uploadId={key}"


def _patches(server: Server, *, count: int) -> str:
    with connected(server) as connection:
        path = make(connection, server, length=(count + 1) * MIB)
        for number in range(count):
            append(connection, server, path=path, offset=number * MIB, size=MIB)
    return path


def chunk_form(
    key: str, *, index: int, total: int, data: bytes | memoryview, extra: Mapping[str, int] | None = None
) -> bytes:
    """Write a chunk as the form that the documented route takes."""
    fields = {"uploadId": key, "chunkIndex": index, "totalChunks": total, **(extra or {})}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="chunk"; filename="blob"\r\n\r\n'
    return b"".join(("".join(parts).encode(), head.encode(), data, f"\r\n--{BOUNDARY}--\r\n".encode()))
