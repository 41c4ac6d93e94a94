"""Heads of the IETF dialect: creation, append, offset retrieval, cancellation; numbers are those of the fact sheet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import ID, head
from tests.protocol.ietf_heads import EVERY_VERSION, FULL, MORE, PARTIAL, append, create, number_of, parse
from tusvideo.commands import AppendBytes, CreateUpload, QueryUpload, TerminateUpload
from tusvideo.errors import (
    InconsistentLength,
    InvalidField,
    MethodNotAllowed,
    MissingField,
    TooSmall,
    TusvideoError,
    UnsupportedCoding,
    UnsupportedDigest,
    UnsupportedType,
)
from tusvideo.model import Limits, Protocol
from tusvideo.protocol.interop import UNANNOUNCED, VERSIONS, Version

AT_FIVE = ("Upload-Offset", "5")
DIGEST = ("Repr-Digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:")
SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


# --- creation ----------------------------------------------------------------------------------------------------


def test_a_whole_file_in_one_request() -> None:
    """IETF 25: optimistic creation; the content decides the length."""
    assert create(FULL, content_length=5, has_body=True) == CreateUpload(
        protocol=Protocol.IETF,
        profile="files",
        length=5,
        body_length=5,
        takes_body=True,
        completes=True,
        needs_completion=True,
    )


def test_a_whole_file_of_unknown_size() -> None:
    """IETF 80: a chunked body; nobody knows the length before its end."""
    command = create(FULL, has_body=True)
    assert (command.length, command.body_length, command.completes) == (None, None, True)


def test_an_empty_file() -> None:
    """IETF 33: ?1 without content is an empty file."""
    command = create(FULL, content_length=0)
    assert (command.length, command.body_length, command.takes_body, command.completes) == (0, 0, True, True)


def test_an_empty_creation() -> None:
    """IETF 30: careful creation stores nothing."""
    command = create(MORE)
    assert (command.length, command.body_length, command.takes_body, command.completes) == (None, 0, False, False)


def test_a_creation_with_the_first_bytes() -> None:
    """IETF 31: 25 bytes of 100."""
    command = create(MORE, ("Upload-Length", "100"), content_length=25, has_body=True)
    assert (command.length, command.body_length, command.takes_body, command.completes) == (100, 25, True, False)


def test_a_length_that_cannot_be_read_is_unknown() -> None:
    """IETF 8: as if the field were absent."""
    assert create(MORE, ("Upload-Length", "abc")).length is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_any_method_with_content_creates(method: str) -> None:
    """IETF 39, 40: the draft binds creation to no method."""
    assert create(MORE, method=method).protocol is Protocol.IETF


def test_other_methods_do_not() -> None:
    """405 with those that do."""
    with pytest.raises(MethodNotAllowed) as refusal:
        create(MORE, method="DELETE")
    assert refusal.value.allowed == ("OPTIONS", "PATCH", "POST", "PUT")


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ((FULL, ("Upload-Length", "100")), 5),
        ((FULL, ("Upload-Length", "4")), 5),
        ((MORE, ("Upload-Length", "4")), 5),
        ((FULL, ("Upload-Length", "5")), 0),
    ],
)
def test_lengths_that_contradict_are_refused(fields: tuple[tuple[str, str], ...], size: int) -> None:
    """IETF 34: told by the head, so before a byte is read."""
    with pytest.raises(InconsistentLength):
        create(*fields, content_length=size, has_body=size > 0)


def test_a_length_that_a_chunked_body_may_reach() -> None:
    """IETF 35: only the end of the body can tell."""
    assert create(FULL, ("Upload-Length", "10"), has_body=True).length == 10


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_when_an_upload_is_complete(version: Version) -> None:
    """IETF 68, 69: by its length in versions 5 and 6, because of the clients that speak them; else when told."""
    name, value = version.completeness_field(False)
    assert create((name, value), version=version).needs_completion is (version.number not in {5, 6})


@pytest.mark.parametrize(
    ("announces", "fields", "forgets"),
    [
        (True, (), False),
        (False, (), True),
        (False, (("Idempotency-Key", "k-1"),), False),
        (True, (("Idempotency-Key", "k-1"),), False),
    ],
)
def test_what_nobody_can_come_back_to_is_not_kept(
    announces: bool, fields: tuple[tuple[str, str], ...], forgets: bool
) -> None:
    """Without an interim answer and without a key, the client of a cut creation knows no address."""
    assert create(FULL, *fields, announces=announces).forgets_cut is forgets


def test_the_file_and_its_texts() -> None:
    """IETF 41: the name from Content-Disposition; profile and texts as tus has them, or from the query."""
    request = head(
        "POST",
        FULL,
        ("Content-Disposition", "inline; filename*=UTF-8''na%C3%AFve.mp4"),
        ("Idempotency-Key", "key-1"),
        query=[("profile", "poster"), ("title", " Holiday "), ("description", "At the sea"), ("replaces", "a" * 32)],
        content_length=0,
    )
    command = parse(request, name="path.mp4")
    assert isinstance(command, CreateUpload)
    assert (command.profile, command.original_name, command.title) == ("poster", "naïve.mp4", "Holiday")
    assert command.replaces == "a" * 32
    assert (command.description, command.creation_key) == ("At the sea", "key-1")


@pytest.mark.parametrize(
    ("fields", "query", "name", "expected"),
    [
        ((), (), None, None),
        ((), (), "path.mp4", "path.mp4"),
        ((), [("filename", "query.mp4")], "path.mp4", "query.mp4"),
        ((("Upload-Metadata", "filename bWV0YS5tcDQ="),), [("filename", "query.mp4")], None, "meta.mp4"),
        ((("Content-Disposition", "inline; filename=d.mp4"), ("Upload-Metadata", "name bQ==")), (), None, "d.mp4"),
        ((("Content-Disposition", 'inline; filename="\udce9.mp4"'),), (), None, "\ufffd.mp4"),
        ((("Content-Disposition", f"inline; filename={'x' * 5000}"),), (), None, "x" * 1024),
    ],
)
def test_where_the_name_comes_from(
    fields: tuple[tuple[str, str], ...], query: list[tuple[str, str]], name: str | None, expected: str | None
) -> None:
    """IETF 42: foreign text that a database can keep, of a bounded size; what it is on disk is decided elsewhere."""
    command = parse(head("POST", MORE, *fields, query=query), name=name)
    assert isinstance(command, CreateUpload)
    assert command.original_name == expected


@pytest.mark.parametrize(
    ("fields", "query"),
    [((), [("profile", "nothing")]), ((), [("title", "\x00")]), ((("Upload-Metadata", "a b"),), [])],
)
def test_texts_that_cannot_be_used(fields: tuple[tuple[str, str], ...], query: list[tuple[str, str]]) -> None:
    """As in tus: refused before anything is made."""
    with pytest.raises(InvalidField):
        parse(head("POST", MORE, *fields, query=query))


def test_a_digest_of_the_whole_is_claimed() -> None:
    """IETF 114: Repr-Digest and Want-Repr-Digest; what is to be verified has to be said to be whole."""
    command = create(MORE, DIGEST, ("Want-Repr-Digest", "sha-512=5"), version=VERSIONS[6])
    assert (command.digests, command.wants_digest) == ((("sha-256", SHA256),), "sha-512")
    assert command.needs_completion
    assert create(MORE, ("Want-Repr-Digest", "sha-512=5"), version=VERSIONS[6]).needs_completion
    with pytest.raises(UnsupportedDigest):
        create(MORE, ("Repr-Digest", "md5=:YQ==:"))


@pytest.mark.parametrize("make", [create, append])
def test_bytes_are_stored_as_they_come(make: type) -> None:
    """Any coding of bytes that are stored is refused."""
    with pytest.raises(UnsupportedCoding):
        make(FULL, AT_FIVE, ("Content-Encoding", "gzip"), content_length=5, has_body=True)


# --- append ------------------------------------------------------------------------------------------------------


def test_an_append() -> None:
    """IETF 57: bytes at an offset, and more to come."""
    assert append(MORE, AT_FIVE, content_length=10, has_body=True) == AppendBytes(
        protocol=Protocol.IETF, upload_id=ID, at_offset=5, body_length=10
    )


def test_the_last_append() -> None:
    """IETF 64, 71: complete with this body; the length may be told again."""
    command = append(FULL, AT_FIVE, ("Upload-Length", "15"), has_body=True)
    assert (command.completes, command.declares_length, command.body_length) == (True, 15, None)


def test_an_append_of_nothing() -> None:
    """IETF 65: an empty body ends the upload."""
    command = append(FULL, AT_FIVE)
    assert (command.completes, command.body_length) == (True, 0)


@pytest.mark.parametrize("text", ["-1", "5.0", "+5", "9999999999999999", '"5"', "5, 5", ""])
def test_an_offset_that_cannot_be_read_is_missing(text: str) -> None:
    """IETF 4, 5, 6, 7, 61: the field is as if absent, and an append needs it."""
    with pytest.raises(MissingField, match="Upload-Offset"):
        append(MORE, ("Upload-Offset", text))


def test_leading_zeros_are_fine() -> None:
    """IETF 9: other than in tus."""
    assert append(MORE, ("Upload-Offset", "0005")).at_offset == 5


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_an_append_that_does_not_say_whether_it_is_the_last(version: Version) -> None:
    """IETF 62, 100: it is the last one in the old versions, and malformed in the new ones."""
    if version.number in {3, 4, 5, 6}:
        assert append(AT_FIVE, version=version).completes
        return
    with pytest.raises(MissingField, match="Upload-Complete"):
        append(AT_FIVE, version=version)


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
@pytest.mark.parametrize("fields", [(), (("Content-Type", "application/octet-stream"),)])
def test_the_media_type_of_an_append(version: Version, fields: tuple[tuple[str, str], ...]) -> None:
    """IETF 63, 100, 102: application/partial-upload since version 6."""
    request = head("PATCH", AT_FIVE, version.completeness_field(False), *fields)
    if version.number in {3, 4, 5}:
        assert isinstance(parse(request, version=version, upload_id=ID), AppendBytes)
        return
    with pytest.raises(UnsupportedType, match="application/partial-upload"):
        parse(request, version=version, upload_id=ID)


# --- the others --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_offset_retrieval(method: str, version: Version) -> None:
    """IETF 47, 51, 90: whoever announced a version wants the transfer stopped first; anybody else disturbs nobody."""
    command = parse(head(method), version=version, upload_id=ID)
    assert command == QueryUpload(upload_id=ID, stops_transfer=version is not UNANNOUNCED)


def test_cancellation() -> None:
    """IETF 86: DELETE needs no fields."""
    assert parse(head("DELETE"), upload_id=ID) == TerminateUpload(upload_id=ID)


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
@pytest.mark.parametrize("name", ["Upload-Offset", "Upload-Length", "Upload-Complete"])
@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_fields_that_have_no_place_on_a_query(method: str, name: str, version: Version) -> None:
    """IETF 56: refused up to version 6, ignored since."""
    named = version.completeness if name == "Upload-Complete" else name
    request = head(method, (named, "?0"))
    if version.number in {3, 4, 5, 6}:
        with pytest.raises(InvalidField, match=named):
            parse(request, version=version, upload_id=ID)
        return
    parse(request, version=version, upload_id=ID)


def test_other_methods_on_an_upload() -> None:
    """405 with those that apply."""
    with pytest.raises(MethodNotAllowed) as refusal:
        parse(head("PUT"), upload_id=ID)
    assert refusal.value.allowed == ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "Upload-Offset",
                    "Upload-Length",
                    "Upload-Complete",
                    "Repr-Digest",
                    "Want-Repr-Digest",
                    "Content-Disposition",
                    "Upload-Metadata",
                    "Idempotency-Key",
                ]
            ),
            st.text(max_size=20) | st.sampled_from(["?1", "?0", "5", "sha-256=:YQ==:"]),
        ),
        max_size=5,
    ),
    st.sampled_from(EVERY_VERSION),
    st.sampled_from(["POST", "PATCH"]),
)
def test_any_head_is_a_command_or_refused(fields: list[tuple[str, str]], version: Version, method: str) -> None:
    """Whatever the fields hold, only protocol errors come out."""
    for upload_id in (None, ID):
        try:
            parse(head(method, PARTIAL, *fields), version=version, upload_id=upload_id)
        except TusvideoError:
            continue


# --- limits of one request ---------------------------------------------------------------------------------------


NARROW = Limits(max_append_bytes=100, min_append_bytes=10)


@pytest.mark.parametrize(
    ("fields", "size", "fits"),
    [
        ((MORE,), 0, True),
        ((MORE,), 9, False),
        ((MORE,), 10, True),
        ((MORE, ("Upload-Length", "9")), 9, True),
        ((MORE, ("Upload-Length", "12")), 9, False),
        ((FULL,), 9, True),
    ],
)
def test_a_creation_with_a_crumb(fields: tuple[tuple[str, str], ...], size: int, fits: bool) -> None:
    """IETF 20, 22: one without content, and one that brings all there is, may be as small as it likes."""
    request = head("POST", *fields, content_length=size, has_body=bool(size))
    if fits:
        assert isinstance(parse(request, limits=NARROW), CreateUpload)
    else:
        with pytest.raises(TooSmall, match="at least 10 bytes"):
            parse(request, limits=NARROW)


def test_limits_of_a_request_go_with_it() -> None:
    """IETF 17, 18, 20: whoever knows the upload judges by them."""
    created = parse(head("POST", MORE, content_length=50, has_body=True), limits=NARROW)
    assert isinstance(created, CreateUpload)
    assert created.body_at_most == 100
    request = head("PATCH", PARTIAL, MORE, ("Upload-Offset", "0"), content_length=5, has_body=True)
    appended = parse(request, upload_id=ID, limits=NARROW)
    assert isinstance(appended, AppendBytes)
    assert (appended.body_at_most, appended.body_at_least) == (100, 10)
    assert append(MORE, ("Upload-Offset", "0"), content_length=5, has_body=True).body_at_most is None
