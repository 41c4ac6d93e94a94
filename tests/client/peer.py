"""A small server on a real socket that speaks tus and the chunk API faithfully, and fails exactly when it is told to.

It shares no code with the server of this project: the client is tested against the protocols, not against its twin.
"""

import asyncio
import base64
import hashlib
import io
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
from aiohttp import ClientPayloadError, web
from multipart import MultipartParser

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
UPLOADS = "/uploads/files/local"


@dataclass
class Upload:
    """What the server stores of one upload."""

    length: int | None
    key: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    chunks: dict[int, bytes] = field(default_factory=dict)
    chunk_size: int = 0
    total: int = 0
    filename: str | None = None

    @property
    def contiguous(self) -> int:
        """How many chunks are stored from the first one on."""
        count = 0
        while count in self.chunks:
            count += 1
        return count


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    start: int | None = None
    received: int = 0
    names: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong with the next matching request.

    Attributes:
        method: Which requests match.
        status: Answer this without doing anything.
        headers: Fields of that answer.
        body: Body of that answer.
        lose: Do what was asked, then drop the connection instead of answering.
        mute: Do what was asked, and never answer.
        deaf: Take the body, do nothing, and never answer.
        cut_after: Take so many body bytes, then drop the connection.
        hold_after: Take so many body bytes, then take no more until the client leaves.
        path: A part of the path that must match.
        times: How often it happens.
        skip: How many matching requests go well before.
    """

    method: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    lose: bool = False
    mute: bool = False
    deaf: bool = False
    cut_after: int | None = None
    hold_after: int | None = None
    path: str = ""
    times: int = 1
    skip: int = 0


SEEN = web.RequestKey("seen", Seen)
FAULT = web.RequestKey("fault", Fault)


class Peer:
    """The server; its attributes are what tests look at: ``asked`` has the questions (OPTIONS), ``seen`` the rest."""

    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self.chunked: dict[str, Upload] = {}
        self.records: list[dict[str, Any]] = []
        self.seen: list[Seen] = []
        self.asked: list[Seen] = []
        self.offer = {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0", "Tus-Extension": "creation,expiration"}
        self.faults: list[Fault] = []
        self.token: str | None = None
        self.login: tuple[str, str] | None = None
        self.honours_keys = True
        self.says_offset_on_409 = True
        self.says_content_location = True
        self.tells_digests = False
        self.has_crc32c = False
        self.tell_digest: Handler = self._tell_digest
        self.mangle: Callable[[bytes], bytes] | None = None
        self.largest_body: int | None = None
        self.mistakes: list[Exception] = []
        self.reached = asyncio.Event()
        self.together: list[int] = []
        self._receiving = 0
        self.on_body: Callable[[int], None] | None = None
        self.before_answer: Callable[[int], Awaitable[None]] | None = None
        self.on_request: Callable[[Seen], None] | None = None
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The root that clients are given."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; after a stop, on the same port as before."""
        app = web.Application(client_max_size=2**40, middlewares=[self._judge])
        app.add_routes(
            [
                web.options("/files/", self._options),
                web.post("/files/", self._create),
                web.head("/files/{id}", self._head),
                web.patch("/files/{id}", self._patch),
                web.get("/files/{id}/digest", self._digest),
                web.delete("/files/{id}", self._delete),
                web.post("/api/{profile}/video/chunk", self._chunk),
                web.get("/api/{profile}/video/chunk", self._chunk_place),
                web.delete("/api/{profile}/video/chunk", self._chunk_delete),
                web.post("/api/{profile}/video/finalize", self._finalize),
                web.post("/api/videos/metadata", self._record),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Drop every connection and refuse new ones."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def count(self, method: str, path: str = "") -> int:
        """How many requests of this method came, to paths that contain ``path``."""
        return sum(seen.method == method and path in seen.path for seen in self.seen)

    def sent_bytes(self) -> int:
        """Body bytes of uploads that arrived in all."""
        return sum(seen.received for seen in self.seen)

    def only(self) -> Upload:
        """The one upload there is."""
        (upload,) = [*self.uploads.values(), *self.chunked.values()]
        return upload

    @web.middleware
    async def _judge(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        seen = Seen(method=request.method, path=request.path, headers=dict(request.headers))
        (self.asked if request.method == "OPTIONS" else self.seen).append(seen)
        request[SEEN] = seen
        fault = self._next_fault(request)
        request[FAULT] = fault
        if self.on_request:
            self.on_request(seen)
        if fault.status:
            return web.Response(status=fault.status, headers=fault.headers, text=fault.body)
        if not self._knows(request.headers.get("Authorization")):
            challenge = {"WWW-Authenticate": 'Basic realm="peer"'} if self.login else {}
            return web.Response(status=401, headers=challenge)
        try:
            response = await (self._ignore if fault.deaf else handler)(request)
        except (ConnectionError, ClientPayloadError, asyncio.IncompleteReadError):
            raise  # the client left, or was made to
        except web.HTTPException:
            raise  # there is nothing at this place
        except Exception as error:
            self.mistakes.append(error)
            raise
        await self._let_go(request)
        return response

    def _knows(self, told: str | None) -> bool:
        if self.login is not None:
            return told == _basic(*self.login)
        return self.token is None or told == f"Bearer {self.token}"

    async def _ignore(self, request: web.Request) -> web.Response:
        await self._body(request, lambda _: None)
        request[FAULT].mute = True
        return web.Response()

    @staticmethod
    async def _let_go(request: web.Request) -> None:
        if request[FAULT].mute:
            await asyncio.Event().wait()  # until the server stops
        if request[FAULT].lose:
            drop(request)

    def _next_fault(self, request: web.Request) -> Fault:
        for fault in self.faults:
            if fault.method == request.method and fault.path in request.path and fault.times:
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return Fault(method="")

    async def _body(self, request: web.Request, take: Callable[[bytes], None]) -> None:
        """Read the body as far as the fault allows."""
        fault = request[FAULT]
        seen = request[SEEN]
        limits = [at for at in (fault.cut_after, fault.hold_after) if at is not None]
        limit = limits[0] if limits else None
        async for data in request.content.iter_any():
            part = data if limit is None else data[: limit - seen.received]
            take(part if self.mangle is None else self.mangle(part))
            seen.received += len(part)
            if self.on_body:
                self.on_body(seen.received)
            if limit is not None and seen.received >= limit:
                break
        if fault.cut_after is not None:
            drop(request)
            raise ConnectionResetError
        if fault.hold_after is not None:
            self.reached.set()
            await request.content.wait_eof()  # ends with an error when the client leaves
            raise ConnectionResetError

    # tus

    async def _options(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers=self.offer)

    async def _create(self, request: web.Request) -> web.Response:
        key = request.headers.get("Idempotency-Key")
        for name, upload in self.uploads.items():
            if self.honours_keys and key is not None and upload.key == key:
                return web.Response(status=201, headers={"Location": f"/files/{name}", "Tus-Resumable": "1.0.0"})
        name = hashlib.sha256(str(len(self.seen)).encode()).hexdigest()[:32]
        upload = Upload(length=_length_in(request), key=key)
        for pair in request.headers.get("Upload-Metadata", "").split(","):
            word, _, value = pair.partition(" ")
            upload.metadata[word] = base64.b64decode(value).decode()
        self.uploads[name] = upload
        return web.Response(status=201, headers={"Location": f"/files/{name}", "Tus-Resumable": "1.0.0"})

    async def _head(self, request: web.Request) -> web.Response:
        upload = self.uploads.get(request.match_info["id"])
        return web.Response(status=404) if upload is None else web.Response(headers=self._place(upload))

    async def _patch(self, request: web.Request) -> web.Response:
        upload = self.uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404)
        if self.largest_body is not None and (request.content_length or 0) > self.largest_body:
            return web.Response(status=413)
        offset = int(request.headers["Upload-Offset"])
        request[SEEN].start = offset
        if offset != len(upload.data):
            return web.Response(status=409, headers=self._place(upload) if self.says_offset_on_409 else {})
        if "Upload-Length" in request.headers:
            if upload.length is not None:
                return web.Response(status=400)  # as tusd does
            upload.length = int(request.headers["Upload-Length"])
        if not await self._store(request, upload):
            return web.Response(status=460, headers=self._place(upload))
        return web.Response(status=204, headers=self._place(upload))

    async def _store(self, request: web.Request, upload: Upload) -> bool:
        """Take the body; one that carries a checksum is taken whole or not at all."""
        told = checksum_in(request)
        if told is None:
            await self._body(request, upload.data.extend)
            return True
        body = bytearray()
        await self._body(request, body.extend)
        algorithm, digest = told
        if _COMPUTE[algorithm](body) != digest:
            return False
        upload.data.extend(body)
        return True

    async def _delete(self, request: web.Request) -> web.Response:
        return web.Response(status=204 if self.uploads.pop(request.match_info["id"], None) else 404)

    async def _digest(self, request: web.Request) -> web.StreamResponse:
        return await self.tell_digest(request)

    async def _tell_digest(self, request: web.Request) -> web.Response:
        upload = self.uploads.get(request.match_info["id"])
        if upload is None or not self.tells_digests:
            return web.Response(status=404)
        stored = upload.data[int(request.query["from"]) : int(request.query["to"])]
        if self.has_crc32c and request.query.get("prefer") == "crc32c":
            return web.json_response({"algorithm": "crc32c", "digest": f"{google_crc32c.value(bytes(stored)):08x}"})
        return web.json_response({"algorithm": "sha-256", "digest": hashlib.sha256(stored).hexdigest()})

    def _place(self, upload: Upload) -> dict[str, str]:
        headers = {
            "Upload-Offset": str(len(upload.data)),
            **({"Upload-Defer-Length": "1"} if upload.length is None else {"Upload-Length": str(upload.length)}),
            "Tus-Resumable": "1.0.0",
            "Cache-Control": "no-store",
        }
        if len(upload.data) == upload.length and self.says_content_location:
            headers["Content-Location"] = f"{UPLOADS}/{upload.metadata['filename']}"
        return headers

    # the chunk API

    async def _chunk(self, request: web.Request) -> web.Response:
        body = bytearray()
        self._receiving += 1
        self.together.append(self._receiving)
        try:
            await self._body(request, body.extend)
        finally:
            self._receiving -= 1
        seen = request[SEEN]
        chunk = _parse_form(request, bytes(body), seen)
        facts = seen.fields
        upload = self.chunked.setdefault(facts["uploadId"], Upload(length=int(facts["fileSize"])))
        upload.chunk_size, upload.total = int(facts["chunkSize"]), int(facts["totalChunks"])
        index = int(facts["chunkIndex"])
        seen.start = index
        if hashlib.sha256(chunk).hexdigest() != facts["checksum"]:
            return web.json_response({"error": "checksum"}, status=422)
        if self.before_answer:
            await self.before_answer(index)
        if upload.chunks.setdefault(index, chunk) != chunk:
            return web.json_response({"detail": "other bytes are stored for this chunk"}, status=409)
        return web.json_response({"success": True, "chunkIndex": index, "offset": self._offset(upload)})

    async def _chunk_place(self, request: web.Request) -> web.Response:
        upload = self.chunked.get(request.query["uploadId"])
        if upload is None:
            return web.Response(status=404)
        headers = {
            "Upload-Offset": str(self._offset(upload)),
            "Upload-Length": str(upload.length),
            "Upload-Next-Chunk": str(upload.contiguous),
        }
        if upload.filename:
            headers["Content-Location"] = f"{UPLOADS}/{upload.filename}"
        if request.method == "HEAD":
            return web.Response(headers=headers)
        stored = [[index, index] for index in sorted(upload.chunks)]
        return web.json_response({"success": True, "received": stored}, headers=headers)

    async def _chunk_delete(self, request: web.Request) -> web.Response:
        return web.Response(status=204 if self.chunked.pop(request.query["uploadId"], None) else 404)

    async def _finalize(self, request: web.Request) -> web.Response:
        facts = await request.json()
        request[SEEN].json = facts
        upload = self.chunked.get(facts["uploadId"])
        if upload is None:
            return web.Response(status=404)
        missing = [index for index in range(facts["totalChunks"]) if index not in upload.chunks]
        if missing:
            return web.json_response({"success": False, "missing": missing}, status=409)
        upload.data = bytearray(b"".join(upload.chunks[index] for index in range(upload.total)))
        if facts.get("checksum") not in (None, hashlib.sha256(upload.data).hexdigest()):
            return web.json_response({"detail": "the checksum of the whole differs"}, status=422)
        upload.filename = upload.filename or f"video_{1_700_000_000_000 + len(self.chunked)}.mp4"
        return web.json_response(
            {
                "success": True,
                "filename": upload.filename,
                "url": f"{UPLOADS}/{upload.filename}",
                "size": len(upload.data),
                "contentType": "video/mp4",
                "uploadId": facts["uploadId"],
            }
        )

    async def _record(self, request: web.Request) -> web.Response:
        facts = await request.json()
        request[SEEN].json = facts
        self.records.append(facts)
        return web.json_response(facts, status=201)

    @staticmethod
    def _offset(upload: Upload) -> int:
        return sum(len(upload.chunks[index]) for index in range(upload.contiguous))


_COMPUTE: dict[str, Callable[[bytes | bytearray], bytes]] = {
    "sha256": lambda body: hashlib.sha256(body).digest(),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
}


def checksum_in(request: web.Request) -> tuple[str, bytes] | None:
    """The checksum that a request tells of its body, in the words of tus or in those of RFC 9530."""
    if told := request.headers.get("Upload-Checksum"):
        algorithm, _, value = told.partition(" ")
        return algorithm, base64.b64decode(value, validate=True)
    if told := request.headers.get("Content-Digest"):
        assert told.startswith("sha-256=:")
        return "sha256", base64.b64decode(told.removeprefix("sha-256=:").rstrip(":"), validate=True)
    return None


def _length_in(request: web.Request) -> int | None:
    """The length that a creation tells; None if it says that it will tell it later."""
    if request.headers.get("Upload-Defer-Length") == "1":
        assert "Upload-Length" not in request.headers
        return None
    return int(request.headers["Upload-Length"])


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _parse_form(request: web.Request, body: bytes, seen: Seen) -> bytes:
    """Note field names in the order of their arrival, and their values; return the bytes of the file."""
    boundary = request.headers["Content-Type"].partition("boundary=")[2]
    chunk = b""
    for part in MultipartParser(io.BytesIO(body), boundary, memfile_limit=2**30, disk_limit=2**30):
        seen.names.append(part.name)
        if part.filename is not None:
            chunk = part.raw
        else:
            seen.fields[part.name] = part.value
        part.close()
    return chunk


def drop(request: web.Request) -> None:
    """Reset the connection under a request."""
    if request.transport is not None:
        request.transport.abort()


def as_json(text: str) -> list[dict[str, Any]]:
    """The objects of a stream of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]
