"""The chunk API's work: numbered parts in any order, side by side.

A part that is torn leaves no trace: its bytes may lie in the staging file, but no row counts them. Parts are written in
place when their place is known and nobody else writes the same one; otherwise they wait in a spool until they are
whole. A fact about the geometry is committed before any byte is written that relies on it.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from tusvideo.commands import PartsListed, PartStored, PutPart, QueryParts, TerminateParts
from tusvideo.errors import (
    Busy,
    NotFound,
    PartConflict,
    SessionConflict,
    StorageFailed,
    TooLarge,
    UnsupportedType,
)
from tusvideo.model import ClientKey, Part, Profile, Status, Upload, UploadId, UserId
from tusvideo.ports import Lease, LockManager
from tusvideo.rules import parts as rules
from tusvideo.rules.sniff import enough_to_judge
from tusvideo.rules.uploads import judge_known, moved
from tusvideo.service.judging import TypeJudge
from tusvideo.service.part_places import PART_WAIT_SECONDS, PartPlaces, PartTransfer
from tusvideo.service.part_stream import PartStream, blocks_of, checksum_of, same_bytes, verify
from tusvideo.service.publishing import Publisher
from tusvideo.service.uploads import UploadService
from tusvideo.streams import PartBody, Spool

MAX_TRIES = 100
"""Compare-and-set rounds before a session counts as busy; each loses only to a change that somebody else committed."""


def _looks_at(command: PutPart) -> bool:
    """Tell whether a part is judged as it passes: the first one, unless damage would be taken for another type."""
    return command.index == 0 and command.checksum is None


class PartService:
    """Carries out what users ask of uploads in numbered parts."""

    def __init__(self, *, publisher: Publisher, locks: LockManager, uploads: UploadService) -> None:
        self._publisher = publisher
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._clock = publisher.clock
        self._limits = publisher.limits
        self._locks = locks
        self._uploads = uploads
        self._places = PartPlaces()

    async def put(self, user: UserId, command: PutPart, body: PartBody) -> PartStored:
        """Store a part whose required fields came before its bytes.

        Safe to repeat: the same bytes again are fine, before and after finalize. Raises PartConflict for other bytes,
        FactConflict, InvalidField, TooLarge, UnsupportedType, ChecksumMismatch, NotFound, Expired, Busy, DiskFull,
        TransferEnded; nothing of the part is kept then.
        """
        async with self._sharing(user, command) as (upload, profile, lease):
            lease.attach(PartTransfer(body))
            stream = PartStream(
                blocks_of(body),
                most=self._most(upload, command, profile),
                hashes=command.checksum is not None,
            )
            position = rules.facts_of(upload).position(command.index)
            if position is None or self._places.is_taken(upload.id, command.index):
                looks = _looks_at(command) and position is None
                return await self._put_by_spool(upload, stream, body=body, lease=lease, looks=looks)
            async with self._places.claim(upload.id, command.index, body=body, lease=lease):
                # Asked only now: while the place was somebody else's, the answer could change.
                stored = await self._stored(upload, command.index)
                if stored is not None:
                    return await self._compare(upload, command, stored, stream, body=body)
                await self._write(upload, command, stream, position=position)
                final = body.command()
                await self._verify(upload, final, stream, position=position)
                return await self._settle(upload, final, size=stream.size, position=position, profile=profile)

    async def open_spool(self) -> Spool:
        """Open a place for the bytes of a part whose fields have not come yet."""
        return await self._store.open_spool()

    async def put_spooled(self, user: UserId, command: PutPart, spool: Spool) -> PartStored:
        """Store a part that waited in a spool until its fields were known. Same promises as ``put``; the caller closes
        the spool."""
        async with self._sharing(user, command) as (upload, profile, lease):
            most = self._most(upload, command, profile)
            if spool.size > most:
                raise TooLarge("the chunk", limit=most, got=spool.size)
            return await self._place(upload, command, spool, lease)

    async def query(self, user: UserId, command: QueryParts) -> PartsListed:
        """Tell which parts are stored. A failed upload has none, and says so. Raises NotFound, Expired."""
        upload = await self._find(user, command.client_key, profile=command.profile)
        profile = self._publisher.profile(command.profile)
        if upload.status is Status.FAILED:
            return PartsListed(upload=replace(upload, offset=0, next_part=0, parts_stored=0), profile=profile)
        judge_known(upload)
        parts = await self._sessions.parts(upload.id)
        return PartsListed(upload=upload, profile=profile, parts=tuple(parts))

    async def terminate(self, user: UserId, command: TerminateParts) -> None:
        """Remove an upload and its bytes, published or not, failed or not. Raises NotFound, also the second time."""
        upload = await self._find(user, command.client_key, profile=command.profile)
        if upload.status is Status.FAILED:
            gone = moved(upload, Status.TERMINATED)
            await self._sessions.save(gone, was=upload)
            await self._uploads.clear(gone)
            return
        await self._uploads.remove(upload, grace_seconds=PART_WAIT_SECONDS)

    async def _find(self, user: UserId, key: ClientKey, *, profile: str) -> Upload:
        upload = await self._sessions.find(user, key)
        if upload is None or upload.profile != profile:
            raise NotFound
        return upload

    @contextlib.asynccontextmanager
    async def _sharing(self, user: UserId, command: PutPart) -> AsyncIterator[tuple[Upload, Profile, Lease]]:
        """Find or make the session of a part, hold it together with other parts, and commit the facts that are told."""
        profile = self._publisher.profile(command.profile)
        upload = await self._sessions.find(user, command.client_key)
        if upload is None or upload.status in {Status.FAILED, Status.TERMINATED, Status.DAMAGED}:
            upload = await self._begin(user, command, profile)
        rules.judge_part(upload, command, profile=profile)
        try:
            async with self._locks.shared(upload.id, patience_seconds=self._limits.patience_seconds) as lease:
                upload = await self._agree(upload, command, profile)
                yield upload, profile, lease
        except UnsupportedType:
            await self._tidy(upload)
            raise

    async def _agree(self, upload: Upload, command: PutPart, profile: Profile) -> Upload:
        """Load a session that is held, and commit the facts that a request adds to it."""
        for _ in range(MAX_TRIES):
            held = await self._reload(upload)
            wanted = rules.judge_part(held, command, profile=profile)
            if wanted == held:
                return held
            facts = await self._with_last(held, rules.facts_of(wanted), profile)
            wanted = rules.with_facts(held, facts, profile=profile)
            with contextlib.suppress(SessionConflict):
                await self._sessions.save(wanted, was=held)
                return wanted
        raise Busy

    async def _tidy(self, upload: Upload) -> None:
        """Drop the staging file that others, who wrote parts beside, may have made anew after a refusal dropped it."""
        now = await self._sessions.get(upload.id)
        if now is None or now.status is not Status.FAILED:
            return
        patience = self._limits.patience_seconds
        with contextlib.suppress(Busy):
            async with self._locks.exclusive(upload.id, grace_seconds=0, patience_seconds=patience):
                await self._store.discard(upload.id)

    def _most(self, upload: Upload, command: PutPart, profile: Profile) -> int:
        return rules.most_bytes(rules.facts_of(upload), index=command.index, profile=profile, limits=self._limits)

    async def _begin(self, user: UserId, command: PutPart, profile: Profile) -> Upload:
        new = rules.new_parts_upload(
            command,
            profile=profile,
            limits=self._limits,
            owner=user,
            upload_id=UploadId(secrets.token_hex(16)),
            now=self._clock.now(),
        )
        await self._uploads.judge_replaced(user, command.replaces, profile=profile.name)
        await self._uploads.judge_room(new.length or 0)
        upload = await self._sessions.add(new)
        if upload.id == new.id:
            self._publisher.emit("upload_created", upload)
        return upload

    async def _reload(self, upload: Upload) -> Upload:
        """Load a session again once it is held; it may have moved on meanwhile."""
        now = await self._sessions.get(upload.id)
        if now is None:
            raise NotFound
        judge_known(now)
        if now.status is Status.FINALIZING:
            raise Busy
        return now

    async def _stored(self, upload: Upload, index: int) -> Part | None:
        stored = await self._sessions.part(upload.id, index)
        if stored is None and upload.status is Status.COMPLETE:
            raise StorageFailed
        return stored

    async def _put_by_spool(
        self, upload: Upload, stream: PartStream, *, body: PartBody, lease: Lease, looks: bool
    ) -> PartStored:
        judge = self._judge_of(upload)
        spool = await self._store.open_spool()
        try:
            async for block in stream:
                if looks:
                    await self._look(upload, judge, block)
                await spool.write(block)
            return await self._place(upload, body.command(), spool, lease)
        finally:
            await spool.close()

    async def _place(self, upload: Upload, command: PutPart, spool: Spool, lease: Lease) -> PartStored:
        """Store the bytes of a part that is whole."""
        profile = self._publisher.profile(upload.profile)
        async with self._places.claim(upload.id, command.index, body=None, lease=lease):
            # Damaged bytes must not even teach the size of the others.
            if command.checksum is not None:
                verify("chunk", expected=command.checksum, got=await checksum_of(spool.read()))
            upload = await self._agree(upload, command, profile)
            stream = PartStream(spool.read(), most=spool.size, hashes=False)
            stored = await self._stored(upload, command.index)
            if stored is not None:
                return await self._compare(upload, command, stored, stream, body=None)
            upload = await self._commit_facts(upload, command, size=spool.size, profile=profile)
            position = rules.facts_of(upload).position(command.index)
            if position is None:
                position = rules.parking_position(profile=profile)
            await self._write(upload, command, stream, position=position)
            return await self._settle(upload, command, size=spool.size, position=position, profile=profile)

    async def _write(self, upload: Upload, command: PutPart, stream: PartStream, *, position: int) -> None:
        """Write a part's bytes and make them durable. The first part is judged as it passes.

        Unless it comes with a checksum: bytes that may be damaged say nothing about the file, so the type is judged
        once they are verified.
        """
        looks = _looks_at(command)
        size = rules.facts_of(upload).exact_size(command.index)
        await self._uploads.judge_room(size or 0)
        judge = self._judge_of(upload)
        fresh = upload.parts_stored == 0
        writer = await self._uploads.open_writer(upload.id, position=position, fresh=fresh, size=size)
        try:
            async for block in stream:
                if looks:
                    await self._look(upload, judge, block)
                await writer.write(block)
            await writer.sync()
        finally:
            await writer.close()

    def _judge_of(self, upload: Upload) -> TypeJudge:
        profile = self._publisher.profile(upload.profile)
        return TypeJudge(profile=profile, length=None, head=b"", content_type=upload.content_type)

    async def _look(self, upload: Upload, judge: TypeJudge, block: bytes) -> None:
        # Only the judge's own refusal is one of the whole upload; the form around the bytes may be unsupported, too.
        try:
            await judge.look(block)
        except UnsupportedType as error:
            await self._refuse(upload, code=error.code)
            raise

    async def _verify(self, upload: Upload, command: PutPart, stream: PartStream, *, position: int) -> None:
        """Check a part's checksum; one that was named after the bytes is checked on what was written."""
        if command.checksum is None:
            return
        checksum = stream.checksum
        if checksum is None:
            written = self._store.read_staged(upload.id, start=position, stop=position + stream.size)
            checksum = await checksum_of(written)
        verify("chunk", expected=command.checksum, got=checksum)

    async def _settle(
        self, upload: Upload, command: PutPart, *, size: int, position: int, profile: Profile
    ) -> PartStored:
        """Commit a part whose bytes are durable."""
        upload = await self._commit_facts(upload, command, size=size, profile=profile)
        now = self._clock.now()
        part = Part(index=command.index, size=size, position=position)
        expires_at = now + timedelta(seconds=self._limits.expiry_seconds)
        try:
            after = await self._sessions.add_part(upload.id, part, now=now, expires_at=expires_at)
        except SessionConflict:
            await self._reload(upload)
            raise Busy from None
        self._publisher.emit("part_stored", after, index=command.index, written=size)
        length = after.offset if after.parts_stored == after.total_parts else None
        if not enough_to_judge(offset=upload.offset, length=None) and enough_to_judge(
            offset=after.offset, length=length
        ):
            await self._judge(after)
        return PartStored(upload=after, index=command.index)

    async def _judge(self, upload: Upload) -> None:
        try:
            await self._publisher.judged(upload)
        except UnsupportedType as error:
            await self._refuse(upload, code=error.code)
            raise

    async def _commit_facts(self, upload: Upload, command: PutPart, *, size: int, profile: Profile) -> Upload:
        """Commit what a whole part tells about the file's geometry. Raises FactConflict, InvalidField, TooLarge."""
        rules.judge_same_record(upload, command.replaces)
        for _ in range(MAX_TRIES):
            told = rules.merge(rules.facts_of(upload), rules.told_by(command))
            learned = rules.learn(told, index=command.index, size=size, profile=profile)
            if learned == rules.facts_of(upload):
                return upload
            learned = await self._with_last(upload, learned, profile)
            wanted = rules.with_facts(upload, learned, profile=profile)
            try:
                await self._sessions.save(wanted, was=upload)
            except SessionConflict:
                upload = await self._reload(upload)
            else:
                return wanted
        raise Busy

    async def _with_last(self, upload: Upload, facts: rules.PartFacts, profile: Profile) -> rules.PartFacts:
        """Add to new facts what the last part tells, which may have come before anything gave its size a meaning."""
        last = await self._sessions.part(upload.id, facts.total - 1)
        return facts if last is None else rules.learn(facts, index=last.index, size=last.size, profile=profile)

    async def _compare(
        self, upload: Upload, command: PutPart, stored: Part, stream: PartStream, *, body: PartBody | None
    ) -> PartStored:
        """Answer a part that is stored already: fine with the same bytes, PartConflict with others."""
        if upload.status is Status.COMPLETE:
            same = await self._same_as_published(upload, stored, stream)
        else:
            stop = stored.position + stored.size
            came = stream.__aiter__()
            same = await same_bytes(came, self._store.read_staged(upload.id, start=stored.position, stop=stop))
        if not same:
            if stream.checksum is not None:
                # A copy that was damaged on its way can be sent again; other bytes cannot.
                await stream.drain()
                verify("chunk", expected=command.checksum, got=stream.checksum)
            raise PartConflict(command.index)
        if body is not None:
            command = body.command()
            rules.merge(rules.facts_of(upload), rules.told_by(command))
        if stream.checksum is not None:
            verify("chunk", expected=command.checksum, got=stream.checksum)
        return PartStored(upload=upload, index=command.index)

    async def _same_as_published(self, upload: Upload, stored: Part, stream: PartStream) -> bool:
        if upload.location is None:
            raise StorageFailed
        file = await self._store.open_published(upload.location)
        if file is None:
            raise NotFound("file")
        try:
            start = stored.index * (upload.part_size or 0)
            return await same_bytes(stream.__aiter__(), file.read(start, start + stored.size))
        finally:
            await file.close()

    async def _refuse(self, upload: Upload, *, code: str) -> None:
        """Refuse the whole upload for good, whatever other parts commit meanwhile."""
        for _ in range(MAX_TRIES):
            now = await self._sessions.get(upload.id)
            if now is None or now.status is not Status.OPEN:
                return
            with contextlib.suppress(SessionConflict):
                await self._publisher.refuse(now, code=code)
                return
        raise Busy
