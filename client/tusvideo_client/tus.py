"""One upload over tus: create, ask, send, and set the video record right."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace

from . import wire
from .errors import ProtocolError, RejectedError, UploadError
from .intake import Intake
from .journal import Record
from .model import Phase, UploadResult
from .state import Answer, Event, Restart, Step
from .transfer import PHASES, Transfer
from .transport import Body, Interrupted, Reply, Transport

COLLECTION = "/files/"
FAREWELL_SECONDS = 5.0
LAST_QUESTION_SECONDS = 0.5

logger = logging.getLogger(__name__)


class TusRun:
    """One call of ``upload``: makes the requests that the planner names."""

    def __init__(
        self, intake: Intake, *, transport: Transport, transfer: Transfer, base: str, request_bytes: int
    ) -> None:
        self._intake = intake
        self._transport = transport
        self._transfer = transfer
        self._base = base
        self._request_bytes = request_bytes
        self._published: str | None = None
        self._handed = 0
        self._resumed_from: int | None = None

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
                if isinstance(await transfer.decide(await requests[step]()), Restart):
                    self._handed = 0
                    transfer.upload_url = None
                    await intake.begin_anew()
                elif self._resumed_from is None and step is Step.PROBE and transfer.state.step is not step:
                    self._resumed_from = transfer.state.offset if known else 0
                    self._handed = max(self._handed, transfer.state.offset)
            intake.source.check()
            if "title" in wanted and intake.record.metadata != wanted:
                await self._record(wanted)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                transfer.report_last(await self._stored_now())
            intake.note(transfer.state.offset)
            raise
        await asyncio.to_thread(intake.claim.forget)
        transfer.report(Phase.DONE, sent=intake.source.size)
        return self._result()

    async def _create(self) -> Event:
        headers = {
            wire.TUS_RESUMABLE: wire.TUS_VERSION,
            wire.UPLOAD_LENGTH: str(self._intake.source.size),
            wire.UPLOAD_METADATA: wire.build_metadata(self._intake.record.metadata),
            wire.IDEMPOTENCY_KEY: self._intake.record.upload_id,
        }
        url = self._base + COLLECTION
        event = await self._transfer.request("POST", url, headers=headers, read=self._transfer.answer)
        reply = self._transfer.reply
        if reply is not None and reply.is_success:
            if wire.LOCATION not in reply.headers:
                message = "the server made an upload and did not say where: its answer has no Location"
                raise ProtocolError(message, status=reply.status)
            self._transfer.upload_url = wire.resolve(url, reply.headers[wire.LOCATION])
            self._take_published(reply)
            await self._intake.save(replace(self._intake.record, upload_url=self._transfer.upload_url))
        return event

    async def _probe(self) -> Event:
        headers = {wire.TUS_RESUMABLE: wire.TUS_VERSION}
        return await self._transfer.request("HEAD", self._url, headers=headers, read=self._place)

    async def _send(self) -> Event:
        source, start = self._intake.source, self._transfer.state.offset
        end = min(start + self._request_bytes, source.size)
        source.check()
        body = Body(source.pieces(start, end=end), length=end - start)
        headers = {
            wire.TUS_RESUMABLE: wire.TUS_VERSION,
            wire.UPLOAD_OFFSET: str(start),
            wire.CONTENT_TYPE: wire.OFFSET_STREAM,
        }
        try:
            return await self._transfer.request(
                "PATCH",
                self._url,
                headers=headers,
                body=body,
                on_moved=lambda moved: self._transfer.report(Phase.SENDING, sent=start + moved),
                read=self._place,
            )
        finally:
            reached = start + body.handed
            self._transfer.count(moved=body.handed, resent=max(0, min(reached, self._handed) - start))
            self._handed = max(self._handed, reached)

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
                    reply = await self._transport.send(
                        "HEAD", self._url, headers={wire.TUS_RESUMABLE: wire.TUS_VERSION}
                    )
                return wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET)) or self._transfer.state.offset
        return self._transfer.state.offset

    def _place(self, reply: Reply) -> Answer:
        self._take_published(reply)
        return self._transfer.answer(reply, offset=wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET)))

    def _take_published(self, reply: Reply) -> None:
        if reference := reply.headers.get(wire.CONTENT_LOCATION):
            self._published = wire.resolve(reply.url, reference)

    @property
    def _url(self) -> str:
        if self._transfer.upload_url is None:
            message = "the upload has no address yet"
            raise RuntimeError(message)
        return self._transfer.upload_url

    def _result(self) -> UploadResult:
        record = self._intake.record
        return UploadResult(
            url=self._published or self._url,
            filename=wire.last_segment(self._published) if self._published else record.place.name,
            size=self._intake.source.size,
            upload_id=record.upload_id,
            upload_url=self._url,
            protocol="tus",
            resumed_from=self._resumed_from or 0,
            restarted=self._transfer.state.restarts > 0,
            stats=self._transfer.stats(),
        )


async def say_farewell(transport: Transport, stale: Record) -> None:
    """Remove the unfinished upload of an older version, if that is easy; else the server lets it expire.

    A finished one is left alone: it is the user's published file.
    """
    if stale.upload_url is None:
        return
    headers = {wire.TUS_RESUMABLE: wire.TUS_VERSION}
    with contextlib.suppress(Interrupted, UploadError, TimeoutError):
        async with asyncio.timeout(FAREWELL_SECONDS):
            reply = await transport.send("HEAD", stale.upload_url, headers=headers)
            offset = wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET))
            if offset is not None and offset < stale.fingerprint.identity.size:
                await transport.send("DELETE", stale.upload_url, headers=headers)
