"""Published files, whole or in ranges."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiohttp import web

from tusvideo.errors import NotFound
from tusvideo.model import Profile
from tusvideo.protocol import fields, ranges
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
            await _send_blocks(response, download.file.read(plan.start, plan.stop))
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


def _plan(exchange: Exchange, download: Download) -> ranges.Plan:
    upload, file = download.upload, download.file
    stored = upload.location.filename if upload.location is not None else upload.id
    return ranges.plan(
        exchange.head.method,
        headers=exchange.head.headers,
        size=file.size,
        etag=file.etag,
        modified_at=file.modified_at,
        content_type=upload.content_type,
        filename=upload.original_name or stored,
        public=_is_public(exchange.house.profiles, upload.profile),
    )


def _is_public(profiles: Mapping[str, Profile], name: str) -> bool:
    return name in profiles and profiles[name].public
