"""The short form of ``make bench-client``: our client alone, every scenario once, and only what must always hold."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from time import time

import pytest

from tests.bench.client.catalogue import SCENARIOS
from tests.bench.client.contestants import CHUNKS, OURS, Contestant
from tests.bench.client.run import KIB, MIB, Figures, Scenario, run_once
from tests.faults.programme.servers import Zygote

SIDE_BY_SIDE = 8
PER_CUT = 512 * KIB
"""What a cut may cost: 256 KiB, and what is under way on a link with the buffers of this one."""
SIZES = {"6": 240 * KIB, "7b": 512 * KIB, "10": 6 * MIB}
RATES = {"6": 8.0 * KIB, "7b": 512.0 * KIB}
OVER_CHUNKS = ("2", "4", "6", "11c", "14")
LONGER = {
    "0": "it tells only what it costs",
    "0s": "as 0",
    "0r": "nothing happens in it",
    "1": "2 is the same in fewer bytes",
    "5": "4 is the same for the client",
    "7a": "it takes its time by design",
    "7c": "as 7a",
    "12a": "it is about bytes sent twice in a long upload",
    "12c": "as 7a",
}
"""Scenarios that only the long form has, and why."""
UNBOUNDED = {
    "9": "what a killed server may forget is its own promise",
    "10": "as 9, and the client is killed",
    "12b": "what a proxy refused had been sent",
    "15": "what comes late collides with what was sent for it meanwhile, as often as the machine lets it",
    "16a": "what came damaged is sent again",
    "16d": "the upload is gone, and all of it is sent again",
}
"""Scenarios that bound no bytes sent twice, and why."""

Result = Figures | Exception


def shortened(scenario: Scenario) -> Scenario:
    """Give a scenario with a small file on a quick link."""
    name = scenario.name
    size, rate = SIZES.get(name, 3 * MIB), RATES.get(name, 4.0 * MIB)
    return replace(scenario, size=size, rate=rate, limit=60, delay=min(scenario.delay, 0.5))


CASES = [
    (shortened(scenario), contestant)
    for scenario in SCENARIOS
    for contestant in (OURS, CHUNKS)
    if scenario.name not in LONGER
    and scenario.takes(contestant)
    and (contestant is OURS or scenario.name in OVER_CHUNKS)
]
NAMES = [f"{scenario.name} {contestant.name}" for scenario, contestant in CASES]
SEED = int(time())


async def run_all(zygote: Zygote) -> dict[str, Result]:
    """Run every case, several side by side, because most of the time they wait."""
    gate = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(scenario: Scenario, contestant: Contestant) -> Figures:
        async with gate:
            return await run_once(scenario, contestant, seed=SEED, zygote=zygote, is_short=True)

    going = {name: case for name, case in zip(NAMES, CASES, strict=True) if case[0].why_not() is None}
    results = await asyncio.gather(*(one(*case) for case in going.values()), return_exceptions=True)
    for result in results:
        if not isinstance(result, Exception | Figures):
            raise result
    return {
        name: result for name, result in zip(going, results, strict=True) if isinstance(result, Exception | Figures)
    }


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, Result]]:
    """What came of every case that can be run here."""
    with Zygote() as zygote:
        yield asyncio.run(run_all(zygote))


@pytest.mark.parametrize(("scenario", "contestant"), CASES, ids=NAMES)
def test_ends_well(scenario: Scenario, contestant: Contestant, results: dict[str, Result]) -> None:
    """The file is there, equal and once; or it cannot be and that is said. Nothing is given up that still moved."""
    if (why := scenario.why_not()) is not None:
        pytest.skip(why)
    figures = results[f"{scenario.name} {contestant.name}"]
    if isinstance(figures, Exception):
        raise figures
    assert figures.whole, f"seed {SEED}: {figures.note}"
    assert figures.created == 1 or (scenario.may_fail and figures.exit_code != 0)
    assert figures.restarts == 0 or scenario.name == "16d"
    forms = max(1, scenario.size // MIB) * KIB if contestant is CHUNKS else 0  # what is around the chunks
    if scenario.name in {"6", "7b"}:
        assert figures.given_up == 0
        assert figures.resent is not None
        assert 0 <= figures.resent * scenario.size <= forms
    elif scenario.name not in UNBOUNDED:
        assert figures.resent is not None
        per_cut = MIB if contestant is CHUNKS else PER_CUT
        assert figures.resent * scenario.size <= max(figures.cuts, 1) * per_cut + forms
