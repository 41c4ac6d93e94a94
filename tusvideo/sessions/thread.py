"""A SQLite connection and the one thread that uses it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Self, TypeVar

from tusvideo.outcome import Outcome

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""Statements to be run one after the other on a connection's own thread; gives what they found."""
Told = Callable[[Any, BaseException | None], None]
"""Hears, in the event loop, what a call gave and what it raised."""

_Call = tuple[Work[Any], asyncio.AbstractEventLoop, Told]


class ConnectionThread:
    """A connection that is opened, used and closed on a thread of its own; calls are made in their order."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._is_open = True
        self._connection: sqlite3.Connection | None = None
        # A daemon: a call that hangs must not keep a process that gave up on it. ``close`` waits for all others.
        self._thread = threading.Thread(target=self._work, name="sessions", daemon=True)

    @classmethod
    async def open(cls, connect: Callable[[], sqlite3.Connection]) -> Self:
        """Start the thread and open the connection on it. Raises what ``connect`` does; nothing stays open then."""
        made = cls()
        made._thread.start()
        try:
            await made.run(lambda _: made._keep(connect()))
        except BaseException:
            await made.close()
            raise
        return made

    def begin(self, work: Work[Any], told: Told) -> None:
        """Start a call; ``told`` is called in this event loop when it has ended, unless the loop is closed by then.

        Raises sqlite3.ProgrammingError after ``close``.
        """
        if not self._is_open:
            message = "the connection is closed"
            raise sqlite3.ProgrammingError(message)
        self._calls.put((work, asyncio.get_running_loop(), told))

    async def run(self, work: Work[T]) -> T:
        """Make a call and wait for its end, also when cancelled meanwhile. Raises what it raises."""
        outcome: Outcome[T] = Outcome(loop=asyncio.get_running_loop())

        def told(found: T, error: BaseException | None) -> None:
            if error is None:
                outcome.set_result(found)
            else:
                outcome.set_exception(error)

        self.begin(work, told)
        return await outcome

    async def close(self) -> None:
        """Wait for the calls that were begun, close the connection, end the thread. Safe to repeat."""
        self._is_open = False
        self._calls.put(None)
        await asyncio.to_thread(self._thread.join)

    def _keep(self, connection: sqlite3.Connection) -> None:
        # Here, on the thread: who waits for it may be cancelled, and it must be closed all the same.
        self._connection = connection

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            work, loop, told = call
            found, error = None, None
            try:
                found = work(self._connection)  # type: ignore[arg-type]  # only the call that opens it finds None
            except BaseException as raised:  # noqa: BLE001 - for who waits, whatever it is
                error = raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(told, found, error)
            del call, work, told, found, error  # or what was found would live until the next call
        if self._connection is not None:
            self._connection.close()
