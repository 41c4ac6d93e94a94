"""How late the event loop of a server is: ``python -m tests.bench.concurrency.lag serve …`` is ``tusvideo serve …``
with one task more, which wants to run every few milliseconds and writes down how much later it did."""

import array
import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

EVERY_SECONDS: Final = 0.005
AT_ONCE: Final = 40
"""So many values are written at once: five times a second."""
VARIABLE: Final = "TUSVIDEO_TEST_LAG"


def watch(path: Path) -> None:
    """Have the server of this process write how late its event loop is, in seconds, to a file."""
    import tusvideo.serving

    serve = tusvideo.serving.serve

    async def watched(config: Any) -> int:
        watching = asyncio.create_task(_write(path))
        try:
            return await serve(config)
        finally:
            watching.cancel()

    tusvideo.serving.serve = watched


async def _write(path: Path) -> None:
    loop = asyncio.get_running_loop()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    values = array.array("d")
    while True:
        begun = loop.time()
        await asyncio.sleep(EVERY_SECONDS)
        late = max(0.0, loop.time() - begun - EVERY_SECONDS)
        values.append(late)
        while (late := late - EVERY_SECONDS) > 0:
            values.append(late)  # what would have wanted to run meanwhile was late, too
        if len(values) >= AT_ONCE:
            os.write(file, values.tobytes())
            del values[:]


def lags(path: Path, *, since: int = 0) -> "array.array[float]":
    """Read what was written after the first ``since`` values."""
    values = array.array("d")
    values.frombytes(path.read_bytes()[since * values.itemsize :])
    return values


def main() -> int:
    """Run the command line of tusvideo, watched."""
    from tusvideo.__main__ import main as command

    watch(Path(os.environ[VARIABLE]))
    return command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
