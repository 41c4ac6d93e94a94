"""Answers that go on: events as they happen, until the reader leaves, reads too slowly, or the server stops."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from tusvideo.protocol import uploads_api
from tusvideo.service.watching import News
from tusvideo.video import Video
from tusvideo.web.answer import begin, hang_up
from tusvideo.web.exchange import Exchange

_MAX_UNSENT_SECONDS: Final = 60.0
"""A reader that takes nothing for this long is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A handler's answer that goes on; whoever has it calls ``leave`` in the end."""

    changes: AsyncGenerator[Sequence[News], None]
    leave: Callable[[], None]
    url_of: Callable[[Video], str]


def is_gone(request: web.BaseRequest) -> bool:
    """Tell whether the connection of a request has ended."""
    return request.transport is None or request.transport.is_closing()


async def send_stream(exchange: Exchange, stream: Stream) -> web.StreamResponse:
    """Send events until there is a reason to end; a stop of the server ends it at once, whatever is half sent."""
    sending = asyncio.create_task(_send_all(exchange, stream))
    stopping = asyncio.create_task(exchange.house.stopping.wait())
    try:
        await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, stopping):
            task.cancel()
        await asyncio.wait({sending, stopping})
        stream.leave()
    if sending.cancelled() or sending.exception() is not None:
        _tell_surprise(sending)
        return hang_up(exchange.request)
    return sending.result()


def _tell_surprise(sending: "asyncio.Task[web.StreamResponse]") -> None:
    """Raise what nobody foresaw; that a reader left is no surprise."""
    if sending.cancelled():
        return
    error = sending.exception()
    if error is not None and not isinstance(error, ConnectionError | TimeoutError):
        raise error


async def _send_all(exchange: Exchange, stream: Stream) -> web.StreamResponse:
    response = begin(exchange, status=200, headers=uploads_api.HEADERS)
    # Its end is the end of the news, and no other request waits for that.
    response.force_close()
    await response.prepare(exchange.request)
    await _send(response, uploads_api.RETRY)
    async with contextlib.aclosing(stream.changes) as changes:
        async for news in changes:
            blocks = [_block_of(each, url_of=stream.url_of) for each in news]
            await _send(response, b"".join(blocks) or uploads_api.build_event(None, url_of=stream.url_of))
    await response.write_eof()
    return response


def _block_of(news: News, *, url_of: Callable[[Video], str]) -> bytes:
    """Give news in words; they are the same for all who follow a user."""
    if not news.block:
        news.block = uploads_api.build_event(news.change, url_of=url_of)
    return news.block


async def _send(response: web.StreamResponse, block: bytes) -> None:
    async with asyncio.timeout(_MAX_UNSENT_SECONDS):
        await response.write(block)
