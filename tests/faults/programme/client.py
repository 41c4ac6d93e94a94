"""Requests for entries of the ledger; every answer is written down there."""

import asyncio
import random

from tests.e2e.chunks import CHUNK, FINALIZE, JSON, form, indexes, lines
from tests.e2e.tus import TUS, metadata, patch_lines
from tests.faults.programme.ledger import PART_SIZE, Ending, Entry, Kind, Ledger
from tests.web.wire import Answer, Wire, connect

LOST = (OSError, asyncio.IncompleteReadError, TimeoutError)
"""What a client meets when the server is gone or says nothing."""
BUSY = frozenset({423, 500, 503, 507})
"""Answers after which a client comes again later; which of them were right is for the fault to judge."""


class Client:
    """Asks one server in the name of many users."""

    def __init__(self, port: int, ledger: Ledger, *, chance: random.Random) -> None:
        self.port = port
        self.ledger = ledger
        self.chance = chance

    async def ask(self, *head: str, body: bytes = b"", pieces: int = 1) -> tuple[Answer, int]:
        """Send one request on a connection of its own; give the answer and the number that both carry."""
        self.ledger.requests += 1
        number = self.ledger.requests
        wire = await connect(self.port)
        try:
            return await self._on(wire, *head, f"X-Request-ID: {number}", body=body, pieces=pieces), number
        finally:
            wire.writer.transport.abort()

    async def _on(self, wire: Wire, *head: str, body: bytes, pieces: int) -> Answer:
        if pieces == 1:
            await wire.send(*head, body=body)
        else:
            await wire.send(*head)
            step = max(1, -(-len(body) // pieces))
            for at in range(0, len(body), step):
                await wire.raw(body[at : at + step])
                await asyncio.sleep(0)  # lets others send in between
        answer = await wire.answer(method=head[0].partition(" ")[0])
        self.ledger.statuses[answer.status] += 1
        return answer

    # ------------------------------------------------------------------------------------------------------------ tus

    async def create(self, entry: Entry) -> bool:
        """Make a tus upload; the same key again gives the same upload."""
        fields = (TUS, f"Upload-Length: {entry.length}", f"Idempotency-Key: {entry.key}")
        answer, request = await self.ask("POST /files/ HTTP/1.1", *fields, metadata(filename=f"{entry.key}.mp4"))
        if answer.status == 201:
            self.ledger.made(entry, answer.headers["Location"], request=request)
        elif answer.status not in BUSY:
            self.ledger.wrong(f"{entry}: creation answered {answer.status} {answer.body[:200]!r}")
        return answer.status == 201

    async def head(self, entry: Entry) -> int | None:
        """Ask where a tus upload stands; None when the server does not tell."""
        known, least = entry.is_known, entry.told
        answer, request = await self.ask(f"HEAD {entry.path} HTTP/1.1", TUS)
        if answer.status == 200:
            self.ledger.found(entry)
            offset = int(answer.headers["Upload-Offset"])
            self.ledger.reported(entry, offset, least=least, request=request)
            if (url := answer.headers.get("Content-Location", "")) != "":
                self.ledger.finished(entry, url, request=request)
            return offset
        self._unknown(entry, answer, known=known)
        return None

    async def append(self, entry: Entry, *, at: int, size: int, pieces: int = 1) -> int:
        """Send bytes; give the status."""
        body = entry.data[at : at + size]
        known, least = entry.is_known, entry.told
        answer, request = await self.ask(*patch_lines(entry.path, at=at, length=len(body)), body=body, pieces=pieces)
        if answer.status == 204:
            offset = int(answer.headers["Upload-Offset"])
            if offset != at + len(body):
                self.ledger.wrong(f"{entry}: {len(body)} bytes at {at} were acknowledged as offset {offset}")
            self.ledger.reported(entry, offset, least=least, request=request)
            if (url := answer.headers.get("Content-Location", "")) != "":
                self.ledger.finished(entry, url, request=request)
        elif answer.status == 409:
            self.ledger.reported(entry, int(answer.headers["Upload-Offset"]), least=least, request=request)
        else:
            self._unknown(entry, answer, known=known)
        return answer.status

    # --------------------------------------------------------------------------------------------------------- chunks

    async def put(self, entry: Entry, index: int, *, pieces: int = 1, file_first: bool = False) -> int:
        """Send a chunk; give the status."""
        known = entry.is_known
        body = form(entry.key, index, entry.total, data=entry.part(index), file_first=file_first, chunkSize=PART_SIZE)
        answer, request = await self.ask(*lines(body), body=body, pieces=pieces)
        if answer.status == 200:
            self.ledger.found(entry)
            self.ledger.stored(entry, index, request=request)
        else:
            self._unknown(entry, answer, known=known)
        return answer.status

    async def query(self, entry: Entry) -> set[int] | None:
        """Ask which chunks are stored; None when the server does not tell."""
        known, least = entry.is_known, frozenset(entry.parts)
        answer, request = await self.ask(f"GET {CHUNK}?uploadId={entry.key} HTTP/1.1")
        if answer.status != 200:
            self._unknown(entry, answer, known=known)
            return None
        self.ledger.found(entry)
        told = answer.json
        stored = indexes(told["received"])
        if told["status"] != "complete" and not stored >= least:
            self.ledger.wrong(f"{entry}: chunks {sorted(least - stored)} were acknowledged and are not there")
        for index in stored:
            self.ledger.stored(entry, index, request=request)
        return stored

    async def finalize(self, entry: Entry) -> int:
        """Ask for the file; give the status."""
        known = entry.is_known
        document = b'{"uploadId":"%s","filename":"f.mp4","totalChunks":%d}' % (entry.key.encode(), entry.total)
        answer, request = await self.ask(
            f"POST {FINALIZE} HTTP/1.1", JSON, f"Content-Length: {len(document)}", body=document
        )
        if answer.status == 200:
            self.ledger.found(entry)
            self.ledger.finished(entry, answer.json["url"], request=request)
        elif answer.status == 409:
            self.ledger.wrong(f"{entry}: finalize misses chunks: {answer.body[:200]!r}")
        else:
            self._unknown(entry, answer, known=known)
        return answer.status

    # ----------------------------------------------------------------------------------------------------------- both

    async def delete(self, entry: Entry) -> None:
        """Remove an upload, finished or not."""
        self.ledger.asked_to_end(entry)
        path = entry.path if entry.kind is Kind.TUS else f"{CHUNK}?uploadId={entry.key}"
        answer, request = await self.ask(f"DELETE {path} HTTP/1.1", *([TUS] if entry.kind is Kind.TUS else []))
        if answer.status in {204, 404}:
            self.ledger.ended(entry, request=request)

    async def look(self, entry: Entry) -> None:
        """Ask for an entry that something was told of, or that must be gone."""
        if entry.kind is Kind.TUS and entry.path:
            await self.head(entry)
        elif entry.kind is Kind.CHUNKS and (entry.parts or entry.ending is not Ending.NONE):
            await self.query(entry)

    async def finish(self, entry: Entry) -> bool:
        """Do what is left for one entry; True when nothing is."""
        if entry.kind is Kind.TUS:
            await self._finish_tus(entry)
        else:
            await self._finish_chunks(entry)
        return entry.is_over

    async def _finish_tus(self, entry: Entry) -> None:
        if not entry.path and not await self.create(entry):
            return
        offset = await self.head(entry)
        if offset is not None and not entry.is_over:
            await self.append(entry, at=offset, size=entry.length)

    async def _finish_chunks(self, entry: Entry) -> None:
        stored = await self.query(entry)
        for index in set(range(entry.total)) - (stored or set()):
            if await self.put(entry, index) != 200:
                return
        await self.finalize(entry)

    def _unknown(self, entry: Entry, answer: Answer, *, known: bool) -> None:
        if answer.status in {404, 410}:
            self.ledger.missing(entry, known=known)
        elif answer.status not in BUSY:
            self.ledger.wrong(f"{entry}: answered {answer.status} {answer.body[:200]!r}")
