"""How tests open a session table."""

from pathlib import Path
from typing import Protocol

from tusvideo.sessions.sqlite import SqliteSessions


class OpenTable(Protocol):
    """Opens a session table that the test need not close."""

    async def __call__(self, path: Path, *, busy_seconds: float = 5.0) -> SqliteSessions:
        """Open it; raises what SqliteSessions.open raises."""
