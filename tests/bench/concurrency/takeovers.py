"""Taking over: how soon a newcomer writes where another transfer is stalled, half-open, or still at work."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Sequence
from typing import Final

from tests.bench.concurrency.figure import Figure, milliseconds
from tests.bench.concurrency.uploads import HALF, SIZES, Begun, begin, vanish, why_not_vanish
from tests.e2e import tus
from tests.faults.processes import ServerProcess
from tests.web.wire import Answer, connect

TAKEOVER_MS: Final = 1000
QUESTION_MS: Final = 100
SILENT_SECONDS: Final = 5.0
TIMES: Final = 100
RACERS: Final = 20
RACES: Final = 50
RACE_BYTES: Final = 200_000
LIVE_BYTES: Final = 400_000_000
SEND_SECONDS: Final = 60.0
LIVE_TIMES: Final = 5
PAUSE_SECONDS: Final = 0.02


async def takeovers(server: ServerProcess) -> Sequence[Figure]:
    """PATCH and DELETE against a transfer whose client fell silent, or is gone without a word."""
    found = []
    why = why_not_vanish()
    for kind in ("stalled", "half-open"):
        if kind == "half-open" and why is not None:
            print(f"SKIPPED half-open transfers: {why}")
            continue
        for verb in ("PATCH", "DELETE"):
            took = [await _taken_over(server, number, kind=kind, verb=verb) for number in range(TIMES)]
            found.append(milliseconds(f"{verb} takes over a {kind} transfer", took, share=0.99, most=TAKEOVER_MS))
    return found


async def _taken_over(server: ServerProcess, number: int, *, kind: str, verb: str) -> float:
    old = await begin(server, size=SIZES[number % len(SIZES)], name=f"{kind}-{verb}-{number}.bin")
    if kind == "half-open":
        vanish(old.wire)
    begun = time.monotonic()
    if verb == "DELETE":
        answer = await tus.delete(server.port, old.path)
    else:
        answer = await tus.patch(server.port, old.path, at=old.stored, body=old.data[old.stored :])
    seconds = time.monotonic() - begun
    if answer.status != 204:
        raise RuntimeError(f"{verb} of a {kind} transfer was answered {answer.status}")
    await old.wire.close()
    return seconds


async def questions_take_over(server: ServerProcess) -> Sequence[Figure]:
    """HEAD of transfers that have been silent for five seconds, and the PATCH that goes on from its answer."""
    olds = [await begin(server, size=SIZES[number % len(SIZES)], name=f"s-{number}.bin") for number in range(TIMES)]
    await asyncio.sleep(SILENT_SECONDS + 0.2)
    asked, gone_on = list[float](), list[float]()
    for old in olds:
        ended = asyncio.create_task(old.wire.answer(method="PATCH"))
        begun = time.monotonic()
        offset = await tus.offset(server.port, old.path)
        told = await ended
        asked.append(time.monotonic() - begun)
        if (offset, told.status) != (old.stored, 423):
            raise RuntimeError(f"HEAD told {offset} of {old.stored}, the silent PATCH was answered {told.status}")
        answer = await tus.patch(server.port, old.path, at=offset, body=old.data[offset:])
        gone_on.append(time.monotonic() - begun)
        if answer.status != 204:
            raise RuntimeError(f"PATCH after HEAD was answered {answer.status}")
        await old.wire.close()
    what = "HEAD ends a transfer silent for 5 s"
    return [
        milliseconds(what, asked, share=0.99, most=TAKEOVER_MS),
        milliseconds(f"{what}, and PATCH goes on", gone_on, share=0.99, most=TAKEOVER_MS),
    ]


async def questions_beside(server: ServerProcess) -> Sequence[Figure]:
    """HEAD of one upload again and again while it grows as fast as it can; the transfer must come to its end."""
    took = [seconds for number in range(LIVE_TIMES) for seconds in await _asked_beside(server, f"live-{number}.bin")]
    return [milliseconds("HEAD of a live transfer", took, share=0.99, most=QUESTION_MS, note="none was stopped")]


async def _asked_beside(server: ServerProcess, name: str) -> Sequence[float]:
    live = await begin(server, size=HALF + LIVE_BYTES, name=name)
    sending = asyncio.create_task(_send(live))
    took, told = list[float](), [live.stored]
    wire = await connect(server.port)
    while not sending.done():
        begun = time.monotonic()
        answer = await wire.ask(f"HEAD {live.path} HTTP/1.1", tus.TUS)
        if answer.status != 423:  # the last bytes came, and it is being published
            took.append(time.monotonic() - begun)
            told.append(int(answer.headers["Upload-Offset"]))
        await asyncio.sleep(PAUSE_SECONDS)
    await wire.close()
    status = (await sending).status
    if status != 204 or told != sorted(told):
        raise RuntimeError(f"the live transfer was answered {status}; offsets that were told: {told}")
    await live.wire.close()
    await tus.delete(server.port, live.path)
    return took


async def _send(old: Begun) -> Answer:
    """Send the rest from a thread, so that questions do not wait for it in this process."""
    with socket.socket(fileno=os.dup(old.wire.writer.get_extra_info("socket").fileno())) as plug:
        plug.settimeout(SEND_SECONDS)
        await asyncio.to_thread(plug.sendall, memoryview(old.data)[old.stored :])
    return await old.wire.answer(method="PATCH")


async def races(server: ServerProcess) -> Sequence[Figure]:
    """Twenty PATCHes at one offset, each of its own bytes: exactly one of them advances the upload."""
    right, losers = 0, list[float]()
    path = await tus.create(server.port, RACES * RACE_BYTES + 1)
    at = 0
    for _ in range(RACES):
        won = list[int]()

        async def write(letter: int, start: int, won: list[int] = won) -> None:
            begun = time.monotonic()
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                answer = await tus.patch(server.port, path, at=start, body=bytes([letter]) * RACE_BYTES)
                if answer.status == 204:
                    won.append(letter)
                elif answer.status not in {409, 423}:
                    raise RuntimeError(f"a PATCH of a race was answered {answer.status}")
                else:
                    losers.append(time.monotonic() - begun)

        await asyncio.gather(*(write(letter, at) for letter in range(1, RACERS + 1)))
        after = await tus.offset(server.port, path)
        staged = (server.data_dir / "staging" / os.path.basename(path)).read_bytes()[at:after]  # noqa: PTH119  # no path
        letters = sorted(set(staged))
        right += after > at and len(letters) == 1 and won in ([], letters)
        at = after
    await tus.delete(server.port, path)
    return [
        Figure(
            what=f"races of {RACERS} PATCHes in which exactly one advances",
            value=100 * right / RACES,
            unit="%",
            least=100,
            note=f"{RACES} races; the slowest loser was answered after {max(losers) * 1000:.0f} ms",
        )
    ]
