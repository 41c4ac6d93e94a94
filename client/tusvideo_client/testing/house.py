"""What a server for tests has and knows, and the one way in for bytes: past the faults that wait for them."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aiohttp import web

from .faults import Fault, Kind, Plan
from .records import Request, Upload

PIECE = 16 * 1024
SILENT_TICK = 0.02
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]*")
TUS_RESUMABLE = {"Tus-Resumable": "1.0.0"}


class Refused(Exception):  # named after what happened, as all errors here
    """A request that the server does not do, with the answer that says why."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def answer(self) -> web.Response:
        """A problem as JSON, which clients show in words."""
        facts = {"success": False, "error": self.detail, "detail": self.detail, "status": self.status}
        return web.json_response(
            facts, status=self.status, headers=self.headers, content_type="application/problem+json"
        )


class Dropped(ConnectionResetError):
    """The connection is gone: there is nobody to answer."""


class Call:
    """A request that is being done: as it comes in, and as it is written down."""

    def __init__(self, request: web.BaseRequest, seen: Request) -> None:
        self.request = request
        self.seen = seen
        self._is_invited = False

    def header(self, name: str) -> str | None:
        """A field of the request."""
        return self.seen.headers.get(name.lower())

    @property
    def is_connected(self) -> bool:
        """True while the connection is there, as far as this side knows."""
        return self.request.transport is not None and not self.request.transport.is_closing()

    def invite(self) -> None:
        """Say that the body may come, to who waits for that; what is wrong with the head is told before."""
        waits = not self._is_invited and (self.header("Expect") or "").lower() == "100-continue"
        self._is_invited = True
        if waits and self.request.transport is not None:
            self.request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def drop(self) -> Dropped:
        """Reset the connection; gives what is to be raised then."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return Dropped()


class House:
    """The state behind the addresses. Changed by the server's thread, but for single values that a test sets.

    Attributes:
        go_down: Called when the server shall go down, with the seconds that it shall be.
    """

    def __init__(self, *, token: str | None, latency: float, rate: float | None) -> None:
        self.plan = Plan()
        self.token = token
        self.latency = latency
        self.rate = rate
        self.creations = 0
        self.uploads: list[Upload] = []
        self.requests: list[Request] = []
        self.records: list[dict[str, Any]] = []
        self.go_down: Callable[[float | None], None] = lambda _: None

    def present(self) -> list[Upload]:
        """The uploads that the server has now."""
        return [upload for upload in list(self.uploads) if not upload.is_gone]

    def find(self, path: str) -> Upload:
        """The upload that has this address.

        Raises:
            Refused: There is none.
        """
        for upload in self.present():
            if upload.path == path:
                return upload
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such upload", TUS_RESUMABLE)

    def keep(self, upload: Upload) -> Upload:
        """Have another upload; what came for one that was forgotten, of the same file, came for it too."""
        for old in self.uploads:
            facts = (old.protocol, old.length, old.metadata)
            if old.is_gone and facts == (upload.protocol, upload.length, upload.metadata):
                upload.inherit(old)
        self.creations += 1
        self.uploads.append(upload)
        return upload

    def forget(self) -> None:
        """Lose every upload; what was published stays."""
        for upload in self.present():
            upload.is_gone = not upload.is_complete

    def publish(self, upload: Upload, *, folder: str, filename: str) -> None:
        """All bytes are there: give the file its name."""
        taken = {other.filename for other in self.uploads}
        upload.filename = filename if filename not in taken else f"{len(self.uploads)} {filename}"
        upload.is_complete = True
        upload.url = f"/uploads/{folder}/{quote(upload.filename)}"

    async def take(
        self, call: Call, pieces: AsyncIterator[bytes], *, store: Callable[[bytes], None], writer: Upload | None = None
    ) -> None:
        """Let bytes of a file in, as far as the faults allow.

        Raises:
            Refused: The token expired meanwhile.
            Dropped: The connection is gone, because it had to, or because another request writes to the upload now.
        """
        call.invite()
        if writer is None:
            await self._let_in(call, pieces, store=store, upload=None)
            return
        if isinstance(writer.writer, Call):
            writer.writer.drop()  # it is still there, and maybe silent: the newer one takes over
        writer.writer = call
        try:
            await self._let_in(call, pieces, store=store, upload=writer)
        finally:
            if writer.writer is call:
                writer.writer = None

    async def _let_in(
        self, call: Call, pieces: AsyncIterator[bytes], *, store: Callable[[bytes], None], upload: Upload | None
    ) -> None:
        await self._stumble(call)
        async for piece in pieces:
            rest = piece
            while rest:
                if upload is not None and (upload.writer is not call or upload.is_gone):
                    raise call.drop()
                size = min(len(rest), self.plan.room, PIECE)
                store(rest[:size])
                rest = rest[size:]
                call.seen.received += size
                self.plan.count(size)
                await self._stumble(call)
                if self.rate:
                    await asyncio.sleep(size / self.rate)

    async def _stumble(self, call: Call) -> None:
        """Let happen what is due at this byte."""
        fault = self.plan.due()
        if fault is None:
            return
        self.happen(fault, call)
        match fault.kind:
            case Kind.SILENCE:
                while call.is_connected:  # noqa: ASYNC110  # nothing tells of the end where nothing is read
                    await asyncio.sleep(SILENT_TICK)
            case Kind.DOWN:
                self.go_down(fault.seconds)
            case Kind.FORGET:
                self.forget()
            case Kind.EXPIRE:
                self.token = fault.token
                raise Refused(HTTPStatus.UNAUTHORIZED, "the token has expired")
            case _:
                pass
        raise call.drop()

    def spoil(self, call: Call, data: bytes, *, start: int) -> bytes:
        """Bytes of a file as they are stored: those from ``start`` on, with the bits flipped that shall be."""
        for fault in self.plan.at_bytes(start, start + len(data)):
            self.happen(fault, call)
            at = fault.at - start
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        return data

    def happen(self, fault: Fault, call: Call) -> None:
        """Write down what goes wrong with a request."""
        call.seen.fault = fault
        fault.happen()


def new_name() -> str:
    """A name for an upload that nobody guesses."""
    return secrets.token_hex(16)


def whole_number(text: str | None, *, field: str) -> int | None:
    """The number in a field; None if it is absent.

    Raises:
        Refused: It is none.
    """
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{field}: expected a whole number, got {text!r}", TUS_RESUMABLE)
    return int(text)
