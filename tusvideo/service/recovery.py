"""Bringing rows and files together after a stop, however it came: run once, before the first request.

Nothing that a row counts is ever removed here. Safe to repeat and to interrupt: every step is one that a running server
takes too, in the same order. Files in ``uploads`` are never moved.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tusvideo.errors import NotFound, Unavailable, UnsupportedType
from tusvideo.model import Standing, Status, Upload, UploadId
from tusvideo.rules.uploads import after_boot, agrees, is_whole, moved
from tusvideo.service.publishing import Publisher
from tusvideo.service.uploads import UploadService

PAGE = 500
DONE_WITH = frozenset({Status.COMPLETE, Status.EXPIRED, Status.FAILED, Status.TERMINATED})
"""Uploads whose staging files are leftovers."""


class Action(StrEnum):
    """What is to be done about an upload."""

    CHECK = "check"
    """Nothing: rows and files of an unfinished upload were compared."""
    CLEAR = "clear"
    """It was terminated, and not all of it is gone."""
    PUBLISH = "publish"
    """It has all its bytes, and not yet its name."""
    DAMAGE = "damage"
    """Its row counts bytes that its file does not have."""
    REWIND = "rewind"
    """It counts bytes that were not synced before the machine went down."""
    FORGET = "forget"
    """Its first body did not arrive whole, and nobody can come back to it."""
    DISCARD = "discard"
    """Its staging file is a leftover."""
    SET_ASIDE = "set_aside"
    """Its staging file belongs to no row."""
    LOST = "lost"
    """It was published, and its file is gone or has another size. Nothing is done about that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An upload and what is to be done about it; ``upload`` is the row to act on, None without one or with CHECK."""

    action: Action
    upload_id: UploadId
    upload: Upload | None = None
    was: Upload | None = None
    """With REWIND: the row as it is stored."""


@dataclass(slots=True)
class Recovered:
    """What recovery did, in counts of uploads."""

    checked: int = 0
    published: int = 0
    postponed: int = 0
    """Publications that did not work; the sweeper tries them again."""
    cleared: int = 0
    damaged: int = 0
    rewound: int = 0
    """Uploads of the level ``relaxed`` that lost unsynced bytes with a power loss."""
    forgotten: int = 0
    """Uploads that came with no protocol and were cut by the stop: their clients can only begin anew."""
    discarded: int = 0
    set_aside: int = 0


class Recovery:
    """Compares sessions with staged files and finishes what a stop left half done."""

    def __init__(self, *, publisher: Publisher, uploads: UploadService) -> None:
        self._publisher = publisher
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._uploads = uploads

    async def run(self) -> Recovered:
        """Do it; give the counts. Raises StorageFailed or DiskFull when the disk or the database does not work."""
        done = Recovered()
        async for finding in self.findings():
            await self._act(finding, done)
        return done

    async def findings(self) -> AsyncIterator[Finding]:
        """Tell what is to be done, in the order in which it must be; changes nothing by itself."""
        staged = dict(await self._store.staged_sizes())
        # Terminated first: their names must be free before others are published under them.
        async for upload in self._all(Status.TERMINATED):
            staged.pop(upload.id, None)
            yield Finding(action=Action.CLEAR, upload_id=upload.id, upload=upload)
        async for upload in self._all(Status.FINALIZING):
            size = staged.pop(upload.id, None)
            action = Action.PUBLISH if await self._has_bytes(upload, size) else Action.DAMAGE
            yield Finding(action=action, upload_id=upload.id, upload=upload)
        async for page in self._open():
            unlike = []
            for standing in page:
                yield Finding(action=Action.CHECK, upload_id=standing.id)
                if agrees(standing, staged=staged.get(standing.id), boot_id=self._store.boot_id):
                    staged.pop(standing.id, None)
                else:
                    unlike.append(standing.id)
            for upload_id, upload in sorted((await self._sessions.several(unlike)).items()):
                async for finding in self._about_open(upload, staged.pop(upload_id, None)):
                    yield finding
        async for finding in self._about_leftovers(staged):
            yield finding

    async def losses(self) -> AsyncIterator[Finding]:
        """Tell which published files are gone or have another size; somebody else did that. Changes nothing."""
        async for upload in self._all(Status.COMPLETE):
            if await self._published_size(upload) != upload.offset:
                yield Finding(action=Action.LOST, upload_id=upload.id, upload=upload)

    async def _all(self, status: Status) -> AsyncIterator[Upload]:
        after = None
        while page := await self._sessions.with_status(status, after=after, limit=PAGE):
            after = page[-1].id
            for upload in page:
                yield upload

    async def _open(self) -> AsyncIterator[Sequence[Standing]]:
        after = None
        while page := await self._sessions.standings(after=after, limit=PAGE):
            after = page[-1].id
            yield page

    async def _has_bytes(self, upload: Upload, size: int | None) -> bool:
        """Tell whether the bytes of a whole upload are there, staged or under the name that was chosen for them."""
        if size is not None or upload.location is None:
            return size is not None and size >= upload.offset
        if await self._sessions.published(upload.location) is not None:
            return False
        return await self._published_size(upload) == upload.offset

    async def _published_size(self, upload: Upload) -> int | None:
        file = None if upload.location is None else await self._store.open_published(upload.location)
        if file is None:
            return None
        await file.close()
        return file.size

    async def _about_open(self, upload: Upload, size: int | None) -> AsyncIterator[Finding]:
        if upload.vanishes and not is_whole(upload):
            yield Finding(action=Action.FORGET, upload_id=upload.id, upload=upload)
            return
        now = after_boot(upload, boot_id=self._store.boot_id)
        if now != upload:
            # The file may be long enough all the same, with zeros where data was.
            yield Finding(action=Action.REWIND, upload_id=upload.id, upload=now, was=upload)
        needed = now.offset
        if now.parts_stored:
            parts = await self._sessions.parts(now.id)
            needed = max(part.position + part.size for part in parts)
        if needed and (size is None or size < needed):
            yield Finding(action=Action.DAMAGE, upload_id=now.id, upload=now)
        elif is_whole(now):
            yield Finding(action=Action.PUBLISH, upload_id=now.id, upload=now)

    async def _about_leftovers(self, staged: Mapping[UploadId, int]) -> AsyncIterator[Finding]:
        for upload_id in staged:
            upload = await self._sessions.get(upload_id)
            if upload is None:
                yield Finding(action=Action.SET_ASIDE, upload_id=upload_id)
            elif upload.status in DONE_WITH:
                yield Finding(action=Action.DISCARD, upload_id=upload_id)

    async def _act(self, finding: Finding, done: Recovered) -> None:
        upload = finding.upload
        match finding.action, upload:
            case Action.CHECK, _:
                done.checked += 1
            case Action.DISCARD, _:
                await self._store.discard(finding.upload_id)
                done.discarded += 1
            case Action.SET_ASIDE, _:
                await self._store.set_aside(finding.upload_id)
                done.set_aside += 1
            case Action.FORGET, Upload():
                await self._uploads.forget(upload)
                done.forgotten += 1
            case Action.CLEAR, Upload():
                await self._uploads.clear(upload)
                done.cleared += 1
            case Action.PUBLISH, Upload():
                await self._publish(upload, done)
            case Action.DAMAGE, Upload():
                await self._damage(upload, done)
            case Action.REWIND, Upload() if finding.was is not None:
                await self._sessions.save(upload, was=finding.was)
                self._publisher.emit("upload_rewound", upload, lost=finding.was.offset - upload.offset)
                done.rewound += 1
            case _:
                message = f"a finding without its upload: {finding.action}"
                raise ValueError(message)

    async def _publish(self, upload: Upload, done: Recovered) -> None:
        try:
            await self._publisher.publish(upload)
        except UnsupportedType as error:
            await self._publisher.refuse(upload, code=error.code)
        except (Unavailable, NotFound):
            # A full disk, a folder in the way, a profile that is gone: no reason for the others to wait.
            done.postponed += 1
        else:
            done.published += 1

    async def _damage(self, upload: Upload, done: Recovered) -> None:
        damaged = replace(moved(upload, Status.DAMAGED), reason="bytes_missing")
        await self._sessions.save(damaged, was=upload)
        self._publisher.emit("upload_damaged", damaged, offset=upload.offset)
        done.damaged += 1
