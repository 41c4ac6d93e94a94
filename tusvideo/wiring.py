"""The composition root: which adapter goes into which service, and what all of them are to the web."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tusvideo.clock import SystemClock
from tusvideo.config import Config, StorageSettings
from tusvideo.errors import ConfigError, DiskFull, StorageFailed
from tusvideo.events.log import LogEvents
from tusvideo.locks.memory import MemoryLocks
from tusvideo.media.inspector import ChildInspector, is_available
from tusvideo.service.captions import CaptionService
from tusvideo.service.concatenating import Concatenating
from tusvideo.service.finalizing import FinalizeService
from tusvideo.service.inspecting import Inspecting
from tusvideo.service.parts import PartService
from tusvideo.service.playing import PlayService
from tusvideo.service.progress import ProgressService
from tusvideo.service.proving import ProofService
from tusvideo.service.publishing import Publisher
from tusvideo.service.recovery import Recovery
from tusvideo.service.removing import Removing
from tusvideo.service.sweeper import Sweeper
from tusvideo.service.syncing import BackgroundSync
from tusvideo.service.uploads import UploadService
from tusvideo.service.videos import VideoService
from tusvideo.sessions.sqlite import SqliteSessions
from tusvideo.stores import files
from tusvideo.stores.disk import DiskStore
from tusvideo.stores.layout import Layout
from tusvideo.stores.sidecars import DiskSidecars
from tusvideo.web.auth import LocalAuthenticator
from tusvideo.web.keys import House, Policy

DEFAULT_PROFILE: Final = "files"
"""Of uploads on ``/files/`` that name none."""

_NO_TABLE: Final = (
    "expected the session table of the uploads in {staging}, got nothing at {table}; name it (database in [storage],"
    " with --config FILE) or put a copy of it there; to give these uploads up, move {staging} away"
)
_NO_DATA: Final = (
    "expected the uploads that the session table {table} knows, got no folder {staging}; mount it or name the right"
    " --data-dir; to give these uploads up, make that folder"
)


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


def house_of(server: Server, config: Config) -> House:
    """Give the web what it hands requests to."""

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
