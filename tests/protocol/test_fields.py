"""Header fields: numbers, dates, media types, keys; one spelling in, the same spelling out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.errors import ExpectationFailed, InvalidField, UnsupportedVersion
from tusvideo.protocol import fields

DATES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 Hypothesis wants the bounds naive
    lambda moment: moment.replace(microsecond=0)
)


@given(st.integers(0, 2**63 - 1))
def test_a_number_survives_the_round_trip(number: int) -> None:
    """G-02: what is written is what is read, over the whole range."""
    assert fields.parse_number(fields.build_number(number), field="Upload-Offset") == number


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="realistic: empty"),
        pytest.param("-1", id="realistic: negative"),
        pytest.param("abc", id="realistic: no number"),
        pytest.param("1.0", id="realistic: fraction"),
        pytest.param("NaN", id="realistic: a broken script's NaN"),
        pytest.param("1e1", id="synthetic: exponent"),
        pytest.param("0x0", id="synthetic: hexadecimal"),
        pytest.param("00", id="synthetic: leading zero (S-02)"),
        pytest.param("010", id="synthetic: octal look (S-03)"),
        pytest.param("+1", id="synthetic: plus sign"),
        pytest.param("1_0", id="synthetic: Python's underscore"),
        pytest.param("5 5", id="synthetic: two numbers"),
        pytest.param("5,5", id="synthetic: joined lines"),
        pytest.param(" 5", id="synthetic: space before"),
        pytest.param("5\n", id="synthetic: line break after"),
        pytest.param("١٢", id="pathological: Arabic digits"),
        pytest.param("²", id="pathological: superscript"),
        pytest.param("9223372036854775808", id="pathological: 2^63"),
        pytest.param("9999999999999999999", id="pathological: 19 digits above 2^63"),
        pytest.param("9" * 200, id="pathological: 200 digits"),
        pytest.param("9" * 60_000, id="pathological: digits as long as a header may be"),
    ],
)
def test_a_number_has_one_spelling(text: str) -> None:
    """P-14, P-15, C-07, C-08: everything but a plain non-negative integer up to 2^63 - 1 is refused."""
    with pytest.raises(InvalidField, match="Upload-Offset"):
        fields.parse_upload_offset(text)


def test_the_error_names_its_field() -> None:
    """A refused length speaks of Upload-Length, not of numbers in general."""
    with pytest.raises(InvalidField, match="Upload-Length cannot be used: expected a whole number"):
        fields.parse_upload_length("x")


@given(st.text())
def test_any_text_is_a_number_or_refused(text: str) -> None:
    """G-07: random text gives a number or InvalidField, never another exception."""
    try:
        assert 0 <= fields.parse_number(text, field="x") < 2**63
    except InvalidField:
        assert not (text.isascii() and text.isdigit() and str(int(text)) == text and int(text) < 2**63)


def test_built_fields_carry_their_names() -> None:
    """Every builder gives the pair that goes on the wire."""
    assert fields.build_upload_length(7) == ("Upload-Length", "7")
    assert fields.build_upload_offset(0) == ("Upload-Offset", "0")
    assert fields.build_upload_defer_length() == ("Upload-Defer-Length", "1")
    assert fields.build_tus_resumable() == ("Tus-Resumable", "1.0.0")


@pytest.mark.parametrize("text", ["0", "2", "true", "", "1 ", "01"])
def test_defer_length_is_one(text: str) -> None:
    """L-02: the only value of Upload-Defer-Length is 1."""
    fields.parse_upload_defer_length("1")
    with pytest.raises(InvalidField):
        fields.parse_upload_defer_length(text)


@pytest.mark.parametrize("text", ["1.0.0", " 1.0.0 ", "\t1.0.0"])
def test_version_is_trimmed(text: str) -> None:
    """V-08: spaces around Tus-Resumable do not count."""
    assert fields.parse_tus_resumable(text) == "1.0.0"


@pytest.mark.parametrize("text", ["1.0", "0.2.2", "2.0.0", "1.0.0,0.2.2", "", "1.0.00", "1。0。0"])
def test_other_versions_are_refused(text: str) -> None:
    """V-01, V-08: any other version is UnsupportedVersion, and the error tells which would do."""
    with pytest.raises(UnsupportedVersion) as caught:
        fields.parse_tus_resumable(text)
    assert caught.value.supported == ("1.0.0",)


@given(DATES)
def test_a_date_survives_the_round_trip(moment: datetime) -> None:
    """X-01: an IMF-fixdate is written and read alike, for every second of every year."""
    name, text = fields.build_upload_expires(moment)
    assert name == "Upload-Expires"
    assert fields.parse_upload_expires(text) == moment


def test_a_date_is_in_gmt_and_whole_seconds() -> None:
    """X-01: other time zones are converted, fractions cut off."""
    moment = datetime(1994, 11, 6, 9, 49, 37, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert fields.build_http_date(moment) == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", id="realistic: RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", id="realistic: asctime"),
        pytest.param("1994-11-06T08:49:37Z", id="realistic: RFC 3339"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 UTC", id="realistic: UTC for GMT"),
        pytest.param("Mon, 06 Nov 1994 08:49:37 GMT", id="synthetic: wrong day of the week"),
        pytest.param("Sun, 06 Foo 1994 08:49:37 GMT", id="synthetic: no such month"),
        pytest.param("Sun, 31 Feb 1994 08:49:37 GMT", id="synthetic: no such day"),
        pytest.param("Sun, 06 Nov 1994 24:00:00 GMT", id="synthetic: no such hour"),
        pytest.param("Sun, 06 Nov 0000 08:49:37 GMT", id="synthetic: no such year"),
        pytest.param("Sun, ٠٦ Nov 1994 08:49:37 GMT", id="pathological: Arabic digits"),
        pytest.param("", id="pathological: empty"),
    ],
)
def test_other_dates_are_refused(text: str) -> None:
    """Only IMF-fixdate is read; a date that does not exist is none."""
    with pytest.raises(InvalidField):
        fields.parse_http_date(text, field="If-Modified-Since")


def test_every_truncation_of_a_date_is_refused() -> None:
    """A date that was cut anywhere is no date."""
    text = "Sun, 06 Nov 1994 08:49:37 GMT"
    for length in range(len(text)):
        with pytest.raises(InvalidField):
            fields.parse_http_date(text[:length], field="Date")


def test_timestamps_of_json_are_utc_with_milliseconds() -> None:
    """Times in JSON are RFC 3339 in UTC, always with three digits of a second."""
    moment = datetime(2026, 11, 23, 13, 0, 0, 1_999, tzinfo=timezone(timedelta(hours=1)))
    assert fields.build_timestamp(moment) == "2026-11-23T12:00:00.001Z"


@pytest.mark.parametrize(
    "value",
    [
        "application/offset+octet-stream",
        "APPLICATION/Offset+Octet-Stream",
        "application/offset+octet-stream; charset=binary",
        " application/offset+octet-stream\t;x=y",
    ],
)
def test_media_types_compare_without_case_and_parameters(value: str) -> None:
    """P-10: media types are case-insensitive and their parameters are ignored."""
    assert fields.is_content_type(value, fields.OFFSET_TYPE)


@pytest.mark.parametrize("value", [None, "", "text/plain", "application/offset", "x; application/offset+octet-stream"])
def test_other_media_types_do_not_match(value: str | None) -> None:
    """P-08, P-09: another type, and no type, is not the offset type."""
    assert not fields.is_content_type(value, fields.OFFSET_TYPE)


@pytest.mark.parametrize(("value", "waits"), [(None, False), ("100-continue", True), (" 100-Continue ", True)])
def test_expect_asks_for_continue(value: str | None, waits: bool) -> None:
    """P-22: 100-continue is the one expectation, in any case."""
    assert fields.parse_expect(value) is waits


@pytest.mark.parametrize("value", ["", "something", "100-continue, 100-continue", "200-ok"])
def test_other_expectations_fail(value: str) -> None:
    """S-29: any other expectation is refused."""
    with pytest.raises(ExpectationFailed):
        fields.parse_expect(value)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=200))
def test_idempotency_keys_are_taken_as_they_are(key: str) -> None:
    """C-17: 1 to 200 visible ASCII characters come back unchanged."""
    assert fields.parse_idempotency_key(key) == key


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "a\n", "ä", "\x7f", "\ud800"])
def test_other_idempotency_keys_are_refused(key: str) -> None:
    """C-17: an empty, long, spaced or non-ASCII key is refused rather than cut."""
    with pytest.raises(InvalidField):
        fields.parse_idempotency_key(key)


@given(st.binary())
def test_form_text_is_utf8_or_refused(raw: bytes) -> None:
    """G-07: bytes of a form field are text in UTF-8, or InvalidField."""
    try:
        text = fields.decode_text(raw, field="uploadId")
    except InvalidField:
        text = ""
    assert text.encode() == raw or "\ufffd" in raw.decode(errors="replace")


def test_form_text_that_is_latin1_is_refused() -> None:
    """A field in another encoding is refused with its name."""
    with pytest.raises(InvalidField, match="filename cannot be used: expected text in UTF-8"):
        fields.decode_text(b"caf\xe9", field="filename")
