"""The fixture ``flaky_server`` in a project of a user: what it gives, what it shows of a failure, what it costs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "client"
CONFTEST = 'pytest_plugins = ["tusvideo_client.testing.plugin"]\n'
GOOD = """
import asyncio, os, urllib.request
import pytest
from tusvideo_client import AsyncUploader, Uploader

def test_blocking(flaky_server, tmp_path):
    assert str(tmp_path.parent) in os.environ["TUSVIDEO_STATE_DIR"]
    flaky_server.cut(after_bytes=1000)
    with Uploader(flaky_server.url) as uploader:
        uploader.upload(bytes(5000), name="a.txt")
    flaky_server.assert_holds(bytes(5000))

@pytest.mark.asyncio
async def test_async(flaky_server):
    async with AsyncUploader(flaky_server.url) as uploader:
        await uploader.upload(bytes(5000), name="a.txt")
    assert flaky_server.upload.offset == 5000

def test_any_client(flaky_server):
    assert flaky_server.uploads == []
    with urllib.request.urlopen(urllib.request.Request(flaky_server.tus_url, method="OPTIONS")) as answer:
        assert answer.status == 204

def test_forgiven(flaky_server):
    flaky_server.cut(after_bytes=1)
    flaky_server.forgive()
"""
BAD = """
import urllib.error, urllib.request
import pytest

def test_assertion(flaky_server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(flaky_server.url + "/nowhere")
    caught.value.close()
    flaky_server.cut(after_bytes=7)
    assert flaky_server.repeated == 1

def test_without_occasion(flaky_server):
    flaky_server.cut(after_bytes=8)

def test_skipped(flaky_server):
    flaky_server.cut(after_bytes=9)
    pytest.skip("not today")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with tests of a user, who names the plugin in the conftest.py of the root."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    return tmp_path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the client's package and without the server's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TUSVIDEO"))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=env | {"PYTHONPATH": str(CLIENT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def run_tests(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with warnings as errors, and with no plug-in but those that are named."""
    plugins = ("-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin")
    options = ("-W", "error", "-c", os.devnull, "--rootdir", ".", "-o", "asyncio_default_fixture_loop_scope=function")
    return python(folder, "-m", "pytest", *plugins, *options, "-q", *words)


def test_it_serves_blocking_and_async_tests(project: Path) -> None:
    """One line in conftest.py gives the fixture; each test has a server of its own, and nothing is left that warns."""
    (project / "test_good.py").write_text(GOOD)
    done = run_tests(project)
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_a_failure_shows_what_came(project: Path) -> None:
    """The requests stand beside the failure. A test that passed without the occasion to fail is an error; no other."""
    (project / "test_bad.py").write_text(BAD)
    done = run_tests(project)
    assert "1 failed, 1 passed, 1 skipped, 1 error" in done.stdout, done.stdout + done.stderr
    assert "what came to the flaky server" in done.stdout
    assert "1  GET     /nowhere  -> 404" in done.stdout
    assert "never happened: connection cut after 8 bytes" in done.stdout
    assert "connection cut after 9 bytes" not in done.stdout


def test_the_example_passes() -> None:
    """The example that users are given: tests of a script, which runs as a process of its own."""
    done = run_tests(CLIENT / "examples", "test_upload_script.py")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["tusvideo_client.testing.plugin", "tusvideo_client.testing"])
def test_unused_it_loads_no_http_library(name: str, tmp_path: Path) -> None:
    """The plugin costs a test run nothing before the first test that takes the fixture."""
    script = f"import {name}, sys; print(sorted({{'aiohttp', 'tusvideo'}} & set(sys.modules)))"
    done = python(tmp_path, "-c", script)
    assert done.stdout == "[]\n", done.stderr


def test_without_pytest_the_server_is_there(tmp_path: Path) -> None:
    """Who tests with something else uses the server by hand; its home needs no pytest."""
    script = """
import sys
sys.modules["pytest"] = None
from tusvideo_client.testing import FlakyServer, Fault, Request, Upload
with FlakyServer() as server:
    print(server)
try:
    from tusvideo_client.testing import Nothing
except ImportError as error:
    print(error)
"""
    done = python(tmp_path, "-W", "error", "-c", script)
    assert done.stdout.startswith("<FlakyServer http://127.0.0.1:"), done.stderr
    assert "cannot import name 'Nothing'" in done.stdout
