"""Telling what stored bytes amount to."""

from tusvideo.checksums import ALGORITHMS
from tusvideo.commands import Proven, ProveRange
from tusvideo.errors import Busy, InvalidField, NotFound, TooLarge
from tusvideo.model import Protocol, Status, Upload, UserId
from tusvideo.rules.uploads import judge_known, judge_owner
from tusvideo.service.part_stream import checksum_of
from tusvideo.service.publishing import Publisher

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of one range."""


class ProofService:
    """Computes checksums of ranges of uploads, for their owners."""

    def __init__(self, *, publisher: Publisher) -> None:
        self._store = publisher.store
        self._sessions = publisher.sessions

    async def prove(self, user: UserId, command: ProveRange) -> Proven:
        """Give the digest of committed bytes; nothing is changed, and no transfer is disturbed.

        Raises NotFound, Expired; InvalidField for a range beyond what is committed, TooLarge for one of more than
        64 MiB; Busy while the file is being published; StorageFailed.
        """
        upload = judge_owner(await self._sessions.get(command.upload_id), user)
        judge_known(upload)
        if upload.protocol is Protocol.CHUNKS:
            # Nobody is told this name of it, and a last part may lie elsewhere until the finalize.
            raise NotFound
        stop = upload.offset if command.stop is None else command.stop
        if not command.start <= stop <= upload.offset:
            got = f"{command.start} to {stop}"
            raise InvalidField("the range", expected=f"bytes within the stored {upload.offset}", got=got)
        if stop - command.start > MAX_BYTES:
            raise TooLarge("the range", limit=MAX_BYTES, got=stop - command.start)
        digest = await self._digest(upload, command.start, stop, command.algorithm)
        return Proven(upload=upload, start=command.start, stop=stop, digest=digest, algorithm=command.algorithm)

    async def _digest(self, upload: Upload, start: int, stop: int, algorithm: str) -> str:
        if start == stop:
            # Before its first byte an upload has no file to read.
            return ALGORITHMS[algorithm].begin().digest().hex()
        if upload.status is Status.OPEN:
            # Committed bytes are never written again, and the file stays while somebody reads it.
            return await checksum_of(self._store.read_staged(upload.id, start=start, stop=stop), algorithm=algorithm)
        if upload.status is not Status.COMPLETE or upload.location is None:
            raise Busy
        file = await self._store.open_published(upload.location)
        if file is None:
            raise NotFound("file")
        try:
            return await checksum_of(file.read(start, stop), algorithm=algorithm)
        finally:
            await file.close()
