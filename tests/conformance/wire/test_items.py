"""Every item of the two lists, asked of our own server; the id stands in the name of the test."""

import ast
import re
from pathlib import Path

import pytest

from tests.conformance.wire import run
from tests.conformance.wire.calls import lied
from tests.conformance.wire.catalogue import CHECKS, ELSEWHERE, Check
from tests.conformance.wire.houses import ROOT, Houses
from tests.conformance.wire.verdict import Failed, NotApplicable, Result

TUS = {
    "G": 12,
    "V": 10,
    "O": 11,
    "H": 15,
    "P": 24,
    "M": 9,
    "C": 20,
    "D": 19,
    "W": 14,
    "L": 16,
    "X": 13,
    "K": 20,
    "E": 12,
    "N": 36,
    "R": 10,
    "S": 40,
    "F": 18,
    "J": 30,
}
"""How many items each group of the list has."""
IETF = 115
ALL = sorted(CHECKS.values(), key=lambda check: run.sort_key(check.id))


@pytest.mark.parametrize("check", [pytest.param(check, id=check.id) for check in ALL])
def test_item(check: Check, houses: Houses) -> None:
    """What the item expects holds, and so do the invariants G-01 to G-12 after every answer on the way."""
    target = houses.target(check.house)
    target.violations.clear()
    verdict = run.ask(check, target)
    if verdict.result in {Result.NOT_ANNOUNCED, Result.NOT_APPLICABLE}:
        pytest.skip(f"{verdict.result}: {verdict.why}")
    assert verdict.result is Result.PASSED, f"{check.id} [{check.level}] {check.rule}\n{verdict.why}"
    assert not target.violations, target.violations


@pytest.mark.parametrize("check", [pytest.param(check, id=check.id) for check in ALL])
def test_item_can_fail(check: Check, houses: Houses) -> None:
    """An item whose answers are falsified fails: success for refusal and the other way round, without the fields."""
    target = houses.target(check.house)
    target.inside.revive()
    if run.refuse(check, target) is not None:
        pytest.skip("not announced")
    target.liar = lied
    try:
        with pytest.raises(Failed):
            check.ask(target)
    except NotApplicable as reason:
        pytest.skip(str(reason))
    finally:
        target.hang_up()
        target.liar = None
        target.violations.clear()
        target.memory.offsets.clear()
        target.memory.lengths.clear()


def test_no_item_is_missing() -> None:
    """Each id of the two lists is asked here, or named together with where it is."""
    wanted = {f"{group}-{number:02}" for group, count in TUS.items() for number in range(1, count + 1)}
    wanted |= {str(number) for number in range(1, IETF + 1)}
    assert wanted == {*CHECKS, *ELSEWHERE, *run.INVARIANTS}
    assert len(wanted) == 329 + IETF


def test_every_rule_is_one_sentence() -> None:
    """What an item expects is told in one sentence."""
    for check in ALL:
        assert re.fullmatch(r".{15,220}[.]", check.rule), (check.id, check.rule)


@pytest.mark.parametrize("item", [pytest.param(item, id=item.id) for item in ELSEWHERE.values() if item.tests])
def test_what_is_tested_elsewhere_is_there(item: object) -> None:
    """The tests that are named for an item exist."""
    from tests.conformance.wire.catalogue import Elsewhere

    assert isinstance(item, Elsewhere)
    for name in item.tests:
        place, _, function = name.partition("::")
        path = ROOT / place
        assert path.exists(), name
        if function:
            assert function in _functions(path), name


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
