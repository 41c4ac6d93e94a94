"""Is what arrives what was sent? Without TLS a bit that flips on the way is noticed by nobody else.

Two ways. By digests: requests stay long, and what the server stores is compared with the file while the next request is
under way; the last bytes, which would make the upload complete, are held back until all others are proven, and carry a
checksum themselves. By checksums: every request carries one and is short, because a cut loses all of it; for servers
that tell no digests, for bytes that come once or still change, and once a link has damaged something.
"""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from urllib.parse import urlsplit

from . import checksum, wire
from .content import Content
from .dialect import Dialect, Fields, read_checksums
from .draft import Limits
from .errors import ProtocolError, UploadError
from .model import Integrity, Proof
from .plan import is_passing
from .proof import AT_ONCE, SLOWEST_DIGEST, Told, digest_of, digest_told
from .state import MIB, Answer, Damaged, Event
from .transfer import Transfer

HELD_BACK = 256 * 1024
CHECKED_AT_MOST = 8 * MIB
GRAIN = 64 * 1024
ASKED_AT_MOST = 3
ASIDE_SECONDS = 5.0


class Comparison:
    """What of one upload is proven to have arrived as it was sent, and what has to be done for the rest.

    Args:
        source: The bytes.
        transfer: What counts and decides.
        dialect: What is spoken.
        collection: Whom to ask for the checksums it takes.
        checksums: Those, if they are known already.
        integrity: When to compare: ``auto`` on connections without TLS.
    """

    def __init__(
        self,
        source: Content,
        *,
        transfer: Transfer,
        dialect: Dialect,
        collection: str,
        checksums: tuple[str, ...] | None,
        integrity: Integrity,
    ) -> None:
        self.proven = 0
        self._source = source
        self._transfer = transfer
        self._dialect = dialect
        self._collection = collection
        self._checksums = checksums
        self._integrity = integrity
        self._has_asked = self._is_settled = False
        self._failures = self._refusals = 0
        self._tells_digests: bool | None = None
        self._digest_by = next(iter(checksum.DIGESTS))  # until the server says what it computes
        self._algorithm: str | None = None
        self._in_pieces = source.is_once or source.size is None
        self._piece: tuple[int, int] | None = None
        self._aside: asyncio.Task[bool | None] | None = None
        self._aside_range = 0, 0
        self._used: Proof | None = None

    @property
    def by_pieces(self) -> bool:
        """True if every request carries a checksum."""
        return self._is_settled and self._algorithm is not None and (self._in_pieces or not self._tells_digests)

    @property
    def by_digests(self) -> bool:
        """True if what is stored is compared afterwards."""
        return self._is_settled and bool(self._tells_digests) and not self.by_pieces

    @property
    def can_catch_up(self) -> bool:
        """True if what is stored can be compared at any time, also when the upload is complete."""
        return self._is_settled and bool(self._tells_digests)

    def verified(self, length: int) -> Proof | None:
        """How all of the file was proven, or None if it was not."""
        return self._used if self.proven >= length else None

    def resume(self, offset: int) -> None:
        """An earlier call's bytes were proven by digests up to there."""
        self.proven, self._tells_digests, self._used = offset, True, "digests"

    async def begin_anew(self) -> None:
        """The upload begins anew; after damage its pieces are checked one by one."""
        await self.close()
        self.proven = self._failures = self._refusals = 0
        self._piece = self._used = None

    async def close(self) -> None:
        """Give up what is being compared; safe to repeat."""
        if self._aside is not None:
            self._aside.cancel()
            await asyncio.wait({self._aside})
            self._aside = None

    async def prepare(self, url: str, start: int, *, length: int | None, limits: Limits) -> Event | None:
        """See to it that bytes may be sent from ``start`` on; otherwise what came in between, for the planner.

        Raises:
            LocalFileError: The file cannot be read, or was changed.
        """
        if self._integrity == "never" or (self._integrity == "auto" and urlsplit(url).scheme != "http"):
            return None
        await self.note(start)
        if not self._is_settled and (event := await self._settle(url, length)) is not None:
            return event
        if not self.by_digests or length is None:
            return None
        if start >= self._held_from(start, length, limits):
            return await self.catch_up(url, start)
        return await self._compare_aside(url, start)

    def reach(self, start: int, readable: int, *, length: int | None, limits: Limits) -> tuple[int, bool]:
        """Up to where the next request may go, and whether it has to carry a checksum."""
        if self.by_pieces:
            return min(readable, start + max(CHECKED_AT_MOST, limits.min_append or 0)), start < readable
        if not self.by_digests or length is None:
            return readable, False
        held_from = self._held_from(start, length, limits)
        if start < held_from:
            return min(readable, held_from), False
        # With no checksum that both know the last bytes go without, and are compared when they are stored.
        return readable, start < readable and self._algorithm is not None

    async def checksum(self, start: int, end: int) -> Fields:
        """The fields of a request with these bytes.

        Raises:
            LocalFileError: They cannot be read, or were changed.
        """
        assert self._algorithm is not None  # noqa: S101  # reach() asked for none otherwise
        running = checksum.ALGORITHMS[self._algorithm]()
        await self._source.feed(running, start, end=end)
        self._piece = start, end
        return self._dialect.checksum(self._algorithm, running.digest())

    async def note(self, offset: int) -> None:
        """The server has so much: a piece with a checksum is stored whole, or else it is not proven."""
        if self._piece is not None:
            start, end = self._piece
            if offset == end and start <= self.proven:
                self.proven, self._used = max(self.proven, end), self._used or "checksums"
            self._piece = None
        if offset < max(self.proven, self._aside_range[1] if self._aside else 0):
            await self.close()  # what it lost may come back as something else
            self.proven = min(self.proven, offset)

    async def catch_up(self, url: str, end: int) -> Event | None:
        """Compare everything before ``end``; None if all of it is the file's.

        Raises:
            LocalFileError: The file cannot be read, or was changed.
            ProtocolError: The server tells no digest of a range, though it told one before.
        """
        if self._aside is not None:
            await asyncio.wait({self._aside}, timeout=ASIDE_SECONDS)
            if self._aside.done():
                self._take_aside()
            await self.close()  # its connection may be dead, and nobody watches over that one
        while self.proven < end:
            event = await self._compare(url, self.proven, min(self.proven + AT_ONCE, end))
            if event is not None:
                return event
        return None

    async def _settle(self, url: str, length: int | None) -> Event | None:
        """Find out what the server can do for this."""
        if self._checksums is None and self._tells_digests is None and not self._has_asked:
            event = await self._transfer.request("OPTIONS", self._collection, headers={}, read=self._transfer.answer)
            if self._is_to_repeat(event):
                return event
            self._has_asked = True
            if (reply := self._transfer.reply) is not None and reply.is_success:
                self._checksums = read_checksums(reply.headers)
        if self._tells_digests is None:
            has_no_need = self._in_pieces or (length or 0) <= HELD_BACK
            is_worth_asking = self._checksums is None or not (has_no_need and self._dialect.announces_checksums)
            if self._checksums != () and is_worth_asking:
                where = wire.digest_url(url, start=0, end=0, prefer=self._digest_by)
                event = await self._transfer.request("GET", where, headers={}, read=self._transfer.answer)
                if self._is_to_repeat(event):
                    return event
                told = digest_told(self._transfer.reply, among=checksum.DIGESTS)
                self._tells_digests = told is not None
                self._digest_by = told.algorithm if told is not None else self._digest_by
            else:
                self._tells_digests = False
        if self._tells_digests or self._dialect.announces_checksums:
            announced = self._checksums or ((checksum.SHA256,) if self._tells_digests else ())
            self._algorithm = checksum.choose(announced, among=self._dialect.checksums)
        self._is_settled = True
        return None

    def _is_to_repeat(self, event: Event) -> bool:
        """True if there was no answer, or one that says nothing; somebody who never answers is not asked for ever."""
        if isinstance(event, Answer) and not is_passing(event):
            self._failures = 0
            return False
        self._failures += 1
        if self._failures < ASKED_AT_MOST:
            return True
        self._failures = 0
        return False

    def _held_from(self, start: int, length: int, limits: Limits) -> int:
        """Where the bytes begin that are held back. What would be too short for a request of its own goes with them."""
        held_from = max(0, length - HELD_BACK)
        return start if 0 < held_from - start < (limits.min_append or 0) else held_from

    async def _compare_aside(self, url: str, stored: int) -> Event | None:
        """Begin to compare what is stored while more is sent; what did not agree is looked at before that."""
        if self._aside is not None:
            if not self._aside.done():
                return None
            if self._take_aside() is False:
                return await self.catch_up(url, stored)
        if stored > self.proven:
            start, end = self.proven, min(self.proven + AT_ONCE, stored)
            self._aside_range = start, end
            self._aside = asyncio.create_task(self._is_equal(url, start, end))
        return None

    def _take_aside(self) -> bool | None:
        """What came of it; only that bytes agree is believed at once."""
        task, self._aside = self._aside, None
        is_equal = None if task is None else task.result()
        if is_equal:
            self.proven, self._used = self._aside_range[1], "digests"
        return is_equal

    async def _compare(self, url: str, start: int, end: int) -> Event | None:
        transfer = self._transfer
        ours = asyncio.ensure_future(digest_of(self._source, start, end, algorithm=self._digest_by))
        try:
            event = await transfer.request(
                "GET",
                wire.digest_url(url, start=start, end=end, prefer=self._digest_by),
                headers={},
                patience=(end - start) / SLOWEST_DIGEST,
                question=(url, dict(self._dialect.aside)),
                read=transfer.answer,
            )
            told = digest_told(transfer.reply, among=checksum.DIGESTS) if isinstance(event, Answer) else None
            if told is None:
                self._judge_refusal(event, start, end)
                return event
            self._refusals = 0
            is_equal = await self._is_that_of(told, ours, start, end)
        finally:
            ours.cancel()
            await asyncio.gather(ours, return_exceptions=True)
        self._source.check()
        found = None if is_equal else await self._narrowed(url, start, end)
        if found is not None:
            transfer.tell_damage(*found, is_stored=True)
            self._in_pieces = True
            return Damaged(at=transfer.now(), start=found[0], end=found[1])
        self.proven, self._used = end, "digests"
        return None

    async def _is_that_of(self, told: Told, ours: Awaitable[str], start: int, end: int) -> bool:
        """Compare what was told with ``ours``, or with another one if it is by something else than was expected."""
        if told.algorithm == self._digest_by:
            return told.digest == await ours
        self._digest_by = told.algorithm  # another server behind the same address, or the same one newly set up
        return told.digest == await digest_of(self._source, start, end, algorithm=told.algorithm)

    def _judge_refusal(self, event: Event, start: int, end: int) -> None:
        """Let the planner judge an answer without a digest if it may be about the upload, or about the moment.

        Raises:
            ProtocolError: The server tells digests, but not of this range.
        """
        if not isinstance(event, Answer) or is_passing(event):
            return
        self._refusals += 1
        may_be_gone = event.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE} and self._refusals < ASKED_AT_MOST
        if may_be_gone or (event.status == HTTPStatus.FORBIDDEN and event.renewable and self._refusals < ASKED_AT_MOST):
            return
        told = f"bytes {start} to {end}, which it stores: it answered {event.status}"
        message = f"the server tells digests, but not that of {told}"
        hint = "look what a proxy on the way makes of addresses that end in /digest; integrity 'never' compares nothing"
        raise ProtocolError(message, status=event.status, hint=hint)

    async def _narrowed(self, url: str, start: int, end: int) -> tuple[int, int] | None:
        """Halve a range that differs as far as that helps; None if it does not differ after all: the answer was hurt.

        Raises:
            LocalFileError: The file cannot be read, or was changed.
        """
        is_equal = await self._is_equal(url, start, end)
        if is_equal:
            return None
        while is_equal is not None and end - start > GRAIN:
            middle = (start + end) // 2
            is_equal = await self._is_equal(url, start, middle)
            if is_equal is not None:
                start, end = (middle, end) if is_equal else (start, middle)
        return start, end

    async def _is_equal(self, url: str, start: int, end: int) -> bool | None:
        """Compare one range, asked beside everything else; None if that cannot be told now."""
        where = wire.digest_url(url, start=start, end=end, prefer=self._digest_by)
        patience = (end - start) / SLOWEST_DIGEST
        reply = await self._transfer.ask_aside("GET", where, headers={}, patience=patience)
        told = digest_told(reply, among=checksum.DIGESTS)
        if told is None:
            return None
        try:
            return told.digest == await digest_of(self._source, start, end, algorithm=told.algorithm)
        except UploadError:
            return None  # whoever needs the answer reads the file, and is told
