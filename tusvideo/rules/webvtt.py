"""Captions as browsers take them: WebVTT is judged and kept, SubRip (.srt) becomes it, mistakes have their line.

Spec: W3C WebVTT § 4 (syntax), § 6 (how browsers read it). SubRip has no specification; what players agree on is read.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from typing import Final

from tusvideo.errors import InvalidField, TooLarge
from tusvideo.video import MAX_CAPTION_BYTES

_SIGNATURE: Final = "WEBVTT"
_ARROW: Final = "-->"
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ENCODED: Final = "text in UTF-8, or in UTF-16 that begins with its mark; save the file as UTF-8"

_TIME: Final = r"(?:([0-9]{1,6}):)?([0-9]{1,2}):([0-9]{1,2})[.,]([0-9]{3})"
_SRT_TIMES: Final = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t].*)?", re.ASCII)
"""What stands behind the times is a place on the screen in pixels, which means nothing elsewhere."""
_VTT_TIME: Final = r"(?:([0-9]{2,6}):)?([0-9]{2}):([0-9]{2})\.([0-9]{3})"
_VTT_TIMES: Final = re.compile(rf"[ \t]*{_VTT_TIME}[ \t]*-->[ \t]*{_VTT_TIME}(?:[ \t].*)?", re.ASCII)
_SRT_LIKE_TIMES: Final = re.compile(r"[ \t]*-?[0-9][0-9:.,; \t]*-->.*", re.ASCII)
"""A line that is meant to be times, right or wrong; an arrow may also stand in what is said."""
_NUMBER: Final = re.compile(r"[ \t]*[0-9]{1,9}[ \t]*", re.ASCII)
_BLOCKS: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t].*)?")
_MARKS: Final = re.compile(
    r"(?P<kept></?[biuBIU]>)"
    r"|(?P<dropped></?font\b[^<>]{0,200}>|\{\\[^{}]{0,200}\})"
    r"|(?P<named>&(?:amp|lt|gt|nbsp|lrm|rlm);)"
    r"|(?P<escaped>[&<]|-->)",
    re.IGNORECASE,
)
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", _ARROW: "--&gt;"}


def from_file(raw: bytes) -> bytes:
    """Give the WebVTT of a file of captions: UTF-8 without a mark, lines that end with LF.

    WebVTT keeps what it says; of SubRip are kept times, texts and what is bold, italic or underlined. The same bytes
    again give the same, and what this gives it gives back unchanged. Raises TooLarge beyond 2 MiB before or after;
    InvalidField when the bytes are no text, or when a line is not what has to stand there, with its number.
    Spec: W3C WebVTT § 4.1.
    """
    if len(raw) > MAX_CAPTION_BYTES:
        raise TooLarge("the file of captions", limit=MAX_CAPTION_BYTES, got=len(raw))
    lines = _text_of(raw).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0][: len(_SIGNATURE)] == _SIGNATURE and lines[0][len(_SIGNATURE) :][:1] in {"", " ", "\t"}:
        _judge_webvtt(lines)
    else:
        lines = list(_converted(lines))
    content = ("\n".join(lines).rstrip("\n") + "\n").encode("utf-8")
    if len(content) > MAX_CAPTION_BYTES:
        raise TooLarge("the file of captions as WebVTT", limit=MAX_CAPTION_BYTES, got=len(content))
    return content


def _text_of(raw: bytes) -> str:
    mark, encoding = next(((mark, name) for mark, name in _BOMS if raw.startswith(mark)), (b"", "utf-8"))
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, len(mark) + error.start) + 1
        raise _wrong(line, expected=_ENCODED, got=raw[error.start : error.start + 20].decode("latin-1")) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _wrong(line, expected=_ENCODED, got="a byte that is zero")
    return text


def _judge_webvtt(lines: Sequence[str]) -> None:
    """Walk through the blocks as a browser does; refuse what it would drop without a word."""
    cues = 0
    number = _end_of_block(lines, 1)
    _judge_without_arrows(lines, 0, number)
    while number < len(lines):
        if not lines[number]:
            number += 1
            continue
        end = _end_of_block(lines, number)
        if _ARROW not in lines[number] and _BLOCKS.fullmatch(lines[number]) is not None:
            _judge_without_arrows(lines, number, end)
        else:
            _judge_cue(lines, number, end)
            cues += 1
        number = end
    if not cues:
        raise _wrong(len(lines), expected="at least one cue", got="the end of the file")


def _judge_cue(lines: Sequence[str], number: int, end: int) -> None:
    """Judge times, which may have a name before them, and that no other times stand in what is said."""
    at = number if _ARROW in lines[number] or number + 1 == end else number + 1
    _judge_times(_VTT_TIMES.fullmatch(lines[at]), at + 1, lines[at], example="00:01:02.500 --> 00:01:04.000")
    _judge_without_arrows(lines, at + 1, end)


def _judge_without_arrows(lines: Sequence[str], start: int, end: int) -> None:
    for number in range(start, end):
        if _ARROW in lines[number]:
            expected = "an empty line before the times of the next cue, and no other '-->'"
            raise _wrong(number + 1, expected=expected, got=lines[number])


def _judge_times(found: re.Match[str] | None, line: int, got: str, *, example: str) -> tuple[int, int]:
    """Give begin and end in milliseconds. Raises InvalidField, with the number of the line."""
    if found is None:
        raise _wrong(line, expected=f"times like {example}", got=got)
    times = []
    for first in (1, 5):
        hours, minutes, seconds, rest = (int(part or 0) for part in found.group(first, first + 1, first + 2, first + 3))
        if minutes >= 60 or seconds >= 60:  # noqa: PLR2004  # what clocks show
            raise _wrong(line, expected="minutes and seconds below 60", got=got)
        times.append(((hours * 60 + minutes) * 60 + seconds) * 1000 + rest)
    begin, end = times
    if end < begin:
        raise _wrong(line, expected="a cue that ends after it begins", got=got)
    return begin, end


def _converted(lines: Sequence[str]) -> Iterator[str]:
    """Give the lines of the WebVTT of a SubRip file."""
    example = "00:01:02,500 --> 00:01:04,000"
    starts = [number for number, line in enumerate(lines) if _ARROW in line and _SRT_LIKE_TIMES.fullmatch(line)]
    for number, line in enumerate(lines[: starts[0] if starts else len(lines)]):
        if line.strip() and (_NUMBER.fullmatch(line) is None or not starts):
            raise _wrong(number + 1, expected=f"WEBVTT, or the number of a cue and times like {example}", got=line)
    if not starts:
        raise _wrong(len(lines), expected="at least one cue", got="the end of the file")
    yield _SIGNATURE
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = _SRT_TIMES.fullmatch(lines[start])
        begin, end = _judge_times(found, start + 1, lines[start], example=example)
        said = list(lines[start + 1 : stop])
        if stop < len(lines) and said and _NUMBER.fullmatch(said[-1]) is not None:
            said.pop()  # of the next cue
        yield ""
        yield f"{_written(begin)} --> {_written(end)}"
        # An empty line would end the cue.
        yield from filter(None, (_escaped(line.strip()) for line in said))


def _escaped(line: str) -> str:
    def mark(found: re.Match[str]) -> str:
        if found["dropped"] is not None:
            return ""
        if found["escaped"] is not None:
            return _ESCAPES[found["escaped"]]
        return found[0].lower()

    # What was dropped may have parted an arrow.
    return _MARKS.sub(mark, line).strip().replace(_ARROW, _ESCAPES[_ARROW])


def _written(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"


def _end_of_block(lines: Sequence[str], number: int) -> int:
    return next((end for end in range(number, len(lines)) if not lines[end]), len(lines))


def _wrong(line: int, *, expected: str, got: str) -> InvalidField:
    return InvalidField(f"line {line} of the captions", expected=expected, got=got)
