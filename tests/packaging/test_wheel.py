"""What a user gets from the wheel: two packages, one command, and nothing of the workshop."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

import tusvideo

ROOT = Path(__file__).parents[2]
VERSION = tusvideo.__version__

pytestmark = pytest.mark.timeout(300)  # a first run fetches the runtime dependencies


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without any Python setting of this process and give back what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive and the wheel that was built from that archive."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel."""
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and its pinned dependencies; also the neutral folder to work in."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder / "venv", with_pip=True)
    pip = (folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", ROOT / "constraints.txt", cwd=folder)
    run(*pip, "--no-deps", wheel, cwd=folder)
    return folder


def test_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    """The wheel has no top-level name but the two import packages and its own metadata."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"tusvideo", "tusvideo_client", f"tusvideo-{VERSION}.dist-info"}
    assert not [name for name in names if "decisions" in name or "tests" in name or "page/src" in name]


def test_wheel_holds_what_the_packages_hold(wheel: Path) -> None:
    """Every source file, page and type marker of the two packages is in the wheel, and the licence."""
    packages = {"tusvideo": ROOT / "tusvideo", "tusvideo_client": ROOT / "client/tusvideo_client"}
    expected = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in packages.items()
        for path in folder.rglob("*")
        if path.is_file() and not {"decisions", "__pycache__", "src"} & set(path.relative_to(folder).parts)
    }
    assert {"tusvideo/page/static/upload/index.html", "tusvideo/page/static/upload/index.html.br"} <= expected
    assert {"tusvideo/py.typed", "tusvideo_client/py.typed"} <= expected
    assert expected | {f"tusvideo-{VERSION}.dist-info/licenses/LICENSE"} <= set(zipfile.ZipFile(wheel).namelist())


def test_source_archive_can_be_tested(dist: Path) -> None:
    """The source archive has what `make test` needs, and neither decisions nor anything that make made."""
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.split("/", 1)[1] for name in tar.getnames()}
    wanted = {"Makefile", "README.md", "LICENSE", "pyproject.toml", "constraints-dev.txt", "conf/nginx.conf"}
    assert wanted <= names
    assert {"tests/packaging/test_wheel.py", "tusvideo/page/src/package-lock.json"} <= names
    assert not [name for name in names if name.startswith((".venv", ".data", "tusvideo/decisions"))]


@pytest.mark.parametrize("name", ["client", "tests", "conf", "examples"])
def test_folders_of_the_repository_are_no_packages(clean: Path, name: str) -> None:
    """A name as common as `client` or `tests` is not taken in the user's environment."""
    done = subprocess.run(
        [clean / "venv/bin/python", "-c", f"import {name}"], cwd=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"ModuleNotFoundError: No module named '{name}'" in done.stderr


@pytest.mark.parametrize("name", ["tusvideo", "tusvideo_client"])
def test_packages_come_from_the_wheel(clean: Path, name: str) -> None:
    """Both packages are imported from the new environment, not from the source tree."""
    found = run(clean / "venv/bin/python", "-c", f"import {name}; print({name}.__file__)", cwd=clean)
    assert Path(found.strip()).is_relative_to(clean / "venv")


def test_constraints_satisfy_the_wheel(clean: Path) -> None:
    """constraints.txt names everything that the wheel asks for, in versions that it accepts."""
    assert run(clean / "venv/bin/python", "-m", "pip", "check", cwd=clean) == "No broken requirements found.\n"


def test_installed_version_is_that_of_the_source(clean: Path) -> None:
    """The metadata's version is the one in tusvideo/__init__.py."""
    script = "from importlib.metadata import version; print(version('tusvideo'))"
    assert run(clean / "venv/bin/python", "-c", script, cwd=clean).strip() == VERSION


@pytest.mark.parametrize(
    "command", [("tusvideo",), ("python", "-m", "tusvideo"), ("tusvideo", "serve"), ("tusvideo", "upload")]
)
def test_command_line_helps(clean: Path, command: tuple[str, ...]) -> None:
    """The command and its subcommands print their usage."""
    program, *rest = command
    assert "usage: " in run(clean / "venv/bin" / program, *rest, "--help", cwd=clean)


def test_installed_server_serves(clean: Path) -> None:
    """The installed command starts a server that says where it listens, answers, and stops on SIGTERM."""
    server = subprocess.Popen(
        [clean / "venv/bin/tusvideo", "serve", "--listen", "127.0.0.1:0", "--data-dir", clean / "data"],
        cwd=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            match = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
            assert match is not None, line
            with urllib.request.urlopen(f"{match[1]}/healthz", timeout=10) as answer:
                assert answer.status == 200
            page = urllib.request.Request(f"{match[1]}/", headers={"Accept": "text/html"})
            with urllib.request.urlopen(page, timeout=10) as answer:
                assert answer.read().startswith(b"<!doctype html>")
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=10) == 0
        finally:
            server.kill()
    shutil.rmtree(clean / "data")
