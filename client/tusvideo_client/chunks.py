"""One upload over the chunk API: the requests that send chunks."""

import asyncio
import hashlib
import itertools
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus

from . import events, wire
from .body import Body
from .content import Content
from .errors import FileTooLargeError, IntegrityError, LocalFileError, ProtocolError
from .farewell import say_farewell
from .flight import Flight
from .intake import Intake
from .inventory import Inventory
from .model import Phase, UploadResult
from .movement import Movement
from .plan import is_passing
from .source import SMALL_PIECE, RunningDigest
from .state import MIB, Answer, Continued, Event, Restart, Step
from .transfer import PHASES, Transfer
from .transport import Reply, Transport
from .width import CHUNKS_AT_MOST, Connections, after_chunk, after_failure, begun

SLOWEST_CHECK = 50 * MIB
PAUSE_GRACE = 2.0
"""Seconds for which a pause lets chunks end that are on their way: half of one would be of no use."""


class ChunkRun:
    """One call of ``upload``: makes the requests that the planner names."""

    def __init__(
        self, intake: Intake, *, transport: Transport, transfer: Transfer, base: str, connections: Connections
    ) -> None:
        source = intake.source
        self._intake = intake
        self._transport = transport
        self._transfer = transfer
        self._base = base
        self._api = wire.chunk_api(base, profile=intake.record.place.profile)
        self._length = _judge_length(source, intake.record.chunk_size or MIB)
        self._inventory = Inventory(self._length, chunk_size=intake.record.chunk_size or MIB)
        self._digest = RunningDigest(source)
        self._replaces = {"replaces": replaces} if (replaces := intake.record.place.replaces) else {}
        self._handed: dict[int, int] = {}
        self._handed_before: dict[int, int] = {}  # to uploads that are gone
        self._is_prompt = True
        self._width = begun(connections, chunk_size=self._inventory.chunk_size, at=transfer.now())
        self._flight: Flight[tuple[Event, Reply | None]] = Flight()
        self._has_gaps = intake.resumes and connections != 1  # what a killed process had on its way is not known
        self._moving: dict[int, tuple[int, int]] = {}
        self._left: set[int] = set()  # chunks of which only the answer is waited for
        self._done: Reply | None = None

    async def to_end(self, facts: dict[str, str]) -> UploadResult:
        transfer, intake = self._transfer, self._intake
        if intake.stale is not None:
            await say_farewell(self._transport, intake.stale)
        transfer.upload_url = self._url
        if not intake.resumes:
            transfer.tell(events.Created(url=self._url))
        transfer.tell(events.PieceSize(size=self._inventory.chunk_size))
        transfer.begin(Step.PROBE if intake.resumes else Step.SEND, offset=intake.record.offset)
        resumed_from: int | None = None if intake.resumes else 0
        requests = {Step.PROBE: self._probe, Step.SEND: self._send, Step.FINALIZE: self._finalize}
        try:
            while (step := transfer.state.step) in requests:
                transfer.report(PHASES[step])
                if isinstance(await transfer.decide(await requests[step]()), Restart):
                    await self._begin_anew()
                elif resumed_from is None and step is Step.PROBE and transfer.state.step is not step:
                    resumed_from = transfer.state.offset
                    transfer.tell(events.Resumed(url=self._url, offset=resumed_from))
            result = self._result(resumed_from or 0)
            transfer.tell(events.Verified(has_checksum=True))
            if facts:
                await self._record(result.filename, facts)
        except BaseException as error:
            await self._flight.drop()
            if isinstance(error, asyncio.CancelledError):
                transfer.report_last(transfer.state.offset)
            intake.note(transfer.state.offset)
            raise
        await asyncio.to_thread(intake.claim.forget)
        transfer.report(Phase.DONE, sent=self._length)
        return result

    async def _probe(self) -> Event:
        """Ask what is stored; which chunks exactly, only if chunks seem to have gone, or if there may be gaps."""
        event = await self._transfer.request("HEAD", self._url, headers={}, read=self._read_place)
        told = event.offset if isinstance(event, Answer) else None
        if told is not None and (self._has_gaps or told < self._transfer.state.best):
            listed = await self._transfer.request("GET", self._url, headers={}, read=self._read_received)
            if not isinstance(listed, Answer) or listed.offset is not None or is_passing(listed):
                return listed
        return event  # a server that tells no list is believed

    async def _send(self) -> Event:
        """Keep as many chunks on their way as help; gives what came of the first one that ends.

        One whose last byte has left is no more on its way: while its answer comes, the link is free for another, if
        that is over one of the connections that there may be.

        After a failure nothing new begins until all the others have ended, so that the question what is stored has one
        answer. In a pause, too, so that it is told when nothing moves any more. What refuses one of them goes before
        what only says to come again: a server that wants to see the first chunk puts the others off until it has.
        """
        inventory, flight = self._inventory, self._flight
        ended = None
        while ended is None:
            for index in list(itertools.islice(inventory.todo, self._width.most)):  # some may be on their way
                if self._transfer.is_paused and flight:
                    break
                if index not in flight and self._has_room:
                    flight.begin(index, self._exchange(index, await self._read(index)))
            self._has_gaps = self._has_gaps or len(flight) > 1
            ended = await flight.first()
        event, reply = ended
        if isinstance(event, Answer) and event.offset is not None:
            event = replace(event, offset=inventory.stored_bytes, left=len(inventory.todo))
        else:
            if not isinstance(event, Continued):
                self._width = after_failure(self._width, at=event.at)
            others = await flight.settle()
            event, reply = next((it for it in (ended, *others) if _is_refusal(it[0])), ended)
        self._transfer.reply = reply
        return event

    @property
    def _has_room(self) -> bool:
        return len(self._flight) - len(self._left) < self._width.count and len(self._flight) < self._width.most

    async def _read(self, index: int) -> bytes:
        """A chunk's bytes, which are also taken into the digest of the whole: so they are read in order."""
        start = self._inventory.start_of(index)
        data = await self._intake.source.read(start, size=self._inventory.length_of(index))
        await self._digest.feed(data, start=start)
        return data

    async def _exchange(self, index: int, data: bytes) -> tuple[Event, Reply | None]:
        """Send a chunk and take note of what came of it; gives that, and the answer."""
        inventory, size = self._inventory, len(data)
        form = wire.build_form(
            (
                ("uploadId", self._intake.record.upload_id),
                ("chunkIndex", str(index)),
                ("totalChunks", str(inventory.total)),
                ("chunkSize", str(inventory.chunk_size)),
                ("fileSize", str(inventory.length)),
                ("checksum", await asyncio.to_thread(_sha256, data)),
                *self._replaces.items(),
            ),
            boundary=os.urandom(16).hex(),
            file_field="chunk",
            filename=f"{index}.part",
        )
        length = len(form.head) + size + len(form.tail)

        def left() -> None:
            self._left.add(index)
            self._flight.make_room()

        again, began = self._handed.get(index, 0) >= size, self._transfer.now()
        body = Body(
            _form_pieces(form, data),
            length=length,
            lead=len(form.head),
            file_length=size,
            may_repeat=self._is_prompt and not again,
            grace=PAUSE_GRACE,
            on_left=left if self._width.most > 1 else None,
        )

        def moved(now: Movement) -> None:
            self._moving[index] = body.file_bytes_of(now.sent), body.file_bytes_of(now.acked)
            sent, acked = (inventory.stored_bytes + sum(counts) for counts in zip(*self._moving.values(), strict=True))
            self._transfer.report(Phase.SENDING, sent=sent, acked=acked)

        try:
            event = await self._transfer.request(
                "POST",
                f"{self._api}/chunk",
                headers={wire.CONTENT_TYPE: form.content_type},
                body=body,
                on_moved=moved,
                question=(self._url, {}),
                read=lambda reply: self._read_chunk(reply, index),
            )
            if again and self._transfer.now() - began > self._transport.timeouts.probe:
                self._is_prompt = False  # it is the server that takes its time, not the link
            return event, self._transfer.reply
        finally:
            self._moving.pop(index, None)
            self._left.discard(index)
            before = self._handed.get(index, 0)
            self._transfer.count(
                moved=body.file_bytes,
                resent=min(body.file_bytes, max(before, self._handed_before.get(index, 0))),
                acked=body.file_bytes_of(body.acked),
            )
            self._handed[index] = max(before, body.file_bytes)

    async def _finalize(self) -> Event:
        self._intake.source.check()
        facts = {
            "uploadId": self._intake.record.upload_id,
            "filename": self._intake.record.place.name,
            "totalChunks": self._inventory.total,
            "checksum": await self._digest.finish(self._length),
            **self._replaces,
        }
        return await self._transfer.request(
            "POST",
            f"{self._api}/finalize",
            headers={wire.CONTENT_TYPE: wire.JSON},
            body=json.dumps(facts).encode(),
            patience=self._length / SLOWEST_CHECK,
            read=self._read_finalize,
        )

    async def _record(self, filename: str, facts: dict[str, str]) -> None:
        self._transfer.begin_record()
        facts = {"filename": filename, "profile": self._intake.record.place.profile, **facts}
        while self._transfer.state.step is Step.RECORD:
            await self._transfer.decide(await self._transfer.request_record(self._base, facts=facts))

    def _read_place(self, reply: Reply) -> Answer:
        offset = wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET))
        if offset is None:
            if reply.status == HTTPStatus.NOT_FOUND:
                self._inventory.reset(())
            return self._answer(reply)
        reached = wire.parse_whole_number(reply.headers.get(wire.UPLOAD_NEXT_CHUNK))
        self._inventory.reset(range(self._inventory.whole_before(offset) if reached is None else reached))
        return self._answer(reply, offset=self._inventory.stored_bytes)

    def _read_received(self, reply: Reply) -> Answer:
        if "received" not in reply.facts:
            return self._answer(reply)
        self._inventory.reset(wire.parse_chunk_ranges(reply.facts["received"], total=self._inventory.total))
        return self._answer(reply, offset=self._inventory.stored_bytes)

    def _read_chunk(self, reply: Reply, index: int) -> Answer:
        if not reply.is_success:
            return self._answer(reply)
        self._inventory.store(index)
        self._moving.pop(index, None)
        self._width = after_chunk(self._width, size=self._inventory.length_of(index), at=self._transfer.now())
        return self._answer(reply, offset=self._inventory.stored_bytes)

    def _read_finalize(self, reply: Reply) -> Answer:
        if reply.is_success:
            self._done = reply
        elif "missing" in reply.facts:
            missing = wire.parse_chunk_ranges(reply.facts["missing"], total=self._inventory.total)
            self._inventory.reset_missing(missing)
        return self._answer(reply)

    def _answer(self, reply: Reply, *, offset: int | None = None) -> Answer:
        return self._transfer.answer(reply, offset=offset, left=len(self._inventory.todo))

    async def _begin_anew(self) -> None:
        await say_farewell(self._transport, self._intake.record)
        await self._intake.begin_anew()
        self._inventory.reset(())
        for index, handed in self._handed.items():
            self._handed_before[index] = max(handed, self._handed_before.get(index, 0))
        self._handed.clear()
        self._transfer.upload_url = self._url
        self._transfer.tell(events.Created(url=self._url))

    @property
    def _url(self) -> str:
        return wire.chunk_url(self._api, self._intake.record.upload_id)

    def _result(self, resumed_from: int) -> UploadResult:
        size = self._length
        facts = self._done.facts if self._done else {}
        filename, url = facts.get("filename"), facts.get("url")
        if not isinstance(filename, str) or not filename:
            message = "the server finished the upload and did not say under which name"
            raise ProtocolError(message, upload_url=self._url)
        if facts.get("size", size) != size:
            message = f"the server stored {facts['size']} bytes, the file has {size}"
            raise IntegrityError(message, upload_url=self._url, hint="upload the file again")
        self._intake.source.check()
        return UploadResult(
            url=wire.resolve(self._base + "/", url) if isinstance(url, str) else self._url,
            filename=filename,
            size=size,
            upload_id=self._intake.record.upload_id,
            upload_url=self._url,
            protocol="chunks",
            resumed_from=resumed_from,
            restarted=self._transfer.state.restarts > 0,
            stats=self._transfer.stats(),
            verified="checksums",
        )


def _judge_length(source: Content, chunk_size: int) -> int:
    if source.size is None or source.is_once:
        message = f"{source.label} cannot be sent over the chunk API, which sends chunks again"
        raise LocalFileError(message, hint="use the tus protocol for streams")
    if source.size == 0:
        message = f"{source.label} is empty"
        raise LocalFileError(message, hint="an empty file is no video")
    if source.size > chunk_size * CHUNKS_AT_MOST:
        message = f"{source.label} has {source.size} bytes, which is more than {CHUNKS_AT_MOST} chunks of {chunk_size}"
        raise FileTooLargeError(message, hint="choose a larger chunk size")
    return source.size


def _is_refusal(event: Event) -> bool:
    return isinstance(event, Answer) and event.offset is None and not is_passing(event)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def _form_pieces(form: wire.Form, data: bytes) -> AsyncIterator[bytes]:
    yield form.head
    for start in range(0, len(data), SMALL_PIECE):
        yield data[start : start + SMALL_PIECE]
    yield form.tail
