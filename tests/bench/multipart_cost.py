"""What a form costs: aiohttp's reader, the push parser of the package multipart, and a raw body, from socket to file.

    python -m tests.bench.multipart_cost [--mib 256]

A server of its own process writes every body to a file; a client of this process sends the same bytes each way, in
requests of 1 MiB and of 32 MiB, over one connection. The report tells the server's CPU time per MiB and the throughput.
"""

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import BodyPartReader, web

from tests.web.forms import BOUNDARY, TYPE, chunk_fields, form
from tests.web.wire import Wire, connect
from tusvideo.allocator import keep_freed_blocks
from tusvideo.web.body import RequestBody
from tusvideo.web.multipart import Form

MIB = 1024 * 1024
ROUNDS = 3


async def raw(request: web.Request, file: int) -> None:
    """Write the body as it is."""
    async for block in request.content.iter_any():
        os.write(file, block)


async def small_reads(request: web.Request, file: int) -> None:
    """Write the file of a form, read by aiohttp in blocks of its own size."""
    await _reader(request, file, BodyPartReader.chunk_size)


async def large_reads(request: web.Request, file: int) -> None:
    """Write the file of a form, read by aiohttp in blocks as large as its buffer."""
    await _reader(request, file, 256 * 1024)


async def _reader(request: web.Request, file: int, size: int) -> None:
    parts = await request.multipart()
    while (part := await parts.next()) is not None:
        assert isinstance(part, BodyPartReader)
        while block := await part.read_chunk(size):
            if part.name == "chunk":
                os.write(file, block)


async def push(request: web.Request, file: int) -> None:
    """Write the file of a form, read as tusvideo does it."""
    body = RequestBody(request, expects_continue=False, stall_seconds=60)
    parsed = Form(body, boundary=BOUNDARY, max_fields_bytes=65_536, max_file_bytes=64 * MIB)
    assert await parsed.find_file()
    while block := await parsed.read():
        os.write(file, block)
    body.close()


WAYS: dict[str, Callable[[web.Request, int], Awaitable[None]]] = {
    "raw": raw,
    "multipart": push,
    "aiohttp": small_reads,
    "aiohttp-256": large_reads,
}


async def serve(pipe: Connection, folder: str, bufsize: int) -> None:
    """Run the server until its process is ended."""

    async def handle(request: web.Request) -> web.Response:
        way = request.match_info["way"]
        if way != "cpu":
            file = os.open(Path(folder) / "body", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                await WAYS[way](request, file)
            finally:
                os.close(file)
        return web.Response(text=str(time.process_time()))

    app = web.Application(client_max_size=1 << 40)
    app.router.add_route("*", "/{way}", handle)
    runner = web.AppRunner(app, access_log=None, read_bufsize=bufsize)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def run(pipe: Connection, folder: str, bufsize: int) -> None:
    """Be the server's process, with the allocator set as tusvideo sets it."""
    keep_freed_blocks()
    asyncio.run(serve(pipe, folder, bufsize))


async def measure(wire: Wire, way: str, *, size: int, count: int) -> tuple[float, float]:
    """Send ``count`` bodies of ``size`` bytes; give CPU and wall seconds."""
    data = os.urandom(size)
    body, head = (data, "X-A: b") if way == "raw" else (form(*chunk_fields(), ("chunk", data)), TYPE)
    before, began = float((await wire.ask("GET /cpu HTTP/1.1")).body), time.perf_counter()
    for _ in range(count):
        answer = await wire.ask(f"POST /{way} HTTP/1.1", head, f"Content-Length: {len(body)}", body=body)
        assert answer.status == 200, answer
    wall = time.perf_counter() - began
    return float((await wire.ask("GET /cpu HTTP/1.1")).body) - before, wall


async def report(port: int, *, mib: int) -> None:
    """Measure every way and print the best of a few rounds."""
    wire = await connect(port)
    for size in (1, 32):
        for way in WAYS:
            rounds = [await measure(wire, way, size=size * MIB, count=mib // size) for _ in range(ROUNDS)]
            cpu, wall = min(rounds)
            print(f"  {way:<11} {size:>3} MiB a request: {cpu / mib * 1000:5.2f} ms CPU/MiB, {mib / wall:6.0f} MiB/s")
    await wire.close()


def main() -> None:
    """Start the server, measure, print, stop it."""
    parser = argparse.ArgumentParser(description="What a form costs.")
    parser.add_argument("--mib", type=int, default=256, help="MiB to send each way")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for bufsize in (64 * 1024, 128 * 1024, 256 * 1024):
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = context.Pipe()
            server = context.Process(target=run, args=(theirs, folder, bufsize))
            server.start()
            try:
                print(f"read_bufsize {bufsize // 1024} KiB")
                asyncio.run(report(ours.recv(), mib=arguments.mib))
            finally:
                server.terminate()
                server.join()


if __name__ == "__main__":
    main()
