"""Ways to a port of this machine that are slow, or that damage what passes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


class Pace:
    """Bytes a second, kept on average: a wait that lasted too long makes the next ones shorter."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._due = 0.0

    async def wait(self, count: int) -> None:
        """Wait until so many bytes more may have passed."""
        now = asyncio.get_running_loop().time()
        self._due = max(self._due, now - 0.25) + count / self._rate
        await asyncio.sleep(self._due - now)


@asynccontextmanager
async def slow_link(port: int, *, bytes_per_second: int, is_shared: bool = False) -> AsyncIterator[str]:
    """A way to a port of this machine that takes bytes no faster than given, with small buffers; yields its address.

    The rate is that of each connection, or with ``is_shared`` that of all together.
    """
    loop = asyncio.get_running_loop()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.setblocking(False)

    async def pump(source: socket.socket, target: socket.socket, *, pace: "Pace | None") -> None:
        while data := await loop.sock_recv(source, 8 * 1024):
            await loop.sock_sendall(target, data)
            if pace is not None:
                await pace.wait(len(data))  # this is the slowness

    async def serve() -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                near, _ = await loop.sock_accept(listener)
                far = socket.socket()
                far.setblocking(False)
                await loop.sock_connect(far, ("127.0.0.1", port))
                sockets.extend((near, far))
                group.create_task(pump(near, far, pace=whole if is_shared else Pace(bytes_per_second)))
                group.create_task(pump(far, near, pace=None))

    whole = Pace(bytes_per_second)
    sockets = [listener]
    server = asyncio.create_task(serve())
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.cancel()
        await asyncio.wait({server})
        for used in sockets:
            used.close()


@asynccontextmanager
async def hurting_link(port: int, *, mark: bytes, times: int) -> AsyncIterator[str]:
    """A way to a port of this machine that flips a bit in what passes, where it sees ``mark``; yields its address."""
    left = times

    def hurt(data: bytes) -> bytes:
        nonlocal left
        place = data.find(mark)
        if left == 0 or place < 0:
            return data
        left -= 1
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes]
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(256 * 1024):
                writer.write(change(data))
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, far_writer, hurt), pump(far_reader, writer, bytes))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
