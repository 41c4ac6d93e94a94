"""`completion`: real shells complete what the parser takes; nothing that speaks HTTP is loaded for it."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.processes import environment
from tusvideo.cli import build_parser
from tusvideo_client.cli import add_commands
from tusvideo_client.commands import vocabulary
from tusvideo_client.commands.completion import SCRIPTS


def shell(name: str) -> pytest.MarkDecorator:
    """A mark that skips where a shell is not installed."""
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed: apt-get install {name}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the scripts of `tusvideo`, a file to complete, and a `tusvideo` that remembers two uploads."""
    words = vocabulary.of_parser(build_parser(add_client_commands=add_commands))
    for name, script in SCRIPTS.items():
        (tmp_path / f"completion.{name}").write_text(script(words))
    (tmp_path / "talk.mp4").touch()
    program = tmp_path / "tusvideo"
    program.write_text("#!/bin/sh\n[ \"$1\" = ls ] && printf 'ID  SIZE\\n0123abcd  1\\n89abcdef  2\\n'\n")
    program.chmod(0o755)
    return tmp_path


def run_shell(folder: Path, *words: str) -> list[str]:
    """What a shell prints, line by line; what it complains about is a failure."""
    done = subprocess.run(
        words,
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split("\n")[:-1]


CASES = [
    (("",), {"upload", "resume", "completion", "serve", "fsck"}, {"talk.mp4"}),
    (("up",), {"upload"}, {"ls"}),
    (("upload", "--pro"), {"--profile", "--protocol", "--progress"}, {"--to"}),
    (("upload", "--protocol", ""), {"auto", "tus", "ietf", "chunks"}, {"--to", "talk.mp4"}),
    (("resume", ""), {"0123abcd", "89abcdef"}, {"upload"}),
    (("rm", "0"), {"0123abcd"}, {"89abcdef"}),
    (("completion", ""), {"bash", "zsh", "fish"}, {"talk.mp4"}),
    (("serve", "--l"), {"--listen", "--log-level"}, {"--protocol"}),
]


@pytest.mark.parametrize(("words", "there", "absent"), CASES, ids=lambda value: " ".join(sorted(value)))
@shell("bash")
def test_bash(words: tuple[str, ...], there: set[str], absent: set[str], folder: Path) -> None:
    """Commands, options, their words, and ids of uploads."""
    line = " ".join(f"'{word}'" for word in words)
    script = (
        "compopt() { :; }; source completion.bash;"
        f"COMP_WORDS=(tusvideo {line}); COMP_CWORD={len(words)}; _tusvideo; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    found = set(run_shell(folder, "bash", "--norc", "-c", script))
    assert (there - found, absent & found) == (set(), set())


@pytest.mark.parametrize(("words", "there", "absent"), CASES, ids=lambda value: " ".join(sorted(value)))
@shell("fish")
def test_fish(words: tuple[str, ...], there: set[str], absent: set[str], folder: Path) -> None:
    """The same, asked of fish as its own completion asks."""
    script = f'source completion.fish; complete -C "tusvideo {" ".join(words)}"'
    found = {line.partition("\t")[0] for line in run_shell(folder, "fish", "--no-config", "-c", script)}
    assert (there - found, absent & found) == (set(), set())


@shell("zsh")
def test_zsh(folder: Path) -> None:
    """What zsh's own functions are told: commands with their help, options with what they take."""
    script = (
        'compdef() { :; }; _describe() { print -rl -- "${(@P)2}"; }; _arguments() { print -rl -- "$@"; };'
        "source ./completion.zsh;"
        "words=(tusvideo ''); CURRENT=2; _tusvideo;"
        "words=(tusvideo upload ''); CURRENT=3; _tusvideo;"
        "words=(tusvideo rm ''); CURRENT=3; _tusvideo"
    )
    told = run_shell(folder, "zsh", "-f", "-c", script)
    assert "upload:send files to a server, or go on with them" in told
    assert any(line.startswith("*--protocol[") and line.endswith("]:value:(auto tus ietf chunks)") for line in told)
    assert "*:file:_files" in told
    assert "*:upload:_tusvideo_uploads" in told


def test_the_command_prints_what_it_takes_itself() -> None:
    """Both programs describe themselves; no HTTP library is loaded for it."""
    script = (
        "import sys; from tusvideo.__main__ import main; code = main(['completion', 'bash']);"
        "print(code, sorted({'aiohttp', 'asyncio', 'platformdirs'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True, timeout=30
    )
    *lines, last = done.stdout.splitlines()
    assert (lines[-1], last) == ("complete -F _tusvideo tusvideo", "0 []")


def test_every_option_is_known_to_every_shell() -> None:
    """No option is forgotten, and no help breaks out of its quotes."""
    parser = argparse.ArgumentParser(prog="x-y")
    one = parser.add_subparsers().add_parser("one", help="it's [one]: \\ all")
    one.add_argument("--odd", help="it's [odd]: $(touch broken) `x` \\", metavar="FILE")
    one.add_argument("kind", choices=("a", "b"))
    words = vocabulary.of_parser(parser)
    (command,) = words.commands
    assert (command.takes, command.words) == (vocabulary.Takes.WORDS, ("a", "b"))
    for name, script in SCRIPTS.items():
        text = script(words)
        assert "odd" in text
        if shutil.which(name):
            assert subprocess.run([name, "-n"], input=text, text=True, check=False, capture_output=True).returncode == 0
