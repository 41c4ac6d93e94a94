"""HTTP, as thin as it gets: one request, one answer, and one place where the library's errors become ours.

The only module that imports aiohttp. It decides nothing: no retry, no redirect, no opinion about a status.
"""

import asyncio
import inspect
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import metadata
from types import TracebackType
from typing import Any, Self

import aiohttp

from .errors import AuthError, UploadError
from .state import Trouble
from .wire import origin_of, parse_object

Token = str | Callable[[], str | Awaitable[str]] | None

ANSWER_LIMIT = 1024 * 1024
TICK = 0.1


class Interrupted(Exception):  # an event for the planner, never shown to a caller
    """A request ended without an answer; ``moved`` counts the body bytes that the network took."""

    def __init__(self, trouble: Trouble, *, detail: str, moved: int) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = detail
        self.moved = moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, its fields by case-insensitive name."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """True for every 2xx status."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def facts(self) -> dict[str, Any]:
        """The JSON object in the body, or an empty one."""
        return parse_object(self.body)


class Body:
    """A request body of known length, counted as it leaves.

    Args:
        pieces: The bytes, in order.
        length: How many there are in all.
        lead: How many of them come before the bytes of the file.
        file_length: How many of them are bytes of the file; all of them if not given.
    """

    def __init__(
        self, pieces: AsyncIterator[bytes], *, length: int, lead: int = 0, file_length: int | None = None
    ) -> None:
        self.length = length
        self.handed = 0
        self.error: UploadError | None = None
        self._pieces = pieces
        self._lead = lead
        self._file_length = length if file_length is None else file_length

    @property
    def file_bytes(self) -> int:
        """Bytes of the file handed over so far."""
        return self.file_bytes_of(self.handed)

    def file_bytes_of(self, moved: int) -> int:
        """How many of the first ``moved`` bytes are bytes of the file."""
        return max(0, min(moved - self._lead, self._file_length))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                self.handed += len(piece)
                yield piece
        except UploadError as error:
            self.error = error
            raise


class Transport:
    """A pool of connections to one server.

    Args:
        base_url: Root of the server; the token goes to its origin and to no other.
        token: Bearer token, or a callable (may be async) that makes one.
        stall: Seconds without movement after which a request is given up. A slow link is no stalled link.
        connect_timeout: Seconds that a connection may take to come about.
    """

    def __init__(
        self, base_url: str, *, token: Token = None, stall: float = 30.0, connect_timeout: float = 10.0
    ) -> None:
        self._origin = origin_of(base_url)
        self._stall = stall
        self._connect_timeout = connect_timeout
        self._token = token
        self._token_value: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=10, socket_factory=self._make_socket),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"tusvideo-client/{_version()}"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def can_renew(self) -> bool:
        """True if a refused token may be replaced by a fresh one."""
        return callable(self._token)

    async def renew_token(self) -> bool:
        """Ask the token provider; True if the token is another one than before."""
        before, self._token_value = self._token_value, None
        return await self._bearer() != before

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | bytes | None = None,
        on_moved: Callable[[int], None] | None = None,
        patience: float = 0.0,
    ) -> Reply:
        """Make one request and read its answer. Redirects are not followed.

        Args:
            method: HTTP method.
            url: Absolute address.
            headers: Fields of this request.
            body: What to send.
            on_moved: Called about ten times a second with the body bytes that have left this process.
            patience: Seconds that the answer may take on top, for a request that means work.

        Raises:
            Interrupted: There is no answer.
            UploadError: The body could not be read.
        """
        if self._session is None:
            message = "the uploader is not open: use `async with`"
            raise RuntimeError(message)
        fields = dict(headers or {})
        if origin_of(url) == self._origin and (bearer := await self._bearer()):
            fields["Authorization"] = f"Bearer {bearer}"
        if isinstance(body, Body):
            fields["Content-Length"] = str(body.length)
        tracker = aiohttp.UploadTracker()
        exchange = asyncio.ensure_future(self._exchange(method, url, headers=fields, body=body, tracker=tracker))
        try:
            return await self._watched(exchange, tracker=tracker, on_moved=on_moved, stall=self._stall + patience)
        except (aiohttp.ClientError, ssl.SSLError, OSError, TimeoutError, EOFError) as error:
            if isinstance(body, Body) and body.error is not None:
                raise body.error from None
            trouble = _trouble(error)
            raise Interrupted(trouble, detail=_detail(trouble, error), moved=tracker.bytes_written) from error

    async def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        body: Body | bytes | None,
        tracker: aiohttp.UploadTracker,
    ) -> Reply:
        assert self._session is not None  # noqa: S101  # send() made sure; this tells the type checker
        async with self._session.request(
            method, url, headers=headers, data=body, allow_redirects=False, upload_tracker=tracker
        ) as response:
            data = await response.content.read(ANSWER_LIMIT) if method != "HEAD" else b""
            while len(data) < ANSWER_LIMIT and (more := await response.content.read(ANSWER_LIMIT - len(data))):
                data += more
            return Reply(status=response.status, url=str(response.url), headers=response.headers, body=data)

    async def _watched(
        self,
        exchange: asyncio.Future[Reply],
        *,
        tracker: aiohttp.UploadTracker,
        on_moved: Callable[[int], None] | None,
        stall: float,
    ) -> Reply:
        """Wait for the answer as long as something moves.

        After the last body byte has left this process, the buffers on the way may need as long again as the body took:
        on a slow link that is no silence.
        """
        loop = asyncio.get_running_loop()
        began = moved_at = loop.time()
        moved = 0
        try:
            while not (await asyncio.wait({exchange}, timeout=TICK))[0]:
                now = loop.time()
                if tracker.bytes_written > moved:
                    moved, moved_at = tracker.bytes_written, now
                    if on_moved:
                        on_moved(moved)
                grace = moved_at - began if tracker.upload_complete.done() else 0.0
                if now - moved_at > stall + grace:
                    raise TimeoutError
            return exchange.result()
        finally:
            if not exchange.done():
                exchange.cancel()
                await asyncio.wait({exchange})

    async def _bearer(self) -> str | None:
        if callable(self._token) and self._token_value is None:
            value = self._token()
            self._token_value = await value if inspect.isawaitable(value) else value
        bearer = self._token_value if callable(self._token) else self._token
        if bearer and not (bearer.isascii() and bearer.isprintable()):
            message = "the token cannot be sent: expected printable ASCII"
            raise AuthError(message, hint="look for a line break at the end of the token's file")
        return bearer

    def _make_socket(self, address: Any) -> socket.socket:  # noqa: ANN401  # aiohttp's AddrInfoType is private
        """A socket that shows early whether bytes move, and that notices a dead peer."""
        made = socket.socket(family=address[0], type=address[1], proto=address[2])
        made.setblocking(False)  # noqa: FBT003  # the standard library's own signature
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(self._stall * 1000)))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 128 * 1024)
        return made


def _version() -> str:
    try:
        return metadata.version("tusvideo")
    except metadata.PackageNotFoundError:
        return "0"


def _trouble(error: BaseException) -> Trouble:
    match error:
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return Trouble.UNTRUSTED
        case aiohttp.ClientConnectorSSLError():
            return Trouble.CUT
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Trouble.UNREACHABLE
        case TimeoutError():
            return Trouble.STALLED
        case _:
            return Trouble.CUT


def _detail(trouble: Trouble, error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{trouble} ({reason})"
