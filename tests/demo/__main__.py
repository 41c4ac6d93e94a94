"""``make demo``: a real video goes up through a link that is cut again and again, and comes out whole.

Both protocols, each with at least five cuts, one kill -9 of the server and one kill -9 of the client, which is then
simply run again. What is compared is the file in the user's folder on disk; what is counted are the body bytes that
crossed the link, whoever lost them afterwards. Fails when a byte differs or more bytes crossed than the promise allows.
"""

import argparse
import asyncio
import filecmp
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.faults.processes import ServerProcess, run_upload
from tests.faults.proxy import FaultProxy, seeded_faults
from tests.media.clip import make_mp4

MIB = 1024 * 1024
CUTS = 5
RATE = 8 * MIB
"""Bytes per second of the link: slow enough for kills to hit something."""
CLIENT_DIES_AT = 0.3
SERVER_DIES_AT = 0.6
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Promise:
    """How many bytes more than the file's may cross the link."""

    per_cut: int
    per_server_kill: int

    def allows(self, *, size: int, cuts: int, server_kills: int) -> int:
        """Give the bound for a run."""
        return size + cuts * self.per_cut + server_kills * self.per_server_kill


PROMISES = {
    "tus": Promise(per_cut=256 * 1024, per_server_kill=8 * MIB),
    "chunks": Promise(per_cut=MIB, per_server_kill=0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What happened to one upload."""

    protocol: str
    size: int
    cuts: int
    server_kills: int
    client_kills: int
    crossed: int
    allowed: int
    seconds: float
    landed: Path
    same: bool

    @property
    def kept(self) -> bool:
        """True when the promise was kept."""
        return self.same and self.crossed <= self.allowed and self.cuts >= CUTS

    def lines(self) -> list[str]:
        """Say it in words."""
        again = self.crossed - self.size
        verdict = "every byte the same" if self.same else "NOT THE SAME"
        return [
            f"{self.protocol}: {'ok' if self.kept else 'FAILED'}",
            f"  file         {self.size:>12,} bytes, in the user's folder as {self.landed.name}: {verdict}",
            f"  link         {self.cuts} cuts, and kill -9: server {self.server_kills}x, client {self.client_kills}x",
            f"  crossed      {self.crossed:>12,} body bytes (allowed: {self.allowed:,})",
            f"  sent twice   {again:>12,} bytes, {again / self.size:.2%} of the file (form fields included)",
            f"  time         {self.seconds:>12.1f} s at {RATE // MIB} MiB/s",
        ]


async def passed_by(client: asyncio.subprocess.Process, proxy: FaultProxy, body_bytes: int) -> None:
    """Wait until so many body bytes crossed. Raises RuntimeError with the client's words when it ends before."""
    passed = asyncio.ensure_future(proxy.passed(body_bytes))
    ended = asyncio.ensure_future(client.wait())
    await asyncio.wait({passed, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not passed.done():
        passed.cancel()
        _, errors = await client.communicate()
        message = f"the client ended early, with {client.returncode}\n{errors.decode()[-2000:]}"
        raise RuntimeError(message)


async def upload_once(protocol: str, *, folder: Path, size: int, seed: int) -> Report:
    """Send one video through the broken link and compare."""
    source = make_mp4(folder / f"holiday-{protocol}.mp4", size=size, seed=seed)
    data = folder / f"data-{protocol}"
    faults = seeded_faults(seed, count=CUTS, size=size)
    began = time.monotonic()
    async with (
        ServerProcess(data) as server,
        FaultProxy(("127.0.0.1", server.port), faults=faults, rate=RATE) as proxy,
    ):
        command = (str(source), "--to", proxy.url, "--protocol", protocol, "--json", "--retry-for", "120")
        client = await run_upload(*command, state_dir=folder / "state")
        await passed_by(client, proxy, int(size * CLIENT_DIES_AT))
        client.kill()
        await client.communicate()
        client = await run_upload(*command, state_dir=folder / "state")
        await passed_by(client, proxy, int(size * SERVER_DIES_AT))
        await server.kill()
        await server.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, errors = await client.communicate()
        if client.returncode != 0:
            message = f"{protocol}: the client ended with {client.returncode}\n{errors.decode()[-2000:]}"
            raise RuntimeError(message)
        result = json.loads(out.splitlines()[-1])["files"][0]
        landed = data / unquote(urlsplit(result["url"]).path).lstrip("/")
        # A cut ends a connection, and so does each kill: they all cost what was on its way.
        cuts = proxy.cuts
        return Report(
            protocol=protocol,
            size=size,
            cuts=cuts,
            server_kills=1,
            client_kills=1,
            crossed=proxy.body_bytes,
            allowed=PROMISES[protocol].allows(size=size, cuts=cuts, server_kills=1),
            seconds=time.monotonic() - began,
            landed=landed,
            same=landed.is_file() and filecmp.cmp(source, landed, shallow=False),
        )


async def main(arguments: argparse.Namespace) -> int:
    """Run both protocols, one after the other."""
    with tempfile.TemporaryDirectory(prefix="tusvideo-demo-") as name:
        kept = True
        for protocol in PROMISES:
            report = await upload_once(protocol, folder=Path(name), size=arguments.size, seed=arguments.seed)
            print(*report.lines(), sep="\n", flush=True)
            kept = kept and report.kept
    return 0 if kept else 1


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--size", type=int, default=24 * MIB, help="bytes of the video (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=2, help="where the link breaks (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse(sys.argv[1:]))))
