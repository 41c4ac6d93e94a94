"""Captions: what is WebVTT stays, what is SubRip becomes WebVTT, and what is neither is told with its line."""

import contextlib
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tusvideo.errors import InvalidField, RequestError, TooLarge
from tusvideo.rules.webvtt import from_file
from tusvideo.video import MAX_CAPTION_BYTES

SRT: Final = "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nAgain\n"
VTT: Final = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello\n\n00:00:03.000 --> 00:00:04.000\nAgain\n"
CUE: Final = "00:01.000 --> 00:02.000"


def converted(text: str) -> str:
    """What becomes of a text."""
    return from_file(text.encode()).decode()


def said(line: str) -> str:
    """What becomes of one line that is said in a SubRip file."""
    lines = converted(f"1\n00:00:01,000 --> 00:00:02,000\n{line}\n").split("\n")
    assert lines[:3] == ["WEBVTT", "", "00:00:01.000 --> 00:00:02.000"]
    assert lines[-1] == ""
    return "\n".join(lines[3:-1])


@pytest.mark.parametrize(
    "text",
    [
        SRT,
        SRT.replace("\n", "\r\n"),
        SRT.replace("\n", "\r"),
        f"\n\n{SRT}\n\n\n",
        SRT.rstrip("\n"),
        SRT.replace("Hello\n\n2\n", "Hello\n2\n"),
        SRT.replace("Hello\n", "Hello  \n"),
        SRT.replace("2,500\n", "2,500  X1:40 X2:600 Y1:20 Y2:50\n"),
        SRT.replace(",", "."),
        SRT.replace("00:00:0", "0:0:"),
        SRT.replace("1\n0", "0").replace("2\n0", "0"),
    ],
    ids=["lf", "crlf", "cr", "around", "no-end", "close", "spaces", "places", "points", "short", "unnumbered"],
)
def test_subrip_in_all_its_shapes(text: str) -> None:
    """Any line ends, with and without numbers, with places on the screen, times in the ways that are met."""
    assert converted(text) == VTT


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")],
    ids=["utf-8", "utf-8-mark", "utf-16-le", "utf-16-be"],
)
@pytest.mark.parametrize("text", [SRT, VTT], ids=["srt", "vtt"])
def test_the_mark_tells_how_it_is_written(mark: bytes, encoding: str, text: str) -> None:
    """UTF-8 with or without a mark, UTF-16 with one; stored is UTF-8 without."""
    foreign = text.replace("Hello", "Grüße 你好 🎬")
    assert from_file(mark + foreign.encode(encoding)).decode() == VTT.replace("Hello", "Grüße 你好 🎬")


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("<i>soft</i> <B>loud</B>", "<i>soft</i> <b>loud</b>"),
        ('<font color="#ff0000">red</font>', "red"),
        ("{\\an8}above", "above"),
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("a &amp; b&nbsp;c", "a &amp; b&nbsp;c"),
        ("1 < 2", "1 &lt; 2"),
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("this --> that", "this --&gt; that"),
        ("-{\\x}->", "--&gt;"),
        ("one\n\ntwo", "one\ntwo"),
        ("  \n{\\an8}\nleft", "left"),
        ("12", ""),
        ("12\n", "12"),
        ("", ""),
    ],
)
def test_what_is_said_survives(line: str, becomes: str) -> None:
    """Bold, italic and underlined stay, colours and places go, and no sign means something else than before."""
    if line == "12":
        # The last line of a file is no number of a next cue.
        becomes = "12"
    assert said(line.rstrip("\n")) == becomes


def test_times_beyond_a_day_and_cues_without_length() -> None:
    """Hours have as many digits as they need; a cue may end as it begins."""
    text = "100:59:59,999 --> 100:59:59,999\nlate\n"
    assert converted(text) == "WEBVTT\n\n100:59:59.999 --> 100:59:59.999\nlate\n"


@pytest.mark.parametrize(
    "text",
    [
        VTT,
        f"WEBVTT\n\n{CUE}\nHello\n",
        f"WEBVTT - a title\nKind: captions\nLanguage: en\n\n{CUE}\nHello\n",
        f"WEBVTT\tx\n\nNOTE a remark\nof two lines\n\nSTYLE\n::cue {{ color: red }}\n\nREGION\nid:a\n\n{CUE}\nx\n",
        f"WEBVTT\n\nintroduction\n{CUE} align:start position:10%\n<v Anna>Hello & <c.loud>bye</c>\n",
        f"WEBVTT\n\n{CUE}\n\n\n\n{CUE}\nNOTE is said here\n",
        f"WEBVTT\n\n{CUE}\nsaid\x0b\x0c\x85\u2028 in one line\n",
    ],
)
def test_webvtt_stays_as_it_is(text: str) -> None:
    """Header, remarks, styles, regions, names, settings and voices."""
    assert converted(text) == text
    assert converted(text.replace("\n", "\r\n")) == text
    assert converted(text.rstrip("\n")) == text


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "at least one cue"),
        ("WEBVTT", 1, "at least one cue"),
        ("WEBVTT\n\nNOTE nothing\n", 4, "at least one cue"),
        ("1\n2\n", 1, "WEBVTT, or the number of a cue"),
        ("\n \n", 3, "at least one cue"),
        ("<html>", 1, "WEBVTT, or the number of a cue"),
        ("WEBVTTX\n\n00:01.000 --> 00:02.000\nx", 1, "WEBVTT, or the number of a cue"),
        (f"title\n{SRT}", 1, "WEBVTT, or the number of a cue"),
        (SRT.replace("00:00:03,000", "00:00:03,00"), 6, "times like 00:01:02,500"),
        (SRT.replace("00:00:03,000", "00:00:03, 000"), 6, "times like 00:01:02,500"),
        (SRT.replace("00:00:03,000", "-00:00:03,000"), 6, "times like 00:01:02,500"),
        (SRT.replace("00:00:03,000", "00:60:03,000"), 6, "minutes and seconds below 60"),
        (SRT.replace("00:00:03,000", "00:00:60,000"), 6, "minutes and seconds below 60"),
        (SRT.replace("00:00:03,000", "00:00:05,000"), 6, "a cue that ends after it begins"),
        (SRT.replace("00:00:04,000", "soon"), 6, "times like 00:01:02,500"),
        (VTT.replace("00:00:03.000", "00:00:05.000"), 6, "a cue that ends after it begins"),
        (VTT.replace("00:00:03.000", "0:00:03.000"), 6, "times like 00:01:02.500"),
        (VTT.replace("00:00:03.000", "00:00:03,000"), 6, "times like 00:01:02.500"),
        (VTT.replace("00:00:03.000", "00:00:61.000"), 6, "minutes and seconds below 60"),
        (VTT.replace("-->", "->", 1), 4, "times like 00:01:02.500"),
        (VTT.replace("Hello\n\n", "Hello\n"), 5, "an empty line before the times"),
        (f"{VTT}\n\nlost", 10, "times like 00:01:02.500"),
        (f"WEBVTT\n{CUE}\nx", 2, "an empty line before the times"),
        (f"WEBVTT\n\nNOTE\n{CUE}\nx", 4, "an empty line before the times"),
        (f"WEBVTT\n\n{CUE}\na \x00 b", 4, "text in UTF-8"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, expected: str) -> None:
    """Nothing is dropped without a word, as browsers do with a cue that they cannot read."""
    with pytest.raises(InvalidField) as caught:
        from_file(text.encode())
    assert caught.value.field == f"line {line} of the captions"
    assert caught.value.expected.startswith(expected)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (SRT.replace("Again", "Grüße").encode("latin-1"), 7),
        (SRT.encode("utf-16-le"), 1),
        (b"\xff\xfe" + SRT.encode("utf-16-le") + b"\x00", 8),
        (b"\xff\xfe\x00\xd8\n\x00", 1),
        (b"\xff\xfe\x00\x00" + SRT.encode("utf-32-le"), 1),
        (b"\xef\xbb\xbf\xff", 1),
    ],
    ids=["latin-1", "utf-16-no-mark", "half", "surrogate", "utf-32", "marked"],
)
def test_what_is_no_text_is_refused(raw: bytes, line: int) -> None:
    """No guess at an encoding: letters would be shown as others."""
    with pytest.raises(InvalidField, match="save the file as UTF-8") as caught:
        from_file(raw)
    assert caught.value.field == f"line {line} of the captions"


def test_two_mebibytes_and_no_more() -> None:
    """Before and after, for escapes make a text longer."""
    head = f"WEBVTT\n\n{CUE}\n"
    whole = f"{head}{'x' * (MAX_CAPTION_BYTES - len(head) - 1)}\n".encode()
    assert from_file(whole) == whole
    with pytest.raises(TooLarge):
        from_file(whole + b"\n")
    with pytest.raises(TooLarge, match="as WebVTT"):
        from_file(b"00:00:01,000 --> 00:00:02,000\n" + b"&" * 1_000_000)


PIECES: Final = st.sampled_from(
    [
        *("WEBVTT", "WEBVTT x", "NOTE", "STYLE", "1", "2", "", "", "Hello", "<i>x</i>", "a & b", "-->", "- -> <"),
        *("00:00:01,000 --> 00:00:02,500", "00:00:03.000 --> 00:00:04.000", "00:01.000 --> 00:02.000 align:start"),
        *("00:00:05,000 --> 00:00:04,000", "{\\an8}", "x --> y", "\ufeff", "\x0b", "\u2028"),
    ]
)
FILES: Final = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.builds(
        lambda lines, end, encoding: end.join(lines).encode(encoding),
        st.lists(st.one_of(PIECES, st.text(max_size=20).map(lambda text: text.encode(errors="replace").decode()))),
        st.sampled_from(["\n", "\r\n", "\r"]),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    ),
)


@given(FILES)
@example(SRT.encode())
@example(b"\xff\xfe")
def test_whatever_comes_is_captions_or_a_sentence(raw: bytes) -> None:
    """What was taken is WebVTT, which is taken again as it is; anything else is a refusal that says what to do."""
    content, refusal = b"", ""
    try:
        content = from_file(raw)
    except RequestError as error:
        refusal = str(error)
    assert refusal.isprintable()
    if not refusal:
        assert content.startswith(b"WEBVTT")
        assert content.endswith(b"\n")
        assert not set(content) & set(b"\r\0")
        assert from_file(content) == content


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**6), st.text(max_size=30)), min_size=1, max_size=5))
def test_every_time_of_a_subrip_file_is_kept(cues: list[tuple[int, int, str]]) -> None:
    """To the millisecond, in order, as many cues as there were."""

    def written(count: int, point: str) -> str:
        hours, rest = divmod(count, 3_600_000)
        return f"{hours:02}:{rest // 60_000:02}:{rest // 1000 % 60:02}{point}{rest % 1000:03}"

    def times(point: str) -> list[str]:
        return [f"{written(begin, point)} --> {written(begin + length, point)}" for begin, length, _ in cues]

    blocks = zip(times(","), cues, strict=True)
    text = "\n\n".join(f"{number}\n{when}\n{cue[2]}" for number, (when, cue) in enumerate(blocks))
    content = b""
    with contextlib.suppress(InvalidField):  # what is said may look like times that are wrong
        content = from_file(text.encode("utf-8", "replace"))
    assert not content or [line for line in content.decode().split("\n") if "-->" in line] == times(".")
