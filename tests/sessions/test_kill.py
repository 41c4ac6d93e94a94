"""kill -9 at any moment: what was acknowledged is there when the table is opened again."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.sessions.samples import ANNA, a_part, a_video, an_upload, upload_id
from tests.sessions.table import OpenTable
from tusvideo.model import Status

ROOT = Path(__file__).parents[2]
COMMITTER = Path(__file__).with_name("committer.py")
STEPS = ("added", "saved", "part", "complete")


def _committed_until_killed(path: Path, *, lines: int) -> tuple[str, int]:
    """Let a process commit and kill it after so many lines; give the last thing it said."""
    with subprocess.Popen(
        [sys.executable, COMMITTER, path], stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.read().splitlines(keepends=True)
    whole = [line for line in said if line.endswith("\n")]
    step, number = whole[-1].split()
    return step, int(number)


@pytest.mark.parametrize("seed", range(6))
async def test_what_was_said_is_there(path: Path, seed: int, open_table: OpenTable) -> None:
    """Every commit that the killed process told of is found, none is found half, and the table takes new rows."""
    lines = random.Random(seed).randint(1, 400)
    step, last = _committed_until_killed(path, lines=lines)
    sessions = await open_table(path)
    for number in range(1, last + 1):
        row = await sessions.get(upload_id(number))
        assert row is not None
        reached = STEPS.index(step) if number == last else len(STEPS) - 1
        if reached >= STEPS.index("saved"):
            assert row.offset == number
        if reached >= STEPS.index("part"):
            assert await sessions.parts(row.id) == (a_part(5),)
        if reached >= STEPS.index("complete"):
            assert row.status is Status.COMPLETE
        assert row.parts_stored == len(await sessions.parts(row.id))
        record = await sessions.video(ANNA, a_video(number).id)
        assert (record is not None) == (row.status is Status.COMPLETE)
    new = await sessions.add(an_upload(last + 2))
    assert await sessions.get(new.id) == new
    await sessions.close()
