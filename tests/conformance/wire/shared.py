"""Our server with two users: ``python -m tests.conformance.wire.shared serve …`` is the real one, save for who asks."""

import sys
from unittest import mock

from tusvideo import wiring
from tusvideo.__main__ import main
from tusvideo.errors import Unauthenticated
from tusvideo.message import RequestHead
from tusvideo.model import UserId

USERS = ("alice", "bob")


class TokenAuthenticator:
    """Knows a user by the name in ``Authorization: Bearer NAME``."""

    async def identify(self, head: RequestHead) -> UserId:
        """Name the user."""
        scheme, _, name = (head.one("Authorization") or "").partition(" ")
        if scheme != "Bearer" or name not in USERS:
            raise Unauthenticated
        return UserId(name)


if __name__ == "__main__":
    with mock.patch.object(wiring, "LocalAuthenticator", TokenAuthenticator):
        sys.exit(main())
