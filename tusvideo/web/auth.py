"""Who is asking, as long as there are no accounts: one user, who is at this machine."""

from typing import Final

from tusvideo.message import RequestHead
from tusvideo.model import UserId

LOCAL_USER: Final = UserId("local")


class LocalAuthenticator:
    """Takes every request for one of the user ``local``; for loopback, or behind a proxy that asks for a password."""

    async def identify(self, head: RequestHead) -> UserId:  # noqa: ARG002 - the port hands it over; there is nothing to check
        return LOCAL_USER
