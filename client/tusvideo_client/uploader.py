"""Uploads over tus: few long requests, each resumed from the byte that the server says it has."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from . import wire
from .errors import ProtocolError, RejectedError, UploadError
from .intake import Intake, take_in
from .journal import Journal, Record
from .model import Phase, UploadResult
from .plan import after_tus
from .state import MIB, Answer, Event, Restart, RetryPolicy, Step
from .transfer import PHASES, Clock, OnProgress, Transfer
from .transport import Body, Interrupted, Reply, Token, Transport

COLLECTION = "/files/"
FAREWELL_SECONDS = 5.0

logger = logging.getLogger(__name__)


class AsyncUploader:
    """Uploads files to a tus server, and resumes them with no flag after a cut, a kill or a reboot.

    Use it with ``async with``; one uploader serves many uploads, also side by side.

    Args:
        base_url: Root of the server, for example ``http://127.0.0.1:8080``; ``ValueError`` if it is no HTTP address.
        token: Bearer token, or a callable (may be async) that makes one. A callable is asked again once when the server
            refuses its token.
        account: Tells uploads of several accounts on one server apart, if one user of this machine has several.
        retry: How patient to be.
        request_bytes: Longest body of one request.
        stall_timeout: Seconds without movement after which a request is given up and made again.
        state_dir: Where unfinished uploads are remembered; the user's state directory if not given.
        clock: Time and chance, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Token = None,
        account: str = "",
        retry: RetryPolicy | None = None,
        request_bytes: int = 64 * MIB,
        stall_timeout: float = 30.0,
        state_dir: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        if request_bytes < 1:
            message = f"request_bytes must be at least 1, not {request_bytes}"
            raise ValueError(message)
        self._base = base_url.rstrip("/")
        self._account = account
        self._retry = retry or RetryPolicy()
        self._request_bytes = request_bytes
        self._state_dir = state_dir
        self._clock = clock or Clock()
        self._transport = Transport(self._base, token=token, stall=stall_timeout)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    async def upload(
        self,
        path: str | os.PathLike[str],
        *,
        title: str | None = None,
        description: str | None = None,
        profile: str | None = None,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        progress: OnProgress | None = None,
    ) -> UploadResult:
        """Upload a file, or go on with an upload of it that an earlier call began.

        Safe to repeat after any error and safe to cancel: what is stored stays stored, and the same call resumes.
        A file that was changed in between is noticed and starts a new upload.

        Args:
            path: The file.
            title: Title of the video record.
            description: Description of the video record.
            profile: The server's profile; its default if not given.
            name: Name to send instead of the file's own.
            metadata: Further pairs for ``Upload-Metadata``.
            progress: Told at most ten times a second, and at every change of phase, in the event loop.

        Raises:
            UploadError: See :mod:`tusvideo_client.errors`.
            ValueError: A metadata key cannot be sent.
        """
        given = {"title": title, "description": description, "profile": profile}
        pairs = {
            "filename": name or Path(path).name,
            **(metadata or {}),
            **{key: value for key, value in given.items() if value is not None},
        }
        wire.build_metadata(pairs)
        async with take_in(
            path,
            journal=Journal(self._state_dir),
            protocol="tus",
            endpoint=self._base,
            account=self._account,
            profile=profile or "",
            name=name,
            metadata=pairs,
        ) as intake:
            transfer = Transfer(
                self._transport,
                planner=after_tus,
                policy=self._retry,
                clock=self._clock,
                length=intake.source.size,
                progress=progress,
            )
            if intake.stale is not None:
                await _say_farewell(self._transport, intake.stale)
            run = _TusRun(intake, transfer=transfer, base=self._base, request_bytes=self._request_bytes)
            return await run.to_end(pairs)


class _TusRun:
    """One call of ``upload``: makes the requests that the planner names."""

    def __init__(self, intake: Intake, *, transfer: Transfer, base: str, request_bytes: int) -> None:
        self._intake = intake
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
        except BaseException:
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


async def _say_farewell(transport: Transport, stale: Record) -> None:
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
