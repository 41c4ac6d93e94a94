"""The aiohttp server: every request comes to one handler, with settings that leave its body to us."""

import asyncio
import contextlib
import logging
import socket
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from tusvideo.web.exchange import LOGGER
from tusvideo.web.keys import House
from tusvideo.web.shell import serve

KEEPALIVE_SECONDS: Final = 75.0
HEADER_BYTES: Final = 64 * 1024
"""Of one header field and of the request line; beyond that aiohttp answers 400 by itself, below it we answer 431."""
UNREAD_SECONDS: Final = 120.0
"""A connection whose other end takes nothing of what waits for it for so long is given up, whatever that is: else each
answer that nobody reads would hold a descriptor, and its memory, for ever."""
READ_BUFFER_BYTES: Final = 128 * 1024
"""aiohttp stops reading a socket while it holds more than twice this of an unread body. asyncio reads 256 KiB at once,
so this is the least at which a body that is read at once is not stopped after every read (decisions/0009)."""

_PARSER_LOGGER: Final = logging.getLogger("tusvideo.web.parser")
_PARSER_LOGGER.setLevel(logging.DEBUG)  # aiohttp tells of some refusals there only; the filter decides


class _Server(web.Server):
    """The server of aiohttp, with the one thing that it cannot be told: how long an answer waits to be read."""

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        plug: socket.socket | None = transport.get_extra_info("socket")
        if plug is not None:
            # The kernel's own clock: no timer of ours, and it also ends connections that were closed and not read.
            with contextlib.suppress(OSError):  # no TCP, or the other end is gone
                plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_SECONDS * 1000))


def make_runner(house: House, *, stop_seconds: float = 8.0) -> web.ServerRunner:
    """Make the server around the services of ``house``, and what starts and stops it; call it in the event loop.

    ``stop_seconds`` is how long requests may go on after a stop was asked for. An aiohttp application would find a
    route, which is ours to find, and send 100 Continue before anybody judged; this is the server below it.
    """
    _PARSER_LOGGER.addFilter(_tell_refusal)
    server = _Server(
        partial(serve, house),
        access_log=None,
        logger=_PARSER_LOGGER,
        handler_cancellation=False,
        # The body is stored as it was sent.
        auto_decompress=False,
        # aiohttp would read a refused body for as long as this lasts, however fast it comes; see answer.py.
        lingering_time=0,
        keepalive_timeout=KEEPALIVE_SECONDS,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        read_bufsize=READ_BUFFER_BYTES,
    )
    return web.ServerRunner(server, shutdown_timeout=stop_seconds)


def _tell_refusal(record: logging.LogRecord) -> bool:
    """Make a request line of what the parser refuses by itself: no traceback, and nothing of what a client wrote."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError):
        return record.levelno >= logging.WARNING
    record.msg, record.args, record.exc_info = "request", (), None
    record.levelno, record.levelname = logging.INFO, "INFO"
    name = type(error).__name__
    record.data = {"method": None, "route": "unknown", "status": error.code, "code": "malformed", "error": name}
    return LOGGER.isEnabledFor(logging.INFO)
