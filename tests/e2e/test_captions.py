"""Captions of many senders at once: what arrives slowly is not held in memory."""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e import tus
from tests.e2e.disk import MIB, video
from tests.e2e.test_media import settled
from tests.faults.processes import ServerProcess, resident
from tests.web.wire import connect, until

SENDERS = 60
SIZE = 2 * MIB
BEGIN = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello\n\nNOTE "
MEMORY = 30 * MIB
"""A quarter of what they send: a slow body takes at most 64 KiB, and the allocator is given room."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which is not here")
async def test_slow_senders_of_captions_take_no_memory(
    server: ServerProcess, record_property: Callable[[str, object], None]
) -> None:
    """60 bodies of 2 MiB that miss their last byte raise the resident memory by less than 30 MiB; one is taken once
    that byte is there, and none leaves a file behind."""
    upload = await tus.create(server.port, MIB, tus.metadata(title="Sea", filename="sea.mp4"))
    assert (await tus.patch(server.port, upload, at=0, body=video(1, MIB))).status == 204
    [record] = await settled(server.port)
    body = BEGIN.ljust(SIZE - 1, b"x") + b"\n"
    before = resident(server.pid, "VmRSS")
    async with contextlib.AsyncExitStack() as stack:
        wires = []
        for number in range(SENDERS):
            wire = await connect(server.port)
            stack.push_async_callback(wire.close)
            path = f"/api/videos/{record['id']}/captions/en-x-{number}"
            await wire.send(f"PUT {path} HTTP/1.1", f"Content-Length: {SIZE}", body=body[:-1])
            wires.append(wire)
            await until(partial(_have_arrived, server, len(wires)))  # what is on its way just now is in memory
        raised = resident(server.pid, "VmHWM") - before
        record_property("raised_mib", round(raised / MIB, 1))
        assert raised < MEMORY
        await wires[0].raw(body[-1:])
        answer = await wires[0].answer()
        assert answer.status == 201, answer.body

    async def none_left() -> bool:
        return spooled(server) == []

    await until(none_left)


def _have_arrived(server: ServerProcess, bodies: int) -> bool:
    return sum(size >= SIZE - 128 * 1024 for size in spooled(server)) == bodies


def spooled(server: ServerProcess) -> list[int]:
    """List the sizes of the files that a server holds in its staging folder and that have no name."""
    sizes = []
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            path = str(link.readlink())
            if path.startswith(str(server.data_dir / "staging")) and path.endswith(" (deleted)"):
                sizes.append(link.stat().st_size)
    return sizes
