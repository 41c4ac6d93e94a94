"""The client's own codec: round trips, hostile input, and the form of a chunk."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.addresses import NO_ADDRESSES
from tusvideo_client import ProtocolError, wire

KEYS = st.text(alphabet=[chr(code) for code in range(33, 127) if chr(code) != ","], min_size=1)


@given(st.dictionaries(KEYS, st.text()))
def test_metadata_survives_the_round_trip(pairs: dict[str, str]) -> None:
    """Spec: the Upload-Metadata header consists of comma-separated key and base64 value pairs."""
    assert wire.parse_metadata(wire.build_metadata(pairs)) == pairs


def test_metadata_has_the_form_of_the_specification() -> None:
    """Key, one space, padded standard base64; a key alone where the value is empty; the caller's order."""
    assert wire.build_metadata({"filename": "a.mp4", "draft": ""}) == "filename YS5tcDQ=,draft"


@pytest.mark.parametrize("key", ["", "two words", "a,b", "ä", "a\n"])
def test_a_key_that_cannot_be_sent_is_refused(key: str) -> None:
    """Spec: a key MUST NOT contain spaces and commas and MUST NOT be empty."""
    with pytest.raises(ValueError, match="cannot be sent"):
        wire.build_metadata({key: "x"})


@pytest.mark.parametrize("text", ["a YQ==,a YQ==", "a !!!", "a YQ", ",a YQ==", "a YQ==,"])
def test_metadata_that_is_malformed_is_refused(text: str) -> None:
    """A repeated or empty key and a value that is no base64 are errors, not guesses."""
    with pytest.raises(ValueError, match=r"."):
        wire.parse_metadata(text)


def test_no_metadata_is_an_empty_set() -> None:
    """An empty header value holds no pair."""
    assert wire.parse_metadata(" ") == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        (" 17 ", 17),
        ("9223372036854775807", 2**63 - 1),
        (None, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("007", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 40, None),
    ],
)
def test_whole_numbers(text: str | None, number: int | None) -> None:
    """Only a plain non-negative decimal of at most 19 digits is a number."""
    assert wire.parse_whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        (None, None, None),
        ("7", None, 7.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", None, None),
        ("soon", "Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_measured_by_the_servers_clock(
    text: str | None, date: str | None, seconds: float | None
) -> None:
    """A date in Retry-After is compared with the answer's own Date, never with the clock on this side."""
    assert wire.parse_retry_after(text, date=date) == seconds


def test_a_form_has_its_fields_before_the_file() -> None:
    """The server must be able to judge before it stores a byte."""
    form = wire.build_form(
        [("uploadId", "x"), ("chunkIndex", "0")], boundary="b", file_field="chunk", filename="0.part"
    )
    text = (form.head + b"DATA" + form.tail).decode()
    assert form.content_type == "multipart/form-data; boundary=b"
    assert text == (
        '--b\r\nContent-Disposition: form-data; name="uploadId"\r\n\r\nx\r\n'
        '--b\r\nContent-Disposition: form-data; name="chunkIndex"\r\n\r\n0\r\n'
        '--b\r\nContent-Disposition: form-data; name="chunk"; filename="0.part"\r\n'
        "Content-Type: application/octet-stream\r\n\r\nDATA\r\n--b--\r\n"
    )


@pytest.mark.parametrize(
    ("value", "indexes"),
    [
        ([3, 1, 1], [1, 3]),
        ([[0, 2], 4], [0, 1, 2, 4]),
        ([[3, 10**12]], [3, 4]),
        ([[-(10**12), 0]], [0]),
        ([9, -1, "x", [1], [1, 2, 3], None], []),
        ("01", []),
        (None, []),
    ],
)
def test_chunk_ranges(value: object, indexes: list[int]) -> None:
    """Indexes and pairs are understood, nonsense is left out, and no range costs memory beyond the file's chunks."""
    assert wire.parse_chunk_ranges(value, total=5) == indexes


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"detail": "The file is too large.", "title": "Too large"}', "The file is too large."),
        (b'{"success": false, "error": "No\\nroom"}', "No room"),
        (b'{"title": "Conflict", "detail": ""}', "Conflict"),
        (b"plain words", "plain words"),
        (b"<html>502</html>", None),
        (b'{"code": 1}', None),
        (b"[1]", None),
        (b"\xff\xfe", None),
        (b"", None),
        (b"x" * 999, "x" * 300),
    ],
)
def test_the_reason_in_an_error_answer(body: bytes, reason: str | None) -> None:
    """Problem details, the original API's error field and plain text are shown; markup and noise are not."""
    assert wire.parse_reason(body) == reason


@given(st.binary(max_size=200))
def test_any_body_is_read_without_an_error(body: bytes) -> None:
    """A server's answer may be anything; reading it never fails."""
    assert isinstance(wire.parse_object(body), dict)
    assert wire.parse_reason(body) is None or wire.parse_reason(body)
    assert wire.parse_chunk_ranges(wire.parse_object(base64.b64encode(body)).get("missing"), total=3) == []


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("/files/1", "http://h:81/files/1"),
        ("1", "http://h:81/base/1"),
        ("//g/x", "http://g/x"),
        ("https://g/x?y", "https://g/x?y"),
    ],
)
def test_references_are_resolved_against_the_request(reference: str, url: str) -> None:
    """Spec (RFC 9110 § 10.2.2): Location may be relative."""
    assert wire.resolve("http://h:81/base/", reference) == url


@pytest.mark.parametrize(
    "reference", ["javascript:alert(1)", "https://", "http://[", "http://h:99999/", "/a\x1b[2J", "/a b"]
)
def test_an_address_that_cannot_be_used_is_a_protocol_error(reference: str) -> None:
    """A server that names no HTTP address does not speak the protocol."""
    with pytest.raises(ProtocolError):
        wire.resolve("http://h/", reference)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://h", ("http", "h", 80)),
        ("https://H/x", ("https", "h", 443)),
        ("http://h:8080/", ("http", "h", 8080)),
        ("HTTP://a_b.example.org.:65535", ("http", "a_b.example.org.", 65535)),
        ("http://[::1]:1/x", ("http", "::1", 1)),
        ("http://münchen.example/ä", ("http", "münchen.example", 80)),
        ("http://h:/x", ("http", "h", 80)),
    ],
)
def test_origins(url: str, origin: tuple[str, str, int]) -> None:
    """The default port belongs to the scheme."""
    assert wire.origin_of(url) == origin


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_is_refused_before_anybody_is_asked(url: str) -> None:
    """One sentence for every kind of nonsense: what came, and what was expected; no host is looked up for it.

    Spec: RFC 3986 § 3.2
    """
    with pytest.raises(
        ValueError, match=r"is no server address: expected http://HOST\[:PORT\].* the port from 1 to 65535"
    ):
        wire.origin_of(url)


@pytest.mark.parametrize(
    "url", ["ftp://h/x?token=secret", "h?secret#x", "http://h:99999/#secret?x", "http://[h?secret"]
)
def test_an_address_that_is_refused_is_repeated_without_what_may_be_a_token(url: str) -> None:
    """What stands behind ? and # is for the server alone."""
    with pytest.raises(ValueError, match="is no server address") as refused:
        wire.origin_of(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("text", "sent"), [("Täglich.mp4", "Täglich.mp4"), ("a\udcff.mp4", "a?.mp4")])
def test_names_that_are_no_text_can_be_sent(text: str, sent: str) -> None:
    """A file name may be any bytes; what is no UTF-8 becomes a question mark, never an error."""
    assert wire.sendable(text) == sent


@pytest.mark.parametrize(
    "url", ["http://me:secret@h", "https://secret@h:81/x", "http://me:secret@", "me:secret@h", "ftp://me:secret@h/"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    """It would be shown and stored; the sentence says what to do instead, also for what a server names."""
    with pytest.raises(ValueError, match="leave them out and give a token") as refused:
        wire.origin_of(url)
    assert "secret" not in str(refused.value)
    with pytest.raises(ProtocolError) as named:
        wire.resolve("http://h/", "//me:secret@h/1")
    assert "secret" not in str(named.value)
    assert wire.origin_of("http://h/a@b") == ("http", "h", 80)


def test_the_last_segment_names_the_file() -> None:
    """Percent coding is undone, queries are left out."""
    assert wire.last_segment("http://h/uploads/a%20b.mp4?x=1") == "a b.mp4"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://h/files/1", "http://h/files/1/digest?from=0&to=5"),
        ("http://h/files/1?token=x", "http://h/files/1/digest?token=x&from=0&to=5"),
    ],
)
def test_digests_are_asked_for_below_the_upload(url: str, asked: str) -> None:
    """A capability in the query stays there."""
    assert wire.digest_url(url, start=0, end=5) == asked


@pytest.mark.parametrize(
    ("profile", "address"),
    [
        ("poster", "http://h/api/poster/video/chunk?uploadId=k1"),
        ("a/b?c", "http://h/api/a%2Fb%3Fc/video/chunk?uploadId=k1"),
    ],
)
def test_an_upload_in_chunks_has_its_address_from_its_id(profile: str, address: str) -> None:
    """Whatever a profile is called, it stays one segment of the path."""
    assert wire.chunk_url(wire.chunk_api("http://h", profile=profile), "k1") == address
