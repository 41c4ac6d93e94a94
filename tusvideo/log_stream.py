"""Where log lines go: to a stream, in few writes, without ever holding up the event loop for a reader that is slow."""

import asyncio
import logging
import select
from collections import deque
from os import write
from typing import Final, TextIO

MOST_HELD_BYTES: Final = 1024 * 1024
"""So much waits for a reader that is slow; what comes beyond is lost, and the log tells how much that was."""
LAST_SECONDS: Final = 1.0
"""So long what waits is offered to such a reader outside of the event loop, before the process ends for one."""
_AT_ONCE_BYTES: Final = 4096
"""A pipe that can be written at all takes so much without waiting (PIPE_BUF)."""
_AGAIN_SECONDS: Final = 0.05


class LogStream(logging.Handler):
    """Writes records to a stream.

    In the event loop, lines gather until its next turn; a warning takes all before it along at once, and so does
    whatever is told outside of the loop. Lines are never written before what they tell has happened, and a process that
    is killed loses those of one turn at most. A stream that is closed, or full for long, costs lines and nothing else.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._file = _file_of(stream)
        self._poll = select.poll()
        if self._file is not None:
            self._poll.register(self._file, select.POLLOUT)
        self._lines: deque[bytes] = deque()
        self._held_bytes = 0
        self._lost = 0
        self._turn: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - what cannot be told must not break what it tells of
            self.handleError(record)
            return
        self._take(line, level=record.levelno)

    def take(self, line: str, *, level: int) -> None:
        """Take a line that is written as it is, as ``handle`` takes a record."""
        self.acquire()
        try:
            self._take(line, level=level)
        finally:
            self.release()

    def flush(self) -> None:
        """Write what is held, for as long as it takes but no longer than a second."""
        self._locked_write(patience=LAST_SECONDS)

    def _take(self, text: str, *, level: int) -> None:
        line = text.encode("ascii", "backslashreplace") + b"\n"
        if self._held_bytes + len(line) > MOST_HELD_BYTES:
            self._lost += 1
            return
        self._lines.append(line)
        self._held_bytes += len(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write(patience=LAST_SECONDS)
            return
        if level >= logging.WARNING:
            self._write(patience=0)
        if self._lines and self._turn is not loop:
            self._turn = loop
            loop.call_soon(self._end_turn, loop)

    def _end_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turn = None
        self._locked_write(patience=0)
        if self._lines and self._turn is None:
            self._turn = loop
            loop.call_later(_AGAIN_SECONDS, self._end_turn, loop)

    def _locked_write(self, *, patience: float) -> None:
        self.acquire()
        try:
            self._write(patience=patience)
        finally:
            self.release()

    def _write(self, *, patience: float) -> None:
        try:
            while self._lines and self._is_ready(patience):
                self._write_some()
        except (OSError, ValueError):  # nobody reads any more
            self._drop()

    def _write_some(self) -> None:
        piece = self._lines.popleft()
        while self._lines and len(piece) + len(self._lines[0]) <= _AT_ONCE_BYTES:
            piece += self._lines.popleft()
        if self._file is None:
            self._stream.write(piece.decode("ascii"))
            self._stream.flush()
            size = len(piece)
        else:
            try:
                size = write(self._file, piece[:_AT_ONCE_BYTES])
            except BlockingIOError:
                size = 0
        self._held_bytes -= size
        if size < len(piece):
            self._lines.appendleft(piece[size:])
        elif self._lost and not self._lines:
            self._tell_loss()

    def _tell_loss(self) -> None:
        lost, self._lost = self._lost, 0
        record = logging.LogRecord(__name__, logging.WARNING, "", 0, "log_lines_lost", None, None)
        record.data = {"count": lost}
        line = self.format(record).encode("ascii") + b"\n"
        self._lines.append(line)
        self._held_bytes += len(line)

    def _drop(self) -> None:
        self._lines.clear()
        self._held_bytes = 0

    def _is_ready(self, patience: float) -> bool:
        if self._file is None:
            return True
        return bool(self._poll.poll(patience * 1000))


def _file_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # a stream in memory
        return None
