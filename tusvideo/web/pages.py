"""What everybody may ask: a greeting, and whether the server lives and can store."""

import logging

from tusvideo import __version__, log
from tusvideo.message import ResponseHead
from tusvideo.protocol import json_body, openapi, settings_api
from tusvideo.rules.sniff import MEDIA_TYPES
from tusvideo.web.exchange import LOGGER, Exchange

GREETING = b"""tusvideo takes uploads that survive a lost connection.

  tusvideo upload FILE --to URL-OF-THIS-SERVER

or any tus 1.0.0 client on /files/, or chunks as forms on /api/poster/video/chunk.
"""
NO_STORE = (("Cache-Control", "no-store"),)


async def greet(_: Exchange) -> ResponseHead:
    """GET /."""
    return ResponseHead(status=200, headers=(("Content-Type", "text/plain; charset=utf-8"),), body=GREETING)


async def health(exchange: Exchange) -> ResponseHead:
    """GET /healthz: the process answers, and says what an acknowledged byte survives."""
    return json_body.render({"status": "ok", "durability": exchange.house.durability.value}, headers=NO_STORE)


async def ready(exchange: Exchange) -> ResponseHead:
    """GET /readyz: bytes can be stored now."""
    status = "stopping" if exchange.house.stopping.is_set() else await _state(exchange)
    return json_body.render({"status": status}, status=200 if status == "ok" else 503, headers=NO_STORE)


async def describe(exchange: Exchange) -> ResponseHead:
    """GET /openapi.json: the JSON routes, for programs that make clients or tests of it."""
    house = exchange.house
    return json_body.render(openapi.document(version=__version__, profiles=house.profiles, limits=house.limits))


async def settings(exchange: Exchange) -> ResponseHead:
    """GET /api/settings: what may be uploaded here, for a page."""
    return settings_api.render_settings(profiles=exchange.house.profiles, media_types=MEDIA_TYPES, version=__version__)


async def _state(exchange: Exchange) -> str:
    try:
        await exchange.house.ready()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with disk or database, the answer is "not now"
        log.event(LOGGER, logging.WARNING, "not_ready", request_id=exchange.request_id, error=type(error).__name__)
        return "failing"
    return "ok"
