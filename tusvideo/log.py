"""The log: one line on stderr per event, a name and key=value data, whatever foreign text is in it."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

Value = str | int | float | bool | None

MAX_TEXT: Final = 1000
"""Characters of one value; the rest of a longer one is left out."""
MAX_TRACEBACK: Final = 8000
"""Characters of a traceback; the end of a longer one is kept, because it names the cause."""

_EVENT: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_PLAIN: Final = re.compile(r"(?!(?:null|true|false)\Z)[A-Za-z0-9_./:@%+,*{}-]+", re.ASCII)
_OURS: Final = "tusvideo"


def event(logger: logging.Logger, level: int, name: str, /, **data: Value) -> None:
    """Log that something happened.

    ``name`` is snake_case and always the same; what differs from time to time is data. Ids, counts and codes belong
    into data; values of metadata, tokens and paths that clients sent do not.
    """
    if logger.isEnabledFor(level):
        logger.log(level, name, extra={"data": data})


class TextFormatter(logging.Formatter):
    """Time, level, logger, event, and data as ``key=value``.

    A value of other than plain characters is a JSON string of ASCII, so that it can neither end the line nor speak to
    the terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        name, data = _name_and_data(record)
        pairs = "".join(f" {key}={_quoted(value)}" for key, value in data.items())
        return f"{_time(record)} {record.levelname} {_quoted(record.name)} {name}{pairs}"


class JsonFormatter(logging.Formatter):
    """One JSON object of ASCII per line: ``at``, ``level``, ``logger``, ``event``, and the data beside them."""

    def format(self, record: logging.LogRecord) -> str:
        name, data = _name_and_data(record)
        fixed = {"at": _time(record), "level": record.levelname.lower(), "logger": record.name, "event": name}
        return json.dumps({**fixed, **{key: value for key, value in data.items() if key not in fixed}})


def configure_log(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log record of this process to stderr, in the form text or json; safe to repeat.

    Our own loggers speak from ``level`` (debug, info, warning, error) on. Those of libraries speak from warning on,
    because on the levels below they print values (of SQL parameters, for one) that are not theirs to tell.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    own = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(own, logging.WARNING))
    logging.getLogger(_OURS).setLevel(own)
    logging.captureWarnings(capture=True)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _name_and_data(record: logging.LogRecord) -> tuple[str, Mapping[str, Value]]:
    text = record.getMessage()
    given = getattr(record, "data", None)
    data: dict[str, Value] = {}
    if not _EVENT.fullmatch(text):
        text, data = "message", {"text": _cut(text)}
    if isinstance(given, Mapping):
        data |= {str(key): _value(value) for key, value in given.items()}
    if record.exc_info and record.exc_info[0] is not None:
        data["error"] = record.exc_info[0].__name__
        data["traceback"] = logging.Formatter().formatException(record.exc_info)[-MAX_TRACEBACK:]
    return text, data


def _value(value: object) -> Value:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _quoted(value: Value) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value)
    return json.dumps(value)
