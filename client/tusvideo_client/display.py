"""How the command line tells of uploads: plain lines for logs, events for programs; terminals get more."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol, TextIO

from .errors import UploadError
from .model import Phase, Progress, UploadResult

SCHEMA = 1
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

    def interrupt(self, name: str, *, now: Progress | None, is_once: bool) -> None:
        """The user wants to stop; ``is_once``: no later run can go on, because the bytes do not come again."""
        ...

    def skip(self, name: str, *, url: str) -> None:
        """A file was published by an earlier run of the same command."""
        ...

    def leave(self, count: int) -> None:
        """So many files are not begun."""
        ...

    def end(self, *, exit_code: int) -> None:
        """Nothing more will come."""
        ...


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
        self._note(f"{told_of(name, error)}{details}")
        if error.hint:
            self._note(f"  {error.hint}")

    def interrupt(self, name: str, *, now: Progress | None, is_once: bool) -> None:
        stored = f"{100 * now.stored // now.total if now and now.total else 0} %"
        if now is not None and now.total is None:
            stored = f"{now.stored / MIB:.1f} MiB"
        further = "run the same command to resume"
        if is_once:
            further = "a pipe gives its bytes but once: no later run goes on, and `rm` removes what is stored"
        self._note(f"{printable(name)}: stored {stored} – {further}")

    def skip(self, name: str, *, url: str) -> None:  # noqa: ARG002  # the signature of Display
        self._results.write(f"{url}\n")
        self._results.flush()

    def leave(self, count: int) -> None:
        files = "1 file is" if count == 1 else f"{count} files are"
        self._note(f"{files} not begun – run the same command to go on")

    def end(self, *, exit_code: int) -> None:
        pass

    def _note(self, line: str) -> None:
        self._notes.write(f"{line}\n")
        self._notes.flush()


class Lines(Text):
    """For each file one line every ten seconds or ten per cent, at every wait and at the end; for logs."""

    def __init__(self, results: TextIO, *, notes: TextIO) -> None:
        super().__init__(results, notes=notes)
        self._told: dict[str, tuple[float, float, str | None]] = {}

    def begin(self, name: str) -> None:
        self._told[name] = time.monotonic(), 0.0, None

    def progress(self, name: str, *, now: Progress) -> None:
        at = time.monotonic()
        told_at, told_percent, waiting = self._told.get(name, (float("-inf"), 0.0, None))
        is_due = at - told_at >= LINE_SECONDS or now.percent - told_percent >= LINE_PERCENT
        is_news = now.phase is Phase.DONE or (now.waiting is not None and waiting is None)
        if not (is_due or is_news):
            self._told[name] = told_at, told_percent, now.waiting
            return
        self._told[name] = at, now.percent, now.waiting
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        why = f' waiting="{now.waiting}"' if now.waiting else ""
        total = "?" if now.total is None else now.total
        facts = f"stored={now.stored} total={total} pct={int(now.percent)} state={now.phase}{why}"
        self._note(f"{stamp} {printable(name)} {facts}")

    def succeed(self, name: str, *, result: UploadResult) -> None:
        self._told.pop(name, None)
        super().succeed(name, result=result)


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

    def interrupt(self, name: str, *, now: Progress | None, is_once: bool) -> None:
        stored = {"stored": now.stored, "total": now.total} if now else {}
        facts = {"file": name, "ok": False, "error": "Interrupted", "retryable": not is_once, **stored}
        self._close("interrupted", facts)

    def skip(self, name: str, *, url: str) -> None:
        self._close("skipped", {"file": name, "ok": True, "url": url})

    def leave(self, count: int) -> None:
        self._tell("not_begun", {"count": count})

    def end(self, *, exit_code: int) -> None:
        self._tell("result", {"ok": exit_code == 0, "exit_code": exit_code, "files": self._files})

    def _close(self, event: str, facts: Mapping[str, Any]) -> None:
        self._files.append(facts)
        self._tell(event, facts)

    def _tell(self, event: str, facts: Mapping[str, Any]) -> None:
        self._results.write(json.dumps({"schema": SCHEMA, "event": event, **facts}) + "\n")
        self._results.flush()


def told_of(name: str, error: UploadError) -> str:
    """An error in one line, with the name of what it is about, once: many errors begin with the path."""
    text = str(error)
    named = text.startswith(f"{name} ") or f"/{name} " in text
    return printable(text if named else f"{name}: {text}")


def printable(name: str) -> str:
    """A name without characters that would steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in name)
