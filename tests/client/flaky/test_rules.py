"""The server for users' tests, told nothing, keeps the rules of tus: those of them that MUST and SHOULD hold."""

import pytest

from tests.conformance.wire import run
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import Level, Result
from tusvideo_client.testing import FlakyServer

STRICT = {Level.MUST, Level.SHOULD}
CHECKS = [check for check in run.chosen(("tus",)) if check.level in STRICT and not check.inside]


@pytest.mark.timeout(60)
def test_the_rules_of_tus() -> None:
    """What fails against this server is the script's fault: it is asked over raw sockets, rule by rule."""
    with FlakyServer() as server:
        target = Target(url=server.tus_url)
        target.discover()
        verdicts = list(run.ask_all(CHECKS, lambda _: target))
    failed = [f"{verdict.id} {verdict.rule} {verdict.why}" for verdict in verdicts if verdict.result is Result.FAILED]
    assert failed == []
    assert sum(verdict.result is Result.PASSED for verdict in verdicts) > 80
