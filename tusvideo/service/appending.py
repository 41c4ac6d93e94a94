"""One body into one upload: what is committed on the way, and what the end of the body makes of the upload."""

import contextlib
from dataclasses import replace
from functools import partial

from tusvideo.checksums import Checksum
from tusvideo.commands import AppendPlan
from tusvideo.errors import (
    ChecksumMismatch,
    InconsistentLength,
    StorageFailed,
    TooLarge,
    TusvideoError,
    UnsupportedType,
)
from tusvideo.model import Durability, Protocol, Status, Upload
from tusvideo.ports import Lease, Listener
from tusvideo.rules import uploads as rules
from tusvideo.service.checking import CheckedWriter
from tusvideo.service.gathering import GatheringWriter, LateWriter
from tusvideo.service.judging import TypeJudge
from tusvideo.service.publishing import Publisher
from tusvideo.service.syncing import UnsyncedWriter, sync_whole, without_lost
from tusvideo.service.transfer import Transfer
from tusvideo.service.verifying import must_be_verified, verified_digests
from tusvideo.streams import Body, Sink, Writer


class Appending:
    """Moves a body into an upload that is held alone; what arrived is committed whatever is raised.

    With a checksum of the body all of it is committed or, whatever is raised, nothing. The last bytes are committed
    together with FINALIZING: an upload that is complete with them never looks unfinished, and whoever comes next,
    client or not, goes on publishing it. Only when digests of the whole are to be verified comes FINALIZING after that.
    """

    def __init__(
        self,
        publisher: Publisher,
        upload: Upload,
        plan: AppendPlan,
        *,
        lease: Lease,
        judge: TypeJudge,
        writer: Writer,
        checksum: Checksum | None,
        listener: Listener | None,
    ) -> None:
        self._publisher = publisher
        self._plan = plan
        self._lease = lease
        self._judge = judge
        self._writer = writer
        self._listener = listener
        self._current = upload
        self._length = plan.length
        self._completes = plan.completes and not must_be_verified(upload)
        self._relaxed = publisher.durability is Durability.RELAXED
        self._late = LateWriter(writer, durable=not self._relaxed) if isinstance(writer, GatheringWriter) else None
        plain = UnsyncedWriter(writer) if self._relaxed else writer
        self._checked = None if checksum is None else CheckedWriter(plain, checksum=checksum)
        self._sink: Sink = self._checked or self._late or plain

    async def run(self, body: Body) -> Upload:
        """Move the body to its end and give the committed upload, perhaps FINALIZING.

        Raises TransferEnded, TooLarge, ChecksumMismatch, DiskFull, StorageFailed; UnsupportedType (the upload is FAILED
        then, its bytes are gone), InconsistentLength and, for a digest of the whole, ChecksumMismatch alike.
        """
        try:
            await self._move(body)
            await self._finish()
        except UnsupportedType as error:
            # What was wrong with a body that nobody checked yet may not be in the file.
            if self._checked is None or self._checked.is_verified:
                error.is_verdict = True
                await self._publisher.refuse(self._current, code=error.code)
            raise
        except TooLarge as error:
            error.stored_offset = self._current.offset
            length, end = self._plan.length, self._plan.position + self._plan.accept_at_most
            if self._current.protocol is Protocol.IETF and length is not None and end >= length:
                # The draft wants an upload to be used no more when its bytes go beyond its length.
                await self._publisher.refuse(self._current, code=InconsistentLength.code)
                raise InconsistentLength(expected=length) from error
            raise
        return self._current

    async def close(self) -> None:
        """Let go of the file, and drop what was to be checked and was not."""
        await (self._checked or self._writer).close()

    async def _move(self, body: Body) -> None:
        transfer = Transfer(
            body=body,
            writer=self._sink,
            plan=self._plan,
            commit=self._commit,
            look=self._judge.look,
            clock=self._publisher.clock,
            limits=self._publisher.limits,
            turns=self._publisher.turns,
        )
        self._lease.attach(transfer)
        await transfer.run()
        if self._checked is not None:
            await self._checked.settle(self._commit)

    async def _finish(self) -> None:
        """Commit what only the end of the body told."""
        if self._plan.completes and self._current.status is Status.OPEN:
            self._length = rules.length_at_end(self._current, told=self._length)
            if must_be_verified(self._current):
                if self._current.boot_id is not None:
                    # Bytes that the disk has lost may be read as others, and the upload would fail for good.
                    await self._sync_all()
                await self._verify()
            self._completes = True
            await self._commit(self._current.offset)
        elif self._current.length != self._length:
            await self._commit(self._current.offset)

    async def _verify(self) -> None:
        """Commit the digests of the stored bytes. Raises ChecksumMismatch when they are not those that were claimed."""
        try:
            digests = await verified_digests(self._current, store=self._publisher.store)
        except ChecksumMismatch as error:
            error.is_verdict = True
            await self._publisher.refuse(self._current, code=error.code)
            raise
        await self._save(replace(self._current, digests=digests))

    async def _commit(self, position: int) -> None:
        settled = rules.settle_append(
            self._current,
            position=position,
            length=self._length,
            epoch=self._lease.epoch,
            content_type=self._judge.content_type,
            now=self._publisher.clock.now(),
            limits=self._publisher.limits,
        )
        if rules.is_whole(settled, completes=self._completes):
            # What is about to be published survives a power loss, whatever the level is or was.
            if self._relaxed or self._current.boot_id is not None:
                await self._sync_all()
            elif self._late is not None and self._late.owes:
                await self._late.pay()
            settled = await self._publisher.begun(replace(settled, boot_id=None))
        elif self._relaxed:
            settled = rules.at_risk(settled, was=self._current, boot_id=self._publisher.store.boot_id)
        elif settled.boot_id != self._current.boot_id:
            await self._sync_all()
        await self._save(settled)
        if self._listener is not None:
            await self._listener.stored(self._current)

    async def _sync_all(self) -> None:
        """Make those bytes durable, too, that no request synced; if they are lost, they count no more.

        Raises StorageFailed.
        """
        sync = self._writer.sync if self._late is None else self._late.pay
        try:
            await sync_whole(self._current.id, sync=sync, publisher=self._publisher)
        except StorageFailed:
            with contextlib.suppress(TusvideoError):
                self._current = await without_lost(self._current, epoch=self._lease.epoch, publisher=self._publisher)
            raise

    async def _save(self, upload: Upload) -> None:
        save = partial(self._publisher.sessions.save, upload, was=self._current)
        await (save() if self._late is None else self._late.save(save))
        self._current = upload
        self._publisher.watchers.tell_upload(upload)
