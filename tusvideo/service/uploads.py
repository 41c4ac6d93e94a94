"""Uploads that are one growing run of bytes: create, append, ask, terminate, open."""

import asyncio
import contextlib
import secrets
from dataclasses import replace

from tusvideo.commands import (
    AppendBytes,
    Appended,
    AppendPlan,
    Created,
    CreateUpload,
    Queried,
    QueryUpload,
    TerminateUpload,
)
from tusvideo.errors import (
    AlreadyComplete,
    Busy,
    ChecksumMismatch,
    DiskFull,
    InconsistentLength,
    NotFound,
    OffsetMismatch,
    TooLarge,
    TusvideoError,
    UnsupportedType,
)
from tusvideo.model import PARTIAL, Location, Protocol, Status, Upload, UploadId, UserId
from tusvideo.ports import Lease, Listener, LockManager, PublishedFile
from tusvideo.records import VideoRepository
from tusvideo.rules import uploads as rules
from tusvideo.service import replacing
from tusvideo.service.appending import Appending
from tusvideo.service.concatenating import Concatenating
from tusvideo.service.gathering import SHORT_BYTES, GatheringWriter, Held
from tusvideo.service.judging import judge_for
from tusvideo.service.publishing import Publisher
from tusvideo.service.syncing import without_lost
from tusvideo.streams import Body, Writer

CHECKPOINT_WAIT_SECONDS = 0.05
"""So long a question waits for a live transfer to commit what it has."""
TAKEOVER_WAIT_SECONDS = 1.0
"""So long a question waits for a silent transfer to leave; after that it tells what is committed."""


class UploadService:
    """Carries out what users ask of their uploads. Every method judges first and touches bytes afterwards."""

    def __init__(
        self, *, publisher: Publisher, locks: LockManager, videos: VideoRepository, concatenating: Concatenating
    ) -> None:
        self._publisher = publisher
        self._concatenating = concatenating
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._clock = publisher.clock
        self._limits = publisher.limits
        self._locks = locks
        self._videos = videos
        self._held = Held()

    async def create(
        self, user: UserId, command: CreateUpload, body: Body | None, listener: Listener | None = None
    ) -> Created:
        """Make an upload and store the body that came with it.

        With a creation key that was used before, gives the upload of then, published if only that was missing; the body
        is not read. Raises TooLarge, UnsupportedType, NotFound (no such profile, or record to replace), InvalidField
        (that is of another profile), DiskFull before anything is made; TransferEnded when the body did not arrive
        whole: what arrived is kept, unless nobody could come back to it.
        """
        if command.concat is not None and command.concat != PARTIAL:
            return await self._concatenating.create(user, command)
        profile = self._publisher.profile(command.profile)
        try:
            new = rules.new_upload(
                command,
                profile=profile,
                limits=self._limits,
                owner=user,
                upload_id=UploadId(secrets.token_hex(16)),
                now=self._clock.now(),
            )
            await self._judge_new(user, command, new)
            upload = await self._added(new, command)
            if upload.id != new.id:
                body = None
                await self._freshen(upload)
                upload = await self._owned(upload.id, user)
            elif listener is not None:
                await listener.created(upload)
            takes_body = command.takes_body and body is not None
            if not takes_body and not rules.awaits_publishing(upload):
                return Created(upload=upload, stored_body=False)
            async with self._locks.exclusive(upload.id, grace_seconds=0, patience_seconds=self._patience) as lease:
                if takes_body and body is not None:
                    upload = await self._append_first(upload, command, body, lease, listener=listener)
                else:
                    upload = await self._forwarded(upload.id, user, lease)
        except TusvideoError as error:
            error.max_length = profile.max_length
            raise
        return Created(upload=upload, stored_body=takes_body)

    async def append(
        self, user: UserId, command: AppendBytes, body: Body, listener: Listener | None = None
    ) -> Appended:
        """Store a body at the end of an upload; publish the upload when that makes it whole.

        A request that names an offset below the stored one is refused at once and disturbs nobody. Otherwise a running
        transfer is asked to leave, and the request is judged again by what that one stored. Raises what
        ``rules.uploads.plan_append`` raises, Busy, DiskFull, StorageFailed, and TransferEnded when the body did not
        arrive whole (what arrived is kept and committed).
        """
        upload = await self._owned(command.upload_id, user)
        try:
            self._judge_early(upload, command)
            async with self._locks.exclusive(upload.id, grace_seconds=0, patience_seconds=self._patience) as lease:
                upload = await self._forwarded(command.upload_id, user, lease)
                profile = self._publisher.profile(upload.profile)
                plan = rules.plan_append(upload, command, profile=profile)
                if upload.status is Status.OPEN:
                    await self.judge_room(command.body_length or 0)
                    before = upload.offset
                    upload = await self._stream(upload, plan, body, lease, command=command, listener=listener)
                    return Appended(upload=upload, written=upload.offset - before)
            # A retry after a lost answer; a body of unknown size must turn out to be empty, and nobody waits for that.
            if await body.read():
                raise AlreadyComplete if upload.protocol is Protocol.IETF else TooLarge("the body", limit=0)
            if command.checksum is not None:
                command.checksum.verify(command.checksum.begin())
            return Appended(upload=upload, written=0)
        except TusvideoError as error:
            if upload.status is Status.OPEN:
                error.expires_at = upload.expires_at
            if upload.profile in self._publisher.profiles:
                error.max_length = self._publisher.profile(upload.profile).max_length
            raise

    async def query(self, user: UserId, command: QueryUpload) -> Queried:
        """Tell where an upload stands, from what is committed.

        A live transfer is asked for a checkpoint and not stopped, unless the command wants that; one that was silent
        for long is stopped first. A publication that an earlier request broke off, on a full disk for one, goes on.
        Raises NotFound, Expired; Busy while the file is being published, or when a transfer that is to be stopped did
        not leave in time; DiskFull and StorageFailed when publishing fails again.
        """
        upload = await self._owned(command.upload_id, user)
        if command.stops_transfer:
            async with self._locks.exclusive(upload.id, grace_seconds=0, patience_seconds=self._patience):
                pass
        else:
            await self._freshen(upload)
        upload = await self._owned(command.upload_id, user)
        rules.judge_known(upload)
        if upload.is_final and upload.status is not Status.COMPLETE:
            upload = await self._concatenating.look(upload)
        elif rules.awaits_publishing(upload):
            upload = await self._published(upload)
        return Queried(upload=upload)

    async def terminate(self, user: UserId, command: TerminateUpload) -> None:
        """Remove an upload, its bytes, its published file and the record of that; a running transfer is stopped.

        Raises NotFound, also the second time; Expired; Busy when the transfer did not leave in time.
        """
        upload = await self._owned(command.upload_id, user)
        await self.remove(upload, grace_seconds=0)

    async def remove(self, upload: Upload, *, grace_seconds: float) -> None:
        """Remove an upload of any protocol; running transfers get ``grace_seconds`` to end by themselves."""
        rules.judge_known(upload)
        async with self._locks.exclusive(
            upload.id, grace_seconds=grace_seconds, patience_seconds=self._patience
        ) as lease:
            upload = await self._owned(upload.id, upload.owner)
            rules.judge_known(upload)
            if upload.is_partial:
                await self._concatenating.judge_unneeded(upload)
            if upload.status is Status.FINALIZING:
                # Only then is it certain that the file under the chosen name is this one, and not another upload's.
                upload = await self._publish(await self._alone_from_now_on(upload, lease))
            gone = replace(rules.moved(upload, Status.TERMINATED), epoch=lease.epoch)
            await self._sessions.save(gone, was=upload)
            self._publisher.emit("upload_terminated", gone)
            await self.clear(gone)

    async def _alone_from_now_on(self, upload: Upload, lease: Lease) -> Upload:
        """Let an upload take the place of no record's file: one that goes would take the record and that file along."""
        if upload.replaces is None:
            return upload
        alone = replace(upload, replaces=None, epoch=lease.epoch)
        await self._sessions.save(alone, was=upload)
        return alone

    async def clear(self, gone: Upload) -> None:
        """Drop what a terminated upload left behind: record, file, staged bytes, row. Safe to repeat."""
        if gone.location is not None:
            published = await self._sessions.published(gone.location)
            if published is None:
                # The record goes first: from the moment on at which the name is free, it may be another file's.
                await self._remove_record(gone, gone.location)
                await self._store.remove_published(gone.location)
        await self._store.discard(gone.id)
        await self._sessions.remove(gone.id)

    async def _remove_record(self, gone: Upload, location: Location) -> None:
        profile = self._publisher.profiles.get(gone.profile)
        meant = location if profile is None else replace(location, directory=profile.directory)
        if meant != location and await self._sessions.published(meant) is not None:
            # The profile has another directory by now, and the record another file of that name in it.
            return
        file = {"profile": gone.profile, "filename": location.filename}
        video = await self._videos.video_of(gone.owner, **file)
        await self._videos.remove_video_of(gone.owner, **file)
        if video is not None:
            self._publisher.watchers.tell_video(gone.owner, video.id)

    async def open_upload(self, user: UserId, upload_id: UploadId) -> tuple[Upload, PublishedFile]:
        """Open the published file of a finished upload. Raises NotFound while it is unfinished, too, and while it is
        being removed."""
        upload = await self._owned(upload_id, user)
        if upload.status is not Status.COMPLETE or upload.location is None or await self._videos.is_leaving(upload.id):
            raise NotFound
        return upload, await self._open(upload.location)

    async def open_published(self, user: UserId | None, location: Location) -> tuple[Upload, PublishedFile]:
        """Open a published file by its place: anybody's in a public profile, one's own otherwise. Raises NotFound, also
        while it is being removed."""
        return await self.open_file(user, await self._sessions.published(location))

    async def open_file(self, user: UserId | None, upload: Upload | None) -> tuple[Upload, PublishedFile]:
        """Open the file of an upload that was found to be complete, as ``open_published`` does; without one NotFound is
        raised."""
        if upload is None or upload.location is None or await self._videos.is_leaving(upload.id):
            raise NotFound("file")
        if not self._publisher.profile(upload.profile).public and upload.owner != user:
            raise NotFound("file")
        return upload, await self._open(upload.location)

    @property
    def _patience(self) -> float:
        return self._limits.patience_seconds

    async def _open(self, location: Location) -> PublishedFile:
        file = await self._store.open_published(location)
        if file is None:
            raise NotFound("file")
        return file

    async def _owned(self, upload_id: UploadId, user: UserId) -> Upload:
        return rules.judge_owner(await self._sessions.get(upload_id), user)

    def _judge_early(self, upload: Upload, command: AppendBytes) -> None:
        """Refuse before anybody is disturbed; what a live transfer may still change is judged later."""
        try:
            rules.plan_append(upload, command, profile=self._publisher.profile(upload.profile))
        except Busy:
            return
        except OffsetMismatch:
            if command.at_offset < upload.offset or not self._locks.transfers(upload.id):
                raise

    async def judge_replaced(self, user: UserId, replaces: str | None, *, profile: str) -> None:
        """Judge the record that an upload of a profile says it is to replace. Raises what ``rules.records`` raises."""
        await replacing.judge(self._videos, user, replaces, profile=profile)

    async def judge_room(self, wanted: int) -> None:
        """Raise DiskFull unless so many bytes can be stored and the floor of free room is kept."""
        await self._publisher.judge_room(wanted)

    async def _judge_new(self, user: UserId, command: CreateUpload, new: Upload) -> None:
        """Judge what is to be made; a creation that is only answered again is refused for nothing that has changed
        since."""
        try:
            await self.judge_replaced(user, command.replaces, profile=command.profile)
            await self.judge_room(new.length or 0)
        except (NotFound, DiskFull):
            key = command.creation_key
            known = None if key is None else await self._sessions.created(user, key)
            if known is None or rules.begins_again(known, command):
                raise

    async def _added(self, new: Upload, command: CreateUpload) -> Upload:
        """Add a new upload, or give that of an earlier request with the same creation key."""
        upload = await self._sessions.add(new)
        if upload.id != new.id:
            rules.judge_same_creation(upload, new)
            if rules.begins_again(upload, command):
                # What an earlier try left behind, or is still sending: nobody can go on with it, so begin again.
                with contextlib.suppress(NotFound):
                    await self.remove(upload, grace_seconds=0)
                upload = await self._sessions.add(new)
        if upload.id == new.id:
            self._publisher.emit("upload_created", upload)
        return upload

    async def _append_first(
        self, upload: Upload, command: CreateUpload, body: Body, lease: Lease, *, listener: Listener | None
    ) -> Upload:
        profile = self._publisher.profile(upload.profile)
        room = profile.max_length if upload.length is None else upload.length
        plan = AppendPlan(
            position=0,
            accept_at_most=room if command.body_at_most is None else min(room, command.body_at_most),
            length=upload.length,
            exact=command.body_length is not None,
            completes=command.completes,
        )
        try:
            return await self._stream(upload, plan, body, lease, command=command, listener=listener)
        except TusvideoError as error:
            if command.forgets_cut or isinstance(error, ChecksumMismatch | InconsistentLength | TooLarge):
                # Nobody learned of this upload, or nobody may use it: the answer is a refusal without a Location.
                error.stored_offset = None
                await self.forget(upload)
            else:
                error.made_upload = upload.id
            raise

    async def forget(self, upload: Upload) -> None:
        """Drop an upload whose first body was not stored whole, unless it is being published all the same. Safe to
        repeat."""
        stored = await self._sessions.get(upload.id)
        if stored is not None and stored.status in {Status.OPEN, Status.FAILED}:
            gone = rules.moved(stored, Status.TERMINATED)
            await self._sessions.save(gone, was=stored)
            await self.clear(gone)

    async def open_writer(self, upload_id: UploadId, *, position: int, fresh: bool, size: int | None) -> Writer:
        """Open the way to the disk for a body of ``size`` bytes, None when nobody knows; see ``UploadStore``."""
        if size is None or size > SHORT_BYTES:
            return await self._store.open_writer(upload_id, position=position, fresh=fresh)
        return GatheringWriter(self._store, upload_id, position=position, fresh=fresh, held=self._held)

    async def _stream(
        self,
        upload: Upload,
        plan: AppendPlan,
        body: Body,
        lease: Lease,
        *,
        command: AppendBytes | CreateUpload,
        listener: Listener | None,
    ) -> Upload:
        """Move a body into the upload and publish what is complete then; what arrived is committed in any case."""
        profile = self._publisher.profile(upload.profile)
        judge = await judge_for(upload, store=self._store, profile=profile, length=plan.length)
        # A body with a checksum has no checkpoints: it would be held until it ends, however slowly it comes.
        size = command.body_length if command.checksum is None else None
        writer = await self.open_writer(upload.id, position=plan.position, fresh=upload.offset == 0, size=size)
        appending = Appending(
            self._publisher,
            upload,
            plan,
            lease=lease,
            judge=judge,
            writer=writer,
            checksum=command.checksum,
            listener=listener,
        )
        try:
            current = await appending.run(body)
        finally:
            await appending.close()
        if current.offset > upload.offset:
            self._publisher.emit("bytes_stored", current, written=current.offset - upload.offset)
        self._concatenating.told(current)
        return await self._publish(current) if rules.awaits_publishing(current) else current

    async def _forwarded(self, upload_id: UploadId, user: UserId, lease: Lease) -> Upload:
        """Load an upload that is held, without bytes that the disk may have lost, and publish it if only that is
        missing: an earlier request broke off there."""
        upload = await self._owned(upload_id, user)
        rules.judge_known(upload)
        upload = await without_lost(upload, epoch=lease.epoch, publisher=self._publisher)
        return await self._publish(upload) if rules.awaits_publishing(upload) else upload

    async def _published(self, upload: Upload) -> Upload:
        """Go on with a publication for a question. Raises Busy at once when somebody works on it."""
        async with self._locks.exclusive(upload.id, grace_seconds=0, patience_seconds=0) as lease:
            try:
                return await self._forwarded(upload.id, upload.owner, lease)
            except UnsupportedType:
                # Its own request was to be told that; now it is gone.
                raise NotFound from None

    async def _publish(self, upload: Upload) -> Upload:
        try:
            return await self._publisher.publish(upload)
        except UnsupportedType as error:
            error.is_verdict = True
            await self._publisher.refuse(upload, code=error.code)
            raise

    async def _freshen(self, upload: Upload) -> None:
        """Let live transfers commit what they have and dead ones end; stop those that were silent for long."""
        for transfer in self._locks.transfers(upload.id):
            if transfer.silent_seconds >= self._limits.takeover_seconds:
                await self._alone(upload, grace_seconds=0)
                return
            if not transfer.is_cut:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECKPOINT_WAIT_SECONDS):
                        await transfer.checkpoint()
            if transfer.is_cut:
                # It ends by itself as soon as what came is stored; told before, its client would send that twice.
                await self._alone(upload, grace_seconds=TAKEOVER_WAIT_SECONDS)
                return

    async def _alone(self, upload: Upload, *, grace_seconds: float) -> None:
        """Wait until nobody works on an upload, a second at most; holders are asked to leave after the grace."""
        with contextlib.suppress(Busy):
            async with self._locks.exclusive(
                upload.id, grace_seconds=grace_seconds, patience_seconds=TAKEOVER_WAIT_SECONDS
            ):
                return
