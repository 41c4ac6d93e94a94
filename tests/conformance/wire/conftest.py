"""One server of our own for each of the settings, for all items together."""

from collections.abc import Iterator

import pytest

from tests.conformance.wire.houses import Houses


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Houses]:
    """The servers; when all is over their logs tell of no surprise."""
    with Houses(tmp_path_factory.mktemp("conformance")) as houses:
        yield houses
        logs = houses.logs()
    for log in logs.values():
        for word in ("Traceback", "request_failed"):
            assert word not in log, log[max(log.find(word) - 2000, 0) :][:4000]
