"""How answers leave: whole, with the fields that every answer has, and without reading a body that nobody wants."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, web

from tusvideo.message import ResponseHead
from tusvideo.protocol import fields, origin
from tusvideo.web.exchange import Exchange

DISCARD_BYTES: Final = 1024 * 1024
"""So much of a refused body is read and dropped, so that its sender gets to read the answer."""
DISCARD_SECONDS: Final = 1.0
"""So long the connection of a refused body stays open."""
_DISCARD_BLOCK: Final = 64 * 1024
_REASONS: Final = {460: "Checksum Mismatch"}
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | _REASONS
_BARE: Final = frozenset({204, 304, *range(100, 200)})
"""Statuses whose answers have no body, and tell no length of one."""
_NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")
_SERVER: Final = "tusvideo"
_IN_LINES: Final = bytes({9, *range(32, 256)} - {127})
"""What a line of a head may be made of."""


class _Sent(web.StreamResponse):
    """An answer that has left. aiohttp asks it for nothing but whether the connection goes on."""

    def __init__(self, *, goes_on: bool) -> None:
        super().__init__()
        self._goes_on = goes_on

    @property
    def keep_alive(self) -> bool:
        return self._goes_on

    async def prepare(self, request: web.BaseRequest) -> None:
        """Do nothing: the head has left."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the body has left."""


_MORE: Final = _Sent(goes_on=True)
_LAST: Final = _Sent(goes_on=False)


async def send(exchange: Exchange, head: ResponseHead) -> web.StreamResponse:
    """Send an answer. With a part of the body still on its way, the connection ends with the answer.

    Its bytes are spelled here: what aiohttp has for that is a good part of what a short request costs (decisions/0023).
    Raises ValueError for a control character in a field; nothing is sent then, and the exchange has no status.
    """
    request = exchange.request
    goes_on = request.keep_alive and not _must_end(exchange)
    answer = _spelled(exchange, head, goes_on=goes_on)
    exchange.status = head.status
    try:
        # To aiohttp this is a body whose head has left before.
        await request.writer.write_eof(answer)
        if not request.content.is_eof():
            await _discard(request)
    except ConnectionError:  # nobody is there to read it
        return _LAST
    return _MORE if goes_on else _LAST


def begin(exchange: Exchange, *, status: int, headers: Sequence[tuple[str, str]]) -> web.StreamResponse:
    """Make an answer with the fields that every answer has; nothing is sent yet."""
    exchange.status = status
    # Other statuses have the phrase of the standard, which aiohttp knows.
    response = web.StreamResponse(status=status, reason=_REASONS.get(status))
    response.headers.extend(_fields(exchange, headers))
    if _must_end(exchange):
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


def _must_end(exchange: Exchange) -> bool:
    """Tell whether the connection cannot or must not serve another request."""
    request = exchange.request
    if not request.content.is_eof() or exchange.is_taken or exchange.house.stopping.is_set():
        return True
    # aiohttp reads what follows a CONNECT, its body too, as the next request.
    return request.method == "CONNECT"


def _fields(exchange: Exchange, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give the fields of an answer together with those that every answer has."""
    found = [*headers]
    if _NOSNIFF not in found:
        found.append(_NOSNIFF)
    return [*found, ("X-Request-ID", exchange.request_id), ("Server", _SERVER), *_cors(exchange)]


def _spelled(exchange: Exchange, head: ResponseHead, *, goes_on: bool) -> bytes:
    """Write an answer as it goes over the connection.

    Raises ValueError for a control character in a field, which could begin another field, or another answer.
    """
    request, status = exchange.request, head.status
    method, version = request.method, request.version
    found = _fields(exchange, head.headers)
    is_bare = status in _BARE or (method == "CONNECT" and status < HTTPStatus.MULTIPLE_CHOICES)
    body = b"" if is_bare or exchange.head_only else head.body
    if is_bare or method != "HEAD":
        # The answer to a HEAD may tell the length of what a GET would give; all others have that of their body.
        found = [field for field in found if field[0] != "Content-Length"]
        if not is_bare:
            found.append(("Content-Length", str(len(body))))
    found.append(("Date", fields.build_http_date(datetime.fromtimestamp(time.time(), UTC))))
    if not goes_on:
        if version == HttpVersion11:
            found.append(("Connection", "close"))
    elif version == HttpVersion10:
        found.append(("Connection", "keep-alive"))
    lines = [f"HTTP/{version[0]}.{version[1]} {status} {_PHRASES.get(status, '')}"]
    lines += [f"{name}: {value}" for name, value in found]
    spelled = "\r\n".join(lines).encode()
    if spelled.translate(None, _IN_LINES) != b"\r\n" * (len(lines) - 1):
        message = "a control character in a header field"
        raise ValueError(message)
    return b"%b\r\n\r\n%b" % (spelled, body)


def _cors(exchange: Exchange) -> Sequence[tuple[str, str]]:
    origins = exchange.request.headers.getall("Origin", [])
    return origin.cors_headers(
        origins[0] if len(origins) == 1 else None,
        allowed_origins=exchange.house.policy.allowed_origins,
        preflight=exchange.request.method == "OPTIONS",
    )
