"""Interim answers (104): what a client learns of its upload while it still sends (decisions/0015).

aiohttp has no call for them; they are written as it writes 100 Continue itself, before the answer is begun.
"""

import asyncio
import contextlib
from typing import Final

from aiohttp import HttpVersion11

from tusvideo.message import ResponseHead
from tusvideo.model import InterimAnswers, Status, Upload
from tusvideo.protocol import ietf
from tusvideo.protocol.interop import Version
from tusvideo.web.exchange import Exchange
from tusvideo.web.guard import is_trusted
from tusvideo.web.routes import FILES_PATH

MOST: Final = 4
"""Interim answers to one request; some clients give up after five."""
FIRST_SECONDS: Final = 1.0
"""So long after the request began, or after the answer before, the first one that tells a count of bytes may come."""
GROWTH: Final = 4.0
"""Each of those waits so much longer than the one before."""
_REASON: Final = "Upload Resumption Supported"


class Interim:
    """The interim answers to one request; implements the Listener port."""

    def __init__(self, exchange: Exchange, *, version: Version) -> None:
        self._exchange = exchange
        self._version = version
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        self._gap = FIRST_SECONDS
        self._last = self._loop.time()
        self.tells_progress = version.takes_progress
        """False: only that the upload exists is told."""

    async def created(self, upload: Upload) -> None:
        """Tell where the upload is and what its limits are."""
        house = self._exchange.house
        head = ietf.announce(
            upload,
            version=self._version,
            base_path=FILES_PATH,
            max_length=house.profiles[upload.profile].max_length,
            limits=house.limits,
            now=house.clock.now(),
        )
        await self._send(head)

    async def stored(self, upload: Upload) -> None:
        """Tell how many bytes are durable, now and then; not when there is an answer to tell it."""
        if not self.tells_progress or self._sent >= MOST or upload.status is not Status.OPEN:
            return
        if self._loop.time() - self._last < self._gap:
            return
        self._gap *= GROWTH
        await self._send(ietf.report(upload, version=self._version))

    async def _send(self, head: ResponseHead) -> None:
        self._sent += 1
        self._last = self._loop.time()
        writer = self._exchange.request.writer
        with contextlib.suppress(ConnectionError):  # whoever reads the body hears of it, too
            await writer.write(_spelled(head))
        # Else aiohttp takes the interim answer for the beginning of the final one.
        writer.output_size = 0


def interim_for(exchange: Exchange, *, version: Version) -> Interim | None:
    """Give the interim answers to a request; None where there must not be any.

    Only who announced a version understands them, HTTP/1.0 knows none, and not every proxy lets them through: see
    ``InterimAnswers``.
    """
    policy = exchange.house.policy
    if not version.takes_interim or exchange.request.version < HttpVersion11:
        return None
    if policy.interim_answers is InterimAnswers.NEVER:
        return None
    is_proxy = is_trusted(exchange.request.remote, policy.trusted_proxies)
    if policy.interim_answers is InterimAnswers.AUTO and is_proxy:
        return None
    return Interim(exchange, version=version)


def _spelled(head: ResponseHead) -> bytes:
    lines = [f"HTTP/1.1 {head.status} {_REASON}", *(f"{name}: {value}" for name, value in head.headers), "", ""]
    if any("\r" in line or "\n" in line for line in lines):
        message = "a line break in a header field"
        raise ValueError(message)
    return "\r\n".join(lines).encode("ascii")
