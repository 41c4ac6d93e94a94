"""Upload-Metadata (group D): kept byte for byte, read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.errors import HeadersTooLarge, InvalidField
from tusvideo.protocol import metadata

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=",="), min_size=1)


@pytest.mark.parametrize(
    ("value", "values"),
    [
        pytest.param("filename YS5iaW4=", {"filename": b"a.bin"}, id="D-01 realistic: one pair"),
        pytest.param("a YQ==,b Yg==", {"a": b"a", "b": b"b"}, id="D-02 realistic: two pairs, in order"),
        pytest.param("is_confidential", {"is_confidential": b""}, id="D-03 realistic: key only"),
        pytest.param("is_confidential ", {"is_confidential": b""}, id="D-04 synthetic: key and space"),
        pytest.param("a,b YQ==,c", {"a": b"", "b": b"a", "c": b""}, id="D-05 synthetic: keys among pairs"),
        pytest.param("a ,b YQ==", {"a": b"", "b": b"a"}, id="D-04 synthetic: key and space among pairs"),
        pytest.param("a YQ==, b Yg==", {"a": b"a", "b": b"b"}, id="D-09 realistic: space after the comma"),
        pytest.param("n AP8=", {"n": b"\x00\xff"}, id="D-13 synthetic: a value that is no text"),
        pytest.param("x-!#$%=y YQ==", {"x-!#$%=y": b"a"}, id="synthetic: any visible ASCII is a key"),
    ],
)
def test_pairs_are_read_and_echoed(value: str, values: dict[str, bytes]) -> None:
    """D-01 to D-05, D-09, D-13: values are decoded, and the wording is kept for HEAD."""
    found = metadata.parse([value])
    assert list(found.values.items()) == list(values.items())
    assert found.raw == value


@pytest.mark.parametrize(("value", "text"), [("a YQ==", "a"), ("a", None), ("a bnVsbA==", None), ("b YQ==", None)])
def test_a_value_that_must_not_be_overlooked(value: str, text: str | None) -> None:
    """A text, or none where none was told: absent, empty, and ``null``."""
    assert metadata.parse([value]).exact_text("a") == text


def test_a_value_that_must_not_be_overlooked_is_a_text() -> None:
    """D-13: other values that are no text count as absent, this one is refused with its name."""
    found = metadata.parse(["a AP8="])
    assert found.text("a") is None
    with pytest.raises(InvalidField, match="expected a as UTF-8 in base64"):
        found.exact_text("a")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a YQ==,a Yg==", id="D-06 realistic: the same key twice"),
        pytest.param("a !!!", id="D-07 realistic: no base64"),
        pytest.param("a YQ", id="D-07 realistic: padding left out"),
        pytest.param("a _-__", id="D-07 realistic: the URL alphabet"),
        pytest.param("a YQ==YQ==", id="D-07 synthetic: two values glued together"),
        pytest.param("a =", id="D-07 synthetic: padding alone"),
        pytest.param("a ä", id="D-07 synthetic: a value that is not ASCII"),
        pytest.param(" YQ==", id="D-08 synthetic: a value without a key"),
        pytest.param("b YQ==, YQ==", id="D-08 synthetic: a second value without a key"),
        pytest.param(",a YQ==", id="D-08 synthetic: nothing before the comma"),
        pytest.param("a YQ==,", id="D-08 synthetic: nothing after the comma"),
        pytest.param("a YQ==,,b", id="D-08 synthetic: nothing between commas"),
        pytest.param("a YQ== YQ==", id="D-10 synthetic: two values"),
        pytest.param("a  YQ==", id="D-10 synthetic: two spaces"),
        pytest.param("ключ YQ==", id="D-12 pathological: a key that is not ASCII"),
        pytest.param("a\tYQ==", id="pathological: a tab for the space"),
        pytest.param("a\r\nSet-Cookie YQ==", id="pathological: a line break"),
        pytest.param("a\x00 YQ==", id="pathological: NUL"),
        pytest.param("\udce4 YQ==", id="pathological: bytes that are no UTF-8"),
        pytest.param(",", id="pathological: a comma alone"),
    ],
)
def test_malformed_pairs_are_refused(value: str) -> None:
    """D-06 to D-08, D-10, D-12: what is no list of unique keys and padded base64 is InvalidField."""
    with pytest.raises(InvalidField, match="Upload-Metadata"):
        metadata.parse([value])


@pytest.mark.parametrize("lines", [[], [""], ["  "], ["", " \t"]])
def test_empty_is_absent(lines: list[str]) -> None:
    """D-11: tuspy always sends the field; an empty one is none."""
    assert metadata.parse(lines) == metadata.Metadata(raw="", values={})


def test_several_lines_are_one_list() -> None:
    """D-18: two lines are joined with a comma, as HTTP lists are; empty ones do not count."""
    found = metadata.parse(["a YQ==", "", "b Yg=="])
    assert found.raw == "a YQ==,b Yg=="
    assert found.values == {"a": b"a", "b": b"b"}


def test_seven_kilobytes_are_fine() -> None:
    """D-16: 7 KB of metadata are kept whole."""
    value = metadata.build({"note": b"x" * 5_000})
    assert len(value) > 6_500
    assert metadata.parse([value]).raw == value


def test_more_than_the_limit_is_refused() -> None:
    """D-17: above 64 KiB the refusal is ours, with the limit in it."""
    with pytest.raises(HeadersTooLarge, match="65536"):
        metadata.parse(["a" * 65_537])


@given(st.dictionaries(KEYS, st.binary()))
def test_metadata_survives_the_round_trip(values: dict[str, bytes]) -> None:
    """Whatever is written is read back: keys, bytes and order."""
    assert list(metadata.parse([metadata.build(values)]).values.items()) == list(values.items())


@pytest.mark.parametrize("key", ["", "a b", "a,b", "ä"])
def test_unusable_keys_are_not_written(key: str) -> None:
    """The writer refuses what the reader would refuse."""
    with pytest.raises(InvalidField):
        metadata.build({key: b"x"})


@given(st.text())
def test_any_text_is_metadata_or_refused(text: str) -> None:
    """G-07: random text gives metadata that echoes it, or InvalidField."""
    try:
        found = metadata.parse([text])
    except InvalidField:
        return
    assert found.raw == (text if text.strip(" \t") else "")


def test_every_truncation_is_metadata_or_refused() -> None:
    """G-07: a field that was cut anywhere is read or refused, never an accident."""
    value = "filename YS5iaW4=,type dmlkZW8vbXA0,flag,title SGVsbG8="
    outcomes = set()
    for length in range(len(value) + 1):
        try:
            outcomes.add(len(metadata.parse([value[:length]]).values))
        except InvalidField:
            outcomes.add(-1)
    assert outcomes == {-1, 0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param({"filename": b"a.mp4", "name": b"b.mp4"}, "a.mp4", id="realistic: the first name counts"),
        pytest.param({"name": b"b.mp4"}, "b.mp4", id="J-19 realistic: Uppy's spelling"),
        pytest.param({"filename": b"null", "name": b"b.mp4"}, "b.mp4", id="J-19 realistic: Uppy's null"),
        pytest.param({"filename": b"", "name": b"b.mp4"}, "b.mp4", id="D-03 realistic: no value"),
        pytest.param({"filename": b"\xff", "name": b"b.mp4"}, "b.mp4", id="D-13 synthetic: no text"),
        pytest.param({"filename": b"\xff"}, None, id="D-13 synthetic: no text at all"),
        pytest.param({"name": b"null"}, None, id="J-19 realistic: nothing but null"),
        pytest.param({}, None, id="realistic: no name"),
        pytest.param({"filename": "ф.mp4".encode()}, "ф.mp4", id="realistic: UTF-8"),
    ],
)
def test_texts_are_found_under_either_name(values: dict[str, bytes], text: str | None) -> None:
    """J-19: both spellings are accepted; empty, ``null`` and undecodable values are as if absent."""
    assert metadata.Metadata(values=values).text("filename", "name") == text
