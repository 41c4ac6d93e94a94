"""Lines reach their reader soon, whole and in order; a reader that is slow or gone costs lines and nothing else."""

import asyncio
import fcntl
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import pytest

from tusvideo.log import TextFormatter, event
from tusvideo.log_stream import MOST_HELD_BYTES, LogStream

LOGGER = logging.getLogger("tusvideo.of_this_test")
PIPE_BYTES = 2 * 4096


@dataclass
class Pipe:
    """Both ends of a small pipe; what is read is what was written until now."""

    reader: int
    stream: TextIO
    log: LogStream

    def read(self) -> str:
        """Give what is there."""
        found = b""
        while True:
            try:
                found += os.read(self.reader, 65_536)
            except BlockingIOError:
                return found.decode("ascii")


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A logger that writes into a pipe of two pages."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    stream = os.fdopen(writer, "w")
    log = LogStream(stream)
    log.setFormatter(TextFormatter())
    LOGGER.addHandler(log)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    yield Pipe(reader, stream, log)
    LOGGER.removeHandler(log)
    LOGGER.propagate = True
    stream.close()
    try:
        os.close(reader)
    except OSError:
        return


def names(text: str) -> list[str]:
    """Give the events of whole lines; anything else in between is a failure."""
    lines = text.splitlines(keepends=True)
    assert all(re.fullmatch(r"\d{4}-\S+Z [A-Z]+ \S+ [a-z0-9_]+( [a-z_]+=\S+)*\n", line) for line in lines), text
    return [line.split()[3] for line in lines]


async def test_lines_of_the_loop_are_there_after_a_turn(pipe: Pipe) -> None:
    """What is told within a turn of the loop is written together, in order, before the next one has passed."""
    event(LOGGER, logging.INFO, "first")
    event(LOGGER, logging.INFO, "second")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert names(pipe.read()) == ["first", "second"]
    event(LOGGER, logging.INFO, "third")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert names(pipe.read()) == ["third"]


async def test_a_warning_waits_for_nothing(pipe: Pipe) -> None:
    """What may be the last words of a process is written when it is told, after what was told before."""
    event(LOGGER, logging.INFO, "first")
    event(LOGGER, logging.WARNING, "second")
    assert names(pipe.read()) == ["first", "second"]


async def test_lines_outside_of_the_loop_wait_for_nothing(pipe: Pipe) -> None:
    """In other threads, as before and after the loop, a line is written when it is told, after those that were held."""
    event(LOGGER, logging.INFO, "first")
    await asyncio.to_thread(event, LOGGER, logging.INFO, "second")
    assert names(pipe.read()) == ["first", "second"]


async def test_every_loop_has_its_turns(pipe: Pipe) -> None:
    """A loop that ended holds back nothing of the next one."""

    async def tell(name: str) -> None:
        event(LOGGER, logging.INFO, name)

    await asyncio.to_thread(asyncio.run, tell("first"))
    await asyncio.to_thread(asyncio.run, tell("second"))
    await tell("third")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert names(pipe.read()) == ["first", "second", "third"]


async def test_a_reader_that_sleeps_holds_up_nobody(pipe: Pipe) -> None:
    """Lines beyond a bound are lost and counted; the others come whole and in order once somebody reads."""
    began = time.monotonic()
    count = 2 * MOST_HELD_BYTES // 60
    for number in range(count):
        event(LOGGER, logging.INFO, "told", number=number)
        if not number % 1000:
            await asyncio.sleep(0)
    assert time.monotonic() - began < 10, "nothing waited for the reader"
    text = ""
    while pipe.log._lines:
        text += pipe.read()
        pipe.log._locked_write(patience=0)
    text += pipe.read()
    numbers = [int(found) for found in re.findall(r" number=(\d+)\n", text)]
    lost = int(re.findall(r" WARNING tusvideo.log_stream log_lines_lost count=(\d+)\n", text)[0])
    assert numbers == list(range(len(numbers)))
    assert len(numbers) + lost == count
    assert lost
    assert set(names(text)) == {"told", "log_lines_lost"}
    event(LOGGER, logging.WARNING, "again")
    assert names(pipe.read()) == ["again"]


async def test_a_reader_that_sleeps_is_asked_again(pipe: Pipe) -> None:
    """What a full pipe could not take is written as soon as there is room, without another line."""
    event(LOGGER, logging.WARNING, "long", text="x" * 900)
    for _ in range(19):
        event(LOGGER, logging.WARNING, "told", text="y" * 900)
    text = pipe.read()
    async with asyncio.timeout(10):
        while text.count("\n") < 20:
            await asyncio.sleep(0.01)  # for the reader to see what came; the end is what is waited for
            text += pipe.read()
    assert names(text) == ["long", *["told"] * 19]


async def test_a_reader_that_left_is_not_missed(pipe: Pipe, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody reads any more: lines go nowhere, nothing is raised and nothing piles up."""
    os.close(pipe.reader)
    for _ in range(3):
        event(LOGGER, logging.INFO, "told")
        event(LOGGER, logging.WARNING, "told")
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not pipe.log._lines
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "end",
    ["raise SystemExit(3)", "raise ValueError('x')", "event(log, logging.ERROR, 'last'); os._exit(3)"],
    ids=["exit", "crash", "cut short"],
)
def test_the_last_lines_of_a_process_are_there(end: str) -> None:
    """A process that ends within the turn in which it told something, in whatever way of its own, has told it."""
    program = (
        "import asyncio, logging, os\n"
        "from tusvideo.log import configure_log, event\n"
        "async def main():\n"
        "    log = logging.getLogger('tusvideo.x')\n"
        "    event(log, logging.INFO, 'first', n=1)\n"
        "    event(log, logging.INFO, 'second', n=2)\n"
        f"    {end}\n"
        "configure_log(level='info', form='text')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode
    told = [line.split()[3] for line in done.stderr.splitlines() if re.match(r"\d{4}-\d\d-\d\dT", line)]
    assert told[:2] == ["first", "second"]
