"""The brake that all uploads of one uploader share."""

from collections.abc import AsyncIterator, Awaitable, Callable

from .clock import Clock
from .rate import Bucket, Timetable, constant, grain_of, parse_timetable, take


class Throttle:
    """Lets bytes leave at the rate of a timetable, in turns: each upload that has bytes gets the same share.

    Args:
        limit: Bytes a second, or a text as :func:`parse_timetable` reads it; ``ValueError`` if it means nothing.
        now: Monotonic time in seconds.
        sleep: Waits for so many seconds.
        minute: Minute of the local day.
    """

    def __init__(
        self,
        limit: float | str | Timetable,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        minute: Callable[[], int],
    ) -> None:
        match limit:
            case Timetable():
                self._timetable = limit
            case str():
                self._timetable = parse_timetable(limit)
            case _:
                self._timetable = constant(limit)
        self._now = now
        self._sleep = sleep
        self._minute = minute
        self._bucket = Bucket()

    async def pace(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes, each when its turn has come. A turn that is waited for and then given up is lost to all."""
        async for piece in pieces:
            start = 0
            while start < len(piece):
                rate = self._timetable.rate_at(self._minute())
                part = piece[start:] if rate is None else piece[start : start + grain_of(rate)]
                if rate is not None:
                    self._bucket, pause = take(self._bucket, size=len(part), rate=rate, at=self._now())
                    if pause > 0:
                        await self._sleep(pause)
                start += len(part)
                yield part


RateLimit = float | str | Timetable | Throttle  # a throttle that is given is shared with whoever else has it


def throttle_of(limit: RateLimit | None, *, clock: Clock) -> Throttle | None:
    """The brake for a limit, under this clock. Raises ValueError if the limit means nothing."""
    if limit is None or isinstance(limit, Throttle):
        return limit
    return Throttle(limit, now=clock.now, sleep=clock.sleep, minute=clock.minute)
