"""Scenarios 6 to 10: links that are slow, uneven or lossy, names that are gone, and processes that are killed."""

import asyncio
import os
import shutil
import socket
import subprocess
from functools import cache

from tests.bench.client.link import can_swallow
from tests.bench.client.run import KIB, MIB, Run, Scenario

NAME = "uploads.test"
KILLS, FEW_KILLS = 50, 4


async def flips(run: Run) -> None:
    """The link is fast for some seconds, then slow, and so on."""
    while True:
        run.link.rate = 1250 * KIB
        await asyncio.sleep(run.chance.uniform(2, 4))  # so long it is fast
        run.link.rate = 12.5 * KIB
        await asyncio.sleep(run.chance.uniform(2, 4))  # and so long it is slow


async def lossy(run: Run) -> None:
    """One packet in twenty is lost on the way up."""
    run.link.lose_packets(0.05)


async def server_killed(run: Run) -> None:
    """The server is killed -9 in the middle of a body, and comes back after a while."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.link.shut()
    await run.server.kill()
    run.link.reset()
    await run.pause(4.0, 8.0, 12.0)
    await run.server.start()
    run.link.upstream = run.server.port
    run.link.open()
    run.link.healed()


async def client_killed(run: Run) -> None:
    """The client is killed -9 at random points, again and again, and simply run again."""
    kills = FEW_KILLS if run.is_short else KILLS
    for _ in range(kills):
        point = run.link.body_bytes + run.chance.randrange(1, run.size // kills)
        code = await run.client(until=run.link.passed(point))
        if code == 0:
            run.figures.exit_code = code
            return
    run.figures.exit_code = await run.client()


async def name_gone(run: Run) -> None:
    """The name of the server is unknown for a while, and then has an IPv6 address instead of its old one."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    hosts = run.folder.root / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    run.link.shut()
    run.link.reset()
    await run.pause(4.0, 7.0, 10.0)
    run.link.open(socket.AF_INET6)
    hosts.write_text(f"127.0.0.1 localhost\n::1 {NAME}\n")
    run.link.healed()


async def by_name(run: Run) -> None:
    """Start the client where /etc/hosts is a file of ours, and nobody else is asked for names."""
    hosts, servers = run.folder.root / "hosts", run.folder.root / "resolv.conf"
    hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    servers.write_text("nameserver 127.0.0.1\n")
    mounts = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    run.wrap = ("unshare", "-m", "sh", "-c", mounts, str(hosts), str(servers))
    run.url = f"http://{NAME}:{run.link.port}"
    run.figures.exit_code = await run.client()


def _no_filter() -> str | None:
    return None if can_swallow() else "the system lets no filter be attached to a socket (SO_ATTACH_FILTER)"


@cache
def _no_mounts() -> str | None:
    if os.geteuid() or shutil.which("unshare") is None:
        return "it takes root and unshare to give one process names of its own"
    done = subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True, text=True)
    return done.stderr.strip() or "unshare -m does not work here" if done.returncode else None


SLOW = (
    Scenario(name="6", title="64 kbit/s", size=480 * KIB, rate=8 * KIB, limit=240),
    Scenario(name="7a", title="10 Mbit/s <-> 100 kbit/s", size=12 * MIB, rate=1250 * KIB, script=flips, limit=150),
    Scenario(name="7b", title="2 s round trip", size=4 * MIB, rate=256 * KIB, delay=2.0, limit=150),
    Scenario(
        name="7c",
        title="5 % of the packets lost",
        size=8 * MIB,
        rate=MIB,
        script=lossy,
        limit=150,
        why_not=_no_filter,
    ),
    Scenario(
        name="8",
        title="name gone, v4 to v6",
        size=6 * MIB,
        rate=MIB,
        script=name_gone,
        drive=by_name,
        environment={"TUSVIDEO_SERVER_ALLOWED_HOSTS": NAME},
        limit=120,
        why_not=_no_mounts,
    ),
    Scenario(name="9", title="server killed, 4 to 12 s", size=6 * MIB, rate=MIB, script=server_killed, limit=120),
    Scenario(
        name="10",
        title=f"client killed {KILLS} times",
        size=32 * MIB,
        rate=8 * MIB,
        drive=client_killed,
        limit=400,
        share=0.1,
    ),
)
