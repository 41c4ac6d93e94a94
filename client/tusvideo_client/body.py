"""A request body on its way: how much of it was handed over, and how much of that are bytes of the file."""

from collections.abc import AsyncIterator, Callable

from .errors import UploadError
from .throttle import Throttle


class Body:
    """A request body of known length, counted as it leaves (``handed``) and, at the end, as it arrived (``acked``).

    Args:
        pieces: The bytes, in order.
        length: How many there are in all.
        lead: How many of them come before the bytes of the file.
        file_length: How many of them are bytes of the file; all of them if not given.
        may_repeat: The answer takes no work, and the request may be made again: if only the answer is missing, a rival
            that is answered takes over as well.
        grace: Seconds for which a pause lets it go on; for what counts only when it is whole.
        on_left: Called once, soon after its last byte left; not where the platform does not tell, or if the answer is
            swifter.
    """

    throttle: Throttle | None = None

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        *,
        length: int,
        lead: int = 0,
        file_length: int | None = None,
        may_repeat: bool = False,
        grace: float = 0.0,
        on_left: Callable[[], None] | None = None,
    ) -> None:
        self.length = length
        self.may_repeat = may_repeat
        self.grace = grace
        self.on_left = on_left
        self.handed = 0
        self.acked = 0
        self.error: UploadError | None = None
        self._pieces = pieces
        self._lead = lead
        self._file_length = length if file_length is None else file_length

    @property
    def file_bytes(self) -> int:
        """Bytes of the file handed over so far."""
        return self.file_bytes_of(self.handed)

    def file_bytes_of(self, moved: int) -> int:
        """How many of the first ``moved`` bytes are bytes of the file."""
        return max(0, min(moved - self._lead, self._file_length))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._pieces if self.throttle is None else self.throttle.pace(self._pieces)
        try:
            async for piece in pieces:
                self.handed += len(piece)
                yield piece
        except UploadError as error:
            self.error = error
            raise
