"""Scenarios 0 to 5: a clean link, cuts, and silence."""

from tests.bench.client.run import MIB, Run, Scenario

RATE = 2 * MIB
SLOW = MIB // 2


async def resets(run: Run) -> None:
    """Reset every connection after a random number of bytes, every 20 s on average."""
    at = 0.0
    while (at := at + run.chance.expovariate(1 / (20 * SLOW))) < run.size:
        await run.link.passed(run.link.body_bytes + 1)  # a link that stands idle is not cut a second time
        await run.link.passed(int(at))
        run.link.reset()


async def closes(run: Run) -> None:
    """End the connection in an orderly way in the middle of a body, three times."""
    for at in sorted(run.chance.sample(range(MIB, run.size - MIB), 3)):
        await run.link.passed(at)
        run.link.close()


async def outage(run: Run) -> None:
    """Swallow every packet for a while, those of new connections included."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.link.hole(everything=True)
    run.outage += await run.pause(5.0, 12.0, 30.0)
    run.link.heal()


async def lost_route(run: Run) -> None:
    """Swallow every packet of the connections there are, for ever; new ones work."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.link.hole(everything=False)
    run.link.healed()


async def zero_window(run: Run) -> None:
    """Read no more from the connections there are; new ones work."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.link.stop_reading()
    run.link.healed()


CUTS = (
    Scenario(name="0", title="clean, no link between", size=512 * MIB, direct=True),
    Scenario(name="0s", title="clean, a small file", size=MIB, direct=True),
    Scenario(name="0r", title="clean at 512 KiB/s", size=16 * MIB, rate=SLOW, tells_overhead=True),
    Scenario(
        name="1",
        title="reset every 20 s at random",
        size=30 * MIB,
        rate=SLOW,
        limit=180,
        script=resets,
        tells_overhead=True,
    ),
    Scenario(
        name="2", title="closed in mid-body, 3 times", size=16 * MIB, rate=SLOW, script=closes, tells_overhead=True
    ),
    Scenario(
        name="3", title="no network, 5 to 30 s", size=8 * MIB, rate=SLOW, script=outage, limit=150, tells_overhead=True
    ),
    Scenario(name="4", title="dead connection", size=8 * MIB, rate=RATE, script=lost_route, limit=150),
    Scenario(name="5", title="zero window", size=8 * MIB, rate=RATE, script=zero_window, limit=150),
)
