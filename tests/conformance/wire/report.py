"""What is printed: a table with a row for each level, and then a sentence for each failure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.conformance.wire.verdict import Level, Result, Verdict

ASKED = frozenset({Result.PASSED, Result.FAILED})
TITLES = {"tus": "tus 1.0.0", "ietf": "IETF resumable uploads"}


def suite_of(verdict: Verdict) -> str:
    """``tus`` or ``ietf``."""
    return "ietf" if verdict.id.isdigit() else "tus"


def tables(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Give the lines of the report."""
    for suite, title in TITLES.items():
        found = [verdict for verdict in verdicts if suite_of(verdict) == suite]
        if found:
            yield title
            yield from _table(found)
            yield ""
    yield from failures(verdicts)


def failures(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Give a line for each failure."""
    for verdict in verdicts:
        if verdict.result is Result.FAILED:
            yield f"{verdict.id} [{verdict.level}] {verdict.rule}"
            yield f"    {verdict.why}"


def reasons(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Give a line for each item that was not asked."""
    for verdict in verdicts:
        if verdict.result not in ASKED:
            yield f"{verdict.id} [{verdict.level}] {verdict.result}: {verdict.why}"


def score(verdicts: Iterable[Verdict], level: Level) -> str:
    """Passed of those that were asked, as ``40/42``; a dash when nothing was."""
    found = [verdict for verdict in verdicts if verdict.level is level and verdict.result in ASKED]
    passed = sum(verdict.result is Result.PASSED for verdict in found)
    return f"{passed}/{len(found)}" if found else "–"


def _table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    results = list(Result)
    yield "  ".join([f"{'':8}", *(f"{result.value:>16}" for result in results)])
    for level in (*Level, None):
        counts = Counter(verdict.result for verdict in verdicts if level in {None, verdict.level})
        name = "all" if level is None else level.value
        if counts:
            yield "  ".join([f"{name:8}", *(f"{counts[result]:>16}" for result in results)])
