"""tus for tests: creation (also with the first bytes, also without a length), offset, append, checksum, termination.

Spec: tus 1.0.0
"""

import base64
import binascii
import hashlib
import json
from http import HTTPStatus

from aiohttp import web

from .house import TUS_RESUMABLE, Call, House, Refused, new_name, whole_number
from .records import Upload

COLLECTION = "/files/"
OFFSET_STREAM = "application/offset+octet-stream"
ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
CHECKSUM_MISMATCH = 460
OFFER = {
    **TUS_RESUMABLE,
    "Tus-Version": "1.0.0",
    "Tus-Extension": "creation,creation-with-upload,creation-defer-length,termination,checksum",
    "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
}


async def options(_: House, __: Call) -> web.Response:
    """Say what is spoken. Spec: tus 1.0.0 § Core Protocol / Requests / OPTIONS."""
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=OFFER)


async def create(house: House, call: Call) -> web.Response:
    """Make an upload; the same Idempotency-Key again gives the same one. Spec: tus 1.0.0 § Creation."""
    _judge_version(call)
    key = call.header("Idempotency-Key")
    known = next((upload for upload in house.present() if key is not None and upload.key == key), None)
    if known is not None:
        return web.Response(status=HTTPStatus.CREATED, headers={"Location": known.path, **_place(known)})
    name = new_name()
    path = f"{COLLECTION}{name}"
    upload = Upload(name, protocol="tus", path=path, length=_told_length(call), metadata=_metadata_in(call), key=key)
    upload.told = call.header("Upload-Metadata")
    house.keep(upload)
    if _has_bytes(call):
        try:
            await _receive(house, call, upload, length=upload.length)
        except Refused:
            upload.is_gone = True
            raise
        return web.Response(status=HTTPStatus.CREATED, headers={"Location": path, **_place(upload)})
    _settle(house, upload)
    return web.Response(status=HTTPStatus.CREATED, headers={"Location": path, **TUS_RESUMABLE})


async def offset(house: House, call: Call) -> web.Response:
    """Tell what is stored. Spec: tus 1.0.0 § Core Protocol / Requests / HEAD."""
    _judge_version(call)
    upload = house.find(call.request.path)
    told = {"Upload-Metadata": upload.told} if upload.told else {}
    return web.Response(headers={**_place(upload), **told, "Cache-Control": "no-store"})


async def append(house: House, call: Call) -> web.Response:
    """Store more bytes; a newer request takes over from one that still runs. Spec: tus 1.0.0 § … / PATCH."""
    _judge_version(call)
    upload = house.find(call.request.path)
    if not _has_bytes(call):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be {OFFSET_STREAM}", TUS_RESUMABLE)
    start = whole_number(call.header("Upload-Offset"), field="Upload-Offset")
    if start is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "Upload-Offset is missing", TUS_RESUMABLE)
    if start != upload.offset:
        detail = f"Upload-Offset is {start}, but {upload.offset} bytes are stored"
        raise Refused(HTTPStatus.CONFLICT, detail, _place(upload))
    length = whole_number(call.header("Upload-Length"), field="Upload-Length")
    if length is not None and upload.length not in (None, length):
        detail = f"Upload-Length is {length}, but was {upload.length} before"
        raise Refused(HTTPStatus.BAD_REQUEST, detail, TUS_RESUMABLE)
    if length is not None and length < start:
        raise Refused(HTTPStatus.BAD_REQUEST, f"Upload-Length is {length}, but {start} bytes are stored", TUS_RESUMABLE)
    await _receive(house, call, upload, length=upload.length if length is None else length)
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=_place(upload))


async def terminate(house: House, call: Call) -> web.Response:
    """Remove an upload. Spec: tus 1.0.0 § Termination."""
    _judge_version(call)
    house.find(call.request.path).is_gone = True
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=TUS_RESUMABLE)


async def digest(house: House, call: Call) -> web.Response:
    """Tell the SHA-256 of stored bytes, as tusvideo does. Spec: GET /files/{id}/digest?from=&to=."""
    upload = house.find(call.request.path.removesuffix("/digest"))
    start = whole_number(call.request.query.get("from"), field="from") or 0
    end = whole_number(call.request.query.get("to"), field="to")
    end = upload.offset if end is None else end
    if not start <= end <= upload.offset:
        raise Refused(HTTPStatus.BAD_REQUEST, f"expected a range within the {upload.offset} bytes that are stored")
    told = hashlib.sha256(upload.data[start:end]).hexdigest()
    return web.json_response({"algorithm": "sha-256", "digest": told, "from": start, "to": end})


async def _receive(house: House, call: Call, upload: Upload, *, length: int | None) -> None:
    """Add a body to an upload of this length. One with a checksum counts whole or not at all, with all that it tells.

    Spec: tus 1.0.0 § Checksum
    """
    algorithm, expected = _checksum_in(call)
    start = call.seen.start = upload.offset
    if length is not None and start + (call.request.content_length or 0) > length:
        detail = f"the body has {call.request.content_length} bytes, but only {length - start} are missing"
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, TUS_RESUMABLE)
    if "Content-Encoding" in call.request.headers:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "bytes are stored as they are: no Content-Encoding")
    held = bytearray() if algorithm else upload.stored
    if not algorithm:
        upload.length = length

    def store(data: bytes) -> None:
        at = upload.offset + (len(held) if algorithm else 0)
        if length is not None and at + len(data) > length:
            detail = f"more bytes came than the {length} of the upload"
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, TUS_RESUMABLE)
        held.extend(house.spoil(call, data, start=at))
        upload.count(len(data), start=at)

    try:
        await house.take(call, call.request.content.iter_any(), store=store, writer=upload)
    finally:
        _settle(house, upload)  # also when the last byte came and the connection went
    if not algorithm:
        return
    if hashlib.new(algorithm, bytes(held), usedforsecurity=False).digest() != expected:
        raise Refused(CHECKSUM_MISMATCH, f"the body has another {algorithm} than Upload-Checksum", _place(upload))
    upload.stored.extend(held)
    upload.length = length
    _settle(house, upload)


def _settle(house: House, upload: Upload) -> None:
    if upload.offset == upload.length and not upload.is_complete:
        house.publish(upload, folder="files", filename=upload.metadata.get("filename") or upload.id)


def _place(upload: Upload) -> dict[str, str]:
    told = {"Upload-Defer-Length": "1"} if upload.length is None else {"Upload-Length": str(upload.length)}
    url = {"Content-Location": upload.url} if upload.url else {}
    return {**TUS_RESUMABLE, "Upload-Offset": str(upload.offset), **told, **url}


def _has_bytes(call: Call) -> bool:
    return (call.header("Content-Type") or "").partition(";")[0].strip().lower() == OFFSET_STREAM


def _judge_version(call: Call) -> None:
    if call.header("Tus-Resumable") != TUS_RESUMABLE["Tus-Resumable"]:
        detail = f"Tus-Resumable must be 1.0.0, not {call.header('Tus-Resumable')!r}"
        raise Refused(HTTPStatus.PRECONDITION_FAILED, detail, OFFER)


def _told_length(call: Call) -> int | None:
    length = whole_number(call.header("Upload-Length"), field="Upload-Length")
    if (length is None) != (call.header("Upload-Defer-Length") == "1"):
        detail = "expected either Upload-Length or Upload-Defer-Length: 1"
        raise Refused(HTTPStatus.BAD_REQUEST, detail, TUS_RESUMABLE)
    return length


def _metadata_in(call: Call) -> dict[str, str]:
    text = (call.header("Upload-Metadata") or "").strip()
    pairs: dict[str, str] = {}
    for item in text.split(",") if text else ():
        key, _, value = item.strip().partition(" ")
        if not key or key in pairs:
            detail = f"Upload-Metadata: the key {key!r} is empty or comes twice"
            raise Refused(HTTPStatus.BAD_REQUEST, detail, TUS_RESUMABLE)
        try:
            pairs[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            detail = f"Upload-Metadata: the value of {key!r} is no base64 of text"
            raise Refused(HTTPStatus.BAD_REQUEST, detail, TUS_RESUMABLE) from None
    return pairs


def _checksum_in(call: Call) -> tuple[str, bytes]:
    text = call.header("Upload-Checksum")
    if text is None:
        return "", b""
    algorithm, _, value = text.partition(" ")
    algorithm = algorithm.lower()
    try:
        expected = base64.b64decode(value, validate=True)
    except binascii.Error:
        expected = b""
    if algorithm not in ALGORITHMS or not expected:
        detail = f"Upload-Checksum: expected one of {', '.join(ALGORITHMS)} and base64, got {json.dumps(text)}"
        raise Refused(HTTPStatus.BAD_REQUEST, detail, TUS_RESUMABLE)
    return algorithm, expected
