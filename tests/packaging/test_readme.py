"""What the documents name is there: commands, options, files, targets of make, and code that runs as it is written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tusvideo.cli import build_parser
from tusvideo_client.cli import add_commands
from tusvideo_client.testing import FlakyServer

pytest_plugins = ["tusvideo_client.testing.plugin"]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("client/*.md"), *ROOT.glob("tusvideo/decisions/*.md"))
)
UNNAMED = re.compile(r"\s+")


def spans(document: str) -> list[str]:
    """Give what a document sets as code, each on one line."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))
    return [UNNAMED.sub(" ", span) for span in inline] + [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    """A path in the source tree leads somewhere; an asterisk may stand for a name."""
    named = {
        word.rstrip("/")
        for span in spans(document)
        for word in re.findall(r"(?<![\w./-])(?:conf|client|tests|tusvideo|\.ci)/[\w./*-]+", span)
    }
    assert {word for word in named if not (list(ROOT.glob(word)) or list(ROOT.glob(f"tusvideo/{word}")))} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_targets_of_make_exist(document: str) -> None:
    """`make X` is one of the Makefile."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {match[1] for span in spans(document) if (match := re.match(r"make ([a-z][\w-]*)", span))}
    assert named <= targets


def test_commands_and_their_options_exist() -> None:
    """What the README says after `tusvideo` is understood: the command, and each option that stands with it."""
    parser = build_parser(add_client_commands=add_commands)
    (commands,) = (action for action in parser._actions if action.dest == "command")
    assert isinstance(commands.choices, dict)
    said = [span for span in spans("README.md") if re.match(r"(\$ )?(\S*/)?tusvideo [a-z]", span)]
    assert len(said) >= 5
    for span in said:
        words = span.removeprefix("$ ").split("<")[0].split()
        assert words[1] in commands.choices, span
        known = commands.choices[words[1]]._option_string_actions
        assert {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)} <= set(known), span


def code(number: int) -> str:
    """Give one of the Python blocks of the README."""
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return blocks[number]


def test_the_script_runs_as_it_is_written(flaky_server: FlakyServer, tmp_path: Path) -> None:
    """The first block, sent to a server of this test instead of the one of the README, uploads the file."""
    video = tmp_path / "talk.mp4"
    video.write_bytes(bytes(range(256)) * 4096)
    script = code(0).replace("http://127.0.0.1:8080", flaky_server.url)
    assert flaky_server.url in script
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" 0 bytes sent twice\n")
    flaky_server.assert_holds(video)


def test_the_test_of_a_script_runs_as_it_is_written(tmp_path: Path) -> None:
    """The second block, with a script and a video, passes in a project with the line for its conftest.py."""
    (line,) = re.findall(r"\(`(pytest_plugins =\s+\[.*?\])`\)", README)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (tmp_path / "conftest.py").write_text(
        f"import pytest\n{UNNAMED.sub(' ', line)}\n\n\n@pytest.fixture\ndef video(tmp_path):\n"
        "    path = tmp_path / 'talk.mp4'\n    path.write_bytes(bytes(2_000_000))\n    return path\n"
    )
    (tmp_path / "my_script.py").write_text(
        "from tusvideo_client import Uploader\n\n\ndef send(video, to):\n"
        "    with Uploader(to) as uploader:\n        uploader.upload(video)\n"
    )
    (tmp_path / "test_my_script.py").write_text(f"import my_script\n\n\n{code(1)}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
