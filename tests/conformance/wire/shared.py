"""Our server with two users: ``python -m tests.conformance.wire.shared serve …`` is the real one, save for who asks."""

import contextlib
import os
import sys
from pathlib import Path
from unittest import mock

from tusvideo import wiring
from tusvideo.__main__ import main
from tusvideo.errors import Forbidden, Unauthenticated
from tusvideo.message import RequestHead
from tusvideo.model import UserId

USERS = ("alice", "bob")
REVOKED = "CONFORMANCE_REVOKED"
"""Variable of the environment: the path of a file with the name of who may do nothing any more, while it is there."""


class TokenAuthenticator:
    """Knows a user by the name in ``Authorization: Bearer NAME``."""

    async def identify(self, head: RequestHead) -> UserId:
        """Name the user."""
        scheme, _, name = (head.one("Authorization") or "").partition(" ")
        if scheme != "Bearer" or name not in USERS:
            raise Unauthenticated
        with contextlib.suppress(FileNotFoundError):
            if Path(os.environ[REVOKED]).read_text() == name:
                message = "your permission was taken back; ask whoever runs this server"
                raise Forbidden(message)
        return UserId(name)


if __name__ == "__main__":
    with mock.patch.object(wiring, "LocalAuthenticator", TokenAuthenticator):
        sys.exit(main())
