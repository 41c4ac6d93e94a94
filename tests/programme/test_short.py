"""The short form of ``make faults``: a little of every fault, and bugs planted to see that the harness sees."""

import time
from collections.abc import Iterator

import pytest

from tests.faults.programme.__main__ import clean, one_round
from tests.faults.programme.catalogue import FAULTS
from tests.faults.programme.rounds import Fault
from tests.faults.programme.servers import Zygote
from tests.faults.selftest.__main__ import CATCHERS, hunt

BUDGETS = {"F1": 4, "F1b": 3, "F2": 5, "F2r": 3, "F4": 60, "F4r": 40, "F6": 2, "F7": 4, "F14": 4, "F15": 1, "F16": 3}
"""Injections in one round, for the faults whose rounds would be long."""
BUGS = {
    "no fdatasync": "F2",
    "no directory sync": "F2",
    "answer before commit": "F1",
    "no fence": "F14",
    "HEAD shows uncommitted bytes": "F1",
}
"""The bugs that are caught in seconds; ``python -m tests.faults.selftest`` plants all nine."""
MOST_ROUNDS = 10
"""One is enough most times; on a slow disk other syncs may bring along for long what the bug leaves behind."""
BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Forks the servers of all tests here."""
    with Zygote() as one:
        yield one
    clean()


def possible(fault: Fault) -> Fault:
    """Give a fault that can be injected here; the test is skipped otherwise."""
    why = fault.why_not()
    if why is not None:
        pytest.skip(why)
    return fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_the_promise_holds(fault: Fault, zygote: Zygote) -> None:
    """Whatever is broken around the server: what it told stays true, and every upload can be finished."""
    seed = int(time.time())
    outcome = await one_round(possible(fault), zygote=zygote, seed=seed, budget=BUDGETS.get(fault.name, 0))
    assert outcome.violations == [], (
        f"again: python -m tests.faults.programme --only {fault.name} --seed {seed} --rounds 1"
    )
    assert outcome.count > 0


@pytest.mark.parametrize(("bug", "name"), BUGS.items(), ids=list(BUGS))
async def test_a_planted_bug_is_caught(bug: str, name: str, zygote: Zygote) -> None:
    """A server with the bug breaks its promise before long, and the oracle says so."""
    catch = await hunt(bug, possible(BY_NAME[name]), zygote=zygote, seed=1, rounds=MOST_ROUNDS)
    assert catch.seen


def test_every_bug_has_a_fault_that_must_catch_it() -> None:
    """All nine bugs that a server could be proud of are hunted."""
    assert len(CATCHERS) == 9
    assert {name for names in CATCHERS.values() for name in names} <= set(BY_NAME)
