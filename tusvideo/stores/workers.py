"""Threads that wait for the disk, so that the event loop never does."""

import asyncio
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

from tusvideo.errors import StorageFailed
from tusvideo.stores import files

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A thread pool for the calls of ``files``; what they raise comes out as DiskFull or StorageFailed."""

    def __init__(self, *, threads: int) -> None:
        self.executor: Executor = ThreadPoolExecutor(threads, thread_name_prefix="disk")

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Start a call. Raises StorageFailed after ``close``."""

        def job() -> T:
            try:
                return call(*args, **kwargs)
            except OSError as error:
                raise files.failure(error) from error

        loop = asyncio.get_running_loop()
        try:
            return loop.run_in_executor(self.executor, job)
        except RuntimeError as error:  # the pool takes no more
            raise StorageFailed from error

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call and wait for its end, also when cancelled meanwhile."""
        return await settled(self.submit(call, *args, **kwargs))

    async def open(self, call: Callable[P, int], *args: P.args, **kwargs: P.kwargs) -> "Handle":
        """Make a call that gives a file descriptor; a cancelled one gives it back."""
        future = self.submit(call, *args, **kwargs)
        try:
            fd = await settled(future)
        except asyncio.CancelledError:
            if future.exception() is None:
                await Handle(self, fd=future.result()).close()
            raise
        return Handle(self, fd=fd)

    async def close(self) -> None:
        """Wait for the running calls, take no more, end the threads. Safe to repeat."""
        await settled(asyncio.get_running_loop().run_in_executor(None, self.executor.shutdown))


class Handle:
    """An open file and the calls that run on it; its descriptor is never closed under a running call."""

    def __init__(self, workers: Workers, *, fd: int) -> None:
        self._workers = workers
        self._fd = fd
        self._is_open = True
        self._running: set[asyncio.Future[Any]] = set()

    async def run(self, call: Callable[Concatenate[int, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call on the descriptor and wait for its end, also when cancelled meanwhile.

        Raises StorageFailed after ``close``.
        """
        if not self._is_open:
            raise StorageFailed
        future = self._workers.submit(call, self._fd, *args, **kwargs)
        self._watch(future)
        return await settled(future)

    async def close(self) -> None:
        """Wait for the running calls, then let go of the file. Safe to repeat.

        A cancellation is passed on at the end: when this is over, no call runs, whichever way it ended.
        """
        self._is_open = False
        cancelled = await self._drain()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                self._watch(self._workers.submit(files.close, fd))
            except StorageFailed:  # the threads are gone
                files.close(fd)
        cancelled = await self._drain() or cancelled
        if cancelled is not None:
            raise cancelled

    def _watch(self, future: asyncio.Future[Any]) -> None:
        self._running.add(future)
        future.add_done_callback(self._running.discard)

    async def _drain(self) -> asyncio.CancelledError | None:
        cancelled = None
        while self._running:
            try:
                await asyncio.wait(self._running)
            except asyncio.CancelledError as error:
                cancelled = error
        return cancelled

    def __del__(self) -> None:
        if self._fd >= 0:
            files.close(self._fd)
            warnings.warn("a file of the store was left open", ResourceWarning, source=self, stacklevel=2)


async def settled(future: asyncio.Future[T]) -> T:
    """Wait until a future is done. A cancellation meanwhile is passed on then, not earlier.

    A thread cannot be stopped: who gave up waiting for it could let others at the file while it still writes.
    """
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            try:
                await asyncio.wait((future,))
            except asyncio.CancelledError:
                continue
        future.exception()  # asked for, so that asyncio does not report it as unseen
        raise
