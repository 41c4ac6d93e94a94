"""How tests open a session table."""

from pathlib import Path
from typing import Protocol

from tusvideo.sessions.sqlite import SqliteSessions


class OpenTable(Protocol):
    """Opens a session table that the test need not close."""

    async def __call__(self, path: Path, *, busy_seconds: float = 5.0) -> SqliteSessions:
        """Open it; raises what SqliteSessions.open raises."""


async def let_no_commit_through(sessions: SqliteSessions) -> None:
    """Have SQLite refuse every COMMIT from now on."""

    def deny(action: int, name: str | None, *_: object) -> int:
        return int(action == 22 and name == "COMMIT")  # SQLITE_TRANSACTION; 1 is SQLITE_DENY

    # Not as a transaction of its own: that would be denied as well.
    await sessions._database._writer.run(lambda connection: connection.set_authorizer(deny))
