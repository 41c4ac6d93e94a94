"""The documented chunk API for tests: numbered chunks in any order, what is stored, finalize, the video record."""

import hashlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import PurePath
from typing import Any

from aiohttp import BodyPartReader, web

from .house import PIECE, Call, House, Refused, whole_number
from .records import Upload

PLACE = re.compile(r"/api/([a-z0-9_-]+)/video/chunk")
MISSING_AT_MOST = 1000
UPLOAD_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


async def append(house: House, call: Call) -> web.Response:
    """Store one chunk; the same bytes again are fine, others are a conflict. Spec: POST /api/{profile}/video/chunk."""
    chunk, fields = await _form_in(house, call)
    upload = _upload_of(house, call, fields)
    index, total = _number(fields, "chunkIndex"), _number(fields, "totalChunks")
    size = whole_number(fields.get("chunkSize"), field="chunkSize")
    if index >= total or (upload.total or total) != total:
        raise Refused(HTTPStatus.BAD_REQUEST, f"chunk {index} of {total} does not fit the upload")
    upload.total, upload.chunk_size = total, size or upload.chunk_size
    call.seen.start = index
    upload.count(len(chunk), chunk=index)
    chunk = house.spoil(call, chunk, start=index * (upload.chunk_size or len(chunk)))
    expected = fields.get("checksum")
    if expected is not None and expected.lower() != hashlib.sha256(chunk).hexdigest():
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"chunk {index} has another SHA-256 than it was sent with")
    if upload.is_complete and index not in upload.chunks:
        raise Refused(HTTPStatus.CONFLICT, "the upload is complete")
    if upload.chunks.setdefault(index, chunk) != chunk:
        raise Refused(HTTPStatus.CONFLICT, f"other bytes are stored for chunk {index}")
    facts = {
        "success": True,
        "uploadId": upload.id,
        "chunkIndex": index,
        "offset": upload.offset,
        "received": len(upload.chunks),
        "totalChunks": total,
    }
    return web.json_response(facts | ({"filename": upload.filename} if upload.is_complete else {}))


async def offset(house: House, call: Call) -> web.Response:
    """Tell what is stored. Spec: HEAD and GET of /api/{profile}/video/chunk?uploadId=."""
    upload = house.find(_address(call, call.request.query.get("uploadId", "")))
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Next-Chunk": str(upload.next_chunk),
        "Cache-Control": "no-store",
    }
    if upload.length is not None:
        headers["Upload-Length"] = str(upload.length)
    if upload.chunk_size is not None:
        headers["Upload-Chunk-Size"] = str(upload.chunk_size)
    if upload.url is not None:
        headers["Content-Location"] = upload.url
    if call.request.method == "HEAD":
        return web.Response(headers=headers)
    facts: dict[str, Any] = {
        "success": True,
        "uploadId": upload.id,
        "status": "complete" if upload.is_complete else "open",
        "offset": upload.offset,
        "length": upload.length,
        "chunkSize": upload.chunk_size,
        "totalChunks": upload.total,
        "nextChunk": upload.next_chunk,
        "received": [[index, index] for index in sorted(upload.chunks)],
        "missing": _missing(upload),
    }
    return web.json_response(facts | ({"filename": upload.filename} if upload.is_complete else {}), headers=headers)


async def terminate(house: House, call: Call) -> web.Response:
    """Remove an upload. Spec: DELETE /api/{profile}/video/chunk?uploadId=."""
    house.find(_address(call, call.request.query.get("uploadId", ""))).is_gone = True
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def finalize(house: House, call: Call) -> web.Response:
    """Put the chunks together; again, the same answer. Spec: POST /api/{profile}/video/finalize."""
    facts = await _facts_in(call)
    path = call.request.path.replace("/finalize", "/chunk")
    upload = house.find(f"{path}?uploadId={facts.get('uploadId', '')}")
    total = _number(facts, "totalChunks")
    missing = [index for index in range(total) if index not in upload.chunks]
    if missing:
        answer = {"success": False, "error": "chunks are missing", "missing": missing[:MISSING_AT_MOST]}
        return web.json_response(answer, status=HTTPStatus.CONFLICT)
    expected = facts.get("checksum")
    if expected is not None and str(expected).lower() != upload.sha256:
        upload.is_gone = True
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "the whole has another SHA-256 than it was sent with")
    if not upload.is_complete:
        upload.length = upload.offset
        profile = PLACE.fullmatch(path)
        suffix = PurePath(str(facts.get("filename", ""))).suffix.lower() or ".mp4"
        number = sum(other.is_complete for other in house.uploads) + 1
        house.publish(upload, folder=profile[1] if profile else "poster", filename=f"video_{number:013}{suffix}")
    answer = {
        "success": True,
        "filename": upload.filename,
        "url": upload.url,
        "size": upload.length,
        "contentType": "video/mp4",
        "uploadId": upload.id,
    }
    return web.json_response(answer)


async def record(house: House, call: Call) -> web.Response:
    """Make or change the record of a published video. Spec: POST /api/videos/metadata."""
    facts = await _facts_in(call)
    filename = facts.get("filename")
    if not filename or not facts.get("title"):
        raise Refused(HTTPStatus.BAD_REQUEST, "expected filename and title")
    if filename not in {upload.filename for upload in house.present()}:
        raise Refused(HTTPStatus.NOT_FOUND, f"no file {filename} is published")
    known = next((old for old in house.records if old["filename"] == filename), None)
    if known is not None:
        known.update(facts)
        return web.json_response(known)
    house.records.append(facts)
    return web.json_response(facts, status=HTTPStatus.CREATED)


async def _form_in(house: House, call: Call) -> tuple[bytes, dict[str, str]]:
    """The chunk and the plain fields, which may come in any order."""
    if not (call.header("Content-Type") or "").startswith("multipart/form-data"):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected a body of multipart/form-data")
    chunk: bytearray | None = None
    fields: dict[str, str] = {}
    async for part in _parts_in(call):
        if part.name is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "expected parts of the form that have a name")
        if part.name == "chunk":
            chunk = bytearray()
            try:
                await house.take(call, _pieces(part), store=chunk.extend)
            except BaseException:
                _book_torn(house, call, fields, len(chunk))
                raise
        else:
            fields[part.name] = await part.text()
    if chunk is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "expected a file in the field chunk")
    return bytes(chunk), fields


async def _parts_in(call: Call) -> AsyncIterator[BodyPartReader]:
    call.invite()
    try:
        async for part in await call.request.multipart():
            if isinstance(part, BodyPartReader):
                yield part
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the form is malformed: {error}") from None


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(PIECE):
        yield bytes(piece)


def _book_torn(house: House, call: Call, fields: dict[str, str], received: int) -> None:
    """A torn chunk leaves no trace but in the count of what came; where the fields came first, in the right place."""
    if not fields.get("chunkIndex", "").isdigit() or "uploadId" not in fields:
        return
    call.seen.start = int(fields["chunkIndex"])
    fresh = _upload_in(call, fields)
    known = next((upload for upload in reversed(house.uploads) if upload.path == fresh.path), None)
    if known is None:
        fresh.is_gone = True  # the server does not know it; when it does, these bytes have come before
        house.uploads.append(fresh)
    (known or fresh).count(received, chunk=call.seen.start)


def _upload_of(house: House, call: Call, fields: dict[str, str]) -> Upload:
    fresh = _upload_in(call, fields)
    known = next((upload for upload in house.present() if upload.path == fresh.path), None)
    if known is None:
        return house.keep(fresh)
    known.length = fresh.length if known.length is None else known.length
    return known


def _upload_in(call: Call, fields: dict[str, str]) -> Upload:
    name = fields.get("uploadId", "")
    if not UPLOAD_ID.fullmatch(name):
        raise Refused(HTTPStatus.BAD_REQUEST, f"uploadId: expected {UPLOAD_ID.pattern}, got {name!r}")
    length = whole_number(fields.get("fileSize"), field="fileSize")
    return Upload(name, protocol="chunks", path=_address(call, name), length=length)


def _address(call: Call, name: str) -> str:
    return f"{call.request.path}?uploadId={name}"


def _missing(upload: Upload) -> list[list[int]]:
    absent = [index for index in range(upload.total or 0) if index not in upload.chunks]
    return [[index, index] for index in absent[:MISSING_AT_MOST]]


async def _facts_in(call: Call) -> dict[str, Any]:
    call.invite()
    if (call.header("Content-Type") or "").startswith("application/json"):
        try:
            facts = await call.request.json()
        except ValueError:
            facts = None
        if not isinstance(facts, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "expected a JSON object")
        return facts
    return dict(await call.request.post())


def _number(facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    number = whole_number(None if value is None else str(value), field=name)
    if number is None:
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} is missing")
    return number
