"""rules.sniff: the kind of a video, from its first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.samples import FILES, VIDEOS
from tusvideo.errors import UnsupportedType
from tusvideo.rules.sniff import ANY_TYPE, KINDS, MEDIA_TYPES, enough_to_judge, judge_type, kind_of

EBML = b"\x1aE\xdf\xa3\x93B\x82"
TS = b"G" + bytes(187)
M2TS = bytes(4) + b"G" + bytes(187)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        pytest.param(b"\0\0\0\x20ftypisom", "mp4", id="isom"),
        pytest.param(b"\0\0\0\x20ftypmp42", "mp4", id="mp42"),
        pytest.param(b"\0\0\0\x20ftypqt  ", "mov", id="quicktime"),
        pytest.param(b"\0\0\0\x20ftypM4V ", "m4v", id="m4v"),
        pytest.param(b"\0\0\0\x20ftyp3gp5", "3gp", id="3gp"),
        pytest.param(b"\0\0\0\x20ftyp3g2a", "3gp", id="3g2"),
        pytest.param(b"\0\0\0\x20ftypheic", None, id="a photo"),
        pytest.param(b"\0\0\0\x20ftypavif", None, id="a still"),
        pytest.param(b"\0\0\0\x20ftypM4A ", None, id="a song"),
        pytest.param(b"\0\0\0\x08moov", "mov", id="old quicktime"),
        pytest.param(b"\0\0\0\x08mdat", "mov", id="old quicktime, data first"),
        pytest.param(EBML + b"\x84webm", "webm", id="webm"),
        pytest.param(EBML + b"\x88matroska", "mkv", id="matroska"),
        pytest.param(EBML + b"\x85other", None, id="other ebml"),
        pytest.param(b"\x1aE\xdf\xa3", None, id="ebml without a type"),
        pytest.param(b"RIFF\0\0\0\0AVI LIST", "avi", id="avi"),
        pytest.param(b"RIFF\0\0\0\0WAVEfmt ", None, id="wav"),
        pytest.param(b"\0\0\x01\xba", "mpeg", id="program stream"),
        pytest.param(b"\0\0\x01\xb3", "mpeg", id="video sequence"),
        pytest.param(b"OggS" + bytes(20) + b"\x80theora", "ogv", id="theora"),
        pytest.param(b"OggS" + bytes(20) + b"BBCD\0", "ogv", id="dirac"),
        pytest.param(b"OggS" + bytes(20) + b"\x01video", "ogv", id="ogm"),
        pytest.param(b"OggS" + bytes(20) + b"\x01vorbis", None, id="an ogg song"),
        pytest.param(TS * 5, "ts", id="transport stream"),
        pytest.param(TS * 30, "ts", id="transport stream over 4 KiB"),
        pytest.param(TS * 2, "ts", id="two whole packets"),
        pytest.param(M2TS * 5, "ts", id="transport stream with times"),
        pytest.param(M2TS, "ts", id="one packet with a time"),
        pytest.param(TS + b"x", None, id="one packet and a bit"),
        pytest.param(TS * 4 + b"x" + bytes(187), None, id="out of step"),
        pytest.param(b"G", None, id="the letter G"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"hello world", None, id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n", None, id="a picture"),
        pytest.param(b"MZ" + bytes(100), None, id="a program"),
        pytest.param(bytes(4100) + b"ftyp", None, id="beyond 4 KiB"),
    ],
)
def test_the_kind_of_content(head: bytes, kind: str | None) -> None:
    """Known videos are named, everything else is not."""
    assert kind_of(head) == kind


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_only_the_first_four_kib_count(head: bytes, tail: bytes) -> None:
    """What comes after them changes nothing."""
    padded = head + bytes(4096 - len(head))
    assert kind_of(padded) == kind_of(padded + tail)


@pytest.mark.parametrize(
    ("offset", "length", "enough"),
    [
        (4095, None, False),
        (4096, None, True),
        (0, None, False),
        (99, 100, False),
        (100, 100, True),
        (4095, 9000, False),
        (4096, 9000, True),
        (0, 0, True),
    ],
)
def test_four_kib_or_the_whole_decide(offset: int, length: int | None, enough: bool) -> None:
    """Not earlier."""
    assert enough_to_judge(offset=offset, length=length) is enough


def test_a_place_for_any_type_takes_any() -> None:
    """A known video keeps its type there."""
    assert judge_type(b"\0\0\0\x20ftypisom", FILES) == "video/mp4"
    assert judge_type(b"hello", FILES) == ANY_TYPE
    assert judge_type(b"", FILES) == ANY_TYPE


@pytest.mark.parametrize(
    ("head", "came"),
    [(b"", "an empty file"), (b"hello", "other content"), (b"RIFF\0\0\0\0AVI ", "avi")],
)
def test_a_place_for_videos_takes_its_own(head: bytes, came: str) -> None:
    """Others are refused with what they are."""
    assert judge_type(EBML + b"\x84webm", VIDEOS) == "video/webm"
    with pytest.raises(UnsupportedType) as caught:
        judge_type(head, VIDEOS)
    assert (caught.value.got, caught.value.expected) == (came, "the content of one of mp4, webm")


def test_every_kind_has_one_media_type() -> None:
    """And each media type one kind."""
    assert {KINDS[media_type]: media_type for media_type in KINDS} == dict(MEDIA_TYPES)
