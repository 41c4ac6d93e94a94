"""What an upload begins with: the open file, the right to send it, and what an earlier call left behind."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from .content import Content
from .errors import KEPT, ONCE, GaveUpError, LocalFileError, RejectedError, StreamBrokenError, UploadError
from .fingerprint import Place
from .follow import Follow
from .journal import Claim, Journal, Record
from .model import Protocol
from .opening import opened
from .origin import SPOOL_BYTES, Uploadable, open_content


@dataclass(slots=True, kw_only=True)
class Intake:
    """A file that this process, and no other, may upload to one place.

    Attributes:
        source: The open file, or whatever else the bytes come from.
        record: What is on disk about this upload; :meth:`save` replaces it.
        resumes: True if an earlier call began this upload.
        stale: The record of an older version of the file, whose upload is of no more use.
    """

    source: Content
    record: Record
    resumes: bool
    stale: Record | None
    claim: Claim

    async def save(self, record: Record) -> None:
        """Put the record on disk, durably."""
        self.record = record
        await asyncio.to_thread(self.claim.save, record)

    async def begin_anew(self) -> None:
        """Give the upload a new id, on disk before any request can carry it."""
        await self.save(replace(self.record, upload_id=new_upload_id(), upload_url=None, offset=0))

    def note(self, offset: int) -> None:
        """Remember what is stored; costs a disk sync, so it is for the end of a call."""
        record = replace(self.record, offset=offset)
        with suppress(LocalFileError):  # then the record tells of fewer bytes, which is true as well
            record = replace(record, fingerprint=self.source.fingerprint)
        if record != self.record:
            self.record = record
            self.claim.save(self.record)

    def note_failure(self, error: BaseException) -> None:
        """Forget what cannot go on and has nothing at the server; remember of the rest that it was refused, and why.

        An error about bytes that do not come again promises no more that a later call goes on, whatever it stopped.
        """
        if self.source.is_once and isinstance(error, UploadError):
            error.retryable = False
            if error.hint is not None:
                error.hint = error.hint.replace(KEPT, ONCE)
            elif isinstance(error, GaveUpError | StreamBrokenError):  # who was refused would be refused again
                error.hint = ONCE
        is_refused = isinstance(error, RejectedError) and (error.status or 0) < HTTPStatus.INTERNAL_SERVER_ERROR
        is_over = is_refused or self.source.is_once or (isinstance(error, LocalFileError) and not error.retryable)
        asked = self.resumes and self.record.place.protocol == "chunks"  # what the server has was never noted, maybe
        if is_over and not self.record.has_begun and not asked:
            self.claim.forget()
        elif is_refused:
            self.record = replace(self.record, refused=str(error))
            self.claim.save(self.record)

    async def note_end(self) -> None:
        """A source that was still growing has ended: remember what it is now, before the server is told."""
        if self.record.fingerprint != self.source.fingerprint:
            await self.save(replace(self.record, fingerprint=self.source.fingerprint))


@asynccontextmanager
async def take_in(  # noqa: PLR0913  # a place has that many sides
    what: Uploadable,
    *,
    journal: Journal,
    protocol: Protocol,
    endpoint: str,
    account: str,
    profile: str,
    name: str,
    metadata: dict[str, str],
    replaces: str = "",
    chunk_size_of: Callable[[int], int] | None = None,
    size: int | None = None,
    spool_bytes: int = SPOOL_BYTES,
    follow: Follow | None = None,
) -> AsyncIterator[Intake]:
    """Open a file and claim its place; the record is on disk before this returns.

    ``chunk_size_of`` gives the bytes in a chunk for a length, for an upload in chunks that begins.

    Raises:
        LocalFileError: The file cannot be read, another upload holds it, or the state directory cannot be used.
    """
    source = await open_content(what, size=size, spool_bytes=spool_bytes, follow=follow)
    try:
        place = Place(
            path=str(source.path),
            endpoint=endpoint,
            account=account,
            protocol=protocol,
            profile=profile,
            name=name,
            replaces=replaces,
        )
        claim = await opened(partial(journal.claim, place), close=Claim.release)
        try:
            kept = await asyncio.to_thread(claim.load)
            fresh = Record(
                place=place,
                fingerprint=source.fingerprint,
                upload_id=new_upload_id(),
                chunk_size=None if chunk_size_of is None else chunk_size_of(source.size or 0),
                metadata=metadata,
            )
            resumes = kept is not None and await asyncio.to_thread(source.resumes, kept.fingerprint)
            if kept is not None and kept.upload_url is None and kept.fingerprint != source.fingerprint:
                resumes = False  # the same creation would have to be asked for in other words
            intake = Intake(
                source=source,
                record=kept if kept is not None and resumes else fresh,
                resumes=resumes,
                stale=None if resumes else kept,
                claim=claim,
            )
            if not resumes:
                await intake.save(fresh)
            elif intake.record.refused is not None:
                await intake.save(replace(intake.record, refused=None))
            if resumes and source.size is not None:
                await intake.note_end()
            try:
                yield intake
            except BaseException as error:
                intake.note_failure(error)
                raise
        finally:
            claim.release()  # not awaited: a second cancel must not leave the lock behind
    finally:
        await source.close()


def new_upload_id() -> str:
    """An id that nobody can guess: 128 random bits as hex digits."""
    return secrets.token_hex(16)
