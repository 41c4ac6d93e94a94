"""HTTP, as thin as it gets: one request, one answer, and one place where the library's errors become ours.

The only module that imports aiohttp. It decides nothing: no retry, no redirect, no opinion about a status.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How much longer, or shorter, one request may take than the timeouts say.

    Attributes:
        answer: Seconds that the answer may take on top, for a request that means work.
        stretch: So many times longer nothing may move.
        connect: Seconds that a connection may take to come about, instead of the usual time.
    """

    answer: float = 0.0
    stretch: float = 1.0
    connect: float | None = None


USUAL = Patience()


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
        self._running = 0
        self._is_doubtful = False

    async def __aenter__(self) -> Self:
        self._session = self._make_session()
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
        patience: Patience = USUAL,
        rival: Callable[[], Awaitable[bool]] | None = None,
        is_apart: bool = False,
    ) -> Reply:
        """Make one request and read its answer. Redirects are not followed.

        Safe to cancel: the connection is reset.

        Args:
            method: HTTP method.
            url: Absolute address.
            headers: Fields of this request.
            body: What to send.
            on_moved: Called about ten times a second, when something moved.
            patience: How much longer, or shorter, than usual it may take.
            rival: Asks the server something over another connection, and tells whether it answered. It is begun when
                nothing moved for ``timeouts.probe``; if it succeeds while this request sleeps, this one is given up.
            is_apart: Over a connection of its own, not over one that was idle: that may have died unseen.

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
        await self._leave_behind()
        exchange = asyncio.ensure_future(
            self._exchange(
                method,
                url,
                headers=fields,
                body=body,
                movement=movement,
                tracker=tracker,
                connect=patience.connect or self.timeouts.connect,
                is_apart=is_apart or self._is_doubtful,
            )
        )
        self._running += 1
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
            self._is_doubtful = True
            raise Interrupted(
                trouble,
                detail=_detail(trouble, error),
                moved=movement.acked,
                silent=loop.time() - movement.at,
            ) from error
        finally:
            self._running -= 1
            if isinstance(body, Body):
                body.acked = movement.acked

    async def _leave_behind(self) -> None:
        """Use no idle connection any more after one was lost: what took that one may have taken all, unseen.

        While other requests run they keep theirs, and a new one gets a connection of its own.
        """
        if self._is_doubtful and not self._running and self._session is not None:
            before, self._session, self._is_doubtful = self._session, self._make_session(), False
            await before.close()

    def _make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            # Connections are few, and a new one is made when something has changed: maybe the address of the name.
            connector=aiohttp.TCPConnector(limit=0, use_dns_cache=False, socket_factory=self._make_socket),
            timeout=aiohttp.ClientTimeout(total=None, connect=self.timeouts.connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Response,
            headers={"User-Agent": f"tusvideo-client/{_version()}"},
        )

    async def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        body: Body | bytes | None,
        movement: Movement,
        tracker: aiohttp.UploadTracker,
        connect: float,
        is_apart: bool,
    ) -> Reply:
        assert self._session is not None  # noqa: S101  # send() made sure; this tells the type checker
        _MOVEMENT.set(movement)  # seen by this exchange only, because it is a task of its own
        async with (
            self._make_session() if is_apart else nullcontext(self._session) as session,
            session.request(
                method,
                url,
                headers=headers,
                data=body if movement.length else None,  # of what yields nothing the library makes an endless body
                allow_redirects=False,
                upload_tracker=tracker,
                timeout=aiohttp.ClientTimeout(total=None, connect=connect),
            ) as response,
        ):
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
        patience: Patience,
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
                limit, probe = self._limits(patience, is_whole=movement.is_whole)
                if movement.transport is None:
                    continue  # the time for a connection is limited by the library
                if silent > limit:
                    raise TimeoutError
                if rival is None or (movement.is_whole and not races_answer):
                    continue
                if race is None and silent > probe:
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

    def _limits(self, patience: Patience, *, is_whole: bool) -> tuple[float, float]:
        """After so many seconds of silence a request is given up, and a rival is begun."""
        times = self.timeouts
        if is_whole:
            return times.response + patience.answer, times.probe
        return times.stall * patience.stretch, times.probe * patience.stretch

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
