"""Every request from its head to its answer, in one order: guard, route, user, dialect, service, body."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from aiohttp import web

from tusvideo import log
from tusvideo.errors import (
    BodyCut,
    BodyStalled,
    MethodNotAllowed,
    NotFound,
    Preempted,
    Stopping,
    StorageFailed,
    TusvideoError,
    Unauthenticated,
)
from tusvideo.message import ResponseHead
from tusvideo.model import UserId
from tusvideo.protocol import chunk_api, problem, videos_api
from tusvideo.web import (
    caption_handlers,
    chunk_handlers,
    download,
    files,
    guard,
    page,
    pages,
    progress_handlers,
    routes,
    thumbnails,
    video_handlers,
)
from tusvideo.web.answer import hang_up, send
from tusvideo.web.event_stream import Stream, send_stream
from tusvideo.web.exchange import LOGGER, Download, Exchange, request_id_of
from tusvideo.web.keys import House
from tusvideo.web.routes import Family, Kind

Handler = Callable[[Exchange], Awaitable[ResponseHead | Download | Stream]]

HANDLERS: Final[Mapping[Kind, Mapping[str, Handler]]] = {
    Kind.UPLOADS: {
        "POST": files.carry_out,
        "PUT": files.carry_out,
        "PATCH": files.carry_out,
        "OPTIONS": files.options,
    },
    Kind.UPLOAD: {
        "GET": files.get,
        "HEAD": files.carry_out,
        "PATCH": files.carry_out,
        "DELETE": files.carry_out,
        "OPTIONS": files.options,
    },
    Kind.DIGEST: {"GET": files.prove},
    Kind.NAMED: {"PUT": files.carry_out, "OPTIONS": files.options},
    Kind.CHUNK: {
        "POST": chunk_handlers.put,
        "HEAD": chunk_handlers.query_head,
        "GET": chunk_handlers.query,
        "DELETE": chunk_handlers.terminate,
    },
    Kind.FINALIZE: {"POST": chunk_handlers.finalize},
    Kind.METADATA: {"POST": video_handlers.describe},
    Kind.VIDEOS: {"GET": video_handlers.list_all},
    Kind.VIDEO: {"GET": video_handlers.get, "PATCH": video_handlers.change, "DELETE": video_handlers.remove},
    Kind.THUMBNAIL: {"GET": thumbnails.get, "HEAD": thumbnails.get},
    Kind.CAPTIONS: {
        "GET": caption_handlers.get,
        "HEAD": caption_handlers.get,
        "PUT": caption_handlers.put,
        "DELETE": caption_handlers.remove,
    },
    Kind.GOING: {"GET": progress_handlers.list_all},
    Kind.PROGRESS: {"GET": progress_handlers.get, "PATCH": progress_handlers.draft},
    Kind.EVENTS: {"GET": progress_handlers.follow},
    Kind.RESTORE: {"POST": video_handlers.restore},
    Kind.PLAY: {"GET": video_handlers.play, "HEAD": video_handlers.play},
    Kind.DOWNLOAD: {"GET": video_handlers.download, "HEAD": video_handlers.download},
    Kind.PUBLISHED: {"GET": download.published, "HEAD": download.published},
    Kind.HEALTH: {"GET": pages.health, "HEAD": pages.health},
    Kind.READY: {"GET": pages.ready, "HEAD": pages.ready},
    Kind.DESCRIPTION: {"GET": pages.describe, "HEAD": pages.describe},
    Kind.SETTINGS: {"GET": pages.settings},
    Kind.FRONT: {"GET": page.front, "HEAD": page.front},
    Kind.LIBRARY: {"GET": page.library, "HEAD": page.library},
    Kind.PLAYER: {"GET": page.library, "HEAD": page.library},
    Kind.ASSET: {"GET": page.asset, "HEAD": page.asset},
    Kind.UPLOADER: {"GET": page.uploader, "HEAD": page.uploader},
    Kind.SERVER: {"OPTIONS": files.options_of_server},
}
OPEN_KINDS: Final = frozenset(
    {
        Kind.HEALTH,
        Kind.READY,
        Kind.DESCRIPTION,
        Kind.SETTINGS,
        Kind.FRONT,
        Kind.LIBRARY,
        Kind.PLAYER,
        Kind.ASSET,
        Kind.UPLOADER,
        Kind.SERVER,
    }
)
"""Resources that ask nobody for a name."""
PUBLIC_KINDS: Final = frozenset({Kind.PUBLISHED, Kind.CAPTIONS, Kind.PLAY})
"""Resources that may be anybody's: their services judge."""
STORING_KINDS: Final = frozenset({Kind.UPLOADS, Kind.UPLOAD, Kind.NAMED, Kind.CHUNK, Kind.CAPTIONS})
"""Resources whose bodies may be long; they go to the disk as they come."""


async def serve(house: House, request: web.BaseRequest) -> web.StreamResponse:
    """Answer one request, whatever it is; never raises but for cancellation."""
    exchange = _open(house, request)
    try:
        return await _answer(exchange)
    finally:
        exchange.log()


def _open(house: House, request: web.BaseRequest) -> Exchange:
    head = guard.head_of(request)
    route = routes.find(head.path)
    return Exchange(
        request=request,
        house=house,
        route=route,
        head=head,
        request_id=request_id_of(request),
        upload=route.upload_id,
    )


async def _answer(exchange: Exchange) -> web.StreamResponse:
    try:
        outcome = await _carry_out(exchange)
        if isinstance(outcome, Download):
            return await download.send_file(exchange, outcome)
        if isinstance(outcome, Stream):
            return await send_stream(exchange, outcome)
    except (BodyCut, BodyStalled) as error:
        exchange.code = error.code
        return hang_up(exchange.request)
    except TusvideoError as error:
        preempted = isinstance(error, Preempted)
        stopped = preempted and exchange.house.stopping.is_set()
        if preempted and not stopped and files.ends_silently(exchange):
            exchange.code = error.code
            return hang_up(exchange.request)
        outcome = _refuse(exchange, Stopping() if stopped else error)
    except Exception:  # noqa: BLE001 - the one place where what nobody foresaw becomes an answer; it is logged
        outcome = _apologise(exchange)
    try:
        return await send(exchange, outcome)
    except ValueError:
        if exchange.status is not None:  # it has begun to leave
            raise
        return await send(exchange, _apologise(exchange))


async def _carry_out(exchange: Exchange) -> ResponseHead | Download | Stream:
    exchange.head = guard.judge(exchange.request, exchange.head, policy=exchange.house.policy)
    handler = _handler(exchange)
    exchange.user = await _identify(exchange)
    if exchange.route.family is not Family.TUS:
        guard.judge_coding(exchange.head)
    with _admission(exchange):
        try:
            return await handler(exchange)
        finally:
            exchange.release()


def _admission(exchange: Exchange) -> AbstractContextManager[None]:
    """Count bodies that are to be stored. Questions, and bodies that are small by their kind, are never refused."""
    head, route = exchange.head, exchange.route
    if not head.has_body or head.method not in guard.METHODS_WITH_BODY or route.kind not in STORING_KINDS:
        return nullcontext()
    return exchange.house.admission.admitted(route.upload_id, most=exchange.house.limits.max_transfers)


def _handler(exchange: Exchange) -> Handler:
    handlers = HANDLERS.get(exchange.route.kind)
    if handlers is None:
        raise NotFound("address")
    method = exchange.head.method
    if (handler := handlers.get(method)) is not None:
        return handler
    if exchange.route.kind is Kind.NAMED:
        # What is put there gets an address of its own; nothing is ever found under this one.
        raise NotFound
    if method != "OPTIONS":
        raise MethodNotAllowed(method=method, allowed=sorted({"OPTIONS", *handlers}))
    return _options


async def _options(exchange: Exchange) -> ResponseHead:
    """OPTIONS on anything that has no answer of its own to it."""
    methods = {"OPTIONS", *HANDLERS[exchange.route.kind]}
    return ResponseHead(status=204, headers=(("Allow", ", ".join(sorted(methods))),))


async def _identify(exchange: Exchange) -> UserId | None:
    if exchange.route.kind in OPEN_KINDS or exchange.head.method == "OPTIONS":
        return None
    try:
        return await exchange.house.authenticator.identify(exchange.head)
    except Unauthenticated:
        # Public files are for anybody; but who shows credentials learns that they are wrong.
        if exchange.route.kind in PUBLIC_KINDS and "Authorization" not in exchange.head.headers:
            return None
        raise


def _refuse(exchange: Exchange, error: TusvideoError) -> ResponseHead:
    exchange.code = error.code
    if isinstance(error, StorageFailed):
        # The client is told to come again; only here is said what has to be mended until then.
        facts = {"request_id": exchange.request_id, "cause": log.cause_of(error)}
        log.event(LOGGER, logging.WARNING, "storage_failed", **facts)
    match exchange.route.family:
        case Family.TUS:
            return files.render_error(exchange, error)
        case Family.CHUNKS:
            return chunk_api.render_error(error, head_only=exchange.head_only)
        case Family.VIDEOS:
            return videos_api.render_error(error, head_only=exchange.head_only)
        case Family.PLAIN:
            return problem.render(error, head_only=exchange.head_only)


def _apologise(exchange: Exchange) -> ResponseHead:
    """Log what is being handled, which nobody foresaw, and give the answer to it."""
    LOGGER.exception("request_failed", extra={"data": {"request_id": exchange.request_id}})
    exchange.code = "internal"
    if exchange.route.family is Family.TUS:
        return files.render_unexpected(exchange)
    return problem.render_unexpected(exchange.request_id, head_only=exchange.head_only)
