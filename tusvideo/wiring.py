"""The composition root: which adapter goes into which service, and the life of a server from start to stop."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from aiohttp import http_parser, web

from tusvideo import __version__, descriptors
from tusvideo.allocator import collect_seldom, keep_freed_blocks
from tusvideo.clock import SystemClock
from tusvideo.config import Address, Config, StorageSettings
from tusvideo.errors import ConfigError, DiskFull, StorageFailed, TusvideoError, Unavailable
from tusvideo.events.log import LogEvents
from tusvideo.locks.memory import MemoryLocks
from tusvideo.log import cause_of, configure_log, event
from tusvideo.media.inspector import ChildInspector, is_available
from tusvideo.model import Durability
from tusvideo.service.captions import CaptionService
from tusvideo.service.concatenating import Concatenated, Concatenating
from tusvideo.service.finalizing import FinalizeService
from tusvideo.service.inspecting import Inspected, Inspecting
from tusvideo.service.parts import PartService
from tusvideo.service.playing import PlayService
from tusvideo.service.progress import ProgressService
from tusvideo.service.proving import ProofService
from tusvideo.service.publishing import Publisher
from tusvideo.service.recovery import Recovery
from tusvideo.service.removing import Removed, Removing
from tusvideo.service.sweeper import Sweeper, Swept
from tusvideo.service.syncing import BackgroundSync, Synced
from tusvideo.service.uploads import UploadService
from tusvideo.service.videos import VideoService
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore
from tusvideo.stores.layout import Layout
from tusvideo.stores.sidecars import DiskSidecars
from tusvideo.web.app import make_runner
from tusvideo.web.auth import LocalAuthenticator
from tusvideo.web.keys import House, Policy

_logger: Final = logging.getLogger(__name__)

T = TypeVar("T")

DEFAULT_PROFILE: Final = "files"
"""Of uploads on ``/files/`` that name none."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_WHY_NOT: Final = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another port with --listen",
    errno.EACCES: "this user may not take that port; choose one above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}
_NO_C_PARSER: Final = (
    "aiohttp has no C parser here, and that one is what is tested;"
    " install a wheel of aiohttp for this platform, and unset AIOHTTP_NO_EXTENSIONS"
)
_NO_TABLE: Final = (
    "expected the session table of the uploads in {staging}, got nothing at {table}; name it (database in [storage],"
    " with --config FILE) or put a copy of it there; to give these uploads up, move {staging} away"
)
_NO_DATA: Final = (
    "expected the uploads that the session table {table} knows, got no folder {staging}; mount it or name the right"
    " --data-dir; to give these uploads up, make that folder"
)

SYNC_SECONDS: Final = 10.0
"""So often bytes are synced that were acknowledged before; half a minute is promised."""
FORCED_STOP_SECONDS: Final = 9.7
"""After so long a stop that hangs, on a disk that does not answer for one, is cut short: what is stored is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The adapters and services of one server, opened."""

    clock: SystemClock
    store: DiskStore
    sessions: SqliteSessions
    locks: MemoryLocks
    uploads: UploadService
    proofs: ProofService
    concatenating: Concatenating
    parts: PartService
    finalizing: FinalizeService
    videos: VideoService
    captions: CaptionService
    playing: PlayService
    progress: ProgressService
    recovery: Recovery
    sweeper: Sweeper
    syncing: BackgroundSync
    inspecting: Inspecting
    removing: Removing


def run(config: Config) -> int:
    """Run a server until it is told to stop, and give the exit code: 0 stopped as asked, 1 could not start."""
    configure_log(level=config.log.level, form=config.log.format)
    keep_freed_blocks()
    collect_seldom()
    try:
        return asyncio.run(serve(config))
    except TusvideoError as error:
        print(f"tusvideo: {error}", file=sys.stderr)  # noqa: T201  # for the person who typed the command
        return 1


async def serve(config: Config) -> int:
    """Recover, listen, tell on stdout that the server is ready, and serve until SIGTERM or SIGINT.

    Raises TusvideoError, with a sentence for the operator, when the server cannot start; everything is closed then.
    """
    require_c_parser()
    stop = _stop_signals()
    async with opened(config) as server:
        if await _recover(server, stop):
            await _serve_until(stop, server, config)
    event(_logger, logging.INFO, "server_stopped")
    return 0


@contextlib.asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Server]:
    """Open what a server consists of, and close it in the end: first the session table, then the data directory.

    Raises ConfigError, StorageFailed, DiskFull or Busy with a sentence for the operator when something cannot be used.
    """
    clock, events, locks = SystemClock(), LogEvents(), MemoryLocks()
    _require_pair(config.storage)
    async with contextlib.AsyncExitStack() as stack:
        store = await DiskStore.open(config.storage.data_dir, threads=config.storage.disk_threads)
        stack.push_async_callback(store.close)
        stack.enter_context(_held_alone(config.storage.database_path))
        sessions = await SqliteSessions.open(config.storage.database_path)
        stack.push_async_callback(sessions.close)
        locks.start_epochs_after(await sessions.last_epoch())
        publisher = Publisher(
            store=store,
            sessions=sessions,
            events=events,
            clock=clock,
            profiles=config.profiles,
            limits=config.limits,
            durability=config.storage.durability,
            inspects=is_available(),
        )
        thumbnails = DiskSidecars.thumbnails(config.storage.data_dir)
        stack.push_async_callback(thumbnails.close)
        beginnings = DiskSidecars.beginnings(config.storage.data_dir)
        stack.push_async_callback(beginnings.close)
        concatenating = Concatenating(publisher=publisher, locks=locks, videos=sessions)
        stack.push_async_callback(concatenating.close)
        uploads = UploadService(publisher=publisher, locks=locks, videos=sessions, concatenating=concatenating)
        videos = VideoService(publisher=publisher, videos=sessions, uploads=uploads)
        yield Server(
            clock=clock,
            store=store,
            sessions=sessions,
            locks=locks,
            uploads=uploads,
            proofs=ProofService(publisher=publisher),
            concatenating=concatenating,
            parts=PartService(publisher=publisher, locks=locks, uploads=uploads),
            finalizing=FinalizeService(publisher=publisher, locks=locks, videos=sessions),
            videos=videos,
            captions=CaptionService(publisher=publisher, captions=sessions),
            playing=PlayService(publisher=publisher, videos=sessions, uploads=uploads, beginnings=beginnings),
            progress=ProgressService(publisher=publisher, locks=locks, records=sessions, videos=videos),
            recovery=Recovery(publisher=publisher, uploads=uploads),
            sweeper=Sweeper(publisher=publisher, locks=locks),
            removing=Removing(publisher=publisher, videos=sessions, uploads=uploads),
            syncing=BackgroundSync(publisher=publisher, locks=locks),
            inspecting=Inspecting(
                publisher=publisher,
                videos=sessions,
                inspector=ChildInspector() if publisher.inspects else None,
                thumbnails=thumbnails,
                beginnings=beginnings,
            ),
        )


def _require_pair(storage: StorageSettings) -> None:
    """Refuse a session table without its data, and data without their session table.

    Recovery would take every unfinished upload for damaged, or every staging file for nobody's, and a later start with
    both could not undo that. One of them is missing when a configuration was forgotten, or a disk is not mounted.
    """
    table, staging = storage.database_path, Layout(storage.data_dir).staging
    with contextlib.suppress(OSError):
        has_table = table.is_file() and table.stat().st_size > 0
        if has_table and storage.database is not None and not staging.is_dir():
            raise ConfigError([_NO_DATA.format(table=table, staging=staging)])
        if not has_table and staging.is_dir() and any(staging.iterdir()):
            raise ConfigError([_NO_TABLE.format(table=table, staging=staging)])


@contextlib.contextmanager
def _held_alone(database: Path) -> Iterator[None]:
    """Keep a session table from every other server: one with other data would take all its uploads for damaged."""
    if database.is_dir():
        raise ConfigError([f"database {database} cannot be used: expected a file, got a folder; name a file in it"])
    try:
        lock = files.lock_folder(database.with_name(f"{database.name}.lock"))
    except BlockingIOError as error:
        mistake = f"database {database} is used by another server; stop that one or choose another database"
        raise ConfigError([mistake]) from error
    except (OSError, StorageFailed) as error:
        reason = getattr(error, "strerror", None) or "its lock file is not ours"
        raise ConfigError([f"database {database} cannot be used: {reason}"]) from error
    try:
        yield
    finally:
        files.close(lock)


def require_c_parser() -> None:
    """Refuse to go on without aiohttp's parser in C: the one in Python reads requests differently, and slowly."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ConfigError([_NO_C_PARSER])


async def _recover(server: Server, stop: asyncio.Event) -> bool:
    """Bring rows and files together; False when the stop came first, which is safe at any moment."""
    try:
        recovered = await unless(stop, server.recovery.run())
        await server.concatenating.run()
    except Unavailable as error:
        reason = error.__cause__ or error
        raise ConfigError([f"cannot bring session table and files together after the last stop: {reason}"]) from error
    if recovered is None:
        return False
    event(_logger, logging.INFO, "recovery_done", **asdict(recovered))
    return True


async def _serve_until(stop: asyncio.Event, server: Server, config: Config) -> None:
    house = _within_descriptors(_house(server, config))
    # aiohttp grants its time twice: to requests, and once more after it has ended their bodies.
    runner = make_runner(house, stop_seconds=config.server.stop_seconds / 2)
    await runner.setup()
    rounds = [
        asyncio.create_task(
            _again_and_again("sweep", server.sweeper.run, wait=partial(asyncio.sleep, config.storage.sweep_seconds))
        ),
        asyncio.create_task(
            _again_and_again(
                "concatenation", server.concatenating.run, wait=partial(asyncio.sleep, config.storage.sweep_seconds)
            )
        ),
        asyncio.create_task(_again_and_again("sync", server.syncing.run, wait=partial(asyncio.sleep, SYNC_SECONDS))),
        asyncio.create_task(_again_and_again("removal", server.removing.run, wait=server.removing.wait)),
        asyncio.create_task(_again_and_again("inspection", server.inspecting.run, wait=server.inspecting.wait)),
    ]
    try:
        site = await _listen(runner, config.server.listen)
        _announce(config, port=site.port, most_transfers=house.limits.max_transfers)
        await stop.wait()
        house.stopping.set()
        await site.stop()
        server.locks.stop_all()
    finally:
        for task in rounds:
            task.cancel()
        await asyncio.wait(rounds)
        await runner.cleanup()
        await server.syncing.run()


def _within_descriptors(house: House) -> House:
    """Refuse transfers before there is no descriptor left to accept a connection, or to open a file, with."""
    most = min(house.limits.max_transfers, descriptors.take_all())
    return replace(house, limits=replace(house.limits, max_transfers=most))


def _house(server: Server, config: Config) -> House:
    async def ready() -> None:
        await server.sessions.check()
        if await server.store.free_bytes() < config.limits.min_free_bytes:
            raise DiskFull

    return House(
        uploads=server.uploads,
        proofs=server.proofs,
        parts=server.parts,
        finalizing=server.finalizing,
        videos=server.videos,
        progress=server.progress,
        pictures=server.inspecting,
        captions=server.captions,
        playing=server.playing,
        authenticator=LocalAuthenticator(),
        clock=server.clock,
        profiles=config.profiles,
        default_profile=DEFAULT_PROFILE,
        limits=config.limits,
        policy=Policy(
            allowed_hosts=config.server.allowed_hosts,
            allowed_origins=config.server.allowed_origins,
            trusted_proxies=config.server.trusted_proxies,
            max_header_bytes=config.max_header_bytes,
            interim_answers=config.server.interim_answers,
        ),
        ready=ready,
        durability=config.storage.durability,
    )


async def _listen(runner: web.ServerRunner, address: Address) -> web.TCPSite:
    try:
        host = address.host
        if not address.port:
            # A name with several addresses would get a free port for each of them, and only one can be told.
            found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=socket.SOCK_STREAM)
            host = str(found[0][4][0])
        site = web.TCPSite(runner, host, address.port)
        await site.start()
    except socket.gaierror as error:
        raise ConfigError([f"cannot listen on {address}: no address is known for {address.host}"]) from error
    except OSError as error:
        number = error.errno or 0
        reason = _WHY_NOT.get(number, os.strerror(number).lower())
        raise ConfigError([f"cannot listen on {address}: {reason}"]) from error
    return site


def _announce(config: Config, *, port: int, most_transfers: int) -> None:
    address = Address(config.server.listen.host, port)
    if not address.is_loopback:
        event(_logger, logging.WARNING, "insecure_anonymous", listen=str(address), effect="everybody may do everything")
    if config.storage.durability is Durability.RELAXED:
        effect = "a power cut may take half a minute of unfinished uploads"
        event(_logger, logging.WARNING, "durability_relaxed", effect=effect)
    durability = config.storage.durability.value
    event(
        _logger,
        logging.INFO,
        "server_started",
        version=__version__,
        listen=str(address),
        durability=durability,
        max_transfers=most_transfers,
    )
    print(f"listening on http://{address}", flush=True)  # noqa: T201  # programs wait for this line


async def _again_and_again(
    name: str,
    work: Callable[[], Awaitable[Swept | Synced | Concatenated | Inspected | Removed]],
    *,
    wait: Callable[[], Awaitable[object]],
) -> None:
    """Do a piece of house-keeping in rounds; one that fails is told, and the next one may work."""
    while True:
        await wait()
        try:
            done = asdict(await work())
        except TusvideoError as error:
            event(_logger, logging.WARNING, f"{name}_failed", code=error.code, cause=cause_of(error))
        except Exception:  # the root of a task
            _logger.exception("%s_failed", name)
        else:
            if any(done.values()):
                event(_logger, logging.INFO, f"{name}_done", **done)


def _stop_signals() -> asyncio.Event:
    """Give what the first SIGTERM or SIGINT sets; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def begin(number: signal.Signals) -> None:
        if stop.is_set():
            return  # came before the lines below had been reached
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        event(_logger, logging.INFO, "server_stopping", signal=number.name)
        forced = threading.Timer(FORCED_STOP_SECONDS, _stop_by_force)
        forced.daemon = True
        forced.start()
        stop.set()

    for each in _SIGNALS:
        loop.add_signal_handler(each, begin, each)
    return stop


def _stop_by_force() -> None:
    event(_logger, logging.ERROR, "stop_forced", after_seconds=FORCED_STOP_SECONDS)
    os._exit(1)


async def unless(stop: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """Do work that is safe to interrupt; None when the stop came first."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait([working])
        return None
    return working.result()
