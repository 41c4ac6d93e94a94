"""Threads that wait for the disk, so that the event loop never does."""

import asyncio
import contextlib
import threading
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Concatenate, ParamSpec, TypeVar

from tusvideo.errors import StorageFailed
from tusvideo.outcome import Outcome
from tusvideo.stores import files
from tusvideo.streams import Tap

P = ParamSpec("P")
T = TypeVar("T")


_Job = tuple[Callable[[], Any], Outcome[Any]]


class _Lane:
    """A thread that makes one call after the other. ``ended`` is called in the loop of who asked for the call."""

    def __init__(self, name: str, *, ended: Callable[["_Lane"], None]) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._ended = ended
        # A daemon: a call that hangs must not keep a process that gave up on it. ``close`` waits for all others.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def begin(self, job: _Job) -> None:
        """Make a call."""
        self._jobs.put(job)

    def close(self) -> None:
        """End the thread. Blocks until it has ended."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, result = job
            try:
                tell, told = result.set_result, call()
            except BaseException as error:  # noqa: BLE001 - for who waits, whatever it is
                tell, told = result.set_exception, error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                result.get_loop().call_soon_threadsafe(self._tell, tell, told)
            del job, call, result, tell, told  # or a buffer would live until the next call

    def _tell(self, tell: Callable[[T], None], told: T) -> None:
        self._ended(self)
        tell(told)


class Workers:
    """Threads for the calls of ``files``; what they raise comes out as DiskFull or StorageFailed.

    At most ``threads`` calls run at a time, the others wait in their order. The thread that was the last to end a call
    gets the next one: so a single writer stays with one thread, and other threads stay asleep (decisions/0012).
    """

    def __init__(self, *, threads: int) -> None:
        self.executor: Executor = ThreadPoolExecutor(1, thread_name_prefix="disk-names")
        """For libraries that want one."""
        self._most = threads
        self._lanes: list[_Lane] = []
        self._idle: list[_Lane] = []
        self._waiting: deque[_Job] = deque()
        self._closed = False
        self._all_ended: Outcome[None] | None = None

    def are_asked_for(self) -> bool:
        """Tell whether a call waits for a thread. From any thread."""
        return bool(self._waiting)

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Start a call. Raises StorageFailed after ``close``."""
        if self._closed:
            raise StorageFailed

        def job() -> T:
            try:
                return call(*args, **kwargs)
            except OSError as error:
                raise files.failure(error) from error

        result: Outcome[T] = Outcome(loop=asyncio.get_running_loop())
        if self._idle:
            self._idle.pop().begin((job, result))
        elif len(self._lanes) < self._most:
            lane = _Lane(f"disk-{len(self._lanes)}", ended=self._end)
            self._lanes.append(lane)
            lane.begin((job, result))
        else:
            self._waiting.append((job, result))
        return result

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call and wait for its end, also when cancelled meanwhile."""
        return await self.submit(call, *args, **kwargs)

    async def open(self, call: Callable[P, int], *args: P.args, **kwargs: P.kwargs) -> "Handle":
        """Make a call that gives a file descriptor; a cancelled one gives it back."""
        future = self.submit(call, *args, **kwargs)
        try:
            fd = await future
        except asyncio.CancelledError:
            if future.exception() is None:
                await Handle(self, fd=future.result()).close()
            raise
        return Handle(self, fd=fd)

    async def close(self) -> None:
        """Wait for the running calls, take no more, end the threads. Safe to repeat."""
        self._closed = True
        loop = asyncio.get_running_loop()
        try:
            if len(self._idle) < len(self._lanes):
                self._all_ended = self._all_ended or Outcome(loop=loop)
                await self._all_ended
        finally:
            lanes, self._lanes = self._lanes, []
            await settled(loop.run_in_executor(None, self._end_threads, lanes))

    def _end(self, lane: _Lane) -> None:
        if self._waiting:
            lane.begin(self._waiting.popleft())
            return
        self._idle.append(lane)
        if self._all_ended is not None and len(self._idle) == len(self._lanes) and not self._all_ended.done():
            self._all_ended.set_result(None)

    def _end_threads(self, lanes: list[_Lane]) -> None:
        for lane in lanes:
            lane.close()
        self.executor.shutdown()


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
        return await future

    async def draw(self, tap: Tap, *, position: int, most: int) -> tuple[int, OSError | None]:
        """Make the call ``files.draw``, which ends early when somebody waits for a thread."""
        return await self.run(files.draw, tap, position=position, most=most, asked_for=self._workers.are_asked_for)

    @property
    def descriptor(self) -> int:
        """The descriptor, for a process to inherit. Raises StorageFailed after ``close``."""
        if not self._is_open:
            raise StorageFailed
        return self._fd

    def begin(
        self, call: Callable[Concatenate[int, P], None], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[None] | None:
        """Start a call that raises nothing and that nobody has to wait for, as ``close`` does; None after that."""
        if not self._is_open:
            return None
        future = self._workers.submit(call, self._fd, *args, **kwargs)
        self._watch(future)
        return future

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
    """Wait until a future is done. A cancellation meanwhile is passed on then, not earlier."""
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
