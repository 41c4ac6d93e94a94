"""nginx set up wrongly in four ways, with time enough to see each: `make test-commands`."""

from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.client.test_doctor import TRAPS, trap_and_mend
from tests.client.test_doctor import upstream as upstream  # noqa: PLC0414  # a fixture: pytest finds it by its name here
from tests.conf.deployments import program

pytestmark = pytest.mark.skipif(program("nginx") is None, reason="nginx is not installed: apt-get install nginx")


@pytest.mark.parametrize(("trap", "right", "wrong"), TRAPS)
async def test_nginx_set_up_wrongly(
    trap: str, right: str, wrong: str, upstream: int, tmp_path: Path, command: Command
) -> None:
    """Body limit, buffering, time limit, stripped field: each named alone, and mended by the line that is told."""
    await trap_and_mend(trap, right, wrong, seconds=6, upstream=upstream, tmp_path=tmp_path, command=command)
