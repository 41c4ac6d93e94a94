"""Published files, whole or in ranges."""

import asyncio
from asyncio.trsock import TransportSocket
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiohttp import web

from tusvideo.errors import NotFound
from tusvideo.model import Profile
from tusvideo.ports import PublishedFile
from tusvideo.protocol import fields, media_type, ranges
from tusvideo.web.answer import begin, hang_up
from tusvideo.web.exchange import LOGGER, Download, Exchange

_MAX_UNSENT_SECONDS: Final = 60.0
"""A reader that takes no block for this long is given up."""


async def published(exchange: Exchange) -> Download:
    """GET and HEAD /uploads/…: anybody's for public profiles, one's own otherwise."""
    location = exchange.route.location
    if location is None:
        raise NotFound("file")
    upload, file = await exchange.house.uploads.open_published(exchange.user, location)
    return Download(upload=upload, file=file)


async def uploaded(exchange: Exchange) -> Download:
    """GET /files/{id} of a finished upload."""
    version = exchange.head.one("Tus-Resumable")
    if version is not None:
        fields.parse_tus_resumable(version)
    if exchange.route.upload_id is None:
        raise NotFound
    upload, file = await exchange.house.uploads.open_upload(exchange.owner, exchange.route.upload_id)
    return Download(upload=upload, file=file)


async def send_file(exchange: Exchange, download: Download) -> web.StreamResponse:
    """Send a file, or the part of it that was asked for. A failure in the middle ends the connection."""
    exchange.saw(download.upload)
    try:
        plan = _plan(exchange, download)
        response = begin(exchange, status=plan.status, headers=plan.headers)
        if exchange.head_only and exchange.request.method != "HEAD":
            # Asked by method override: on the wire this is no HEAD, so the length is that of the answer.
            response.content_length = 0
        await response.prepare(exchange.request)
        if not exchange.head_only:
            transport = _plain_transport(exchange.request)
            if transport is None:
                await _send_blocks(response, download.file.read(plan.start, plan.stop))
            else:
                await _send_directly(transport, download.file, start=plan.start, stop=plan.stop)
        await response.write_eof()
        return response
    except (ConnectionError, TimeoutError):
        return hang_up(exchange.request)
    except Exception:
        if exchange.status is None:
            raise
        LOGGER.exception("download_failed", extra={"data": {"request_id": exchange.request_id}})
        return hang_up(exchange.request)
    finally:
        await download.file.close()


async def _send_blocks(response: web.StreamResponse, blocks: AsyncIterator[bytes]) -> None:
    async for block in blocks:
        async with asyncio.timeout(_MAX_UNSENT_SECONDS):
            await response.write(block)


def _plain_transport(request: web.BaseRequest) -> asyncio.Transport | None:
    """Give the transport of a connection that takes bytes as they lie in a file, and has nothing else to send before
    them; None when it is not such a one."""
    transport = request.transport
    if transport is None or transport.get_extra_info("sslcontext") is not None or transport.get_write_buffer_size():
        return None
    return transport if isinstance(transport.get_extra_info("socket"), TransportSocket) else None


async def _send_directly(transport: asyncio.Transport, file: PublishedFile, *, start: int, stop: int) -> None:
    """Send bytes of a file past aiohttp and asyncio, from the disk's threads: a read that waits for the disk must not
    hold up the loop (decisions/0020). The transport has nothing to send meanwhile."""
    # A descriptor of our own: it can be waited for beside the transport's, and stays good when that one is closed.
    with transport.get_extra_info("socket").dup() as taker:
        has_room = True
        while start < stop:
            if transport.is_closing():
                raise ConnectionResetError
            sent = await file.send(taker.fileno(), start=start, stop=stop)
            if not sent and not has_room:
                raise TimeoutError
            start += sent
            if start < stop:
                has_room = await _wait_for_room(taker.fileno())


async def _wait_for_room(taker: int) -> bool:
    """Wait until a socket takes a good deal again; False after too long, though it may take a little then."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(taker, ready.set)
    try:
        async with asyncio.timeout(_MAX_UNSENT_SECONDS):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_writer(taker)
    return True


def _plan(exchange: Exchange, download: Download) -> ranges.Plan:
    upload, file = download.upload, download.file
    stored = upload.location.filename if upload.location is not None else upload.id
    return ranges.plan(
        exchange.head.method,
        headers=exchange.head.headers,
        size=file.size,
        etag=file.etag,
        modified_at=file.modified_at,
        content_type=media_type.of(upload),
        filename=download.save_as or upload.original_name or stored,
        saves=download.save_as is not None,
        public=_is_public(exchange.house.profiles, upload.profile),
    )


def _is_public(profiles: Mapping[str, Profile], name: str) -> bool:
    return name in profiles and profiles[name].public
