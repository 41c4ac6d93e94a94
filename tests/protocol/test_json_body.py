"""Small bodies: JSON objects and URL-encoded forms, whatever comes."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.errors import InvalidField, TooLarge, TusvideoError
from tusvideo.protocol import json_body

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FORMS = st.lists(st.tuples(st.text(), st.text()), max_size=json_body.MAX_FIELDS)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_an_object_survives_the_round_trip(document: dict[str, object]) -> None:
    """What is written is read back."""
    assert json_body.parse_object(json_body.render(document).body) == document


def test_utf8_is_read() -> None:
    """Text in UTF-8 and escaped text are the same."""
    assert json_body.parse_object('{"a":"ф😀","b":"\\u0444\\ud83d\\ude00"}'.encode()) == {"a": "ф😀", "b": "ф😀"}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="realistic: empty"),
        pytest.param(b"title=x", id="realistic: a form"),
        pytest.param(b"{'title': 'x'}", id="realistic: single quotes"),
        pytest.param(b'{"title": "x",}', id="realistic: trailing comma"),
        pytest.param(b'{"title": "x"} {}', id="synthetic: two objects"),
        pytest.param(b'{"title": "a\nb"}', id="synthetic: a raw line break"),
        pytest.param(b'["title"]', id="synthetic: an array"),
        pytest.param(b"null", id="synthetic: null"),
        pytest.param(b'"title"', id="synthetic: a string"),
        pytest.param(b"5", id="synthetic: a number"),
        pytest.param(b'{"a": 1, "a": 2}', id="synthetic: a key twice"),
        pytest.param(b'{"a": {"b": 1, "b": 2}}', id="synthetic: an inner key twice"),
        pytest.param(b'{"a": NaN}', id="synthetic: NaN"),
        pytest.param(b'{"a": Infinity}', id="synthetic: Infinity"),
        pytest.param(b'{"a": -Infinity}', id="synthetic: -Infinity"),
        pytest.param(b'{"a": 1e400}', id="pathological: a float that is infinite"),
        pytest.param(b'{"a": 1.' + b"1" * 50_000 + b"}", id="pathological: a long fraction"),
        pytest.param(b'{"a": 12345678901234567890}', id="pathological: 20 digits"),
        pytest.param(b'{"a": -' + b"9" * 60_000 + b"}", id="pathological: 60,000 digits"),
        pytest.param(b'{"a": "\\ud800"}', id="pathological: half a surrogate pair"),
        pytest.param(b'{"\\udc00": 1}', id="pathological: the other half, as a key"),
        pytest.param(b'{"a": "\xff"}', id="pathological: no UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="pathological: UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="pathological: byte order mark"),
        pytest.param(b"[" * 60_000, id="pathological: 60,000 brackets"),
        pytest.param(b'{"a":' * 10_000, id="pathological: 10,000 objects in each other"),
        pytest.param(b'{"a":' + b"[" * 16 + b"]" * 16 + b"}", id="synthetic: 17 levels"),
        pytest.param(b'"' + b'\\"' * 30_000, id="pathological: a string of quotes without an end"),
    ],
)
def test_other_bodies_are_refused(raw: bytes) -> None:
    """JSON bombs and everything that is not one unambiguous object is InvalidField, at once."""
    with pytest.raises(InvalidField, match="the JSON body cannot be used: expected one JSON object"):
        json_body.parse_object(raw)


def test_sixteen_levels_are_fine() -> None:
    """The bound on depth is a bound, and brackets in strings do not count."""
    raw = b'{"b":"' + b"[" * 100 + b'\\"{{","a":' + b"[" * 15 + b"]" * 15 + b"}"
    assert json_body.parse_object(raw)["b"] == "[" * 100 + '"{{'


def test_nineteen_digits_are_fine() -> None:
    """Every number that fits 63 bits is read as it is."""
    assert json_body.parse_object(b'{"a": 9223372036854775807, "b": -5, "c": 1.5}') == {
        "a": 2**63 - 1,
        "b": -5,
        "c": 1.5,
    }


def test_a_body_has_a_bound() -> None:
    """More than 64 KiB are refused before they are looked at."""
    with pytest.raises(TooLarge) as caught:
        json_body.parse_object(b" " * 65_537)
    assert caught.value.limit == 65_536
    assert json_body.parse_object(b"{}" + b" " * 65_534) == {}


def test_every_truncation_is_refused() -> None:
    """A body that was cut anywhere is no object."""
    raw = '{"title": "ф\\n", "list": [1, -2.5e3, true, null], "o": {"k": "v"}}'.encode()
    for length in range(len(raw)):
        with pytest.raises(InvalidField):
            json_body.parse_object(raw[:length])


@given(st.binary() | st.text().map(str.encode) | st.text('{}[]",:\\u0e+-. "a1').map(str.encode))
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    """G-07: random bytes give an object that can be written again, or one of our errors."""
    try:
        document = json_body.parse_object(raw)
    except TusvideoError:
        return
    assert json.loads(json_body.render(document).body) == document


def test_an_answer_is_ascii() -> None:
    """Answers are JSON in ASCII with their content type, and the fields that go with them."""
    answer = json_body.render({"title": "ф\u2028"}, status=201, headers=(("Location", "/x"),))
    assert answer.status == 201
    assert answer.headers == (("Content-Type", "application/json"), ("Location", "/x"))
    assert answer.body == b'{"title":"\\u0444\\u2028"}'


@given(FORMS)
def test_a_form_survives_the_round_trip(pairs: list[tuple[str, str]]) -> None:
    """Names and values come back, repeated ones in order."""
    found = json_body.form_fields(urlencode(pairs).encode())
    assert {name: list(values) for name, values in found.items()} == {
        name: [value for other, value in pairs if other == name] for name, _ in pairs
    }


def test_an_empty_form_has_no_fields() -> None:
    """No bytes are no fields, and the error that follows names what is missing."""
    assert json_body.form_fields(b"") == {}
    assert json_body.form_fields(b"uploadId=") == {"uploadId": [""]}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"uploadId", id="realistic: no value"),
        pytest.param(b"a=1&&b=2", id="synthetic: an empty pair"),
        pytest.param(b"a=%ff", id="pathological: escaped bytes that are no UTF-8"),
        pytest.param(b"a=\xff", id="pathological: bytes that are no UTF-8"),
        pytest.param(b"&".join([b"a=1"] * 65), id="pathological: 65 fields"),
        pytest.param(b"&" * 60_000, id="pathological: 60,000 separators"),
    ],
)
def test_other_forms_are_refused(raw: bytes) -> None:
    """What is no list of at most 64 pairs in UTF-8 is InvalidField."""
    with pytest.raises(InvalidField, match="the form cannot be used"):
        json_body.form_fields(raw)


def test_every_truncation_of_a_form_is_fields_or_refused() -> None:
    """G-07: a form that was cut anywhere has fields or is refused, never an accident."""
    raw = b"uploadId=a&filename=%D1%84.mp4&totalChunks=4"
    refused = set()
    for length in range(len(raw)):
        try:
            json_body.form_fields(raw[:length])
        except InvalidField:
            refused.add(raw[:length])
    assert b"uploadId" in refused
    assert b"uploadId=a&" in refused
    assert b"uploadId=a" not in refused


def test_a_form_has_a_bound() -> None:
    """More than 64 KiB are refused before they are looked at."""
    with pytest.raises(TooLarge):
        json_body.form_fields(b"a" * 65_537)


@given(st.binary())
def test_any_bytes_are_a_form_or_refused(raw: bytes) -> None:
    """G-07: random bytes give fields or one of our errors."""
    try:
        found = json_body.form_fields(raw)
    except TusvideoError:
        return
    assert all(isinstance(value, str) for values in found.values() for value in values)
