"""What another thread is about to give, for a task that must not go on without it."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


class Outcome(asyncio.Future[T]):
    """A future that cannot be cancelled, no more than the call that it stands for can be stopped.

    Who waits for it and is cancelled hears of that when the call has ended. Otherwise others could be let at a file
    while it is still being written, or at a row while it is still being committed.
    """

    def cancel(self, msg: object = None) -> bool:
        del msg
        return False

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Note what the call raised; a StopIteration as RuntimeError, as coroutines do, since no future takes it."""
        if isinstance(exception, StopIteration):
            error = RuntimeError("the call raised StopIteration")
            error.__cause__ = exception
            exception = error
        super().set_exception(exception)
