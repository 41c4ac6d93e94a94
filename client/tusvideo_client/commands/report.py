"""What commands other than ``upload`` tell: sentences and tables for people, or one JSON object a line."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from tusvideo_client.display import SCHEMA, told_of
from tusvideo_client.errors import UploadError

from .exits import exit_code_of


class Report:
    """Where a command's words go: results to stdout, the rest to stderr.

    Args:
        as_json: One object a line on stdout instead of text.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def tell(self, event: str, facts: Mapping[str, Any], *, text: str) -> None:
        """Tell a result: ``text`` to people, ``facts`` to programs."""
        if self._as_json:
            sys.stdout.write(json.dumps({"schema": SCHEMA, "event": event, **facts}) + "\n")
        else:
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Tell people, on stderr, what programs see in the facts."""
        if not self._as_json:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def passing(self, text: str) -> None:
        """Tell what is going on, on a terminal only, in a line that the next one takes the place of."""
        if not self._as_json and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def fail(self, name: str, error: UploadError) -> int:
        """Tell what went wrong with one upload; gives the exit code."""
        code = exit_code_of(error)
        if self._as_json:
            facts = {"ok": False, "error": type(error).__name__, "message": str(error), **error.facts()}
            self.tell("failed", {"upload": name, **facts, "exit_code": code}, text="")
        else:
            self.note(told_of(name, error) + (f"\n  {error.hint}" if error.hint else ""))
        return code

    def end(self, exit_code: int) -> int:
        """Sum up, for programs; gives the code back."""
        if self._as_json:
            self.tell("result", {"ok": exit_code == 0, "exit_code": exit_code}, text="")
        return exit_code
