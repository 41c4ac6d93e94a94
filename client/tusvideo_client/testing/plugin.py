"""The pytest fixture ``flaky_server``.

Name this module in the ``conftest.py`` of the root of your tests::

pytest_plugins = ["tusvideo_client.testing.plugin"]
"""

import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import FlakyServer

HAS_FAILED = pytest.StashKey[bool]()
STATE_DIR = "TUSVIDEO_STATE_DIR"


@pytest.fixture
def flaky_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[FlakyServer]":
    """A :class:`tusvideo_client.testing.FlakyServer` that runs for one test, blocking or async.

    Uploads of the test are remembered in a folder of its own, if ``TUSVIDEO_STATE_DIR`` names none. A test that passed
    fails at its end if something that the server was told to do wrong did not happen.
    """
    from tusvideo_client.testing import FlakyServer  # noqa: PLC0415  # loads the HTTP library, for those who want it

    if STATE_DIR not in os.environ:
        monkeypatch.setenv(STATE_DIR, str(tmp_path_factory.mktemp("tusvideo-state")))
    with FlakyServer() as server:
        yield server
    if not request.node.stash.get(HAS_FAILED, False):  # the default
        server.assert_faults_happened()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what came to the server beside the failure of a test that used it."""
    report = yield
    server = getattr(item, "funcargs", {}).get("flaky_server")
    if report.when == "call" and not report.passed and server is not None:
        item.stash[HAS_FAILED] = True
        report.sections.append(("what came to the flaky server", server.log))
    return report
