"""How the command line shows an upload: a bar on a terminal, plain lines elsewhere, events for programs."""

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TextIO

from .errors import UploadError
from .model import Phase, Progress, UploadResult

SCHEMA = 1
BAR_WIDTH = 20
NAME_WIDTH = 24
LINE_SECONDS = 10.0
LINE_PERCENT = 10.0
MIB = 1024 * 1024


class Display(Protocol):
    """What a run of the command line tells, file by file."""

    def begin(self, name: str) -> None:
        """A file's turn has come."""
        ...

    def progress(self, name: str, *, now: Progress) -> None:
        """An upload moved, or waits."""
        ...

    def succeed(self, name: str, *, result: UploadResult) -> None:
        """A file is published."""
        ...

    def fail(self, name: str, *, error: UploadError, exit_code: int) -> None:
        """A file could not be uploaded."""
        ...

    def interrupt(self, name: str, *, now: Progress | None) -> None:
        """The user wants to stop."""
        ...

    def end(self, *, exit_code: int) -> None:
        """Nothing more will come."""
        ...


def choose_display(progress: str, *, as_json: bool, is_quiet: bool) -> Display:
    """The display that the options and the terminal ask for.

    Args:
        progress: ``auto``, ``bar``, ``plain`` or ``none``.
        as_json: Events on stdout instead of text.
        is_quiet: Nothing but results and errors.
    """
    if as_json:
        return Events(sys.stdout)
    if is_quiet or progress == "none":
        return Text(sys.stdout, notes=sys.stderr)
    if progress == "bar" or (progress == "auto" and _is_terminal(sys.stderr)):
        return Bar(sys.stdout, notes=sys.stderr)
    return Lines(sys.stdout, notes=sys.stderr)


class Text:
    """Results on stdout, errors on stderr, and nothing between; the other displays for people add to this."""

    def __init__(self, results: TextIO, *, notes: TextIO) -> None:
        self._results = results
        self._notes = notes

    def begin(self, name: str) -> None:
        pass

    def progress(self, name: str, *, now: Progress) -> None:
        pass

    def succeed(self, name: str, *, result: UploadResult) -> None:  # noqa: ARG002  # the signature of Display
        self._results.write(f"{result.url}\n")
        self._results.flush()

    def fail(self, name: str, *, error: UploadError, exit_code: int) -> None:  # noqa: ARG002  # the signature of Display
        details = f" (request {error.request_id})" if error.request_id else ""
        self._note(f"{printable(name)}: {error}{details}")
        if error.hint:
            self._note(f"  {error.hint}")

    def interrupt(self, name: str, *, now: Progress | None) -> None:
        if now is not None and now.total is None:
            self._note(f"{printable(name)}: stored {now.stored / MIB:.1f} MiB of a stream, left unfinished")
            return
        stored = 100 * now.stored // now.total if now and now.total else 0
        self._note(f"{printable(name)}: stored {stored} % – run the same command to resume")

    def end(self, *, exit_code: int) -> None:
        pass

    def _note(self, line: str) -> None:
        self._notes.write(f"{line}\n")
        self._notes.flush()


class Lines(Text):
    """One line every ten seconds or ten per cent, at every wait and at the end; for logs."""

    def __init__(self, results: TextIO, *, notes: TextIO) -> None:
        super().__init__(results, notes=notes)
        self._told_at = float("-inf")
        self._told_percent = 0.0
        self._waiting: str | None = None

    def begin(self, name: str) -> None:  # noqa: ARG002  # the signature of Display
        self._told_at, self._told_percent, self._waiting = time.monotonic(), 0.0, None

    def progress(self, name: str, *, now: Progress) -> None:
        at = time.monotonic()
        is_due = at - self._told_at >= LINE_SECONDS or now.percent - self._told_percent >= LINE_PERCENT
        is_news = now.phase is Phase.DONE or (now.waiting is not None and self._waiting is None)
        self._waiting = now.waiting
        if not (is_due or is_news):
            return
        self._told_at, self._told_percent = at, now.percent
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        why = f' waiting="{now.waiting}"' if now.waiting else ""
        total = "?" if now.total is None else now.total
        facts = f"stored={now.stored} total={total} pct={now.percent:.0f} state={now.phase}{why}"
        self._note(f"{stamp} {printable(name)} {facts}")


class Bar(Text):
    """One line that is drawn anew, with rate and time left."""

    def __init__(self, results: TextIO, *, notes: TextIO) -> None:
        super().__init__(results, notes=notes)
        self._is_drawn = False
        self._rate = Rate()

    def begin(self, name: str) -> None:  # noqa: ARG002  # the signature of Display
        self._rate = Rate()

    def progress(self, name: str, *, now: Progress) -> None:
        rate = self._rate.update(now.sent, at=time.monotonic())
        filled = int(BAR_WIDTH * now.percent / 100)
        bar = "━" * filled + "─" * (BAR_WIDTH - filled)
        total = "?" if now.total is None else f"{now.total / MIB:.1f}"
        line = f"{_short(name)}  {bar} {now.percent:5.1f} %  {now.stored / MIB:.1f}/{total} MiB stored"
        if now.waiting:
            line += f"  {now.waiting}"
        elif now.phase is Phase.SENDING and rate > 0:
            line += f"  {rate / MIB:.1f} MiB/s"
            if now.total is not None:
                left = max(0.0, (now.total - now.sent) / rate)
                line += f"  {int(left // 60)}:{int(left % 60):02d} left"
        else:
            line += f"  {now.phase}"
        self._notes.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
        self._notes.flush()
        self._is_drawn = True

    def succeed(self, name: str, *, result: UploadResult) -> None:
        self._leave_line()
        super().succeed(name, result=result)

    def _note(self, line: str) -> None:
        self._leave_line()
        super()._note(line)

    def _leave_line(self) -> None:
        if self._is_drawn:
            self._notes.write("\n")
            self._notes.flush()
            self._is_drawn = False


class Rate:
    """Bytes per second over the last few seconds; a step back after a cut does not make it negative."""

    def __init__(self) -> None:
        self._position: int | None = None
        self._at = 0.0
        self._rate = 0.0

    def update(self, position: int, *, at: float) -> float:
        """Take a position at a time in seconds; returns the smoothed rate."""
        if self._position is not None and at > self._at and position >= self._position:
            span = at - self._at
            weight = min(1.0, span / 3)
            self._rate += weight * ((position - self._position) / span - self._rate)
        self._position, self._at = position, at
        return self._rate


class Events:
    """One JSON object a line; the last one is the result of the whole run."""

    def __init__(self, results: TextIO) -> None:
        self._results = results
        self._files: list[Mapping[str, Any]] = []

    def begin(self, name: str) -> None:
        self._tell("begin", {"file": name})

    def progress(self, name: str, *, now: Progress) -> None:
        self._tell("progress", {"file": name, **asdict(now)})

    def succeed(self, name: str, *, result: UploadResult) -> None:
        self._close("uploaded", {"file": name, "ok": True, **asdict(result)})

    def fail(self, name: str, *, error: UploadError, exit_code: int) -> None:
        facts = {"file": name, "ok": False, "error": type(error).__name__, "message": str(error), **error.facts()}
        self._close("failed", {**facts, "exit_code": exit_code})

    def interrupt(self, name: str, *, now: Progress | None) -> None:
        stored = {"stored": now.stored, "total": now.total} if now else {}
        self._close("interrupted", {"file": name, "ok": False, "error": "Interrupted", "retryable": True, **stored})

    def end(self, *, exit_code: int) -> None:
        self._tell("result", {"ok": exit_code == 0, "exit_code": exit_code, "files": self._files})

    def _close(self, event: str, facts: Mapping[str, Any]) -> None:
        self._files.append(facts)
        self._tell(event, facts)

    def _tell(self, event: str, facts: Mapping[str, Any]) -> None:
        self._results.write(json.dumps({"schema": SCHEMA, "event": event, **facts}) + "\n")
        self._results.flush()


def _is_terminal(stream: TextIO) -> bool:
    plain = os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ or "CI" in os.environ
    return stream.isatty() and not plain


def _short(name: str) -> str:
    name = printable(Path(name).name)
    return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"


def printable(name: str) -> str:
    """A name without characters that would steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in name)
