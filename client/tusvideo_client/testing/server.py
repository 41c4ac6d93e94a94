"""The server that tests start: in a thread of its own, on a port of this machine, with everything in memory."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .faults import Fault, Kind, Step
from .house import House
from .records import Request, Upload
from .routes import answer
from .tus import COLLECTION

START_SECONDS = 30.0
RECEIVE_BUFFER = 64 * 1024
HEAD_LINE = 64 * 1024


class FlakyServer:
    """A server that speaks tus 1.0.0 at ``url + "/files/"`` and the chunk API below ``url``, and fails as it is told.

    Use it with ``with``, or call :meth:`start` and :meth:`stop`; or take the fixture ``flaky_server``. Its methods and
    attributes may be used in any thread, in callbacks of an upload and in async code::

        def test_my_script_survives_a_cut(flaky_server, tmp_path):
            video = tmp_path / "talk.mp4"
            video.write_bytes(bytes(3_000_000))
            flaky_server.cut(after_bytes=1_000_000)
            my_script.send(video, to=flaky_server.url)
            flaky_server.assert_holds(video)

    Bytes after which something happens are bytes of files, counted over all requests from the moment when it was told,
    and for ``times`` from one time to the next. The byte that is named is the last one that the server takes.

    Args:
        token: The bearer token that is right; none is asked for if not given.
        latency: Seconds before each request is looked at.
        rate: Bytes a second that a request may bring; as many as come if not given.
    """

    def __init__(self, *, token: str | None = None, latency: float = 0.0, rate: float | None = None) -> None:
        self._house = House(token=token, latency=latency, rate=rate)
        self._house.go_down = self._leave
        self._port = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._web: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._stopping: asyncio.Event | None = None
        self._return: asyncio.TimerHandle | None = None
        self._returning: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        held = ", ".join(map(str, self.uploads)) or "no uploads"
        wrong = "".join(f"; {fault}" for fault in self._house.plan.faults if fault.happened)
        waiting = "".join(f"; waiting: {fault}" for fault in self.pending)
        requests = f"{len(self.requests)} requests"
        return f"<FlakyServer {self.url}: {held}; {requests}, {self.repeated} bytes twice{wrong}{waiting}>"

    def start(self) -> None:
        """Listen. Safe to repeat.

        Raises:
            OSError: No port of this machine is free.
        """
        if self._thread is not None:
            return
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="flaky-server", daemon=True)
        self._thread.start()
        try:
            ready.result(START_SECONDS)
        except BaseException:
            self._thread.join()
            self._thread = None
            raise

    def stop(self) -> None:
        """Drop every connection, and end the thread; what was written down can still be read. Safe to repeat."""
        if self._thread is None:
            return
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    # what a test looks at

    @property
    def url(self) -> str:
        """The root that clients are given, as ``http://127.0.0.1:40321``. The same after :meth:`come_back`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def tus_url(self) -> str:
        """Where tus clients make uploads."""
        return f"{self.url}{COLLECTION}"

    @property
    def uploads(self) -> list[Upload]:
        """What the server has now, in the order of its making."""
        return self._house.present()

    @property
    def upload(self) -> Upload:
        """The one upload there is.

        Raises:
            AssertionError: There is none, or there are several.
        """
        if len(self.uploads) == 1:
            return self.uploads[0]
        message = f"expected one upload, but there are {len(self.uploads)}\n{self.log}"
        raise AssertionError(message)

    @property
    def creations(self) -> int:
        """How many uploads were made, with those that are gone."""
        return self._house.creations

    @property
    def requests(self) -> list[Request]:
        """The requests that came, in their order."""
        return list(self._house.requests)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The video records that were made (``POST /api/videos/metadata``)."""
        return [dict(record) for record in self._house.records]

    @property
    def received(self) -> int:
        """Bytes of files that came, repetitions included."""
        return sum(request.received for request in self.requests)

    @property
    def repeated(self) -> int:
        """How many of them came for the second time, also when the server had forgotten or refused them."""
        return sum(upload.repeated for upload in list(self._house.uploads))

    @property
    def pending(self) -> list[Fault]:
        """What it was told and did not do yet."""
        return self._house.plan.pending

    @property
    def log(self) -> str:
        """The requests, one a line, with how each ended and what went wrong; shown by pytest when a test fails."""
        waiting = [f"     never happened: {fault}" for fault in self.pending]
        return "\n".join([repr(self), *map(str, self.requests), *waiting])

    def count(self, step: Step) -> int:
        """How many requests of this kind came, answered or not."""
        return sum(request.step == step for request in self.requests)

    def assert_holds(self, source: bytes | str | Path) -> None:
        """Check that there is one upload, that it is complete, and that it has these bytes, or those of this file.

        Raises:
            AssertionError: With the first byte that differs.
        """
        expected = source if isinstance(source, bytes) else Path(source).read_bytes()
        upload, found = self.upload, self.upload.data
        if upload.is_complete and found == expected:
            return
        state = f"expected {len(expected)} bytes, complete; the server has {upload!r}"
        common = min(len(expected), len(found))
        differs = next((at for at in range(common) if expected[at] != found[at]), None)
        where = (
            f"\nbyte {differs} is {found[differs]:#04x}, not {expected[differs]:#04x}" if differs is not None else ""
        )
        message = f"{state}{where}\n{self.log}"
        raise AssertionError(message)

    def assert_faults_happened(self) -> None:
        """Check that everything that the server was told to do wrong did go wrong: else a test proves nothing.

        The fixture does so after a test that passed; :meth:`forgive` takes back what need not happen.

        Raises:
            AssertionError: With what did not happen.
        """
        if self.pending:
            message = f"the server was told to fail, and was not given the occasion\n{self.log}"
            raise AssertionError(message)

    # what it is told

    @property
    def token(self) -> str | None:
        """The bearer token that is right; None if none is asked for. May be set."""
        return self._house.token

    @token.setter
    def token(self, token: str | None) -> None:
        self._house.token = token

    @property
    def latency(self) -> float:
        """Seconds before each request is looked at. May be set."""
        return self._house.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._house.latency = seconds

    @property
    def rate(self) -> float | None:
        """Bytes a second that a request may bring; None for as many as come. May be set."""
        return self._house.rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self._house.rate = rate

    def cut(self, *, after_bytes: int, times: int = 1) -> Fault:
        """Reset the connection that brings this byte.

        tus keeps the bytes that came, the chunk API drops the torn chunk.
        """
        return self._tell(Fault(kind=Kind.CUT, after_bytes=after_bytes, times=times))

    def go_silent(self, *, after_bytes: int, times: int = 1) -> Fault:
        """Take nothing more from the connection that brings this byte, and answer nothing; other connections work.

        It lasts until the client gives the connection up, or the server stops.
        """
        return self._tell(Fault(kind=Kind.SILENCE, after_bytes=after_bytes, times=times))

    def refuse(
        self, *, status: int = 503, times: int = 1, step: Step | None = None, retry_after: int | None = None
    ) -> Fault:
        """Answer the next requests with this status, and do nothing of what they ask.

        Args:
            status: The status of the answer, from 400 to 599.
            times: How many requests.
            step: Only requests for this, as ``"append"`` or ``"offset"``.
            retry_after: Whole seconds, for the field Retry-After; it is left out if not given.

        Raises:
            ValueError: The status refuses nothing, or no request is ever for this step.
        """
        return self._tell(Fault(kind=Kind.REFUSE, status=status, times=times, step=step, retry_after=retry_after))

    def lose_answer(self, step: Step, *, times: int = 1) -> Fault:
        """Do what the next request of this kind asks, and reset its connection instead of answering."""
        return self._tell(Fault(kind=Kind.LOSE, step=step, times=times))

    def flip_bit(self, *, at: int, times: int = 1) -> Fault:
        """Damage this byte of a file on its way, so that other bytes are stored than were sent."""
        return self._tell(Fault(kind=Kind.FLIP, at=at, times=times))

    def forget_upload(self, *, after_bytes: int | None = None) -> Fault:
        """Lose the uploads that are unfinished, now or at this byte, whose connection is reset then: they are 404."""
        return self._now_or_at(Fault(kind=Kind.FORGET, after_bytes=after_bytes), self._house.forget)

    def expire_token(self, fresh: str, *, after_bytes: int | None = None) -> Fault:
        """Take only the token ``fresh`` from now on, or from this byte on (whose request is answered 401 then)."""

        def expire() -> None:
            self._house.token = fresh

        return self._now_or_at(Fault(kind=Kind.EXPIRE, after_bytes=after_bytes, token=fresh), expire)

    def go_down(self, *, seconds: float | None = None, after_bytes: int | None = None) -> Fault:
        """Reset every connection and refuse new ones, now or at this byte.

        Args:
            seconds: How long; until :meth:`come_back` if not given.
            after_bytes: The byte.
        """
        fault = Fault(kind=Kind.DOWN, seconds=seconds, after_bytes=after_bytes)
        return self._now_or_at(fault, lambda: self._leave(seconds))

    def come_back(self) -> None:
        """Listen again, on the same port; everything that was stored is still there. Safe to repeat."""
        self._within(self._listen)

    def forgive(self) -> None:
        """Do nothing wrong any more."""
        self._house.plan.clear()

    def _tell(self, fault: Fault) -> Fault:
        return self._house.plan.add(fault)

    def _now_or_at(self, fault: Fault, act: Callable[[], None]) -> Fault:
        """Let something happen at a byte or, if none is named, at once."""
        if fault.after_bytes is not None:
            return self._tell(fault)

        async def now() -> None:
            act()

        self._within(now)
        fault.happen()
        return self._tell(fault)

    # the thread

    def _run(self, ready: "Future[None]") -> None:
        """The server's thread: from the first to the last moment."""
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve(ready))
        except BaseException as error:  # told in the thread that waits for the start
            if ready.done():
                raise
            ready.set_exception(error)
        finally:
            self._loop = None

    async def _serve(self, ready: "Future[None]") -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._web = web.Server(
            self._answer, access_log=None, auto_decompress=False, max_line_size=HEAD_LINE, max_field_size=HEAD_LINE
        )
        # Bound beside the one that listens, so that the port is nobody else's while the server is down.
        with socket.socket() as reserved:
            _bind(reserved, 0)
            self._port = reserved.getsockname()[1]
            await self._listen()
            ready.set_result(None)
            await self._stopping.wait()
            self._leave(None)
            await self._web.shutdown(0.1)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        return await answer(self._house, request)

    async def _listen(self) -> None:
        if self._return is not None:
            self._return.cancel()
        if self._listener is not None or self._loop is None or self._web is None:
            return
        listening = socket.socket()
        # Small, so that what a client sends and the server does not take is soon noticed by the client.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _bind(listening, self._port)
        self._listener = await self._loop.create_server(self._web, sock=listening)

    def _leave(self, seconds: float | None) -> None:
        """In the server's thread: reset every connection and listen no more."""
        if self._return is not None:
            self._return.cancel()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in self._web.connections if self._web else ():
            if connection.transport is not None:
                connection.transport.abort()
        if seconds is not None and self._loop is not None:
            self._return = self._loop.call_later(seconds, self._come_back_later)

    def _come_back_later(self) -> None:
        self._returning = asyncio.ensure_future(self._listen())

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            message = "the server does not run: use `with FlakyServer() as server`"
            raise RuntimeError(message)
        return self._loop

    def _within(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something in the server's thread, and wait until it is done."""
        loop = self._running()
        asyncio.run_coroutine_threadsafe(act(), loop).result()


def _bind(socket_: socket.socket, port: int) -> None:
    if hasattr(socket, "SO_REUSEPORT"):
        socket_.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    elif port:
        socket_.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    socket_.bind(("127.0.0.1", port))
