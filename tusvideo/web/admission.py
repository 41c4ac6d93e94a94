"""How many bodies are received at once: when there are enough, the next is refused before a byte of it is read."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tusvideo.errors import Overloaded


class Admission:
    """Counts the bodies that are on their way, by the upload that they are for."""

    def __init__(self) -> None:
        self._running: Counter[str | None] = Counter()
        self._count = 0

    @property
    def count(self) -> int:
        """Bodies on their way."""
        return self._count

    @contextmanager
    def admitted(self, upload: str | None, *, most: int) -> Iterator[None]:
        """Count a body in while it is received; ``upload`` is None when only its content tells whose it is.

        Raises Overloaded when ``most`` are on their way, unless this one comes to take the place of another one of the
        same upload: a client that lost its connection must not wait for the server to notice.
        """
        if self._count >= most and (upload is None or self._running[upload] != 1):
            raise Overloaded
        self._count += 1
        self._running[upload] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._running[upload] -= 1
            if not self._running[upload]:
                del self._running[upload]
