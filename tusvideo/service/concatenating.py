"""Final uploads: made of partial ones, beside the request that asks for them when that takes long.

The order is that of any upload: the row of the final one, with what it is made of, before a byte; then the bytes,
copied by the file system from staging to staging; one sync; the commit of all of them together with the final name; the
link. Until that commit the row counts no byte, so a stop at any moment leaves nothing but a copy to begin again.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from tusvideo.commands import Created, CreateUpload
from tusvideo.errors import (
    Busy,
    DiskFull,
    NotFound,
    Preempted,
    RequestError,
    SessionConflict,
    TransferEnded,
    Unavailable,
    UnsupportedType,
)
from tusvideo.model import SNIFF_BYTES, Status, Upload, UploadId, UserId
from tusvideo.ports import Lease, LockManager
from tusvideo.records import VideoRepository
from tusvideo.rules import pieces as rules
from tusvideo.rules.pieces import Pieces
from tusvideo.rules.sniff import judge_type
from tusvideo.rules.uploads import judge_known, judge_same_creation, new_upload
from tusvideo.service import replacing
from tusvideo.service.judging import collect
from tusvideo.service.publishing import Publisher
from tusvideo.service.syncing import sync_whole

ANSWER_SECONDS = 2.0
"""So long the request for a final upload waits for it; after that the answer says that it is not there yet."""
STEP_BYTES = 64 * 1024 * 1024
"""So much is copied in one go; between two of them others get their turn at the disk, and a stop is heard."""
AT_A_TIME = 2
"""So many final uploads are put together at once."""
PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenated:
    """What one pass did, in counts of final uploads."""

    begun: int = 0
    ended: int = 0
    """Those that can never be put together."""


class Copying:
    """A copy on its way, seen by those who wait for the upload; a Transfer that nobody sends."""

    silent_seconds = 0.0
    is_cut = False

    def __init__(self) -> None:
        self._is_stopped = False

    def stop(self) -> None:
        """Ask it to leave; what was copied is dropped."""
        self._is_stopped = True

    async def checkpoint(self) -> None:
        """Do nothing: no byte of it counts before all do."""

    def check(self) -> None:
        """Raise Preempted when it was asked to leave."""
        if self._is_stopped:
            message = "another request took over this upload; ask for it again"
            raise Preempted(message)


class Concatenating:
    """Puts final uploads together: for requests, for pieces that become whole, and for what a stop interrupted."""

    def __init__(self, *, publisher: Publisher, locks: LockManager, videos: VideoRepository) -> None:
        self._publisher = publisher
        self._videos = videos
        self._store = publisher.store
        self._sessions = publisher.sessions
        self._clock = publisher.clock
        self._limits = publisher.limits
        self._locks = locks
        self._running: dict[UploadId, asyncio.Task[None]] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_A_TIME)

    async def create(self, user: UserId, command: CreateUpload) -> Created:
        """Make a final upload; when all its pieces are whole, put it together, for two seconds at most before the
        answer and for as long as it takes after it.

        The same request again gives the same upload, with a key or without, also when its pieces are gone by then.
        Raises what ``rules.pieces.pieces_of`` and ``replacing.judge`` raise, UnsupportedType and DiskFull; nothing is
        made then.
        """
        profile = self._publisher.profile(command.profile)
        new = new_upload(
            command,
            profile=profile,
            limits=self._limits,
            owner=user,
            upload_id=UploadId(secrets.token_hex(16)),
            now=self._clock.now(),
        )
        key = new.creation_key or rules.key_of(new)
        final = await self._sessions.created(user, key)
        if final is not None:
            judge_same_creation(final, new)
        if final is None or final.status is not Status.COMPLETE:
            known = await self._sessions.several(new.sources)
            pieces = rules.pieces_of(new, known, profile=profile)
            if final is None:
                await replacing.judge(self._videos, user, new.replaces, profile=new.profile)
                final = await self._added(replace(new, creation_key=key, length=pieces.length), pieces)
            if final.status in {Status.OPEN, Status.FINALIZING} and pieces.are_whole:
                await self._wait_for(final)
        held = await self._sessions.get(final.id)
        if held is None:
            raise NotFound
        judge_known(held)
        return Created(upload=held, stored_body=False)

    async def _added(self, new: Upload, pieces: Pieces) -> Upload:
        if pieces.are_whole:
            await self._judge_type(new, pieces)
        await self._publisher.judge_room(pieces.length or 0)
        final = await self._sessions.add(new)
        if final.id == new.id:
            self._publisher.emit("upload_created", final)
        else:
            judge_same_creation(final, new)
        return final

    async def look(self, final: Upload) -> Upload:
        """Give a final upload that is not complete as it stands: with its length as soon as that is known.

        Goes on with one that could be put together and is not. Raises NotFound or Expired when that can never be.
        """
        if final.status is not Status.OPEN:
            self._begin(final.id)
            return final
        known = await self._sessions.several(final.sources)
        try:
            pieces = rules.pieces_of(final, known, profile=self._publisher.profile(final.profile))
        except RequestError:
            await asyncio.wait([self._task(final.id)])
            held = await self._sessions.get(final.id)
            if held is None or held.status is Status.OPEN:
                raise Busy from None
            judge_known(held)
            return held
        if pieces.are_whole:
            self._begin(final.id)
        return replace(final, length=pieces.length)

    async def judge_unneeded(self, partial: Upload) -> None:
        """Raise Busy while a final upload that was promised is being put together from a partial one."""
        for final in await self._sessions.finals_of(partial):
            known = await self._sessions.several(final.sources)
            with contextlib.suppress(RequestError):
                if rules.pieces_of(final, known, profile=self._publisher.profile(final.profile)).are_whole:
                    self._begin(final.id)
                    raise Busy

    def told(self, partial: Upload) -> None:
        """Take note of bytes of a partial upload: if it is whole, those that wait for it may go on. Does not wait."""
        if partial.is_partial and partial.offset == partial.length:
            task = asyncio.get_running_loop().create_task(self._tell(partial))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def run(self) -> Concatenated:
        """Look at all final uploads that are not complete and begin with those that can be put together.

        Safe to repeat and to cancel; waits for no copy. Raises StorageFailed when the database does not answer.
        """
        begun = ended = 0
        after = None
        while page := await self._sessions.open_finals(after=after, limit=PAGE):
            after = page[-1].id
            for final in page:
                known = await self._sessions.several(final.sources)
                try:
                    pieces = rules.pieces_of(final, known, profile=self._publisher.profile(final.profile))
                except RequestError:
                    self._begin(final.id)
                    ended += 1
                    continue
                if pieces.are_whole:
                    begun += final.id not in self._running
                    self._begin(final.id)
                elif (lasting := rules.waiting(final, pieces)) != final:
                    with contextlib.suppress(SessionConflict):
                        await self._sessions.save(lasting, was=final)
        return Concatenated(begun=begun, ended=ended)

    async def close(self) -> None:
        """End what runs, and wait for that; the next start begins it again. Safe to repeat."""
        running = [*self._running.values(), *self._telling]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _begin(self, final_id: UploadId) -> None:
        """Start to put a final upload together, unless that is under way."""
        _ = self._task(final_id)

    def _task(self, final_id: UploadId) -> "asyncio.Task[None]":
        """Give the task that puts a final upload together."""
        task = self._running.get(final_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._put_together(final_id))
            self._running[final_id] = task
            task.add_done_callback(lambda ended: self._end(final_id, ended))
        return task

    def _end(self, final_id: UploadId, task: "asyncio.Task[None]") -> None:
        del self._running[final_id]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, RequestError | Unavailable | TransferEnded | SessionConflict):
            context = {"message": "a final upload was not put together", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)

    async def _tell(self, partial: Upload) -> None:
        # What cannot be asked now is found by the next pass.
        with contextlib.suppress(Unavailable):
            for final in await self._sessions.finals_of(partial):
                self._begin(final.id)

    async def _wait_for(self, final: Upload) -> None:
        """Put a final upload together and wait a moment for it. Raises what went wrong with the request or the room."""
        task = self._task(final.id)
        await asyncio.wait([task], timeout=ANSWER_SECONDS)
        if task.done() and not task.cancelled() and isinstance(error := task.exception(), RequestError | DiskFull):
            raise error

    async def _put_together(self, final_id: UploadId) -> None:
        async with (
            self._turns,
            self._locks.exclusive(
                final_id, grace_seconds=self._limits.patience_seconds, patience_seconds=self._limits.patience_seconds
            ) as lease,
        ):
            final = await self._sessions.get(final_id)
            if final is None or final.status not in {Status.OPEN, Status.FINALIZING}:
                return
            try:
                if final.status is Status.OPEN:
                    final = await self._assemble(final, lease)
                if final.status is Status.FINALIZING:
                    await self._publisher.publish(final)
            except UnsupportedType as error:
                await self._publisher.refuse(final, code=error.code)
                raise

    async def _assemble(self, final: Upload, lease: Lease) -> Upload:
        """Give the committed session of a final upload with all its bytes; as it was while pieces are not whole."""
        known = await self._sessions.several(final.sources)
        if not (await self._judged(final, known)).are_whole:
            return final
        async with contextlib.AsyncExitStack() as stack:
            # Held so that nobody takes a piece away; whoever waits here for long is the one that writes to it.
            for source in sorted(set(final.sources)):
                held = self._locks.shared(source, patience_seconds=self._limits.patience_seconds)
                await stack.enter_async_context(held)
            known = await self._sessions.several(final.sources)
            pieces = await self._judged(final, known)
            length = pieces.length
            if length is None or not pieces.are_whole:
                return final
            for piece in pieces.uploads:
                if piece.boot_id is not None:
                    # Bytes that the disk loses while they wait may be read as zeros.
                    sync = partial(self._store.sync_staged, piece.id)
                    await sync_whole(piece.id, sync=sync, publisher=self._publisher)
            content_type = await self._judge_type(final, pieces)
            await self._publisher.judge_room(length)
            try:
                await self._copy(final, pieces, lease)
            except (Unavailable, TransferEnded):
                # None of it counts, and it must not keep the room that the next try asks for.
                with contextlib.suppress(Unavailable):
                    await self._store.discard(final.id)
                raise
        now = self._clock.now()
        whole = rules.assembled(final, length=length, epoch=lease.epoch, content_type=content_type, now=now)
        begun = await self._publisher.begun(whole)
        await self._sessions.save(begun, was=final)
        self._publisher.emit("upload_concatenated", begun, pieces=len(pieces.uploads))
        return begun

    async def _judged(self, final: Upload, known: Mapping[UploadId, Upload]) -> Pieces:
        """Give the pieces; if they can never become a whole, say so in the row, and raise why."""
        profile = self._publisher.profile(final.profile)
        try:
            return rules.pieces_of(final, known, profile=profile)
        except RequestError as error:
            gone = rules.broken(final, known, reason=error.code, now=self._publisher.clock.now())
            await self._sessions.save(gone, was=final)
            self._publisher.emit("upload_failed", gone, reason=error.code)
            await self._store.discard(gone.id)
            raise

    async def _copy(self, final: Upload, pieces: Pieces, lease: Lease) -> None:
        copying = Copying()
        lease.attach(copying)
        writer = await self._store.open_writer(final.id, position=0, fresh=True)
        try:
            position = 0
            for piece in pieces.uploads:
                done = 0
                while done < piece.offset:
                    copying.check()
                    size = min(STEP_BYTES, piece.offset - done)
                    await self._store.copy_between(piece.id, final.id, start=done, to=position, size=size)
                    done += size
                    position += size
            await writer.sync()
        finally:
            await writer.close()

    async def _judge_type(self, final: Upload, pieces: Pieces) -> str:
        """Give the type of the content to be, by its first bytes. Raises UnsupportedType."""
        head = b""
        for piece in pieces.uploads:
            stop = min(piece.offset, SNIFF_BYTES - len(head))
            if stop:
                head += b"".join(await collect(self._store.read_staged(piece.id, start=0, stop=stop)))
        return judge_type(head, self._publisher.profile(final.profile))
