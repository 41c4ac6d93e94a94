"""One line per event, whatever is in it."""

import io
import json
import logging
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.commands import UploadEvent
from tusvideo.errors import StorageFailed
from tusvideo.events.log import LogEvents
from tusvideo.log import MAX_TEXT, JsonFormatter, TextFormatter, Value, cause_of, configure_log, event
from tusvideo.model import Protocol, Status, Upload, UploadId, UserId

HOSTILE = [
    pytest.param("a b", id="space"),
    pytest.param("a\r\n2026-01-01T00:00:00.000Z INFO tusvideo admin_logged_in", id="second line"),
    pytest.param("\x1b[2J\x1b]0;title\x07", id="control sequences"),
    pytest.param("a\u202egpj.exe", id="right to left"),
    pytest.param("a\u2028b\u2029c\x85d\x0be", id="other line ends"),
    pytest.param('" x="1', id="quotes"),
    pytest.param("\ud800", id="half a character"),
    pytest.param("\x7f\x9b31m", id="C1 control"),
    pytest.param("", id="nothing"),
    pytest.param("null", id="looks like no value"),
]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the log of the test run as it was."""
    root, ours, warn = logging.getLogger(), logging.getLogger("tusvideo"), warnings.showwarning
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    logging.captureWarnings(capture=False)
    warnings.showwarning = warn
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def record(message: str, *, created: float = 1_790_000_000.0425, **data: object) -> logging.LogRecord:
    """Make a record as the logging module would."""
    made = logging.LogRecord("tusvideo.web", logging.INFO, __file__, 1, message, None, None)
    made.created = created
    made.data = data
    return made


def test_a_line_has_time_level_logger_event_and_data() -> None:
    """The text form is: UTC time with milliseconds, level, logger, event, key=value."""
    line = TextFormatter().format(
        record("request_done", method="PATCH", status=204, offset=None, seconds=0.5, ok=True, path="/files/ab-c")
    )
    assert line == (
        "2026-09-21T14:13:20.042Z INFO tusvideo.web request_done"
        " method=PATCH status=204 offset=null seconds=0.5 ok=true path=/files/ab-c"
    )


def test_the_json_form_is_an_object_with_the_same_facts() -> None:
    """The JSON form has at, level, logger and event, and the data beside them; these four are never overwritten."""
    line = JsonFormatter().format(record("request_done", status=204, length=None, level="debug", at="x", event="y"))
    assert json.loads(line) == {
        "at": "2026-09-21T14:13:20.042Z",
        "level": "info",
        "logger": "tusvideo.web",
        "event": "request_done",
        "status": 204,
        "length": None,
    }


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_foreign_text_stays_within_its_value(form: logging.Formatter, text: str) -> None:
    """Line ends, control sequences and marks that turn text around are escaped, as data and as a message."""
    for line in (
        form.format(record("thing_done", name=text)),
        form.format(record(f"{text} ")),
        form.format(record(text)),
    ):
        assert line.isascii()
        assert line.isprintable()


@given(text=st.text())
def test_any_text_makes_one_printable_line_and_comes_back(text: str) -> None:
    """Whatever the text, the line is one line of printable ASCII and the value can be read back."""
    line = TextFormatter().format(record("thing_done", name=text))
    assert line.isascii()
    assert line.isprintable()
    shown = line.partition(" name=")[2]
    assert (json.loads(shown) if shown.startswith('"') else shown) == text
    assert json.loads(JsonFormatter().format(record("thing_done", name=text)))["name"] == text


def test_words_that_mean_something_else_are_quoted() -> None:
    """The texts null, true and false are told apart from the values."""
    line = TextFormatter().format(record("thing_done", a="null", b=None, c="true", d=True))
    assert line.endswith(' a="null" b=null c="true" d=true')


def test_long_text_is_cut() -> None:
    """A value takes a bounded part of a line."""
    line = TextFormatter().format(record("thing_done", name="x" * 100_000))
    assert len(line) < MAX_TEXT + 100


def test_what_a_library_says_is_data_of_an_event() -> None:
    """Prose becomes text="…" of the event message, arguments filled in."""
    foreign = logging.LogRecord("asyncio", logging.WARNING, __file__, 1, "slow: %s\n", ("x\x1b",), None)
    foreign.created = 0.0
    assert TextFormatter().format(foreign) == (
        r'1970-01-01T00:00:00.000Z WARNING asyncio message text="slow: x\u001b\n"'
    )


@pytest.mark.parametrize("form", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_a_traceback_is_on_the_line_of_its_event(form: logging.Formatter) -> None:
    """An exception is named and its traceback is a value."""
    try:
        raise ValueError("bad\r\nthing\x1b")
    except ValueError:
        broken = logging.LogRecord("tusvideo", logging.ERROR, __file__, 1, "request_failed", None, sys.exc_info())
    line = form.format(broken)
    assert line.isprintable()
    assert "request_failed" in line
    assert "ValueError" in line
    assert "test_log.py" in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_configured_once_or_twice_each_event_is_written_once(form: str) -> None:
    """The log can be configured again; every record is one line on the stream."""
    stream = io.StringIO()
    configure_log(level="info", form=form, stream=stream)
    configure_log(level="info", form=form, stream=stream)
    event(logging.getLogger("tusvideo.web"), logging.INFO, "thing_done", name="x", level=1, logger="y")
    assert stream.getvalue().count("\n") == 1
    assert "thing_done" in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", {"ours-debug", "ours-info", "ours-warning", "theirs-warning"}),
        ("info", {"ours-info", "ours-warning", "theirs-warning"}),
        ("warning", {"ours-warning", "theirs-warning"}),
        ("error", set[str]()),
    ],
)
def test_the_level_is_ours_and_libraries_only_warn(level: str, told: set[str]) -> None:
    """Below warning libraries are not asked: aiosqlite would print the values of every statement."""
    stream = io.StringIO()
    configure_log(level=level, form="json", stream=stream)
    for whose, logger in (("ours", "tusvideo.x"), ("theirs", "aiosqlite")):
        for name in ("debug", "info", "warning"):
            logging.getLogger(logger).log(
                logging.getLevelNamesMapping()[name.upper()], "m", extra={"data": {"n": f"{whose}-{name}"}}
            )
    assert {json.loads(line)["n"] for line in stream.getvalue().splitlines()} == told


def test_warnings_of_python_are_log_lines() -> None:
    """What the warnings module has to say passes through the same form."""
    stream = io.StringIO()
    configure_log(level="info", form="text", stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old\nthing", DeprecationWarning, stacklevel=1)
    (line,) = stream.getvalue().splitlines()
    assert "WARNING py.warnings message text=" in line


def upload(status: Status) -> Upload:
    """Make an upload with texts that must not be told."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Upload(
        id=UploadId("0" * 32),
        owner=UserId("local"),
        protocol=Protocol.TUS,
        profile="files",
        status=status,
        created_at=now,
        stored_at=now,
        expires_at=now,
        length=10,
        offset=7,
        metadata="filename c2VjcmV0",
        original_name="secret.mp4",
        title="secret title",
    )


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (Status.OPEN, "INFO"),
        (Status.FINALIZING, "INFO"),
        (Status.COMPLETE, "INFO"),
        (Status.TERMINATED, "INFO"),
        (Status.EXPIRED, "INFO"),
        (Status.FAILED, "WARNING"),
        (Status.DAMAGED, "ERROR"),
    ],
)
def test_events_of_uploads_are_told_without_metadata(status: Status, level: str) -> None:
    """An event has ids, numbers and codes; names, titles and metadata are not told; loss is loud."""
    stream = io.StringIO()
    configure_log(level="info", form="text", stream=stream)
    happened = UploadEvent(
        name="bytes_stored",
        upload=upload(status),
        at=datetime(2026, 1, 1, tzinfo=UTC),
        data={"written": 3, "upload": "not this"},
    )
    LogEvents().emit(happened)
    line = stream.getvalue().partition(" ")[2]
    assert line.startswith(f"{level} tusvideo.events.log bytes_stored ")
    assert f"upload={'0' * 32} protocol=tus profile=files status={status} offset=7 length=10 written=3" in line
    assert "secret" not in line
    assert "c2VjcmV0" not in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_is_the_same_whoever_listens_beside_it(form: str) -> None:
    """An event makes the same line with and without another handler, for which it becomes a record."""
    stream = io.StringIO()
    configure_log(level="info", form=form, stream=stream)
    facts: dict[str, Value] = {"id": "0a", "path": "/x y", "n": 7, "s": 0.5, "ok": True, "no": None}
    event(logging.getLogger("tusvideo.web"), logging.WARNING, "thing_done", **facts)
    logging.getLogger().addHandler(logging.NullHandler())
    event(logging.getLogger("tusvideo.web"), logging.WARNING, "thing_done", **facts)
    alone, beside = stream.getvalue().splitlines()
    when = len("2026-09-21T14:13:20.042Z") + len('{"at": ""')
    assert alone[when:] == beside[when:]
    assert "thing_done" in alone


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        pytest.param(None, None, id="nothing below"),
        pytest.param(OSError(5, "Input/output error"), "OSError: Input/output error", id="no place"),
        pytest.param(
            OSError(13, "Permission denied", "/data/staging/secret"),
            "PermissionError: Permission denied in /data/staging",
            id="place",
        ),
        pytest.param(OSError("secret"), "OSError", id="words that are not the system's"),
        pytest.param(ValueError("secret"), "ValueError", id="words of anybody"),
        pytest.param(
            sqlite3.OperationalError("no such column: x"), "OperationalError: no such column: x", id="words of SQLite"
        ),
    ],
)
def test_a_cause_is_told_without_what_a_client_may_have_named(cause: Exception | None, told: str | None) -> None:
    """The operator gets the first error of the chain: its kind, the system's words, the folder and no name in it."""
    middle, error = StorageFailed(), StorageFailed()
    middle.__cause__ = cause
    error.__cause__ = None if cause is None else middle
    assert cause_of(error) == told
