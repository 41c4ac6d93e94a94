"""Bodies: one long PATCH, eight at once, many short ones on one connection, and a download."""

import os
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench.peers.process import BenchError, Server
from tests.bench.suite.client import MIB, TUS, append, connected, expect, make, remove
from tests.bench.suite.work import Bench, Figures, timed

STRICT: Final = "tusvideo strict"
RELAXED: Final = "tusvideo relaxed"
FLOOR: Final = "floor"
DISK: Final = "the disk alone"
COMMIT_BYTES: Final = 8192
"""About what one commit adds to SQLite's log: a head and a page or two."""
PEERS: Final = ("tusd", "@tus/server", "tuspyserver", "resumable-upload")
AT_ONCE: Final = 8


def one_patch(bench: Bench) -> Figures:
    """One long body in one request."""
    figures = Figures()
    with bench.servers((RELAXED, STRICT, FLOOR, *PEERS), figures) as servers:
        columns = {name: partial(_whole, server, size=bench.sizes.patch) for name, server in servers.items()}
        bench.interleave(figures, columns)
    return figures


def _whole(server: Server, *, size: int) -> Mapping[str, float]:
    if server.name == FLOOR:
        return _onto_floor(server, size=size)
    with connected(server) as connection:
        path = make(connection, server, length=size)
    try:
        with connected(server) as connection:
            connection.open()
            with timed(server, size=size) as found:
                append(connection, server, path=path, offset=0, size=size)
    finally:
        remove(server, path)
    return found


def _onto_floor(server: Server, *, size: int) -> Mapping[str, float]:
    with connected(server) as connection:
        connection.open()
        with timed(server, size=size) as found:
            append(connection, server, path="/", offset=0, size=size)
    os.truncate(server.folder / "body", 0)  # here, so that the next round does not pay for it
    return found


def eight_at_once(bench: Bench) -> Figures:
    """Eight long bodies on eight connections."""
    figures = Figures()
    with bench.servers((RELAXED, STRICT, *PEERS), figures) as servers:
        columns = {name: partial(_side_by_side, server, size=bench.sizes.eighth) for name, server in servers.items()}
        bench.interleave(figures, columns)
    return figures


def _side_by_side(server: Server, *, size: int) -> Mapping[str, float]:
    with connected(server) as connection:
        paths = [make(connection, server, length=size) for _ in range(AT_ONCE)]
    errors: list[Exception] = []

    def send(path: str) -> None:
        try:
            with connected(server) as connection:
                append(connection, server, path=path, offset=0, size=size)
        except (BenchError, OSError) as error:
            errors.append(error)

    senders = [threading.Thread(target=send, args=(path,)) for path in paths]
    with timed(server, size=size * AT_ONCE) as found:
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    for path in paths:
        remove(server, path)
    if errors:
        raise BenchError(str(errors[0]))
    return found


def small_patches(bench: Bench) -> Figures:
    """PATCHes of 1 MiB, one after the other, on one connection that is kept."""
    figures = Figures()
    with bench.servers((STRICT, RELAXED, FLOOR, *PEERS), figures) as servers:
        columns = {
            name: partial(_piecewise, server, count=bench.sizes.small_patches) for name, server in servers.items()
        }
        columns[DISK] = partial(_synced, bench.folder, count=bench.sizes.small_patches)
        bench.interleave(figures, columns)
    return figures


def _piecewise(server: Server, *, count: int) -> Mapping[str, float]:
    with connected(server) as connection:
        # One MiB more than is sent: publishing is no part of an append.
        path = "/" if server.name == FLOOR else make(connection, server, length=(count + 1) * MIB)
        with timed(server, size=count * MIB) as found:
            for number in range(count):
                append(connection, server, path=path, offset=number * MIB, size=MIB)
    if server.name != FLOOR:
        remove(server, path)
    return found


def _synced(folder: Path, *, count: int) -> Mapping[str, float]:
    """Do what the level strict asks of the disk for each PATCH, and nothing else: no server can be faster there."""
    block, commit = os.urandom(MIB), os.urandom(COMMIT_BYTES)
    body, log = (os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("disk-body", "disk-log"))
    try:
        began = time.perf_counter()
        for number in range(count):
            os.pwrite(body, block, number * MIB)
            os.fdatasync(body)
            os.pwrite(log, commit, number * COMMIT_BYTES)
            os.fdatasync(log)
        wall = time.perf_counter() - began
    finally:
        for file, name in ((body, "disk-body"), (log, "disk-log")):
            os.close(file)
            (folder / name).unlink()
    return {"MB/s": count * MIB / 1e6 / wall}


def download(bench: Bench) -> Figures:
    """A finished file by GET; nginx serves the very file that tusvideo published."""
    figures = Figures()
    size = bench.sizes.patch
    with bench.servers((RELAXED, "nginx", "tusd", "@tus/server"), figures) as servers:
        paths = {name: _uploaded(server, size=size) for name, server in servers.items() if name != "nginx"}
        if "nginx" in servers and RELAXED in servers:
            published = _largest(servers[RELAXED].folder / "uploads")
            os.link(published, servers["nginx"].folder / "root" / "file")
            paths["nginx"] = "/file"
        columns = {name: partial(_fetched, servers[name], path=path, size=size) for name, path in paths.items()}
        bench.interleave(figures, columns, warm=True)
    return figures


def _uploaded(server: Server, *, size: int) -> str:
    with connected(server) as connection:
        path = make(connection, server, length=size)
    with connected(server) as connection:
        append(connection, server, path=path, offset=0, size=size)
    return path


def _largest(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def _fetched(server: Server, *, path: str, size: int) -> Mapping[str, float]:
    buffer = memoryview(bytearray(MIB))
    with connected(server) as connection:
        connection.open()
        with timed(server, size=size) as found:
            connection.send(f"GET {path} HTTP/1.1")
            answer = connection.head()
            expect(answer, status=200, server=server)
            if "content-length" in answer.fields and int(answer.fields["content-length"]) != size:
                raise BenchError(f"{server.name} serves {answer.fields['content-length']} bytes of {size}")
            connection.drop(size, into=buffer)
        # One more answer shows that the GET is over for the server too: @tus/server on Node.js 20 dies of an exception
        # ("ReadableStream is already closed") when its client leaves right behind the last byte.
        connection.ask(f"HEAD {path} HTTP/1.1", TUS)
    return found
