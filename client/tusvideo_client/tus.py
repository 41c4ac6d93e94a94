"""One upload with an address of its own, over tus or the IETF draft: create, ask, send, set the video record right."""

import asyncio
import contextlib
import logging
import mimetypes
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import NoReturn

from . import events, pieces, wire
from .body import Body
from .comparison import Comparison
from .dialect import DIALECTS, Offer, judge_length, judge_requests, request_size
from .draft import Limits
from .errors import IntegrityError, ProtocolError, RejectedError, UploadError
from .farewell import GONE, say_farewell
from .intake import Intake
from .model import Integrity, Phase, Proof, UploadResult
from .proof import digest_of, prove
from .state import MIB, Answer, Broken, Damaged, Differs, Event, Proceed, Restart, Step
from .transfer import PHASES, Transfer
from .transport import Interrupted, Reply, Transport

OCTET_STREAM = "application/octet-stream"
DIGEST_FAILURES = 3
"""So many answers of 500 are taken for a server that has no such thing: tusd looks for a folder of that name."""
SLOWEST_CHECK = 50 * MIB
LAST_QUESTION_SECONDS = 0.5

logger = logging.getLogger(__name__)


class TusRun:
    """One call of ``upload``: makes the requests that the planner names.

    Args:
        intake: What is uploaded.
        transport: How requests are made.
        transfer: What counts and decides.
        base: Root of the server, for the video record.
        request_bytes: Longest body of one request.
        offer: What to speak, where uploads are made, and what is known of the server.
        integrity: When to compare what arrives with what was sent.
    """

    def __init__(  # each of them is another matter
        self,
        intake: Intake,
        *,
        transport: Transport,
        transfer: Transfer,
        base: str,
        request_bytes: int,
        offer: Offer,
        integrity: Integrity,
    ) -> None:
        self._intake = intake
        self._transport = transport
        self._transfer = transfer
        self._base = base
        self._request_bytes = request_bytes
        self._dialect = DIALECTS[offer.protocol]
        self._collection = offer.collection
        self._limits = offer.limits
        self._comparison = Comparison(
            intake.source,
            transfer=transfer,
            dialect=self._dialect,
            collection=self._collection,
            checksums=offer.checksums,
            integrity=integrity,
        )
        self._digest: str | None = None
        self._first_length = transfer.state.length
        self._has_told_length = True  # until it is known that it could not be told
        self._published: str | None = None
        self._handed = 0
        self._resumed_from: int | None = None
        self._unproven = self._digest_failures = 0
        self._pace = pieces.Pace(fault_at=transfer.now())
        self._cut: tuple[int, int] | None = None
        self._size = 0

    async def to_end(self, wanted: Mapping[str, str]) -> UploadResult:
        transfer, intake = self._transfer, self._intake
        known = intake.record.upload_url is not None
        transfer.upload_url = intake.record.upload_url
        transfer.begin(Step.PROBE if known else Step.CREATE, offset=intake.record.offset if known else 0)
        self._handed = transfer.state.offset
        requests = {Step.CREATE: self._create, Step.PROBE: self._probe, Step.SEND: self._send}
        try:
            while (step := transfer.state.step) in requests:
                transfer.report(PHASES[step])
                event = await requests[step]()
                if isinstance(event, Damaged):
                    await say_farewell(self._transport, intake.record)  # whatever follows: nobody is to go on with it
                action = await transfer.decide(event)
                intake.source.settle(0 if isinstance(action, Restart) else transfer.state.offset)
                has_place = step is Step.PROBE and transfer.state.step is not step
                if has_place and known and self._resumed_from is None:
                    action = await self._proven(action)
                    has_place = transfer.state.step is not step
                if isinstance(action, Restart):
                    await self._begin_anew()
                elif has_place:
                    self._recount()
                    if self._resumed_from is None:
                        self._resumed_from = transfer.state.offset if known else 0
                        if known:
                            transfer.tell(events.Resumed(url=self._url, offset=self._resumed_from))
                        self._handed = max(self._handed, transfer.state.offset)
            verified = await self._verified()
            transfer.tell(events.Verified(has_checksum=verified is not None))
            intake.source.check()
            if "title" in wanted and intake.record.metadata != wanted:
                await self._record(wanted)
        except BaseException as error:
            await self._leave(error)
            raise
        finally:
            await self._comparison.close()
        await asyncio.to_thread(intake.claim.forget)
        transfer.report(Phase.DONE, sent=transfer.state.length)
        return self._result(verified)

    async def _leave(self, error: BaseException) -> None:
        """Remember what is stored."""
        if isinstance(error, asyncio.CancelledError):
            self._transfer.report_last(await self._stored_now())
        self._intake.note(self._transfer.state.offset)

    async def _begin_anew(self) -> None:
        await self._comparison.begin_anew()
        self._cut = None
        self._resumed_from = self._unproven = 0
        self._transfer.upload_url = None
        self._first_length = self._transfer.state.length
        await self._intake.begin_anew()

    async def _create(self) -> Event:
        self._intake.source.check()
        headers = {
            **self._dialect.always,
            # Said again unchanged, if the creation has to be made again.
            **self._dialect.create(self._first_length, _typed(self._intake.record.metadata)),
            wire.IDEMPOTENCY_KEY: self._intake.record.upload_id,
        }
        url = self._collection
        event = await self._transfer.request("POST", url, headers=headers, read=self._place)
        reply = self._transfer.reply
        if reply is not None and reply.is_success:
            if isinstance(event, Answer) and event.is_complete:
                message = "the server took the beginning of an upload for a whole one: it does not know the IETF draft"
                raise ProtocolError(message, status=reply.status)
            if wire.LOCATION not in reply.headers:
                message = "the server made an upload and did not say where: its answer has no Location"
                raise ProtocolError(message, status=reply.status)
            self._transfer.upload_url = wire.resolve(url, reply.headers[wire.LOCATION])
            self._take_published(reply)
            self._has_told_length = wire.UPLOAD_LENGTH in headers
            await self._intake.save(replace(self._intake.record, upload_url=self._transfer.upload_url))
            self._transfer.tell(events.Created(url=self._transfer.upload_url))
        return event

    async def _probe(self) -> Event:
        return await self._transfer.request("HEAD", self._url, headers=dict(self._dialect.always), read=self._place)

    async def _send(self) -> Event:
        transfer, source, start = self._transfer, self._intake.source, self._transfer.state.offset
        readable = await self._readable(start)
        comparison, length = self._comparison, transfer.state.length
        event = await comparison.prepare(self._url, start, length=length, limits=self._limits)
        if event is not None:
            return event
        reach, is_checked = comparison.reach(start, readable, length=length, limits=self._limits)
        if comparison.by_pieces:
            self._pace = replace(self._pace, is_atomic=True)
        ceiling = min(self._request_bytes, transfer.state.ceiling or self._request_bytes)
        size = pieces.next_size(self._pace, at=transfer.now(), ceiling=ceiling)
        end = start + request_size(size, left=reach - start, limits=self._limits)
        is_last = end == length
        if size != self._size:
            self._size = size
            transfer.tell(events.PieceSize(size=size))
        source.check()
        body = Body(source.pieces(start, end=end), length=end - start)
        told = await comparison.checksum(start, end) if is_checked else {}
        headers = {**self._dialect.always, **self._dialect.append(start, is_last), **told}
        began = transfer.now()
        if not self._has_told_length and transfer.state.length is not None:
            headers[wire.UPLOAD_LENGTH] = str(transfer.state.length)
        try:
            event = await transfer.request(
                "PATCH",
                self._url,
                headers=headers,
                body=body,
                patience=end / SLOWEST_CHECK if is_last and self._dialect.says_complete else 0.0,
                on_moved=lambda now: transfer.report(Phase.SENDING, sent=start + now.sent, acked=start + now.acked),
                question=(self._url, dict(self._dialect.aside)),
                read=lambda reply: self._place(reply, start=start, asked=end - start, is_checked=is_checked),
            )
        finally:
            reached = start + body.handed
            resent = max(0, min(reached, self._handed) - start)
            transfer.count(moved=body.handed, resent=resent, acked=body.acked)
            self._handed = max(self._handed, reached)
        if wire.UPLOAD_LENGTH in headers and transfer.reply is not None and transfer.reply.is_success:
            self._has_told_length = True
        self._learn(event, start=start, size=end - start, acked=None if is_checked else body.acked, began=began)
        return event

    async def _readable(self, start: int) -> int:
        """Up to where bytes can be sent; waits for a source that is still growing, and takes note of its end."""
        transfer, source = self._transfer, self._intake.source
        began = transfer.now()
        end = await source.ready(start, tell=lambda: transfer.report(Phase.WAITING, waiting=f"for {source.label}"))
        if transfer.state.length is None:
            transfer.excuse(transfer.now() - began)
            if source.size is not None:
                await self._intake.note_end()
                transfer.learn_length(source.size)
            transfer.report(Phase.SENDING)
        return end if transfer.state.length is None else min(end, transfer.state.length)

    def _learn(self, event: Event, *, start: int, size: int, acked: int | None, began: float) -> None:
        """What a request tells of how long the next one should be; ``acked`` is None where a cut keeps nothing."""
        if isinstance(event, Broken):
            self._pace = pieces.after_fault(self._pace, size=size, at=event.at)
            self._cut = None if acked is None else (start, acked)
        elif isinstance(event, Answer) and event.is_damaged:
            self._pace = pieces.after_fault(self._pace, size=size, at=event.at)
            self._transfer.tell_damage(start, start + size, is_stored=False)
        elif isinstance(event, Answer) and event.offset is not None:
            stored, seconds = event.offset - start, event.at - began
            self._pace = pieces.after_stored(self._pace, size=size, stored=stored, seconds=seconds)

    def _recount(self) -> None:
        """After a cut: did what the peer had acknowledged reach the server, or did somebody hold it back?"""
        if self._cut is None:
            return
        (start, acked), self._cut = self._cut, None
        was_atomic = self._pace.is_atomic
        self._pace = pieces.after_recount(self._pace, acked=acked, stored=self._transfer.state.offset - start)
        if self._pace.is_atomic and not was_atomic:
            logger.warning("proxy_buffers_bodies: requests are kept short, because a cut loses what it holds back")

    async def _proven(self, action: Proceed | Restart) -> Proceed | Restart:
        """Go on only with bytes that are the beginning of this file; another file's are left to expire."""
        transfer = self._transfer
        has_bytes = transfer.state.step in {Step.SEND, Step.DONE} and transfer.state.offset > 0
        if isinstance(action, Restart) or not has_bytes:
            return action
        found = await prove(transfer, source=self._intake.source, url=self._url, offset=transfer.state.offset)
        if isinstance(found, Answer) and found.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self._digest_failures += 1
            if self._digest_failures >= DIGEST_FAILURES:
                found = transfer.state.offset
        if not isinstance(found, int):
            if isinstance(found, Differs):
                self._handed = 0  # those were another file's bytes
            # Not done before it is proven: what a failed question leads to is HEAD, and then the question again.
            transfer.state = replace(transfer.state, step=Step.SEND)
            return await transfer.decide(found)
        self._unproven = found
        if not found:
            self._comparison.resume(transfer.state.offset)
        else:
            logger.warning("prefix_unproven bytes=%d: this server tells no digests of what it stores", found)
        return action

    async def _record(self, wanted: Mapping[str, str]) -> None:
        """The upload was begun under another title: set the record right, if this server keeps one."""
        name = wire.last_segment(self._published or self._url)
        facts = {key: wanted[key] for key in ("title", "description", "profile") if key in wanted}
        self._transfer.begin_record()
        try:
            while self._transfer.state.step is Step.RECORD:
                event = await self._transfer.request_record(self._base, facts={"filename": name, **facts})
                await self._transfer.decide(event)
        except RejectedError as error:
            logger.warning("record_not_changed status=%s", error.status)

    async def _stored_now(self) -> int:
        """What the server has when the call is cancelled in mid-request, as far as it says so at once."""
        if self._transfer.upload_url is not None:
            with contextlib.suppress(Interrupted, UploadError, TimeoutError):
                async with asyncio.timeout(LAST_QUESTION_SECONDS):
                    reply = await self._transport.send("HEAD", self._url, headers=self._dialect.always)
                return wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET)) or self._transfer.state.offset
        return self._transfer.state.offset

    def _place(self, reply: Reply, *, start: int | None = None, asked: int = 0, is_checked: bool = False) -> Answer:
        """What an answer says, for the planner; ``start`` is where the bytes of the request began, if it had any."""
        self._take_published(reply)
        if reply.is_success and (wire.UPLOAD_DEFER_LENGTH in reply.headers or wire.UPLOAD_LENGTH in reply.headers):
            self._has_told_length = wire.UPLOAD_LENGTH in reply.headers  # a server may refuse to be told twice
        told = self._dialect.read(reply.status, reply.headers, reply.body)
        self._take_limits(told.limits)
        offset, is_complete = told.offset, told.is_complete
        if self._dialect.says_complete:
            if start is not None and reply.is_success:
                offset = start + asked if offset is None else offset
                is_complete = asked == 0 if is_complete is None else is_complete  # it said "that was all", and yes
            is_complete = bool(is_complete)
            self._digest = told.digest if is_complete else None
        return self._transfer.answer(
            reply,
            offset=offset,
            asked=asked,
            is_complete=is_complete,
            is_disputed=told.is_disputed,
            is_damaged=told.is_damaged and is_checked,
        )

    def _take_limits(self, limits: Limits | None) -> None:
        if limits is None:
            return
        self._limits = limits
        judge_requests(limits)
        if self._transfer.upload_url is None:
            judge_length(self._transfer.state.length, limits=limits)

    async def _verified(self) -> Proof | None:
        """How all of the file is known to have arrived, now that the server has it; None if it is not known.

        Raises:
            IntegrityError: Other bytes were published. The next call begins anew.
        """
        transfer, comparison, length = self._transfer, self._comparison, self._transfer.state.length or 0
        await comparison.note(length)
        while comparison.can_catch_up and (event := await comparison.catch_up(self._url, length)) is not None:
            if isinstance(event, Damaged):
                await self._disown("the server published other bytes than those of the file")
            if isinstance(event, Answer) and event.status in GONE:
                break
            transfer.state = replace(transfer.state, step=Step.SEND)
            await transfer.decide(event)
        transfer.state = replace(transfer.state, step=Step.DONE)
        return comparison.verified(length) or ("digests" if await self._verify() else None)

    async def _disown(self, message: str) -> NoReturn:
        url = self._url
        await self._intake.begin_anew()
        self._transfer.begin(Step.DONE)
        raise IntegrityError(message, upload_url=url, hint="upload the file again")

    async def _verify(self) -> bool:
        """Compare the digest of the whole; false where the server told none, or where the bytes came but once.

        Raises:
            IntegrityError: It is that of other bytes. The next call begins anew.
        """
        source, length = self._intake.source, self._transfer.state.length
        if self._digest is None or length is None or source.is_once:
            return False
        if self._digest != await digest_of(source, 0, length):
            await self._disown("the server published other bytes than those of the file: their digests differ")
        return True

    def _take_published(self, reply: Reply) -> None:
        if reference := reply.headers.get(wire.CONTENT_LOCATION):
            self._published = wire.resolve(reply.url, reference)

    @property
    def _url(self) -> str:
        if self._transfer.upload_url is None:
            message = "the upload has no address yet"
            raise RuntimeError(message)
        return self._transfer.upload_url

    def _result(self, verified: Proof | None) -> UploadResult:
        record = self._intake.record
        return UploadResult(
            url=self._published or self._url,
            filename=wire.last_segment(self._published) if self._published else record.place.name,
            size=self._transfer.state.length or 0,
            upload_id=record.upload_id,
            upload_url=self._url,
            protocol=self._dialect.name,
            resumed_from=self._resumed_from or 0,
            restarted=self._transfer.state.restarts > 0,
            stats=self._transfer.stats(),
            unproven=self._unproven,
            verified=verified,
        )


def _typed(metadata: Mapping[str, str]) -> dict[str, str]:
    """The pairs with the media type that the name suggests: some servers answer no question about an upload without."""
    kind, _ = mimetypes.guess_type(metadata.get("filename", ""))
    return {"filetype": kind or OCTET_STREAM, **metadata}
