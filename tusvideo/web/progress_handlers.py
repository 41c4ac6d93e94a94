"""Uploads as people see them get on, ``/api/uploads`` and ``/api/events``: between JSON and the service."""

from functools import partial

from tusvideo.errors import NotFound
from tusvideo.message import ResponseHead
from tusvideo.model import UploadId
from tusvideo.protocol import uploads_api
from tusvideo.web.chunk_handlers import read_json
from tusvideo.web.event_stream import Stream, is_gone
from tusvideo.web.exchange import Exchange
from tusvideo.web.video_handlers import url_of


async def list_all(exchange: Exchange) -> ResponseHead:
    """GET /api/uploads."""
    return uploads_api.render_uploads(await exchange.house.progress.list(exchange.owner))


async def get(exchange: Exchange) -> ResponseHead:
    """GET /api/uploads/{id}."""
    return uploads_api.render_upload(await exchange.house.progress.get(exchange.owner, _id(exchange)))


async def draft(exchange: Exchange) -> ResponseHead:
    """PATCH /api/uploads/{id}."""
    command = uploads_api.parse_draft(await read_json(exchange), upload_id=_id(exchange))
    return uploads_api.render_upload(await exchange.house.progress.draft(exchange.owner, command))


async def follow(exchange: Exchange) -> Stream:
    """GET /api/events."""
    house = exchange.house
    watcher = house.progress.watch(exchange.owner, is_gone=partial(is_gone, exchange.request))
    leave = partial(house.progress.leave, watcher)
    return Stream(changes=house.progress.follow(watcher), leave=leave, url_of=partial(url_of, house))


def _id(exchange: Exchange) -> UploadId:
    if exchange.route.upload_id is None:
        raise NotFound
    return exchange.route.upload_id
