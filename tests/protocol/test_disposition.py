"""The file name in Content-Disposition, however a client writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.protocol.disposition import parse_filename


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('attachment; filename="a.mp4"', "a.mp4"),
        ("attachment; filename=a.mp4", "a.mp4"),
        ('inline;filename="a b.mp4"', "a b.mp4"),
        ('attachment; FileName = "a.mp4" ; x=y', "a.mp4"),
        (r'attachment; filename="a\"b\\c.mp4"', r'a"b\c.mp4'),
        ("inline; filename*=UTF-8''na%C3%AFve%20plan.mp4", "naïve plan.mp4"),
        ("inline; filename*=utf-8'en'a.mp4", "a.mp4"),
        ("inline; filename*=ISO-8859-1''na%EFve.mp4", "naïve.mp4"),
        ("inline; filename=\"naive.mp4\"; filename*=UTF-8''na%C3%AFve.mp4", "naïve.mp4"),
        ("inline; filename*=UTF-8''%ff; filename=\"fallback.mp4\"", "fallback.mp4"),
        ("inline; filename*=UTF-8''\udc9b; filename=raw", "raw"),
        ("inline; filename*=UTF-8''ü; filename=raw", "raw"),
        ("inline; filename*=KOI8-R''%C1; filename=b", "b"),
        ("inline; filename*=nothing", None),
        ("inline; filename=first; filename=second", "first"),
        ("inline; filename=", None),
        ('inline; filename=""', None),
        ("inline", None),
        ("", None),
        ("inline; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd%00%0D%0A", "../../etc/passwd\x00\r\n"),
    ],
)
def test_the_name(value: str, name: str | None) -> None:
    """RFC 6266 §4.3, RFC 8187 §3.2: filename* goes before filename; the text is foreign and is cleaned elsewhere."""
    assert parse_filename(value) == name


@given(st.text(max_size=60) | st.text(alphabet="abc;=\"\\ '%*filenameUTF-80C3\udc9b", max_size=60))
def test_any_text_has_a_name_or_none(value: str) -> None:
    """Nothing is raised: a name is a courtesy."""
    assert parse_filename("inline; " + value) != ""


@pytest.mark.parametrize("value", ["inline; filename*=UTF-8''na%C3%AFve.mp4", r'inline; filename="a\"b"; x="y\\"'])
def test_every_truncation_has_a_name_or_none(value: str) -> None:
    """Nothing is raised wherever the field was cut."""
    for end in range(len(value)):
        parse_filename(value[:end])
