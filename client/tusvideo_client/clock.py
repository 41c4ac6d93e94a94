"""Where an upload has its time and its chance from."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from . import network


def _minute_of_day() -> int:
    here = time.localtime()
    return here.tm_hour * 60 + here.tm_min


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time and chance; tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[float, float], float] = random.uniform
    network_changed: Callable[[], Awaitable[None]] = network.changed
    minute: Callable[[], int] = _minute_of_day
