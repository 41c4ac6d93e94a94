"""The log: one line on stderr per event, a name and key=value data, whatever foreign text is in it."""

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TextIO

from tusvideo.log_stream import LogStream

Value = str | int | float | bool | None

MAX_TEXT: Final = 1000
"""Characters of one value; the rest of a longer one is left out."""
MAX_TRACEBACK: Final = 8000
"""Characters of a traceback; the end of a longer one is kept, because it names the cause."""

_EVENT: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_PLAIN: Final = re.compile(r"(?!(?:null|true|false)\Z)[A-Za-z0-9_./:@%+,*{}-]+", re.ASCII)
_WORDS: Final = frozenset({"null", "true", "false"})
_OURS: Final = "tusvideo"
_SHORT: Final = 64


def event(logger: logging.Logger, level: int, name: str, /, **data: Value) -> None:
    """Log that something happened.

    ``name`` is snake_case and always the same; what differs from time to time is data. Ids, counts and codes belong
    into data; values of metadata, tokens and paths that clients sent do not.
    """
    if not logger.isEnabledFor(level):
        return
    handlers = logging.root.handlers
    if len(handlers) == 1 and isinstance(stream := handlers[0], LogStream):
        # Nobody else listens: the line is written without a record, which would cost four times as much as the line.
        form = stream.formatter
        if isinstance(form, TextFormatter | JsonFormatter):
            stream.take(form.line(name, data, at=time.time(), level=level, logger=logger.name), level=level)
            return
    # What logger.log does, save for the search for the line of code that called: an event has a name.
    record = logging.LogRecord(logger.name, level, "", 0, name, None, None)
    record.data = data
    logger.handle(record)


def cause_of(error: BaseException) -> str | None:
    """Tell what lies at the bottom of an error, for who runs the server; None when there is nothing below it.

    That is the kind of the first error and the words of the system or of SQLite, with the folder but not the name of a
    file, which may be a client's.
    """
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if cause is error:
        return None
    kind = type(cause).__name__
    if type(cause).__module__ == "sqlite3":
        return f"{kind}: {cause}"
    if not isinstance(cause, OSError) or cause.strerror is None:
        return kind
    place = f" in {Path(cause.filename).parent}" if isinstance(cause.filename, str | Path) else ""
    return f"{kind}: {cause.strerror}{place}"


class TextFormatter(logging.Formatter):
    """Time, level, logger, event, and data as ``key=value``.

    A value of other than plain characters is a JSON string of ASCII, so that it can neither end the line nor speak to
    the terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        name, data = _name_and_data(record)
        return self.line(name, data, at=record.created, level=record.levelno, logger=record.name)

    def line(self, name: str, data: Mapping[Any, object], *, at: float, level: int, logger: str) -> str:
        """Write the line of an event."""
        parts = [_time(at), _opening(level, logger), name]
        for key, value in data.items():
            # Every request writes lines, and they say the same words again and again.
            if type(value) is int:
                parts.append(f"{key}={value}")
            elif isinstance(value, str) and len(value) <= _SHORT:
                parts.append(f"{key}={_quoted_again(value)}")
            else:
                parts.append(f"{key}={_quoted(value)}")
        return " ".join(parts)


class JsonFormatter(logging.Formatter):
    """One JSON object of ASCII per line: ``at``, ``level``, ``logger``, ``event``, and the data beside them."""

    def format(self, record: logging.LogRecord) -> str:
        name, data = _name_and_data(record)
        return self.line(name, data, at=record.created, level=record.levelno, logger=record.name)

    def line(self, name: str, data: Mapping[Any, object], *, at: float, level: int, logger: str) -> str:
        """Write the line of an event."""
        word = logging.getLevelName(level).lower()
        fixed = {"at": _time(at), "level": word, "logger": logger, "event": name}
        return json.dumps(fixed | {key: _value(value) for key, value in data.items() if key not in fixed})


def configure_log(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log record of this process to stderr, in the form text or json; safe to repeat.

    Our own loggers speak from ``level`` (debug, info, warning, error) on. Those of libraries speak from warning on,
    because on the levels below they print values (of SQL parameters, for one) that are not theirs to tell.
    """
    handler = LogStream(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    own = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(own, logging.WARNING))
    logging.getLogger(_OURS).setLevel(own)
    logging.captureWarnings(capture=True)
    # No line tells these, and every record would ask for them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False


@lru_cache(maxsize=64)
def _opening(level: int, logger: str) -> str:
    return f"{logging.getLevelName(level)} {_quoted(logger)}"


class _Second:
    """The second that was written last: most lines are of the same one as the line before."""

    number = -1
    text = ""


def _time(created: float) -> str:
    second = int(created)
    if second != _Second.number:
        _Second.text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _Second.number = second
    return f"{_Second.text}.{int((created - second) * 1000):03}Z"


def _name_and_data(record: logging.LogRecord) -> tuple[str, Mapping[object, object]]:
    text = record.getMessage()
    given = getattr(record, "data", None)
    data: dict[object, object] = {}
    if not _EVENT.fullmatch(text):
        text, data = "message", {"text": text}
    if isinstance(given, Mapping):
        data |= given
    if record.exc_info and record.exc_info[0] is not None:
        data["error"] = record.exc_info[0].__name__
        data["traceback"] = _Long(logging.Formatter().formatException(record.exc_info)[-MAX_TRACEBACK:])
    return text, data


class _Long(str):
    """A text that was cut already."""

    __slots__ = ()


def _value(value: object) -> Value:
    if type(value) is str and len(value) <= MAX_TEXT:
        return value
    if value is None or isinstance(value, bool | int | float | _Long):
        return value
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _quoted(value: object) -> str:
    if isinstance(value, str):
        # Most are ids and words, and for those these questions are faster than an expression.
        if value.isalnum() and value.isascii() and len(value) <= MAX_TEXT and value not in _WORDS:
            return value
    elif type(value) is int or type(value) is float:
        return repr(value)
    if value is None:
        return "null"
    told = _value(value)
    return told if isinstance(told, str) and _PLAIN.fullmatch(told) else json.dumps(told)


_quoted_again: Final = lru_cache(maxsize=512)(_quoted)
