"""HTTP, as thin as it gets: one request, one answer, and one place where the library's errors become ours.

The only module that imports aiohttp. It decides nothing: no retry, no redirect, no opinion about a status.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from importlib import metadata
from types import TracebackType
from typing import Any, Self

import aiohttp

from . import link
from .body import Body
from .credentials import Auth, Credentials, Token
from .movement import Movement
from .state import Timeouts, Trouble
from .throttle import Throttle
from .wire import origin_of, parse_object

ANSWER_LIMIT = 1024 * 1024


class Interrupted(Exception):  # an event for the planner, never shown to a caller
    """A request ended without an answer.

    Attributes:
        trouble: How it ended.
        detail: The same in words, with the system's reason.
        moved: Body bytes that the peer acknowledged; those that the network took where the platform does not tell.
        silent: Seconds from the last movement to the end.
    """

    def __init__(self, trouble: Trouble, *, detail: str, moved: int, silent: float = 0.0) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = detail
        self.moved = moved
        self.silent = silent


_MOVEMENT: ContextVar[Movement | None] = ContextVar("movement", default=None)


class _Response(aiohttp.ClientResponse):
    """An answer that tells, before it is waited for, over which connection it will come."""

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if (movement := _MOVEMENT.get()) is not None:
            movement.attach(connection.transport, now=asyncio.get_running_loop().time())
        return await super().start(connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, its fields by case-insensitive name; ``bearer`` is the credential that the request carried."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    bearer: str | None = field(default=None, repr=False)

    @property
    def is_success(self) -> bool:
        """True for every 2xx status."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def facts(self) -> dict[str, Any]:
        """The JSON object in the body, or an empty one."""
        return parse_object(self.body)


class Transport:
    """A pool of connections to one server.

    Args:
        base_url: Root of the server; the credentials go to its origin and to no other.
        token: Bearer token, or a callable (may be async) that makes one.
        auth: Name and password, or a callable (may be async) that gives them.
        timeouts: How long nothing may happen. A slow link is no stalled link.
        throttle: Lets the bytes of bodies leave no faster than they may.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Token = None,
        auth: Auth = None,
        timeouts: Timeouts | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._origin = origin_of(base_url)
        self.timeouts = timeouts or Timeouts()
        self.round_trip: float | None = None
        self._throttle = throttle
        self._credentials = Credentials(token=token, auth=auth)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # Connections are few, and a new one is made when something has changed: maybe the address of the name.
            connector=aiohttp.TCPConnector(limit=0, use_dns_cache=False, socket_factory=self._make_socket),
            timeout=aiohttp.ClientTimeout(total=None, connect=self.timeouts.connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Response,
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
        """True if refused credentials may be replaced by fresh ones."""
        return self._credentials.can_renew

    async def renew_token(self, refused: str | None) -> bool:
        """Ask the provider of the credentials, unless another upload has done so; True if they are others than before.

        Args:
            refused: Those that were refused; None if the request carried none.
        """
        return await self._credentials.renew(refused)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | bytes | None = None,
        on_moved: Callable[[Movement], None] | None = None,
        patience: float = 0.0,
        connect: float | None = None,
        rival: Callable[[], Awaitable[bool]] | None = None,
    ) -> Reply:
        """Make one request and read its answer. Redirects are not followed.

        Safe to cancel: the connection is reset.

        Args:
            method: HTTP method.
            url: Absolute address.
            headers: Fields of this request.
            body: What to send.
            on_moved: Called about ten times a second, when something moved.
            patience: Seconds that the answer may take on top, for a request that means work.
            connect: Seconds that a connection may take to come about, if it is not the usual time.
            rival: Asks the server something over another connection, and tells whether it answered. It is begun when
                nothing moved for ``timeouts.probe``; if it succeeds while this request sleeps, this one is given up.

        Raises:
            Interrupted: There is no answer.
            UploadError: The body could not be read.
        """
        if self._session is None:
            message = "the uploader is not open: use `async with`"
            raise RuntimeError(message)
        fields = dict(headers or {})
        bearer = await self._credentials.value() if origin_of(url) == self._origin else None
        if bearer:
            fields["Authorization"] = f"{self._credentials.scheme} {bearer}"
        if isinstance(body, Body):
            fields["Content-Length"] = str(body.length)
            body.throttle = self._throttle
        loop = asyncio.get_running_loop()
        length = body.length if isinstance(body, Body) else len(body or b"")
        on_left = body.on_left if isinstance(body, Body) else None
        tracker = aiohttp.UploadTracker()
        movement = Movement(tracker=tracker, length=length, at=loop.time(), on_left=on_left)
        exchange = asyncio.ensure_future(
            self._exchange(method, url, headers=fields, body=body, movement=movement, tracker=tracker, connect=connect)
        )
        try:
            reply = await self._watched(
                exchange,
                movement,
                on_moved=on_moved,
                patience=patience,
                rival=rival,
                races_answer=isinstance(body, Body) and body.may_repeat,
            )
            if isinstance(body, Body) and reply.is_success:
                movement.acked = body.length  # nobody says yes to what has not arrived
            return replace(reply, bearer=bearer)
        except (aiohttp.ClientError, ssl.SSLError, OSError, TimeoutError, EOFError) as error:
            if isinstance(body, Body) and body.error is not None:
                raise body.error from None
            trouble = _trouble(error)
            raise Interrupted(
                trouble,
                detail=_detail(trouble, error),
                moved=movement.acked,
                silent=loop.time() - movement.at,
            ) from error
        finally:
            if isinstance(body, Body):
                body.acked = movement.acked

    async def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        body: Body | bytes | None,
        movement: Movement,
        tracker: aiohttp.UploadTracker,
        connect: float | None,
    ) -> Reply:
        assert self._session is not None  # noqa: S101  # send() made sure; this tells the type checker
        _MOVEMENT.set(movement)  # seen by this exchange only, because it is a task of its own
        async with self._session.request(
            method,
            url,
            headers=headers,
            data=body if movement.length else None,  # of what yields nothing the library makes a body that never ends
            allow_redirects=False,
            upload_tracker=tracker,
            timeout=aiohttp.ClientTimeout(total=None, connect=connect or self.timeouts.connect),
        ) as response:
            self.round_trip = movement.round_trip() or self.round_trip
            movement.look(asyncio.get_running_loop().time())
            data = await response.content.read(ANSWER_LIMIT) if method != "HEAD" else b""
            while len(data) < ANSWER_LIMIT and (more := await response.content.read(ANSWER_LIMIT - len(data))):
                data += more
            return Reply(status=response.status, url=str(response.url), headers=response.headers, body=data)

    async def _watched(
        self,
        exchange: asyncio.Future[Reply],
        movement: Movement,
        *,
        on_moved: Callable[[Movement], None] | None,
        patience: float,
        rival: Callable[[], Awaitable[bool]] | None,
        races_answer: bool,
    ) -> Reply:
        """Wait for the answer as long as something moves.

        Movement is what the peer acknowledged: what only went into a buffer of ours tells nothing. The time for the
        answer begins when the peer has the whole request.
        """
        loop = asyncio.get_running_loop()
        race: asyncio.Future[bool] | None = None
        try:
            while not (await asyncio.wait({exchange}, timeout=movement.tick))[0]:
                now = loop.time()
                if movement.look(now):
                    if on_moved:
                        on_moved(movement)
                    await _drop(race)
                    race = None
                silent = now - movement.at
                limit = self.timeouts.response + patience if movement.is_whole else self.timeouts.stall
                if movement.transport is None:
                    continue  # the time for a connection is limited by the library
                if silent > limit:
                    raise TimeoutError
                if rival is None or (movement.is_whole and not races_answer):
                    continue
                if race is None and silent > self.timeouts.probe:
                    race = asyncio.ensure_future(rival())
                if race is not None and race.done() and race.result():
                    raise TimeoutError
            return exchange.result()
        finally:
            await _drop(race)
            if not exchange.done():
                movement.abort()
                exchange.cancel()
                await asyncio.wait({exchange})

    def _make_socket(self, address: Any) -> socket.socket:  # noqa: ANN401  # aiohttp's AddrInfoType is private
        return link.make_socket(address[0], address[1], address[2])


async def _drop(race: asyncio.Future[bool] | None) -> None:
    if race is not None and not race.done():
        race.cancel()
        await asyncio.wait({race})


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
