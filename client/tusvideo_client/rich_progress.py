"""Uploads as bars of rich. Needs ``pip install 'tusvideo[rich]'``.

::

    from tusvideo_client import Uploader
    from tusvideo_client.rich_progress import RichProgress

    with Uploader("http://127.0.0.1:8080") as uploader, RichProgress() as bars:
        uploader.upload_many(["holiday/"], on_event=bars.item)
"""

from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .display import printable
from .events import OnEvent, UploadEvent
from .gauge import Board, Reading

try:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
except ImportError as error:
    message = "RichProgress needs rich, which is not installed: pip install 'tusvideo[rich]'"
    raise ImportError(message) from error

if TYPE_CHECKING:
    from .batch import Item

MIB = 1024 * 1024


def columns() -> tuple[ProgressColumn, ...]:
    """The columns of an upload: name, bar, per cent, stored of total, speed, time left, and why nothing moves."""
    return (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[stored]}"),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", markup=False),
    )


class RichProgress:
    """Bars of rich: give it as ``progress`` or ``on_event`` to ``upload`` or ``start``, and :meth:`item` to
    ``upload_many``.

    The end of the ``with`` block draws the last state and stops, also after an error and a cancel. A bar never goes
    back, and is full only when the server confirmed the whole file. Callbacks may come from any thread.

    Attributes:
        progress: The :class:`rich.progress.Progress` that is drawn, to be put into a layout of your own.

    Args:
        name: What to call the file whose news come without a name.
        console: Where to draw; stderr if not given.
        show: True draws also where no terminal is; False draws nothing. If not given, it draws in terminals and
            notebooks only.
    """

    def __init__(self, name: str = "", *, console: Console | None = None, show: bool | None = None) -> None:
        self._name = name
        console = console or Console(stderr=True)
        is_shown = (console.is_terminal or console.is_jupyter) if show is None else show
        self.progress = Progress(*columns(), console=console, disable=not is_shown)
        self._board = Board(self._make)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, event: UploadEvent) -> None:
        """Take news of one upload at a time; of several side by side :meth:`file` tells which."""
        self._board.tell(event, key=None, name=self._name)

    def file(self, name: str) -> OnEvent:
        """What to give as ``progress`` or ``on_event`` for one of several uploads that run side by side."""
        key = object()
        return lambda event: self._board.tell(event, key=key, name=name)

    def item(self, item: "Item", event: UploadEvent) -> None:
        """What to give as ``on_event`` to ``upload_many``: a bar for each file that is being sent."""
        self._board.tell(event, key=item, name=item.name)

    def close(self) -> None:
        """Draw the last state, and show nothing more; safe to repeat."""
        self._board.close()
        self.progress.stop()

    def _make(self, name: str) -> "_Bar":
        name = escape(printable(PurePath(name).name))
        return _Bar(self.progress, self.progress.add_task(name, total=None, stored="", note=""))


class _Bar:
    """A task of rich."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def show(self, now: Reading) -> None:
        total = "?" if now.total is None else f"{now.total / MIB:.1f}"
        stored = f"{now.stored / MIB:.1f}/{total} MiB stored"
        if now.jump:  # it was found stored, not sent: the speed begins here
            self._progress.reset(self._task, completed=now.position, total=now.total, stored=stored, note=now.note)
        else:
            self._progress.update(self._task, completed=now.position, total=now.total, stored=stored, note=now.note)

    def close(self, note: str) -> None:
        self._progress.update(self._task, note=printable(note))
        self._progress.stop_task(self._task)
