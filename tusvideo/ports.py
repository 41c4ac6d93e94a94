"""The seams of the house: what the service needs from disks, databases, locks, sockets and clocks.

Adapters implement these by shape; nothing inherits from them. Each docstring is a contract that the conformance suites
in ``tests/conformance`` check for every adapter.
"""

from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from tusvideo.commands import UploadEvent
from tusvideo.message import RequestHead
from tusvideo.model import ClientKey, Location, Part, Standing, Status, Upload, UploadId, UserId
from tusvideo.streams import Spool, Writer
from tusvideo.video import Inspection, Video


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Tell the wall time, aware and in UTC."""

    def monotonic(self) -> float:
        """Tell seconds that never jump; only differences mean something."""

    async def sleep(self, seconds: float) -> None:
        """Wait; may be cancelled."""


class Authenticator(Protocol):
    """Who is asking?"""

    async def identify(self, head: RequestHead) -> UserId:
        """Name the user from the head alone. Raises Unauthenticated. No byte of the body has been read."""


class Listener(Protocol):
    """Somebody who wants to know how a request gets on while it runs. Never raises, never waits long."""

    async def created(self, upload: Upload) -> None:
        """Hear of an upload that was just made, durably; no byte of its body has been read."""

    async def stored(self, upload: Upload) -> None:
        """Hear of bytes that are durable and committed."""


class PublishedFile(Protocol):
    """A published file, opened for reading; stays readable when its name is removed meanwhile."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def modified_at(self) -> datetime:
        """When the content last changed; aware, UTC, whole seconds."""

    @property
    def etag(self) -> str:
        """A strong entity tag, quotes included."""

    @property
    def descriptor(self) -> int:
        """The open file as a process that is started may inherit it, for reading; good until ``close``.

        Raises StorageFailed where there is no such thing, and after ``close``.
        """

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """Give the bytes [start, stop) in blocks of at most 256 KiB."""

    async def send(self, taker: int, *, start: int, stop: int) -> int:
        """Put bytes from ``start`` on into a socket that never waits, given by its descriptor; give how many it took.

        It takes what it has room for, 0 when that is nothing, and 16 MiB at most in one call. Raises ConnectionError
        when nobody takes them any more, StorageFailed when they are not there.
        """

    async def close(self) -> None:
        """Let go of the file. Safe to repeat."""


class UploadStore(Protocol):
    """Bytes: staged while an upload is unfinished, published afterwards. Knows no HTTP and no sessions."""

    async def open_writer(self, upload_id: UploadId, *, position: int, fresh: bool) -> Writer:
        """Open the staging file for writing from ``position``; make it when it is not there.

        ``fresh`` says that the session counts no bytes yet: then the directory entry is made durable before the answer,
        whoever made it. Bytes that lie beyond what the session counts are leftovers and may be overwritten.
        Raises DiskFull, StorageFailed; and StorageFailed for anything that is not a plain file of ours, or one that
        ``publish`` has begun with: its bytes change no more.
        """

    async def stage(
        self, upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> None:
        """Write blocks into the staging file, one behind the other from ``position``, as ``open_writer``, ``write`` and
        ``close`` would, and ``sync`` if they are to be ``durable``; in one go, which costs one way to the disk.

        Raises what those raise; some of the bytes may be written then, and none of them counts. A cancelled call ends
        when nothing is being written any more.
        """

    def stage_later(
        self, upload_id: UploadId, blocks: Sequence[bytes], *, position: int, fresh: bool, durable: bool
    ) -> Callable[[], None]:
        """Give what ``stage`` does as a function, which blocks, raises the same, and is called once on any thread."""

    def read_staged(self, upload_id: UploadId, *, start: int, stop: int) -> AsyncIterator[bytes]:
        """Give staged bytes [start, stop) in blocks of at most 1 MiB. Raises StorageFailed when they are not there."""

    async def copy_staged(self, upload_id: UploadId, *, source: int, target: int, size: int) -> None:
        """Copy bytes within the staging file and make them durable. The ranges do not overlap."""

    async def copy_between(self, source: UploadId, target: UploadId, *, start: int, to: int, size: int) -> None:
        """Copy bytes from one staging file into another that is there, inside the file system where that can.

        Not durable before a sync of the target. Raises DiskFull, StorageFailed; that also when the bytes are not there.
        """

    async def staged_size(self, upload_id: UploadId) -> int | None:
        """Give the size of the staging file in bytes, None when there is none."""

    async def publish(self, upload_id: UploadId, *, length: int, location: Location) -> bool:
        """Give the staged bytes their final name, durably; the staging name stays until ``discard``.

        Cuts the file to ``length``, makes it read-only and durable, links it, makes the folder durable. Never
        overwrites: False when the name is taken by another file. Safe to repeat: True when the name is ours already,
        also after a crash. Raises DiskFull, StorageFailed (and leaves the name unmade or ours).
        """

    async def discard(self, upload_id: UploadId) -> None:
        """Remove the staging file if there is one. Safe to repeat."""

    async def open_spool(self) -> Spool:
        """Open a temporary file in staging. Raises DiskFull, StorageFailed."""

    async def open_published(self, location: Location) -> PublishedFile | None:
        """Open a published file; None when it is not there. StorageFailed when it is not a plain file."""

    async def remove_published(self, location: Location) -> None:
        """Remove a published file durably. Safe to repeat."""

    async def sync_staged(self, upload_id: UploadId) -> None:
        """Make all staged bytes of an upload durable; nothing to do when there are none. Raises StorageFailed."""

    def has_lost(self, upload_id: UploadId) -> bool:
        """Tell whether a sync of the staging file failed and was not forgiven: bytes that no earlier sync made durable
        may be lost then, and no later one tells of it, whoever asks for it.

        Known from the moment at which the system said so, also when nobody waited for that. A call that failed before
        it came to the sync, for want of a descriptor for one, lost nothing.
        """

    def forgive(self, upload_id: UploadId) -> None:
        """Forget that bytes may be lost, once no session counts them. ``publish`` and ``discard`` do so, too, and so
        does the end of the process. Safe to repeat."""

    @property
    def boot_id(self) -> str:
        """Name the time between two starts of the machine: bytes that were not synced do not outlive it."""

    async def free_bytes(self) -> int:
        """Tell how many bytes the data directory can still take, now or a tenth of a second ago."""

    async def staged_ids(self) -> Sequence[UploadId]:
        """List the uploads that have a staging file; other names in the folder are left out."""

    async def staged_sizes(self) -> Mapping[UploadId, int]:
        """Tell the size in bytes of every staging file, in one pass; what is no plain file is left out."""

    async def set_aside(self, upload_id: UploadId) -> None:
        """Move a staging file to ``lost+found``, never overwriting there; for recovery. Safe to repeat."""


class SessionRepository(Protocol):
    """One row per upload, and its parts. One method is one transaction; it is durable when the call returns.

    Cancelling a call does not undo it: the call ends, as cancelled, when its transaction has ended, so load the row
    again and never assume. Times are kept in whole milliseconds; what is finer is cut off. Raises StorageFailed when
    the database fails, DiskFull when it has no room, Busy when another process holds it for too long.
    """

    async def add(self, upload: Upload) -> Upload:
        """Add a row and give it back; or, when (owner, creation_key) or (owner, client_key) names a row that is not
        failed, terminated or damaged, leave things alone and give that row. Failed, terminated and damaged rows give up
        their keys to the new one. Raises SessionConflict when the id is taken."""

    async def get(self, upload_id: UploadId) -> Upload | None:
        """Load a row by id; the caller compares the owner."""

    async def find(self, owner: UserId, client_key: ClientKey) -> Upload | None:
        """Load the row that holds a client key."""

    async def created(self, owner: UserId, creation_key: str) -> Upload | None:
        """Load the row that ``add`` gives for a creation key; None when it would add one."""

    async def save(self, upload: Upload, *, was: Upload, first: Callable[[], None] | None = None) -> None:
        """Change a row if its offset, status, length and part facts are still those of ``was`` and its epoch is not
        above ``upload.epoch``. Raises SessionConflict otherwise. Never changes parts.

        Fields that ``upload`` and ``was`` have in common keep what the row has: another request may have written them.
        What has to come ``first`` has returned before the transaction begins; if it raises, so does this, and nothing
        is changed. It may block, on the thread that writes: all others who write wait as long.
        """

    async def parts(self, upload_id: UploadId) -> Sequence[Part]:
        """List the stored parts by index."""

    async def part(self, upload_id: UploadId, index: int) -> Part | None:
        """Load one stored part."""

    async def add_part(self, upload_id: UploadId, part: Part, *, now: datetime, expires_at: datetime) -> Upload:
        """Add a part to an open upload and bring ``parts_stored``, ``next_part``, ``offset``, ``stored_at`` and
        ``expires_at`` up to date in the same transaction. Raises SessionConflict when the upload is not open or the
        index is stored already."""

    async def move_part(self, upload_id: UploadId, part: Part) -> None:
        """Change the position of a stored part. Raises SessionConflict when it is not stored."""

    async def complete(self, upload: Upload, *, was: Upload, video: Video | None) -> Video | None:
        """``save``, and add or update the video record, in one transaction; gives the stored record.

        Title and description are those that the row has by then, if it has any: they may have been drafted meanwhile.
        Without a title there is no record. With ``upload.replaces`` the record of that id gets the file instead
        (``rules.records.with_file``), if its owner sees it, and the upload of the file that it had is given by
        ``take_removals`` from then on, behind a hidden record; if not there is a new record, title or none."""

    async def draft(
        self, owner: UserId, upload_id: UploadId, *, title: str | None, description: str | None
    ) -> Upload | None:
        """Change the texts of an upload that is open or finalizing, and give the row; None leaves a text as it is.
        Gives None when the owner has no such upload."""

    async def recent(self, owner: UserId, *, since: datetime, limit: int) -> Sequence[Upload]:
        """List the uploads of an owner that are open or finalizing, and those that became complete or failed after an
        instant; newest first. Partial uploads are left out. Raises TookTooLong."""

    async def remove(self, upload_id: UploadId) -> None:
        """Delete a row and its parts. Safe to repeat."""

    async def mark_synced(self, upload_id: UploadId, *, offset: int) -> None:
        """Note that the bytes below ``offset`` survive a power loss; a row that counts no more loses its boot id.

        Safe to repeat, and beside a transfer that goes on.
        """

    async def unsynced(self, *, limit: int) -> Sequence[Upload]:
        """List open uploads that count bytes which may not survive a power loss."""

    async def due(self, *, before: datetime, limit: int) -> Sequence[Upload]:
        """List open uploads whose ``expires_at`` lies before an instant, oldest first."""

    async def tombstones(self, *, before: datetime, limit: int) -> Sequence[UploadId]:
        """List expired, terminated and failed uploads whose ``expires_at`` lies before an instant.

        Without terminated ones that were published: such a row is all that tells of a file which could not be removed.
        """

    async def with_status(self, status: Status, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """List uploads of a status by id, from the one after ``after``; for recovery and the sweeper."""

    async def standings(self, *, after: UploadId | None, limit: int) -> Sequence[Standing]:
        """List what recovery compares of open uploads, by id, from the one after ``after``; much cheaper than rows."""

    async def several(self, upload_ids: Sequence[UploadId]) -> Mapping[UploadId, Upload]:
        """Load rows by id, as they are at one moment; ids without a row are left out."""

    async def present(self, upload_ids: Sequence[UploadId], *, owner: UserId) -> Mapping[UploadId, Upload]:
        """Load rows of an owner by id for those who look on, each as it is at some moment of the call; ids without a
        row, or with somebody else's, are left out. Uploads never wait for it. Raises TookTooLong."""

    async def finals_of(self, source: Upload) -> Sequence[Upload]:
        """List the open final uploads of the same owner that are to be made of a partial one, by id."""

    async def open_finals(self, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """List the open final uploads by id, from the one after ``after``."""

    async def published(self, location: Location) -> Upload | None:
        """Load the complete upload that was published under a location."""

    async def published_elsewhere(self, location: Location, *, owner: UserId, profile: str) -> Upload | None:
        """Load the complete upload of a profile that was published under a location but for its directory, which was
        another one then. The latest, should there be several."""

    async def last_epoch(self) -> int:
        """Tell the largest epoch of any row, 0 when there is none; leases start above it."""

    async def check(self) -> None:
        """Answer if the database does; for readiness."""


class Inspector(Protocol):
    """Somebody who reads a video of a stranger and tells what it consists of."""

    async def inspect(self, file: PublishedFile, *, kind: str, repairs: bool = False) -> Inspection:
        """Examine a file as the kind of video (``rules.sniff``) that it was taken for, within bounded time and memory.

        With ``repairs`` a beginning is made for a video that does not play while it loads, if that can be. Whatever the
        file holds, the worst that comes of it is an inspection with a fault. Changes nothing; a cancelled call leaves
        nothing running. Raises StorageFailed when this machine cannot do it now.
        """


class Thumbnails(Protocol):
    """Small pictures by owner and name. All of them can be made again, so nothing is lost when one is."""

    async def put(self, owner: UserId, name: str, picture: bytes) -> None:
        """Keep a picture durably. Names tell contents apart: one that is there stays as it is. Safe to repeat.

        ``name`` is made of lower-case hex digits and ``-``. Raises DiskFull, StorageFailed.
        """

    async def get(self, owner: UserId, name: str) -> bytes | None:
        """Load a picture; None when it is not there."""

    async def remove(self, owner: UserId, name: str) -> None:
        """Drop a picture. Safe to repeat."""

    async def drop_others(self, kept: Container[str]) -> int:
        """Drop the pictures of everybody whose names are not among those kept; give how many it was."""


class Beginnings(Protocol):
    """What players get in the place of the beginnings of videos, by owner and name. All of it can be made again."""

    async def put(self, owner: UserId, name: str, content: bytes) -> None:
        """As ``Thumbnails.put``."""

    async def open(self, owner: UserId, name: str) -> PublishedFile | None:
        """Open one; None when it is not there."""

    async def remove(self, owner: UserId, name: str) -> None:
        """As ``Thumbnails.remove``."""

    async def drop_others(self, kept: Container[str]) -> int:
        """As ``Thumbnails.drop_others``."""


class Transfer(Protocol):
    """A body on its way into an upload, seen by those who wait for the upload."""

    @property
    def silent_seconds(self) -> float:
        """Seconds since the last byte came."""

    @property
    def is_cut(self) -> bool:
        """True when nobody sends any more, and the transfer will end by itself once it has stored what came."""

    def stop(self) -> None:
        """Ask the transfer to store what it has and leave. Safe to repeat."""

    async def checkpoint(self) -> None:
        """Make what came so far durable and commit it; returns when that is done or cannot be done."""


class Lease(Protocol):
    """The right to work on an upload, until the context that gave it ends."""

    @property
    def epoch(self) -> int:
        """Above the epoch of every lease on the upload before it, and above the row's that was named."""

    @property
    def release_requested(self) -> bool:
        """True when somebody waits and asks the holder to leave."""

    def attach(self, transfer: Transfer) -> None:
        """Name the transfer to be stopped when a release is requested; at once if it was requested already."""


class LockManager(Protocol):
    """Who may work on which upload. Leases are exclusive, or shared among writers of different parts."""

    def exclusive(
        self, key: UploadId, *, grace_seconds: float, patience_seconds: float
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold an upload alone.

        No new shared lease is given while somebody waits here. Holders are left alone for ``grace_seconds``, then asked
        to leave; Busy is raised when they are still there ``patience_seconds`` after the call. First come, first go.
        """

    def shared(self, key: UploadId, *, patience_seconds: float) -> AbstractAsyncContextManager[Lease]:
        """Hold an upload together with others; waits for exclusive holders and for those who wait to be one."""

    def transfers(self, key: UploadId) -> Sequence[Transfer]:
        """List the attached transfers of the present holders."""

    def stop_all(self) -> None:
        """Ask every holder to leave; for shutdown."""


class EventSink(Protocol):
    """Somebody who wants to know. Never raises into an upload, never waits long."""

    def emit(self, event: UploadEvent) -> None:
        """Take note of a fact that is committed."""
