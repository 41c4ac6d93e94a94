"""tus-js-client, run by Node.js."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.node import Told, Upload
from tests.faults.processes import ServerProcess
from tests.faults.proxy import FaultProxy

NEXT = {"package": "tus-js-client-next"}
"""The newest before the next major version."""
VERSIONS = [pytest.param({}, id="stable"), pytest.param(NEXT, id="next")]


async def begun(source: Path, *, modules: Path, to: FaultProxy | ServerProcess, **job: Any) -> Upload:
    """Start an upload named like its file."""
    options = {"metadata": {"filename": source.name}, **job.pop("options", {})}
    return await Upload.started(source, modules=modules, endpoint=f"{to.url}/files/", options=options, **job)


async def ran(source: Path, *, modules: Path, to: FaultProxy | ServerProcess, **job: Any) -> Told:
    """Run an upload to its end."""
    return await (await begun(source, modules=modules, to=to, **job)).ended()
