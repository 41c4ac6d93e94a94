"""When a file that is still being written has ended."""

import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """When a growing file has ended. All times are seconds.

    Attributes:
        quiet: It has when it did not grow for so long; if neither of the next two is given.
        until: It has when this says so; asked when there is nothing to send. What it raises ends the upload.
        pid: It has when this process is gone. Not on Windows.
        poll: How often the file is looked at.
    """

    quiet: float = 10.0
    until: Callable[[], bool] | None = None
    pid: int | None = None
    poll: float = 0.5

    def __post_init__(self) -> None:
        if self.quiet <= 0 or self.poll <= 0 or (self.until is not None and self.pid is not None):
            message = "follow: expected times above 0, and at most one of until and pid"
            raise ValueError(message)
        if self.pid is not None and (self.pid <= 0 or sys.platform == "win32"):
            message = f"follow: process {self.pid} cannot be watched; expected the number of one, and not on Windows"
            raise ValueError(message)
