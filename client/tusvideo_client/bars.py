"""What a terminal shows: a bar for each file that is on its way, and one line for all of them."""

import shutil
import time
from pathlib import Path
from typing import TextIO

from .display import Text, printable
from .errors import UploadError
from .gauge import Rate
from .model import Phase, Progress, UploadResult

BAR_WIDTH = 20
BAR_WIDTH_AT_LEAST = 4
NAME_WIDTH = 24
MIB = 1024 * 1024


class Bars(Text):
    """Lines that are drawn anew: one for each file that is being sent, with rate and time left, and one for the whole.

    Args:
        results: Where the results go.
        notes: The terminal.
        files: How many files there are in all; the line for the whole is for more than one.
    """

    def __init__(self, results: TextIO, *, notes: TextIO, files: int = 1) -> None:
        super().__init__(results, notes=notes)
        self._files = files
        self._done = 0
        self._lines: dict[str, str] = {}
        self._rates: dict[str, Rate] = {}
        self._drawn = 0

    def begin(self, name: str) -> None:
        self._rates[name] = Rate()

    def progress(self, name: str, *, now: Progress) -> None:
        rate = self._rates.setdefault(name, Rate()).read(now, at=time.monotonic())
        self._lines[name] = _line(name, now, rate)
        self._draw()

    def succeed(self, name: str, *, result: UploadResult) -> None:
        self._finish(name)
        super().succeed(name, result=result)

    def fail(self, name: str, *, error: UploadError, exit_code: int) -> None:
        self._finish(name)
        super().fail(name, error=error, exit_code=exit_code)

    def interrupt(self, name: str, *, now: Progress | None, is_once: bool) -> None:
        self._finish(name)
        super().interrupt(name, now=now, is_once=is_once)

    def skip(self, name: str, *, url: str) -> None:
        self._finish(name)
        super().skip(name, url=url)

    def end(self, *, exit_code: int) -> None:
        self._erase()
        super().end(exit_code=exit_code)

    def _finish(self, name: str) -> None:
        """Leave a file's last line where it is, above those that are still drawn anew."""
        line = self._lines.pop(name, None)
        self._rates.pop(name, None)
        self._done += 1
        self._erase()
        if line is not None:
            self._notes.write(f"\r\x1b[K{_fitting(line)}\n")
            self._notes.flush()

    def _note(self, line: str) -> None:
        self._erase()
        super()._note(line)

    def _erase(self) -> None:
        """Go back to where the first of the drawn lines began, and clear from there."""
        if self._drawn:
            up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
            self._notes.write(f"\r{up}\x1b[J")
            self._notes.flush()
            self._drawn = 0

    def _draw(self) -> None:
        lines = list(self._lines.values())
        if self._files > 1:
            lines.append(f"{self._done} of {self._files} files done")
        up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
        self._notes.write(f"\r{up}" + "\n".join(f"\x1b[K{_fitting(line)}" for line in lines))
        self._notes.flush()
        self._drawn = len(lines)


def _line(name: str, now: Progress, rate: float) -> str:
    rest = _figures(now, rate)
    room = _columns() - len(_short(name)) - len(rest) - 3
    width = min(BAR_WIDTH, room)
    if width < BAR_WIDTH_AT_LEAST:  # on a narrow terminal the figures matter more
        return f"{_short(name)} {rest.strip()}"
    filled = int(width * now.percent / 100)
    return f"{_short(name)}  {'━' * filled}{'─' * (width - filled)} {rest}"


def _figures(now: Progress, rate: float) -> str:
    total = "?" if now.total is None else f"{now.total / MIB:.1f}"
    line = f"{now.percent:5.1f} %  {now.stored / MIB:.1f}/{total} MiB stored"
    if now.waiting:
        return f"{line}  {now.waiting}"
    if now.phase is Phase.SENDING and rate > 0:
        line += f"  {rate / MIB:.1f} MiB/s"
        if now.total is None:
            return line
        left = max(0.0, (now.total - now.sent) / rate)
        return f"{line}  {int(left // 60)}:{int(left % 60):02d} left"
    return f"{line}  {now.phase}"


def _columns() -> int:
    """How many columns a line may take; the last one stays free, because some terminals break the line there."""
    return shutil.get_terminal_size().columns - 1


def _fitting(line: str) -> str:
    """A line that the terminal does not break."""
    return line[: _columns()]


def _short(name: str) -> str:
    name = printable(Path(name).name)
    return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"
