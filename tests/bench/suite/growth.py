"""What grows: files that are put together, tables, offsets, and the number of open uploads at a start."""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from typing import Final
from uuid import uuid4

from tests.bench.peers.process import Server
from tests.bench.suite import staged
from tests.bench.suite.client import BLOCK, GIB, MIB, TUS, Connection, append, connected, expect, make
from tests.bench.suite.requests import BOUNDARY, MP4, chunk_form
from tests.bench.suite.transfers import STRICT
from tests.bench.suite.work import Bench, Figures

SHORT: Final = "50 MiB"
LONG: Final = "5 GiB"
FEW: Final = "few rows"
MANY: Final = "many rows"
NEAR: Final = "offset 1 MiB"
FAR: Final = "offset 10 GiB"
EMPTY: Final = "no upload"
FULL: Final = "open uploads"
_ROUTE: Final = "/api/video/video"
"""The documented routes in the profile for long files; that of posters takes 50 MiB."""


def finalize(bench: Bench) -> Figures:
    """The documented route's last step, for a short and for a long file in chunks of 1 MiB."""
    sizes = {SHORT: bench.sizes.short_parts, LONG: bench.sizes.long_parts}
    figures = Figures()
    figures.notes.append("first chunk by the API, the others written as rows and as a sparse file while it was down")
    rounds = max(bench.runs, 5)
    keys = {name: [uuid4().hex for _ in range(rounds + 1)] for name in sizes}
    with bench.server(STRICT) as server, connected(server) as connection:
        for name, total in sizes.items():
            for key in keys[name]:
                _first_chunk(connection, server, key=key, total=total)
        data = server.folder
    for name, total in sizes.items():
        for key in keys[name]:
            staged.fill_parts(data, key, total=total)
    with bench.server(STRICT) as server, connected(server) as connection:
        columns = {
            name: partial(_finalized, connection, server, keys=keys[name], total=total) for name, total in sizes.items()
        }
        bench.interleave(figures, columns, runs=rounds, warm=True)  # the first file of a folder also makes the folder
    return figures


def _first_chunk(connection: Connection, server: Server, *, key: str, total: int) -> None:
    facts = {"chunkSize": MIB, "fileSize": total * MIB}
    body = chunk_form(key, index=0, total=total, data=MP4 + bytes(BLOCK[len(MP4) :]), extra=facts)
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
    expect(connection.ask(f"POST {_ROUTE}/chunk HTTP/1.1", kind, body=body), status=200, server=server)


def _finalized(connection: Connection, server: Server, *, keys: list[str], total: int) -> Mapping[str, float]:
    body = json.dumps({"uploadId": keys.pop(), "filename": "bench.mp4", "totalChunks": total}).encode()
    cpu, began = server.cpu_seconds, time.perf_counter()
    answer = connection.ask(f"POST {_ROUTE}/finalize HTTP/1.1", "Content-Type: application/json", body=body)
    wall = time.perf_counter() - began
    expect(answer, status=200, server=server)
    return {"ms": wall * 1000, "CPU ms": (server.cpu_seconds - cpu) * 1000}


def heads(bench: Bench) -> Figures:
    """HEAD of open uploads in a small and in a large table, one connection, one after the other."""
    figures = Figures()
    counts = {FEW: bench.sizes.few_rows, MANY: bench.sizes.many_rows}
    figures.notes.append(f"{counts[FEW]:,} and {counts[MANY]:,} rows, half of the small number open, the rest finished")
    with ExitStack() as stack:
        columns = {}
        for name, count in counts.items():
            folder = bench.folder / name.replace(" ", "-")
            with bench.server(STRICT, folder=folder) as server, connected(server) as connection:
                for _ in range(bench.sizes.few_rows // 2):
                    make(connection, server, length=MIB)
            staged.add_finished(folder, count=count - bench.sizes.few_rows // 2)
            ids = staged.ids_of_open(folder)
            server = stack.enter_context(bench.server(STRICT, folder=folder))
            columns[name] = partial(_asked, server, ids=ids, count=bench.sizes.heads)
        bench.interleave(figures, columns, warm=True)
    return figures


def _asked(server: Server, *, ids: list[str], count: int) -> Mapping[str, float]:
    walls = []
    with connected(server) as connection:
        cpu = server.cpu_seconds
        for _, upload_id in zip(range(count), cycle(ids), strict=False):
            began = time.perf_counter()
            answer = connection.ask(f"HEAD /files/{upload_id} HTTP/1.1", TUS)
            walls.append(time.perf_counter() - began)
            expect(answer, status=200, server=server)
        cpu = server.cpu_seconds - cpu
    walls.sort()
    return {
        "p50 ms": walls[count // 2] * 1000,
        "p99 ms": walls[count * 99 // 100] * 1000,
        "CPU ms each": cpu * 1000 / count,
    }


def appends(bench: Bench) -> Figures:
    """PATCHes of 1 MiB near the beginning of a file and far into one."""
    figures = Figures()
    figures.notes.append("the far one stands in a sparse file that was lengthened while the server was down")
    offsets = {NEAR: MIB, FAR: 10 * GIB}
    paths = {}
    with bench.server(STRICT) as server, connected(server) as connection:
        for name in offsets:
            paths[name] = make(connection, server, length=19 * GIB)
            append(connection, server, path=paths[name], offset=0, size=MIB)
    staged.move_offset(server.folder, paths[FAR].rpartition("/")[2], offset=offsets[FAR])
    with bench.server(STRICT) as server, connected(server) as connection:
        columns = {
            name: partial(_appended, connection, server, path=path, at=offsets, name=name, count=bench.sizes.appends)
            for name, path in paths.items()
        }
        bench.interleave(figures, columns)
    return figures


def _appended(
    connection: Connection, server: Server, *, path: str, at: dict[str, int], name: str, count: int
) -> Mapping[str, float]:
    cpu, began = server.cpu_seconds, time.perf_counter()
    for _ in range(count):
        append(connection, server, path=path, offset=at[name], size=MIB)
        at[name] += MIB
    wall, cpu = time.perf_counter() - began, server.cpu_seconds - cpu
    return {"ms each": wall * 1000 / count, "CPU ms each": cpu * 1000 / count}


def starts(bench: Bench) -> Figures:
    """From the start of the process until it accepts, after a clean stop."""
    figures = Figures()
    figures.notes.append(f"{bench.sizes.open_uploads:,} open uploads, each with its row and a staging file of 1 MiB")
    folders = {EMPTY: bench.folder / "empty", FULL: bench.folder / "full"}
    for folder in folders.values():
        with bench.server(STRICT, folder=folder):
            pass
    staged.add_open(folders[FULL], count=bench.sizes.open_uploads)

    def begun(name: str) -> Mapping[str, float]:
        began = time.perf_counter()
        with bench.server(STRICT, folder=folders[name]) as server:
            return {"s": time.perf_counter() - began, "CPU s": server.cpu_seconds, "peak RSS MiB": server.peak_mib}

    bench.interleave(figures, {name: partial(begun, name) for name in folders})
    return figures
