"""Uploads as bars of tqdm, in terminals and in notebooks. Needs ``pip install 'tusvideo[tqdm]'``.

::

    from tusvideo_client import Uploader
    from tusvideo_client.tqdm_progress import TqdmProgress

    with Uploader("http://127.0.0.1:8080") as uploader, TqdmProgress("talk.mp4") as bar:
        uploader.upload("talk.mp4", progress=bar)
"""

from collections.abc import Callable
from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from .display import printable
from .events import OnEvent, UploadEvent
from .gauge import Board, Reading

try:
    from tqdm.auto import tqdm
except ImportError as error:
    message = "TqdmProgress needs tqdm, which is not installed: pip install 'tusvideo[tqdm]'"
    raise ImportError(message) from error

if TYPE_CHECKING:
    from .batch import Item

NAME_WIDTH = 24


class TqdmProgress:
    """Bars of tqdm: give it as ``progress`` or ``on_event`` to ``upload`` or ``start``, and :meth:`item` to
    ``upload_many``.

    The end of the ``with`` block closes all bars, also after an error and a cancel. A bar never goes back, and is full
    only when the server confirmed the whole file; behind it stands what is stored, and why nothing moves if nothing
    does. Callbacks may come from any thread.

    Args:
        name: What to call the file whose news come without a name.
        file: Where to draw; stderr, or in a notebook the page, if not given.
        show: True draws also where no terminal is; False draws nothing. If not given, it draws in terminals and
            notebooks only.
        bar_class: Another class of tqdm to draw with.
    """

    def __init__(
        self,
        name: str = "",
        *,
        file: TextIO | None = None,
        show: bool | None = None,
        bar_class: Callable[..., Any] = tqdm,
    ) -> None:
        self._name = name
        self._file = file
        self._disable = None if show is None else not show
        self._bar_class = bar_class
        self._board = Board(self._make)

    def __enter__(self) -> Self:
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
        """Close all bars, and show nothing more; safe to repeat."""
        self._board.close()

    def _make(self, name: str) -> "_Bar":
        bar = self._bar_class(
            desc=_short(name) or None,
            file=self._file,
            disable=self._disable,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            miniters=1,
            dynamic_ncols=True,
        )
        return _Bar(bar)


class _Bar:
    """A bar of tqdm."""

    def __init__(self, bar: Any) -> None:  # noqa: ANN401  # tqdm has no types, and notebooks another class
        self._bar = bar
        self._note = ""

    def show(self, now: Reading) -> None:
        bar = self._bar
        if bar.disable:
            return
        if now.total is not None and bar.total is None and bar.n == 0:
            bar.reset(total=now.total)  # notebooks draw their width at this call
        bar.total = now.total
        if now.jump:  # it was found stored, not sent: it counts for the position and not for the speed
            bar.initial += now.jump
            bar.n += now.jump
            bar.last_print_n += now.jump
        bar.set_postfix_str(now.words(), refresh=False)
        bar.update(now.position - bar.n)
        if now.jump or now.note != self._note:
            bar.refresh()
        self._note = now.note

    def close(self, note: str) -> None:
        if note and not self._bar.disable:
            self._bar.set_postfix_str(printable(note), refresh=False)
        self._bar.close()


def _short(name: str) -> str:
    name = printable(PurePath(name).name)
    return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"
