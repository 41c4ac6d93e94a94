"""What is said of a video after it was examined, and when it need not be."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tusvideo.rules.sniff import KINDS
from tusvideo.video import Fault, VideoState

MAX_TRIES: Final = 5
"""So often an examination is begun; each one but the last ended because the server did."""

REASONS: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.UNREADABLE: "This file cannot be read as a video: it is damaged, or a part of it is missing.",
        Fault.NO_PICTURE: "There is no moving picture in this file.",
        Fault.TOO_SLOW: "This file takes too long to read; it may be damaged.",
        Fault.TOO_LARGE: "This file takes too much memory to read: its picture is too large, or it is damaged.",
        Fault.BROKEN: "This file made the program fail that reads videos; it may be damaged.",
        Fault.GONE: "The file is not there any more.",
        Fault.GIVEN_UP: f"This file was examined {MAX_TRIES} times, and each time the server stopped.",
    },
)
"""For people, one sentence each. The file itself is as it was uploaded, whatever they say."""


def first_state(content_type: str, *, inspects: bool) -> VideoState:
    """Give the state of a new record: it waits to be examined if it is a video and somebody examines videos."""
    return VideoState.CHECKING if inspects and content_type in KINDS else VideoState.READY


def settled(fault: Fault | None) -> tuple[VideoState, str | None]:
    """Give the state after an examination, and the reason if it failed. Without a reader all is well, and unknown."""
    if fault is None or fault is Fault.NO_READER:
        return VideoState.READY, None
    return VideoState.FAILED, REASONS[fault]
