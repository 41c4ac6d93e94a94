"""The chunks of one upload that are on their way at the same time, each over a connection of its own."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """Requests that run side by side, by the index of their chunk; what ended is given out one by one."""

    def __init__(self) -> None:
        self._tasks: dict[int, asyncio.Task[T]] = {}
        self._has_room = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, index: int) -> bool:
        return index in self._tasks

    def begin(self, index: int, request: Coroutine[Any, Any, T]) -> None:
        """Start a chunk's request."""
        self._tasks[index] = asyncio.ensure_future(request)

    def make_room(self) -> None:
        """Let who waits for the first one look whether another may begin."""
        self._has_room.set()

    async def first(self) -> T | None:
        """Wait for one that ends, and give what it gives or raise what it raises; None if there is room for another."""
        room = asyncio.ensure_future(self._has_room.wait())
        try:
            await asyncio.wait({room, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.cancel()
        self._has_room.clear()
        index = next((index for index, task in self._tasks.items() if task.done()), None)
        return None if index is None else self._tasks.pop(index).result()

    async def settle(self) -> list[T]:
        """Wait until all have ended, each in its own time; gives what they give."""
        given = []
        while self._tasks:
            if (one := await self.first()) is not None:
                given.append(one)
        return given

    async def drop(self) -> None:
        """Break all off, and wait until they are."""
        tasks = [*self._tasks.values()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
