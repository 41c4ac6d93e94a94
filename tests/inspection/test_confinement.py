"""What the process that reads a video may not do, and that its parent outlives whatever becomes of it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inspection.conftest import Examine
from tests.media.clip import CLIP
from tusvideo.media.inspector import MAX_TOLD, ChildInspector
from tusvideo.video import Fault, Inspection

CONFINED = """
import errno, os, socket, sys
from tusvideo.media.confine import confine, shut
confine(cpu_seconds=1, memory_bytes=300 << 20)
shut(highest=2)
try:
    {attempt}
except OSError as error:
    print(errno.errorcode[error.errno])
except MemoryError:
    print("MemoryError")
else:
    print("done")
"""


def attempted(attempt: str) -> subprocess.CompletedProcess[str]:
    """Try something in a confined process."""
    script = CONFINED.format(attempt=attempt)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        pytest.param("open('/etc/passwd')", "EMFILE", id="another file"),
        pytest.param("open('/dev/null', 'w')", "EMFILE", id="a device"),
        pytest.param("socket.socket()", "EMFILE", id="the network"),
        pytest.param("socket.socketpair()", "EMFILE", id="a pair of sockets"),
        pytest.param("os.pipe()", "EMFILE", id="a pipe"),
        pytest.param("os.dup(1)", "EMFILE", id="another descriptor"),
        pytest.param("bytearray(1 << 30)", "MemoryError", id="a gigabyte"),
        pytest.param("print(end='')", "done", id="what it has to tell"),
    ],
)
def test_what_it_may_not_do(attempt: str, outcome: str) -> None:
    """Each attempt fails, and telling does not."""
    done = attempted(attempt)
    assert done.stdout.split() == [outcome], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_it_may_not_take_longer_than_its_time() -> None:
    """A loop is ended by the system."""
    done = attempted("exec('while True: pass')")
    assert done.returncode < 0


def telling(script: str, *, seconds: float = 20.0) -> ChildInspector:
    """An inspector whose process runs a script instead."""
    return ChildInspector(command=(sys.executable, "-c", script), seconds=seconds)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Fault.BROKEN, id="SIGSEGV"),
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Fault.BROKEN, id="SIGKILL"),
        pytest.param("import sys; sys.exit(1)", Fault.BROKEN, id="an error"),
        pytest.param("", Fault.BROKEN, id="nothing told"),
        pytest.param(f"print('x' * {MAX_TOLD})", Fault.BROKEN, id="too much told"),
        pytest.param("while True: print('x' * 65536)", Fault.BROKEN, id="no end"),
        pytest.param('print(\'{"fault": "no_picture"}\'); raise SystemExit(3)', Fault.BROKEN, id="told, then died"),
        pytest.param('print(\'{"fault": "no_picture"}\')', Fault.NO_PICTURE, id="a fault told"),
    ],
)
async def test_whatever_becomes_of_it(examine: Examine, script: str, fault: Fault) -> None:
    """A process that dies, or tells nonsense, is a fault of the video; nothing is raised."""
    assert await examine(CLIP, inspector=telling(script)) == Inspection(fault=fault)


async def test_one_that_hangs_is_killed(examine: Examine, tmp_path: Path) -> None:
    """After its time it is gone, whatever it ignores."""
    note = tmp_path / "pid"
    script = (
        "import os, signal, time\n"
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)\n"
        f"open({str(note)!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)"
    )
    assert await examine(CLIP, inspector=telling(script, seconds=2.0)) == Inspection(fault=Fault.TOO_SLOW)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


async def test_one_whose_parent_stops_is_killed(examine: Examine, tmp_path: Path) -> None:
    """A cancelled inspection leaves no process behind."""
    note = tmp_path / "pid"
    os.mkfifo(note)
    script = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    task = asyncio.create_task(examine(CLIP, inspector=telling(script)))
    pid = int(await asyncio.to_thread(note.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_gets_one_file(examine: Examine) -> None:
    """Beside its file and where it tells, nothing that is open here is open there."""
    script = (
        "import json, os, sys\n"
        "def is_open(fd):\n"
        "    try: os.fstat(fd)\n"
        "    except OSError: return False\n"
        "    return True\n"
        "fds = [fd for fd in range(1000) if is_open(fd)]\n"
        "extra = set(fds) - {0, 1, 2, int(sys.argv[1])}\n"
        "print(json.dumps({'fault': 'gone' if extra else 'no_picture'}))"
    )
    assert await examine(CLIP, inspector=telling(script)) == Inspection(fault=Fault.NO_PICTURE)


async def test_it_inherits_no_secrets(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment of the server holds is not told to the process."""
    monkeypatch.setenv("TUSVIDEO_SECRET", "hunter2")
    script = (
        "import json, os; print(json.dumps({'fault': 'gone' if 'TUSVIDEO_SECRET' in os.environ else 'no_picture'}))"
    )
    assert await examine(CLIP, inspector=telling(script)) == Inspection(fault=Fault.NO_PICTURE)
