"""The real shell and the real services on a loopback socket, over stores in memory."""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from tests.fakes.media import MemoryBeginnings, MemoryThumbnails
from tests.web.wire import Answer, Wire, connect, until
from tusvideo.clock import SystemClock
from tusvideo.config.settings import BUILT_IN_PROFILES
from tusvideo.errors import Unauthenticated
from tusvideo.events.log import LogEvents
from tusvideo.locks.memory import MemoryLocks
from tusvideo.message import RequestHead
from tusvideo.model import Limits, Profile, Status, UserId
from tusvideo.ports import Clock
from tusvideo.service.captions import CaptionService
from tusvideo.service.concatenating import Concatenating
from tusvideo.service.finalizing import FinalizeService
from tusvideo.service.inspecting import Inspecting
from tusvideo.service.parts import PartService
from tusvideo.service.playing import PlayService
from tusvideo.service.progress import ProgressService
from tusvideo.service.proving import ProofService
from tusvideo.service.publishing import Publisher
from tusvideo.service.uploads import UploadService
from tusvideo.service.videos import VideoService
from tusvideo.sessions.memory import MemorySessions
from tusvideo.stores.memory import MemoryStore
from tusvideo.web.app import make_runner
from tusvideo.web.auth import LocalAuthenticator
from tusvideo.web.keys import House, Policy

TUS = "Tus-Resumable: 1.0.0"
BYTES = "Content-Type: application/offset+octet-stream"
EXPECT = "Expect: 100-continue"


def patch(path: str, offset: int, length: int, *more: str) -> tuple[str, ...]:
    """The head of a PATCH of tus."""
    return f"PATCH {path} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {offset}", f"Content-Length: {length}", *more


class TokenAuthenticator:
    """Knows a user by the name in ``Authorization: Bearer NAME``."""

    async def identify(self, head: RequestHead) -> UserId:
        """Name the user."""
        scheme, _, name = (head.one("Authorization") or "").partition(" ")
        if scheme != "Bearer" or name not in {"alice", "bob"}:
            raise Unauthenticated
        return UserId(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server and what lies behind it."""

    port: int
    house: House
    store: MemoryStore
    sessions: MemorySessions
    locks: MemoryLocks
    stop: Callable[[], Coroutine[Any, Any, None]]
    """Ends the server within a second or two."""
    connections: Callable[[], int]
    """Counts the connections that the server holds."""

    @contextlib.asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """Open a connection for a while."""
        wire = await connect(self.port)
        try:
            yield wire
        finally:
            await wire.close()

    async def ask(self, *lines: str, body: bytes = b"") -> Answer:
        """Send one request on a connection of its own."""
        async with self.wire() as wire:
            return await wire.ask(*lines, body=body)

    async def create(self, length: int | None, *fields: str) -> str:
        """Make a tus upload and give its path."""
        size = "Upload-Defer-Length: 1" if length is None else f"Upload-Length: {length}"
        answer = await self.ask("POST /files/ HTTP/1.1", TUS, size, *fields)
        assert answer.status == 201, answer.body
        return answer.headers["Location"]

    async def offset(self, path: str) -> int:
        """Ask where an upload stands."""
        answer = await self.ask(f"HEAD {path} HTTP/1.1", TUS)
        assert answer.status == 200
        return int(answer.headers["Upload-Offset"])

    async def is_receiving(self) -> bool:
        """Tell whether there is one unfinished upload, and a body on its way into it."""
        rows = await self.sessions.with_status(Status.OPEN, after=None, limit=2)
        return len(rows) == 1 and len(self.locks.transfers(rows[0].id)) == 1

    async def reached(self, path: str, offset: int) -> None:
        """Wait until so many bytes are stored."""

        async def check() -> bool:
            return await self.offset(path) >= offset

        await until(check)


Start = Callable[..., Awaitable[Served]]


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    """Start servers with other limits, policies or services; they are stopped after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def run(
            *,
            limits: Limits | None = None,
            store: MemoryStore | None = None,
            sessions: Any = None,
            profiles: Mapping[str, Profile] = BUILT_IN_PROFILES,
            clock: Clock | None = None,
            **changes: Any,
        ) -> Served:
            store, sessions, locks = store or MemoryStore(), sessions or MemorySessions(), MemoryLocks()
            made = _house(
                store, sessions, locks, limits=limits or Limits(), profiles=profiles, clock=clock or SystemClock()
            )
            house = replace(made, **changes)
            runner = make_runner(house, stop_seconds=1)
            await runner.setup()
            server = runner.server
            assert server is not None
            stack.push_async_callback(runner.cleanup)
            # As a server does first: streams of events end with it, and nobody waits a second for them.
            stack.callback(house.stopping.set)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            return Served(
                port=runner.addresses[0][1],
                house=house,
                store=store,
                sessions=sessions,
                locks=locks,
                stop=runner.cleanup,
                connections=lambda: len(server.connections),
            )

        yield run


def _house(
    store: MemoryStore,
    sessions: MemorySessions,
    locks: MemoryLocks,
    *,
    limits: Limits,
    profiles: Mapping[str, Profile],
    clock: Clock,
) -> House:
    publisher = Publisher(
        store=store,
        sessions=sessions,
        events=LogEvents(),
        clock=clock,
        profiles=profiles,
        limits=limits,
    )
    concatenating = Concatenating(publisher=publisher, locks=locks, videos=sessions)
    uploads = UploadService(publisher=publisher, locks=locks, videos=sessions, concatenating=concatenating)
    videos = VideoService(publisher=publisher, videos=sessions, uploads=uploads)
    return House(
        uploads=uploads,
        proofs=ProofService(publisher=publisher),
        parts=PartService(publisher=publisher, locks=locks, uploads=uploads),
        finalizing=FinalizeService(publisher=publisher, locks=locks, videos=sessions),
        videos=videos,
        progress=ProgressService(publisher=publisher, locks=locks, records=sessions, videos=videos),
        pictures=Inspecting(
            publisher=publisher,
            videos=sessions,
            inspector=None,
            thumbnails=MemoryThumbnails(),
            beginnings=MemoryBeginnings(),
        ),
        playing=PlayService(publisher=publisher, videos=sessions, uploads=uploads, beginnings=MemoryBeginnings()),
        captions=CaptionService(publisher=publisher, captions=sessions),
        authenticator=LocalAuthenticator(),
        clock=clock,
        profiles=profiles,
        default_profile="files",
        limits=limits,
        policy=Policy(),
        ready=store.free_bytes,
    )


@pytest_asyncio.fixture
async def served(start: Start) -> Served:
    """One server with the settings of the house."""
    return await start()


class Lines:
    """The log lines that tell of requests."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def requests(self) -> list[Mapping[str, Any]]:
        """The data of every request line so far."""
        return [vars(record)["data"] for record in self._caplog.records if record.getMessage() == "request"]

    async def reached(self, count: int) -> None:
        """Wait until so many requests have been logged, which is the last thing that is done for them."""
        await until(lambda: len(self.requests()) >= count)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What the server logs about requests."""
    caplog.set_level(logging.INFO, logger="tusvideo")
    return Lines(caplog)
