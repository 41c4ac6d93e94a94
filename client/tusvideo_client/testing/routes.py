"""Which request is for what, and what stands against it: a refusal that was told, a token, a lost answer."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import ClientPayloadError, web

from . import chunks, tus
from .faults import Kind, Step
from .house import TUS_RESUMABLE, Call, House, Refused
from .records import Request, Upload

ONCE = ("Upload-Offset", "Upload-Length", "Upload-Checksum", "Tus-Resumable")
Answer = Callable[[House, Call], Awaitable[web.StreamResponse]]

ROUTES: tuple[tuple[str, re.Pattern[str], Step, Answer], ...] = (
    ("OPTIONS", re.compile(r"/files(/([0-9a-f]{32})?)?"), "options", tus.options),
    ("POST", re.compile(r"/files/?"), "create", tus.create),
    ("HEAD", re.compile(r"/files/[0-9a-f]{32}"), "offset", tus.offset),
    ("PATCH", re.compile(r"/files/[0-9a-f]{32}"), "append", tus.append),
    ("DELETE", re.compile(r"/files/[0-9a-f]{32}"), "terminate", tus.terminate),
    ("GET", re.compile(r"/files/[0-9a-f]{32}/digest"), "digest", tus.digest),
    ("POST", chunks.PLACE, "append", chunks.append),
    ("HEAD", chunks.PLACE, "offset", chunks.offset),
    ("GET", chunks.PLACE, "offset", chunks.offset),
    ("DELETE", chunks.PLACE, "terminate", chunks.terminate),
    ("POST", re.compile(r"/api/[a-z0-9_-]+/video/finalize"), "finalize", chunks.finalize),
    ("POST", re.compile(r"/api/videos/metadata"), "record", chunks.record),
)


async def answer(house: House, request: web.BaseRequest) -> web.StreamResponse:
    """Do one request, and write down how it ended."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    method = headers.get("x-http-method-override", "").strip().upper() or request.method
    path = request.rel_url.raw_path
    found = [(step, act) for word, place, step, act in ROUTES if word == method and place.fullmatch(path)]
    step, act = found[0] if found else (None, _absent)
    if method == "GET" and step is None and _published(house, request) is not None:
        step, act = "download", _download
    number = len(house.requests) + 1
    seen = Request(number=number, method=method, path=request.path_qs, step=step, headers=headers)
    house.requests.append(seen)
    call = Call(request, seen)
    try:
        response = await _judged(house, call, act)
    except Refused as refusal:
        response = refusal.answer()
    except (ConnectionError, ClientPayloadError):
        return web.Response()  # to nobody: an error would be one in aiohttp's log
    if path.startswith(tus.COLLECTION.rstrip("/")):
        response.headers.update(TUS_RESUMABLE)
    loss = house.plan.at_request(Kind.LOSE, step) if step else None
    if loss is None:
        seen.status = response.status
    else:
        house.happen(loss, call)
        call.drop()
    return response


async def _judged(house: House, call: Call, act: Answer) -> web.StreamResponse:
    """The answer to a request, unless something stands against it."""
    request = call.request
    if house.latency:
        await asyncio.sleep(house.latency)
    refusal = house.plan.at_request(Kind.REFUSE, call.seen.step)
    if refusal is not None:
        house.happen(refusal, call)
        after = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
        raise Refused(refusal.status, "the server was told to refuse this", after)
    is_open = call.seen.step == "options" or house.token is None
    if not is_open and call.header("Authorization") != f"Bearer {house.token}":
        detail = "the token is missing or not the right one"
        raise Refused(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})
    repeated = [name for name in ONCE if len(request.headers.getall(name, ())) > 1]
    if repeated:
        raise Refused(HTTPStatus.BAD_REQUEST, f"{repeated[0]} came more than once")
    return await act(house, call)


async def _absent(_: House, call: Call) -> web.Response:
    path = call.request.rel_url.raw_path
    allowed = sorted({word for word, place, _, _ in ROUTES if place.fullmatch(path)})
    if allowed:
        detail = f"{call.seen.method} is not for {path}, which knows {', '.join(allowed)}"
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, detail, {"Allow": ", ".join(allowed)})
    raise Refused(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")


async def _download(house: House, call: Call) -> web.Response:
    """A published file."""
    upload = _published(house, call.request)
    return web.Response(body=upload.data if upload else b"", content_type="application/octet-stream")


def _published(house: House, request: web.BaseRequest) -> Upload | None:
    return next((upload for upload in house.present() if upload.url == request.rel_url.raw_path), None)
