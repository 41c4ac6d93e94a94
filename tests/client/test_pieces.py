"""How long one request is: the rule of checkpoints, as numbers."""

import math
from dataclasses import replace

import pytest

from tusvideo_client.pieces import (
    LARGEST,
    MIB,
    SMALLEST,
    Pace,
    after_fault,
    after_recount,
    after_stored,
    next_size,
)

NOW = 1000.0
LONG = Pace(fault_at=NOW)
ATOMIC = Pace(fault_at=NOW, is_atomic=True)


@pytest.mark.parametrize(
    ("rate", "size"),
    [
        pytest.param(None, LARGEST, id="nothing is known: as long as may be"),
        pytest.param(100.0 * MIB, LARGEST, id="a swift link: 64 MiB"),
        pytest.param(0.5 * MIB, 30 * MIB, id="a slower one: what takes a minute"),
        pytest.param(1000.0, SMALLEST, id="a very slow one: not below the smallest"),
    ],
)
def test_long_requests_where_the_server_keeps_what_arrived(rate: float | None, size: int) -> None:
    """One request takes at most a minute and at most 64 MiB."""
    assert next_size(replace(LONG, rate=rate), at=NOW) == size


@pytest.mark.parametrize(
    ("mbit", "between", "mib"),
    [(1, 20, 0.4), (1, 60, 0.7), (1, 300, 1.5), (20, 20, 8), (20, 60, 14), (20, 300, 31)],
)
def test_the_best_size_of_a_piece_that_counts_only_whole(mbit: float, between: float, mib: float) -> None:
    """Rate times the root of 2·delta·M, with a quarter of a second for each request."""
    pace = replace(ATOMIC, rate=mbit * 1e6 / 8, between_faults=between, at_most=LARGEST)
    assert next_size(pace, at=NOW) / MIB == pytest.approx(mib, rel=0.1)


def test_a_calm_counts_as_soon_as_it_lasts() -> None:
    """Without a fault for longer than usual the pieces grow."""
    pace = replace(ATOMIC, rate=MIB / 8, between_faults=20.0, at_most=LARGEST)
    assert next_size(pace, at=NOW + 500) == int(MIB / 8 * math.sqrt(0.5 * 500))


def test_a_lost_piece_halves_the_next_one_at_once() -> None:
    """Shrinking does not wait for an average; growing is at most twofold."""
    pace = replace(ATOMIC, rate=100.0 * MIB, at_most=8 * MIB)
    assert next_size(pace, at=NOW) == 8 * MIB
    pace = after_fault(pace, size=8 * MIB, at=NOW + 30)
    assert (next_size(pace, at=NOW + 30), pace.fault_at, pace.between_faults) == (4 * MIB, NOW + 30, 93.0)
    pace = after_stored(pace, size=4 * MIB, stored=4 * MIB, seconds=0.04)
    assert next_size(pace, at=NOW + 31) == 8 * MIB
    assert after_fault(pace, size=SMALLEST, at=NOW + 30).at_most == SMALLEST


def test_before_a_rate_is_known_pieces_begin_small() -> None:
    """The first piece that counts only whole is 1 MiB."""
    assert next_size(ATOMIC, at=NOW) == MIB


def test_the_rate_is_that_of_stored_bytes() -> None:
    """The first measure counts whole, later ones are smoothed; a request that stored nothing tells nothing."""
    pace = after_stored(LONG, size=MIB, stored=MIB, seconds=2.0)
    assert pace.rate == MIB / 2
    pace = after_stored(pace, size=MIB, stored=MIB, seconds=1.0)
    assert pace.rate == pytest.approx(MIB * 0.65)
    assert after_stored(pace, size=MIB, stored=0, seconds=1.0) is pace
    assert after_stored(LONG, size=MIB, stored=MIB, seconds=0.0).rate == MIB * 1000


@pytest.mark.parametrize(
    ("ceiling", "size"),
    [(10 * MIB, 10 * MIB), (10 * MIB + 5, 10 * MIB + 5), (1000, 1000), (2 * LARGEST, LARGEST)],
)
def test_what_the_server_announced_is_kept(ceiling: int, size: int) -> None:
    """The ceiling is never passed, also where it lies below the smallest piece."""
    assert next_size(LONG, at=NOW, ceiling=ceiling) == size


def test_a_proxy_that_buffers_is_found_out_at_the_second_cut() -> None:
    """Twice less than half of what the peer acknowledged was stored: from then on pieces count only whole."""
    once = after_recount(LONG, acked=10 * MIB, stored=MIB)
    assert (once.suspicions, once.is_atomic) == (1, False)
    twice = after_recount(once, acked=10 * MIB, stored=0)
    assert twice.is_atomic
    assert after_recount(twice, acked=MIB, stored=MIB).is_atomic


def test_the_first_suspicion_makes_requests_short_until_a_cut_clears_it() -> None:
    """A long request would be lost as a whole; one that is stored proves nothing, and the next is longer."""
    once = after_recount(replace(LONG, at_most=32 * MIB), acked=8 * MIB, stored=0)
    assert next_size(once, at=NOW) == 2 * MIB
    stored = after_stored(once, size=2 * MIB, stored=2 * MIB, seconds=1.0)
    assert next_size(stored, at=NOW) == 4 * MIB
    assert next_size(after_recount(stored, acked=MIB, stored=MIB), at=NOW) == LARGEST
    assert after_recount(LONG, acked=SMALLEST, stored=0).at_most == SMALLEST


@pytest.mark.parametrize(
    ("acked", "stored", "suspicions"),
    [
        pytest.param(MIB, MIB // 2, 0, id="half of it: forgiven"),
        pytest.param(SMALLEST - 1, 0, 1, id="too little to tell"),
    ],
)
def test_an_ordinary_cut_is_no_proxy(acked: int, stored: int, suspicions: int) -> None:
    """What was under way is lost at every cut."""
    assert after_recount(replace(LONG, suspicions=1), acked=acked, stored=stored).suspicions == suspicions
    assert after_stored(replace(LONG, suspicions=1), size=MIB, stored=MIB, seconds=1.0).suspicions == 1
