"""A paced test upload that looks for traps on the way to a server. Nothing of it is published, and it is removed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from tusvideo_client import wire
from tusvideo_client.body import Body
from tusvideo_client.dialect import COLLECTION
from tusvideo_client.errors import UploadError
from tusvideo_client.movement import Movement
from tusvideo_client.state import MIB, Timeouts
from tusvideo_client.transport import Interrupted, Reply, Transport

from . import remedies, remote
from .remedies import Trap

ANNOUNCED = 64 * MIB
SMALLEST = 64 * 1024
PIECE = 32 * 1024
PACE_SECONDS = 0.1
SKEW_SECONDS = 60.0
STORED_WITHIN = 3.0
ASKED_EVERY = 0.2
"""Seconds between two questions for what arrived: the server tells nobody by itself."""
EARLY_SECONDS = 1.0
TIMED_OUT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A trap: what was seen, and the line that mends it."""

    trap: Trap
    text: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How the paced request ended: by itself, with this answer or none, or not at all (``by_itself`` is False)."""

    by_itself: bool
    reply: Reply | None
    after: float
    silent: float
    acked: int


class Examination:
    """One look at the way to a server.

    Args:
        transport: Connections to it; see :func:`timeouts_for`.
        base: Its root.
        seconds: How long the test upload lasts: half of it at an even pace, half in silence.
    """

    def __init__(self, transport: Transport, *, base: str, seconds: float) -> None:
        self._transport = transport
        self._base = base
        self._seconds = seconds
        self._proxy: str | None = None
        self._silent_since = 0.0  # 0 while pieces are sent
        self.findings: list[Finding] = []

    async def run(self) -> None:
        """Look; what was found is in ``findings``.

        Raises:
            UploadError: The server cannot be reached, refuses, or is none that speaks tus.
        """
        url = await self._create()
        if url is None:
            return
        try:
            if await self._offset(url) is None:
                self._find(Trap.STRIPPED, "answers to HEAD come without Upload-Offset", field=wire.UPLOAD_OFFSET)
                return
            length = await self._largest(url)
            await self._pace(url, length)
        finally:
            with contextlib.suppress(Interrupted, UploadError):
                await self._transport.send("DELETE", url, headers=remote.TUS)

    async def _create(self) -> str | None:
        url = self._base + COLLECTION
        fields = {
            **remote.TUS,
            wire.UPLOAD_LENGTH: str(ANNOUNCED),
            wire.UPLOAD_METADATA: wire.build_metadata({"filename": "tusvideo-doctor.bin"}),
        }
        reply = await remote.request(self._transport, "POST", url, headers=fields)
        self._proxy = remedies.proxy_of(reply.headers)
        self._judge_clock(reply)
        if wire.LOCATION not in reply.headers:
            self._find(Trap.STRIPPED, f"the answer {reply.status} to a creation has no Location", field=wire.LOCATION)
            return None
        return wire.resolve(url, reply.headers[wire.LOCATION])

    def _judge_clock(self, reply: Reply) -> None:
        with contextlib.suppress(ValueError, TypeError):
            told = parsedate_to_datetime(reply.headers.get("Date", ""))
            ahead = told.timestamp() - time.time()
            if abs(ahead) > SKEW_SECONDS:
                where = "ahead of" if ahead > 0 else "behind"
                self._find(Trap.CLOCK, f"the server's clock is {abs(ahead):.0f} s {where} this machine's")

    async def _offset(self, url: str) -> int | None:
        reply = await remote.request(self._transport, "HEAD", url, headers=remote.TUS)
        return wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET))

    async def _largest(self, url: str) -> int:
        """The longest body that is let in: announced, and given up after its first byte."""
        size = ANNOUNCED
        while (ended := await self._send(url, size, seconds=0.0)).reply is not None:
            if ended.reply.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE or size <= SMALLEST:
                raise remote.refusal(ended.reply, url=url)
            size //= 2
        if size < ANNOUNCED:
            text = f"requests of {2 * size} bytes are refused with 413, and those of {size} bytes pass"
            self._find(Trap.BODY_LIMIT, text)
        return size

    async def _pace(self, url: str, length: int) -> None:
        start = await self._offset(url) or 0
        ended = await self._send(url, length, seconds=self._seconds, start=start)
        if ended.by_itself:
            status = "" if ended.reply is None else f" with {ended.reply.status}"
            if ended.reply is not None and ended.reply.status not in TIMED_OUT:
                raise remote.refusal(ended.reply, url=url)
            moment = f"after {ended.silent:.1f} s of silence" if ended.silent else f"after {ended.after:.1f} s in all"
            self._find(Trap.TIME_LIMIT, f"a request was ended{status} {moment}")
        stored = await self._stored(url, wanted=start + ended.acked // 2) - start
        if ended.acked >= PIECE and stored < ended.acked // 2:
            text = (
                f"of {ended.acked} bytes that were taken before a cut the server has {stored}: somebody holds them back"
            )
            self._find(Trap.BUFFERING, text)

    async def _stored(self, url: str, *, wanted: int) -> int:
        """What the server has, soon after a cut: the news of it may be on its way."""
        until = time.monotonic() + STORED_WITHIN
        while True:
            offset = await self._offset(url) or 0
            if offset >= wanted or time.monotonic() >= until:
                return offset
            await asyncio.sleep(ASKED_EVERY)

    async def _send(self, url: str, length: int, *, seconds: float, start: int = 0) -> _Ended:
        """Announce a body, send some of it at an even pace, be silent, and cut; or see how it is ended before."""
        done = asyncio.Event()
        body = Body(self._pieces(min(length, ANNOUNCED - start), seconds, done), length=min(length, ANNOUNCED - start))
        acked = 0

        def moved(now: Movement) -> None:
            nonlocal acked
            acked = now.acked

        fields = {**remote.TUS, wire.UPLOAD_OFFSET: str(start), wire.CONTENT_TYPE: wire.OFFSET_STREAM}
        began, self._silent_since = time.monotonic(), 0.0
        request = asyncio.ensure_future(self._transport.send("PATCH", url, headers=fields, body=body, on_moved=moved))
        waiting = asyncio.ensure_future(done.wait())
        try:
            await asyncio.wait({request, waiting}, return_when=asyncio.FIRST_COMPLETED)
            now = time.monotonic()
            silent = now - (self._silent_since or now)
            reply: Reply | None = None
            by_itself = request.done()
            if by_itself:
                with contextlib.suppress(Interrupted):
                    reply = request.result()
            return _Ended(by_itself=by_itself, reply=reply, after=now - began, silent=silent, acked=acked)
        finally:
            for task in (request, waiting):
                task.cancel()
            await asyncio.gather(request, waiting, return_exceptions=True)

    async def _pieces(self, length: int, seconds: float, done: asyncio.Event) -> AsyncIterator[bytes]:
        yield b"\0"  # the head of a request goes out with the first of its body
        sent, began = 1, time.monotonic()
        while time.monotonic() - began < seconds / 2 and sent + PIECE < length:
            yield bytes(PIECE)
            sent += PIECE
            await asyncio.sleep(PACE_SECONDS)
        self._silent_since = time.monotonic()
        await asyncio.sleep(seconds / 2 or EARLY_SECONDS)
        done.set()
        await asyncio.Event().wait()  # until the request is cut

    def _find(self, trap: Trap, text: str, *, field: str = "") -> None:
        self.findings.append(Finding(trap=trap, text=text, line=remedies.line_of(trap, self._proxy, field=field)))


def timeouts_for(seconds: float) -> Timeouts:
    """Limits that do not end the test before the trap does."""
    return Timeouts(connect=10.0, stall=seconds + 30.0, probe=seconds + 60.0, response=30.0)
