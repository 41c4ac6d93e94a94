"""One request and what is known about it so far; handlers get it, the log line comes from it."""

import asyncio
import logging
import random
import re
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tusvideo import log
from tusvideo.errors import Unauthenticated
from tusvideo.message import RequestHead
from tusvideo.model import Upload, UserId
from tusvideo.ports import PublishedFile
from tusvideo.web.body import RequestBody
from tusvideo.web.guard import expects_continue
from tusvideo.web.keys import House
from tusvideo.web.routes import Route
from tusvideo.web.takeover import RawBody

LOGGER: Final = logging.getLogger("tusvideo.web")
_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A handler's answer that is a file: opened, to be sent, then closed."""

    upload: Upload
    file: PublishedFile
    save_as: str | None = None
    """The name under which a browser is to save it; None: it is shown if it can be, and called as it was uploaded."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request on its way to an answer."""

    request: web.BaseRequest
    house: House
    route: Route
    head: RequestHead
    request_id: str
    user: UserId | None = None
    started_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    upload: str | None = None
    offset: int | None = None
    status: int | None = None
    """None while there is no answer, and when the connection ended without one."""
    code: str | None = None
    """Of the error that was answered."""
    _body: RequestBody | None = None
    _raw: RawBody | None = None

    @property
    def body(self) -> RequestBody:
        """The body, made when somebody asks for it: most requests have none."""
        if self._body is None:
            self._body = RequestBody(
                self.request,
                expects_continue=expects_continue(self.request),
                stall_seconds=self.house.limits.stall_seconds,
            )
        return self._body

    @property
    def raw(self) -> RawBody:
        """The same body, for those who store it as it comes: fast when it is long. Read one of them, not both."""
        if self._raw is None:
            house = self.house
            self._raw = RawBody(self.request, self.body, blocks=house.blocks, stall_seconds=house.limits.stall_seconds)
        return self._raw

    @property
    def is_taken(self) -> bool:
        """True when the connection cannot serve another request."""
        return self._raw is not None and self._raw.is_taken

    @property
    def received(self) -> int:
        """Bytes of the body that came over the connection, read or not."""
        return self.request.content.total_bytes if self._raw is None else self._raw.received

    def release(self) -> None:
        """Give the connection back; nothing of the body is read any more. Safe to repeat."""
        if self._raw is not None:
            self._raw.release()
        elif self._body is not None:
            self._body.close()

    @property
    def owner(self) -> UserId:
        """Who asks. Raises Unauthenticated when nobody knows."""
        if self.user is None:
            raise Unauthenticated
        return self.user

    @property
    def head_only(self) -> bool:
        """True when the answer must not have a body."""
        return self.head.method == "HEAD" or self.request.method == "HEAD"

    def saw(self, upload: Upload) -> None:
        """Note for the log what the request was about."""
        self.upload, self.offset = upload.id, upload.offset

    def log(self) -> None:
        """Write the one line that tells of this request: ids, numbers and codes, no texts that a client chose."""
        log.event(
            LOGGER,
            logging.INFO,
            "request",
            request_id=self.request_id,
            method=self.head.method,
            route=self.route.kind.value,
            status=self.status,
            code=self.code,
            upload=self.upload,
            offset=self.offset,
            bytes=self.received,
            duration_ms=round((asyncio.get_running_loop().time() - self.started_at) * 1000, 1),
        )


def request_id_of(request: web.BaseRequest) -> str:
    """Take over the request id that a proxy gave, if it is 1 to 64 visible ASCII characters; else make one."""
    given = request.headers.getall("X-Request-ID", ())
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]) is not None:
        return given[0]
    # It tells requests apart and opens nothing, so nobody may know better than to guess it.
    return f"{random.getrandbits(64):016x}"
