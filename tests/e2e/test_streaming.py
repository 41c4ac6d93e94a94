"""Bodies stream into the store: others see them grow, nobody waits long for an answer, and memory stays flat."""

import asyncio
import os
import shutil
import socket
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import tus
from tests.e2e.disk import MIB, place_of, published
from tests.faults.processes import ServerProcess, resident
from tests.faults.proxy import FaultProxy
from tests.web.wire import until

GIB = 1024 * MIB
PIECE = 256 * 1024
LARGE = int(float(os.environ.get("TUSVIDEO_TEST_GIB", "1")) * GIB)
"""Size of the one large PATCH; TUSVIDEO_TEST_GIB=5 for the promise in full."""
MEMORY = 32 * MIB


@pytest.mark.parametrize("piece", [PIECE, 2 * MIB], ids=["short", "long"])
async def test_a_question_sees_the_offset_grow_while_one_patch_runs(piece: int, server: ServerProcess) -> None:
    """HEAD on a second connection tells every piece once it came, and the PATCH is none the worse for being asked."""
    data = os.urandom(8 * piece)
    path = await tus.create(server.port, len(data), tus.metadata(filename="grown.bin"))
    wire = await tus.open_patch(server.port, path, at=0, length=len(data))
    seen = []
    for at in range(0, len(data) - piece, piece):
        await wire.raw(data[at : at + piece])

        async def stored(least: int = at + piece) -> bool:
            return await tus.offset(server.port, path) >= least

        await until(stored)
        seen.append(await tus.offset(server.port, path))
    assert seen == [piece * count for count in range(1, 8)]
    await wire.raw(data[-piece:])
    answer = await wire.answer(method="PATCH")
    await wire.close()
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(data)))
    assert place_of(server.data_dir, answer.headers["Content-Location"]).read_bytes() == data


async def test_a_question_is_answered_at_once_while_bytes_pour_in(
    server: ServerProcess, record_property: Callable[[str, object], None]
) -> None:
    """HEAD beside a PATCH at tens of MiB a second is answered fast; 100 ms is the aim, and the bound here is generous
    because machines of tests are busy."""
    size = 24 * MIB
    path = await tus.create(server.port, size, tus.metadata(filename="poured.bin"))
    took = []
    async with FaultProxy(("127.0.0.1", server.port), rate=64 * MIB) as proxy:
        patching = asyncio.ensure_future(tus.patch(proxy.port, path, at=0, body=bytes(size)))
        await proxy.passed(MIB)
        while proxy.body_bytes < size - MIB:
            begun = time.monotonic()
            assert (await tus.head(server.port, path)).status == 200
            took.append((time.monotonic() - begun) * 1000)
        assert (await patching).status == 204
    p95 = statistics.quantiles(took, n=20)[-1]
    record_property("head_p95_ms", round(p95, 1))
    print(f"{len(took)} HEADs: p50 {statistics.median(took):.1f} ms, p95 {p95:.1f} ms")  # noqa: T201  # the report
    assert len(took) >= 20
    assert p95 < 500


def pour(port: int, path: str, *, size: int) -> bytes:
    """Send one PATCH of ``size`` bytes, made on the way: each MiB is noise and begins with its number. Blocking."""
    block = bytearray(os.urandom(MIB))
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plug:
        head = "\r\n".join([*tus.patch_lines(path, at=0, length=size), "Host: localhost", "", ""])
        plug.sendall(head.encode())
        for number in range(size // MIB):
            block[:8] = number.to_bytes(8, "big")
            plug.sendall(block)
        return plug.recv(65536)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which is not here")
@pytest.mark.timeout(900)
async def test_a_large_body_takes_no_memory(
    server: ServerProcess, record_property: Callable[[str, object], None]
) -> None:
    """One PATCH of 1 GiB (TUSVIDEO_TEST_GIB GiB) raises the peak of the resident memory by less than 32 MiB."""
    free = shutil.disk_usage(server.data_dir).free
    if free < 3 * LARGE:
        pytest.skip(f"needs {3 * LARGE:,} bytes free on the disk, there are {free:,}")
    path = await tus.create(server.port, LARGE, tus.metadata(filename="large.bin"))
    before = resident(server.pid, "VmRSS")
    begun = time.monotonic()
    answer = await asyncio.to_thread(pour, server.port, path, size=LARGE)
    seconds = time.monotonic() - begun
    raised = resident(server.pid, "VmHWM") - before
    record_property("raised_mib", round(raised / MIB, 1))
    print(f"{LARGE / GIB:g} GiB in {seconds:.1f} s: memory rose by {raised / MIB:.1f} MiB")  # noqa: T201  # the report
    assert answer.startswith(b"HTTP/1.1 204 ")
    [file] = published(server.data_dir, "files")
    try:
        assert file.stat().st_size == LARGE
        with file.open("rb") as stored:
            for number in range(LARGE // MIB):
                stored.seek(number * MIB)
                assert int.from_bytes(stored.read(8), "big") == number
    finally:
        file.unlink()
    assert raised < MEMORY
