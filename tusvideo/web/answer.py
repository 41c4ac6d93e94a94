"""How answers leave: whole, with the fields that every answer has, and without reading a body that nobody wants."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from tusvideo.message import ResponseHead
from tusvideo.protocol import origin
from tusvideo.web.exchange import Exchange

DISCARD_BYTES: Final = 1024 * 1024
"""So much of a refused body is read and dropped, so that its sender gets to read the answer."""
DISCARD_SECONDS: Final = 1.0
"""So long the connection of a refused body stays open."""
_DISCARD_BLOCK: Final = 64 * 1024
_REASONS: Final = {460: "Checksum Mismatch"}


async def send(exchange: Exchange, head: ResponseHead) -> web.StreamResponse:
    """Send an answer. With a part of the body still on its way, the connection ends with the answer."""
    response = begin(exchange, status=head.status, headers=head.headers)
    body = b"" if exchange.head_only else head.body
    if exchange.request.method != "HEAD":
        response.content_length = len(body)
    with contextlib.suppress(ConnectionError):  # nobody is there to read it; aiohttp notices by itself
        await response.prepare(exchange.request)
        await response.write_eof(body)
        if not exchange.request.content.is_eof():
            await _discard(exchange.request)
    return response


def begin(exchange: Exchange, *, status: int, headers: Sequence[tuple[str, str]]) -> web.StreamResponse:
    """Make an answer with the fields that every answer has; nothing is sent yet."""
    exchange.status = status
    # Other statuses have the phrase of the standard, which aiohttp knows.
    response = web.StreamResponse(status=status, reason=_REASONS.get(status))
    found = response.headers
    found.extend(headers)
    found.setdefault("X-Content-Type-Options", "nosniff")
    found["X-Request-ID"] = exchange.request_id
    found["Server"] = "tusvideo"
    found.extend(_cors(exchange))
    # aiohttp reads what follows a CONNECT, its body too, as the next request.
    unread = not exchange.request.content.is_eof() or exchange.raw.is_taken
    if unread or exchange.house.stopping.is_set() or exchange.request.method == "CONNECT":
        response.force_close()
    return response


def hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """End the connection without an answer; what is returned is for aiohttp, which cannot send it any more."""
    if request.transport is not None:
        request.transport.abort()
    return web.StreamResponse()


async def _discard(request: web.BaseRequest) -> None:
    """Read and drop what comes, up to a bound, after the last word was said.

    Closing at once would answer what still arrives with a reset, and a reset takes the answer away before it is read.
    A sender that does not stop gets no more than its time: nothing beyond the bound is read.
    """
    transport = request.transport
    if transport is None:
        return
    if transport.can_write_eof():
        with contextlib.suppress(OSError):  # the other end is gone, and asyncio has not heard of it yet
            transport.write_eof()
    dropped = 0
    # Whatever ends the stream meanwhile: there is no body to be saved here.
    with contextlib.suppress(Exception):
        async with asyncio.timeout(DISCARD_SECONDS):
            while dropped < DISCARD_BYTES and (block := await request.content.read(_DISCARD_BLOCK)):
                dropped += len(block)
            if dropped >= DISCARD_BYTES:
                await asyncio.get_running_loop().create_future()


def _cors(exchange: Exchange) -> Sequence[tuple[str, str]]:
    origins = exchange.request.headers.getall("Origin", [])
    return origin.cors_headers(
        origins[0] if len(origins) == 1 else None,
        allowed_origins=exchange.house.policy.allowed_origins,
        preflight=exchange.request.method == "OPTIONS",
    )
