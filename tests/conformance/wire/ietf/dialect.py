"""How the IETF draft is spoken, and the uploads that a check begins from."""

import re
from typing import Final, Unpack

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.calls import SOURCE, Call, Upload, Writing, fields_of_user
from tests.conformance.wire.connection import Interim
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import Failed

NEWEST: Final = 9
"""The interop version of draft -12."""
PARTIAL: Final = "Content-Type: application/partial-upload"
PROBLEMS: Final = "https://iana.org/assignments/http-problem-types#"
_LIMIT: Final = re.compile(r"[a-z*][a-z0-9_.*-]*=-?[0-9]{1,15}(?:, *[a-z*][a-z0-9_.*-]*=-?[0-9]{1,15})*")


def spoken(complete: bool | None, iv: int | None) -> tuple[str, ...]:
    """Write the fields that say which version is spoken and whether the upload ends with this request."""
    version = () if iv is None else (f"Upload-Draft-Interop-Version: {iv}",)
    if complete is None:
        return version
    name, value = ("Upload-Incomplete", not complete) if iv == 3 else ("Upload-Complete", complete)
    return (f"{name}: ?{int(value)}", *version)


def create(
    t: Target,
    *fields: str,
    body: bytes = b"",
    complete: bool | None = False,
    iv: int | None = NEWEST,
    method: str = "POST",
    path: str | None = None,
    **options: Unpack[Writing],
) -> Answer:
    """Send a creation, and read its answer."""
    where = t.collection if path is None else path
    return t.ask(method, where, *spoken(complete, iv), *fields, body=body, version=None, **options)


def begin_create(t: Target, *fields: str, length: int, complete: bool = True, iv: int | None = NEWEST) -> Call:
    """Send the head of a creation with ``length`` bytes."""
    lines = (*spoken(complete, iv), *fields, f"Content-Length: {length}")
    return t.begin("POST", t.collection, *lines, version=None)


def append(
    t: Target,
    upload: Upload | str,
    *fields: str,
    at: int | str | None,
    body: bytes = b"",
    complete: bool | None = False,
    iv: int | None = NEWEST,
    kind: str | None = PARTIAL,
    **options: Unpack[Writing],
) -> Answer:
    """Send an append, and read its answer."""
    lines = append_lines(*fields, at=at, complete=complete, iv=iv, kind=kind)
    return t.ask("PATCH", place(upload), *lines, body=body, version=None, **options)


def begin_append(
    t: Target, upload: Upload | str, *fields: str, at: int, length: int, body: bytes = b"", complete: bool = False
) -> Call:
    """Send the head of an append of ``length`` bytes, and some of them."""
    lines = (*append_lines(*fields, at=at, complete=complete), f"Content-Length: {length}")
    return t.begin("PATCH", place(upload), *lines, body=body, version=None)


def append_lines(
    *fields: str,
    at: int | str | None,
    complete: bool | None = False,
    iv: int | None = NEWEST,
    kind: str | None = PARTIAL,
) -> tuple[str, ...]:
    """Write the fields of an append."""
    offset = () if at is None else (f"Upload-Offset: {at}",)
    return (*spoken(complete, iv), *offset, *(() if kind is None else (kind,)), *fields)


def head(t: Target, upload: Upload | str, *fields: str, iv: int | None = NEWEST, method: str = "HEAD") -> Answer:
    """Ask where an upload stands."""
    return t.ask(method, place(upload), *spoken(None, iv), *fields, version=None)


def cancel(t: Target, upload: Upload | str, *fields: str, iv: int | None = NEWEST) -> Answer:
    """Cancel an upload."""
    return t.ask("DELETE", place(upload), *spoken(None, iv), *fields, version=None)


def make(t: Target, *fields: str, length: int | None = None, stored: int = 0, source: bytes = SOURCE) -> Upload:
    """Make an upload that is not complete, with some bytes stored already."""
    told = () if length is None else (f"Upload-Length: {length}",)
    with t.preparation():
        answer = create(t, *told, *fields, body=source[:stored]).expect(201)
        upload = Upload(path=t.located(answer), length=length, source=source, offset=stored)
        head(t, upload, *fields_of_user(fields)).expect_success().expect_field("Upload-Offset", str(stored))
    return upload


def stands(t: Target, upload: Upload, *, offset: int, complete: bool = False) -> Answer:
    """Fail unless the upload stands there, with the bytes that were sent."""
    answer = head(t, upload).expect_success().expect_field("Upload-Offset", str(offset))
    answer.expect_field("Upload-Complete", f"?{int(complete)}")
    if t.own is not None:
        stored = t.own.bytes_of(upload.path, published=answer.get("Content-Location"))
        t.same_bytes(answer, stored[:offset], upload.source[:offset])
    return answer


def unchanged(t: Target, upload: Upload) -> Answer:
    """Fail unless the upload stands as it did when the check began."""
    return stands(t, upload, offset=upload.offset)


def whole(t: Target, path: str, content: bytes) -> Answer:
    """Fail unless an upload is complete, with this content."""
    answer = head(t, path).expect_success().expect_field("Upload-Complete", "?1")
    if t.own is not None:
        return t.same_bytes(answer, t.own.bytes_of(path, published=answer.get("Content-Location")), content)
    got = t.ask("GET", answer.get("Content-Location") or path, version=None)
    return t.same_bytes(got, got.body, content) if got.status == 200 else answer


def gone(t: Target, upload: Upload | str) -> Answer:
    """Fail unless nobody knows the upload any more."""
    return head(t, upload).expect(404, 410)


def told_of(call: Call) -> Interim:
    """Read the interim answer that tells where the upload is."""
    found = call.connection.interim(seconds=3)
    if found.status != 104 or "Location" not in found.headers:
        raise Failed(f"{call.sent}: expected 104 with Location, got {found.status} with {dict(found.headers)}")
    return found


def limit_of(answer: Answer) -> dict[str, int]:
    """Read Upload-Limit; it must be there and be a dictionary of integers."""
    value = answer.expect_field("Upload-Limit").get("Upload-Limit") or ""
    answer.require(_LIMIT.fullmatch(value), "a dictionary of integers in Upload-Limit", got=value)
    pairs = (pair.strip().partition("=") for pair in value.split(","))
    return {key: int(number) for key, _, number in pairs}


def place(upload: Upload | str) -> str:
    """Give the request target of an upload."""
    return upload if isinstance(upload, str) else upload.path
