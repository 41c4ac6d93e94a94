"""Real processes for the deployment files: the server, and nginx in front of it."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 15

ServeFactory = Callable[..., str]


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `tusvideo serve` with these arguments until the block ends; gives the process and the URL that it printed."""
    command = [sys.executable, "-m", "tusvideo", "serve", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.fullmatch(r"listening on (http://\S+)\n", line)
            assert match is not None, f"expected `listening on http://…`, got {line!r}"
            yield process, match[1]
            process.terminate()
            assert process.wait(timeout=STOP_SECONDS) == 0
        finally:
            process.kill()


@pytest.fixture
def serve() -> Iterator[ServeFactory]:
    """Start servers that live as long as the test; gives the URL of each."""
    with ExitStack() as stack:

        def start(*arguments: str | Path) -> str:
            _, url = stack.enter_context(serving(*arguments))
            return url

        yield start
