"""The floors between the modules: that they hold, and that the rules would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


SCRIPT = """
import sys
sys.path[:0] = [".", "client"]
from importlinter.cli import lint_imports
sys.exit(lint_imports())
"""


def lint(folder: Path) -> tuple[int, str]:
    """Check the import contracts of the tree in a folder; the exit code and what was printed."""
    command = [sys.executable, "-I", "-c", SCRIPT]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The two packages and the contracts, to be spoiled."""
    ignore = shutil.ignore_patterns("__pycache__", "decisions")
    shutil.copytree(ROOT / "tusvideo", tmp_path / "tusvideo", ignore=ignore)
    shutil.copytree(ROOT / "client/tusvideo_client", tmp_path / "client/tusvideo_client", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_run_downward() -> None:
    """Every import in both packages keeps the contracts of pyproject.toml."""
    code, report = lint(ROOT)
    assert (code, report) == (0, report)


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        pytest.param("tusvideo/model.py", "import time", "tusvideo.model -> time", id="the model asks for the time"),
        pytest.param("tusvideo/protocol/tus.py", "import os", "tusvideo.protocol.tus -> os", id="a dialect does I/O"),
        pytest.param(
            "tusvideo/protocol/tus.py",
            "from tusvideo.protocol import chunk_api",
            "tusvideo.protocol.tus -> tusvideo.protocol.chunk_api",
            id="a dialect knows another",
        ),
        pytest.param(
            "tusvideo/ports.py",
            "from tusvideo import stores",
            "tusvideo.ports -> tusvideo.stores",
            id="an import runs upward",
        ),
        pytest.param(
            "tusvideo/stores/__init__.py",
            "import aiohttp",
            "aiohttp",
            id="a store knows HTTP",
        ),
        pytest.param(
            "tusvideo/wiring.py",
            "import tusvideo_client",
            "tusvideo.wiring -> tusvideo_client",
            id="the server knows the client",
        ),
        pytest.param(
            "client/tusvideo_client/wire.py",
            "import tusvideo",
            "tusvideo_client.wire -> tusvideo",
            id="the client knows the server",
        ),
        pytest.param("tusvideo/helpers.py", "", "tusvideo.helpers", id="a module has no floor"),
    ],
)
def test_a_wrong_import_is_named(copy: Path, module: str, line: str, complaint: str) -> None:
    """An import against the floors, planted in a copy, fails the check with the module's name."""
    with (copy / module).open("a") as file:
        file.write(f"\n{line}\n")
    code, report = lint(copy)
    assert code == 1
    assert complaint in report
