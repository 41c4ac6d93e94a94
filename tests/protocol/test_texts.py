"""Titles, descriptions, names and checksums: what people and clients may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.errors import InvalidField
from tusvideo.protocol import digest, texts

CONTROLS = [
    pytest.param("a\x00b", id="pathological: NUL"),
    pytest.param("a\x1b[31m", id="pathological: terminal escape"),
    pytest.param("a\x7f", id="pathological: DEL"),
    pytest.param("a\x85b", id="pathological: C1 control"),
    pytest.param("a\ud800", id="pathological: half a surrogate pair"),
]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Holiday", "Holiday"),
        ("  Holiday \n", "Holiday"),
        ("ф" * 200, "ф" * 200),
        (" " + "x" * 200 + " ", "x" * 200),
        ("<script>", "<script>"),
        ("\u202egpj.exe", "\u202egpj.exe"),
    ],
)
def test_titles_are_trimmed(text: str, title: str) -> None:
    """A title is 1 to 200 characters after trimming; markup and RTL marks are data."""
    assert texts.parse_title(text) == title


@pytest.mark.parametrize("text", ["", "   ", "x" * 201, "a\nb", "a\tb", *CONTROLS])
def test_other_titles_are_refused(text: str) -> None:
    """An empty or long title, and one with control characters, is refused."""
    with pytest.raises(InvalidField, match="title"):
        texts.parse_title(text)


@pytest.mark.parametrize(
    ("text", "description"),
    [("", ""), ("x" * 5_000, "x" * 5_000), ("a\nb\tc", "a\nb\tc"), ("a\r\nb", "a\nb"), (" a ", " a ")],
)
def test_descriptions_keep_lines_and_tabs(text: str, description: str) -> None:
    """A description has up to 5,000 characters and may have lines; a browser's CR LF becomes LF."""
    assert texts.parse_description(text) == description


@pytest.mark.parametrize("text", ["x" * 5_001, "a\rb", *CONTROLS])
def test_other_descriptions_are_refused(text: str) -> None:
    """Longer ones, and ones with other control characters, are refused."""
    with pytest.raises(InvalidField, match="description"):
        texts.parse_description(text)


@pytest.mark.parametrize("name", ["holiday.mp4", "ф.mp4", "a b.mp4", ".mp4", "\u200fabc.mp4", "x" * 1_024, "..."])
def test_original_names_are_data(name: str) -> None:
    """Any file name is kept as it came."""
    assert texts.parse_original_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "/etc/passwd",
        "..\\x",
        ".",
        "..",
        "x" * 1_025,
        "ф" * 513,
        "a\r\nSet-Cookie: b",
        *CONTROLS,
    ],
)
def test_paths_and_controls_are_no_names(name: str) -> None:
    """A name with a path or control characters, or of 4 KiB, is refused with a sentence that tells why."""
    with pytest.raises(InvalidField, match="a file name of 1 to 1024 bytes without a path"):
        texts.parse_original_name(name)


@pytest.mark.parametrize("name", ["video_1.mp4", "a\\b.mp4", "x" * 255, "(2) ф.mp4"])
def test_stored_names_are_found_as_they_are(name: str) -> None:
    """The name of a published file is one component of at most 255 bytes."""
    assert texts.parse_stored_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "x" * 256, "ф" * 128, *CONTROLS])
def test_other_stored_names_are_refused(name: str) -> None:
    """What no published file can be called is refused before anything is looked up."""
    with pytest.raises(InvalidField, match="the filename that finalize answered"):
        texts.parse_stored_name(name)


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_64_hex_digits_of_any_case(raw: bytes) -> None:
    """The SHA-256 is normalised to lower case."""
    assert digest.parse_sha256(raw.hex().upper(), field="checksum") == raw.hex()


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "g" * 64, "a" * 63 + "\n", "0x" + "a" * 62, "１" * 64])
def test_other_digests_are_refused(text: str) -> None:
    """Anything else is refused under the name of its field."""
    with pytest.raises(InvalidField, match="checksum"):
        digest.parse_sha256(text, field="checksum")
