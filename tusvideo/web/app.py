"""The aiohttp application and its runner: one route for everything, and settings that leave the body to us."""

import logging
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from tusvideo.web.exchange import LOGGER
from tusvideo.web.keys import HOUSE, House
from tusvideo.web.shell import serve

KEEPALIVE_SECONDS: Final = 75.0
HEADER_BYTES: Final = 64 * 1024
"""Of one header field and of the request line; beyond that aiohttp answers 400 by itself, below it we answer 431."""
READ_BUFFER_BYTES: Final = 128 * 1024
"""aiohttp stops reading a socket while it holds more than twice this of an unread body. asyncio reads 256 KiB at once,
so this is the least at which a body that is read at once is not stopped after every read (decisions/0009)."""

_PARSER_LOGGER: Final = logging.getLogger("tusvideo.web.parser")
_PARSER_LOGGER.setLevel(logging.DEBUG)  # aiohttp tells of some refusals there only; the filter decides


def build_app(house: House) -> web.Application:
    """Make the application around the services of ``house``."""
    app = web.Application(middlewares=[_serve_what_has_no_route])
    app[HOUSE] = house
    # [\s\S] instead of a dot: an encoded line break must get our 404 as well.
    app.router.add_route("*", r"/{path:[\s\S]*}", serve, expect_handler=_leave_expectations_to_us)
    app.on_shutdown.append(_stop)
    return app


def make_runner(app: web.Application, *, stop_seconds: float = 8.0) -> web.AppRunner:
    """Make the runner. ``stop_seconds`` is how long requests may go on after a stop was asked for."""
    _PARSER_LOGGER.addFilter(_tell_refusal)
    return web.AppRunner(
        app,
        access_log=None,
        logger=_PARSER_LOGGER,
        handler_cancellation=False,
        shutdown_timeout=stop_seconds,
        # The body is stored as it was sent.
        auto_decompress=False,
        # aiohttp would read a refused body for as long as this lasts, however fast it comes; see answer.py.
        lingering_time=0,
        keepalive_timeout=KEEPALIVE_SECONDS,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        read_bufsize=READ_BUFFER_BYTES,
    )


@web.middleware
async def _serve_what_has_no_route(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let targets that are no path, such as ``*``, have our answers too."""
    return await (serve if request.match_info.http_exception is not None else handler)(request)


async def _leave_expectations_to_us(_: web.Request) -> None:
    """Write nothing: 100 Continue is sent by the first read of the body, once the request was judged."""


async def _stop(app: web.Application) -> None:
    app[HOUSE].stopping.set()


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
