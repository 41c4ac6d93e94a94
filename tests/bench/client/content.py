"""Scenarios 15 and 16: bytes that come late, bytes that are not those of the file, and uploads that are gone."""

import asyncio

from tests.bench.client.heads import Request
from tests.bench.client.link import answer
from tests.bench.client.run import MIB, Run, Scenario


async def late_bytes(run: Run) -> None:
    """The client is cut off, but what it sent comes to the server when it has already gone on."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.link.abandon()
    await run.link.asked(lambda request: request.method in {"PATCH", "POST"})
    await run.link.passed(run.link.body_bytes + MIB // 8)
    run.link.release()


async def flipped_bit(run: Run) -> None:
    """One bit of the body is another one when it arrives."""
    place = run.chance.randrange(MIB, run.size - MIB)
    seen = 0

    def mangle(data: bytes) -> bytes:
        nonlocal seen
        at, seen = place - seen, seen + len(data)
        if not 0 <= at < len(data):
            return data
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]

    run.link.mangle = mangle


async def edited(run: Run) -> None:
    """The file is written anew while it is sent."""
    await run.link.passed(run.chance.randrange(MIB, run.size // 2))
    run.folder.rewrite(seed=run.chance.randrange(2**30))


async def disk_full(run: Run) -> None:
    """From the middle of the file on there is no room."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))

    def rule(request: Request) -> bytes | None:
        return answer("507 Insufficient Storage") if request.method in {"PATCH", "POST"} else None

    run.link.rule = rule
    run.link.reset()


async def expired(run: Run) -> None:
    """The client is killed, and comes back when the server has removed the unfinished upload."""
    await run.client(until=run.link.passed(run.chance.randrange(MIB, run.size - MIB)))
    async with asyncio.timeout(60):
        while run.folder.unfinished():  # noqa: ASYNC110  # the server tells nobody that it sweeps
            await asyncio.sleep(0.1)
    run.figures.exit_code = await run.client()


CONTENT = (
    Scenario(name="15", title="late bytes of a dead request", size=8 * MIB, rate=MIB, script=late_bytes),
    Scenario(name="16a", title="a bit flips on the way", size=4 * MIB, rate=MIB, script=flipped_bit, may_fail=True),
    Scenario(name="16b", title="file written anew meanwhile", size=8 * MIB, rate=MIB, script=edited, may_fail=True),
    Scenario(name="16c", title="no room (507)", size=6 * MIB, rate=MIB, script=disk_full, may_fail=True, limit=60),
    Scenario(
        name="16d",
        title="upload expired meanwhile",
        size=6 * MIB,
        rate=MIB,
        drive=expired,
        environment={"TUSVIDEO_LIMITS_EXPIRY_SECONDS": "2", "TUSVIDEO_STORAGE_SWEEP_SECONDS": "0.5"},
    ),
)
