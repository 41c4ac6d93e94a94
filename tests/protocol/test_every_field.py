"""Every text that a client sends and that we read: what we would write is read back, and whatever is made of it, the
reader gives a value or refuses it. Each field has more tests of its own; here all of them stand the same attacks."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from tests.protocol.heads import ID, head
from tusvideo.errors import RequestError
from tusvideo.model import client_key, upload_id, user_id
from tusvideo.protocol import (
    concat,
    digest,
    disposition,
    fields,
    integrity,
    interop,
    json_body,
    metadata,
    origin,
    proof,
    ranges,
    structured,
    texts,
    video_list,
    videos_api,
)
from tusvideo.web.multipart import parse_boundary

NUMBERS: Final = st.integers(0, 2**63 - 1).map(str)
HEX: Final = st.text("0123456789abcdef", min_size=32, max_size=32)
NAMES: Final = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\"), min_size=1, max_size=60)
TEXTS: Final = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200)
DATES: Final = st.integers(0, 253_402_300_799).map(lambda at: fields.build_http_date(datetime.fromtimestamp(at, UTC)))
VISIBLE: Final = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=200)
PAIRS: Final = st.dictionaries(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=",="), min_size=1, max_size=20),
    st.binary(max_size=40),
    min_size=1,
    max_size=6,
)
SHA1S: Final = st.binary(min_size=20, max_size=20)
SHA256S: Final = st.binary(min_size=32, max_size=32)
MEMBERS: Final = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), st.integers(0, 10**15 - 1), min_size=1, max_size=5
)
HOSTS: Final = st.tuples(st.sampled_from(["localhost", "127.0.0.1", "[::1]"]), st.integers(1, 65535)).map(
    lambda pair: f"{pair[0]}:{pair[1]}"
)
SPANS: Final = st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda pair: f"bytes={min(pair)}-{max(pair)}")
TAGS: Final = st.lists(VISIBLE.map(lambda text: '"' + text.replace('"', "") + '"'), min_size=1, max_size=4).map(
    ",".join
)


def _headers(**named: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict({name.replace("_", "-"): value for name, value in named.items()}))


def _plan(**named: str) -> ranges.Plan:
    return ranges.plan(
        "GET",
        headers=_headers(**named),
        size=50,
        etag='"a"',
        modified_at=datetime(2026, 1, 1, tzinfo=UTC),
        content_type="video/mp4",
        filename="a.mp4",
        public=True,
    )


def _origin(text: str) -> None:
    origin.check_origin(
        "POST", real_method="POST", origin=text, sec_fetch_site=None, host="localhost", allowed_origins=()
    )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _cursor(pair: tuple[str, int]) -> str:
    return base64.urlsafe_b64encode(f"newest.{pair[0]}.{pair[1]}".encode()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A text on the wire: how it is read, and texts that must be taken."""

    read: Callable[[str], Any]
    good: st.SearchStrategy[str]


FIELDS: Final[dict[str, Field]] = {
    "Upload-Length": Field(read=fields.parse_upload_length, good=NUMBERS),
    "Upload-Offset": Field(read=fields.parse_upload_offset, good=NUMBERS),
    "Upload-Defer-Length": Field(read=fields.parse_upload_defer_length, good=st.just("1")),
    "Upload-Expires": Field(read=fields.parse_upload_expires, good=DATES),
    "Upload-Metadata": Field(read=lambda text: metadata.parse([text]), good=PAIRS.map(metadata.build)),
    "Upload-Checksum": Field(read=fields.parse_upload_checksum, good=SHA1S.map(lambda raw: f"sha1 {_base64(raw)}")),
    "Upload-Concat": Field(
        read=lambda text: concat.parse(text, head=head("POST"), base_path="/files/"),
        good=st.lists(HEX, min_size=1, max_size=4).map(lambda ids: "final;" + " ".join(f"/files/{id_}" for id_ in ids)),
    ),
    "Upload-Draft-Interop-Version": Field(
        read=lambda text: interop.version_of(head("POST", (interop.VERSION_FIELD, text))),
        good=st.integers(0, 12).map(str),
    ),
    "an Integer": Field(read=lambda text: structured.parse_integer([text]), good=NUMBERS),
    "a Boolean": Field(read=lambda text: structured.parse_boolean([text]), good=st.sampled_from(["?0", "?1;a=b"])),
    "a Dictionary": Field(
        read=lambda text: structured.parse_dictionary([text], int), good=MEMBERS.map(structured.build_dictionary)
    ),
    "Repr-Digest": Field(
        read=lambda text: integrity.parse_digest([text], field="Repr-Digest"),
        good=SHA256S.map(lambda raw: f"sha-256=:{_base64(raw)}:"),
    ),
    "Content-Digest": Field(
        read=lambda text: integrity.parse_content_digest([text]),
        good=SHA256S.map(lambda raw: f"md5=:YQ==:, sha-256=:{_base64(raw)}:"),
    ),
    "Want-Repr-Digest": Field(
        read=lambda text: integrity.parse_wanted([text]), good=st.integers(0, 10).map(lambda wish: f"sha-512={wish}")
    ),
    "Content-Disposition": Field(
        read=disposition.parse_filename, good=NAMES.map(lambda name: f"inline; filename*=UTF-8''{quote(name)}")
    ),
    "boundary": Field(
        read=parse_boundary,
        good=st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True).map(
            lambda text: f"multipart/form-data; boundary={text}"
        ),
    ),
    "from": Field(read=lambda text: proof.parse(head("GET", query=[("from", text)]), upload_id=ID), good=NUMBERS),
    "q": Field(
        read=lambda text: video_list.parse_list(head("GET", query=[("q", text)]), profiles=()), good=st.just("holiday")
    ),
    "limit": Field(
        read=lambda text: video_list.parse_list(head("GET", query=[("limit", text)]), profiles=()),
        good=st.integers(1, 100).map(str),
    ),
    "Tus-Resumable": Field(read=fields.parse_tus_resumable, good=st.just("1.0.0")),
    "Idempotency-Key": Field(read=fields.parse_idempotency_key, good=VISIBLE),
    "Expect": Field(read=fields.parse_expect, good=st.sampled_from(["100-continue", "100-Continue"])),
    "X-HTTP-Method-Override": Field(
        read=lambda text: fields.effective_method("POST", _headers(X_HTTP_Method_Override=text)),
        good=st.sampled_from([*fields.METHODS, "patch", ""]),
    ),
    "Content-Type": Field(
        read=lambda text: fields.is_content_type(text, fields.OFFSET_TYPE), good=st.just(fields.OFFSET_TYPE)
    ),
    "Host": Field(read=lambda text: origin.check_host(text, allowed_hosts=()), good=HOSTS),
    "Origin": Field(read=_origin, good=st.just("http://localhost")),
    "Range": Field(read=lambda text: _plan(Range=text), good=SPANS),
    "If-Range": Field(read=lambda text: _plan(Range="bytes=0-1", If_Range=text), good=DATES),
    "If-None-Match": Field(read=lambda text: _plan(If_None_Match=text), good=TAGS),
    "If-Match": Field(read=lambda text: _plan(If_Match=text), good=TAGS),
    "If-Modified-Since": Field(read=lambda text: _plan(If_Modified_Since=text), good=DATES),
    "If-Unmodified-Since": Field(read=lambda text: _plan(If_Unmodified_Since=text), good=DATES),
    "upload id": Field(read=upload_id, good=HEX),
    "user id": Field(read=user_id, good=NAMES.filter(lambda text: len(text.encode()) <= 120)),
    "uploadId": Field(read=client_key, good=st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True)),
    "checksum": Field(
        read=lambda text: digest.parse_sha256(text, field="checksum"), good=HEX.map(lambda half: half * 2)
    ),
    "title": Field(read=texts.parse_title, good=TEXTS.map(lambda text: f"a{text}"[:200])),
    "description": Field(read=texts.parse_description, good=TEXTS),
    "filename": Field(read=texts.parse_original_name, good=NAMES.filter(lambda name: name not in {".", ".."})),
    "stored filename": Field(read=texts.parse_stored_name, good=NAMES.filter(lambda name: name not in {".", ".."})),
    "video id": Field(read=videos_api.parse_video_id, good=HEX),
    "cursor": Field(
        read=video_list.parse_cursor, good=st.tuples(HEX, st.integers(0, 253_402_300_799_999)).map(_cursor)
    ),
    "JSON": Field(
        read=lambda text: json_body.parse_object(text.encode("utf-8", "surrogatepass")),
        good=st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(-(10**18), 10**18), st.none())).map(json.dumps),
    ),
    "form": Field(
        read=lambda text: json_body.form_fields(text.encode("utf-8", "surrogatepass")),
        good=st.lists(NUMBERS, min_size=1, max_size=9).map(lambda found: "&".join(f"a={value}" for value in found)),
    ),
}
ON_THE_WIRE: Final = st.binary(max_size=300).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
"""As header fields reach us: bytes that are no UTF-8 become lone surrogates."""

every_field = pytest.mark.parametrize("field", [pytest.param(field, id=name) for name, field in FIELDS.items()])


def taken_or_refused(field: Field, text: str) -> None:
    """Read a text; anything but a value or a RequestError is a fault of ours."""
    refusal = ""
    try:
        field.read(text)
    except RequestError as error:
        refusal = str(error)
    assert refusal == "" or refusal.isprintable()
    assert len(refusal) < 1000


@every_field
@given(data=st.data())
def test_what_may_be_sent_is_taken(field: Field, data: st.DataObject) -> None:
    """A text that follows the rules of its field is never refused."""
    field.read(data.draw(field.good))


@every_field
@settings(max_examples=25)
@given(data=st.data())
def test_every_truncation_is_taken_or_refused(field: Field, data: st.DataObject) -> None:
    """A text that was cut anywhere, from either end, gives a value or a refusal."""
    text = data.draw(field.good)
    for at in range(len(text) + 1):
        taken_or_refused(field, text[:at])
        taken_or_refused(field, text[at:])


@every_field
@given(text=st.one_of(st.text(max_size=300), ON_THE_WIRE))
@example(text="")
@example(text="\0")
@example(text="9" * 70_000)
@example(text="," * 70_000)
@example(text="\ud800")
@example(text="\r\nX: y")
def test_any_text_is_taken_or_refused(field: Field, text: str) -> None:
    """Whatever comes, no other exception than a refusal leaves the reader, and no refusal is long or unprintable."""
    taken_or_refused(field, text)


@every_field
@settings(max_examples=50)
@given(data=st.data())
def test_a_good_text_with_a_foreign_byte_is_taken_or_refused(field: Field, data: st.DataObject) -> None:
    """One character replaced, put in or doubled."""
    text = data.draw(field.good)
    at = data.draw(st.integers(0, len(text)))
    foreign = data.draw(st.one_of(st.characters(), st.sampled_from(["\udcff", "\0", "\r\n", " ", '"', ",", "=", "%"])))
    for mutant in (text[:at] + foreign + text[at + 1 :], text[:at] + foreign + text[at:], text + text):
        taken_or_refused(field, mutant)


@given(members=MEMBERS)
def test_a_dictionary_that_we_write_is_read_back(members: dict[str, int]) -> None:
    """Upload-Limit, and the wishes for digests."""
    assert structured.parse_dictionary([structured.build_dictionary(members)], int) == members


@given(raw=SHA256S)
def test_a_digest_that_we_write_is_read_back(raw: bytes) -> None:
    """Repr-Digest."""
    digests = (("sha-256", raw.hex()),)
    assert integrity.parse_digest([integrity.build_digest(digests)], field="Repr-Digest") == digests


@given(name=NAMES)
def test_a_name_in_either_form_is_read_back(name: str) -> None:
    """Content-Disposition: quoted, and as an extended value."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert disposition.parse_filename(f"inline; filename*=UTF-8''{quote(name, safe='')}") == name
    assert disposition.parse_filename(f'attachment; filename="{quoted}"') == name


@given(raw=SHA1S)
def test_a_checksum_that_we_write_is_read_back(raw: bytes) -> None:
    """Upload-Checksum."""
    checksum = fields.parse_upload_checksum(f"sha1 {_base64(raw)}")
    assert fields.build_upload_checksum(checksum) == ("Upload-Checksum", f"sha1 {_base64(raw)}")
