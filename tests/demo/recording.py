"""``python -m tests.demo.recording``: what `tusvideo upload` tells over a link that goes down and comes back.

What is printed is what the command wrote, with the address of the run replaced. Fails when the file is not the same.
"""

import asyncio
import filecmp
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.faults.processes import ServerProcess
from tests.media.clip import make_mp4

MIB = 1024 * 1024
SIZE = 24 * MIB
RATE = "4M"
DOWN_SECONDS = 4.0
SHOWN_URL = "https://media.example.org"


class Link:
    """A way to a port of this machine that can be cut, and mended on the same port."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Reset what is open, and take no more."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {near_out, far_out}
        await asyncio.gather(_pump(near, far_out), _pump(far, near_out))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(64 * 1024):
            target.write(data)
            await target.drain()
        target.close()
    except ConnectionError:
        target.transport.abort()


@asynccontextmanager
async def linked(port: int) -> AsyncIterator[Link]:
    """A link until the block ends."""
    link = Link(port)
    await link.mend()
    try:
        yield link
    finally:
        link.cut()


async def record(folder: Path) -> tuple[list[str], bool]:
    """Upload a video while the link goes down once; gives what was shown, and whether the file came out the same."""
    source = make_mp4(folder / "holiday.mp4", size=SIZE)
    data = folder / "data"
    async with ServerProcess(data) as server, linked(server.port) as link:
        url = f"http://127.0.0.1:{link.port}"
        words = ("upload", source.name, "--to", url, "--limit-rate", RATE, "--progress", "plain")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tusvideo", *words),
            cwd=folder,
            env={"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'client'}", "TUSVIDEO_STATE_DIR": str(folder / "state")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        shown, is_cut = [], False
        async for line in process.stdout:
            text = line.decode().rstrip()
            shown.append(text.replace(url, SHOWN_URL))
            if not is_cut and "pct=4" in text:
                is_cut = True
                link.cut()
                await asyncio.sleep(DOWN_SECONDS)  # this is the time that the link is down
                await link.mend()
        await process.wait()
        landed = data / unquote(urlsplit(shown[-1]).path).lstrip("/")
        same = process.returncode == 0 and is_cut and landed.is_file() and filecmp.cmp(source, landed, shallow=False)
    return [f"$ tusvideo upload holiday.mp4 --to {SHOWN_URL} --limit-rate {RATE}", *shown], same


async def main() -> int:
    """Record once and print it."""
    with tempfile.TemporaryDirectory(prefix="tusvideo-recording-") as name:
        lines, same = await record(Path(name))
    print(*lines, sep="\n")
    print(f"(the file on the server: {'every byte the same' if same else 'NOT THE SAME'})", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
