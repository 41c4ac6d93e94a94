"""What shall go wrong, and when: at a byte that comes, or at a request. Pure but for the signal that it happened."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Literal, get_args

Step = Literal["options", "create", "offset", "append", "finalize", "terminate", "record", "digest", "download"]
REFUSALS = range(400, 600)
"""The statuses that refuse: with any other one the request would have been done, or be done elsewhere."""


class Kind(StrEnum):
    """The ways to fail; the value is how a fault is spoken of."""

    CUT = "connection cut"
    SILENCE = "silence"
    DOWN = "server down"
    FORGET = "upload forgotten"
    EXPIRE = "token expired"
    REFUSE = "refusal"
    LOSE = "answer lost"
    FLIP = "bit flipped"


@dataclass(eq=False, kw_only=True)
class Fault:
    """Something that goes wrong once or a few times; :meth:`wait` waits for it.

    Attributes:
        kind: What goes wrong.
        times: How often in all.
        happened: How often it did.
        after_bytes: After how many bytes of files, counted from when it was told or last happened; None if it does not
            wait for a byte.
        step: Which requests it waits for; None for any.
        status: The status of a refusal.
        retry_after: Its Retry-After, in seconds.
        seconds: How long the server is down; None until it is told to come back.
        at: The byte of a file in which a bit is flipped.
        token: The token that is right afterwards.
    """

    kind: Kind
    times: int = 1
    happened: int = 0
    after_bytes: int | None = None
    step: Step | None = None
    status: int = 0
    retry_after: int | None = None
    seconds: float | None = None
    at: int = 0
    token: str = ""
    bytes_left: int = field(default=0, repr=False)
    _told: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self) -> None:
        least = {"times": 1, "after_bytes": 0, "at": 0, "retry_after": 0, "seconds": 0}
        for name, value in ((name, getattr(self, name)) for name in least):
            if value is not None and value < least[name]:
                message = f"{self.kind}: {name} must be at least {least[name]}, not {value}"
                raise ValueError(message)
        if self.kind is Kind.REFUSE:
            if type(self.status) not in {int, HTTPStatus} or self.status not in REFUSALS:
                message = f"{self.kind}: status must be {REFUSALS[0]} to {REFUSALS[-1]}, not {self.status!r}"
                raise ValueError(message)
            self.status = int(self.status)  # it may be told by its name, as a member of HTTPStatus
        if self.step is not None and self.step not in get_args(Step):
            message = f"{self.kind}: step must be one of {', '.join(get_args(Step))}, not {self.step!r}"
            raise ValueError(message)
        self.bytes_left = self.after_bytes or 0

    def __str__(self) -> str:
        where = {Kind.REFUSE: f" with {self.status}", Kind.FLIP: f" in byte {self.at}"}.get(self.kind, "")
        where += "" if self.after_bytes is None else f" after {self.after_bytes} bytes"
        where += "" if self.step is None else f" ({self.step})"
        return f"{self.kind}{where}" + ("" if self.times == 1 else f" {self.happened}/{self.times} times")

    @property
    def is_pending(self) -> bool:
        """True until it has happened as often as it shall."""
        return self.happened < self.times

    def wait(self, timeout: float = 10.0) -> None:
        """Wait until it happened for the first time; in async code ``await asyncio.to_thread(fault.wait)``.

        Raises:
            TimeoutError: It has not, after so many seconds.
        """
        if not self._told.wait(timeout):
            message = f"{self} has not happened within {timeout} s"
            raise TimeoutError(message)

    def happen(self) -> None:
        """Book that it happened."""
        self.happened += 1
        self.bytes_left = self.after_bytes or 0
        self._told.set()


class Plan:
    """All faults that a server was told. They are added in any thread, and happen in the server's."""

    def __init__(self) -> None:
        self.faults: tuple[Fault, ...] = ()

    def add(self, fault: Fault) -> Fault:
        """Let this happen too."""
        self.faults = (*self.faults, fault)
        return fault

    def clear(self) -> None:
        """Let nothing more happen."""
        for fault in self.faults:
            fault.times = fault.happened

    @property
    def pending(self) -> list[Fault]:
        """What has not happened as often as it shall."""
        return [fault for fault in self.faults if fault.is_pending]

    @property
    def room(self) -> int:
        """How many bytes may come until the next fault is due."""
        return min((fault.bytes_left for fault in self._by_count()), default=sys.maxsize)

    def count(self, received: int) -> None:
        """So many bytes of a file came; no more than there was room for."""
        for fault in self._by_count():
            fault.bytes_left -= received

    def due(self) -> Fault | None:
        """The fault whose byte has come."""
        return next((fault for fault in self._by_count() if fault.bytes_left <= 0), None)

    def at_request(self, kind: Kind, step: Step | None) -> Fault | None:
        """The fault of a kind that waits for a request like this one."""
        return next((fault for fault in self.pending if fault.kind is kind and fault.step in (None, step)), None)

    def at_bytes(self, start: int, end: int) -> list[Fault]:
        """The bits that are to be flipped in these bytes of a file."""
        return [fault for fault in self.pending if fault.kind is Kind.FLIP and start <= fault.at < end]

    def _by_count(self) -> Iterator[Fault]:
        return (fault for fault in self.pending if fault.after_bytes is not None)
