"""Putting the parts together: finalize, once or eight times at once."""

from dataclasses import replace

from tusvideo.commands import Finalize, Finalized
from tusvideo.errors import ChecksumMismatch, FactConflict, NotFound, PartsMissing, StorageFailed, UnsupportedType
from tusvideo.model import Status, Upload, UserId
from tusvideo.ports import LockManager
from tusvideo.records import VideoRepository
from tusvideo.rules import parts as rules
from tusvideo.rules.uploads import judge_known
from tusvideo.service import replacing
from tusvideo.service.part_places import PART_WAIT_SECONDS
from tusvideo.service.part_stream import checksum_of, verify
from tusvideo.service.publishing import Publisher


class FinalizeService:
    """Publishes uploads of the chunk API when all their parts are stored."""

    def __init__(self, *, publisher: Publisher, locks: LockManager, videos: VideoRepository) -> None:
        self._publisher = publisher
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._limits = publisher.limits
        self._locks = locks
        self._videos = videos

    async def finalize(self, user: UserId, command: Finalize) -> Finalized:
        """Publish the file. Safe to repeat: the same answer again, also from eight requests at once.

        Parts that still run get a second, then the upload is held alone. Raises PartsMissing (nothing changed),
        ChecksumMismatch of the whole (the upload is FAILED and its bytes are gone; an upload that was complete before
        stays so), FactConflict, NotFound (no such upload; no such record to replace; then nothing changed),
        InvalidField (that is of another profile), Expired, Busy, DiskFull, StorageFailed.
        """
        upload = await self._sessions.find(user, command.client_key)
        if upload is None or upload.profile != command.profile:
            raise NotFound
        async with self._locks.exclusive(
            upload.id,
            grace_seconds=PART_WAIT_SECONDS,
            patience_seconds=PART_WAIT_SECONDS + self._limits.patience_seconds,
        ) as lease:
            held = await self._sessions.get(upload.id)
            if held is None:
                raise NotFound
            judge_known(held)
            if held.total_parts != command.total_parts:
                raise FactConflict("totalChunks", stored=str(held.total_parts), got=str(command.total_parts))
            if held.replaces is not None or held.status is not Status.OPEN:
                rules.judge_same_record(held, command.replaces)
            if held.status is Status.FINALIZING:
                # Begun by a request that may have named another checksum, or none.
                held = await self._publisher.publish(held)
            if held.status is Status.COMPLETE:
                return await self._again(held, command)
            whole = await self._whole(held, command, epoch=lease.epoch)
            try:
                return Finalized(upload=await self._publisher.publish(whole))
            except UnsupportedType as error:
                await self._publisher.refuse(whole, code=error.code)
                raise

    async def _again(self, upload: Upload, command: Finalize) -> Finalized:
        if command.checksum is None:
            return Finalized(upload=upload)
        checksum = upload.checksum
        if checksum is None:
            checksum = await self._published_checksum(upload)
        verify("file", expected=command.checksum, got=checksum)
        return Finalized(upload=upload)

    async def _published_checksum(self, upload: Upload) -> str:
        if upload.location is None:
            raise StorageFailed
        file = await self._store.open_published(upload.location)
        if file is None:
            raise NotFound("file")
        try:
            return await checksum_of(file.read(0, file.size))
        finally:
            await file.close()

    async def _whole(self, upload: Upload, command: Finalize, *, epoch: int) -> Upload:
        """Give the committed session of an upload that has all its parts in place and the right checksum."""
        if upload.next_part < command.total_parts:
            parts = await self._sessions.parts(upload.id)
            missing = rules.missing_of(parts, total=command.total_parts)
            raise PartsMissing(missing, count=command.total_parts - len(parts))
        # The row has counted all of them; to load them again would take the longer, the more there are.
        length = rules.whole_length(rules.facts_of(upload), stored=upload.offset)
        if upload.replaces is None:
            await replacing.judge(self._videos, upload.owner, command.replaces, profile=upload.profile)
        await self._settle_last(upload, index=command.total_parts - 1)
        if command.checksum is not None:
            await self._verify(upload, length=length, expected=command.checksum)
        whole = replace(
            upload,
            length=length,
            original_name=command.filename,
            checksum=command.checksum,
            replaces=upload.replaces or command.replaces,
            epoch=epoch,
        )
        await self._sessions.save(whole, was=upload)
        return whole

    async def _settle_last(self, upload: Upload, *, index: int) -> None:
        """Move a last part that waited because nobody had told the size of the others.

        The bytes are durable in their place before the row says so; a crash in between repeats the copy.
        """
        facts = rules.facts_of(upload)
        waiting = await self._sessions.part(upload.id, index)
        if waiting is None:
            raise StorageFailed
        if not rules.is_misplaced(waiting, facts=facts):
            return
        position = facts.position(waiting.index)
        if position is None or position + waiting.size > waiting.position:
            # The limits were raised while the part waited, and others may have been written over it.
            await self._publisher.refuse(upload, code=StorageFailed.code)
            raise NotFound
        await self._store.copy_staged(upload.id, source=waiting.position, target=position, size=waiting.size)
        await self._sessions.move_part(upload.id, replace(waiting, position=position))

    async def _verify(self, upload: Upload, *, length: int, expected: str) -> None:
        checksum = await checksum_of(self._store.read_staged(upload.id, start=0, stop=length))
        try:
            verify("file", expected=expected, got=checksum)
        except ChecksumMismatch as error:
            await self._publisher.refuse(upload, code=error.code)
            raise
