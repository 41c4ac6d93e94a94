"""K: bytes that are checked before they count."""

import base64
import hashlib
from typing import Final

from tests.conformance.wire.answer import words
from tests.conformance.wire.calls import SOURCE, Upload
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.early import patch_refused_early
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MAY, MUST, OURS

ON: Final = "checksum"
TEXT: Final = b"hello world"
EMPTY: Final = "2jmj7l5rSw0yVb/vlWAYkK/YBwk="
VECTORS: Final = {
    "sha1": "Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    "sha256": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
    "md5": "XrY7u+Ae7tCTyyK7j1rNww==",
    "crc32": "DUoRhQ==",
    "crc32c": "yZRlqg==",
    "sha512": base64.b64encode(hashlib.sha512(TEXT).digest()).decode(),
}
"""Of "hello world". The byte order of a CRC is not fixed by the protocol; ours is big-endian."""
MIB: Final = 1 << 20


def field(digest: str, algorithm: str = "sha1") -> str:
    """Write the header field."""
    return f"Upload-Checksum: {algorithm} {digest}"


def sha1(data: bytes) -> str:
    """Write the header field for these bytes."""
    return field(base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode())


RIGHT, WRONG = field(VECTORS["sha1"]), field(EMPTY)


def upload_of(t: Target) -> Upload:
    """Make an upload for the text."""
    return t.make(len(TEXT), source=TEXT)


@check("K-01", MUST, extension=ON)
def fits(t: Target) -> None:
    """Bytes that fit their checksum are stored: 204."""
    upload = upload_of(t)
    t.patch(upload, RIGHT, at=0, body=TEXT).expect(204).expect_field("Upload-Offset", "11")
    t.holds(upload, TEXT)


@check("K-02", MUST, extension=ON)
def does_not_fit(t: Target) -> None:
    """Bytes that do not fit get 460 and leave no trace, and the upload goes on."""
    upload = upload_of(t)
    t.patch(upload, WRONG, at=0, body=b"HELLO WORLD").expect(460)
    t.unchanged(upload, may_lie_beyond=True)
    t.completes(upload)


@check("K-03", MUST, extension=ON)
def does_not_fit_behind_others(t: Target) -> None:
    """Bytes that do not fit leave those before them untouched."""
    upload = t.make(20, stored=5)
    t.patch(upload, WRONG, at=5, body=b"x" * 10).expect(460)
    t.unchanged(upload, may_lie_beyond=True)
    t.completes(upload)


@check("K-04", MUST, extension=ON)
def unknown_algorithm(t: Target) -> None:
    """An algorithm that is not announced gets 400, and nothing changes; our own does not read the body."""
    upload = t.make(1 << 31)
    if t.own is not None:
        patch_refused_early(t, upload, field("YQ==", "foo"), at=0).expect(400)
    t.patch(upload, field("YQ==", "foo"), at=0, body=b"hello").expect(400)
    t.unchanged(upload)


@check("K-05", MUST, extension=ON)
def every_algorithm(t: Target) -> None:
    """Each algorithm that is announced checks: 204 for the right value, 460 for a wrong one."""
    options = t.options
    assert options is not None
    for name in sorted(words(options.get("Tus-Checksum-Algorithm"))):
        if (digest := VECTORS.get(name)) is None:
            options.require(t.own is None, "a vector for each algorithm of ours", got=name)
            continue
        t.patch(upload_of(t), field(digest, name), at=0, body=TEXT).expect(204)
        upload = upload_of(t)
        t.patch(upload, field(digest, name), at=0, body=b"hello_world").expect(460)
        t.unchanged(upload, may_lie_beyond=True)


@check("K-06", OURS, extension=ON)
def malformed(t: Target) -> None:
    """A field without a value, with two, with bad base64 or with a digest of another size gets 400."""
    upload = upload_of(t)
    for value in ("sha1", "sha1 ", "sha1  x y", "sha1 !!!", "sha1 YQ==", ""):
        t.patch(upload, f"Upload-Checksum: {value}", at=0, body=TEXT).expect(400)
        t.unchanged(upload)


@check("K-07", OURS, extension=ON)
def upper_case(t: Target) -> None:
    """The name of an algorithm is understood in upper case, too."""
    t.patch(upload_of(t), field(VECTORS["sha1"], "SHA1"), at=0, body=TEXT).expect(204)


@check("K-08", MUST, extension=ON)
def cut(t: Target) -> None:
    """A body with a checksum that was cut does not count at all, as it cannot be checked."""
    upload = upload_of(t)
    _cut(t, upload)
    t.unchanged(upload, may_lie_beyond=True)


@check("K-09", MUST, extension=ON)
def again_after_a_cut(t: Target) -> None:
    """After such a cut the whole is sent again, and the content is what was sent."""
    upload = upload_of(t)
    _cut(t, upload)
    t.until(lambda: t.patch(upload, RIGHT, at=0, body=TEXT).status in {204, 409}, what="204", seconds=5)
    t.holds(upload, TEXT)


@check("K-10", MUST, extension=ON, inside=True, house=House.MORTAL)
def killed_unchecked(t: Target) -> None:
    """After a kill -9 in the middle of a body with a checksum nothing of it counts, and the upload goes on."""
    size = 8 * MIB
    data = (SOURCE * (size // len(SOURCE)))[:size]
    upload = t.make(size, source=data)
    own = t.inside
    with t.begin_patch(upload, sha1(data), at=0, length=size) as call:
        call.send(data[: size // 2])
        t.until(lambda: bool(own.bytes_of(upload.path)), what="bytes on disk", seconds=5)
        own.kill()
    own.start()
    t.stands(upload, offset=0)
    t.patch(upload, sha1(data), at=0, body=data).expect(204)
    t.holds(upload, data)


@check("K-11", MUST, extension=ON)
def in_chunks(t: Target) -> None:
    """A body in chunks is checked as any other."""
    fields = ("Transfer-Encoding: chunked",)
    upload = upload_of(t)
    t.patch(upload, WRONG, *fields, at=0, body=chunked(TEXT[:4], TEXT[4:])).expect(460)
    t.unchanged(upload, may_lie_beyond=True)
    t.patch(upload, RIGHT, *fields, at=0, body=chunked(TEXT[:4], TEXT[4:])).expect(204)
    t.holds(upload, TEXT)


@check("K-12", OURS, extension=ON)
def empty_body(t: Target) -> None:
    """An empty PATCH of a finished upload with the digest of nothing gets 204."""
    t.patch(t.make(11, stored=11), field(EMPTY), at=11).expect(204).expect_field("Upload-Offset", "11")


@check("K-13", OURS, extension=ON)
def asked_meanwhile(t: Target) -> None:
    """While a body is being checked, HEAD tells the offset before it."""
    upload = upload_of(t)
    with t.begin_patch(upload, RIGHT, at=0, length=11, body=TEXT[:5]) as call:
        for _ in range(3):
            t.head(upload).expect(200, 204).expect_field("Upload-Offset", "0")
            call.connection.quiet(seconds=0.05)
        call.send(TEXT[5:]).answer().expect(204)


@check("K-14", MUST, extension=ON)
def last_bytes_do_not_fit(t: Target) -> None:
    """Last bytes that do not fit finish nothing."""
    upload = upload_of(t)
    with t.preparation():
        t.patch(upload, at=0, body=TEXT[:5]).expect(204)
    upload.offset = 5
    head = t.patch(upload, WRONG, at=5, body=TEXT[5:]).expect(460)
    t.unchanged(upload, may_lie_beyond=True)
    if t.own is not None:
        head.require(not t.own.events(upload.path, "upload_completed"), "no event upload_completed in the log")


@check("K-15", OURS, extension=ON, inside=True)
def flat_memory(t: Target) -> None:
    """The checksum of a long body is computed while it comes: the memory does not grow with it."""
    size = 96 * MIB
    data = (SOURCE * (size // len(SOURCE)))[:size]
    upload = t.make(size, source=data)
    before = t.inside.resident_kib()
    answer = t.patch(upload, sha1(data), at=0, body=data).expect(204)
    grown = t.inside.resident_kib() - before
    answer.require(grown < 48 * 1024, "less than 48 MiB more memory", got=f"{grown // 1024} MiB")


@check("K-16", MAY, extension="checksum-trailer")
def trailer(t: Target) -> None:
    """A checksum may come behind the body, and is checked: 204 or 460."""
    for digest, status in ((VECTORS["sha1"], 204), (EMPTY, 460)):
        body = chunked(TEXT, end=False) + f"0\r\nUpload-Checksum: sha1 {digest}\r\n\r\n".encode()
        fields = ("Transfer-Encoding: chunked", "Trailer: Upload-Checksum")
        t.patch(upload_of(t), *fields, at=0, body=body).expect(status)


@check("K-17", OURS, extension="checksum-trailer")
def missing_trailer(t: Target) -> None:
    """A trailer that was promised and does not come gets 400, and nothing changes."""
    upload = upload_of(t)
    t.patch(upload, "Transfer-Encoding: chunked", "Trailer: Upload-Checksum", at=0, body=chunked(TEXT)).expect(400)
    t.unchanged(upload)


@check("K-18", OURS)
def trailer_that_is_not_read(t: Target) -> None:
    """A server that reads no trailer refuses a body that promises its checksum there."""
    if "checksum-trailer" in t.announced:
        t.patch(upload_of(t), "Transfer-Encoding: chunked", at=0, body=chunked(TEXT)).expect(204)
        return
    upload = upload_of(t)
    body = chunked(TEXT, end=False) + f"0\r\nUpload-Checksum: sha1 {EMPTY}\r\n\r\n".encode()
    t.patch(upload, "Transfer-Encoding: chunked", "Trailer: Upload-Checksum", at=0, body=body).expect(400)
    t.unchanged(upload)


@check("K-19", OURS, extension=ON)
def field_and_trailer(t: Target) -> None:
    """A checksum as a field and another one as a trailer get 400."""
    upload = upload_of(t)
    body = chunked(TEXT, end=False) + f"0\r\nUpload-Checksum: sha1 {EMPTY}\r\n\r\n".encode()
    t.patch(upload, RIGHT, "Transfer-Encoding: chunked", "Trailer: Upload-Checksum", at=0, body=body).expect(400)
    t.unchanged(upload)


@check("K-20", OURS, extension=ON)
def offset_first(t: Target) -> None:
    """A wrong offset is refused before the checksum is looked at: 409 and not 460."""
    upload = t.make(11, source=TEXT, stored=5)
    t.patch(upload, WRONG, at=0, body=TEXT).expect(409)
    t.unchanged(upload)


def _cut(t: Target, upload: Upload) -> None:
    with t.begin_patch(upload, RIGHT, at=0, length=len(TEXT), body=TEXT[:5]) as call:
        call.connection.quiet(seconds=0.1)
        call.connection.half_close()
        call.connection.ends(seconds=0.5)
