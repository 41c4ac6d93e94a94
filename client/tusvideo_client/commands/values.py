"""What the values of options may be; each raises what argparse turns into a sentence on stderr."""

import argparse
import re
import shlex
from pathlib import Path

from tusvideo_client.rate import Timetable, parse_timetable
from tusvideo_client.state import RetryPolicy
from tusvideo_client.width import AT_MOST, Connections
from tusvideo_client.wire import origin_of

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_NUMBER_AND_UNIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)


def patience(text: str) -> RetryPolicy:
    """How long to try without progress: seconds, ``90s``, ``15m``, ``6h``, ``2d`` or ``forever``."""
    if text == "forever":
        return RetryPolicy(no_progress=None, max_offline=None, busy=float("inf"))
    limit = _measure(text, _SECONDS, expected="seconds, a time as 90s, 15m, 6h or 2d, or 'forever'")
    return RetryPolicy(no_progress=limit, max_offline=limit, busy=limit)


def seconds(text: str) -> float:
    """A time above zero: seconds, ``90s``, ``15m``, ``6h`` or ``2d``."""
    expected = "a time above zero, as 15, 90s or 2m"
    number = _measure(text, _SECONDS, expected=expected)
    if number == 0:
        raise _mistake(expected, text)
    return number


def size(text: str) -> int:
    """A positive number of bytes, also as ``512K``, ``8M`` or ``1G`` (powers of 1024)."""
    expected = "a positive number of bytes, as 65536, 512K or 8M"
    number = _measure(text.lower().removesuffix("ib").removesuffix("b"), _BYTES, expected=expected, told=text)
    if number < 1 or number != int(number):
        raise _mistake(expected, text)
    return int(number)


def rate(text: str) -> Timetable:
    """Bytes a second, ``unlimited``, or a timetable of both."""
    try:
        return parse_timetable(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def server(text: str) -> str:
    """The root of a server."""
    if "?" in text or "#" in text:
        message = "expected the root of a server, without ? and #"  # behind which a token may stand
        raise argparse.ArgumentTypeError(message)
    try:
        origin_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def something(text: str) -> str:
    """A text that says something; an empty one is more likely a variable that was not set than what was meant."""
    if not text.strip():
        expected = "a text that is not empty"
        raise _mistake(expected, text)
    return text


def file(text: str) -> Path:
    """The path of a file."""
    return Path(something(text))


def user(text: str) -> str:
    """A name that can be sent with a password."""
    if not text.strip() or ":" in text or not text.isprintable():
        message = (  # which repeats nothing: the text may be NAME:PASSWORD, as other programs take it
            "expected the name of a user, printable and without a colon; the password comes from TUSVIDEO_PASSWORD, the"
            " netrc file or the terminal"
        )
        raise argparse.ArgumentTypeError(message)
    return text


def command(text: str) -> list[str]:
    """The words of a program and its arguments, as a shell would split them."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words or not words[0]:
        message = "expected a program and its arguments, quotes closed"  # and a secret may be among them
        raise argparse.ArgumentTypeError(message)
    return words


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise _mistake("a whole number from 1 on", text)
    return int(text)


def connections(text: str) -> Connections:
    """``auto``, or a number from 1 to 4."""
    if text == "auto":
        return "auto"
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= AT_MOST):
        expected = f"auto, or a whole number from 1 to {AT_MOST}"
        raise _mistake(expected, text)
    return int(text)


def pair(text: str) -> tuple[str, str]:
    """A pair for ``Upload-Metadata``: ``KEY=VALUE``; the key is printable ASCII without space, comma, equals sign."""
    expected = "KEY=VALUE, the key in printable ASCII without space and comma"
    key, equals, value = text.partition("=")
    if not equals or not key or not (key.isascii() and key.isprintable()) or " " in key or "," in key:
        raise _mistake(expected, text)
    return key, value


def video_id(text: str) -> str:
    """The id of a video."""
    expected = "the id of a video: 32 hex digits, as in the address of its page"
    if re.fullmatch(r"[0-9a-f]{32}", text, re.ASCII) is None:
        raise _mistake(expected, text)
    return text


class OneOf:
    """One of several words, also where argparse looks at no choices: in a value that comes from the environment."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, text: str) -> str:
        if text not in self.words:
            raise _mistake("one of " + ", ".join(self.words), text)
        return text


def _measure(text: str, units: dict[str, int], *, expected: str, told: str | None = None) -> float:
    found = _NUMBER_AND_UNIT.fullmatch(text.strip())
    if found is None or (factor := units.get(found[2].lower())) is None:
        raise _mistake(expected, text if told is None else told)
    return float(found[1]) * factor


def _mistake(expected: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {expected}; got {text[:100]!r}")
