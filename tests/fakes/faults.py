"""Adapters that die or fail at a step that a test chooses."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

HARMLESS = frozenset({"close"})
"""A dead process lets go of its files, too."""

BLOCKING = frozenset({"stage_later"})
"""They give a function that another adapter calls: the step is taken then."""


class Crash(BaseException):
    """The process is gone. Nothing catches it, and nothing that runs afterwards reaches disk or database."""


class Steps:
    """Counts the calls of all doubles that share it; call number ``at`` (from 0) and all later ones raise ``error``.

    With ``once`` only that one call raises, as a disk that fails for a moment; with ``after`` it is carried out first.
    """

    def __init__(
        self,
        *,
        at: int | None = None,
        error: Callable[[], BaseException] = Crash,
        once: bool = False,
        after: bool = False,
    ) -> None:
        self.at = at
        self.error = error
        self.once = once
        self.after = after
        self.taken = 0
        self.names: list[str] = []

    @property
    def is_over(self) -> bool:
        """True when the chosen step was never reached."""
        return self.at is None or self.taken <= self.at

    def take(self, name: str) -> bool:
        """Count a step; raise now, or tell with True that it is to raise once it is carried out."""
        number, self.taken = self.taken, self.taken + 1
        self.names.append(name)
        if self.at is None or number < self.at or (self.once and number > self.at):
            return False
        if self.after and number == self.at:
            return True
        raise self.error()


class Faulty:
    """Stands before an adapter and passes every call on, step by step; what the adapter opens is wrapped, too."""

    def __init__(self, inner: Any, steps: Steps) -> None:
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in BLOCKING:
            return functools.partial(self._blocking, name)
        if name in HARMLESS or not (inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found)):
            return found
        return functools.partial(self._stream if inspect.isasyncgenfunction(found) else self._call, name)

    def _blocking(self, name: str, *args: Any, **kwargs: Any) -> Callable[[], None]:
        call = getattr(self._inner, name)(*args, **kwargs)

        def step() -> None:
            fails = self._steps.take(name)
            call()
            if fails:
                raise self._steps.error()

        return step

    async def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        fails = self._steps.take(name)
        result = await getattr(self._inner, name)(*args, **kwargs)
        opened = Faulty(result, self._steps) if hasattr(result, "close") else result
        if fails:
            if opened is not result:
                await result.close()
            raise self._steps.error()
        return opened

    async def _stream(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if self._steps.take(name):
            raise self._steps.error()
        async for block in getattr(self._inner, name)(*args, **kwargs):
            yield block
