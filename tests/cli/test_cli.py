"""The words of the command line, and what each command loads."""

import subprocess
import sys
from pathlib import Path

import pytest

import tusvideo
from tusvideo.__main__ import main
from tusvideo.cli import build_parser, given_flags
from tusvideo.config import FLAGS

HEAVY = ("aiohttp", "aiosqlite", "asyncio", "platformdirs")


WORDS = [["--help"], ["serve", "--help"], ["--version"], ["serve", "--listen", "x"], [], ["ls", "--help"]]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m tusvideo`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tusvideo", *words], capture_output=True, text=True, check=False, timeout=30
    )


def test_the_version_is_that_of_the_package() -> None:
    """``--version`` prints name and version on stdout."""
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tusvideo {tusvideo.__version__}\n", "")


@pytest.mark.parametrize("words", WORDS)
def test_words_that_start_nothing_load_nothing(words: list[str]) -> None:
    """Help, version and mistakes need neither web server, nor database; those of the server not even the client."""
    heavy = (*HEAVY, "tusvideo_client") if "serve" in words else HEAVY
    script = (
        "import sys\n"
        "from tusvideo.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"]])
def test_help_is_told_on_stdout(words: list[str]) -> None:
    """Asking for help is no mistake."""
    done = run(*words)
    assert done.returncode == 0
    assert "serve" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="nothing"),
        pytest.param(["sreve"], id="unknown command"),
        pytest.param(["serve", "--lisen", "127.0.0.1:1"], id="unknown flag"),
        pytest.param(["serve", "--list", "127.0.0.1:1"], id="shortened flag"),
        pytest.param(["serve", "--listen"], id="flag without its value"),
        pytest.param(["serve", "here"], id="one word too many"),
    ],
)
def test_words_that_make_no_sense_end_with_2(words: list[str]) -> None:
    """A mistake in the words is one line on stderr, which says where to read how it is meant."""
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("tusvideo")
    assert done.stderr.endswith("; try --help\n")


def test_all_mistakes_of_the_configuration_end_with_2(tmp_path: Path) -> None:
    """Every mistake is a line on stderr; nothing is started or made."""
    file = tmp_path / "c.toml"
    file.write_text('[limits]\nmax_chunks = 0\n[server]\nlisen = "x"\n')
    data = tmp_path / "data"
    done = run("serve", "--config", str(file), "--listen", "0.0.0.0:0", "--data-dir", str(data), "--log-level", "loud")
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first == "tusvideo: the configuration has 4 mistakes:"
    assert [line.strip().partition(": expected")[0] for line in rest] == [
        f"{file}: [limits] max_chunks",
        f"{file}: [server]",
        "--log-level",
        "--listen",
    ]
    assert not data.exists()


def test_every_flag_of_the_configuration_is_a_flag_of_serve() -> None:
    """What load_config takes from flags can be given, and what is not given is not passed on."""
    parser = build_parser(add_client_commands=None)
    assert given_flags(parser.parse_args(["serve"])) == {}
    words = [word for flag in FLAGS for word in ((flag,) if flag == "--insecure-anonymous" else (flag, "x"))]
    given = given_flags(parser.parse_args(["serve", *words]))
    assert set(given) == set(FLAGS)
    assert given["--insecure-anonymous"] == "true"


def test_one_mistake_is_called_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The heading counts."""
    assert main(["serve", "--listen", "8080"]) == 2
    assert capsys.readouterr().err.startswith("tusvideo: the configuration has a mistake:\n  --listen: expected ")
