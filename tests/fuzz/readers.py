"""What is fuzzed: readers of bytes that strangers send, and texts to begin with."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from tests.web.forms import BOUNDARY, Pieces, chunk_fields, form
from tusvideo.config import BUILT_IN_PROFILES
from tusvideo.errors import TusvideoError
from tusvideo.message import RequestHead
from tusvideo.model import Limits, UploadId
from tusvideo.protocol import (
    captions,
    chunk_api,
    dispatch,
    disposition,
    fields,
    ietf,
    integrity,
    interop,
    json_body,
    metadata,
    origin,
    plain,
    proof,
    ranges,
    structured,
    tus,
    video_list,
    videos_api,
)
from tusvideo.rules import webvtt
from tusvideo.web.multipart import Form
from tusvideo.web.routes import find, published_path

UPLOAD: Final = UploadId("0" * 32)
_PROFILE: Final = BUILT_IN_PROFILES["poster"]
_LIMITS: Final = Limits()
LONGEST_NAME: Final = 255
"""Bytes of the name of a file."""
_NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
_NARROW: Final = Limits(max_append_bytes=1000, min_append_bytes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Something that reads bytes; a TusvideoError is a refusal, every other exception a finding."""

    read: Callable[[bytes], Any]
    seeds: Sequence[bytes]

    def attack(self, data: bytes) -> None:
        """Read what the fuzzer made."""
        try:
            self.read(data)
        except TusvideoError as error:
            if not str(error).isprintable():
                raise AssertionError("a refusal that is no sentence") from error


def _text(data: bytes) -> str:
    """Decode as aiohttp decodes header fields."""
    return data.decode("utf-8", "surrogateescape")


def _ran(work: Coroutine[Any, Any, Any]) -> None:
    """Run what never waits, without an event loop."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for something")


def _read_form(data: bytes) -> None:
    cut = data[0] + 1 if data else 1  # the network cuts a body where it likes

    async def read() -> None:
        pieces = [data[at : at + cut] for at in range(1, len(data), cut)]
        whole = Form(Pieces(pieces), boundary=BOUNDARY, max_fields_bytes=2000, max_file_bytes=2000)
        if await whole.find_file():
            while await whole.read():
                pass
        chunk_api.parse_finalize(whole.fields, profile=_PROFILE, limits=_LIMITS)

    _ran(read())


def _head(data: bytes) -> RequestHead:
    """Make a head of lines: method, then fields."""
    method, *lines = _text(data).split("\n")
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, _, value = line.partition(":")
        headers.add(name, value.strip(" \t"))
    return RequestHead(
        method=fields.effective_method(method, CIMultiDictProxy(headers)),
        path="/files/",
        headers=CIMultiDictProxy(headers),
        content_length=5,
        has_body=True,
    )


def _read_draft_head(data: bytes) -> None:
    """Read a head of the IETF dialect, or one of no dialect."""
    head = _head(data)
    version = interop.version_of(head)
    dispatch.dialect_of(head, creates=True)
    for upload_id in (None, UPLOAD):
        try:
            if upload_id is None:
                plain.parse(head, name=None, default_profile="files", profiles=("files",))
            ietf.parse(
                head,
                version=version,
                upload_id=upload_id,
                name=None,
                default_profile="files",
                profiles=("files",),
                limits=_NARROW,
                announces=True,
            )
        except TusvideoError as error:
            ietf.render_error(error, version=version, base_path="/files/", limits=_NARROW, head_only=False)


def _read_head(data: bytes) -> None:
    """Read a head of tus."""
    head = _head(data)
    for upload_id in (None, UPLOAD):
        try:
            tus.parse(head, upload_id=upload_id, default_profile="files", profiles=("files",), base_path="/files/")
        except TusvideoError as error:
            tus.render_error(error, head_only=head.method == "HEAD")


def _read_path(data: bytes) -> None:
    location = find(_text(data)).location
    # Directories and folders of ours need no escapes, and a name has 255 bytes at most: others may be too long as
    # escapes to be read back.
    if location is None or quote(names := location.directory + location.folder, safe="") != names:
        return
    if len(location.filename.encode()) > LONGEST_NAME:
        return
    if find(published_path(location)).location != location:
        raise AssertionError("a path that leads elsewhere when it is written again")


def _read_metadata(data: bytes) -> None:
    told = metadata.parse(_text(data).split("\n"))
    if metadata.parse([told.raw]).values != told.values:
        raise AssertionError("metadata that reads differently the second time")


def _read_json(data: bytes) -> None:
    document = json_body.parse_object(data)
    for parse in (
        lambda: videos_api.parse_describe(document, default_profile="poster", profiles=("poster",)),
        lambda: videos_api.parse_change(document, video_id=UPLOAD),
        lambda: chunk_api.parse_finalize_json(document, profile=_PROFILE, limits=_LIMITS),
    ):
        try:
            parse()
        except TusvideoError:
            continue


def _read_ranges(data: bytes) -> None:
    """Read the fields of a download: each line is one."""
    head = _head(b"GET\n" + data)
    planned = ranges.plan(
        "GET",
        headers=head.headers,
        size=50,
        etag='"a"',
        modified_at=_NOON,
        content_type="video/mp4",
        filename="a.mp4",
        public=True,
    )
    if not 0 <= planned.start <= planned.stop <= 50:
        raise AssertionError("a range beyond the file")


def _read_structured(data: bytes) -> None:
    """Read each of the kinds of structured fields."""
    lines = _text(data).split("\n")
    structured.parse_integer(lines)
    structured.parse_boolean(lines)
    numbers = structured.parse_dictionary(lines, int)
    if numbers and structured.parse_dictionary([structured.build_dictionary(numbers)], int) != numbers:
        raise AssertionError("a dictionary that reads differently the second time")
    integrity.parse_wanted(lines)
    disposition.parse_filename(lines[0])
    for parse in (
        lambda: integrity.parse_digest(lines, field="Repr-Digest"),
        lambda: integrity.parse_content_digest(lines),
    ):
        try:
            parse()
        except TusvideoError:
            continue


def _read_query(data: bytes) -> None:
    """Read what addresses say behind the question mark: each line is a name and a value."""
    pairs = [line.partition("=")[::2] for line in _text(data).split("\n")]
    head = RequestHead(
        method="GET", path="/", headers=CIMultiDictProxy(CIMultiDict()), query=MultiDictProxy(MultiDict(pairs))
    )
    for parse in (
        lambda: video_list.parse_list(head, profiles=("poster",)),
        lambda: videos_api.parse_remove(head),
        lambda: chunk_api.parse_query(head, profile=_PROFILE),
        lambda: proof.parse(head, upload_id=UPLOAD),
    ):
        try:
            parse()
        except TusvideoError:
            continue


def _read_captions(data: bytes) -> None:
    """Read a file of captions; and the first line of it as a language, too."""
    try:
        captions.parse_language(_text(data.partition(b"\n")[0]))
    except TusvideoError as error:
        if not str(error).isprintable():
            raise AssertionError("a refusal that is no sentence") from error
    content = webvtt.from_file(data)
    if webvtt.from_file(content) != content:
        raise AssertionError("captions that read differently the second time")


def _read_origin(data: bytes) -> None:
    text = _text(data)
    host = origin.check_host(text, allowed_hosts=("*.example",))
    origin.check_origin(
        "POST", real_method="POST", origin=text, sec_fetch_site=None, host=host, allowed_origins=("https://a.example",)
    )


READERS: Final = {
    "captions": Reader(
        read=_read_captions,
        seeds=[
            b"1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>a</i> & <b\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nb\r\n",
            b"WEBVTT x\n\nNOTE a\n\nSTYLE\n::cue {}\n\nname\n00:01.000 --> 01:00:02.000 align:start\n<v A>a\n",
            b"zh-cmn-Hant-TW-1996-a-bb-x-c\n" + "1\n00:01,000 --> 00:02,000\nx".encode("utf-16"),
        ],
    ),
    "form": Reader(
        read=_read_form,
        seeds=[
            b"\x20" + form(*chunk_fields(), ("chunk", b"abc")),
            b"\x01" + form(("uploadId", b"k"), ("filename", b"a")),
        ],
    ),
    "head": Reader(
        read=_read_head,
        seeds=[
            b"POST\nTus-Resumable: 1.0.0\nUpload-Length: 10\nUpload-Metadata: filename YQ==,b Yg==",
            b"POST\nTus-Resumable: 1.0.0\nUpload-Defer-Length: 1\nIdempotency-Key: k\nExpect: 100-continue",
            b"PATCH\nTus-Resumable: 1.0.0\nUpload-Offset: 0\nContent-Type: application/offset+octet-stream",
            b"POST\nX-HTTP-Method-Override: DELETE\nTus-Resumable: 1.0.0",
            b"POST\nTus-Resumable: 1.0.0\nUpload-Concat: final;/files/00000000000000000000000000000000 /files/a",
            b"PATCH\nTus-Resumable: 1.0.0\nUpload-Offset: 0\nUpload-Checksum: sha1 Lve95gjOVATpfV8EL5X4nxwjKHE=",
        ],
    ),
    "draft": Reader(
        read=_read_draft_head,
        seeds=[
            b"POST\nUpload-Draft-Interop-Version: 9\nUpload-Complete: ?1;x=1\nUpload-Length: 5",
            b"PATCH\nUpload-Complete: ?0\nUpload-Offset: 0005\nContent-Type: application/partial-upload",
            b"POST\nUpload-Draft-Interop-Version: 3\nUpload-Incomplete: ?0\nWant-Repr-Digest: sha-512=3, sha-256=10",
            b'PUT\nContent-Disposition: inline; filename="a\\"b"; filename*=UTF-8\'\'na%C3%AFve.mp4',
            b"POST\nUpload-Complete: ?1\nRepr-Digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
            b"POST\nContent-Digest: sha-512=:YQ==:, md5=:YQ==:\nUpload-Limit: max-size=1",
        ],
    ),
    "path": Reader(
        read=_read_path,
        seeds=[
            b"/uploads/posters/local/a%20b.mp4",
            b"/files/" + UPLOAD.encode(),
            b"/api/poster/video/chunk",
            b"/%2e%2e/",
        ],
    ),
    "metadata": Reader(read=_read_metadata, seeds=[b"filename YS5iaW4=,flag,empty ", b"a YQ==\nb Yg=="]),
    "JSON": Reader(
        read=_read_json,
        seeds=[
            b'{"filename":"a.mp4","title":"t","description":"d\\n","profile":null}',
            b'{"uploadId":"k","filename":"a","totalChunks":2,"checksum":null}',
            b'{"a":[{"b":[1.5,-2,true,"\\ud83d\\ude00"]}]}',
        ],
    ),
    "URL-encoded form": Reader(read=json_body.form_fields, seeds=[b"uploadId=k&totalChunks=2&filename=a%20b.mp4"]),
    "range": Reader(
        read=_read_ranges,
        seeds=[
            b'Range: bytes=0-9,20-29\nIf-Range: "a"',
            b'Range: bytes=-5\nIf-None-Match: W/"b", *',
            b'If-Modified-Since: Mon, 23 Nov 2026 12:00:00 GMT\nIf-Match: "a"',
        ],
    ),
    "structured field": Reader(
        read=_read_structured,
        seeds=[
            b"?1;x=1",
            b"0005",
            b"max-size=10, max-age=5;a",
            b"sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:, md5=:YQ==:",
            b"inline; filename=\"a\"; filename*=UTF-8''na%C3%AFve.mp4",
        ],
    ),
    "query": Reader(
        read=_read_query,
        seeds=[b"limit=5\nq=a b\nsort=title\ncursor=MTc2NC4wMTIz", b"from=0\nto=9", b"uploadId=k", b"file=true"],
    ),
    "host and origin": Reader(
        read=_read_origin, seeds=[b"localhost:80", b"http://localhost", b"[::1]:9", b"a.example"]
    ),
}
