"""The benchmark itself still works: our server and the floor, with very little to do."""

from pathlib import Path

import pytest

from tests.bench.__main__ import OURS, measure
from tests.bench.suite.catalogue import WORKS
from tests.bench.suite.report import Report
from tests.bench.suite.work import MIB, Sizes

TINY = Sizes(
    patch=9 * MIB,
    eighth=MIB,
    small_patches=2,
    chunk_uploads=1,
    chunks=2,
    creates=40,
    short_parts=2,
    long_parts=4,
    few_rows=10,
    many_rows=100,
    heads=10,
    appends=1,
    open_uploads=20,
)


@pytest.mark.parametrize("name", WORKS)
def test_a_work_measures_every_column_of_ours(name: str, tmp_path: Path) -> None:
    """Each work runs to its end, fails nowhere, and gives what its targets ask about us."""
    report = Report(machine={}, sizes=TINY, runs=1)

    measure(report, peers=OURS, works=[name], folder=tmp_path, minutes=1)

    figures = report.works[name]
    assert not figures.failed
    for target in WORKS[name].targets:
        assert figures.median(target.quantity, target.column) is not None
    assert WORKS[name].title in report.markdown()
    assert [path.name for path in tmp_path.iterdir()] == [], "its data is gone"
