"""conf/tusvideo.service: valid for systemd, and its command line is one that tusvideo understands."""

import configparser
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conf.conftest import ROOT, serving

UNIT = ROOT / "conf/tusvideo.service"
PROGRAM = "/opt/tusvideo/bin/tusvideo"


@pytest.fixture
def service() -> configparser.SectionProxy:
    """The section [Service] of the unit."""
    unit = configparser.RawConfigParser(comment_prefixes=("#",), delimiters=("=",), interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read(UNIT)
    return unit["Service"]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing: apt-get install systemd"
)
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Systemd finds nothing to say about the unit; only the program's path is one that exists here."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, "/bin/true"))
    command: list[str | Path] = ["systemd-analyze", "verify", "--man=no", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_command_line_starts_a_server(service: configparser.SectionProxy, tmp_path: Path) -> None:
    """The unit's command line, with the configuration of conf/, serves and stops in the time that the unit gives it."""
    program, command, *arguments = shlex.split(service["ExecStart"])
    assert (program, command) == (PROGRAM, "serve")
    instead = {
        "/etc/tusvideo/tusvideo.toml": str(ROOT / "conf/tusvideo.toml"),
        "127.0.0.1:8080": "127.0.0.1:0",
        "/var/lib/tusvideo": str(tmp_path / "data"),
    }
    assert set(instead) <= set(arguments)
    with serving(*(instead.get(argument, argument) for argument in arguments)) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=float(service["TimeoutStopSec"])) == 0


def test_data_folder_is_the_one_that_systemd_makes(service: configparser.SectionProxy) -> None:
    """The only folder that the sandbox leaves writable is the one that the command line names."""
    arguments = shlex.split(service["ExecStart"])
    assert arguments[arguments.index("--data-dir") + 1] == f"/var/lib/{service['StateDirectory']}"
    assert service["ProtectSystem"] == "strict"


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param('[server]\nlisten = 7\nno_such_option = "x"\n', id="wrong option"),
        pytest.param("[server\n", id="not TOML"),
    ],
)
def test_mistake_in_the_configuration_is_not_tried_again(
    service: configparser.SectionProxy, tmp_path: Path, mistake: str
) -> None:
    """A configuration that cannot work ends with the exit code after which systemd leaves the service alone."""
    config = tmp_path / "tusvideo.toml"
    config.write_text(mistake)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "tusvideo",
        "serve",
        "--config",
        config,
        "--data-dir",
        tmp_path / "data",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == int(service["RestartPreventExitStatus"])
    assert str(config) in done.stderr
