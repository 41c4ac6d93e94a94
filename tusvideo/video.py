"""What tusvideo knows of videos: records, captions, and what examining a file tells; values only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from tusvideo.model import UserId

UNDO_SECONDS: Final = 30
"""So long what was removed from the library can be restored."""
MAX_CAPTION_BYTES: Final = 2 * 1024 * 1024
"""Of one file of captions; those of a film of three hours have a tenth of it."""
MAX_CAPTIONS: Final = 20
"""So many languages a video has captions in, at most."""


class VideoState(StrEnum):
    """How far it is known what a video consists of. Whatever it says, the file is as it was uploaded."""

    CHECKING = "checking"
    """It waits to be examined, or is being examined."""
    READY = "ready"
    FAILED = "failed"
    """It cannot be read as a video."""


class VideoSort(StrEnum):
    """In which order records are listed; among equals the id decides."""

    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"
    """By the folded title (``rules.search``), A first."""
    LARGEST = "largest"
    LONGEST = "longest"
    """Those whose duration is not known come last."""


class Caption(NamedTuple):
    """Captions of a video in one language, without their text."""

    language: str
    """A BCP 47 tag, in its usual case: ``pt-BR``."""
    label: str
    """How people are offered it."""
    size: int
    """Bytes of WebVTT."""
    version: str
    """What tells their text from every other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """The record that people see for a published file: a title, a description, a link."""

    id: str
    """32 hex digits."""
    owner: UserId
    profile: str
    filename: str
    title: str
    description: str
    size: int
    content_type: str
    created_at: datetime
    updated_at: datetime
    original_name: str | None = None
    """How the file is called when it is saved; None: as it is stored."""
    state: VideoState = VideoState.READY
    reason: str | None = None
    """Why it failed, in a sentence for people."""
    tries: int = 0
    """So often it was begun to examine the file."""
    duration: float | None = None
    """This and what follows: see Facts."""
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    faststart: bool | None = None
    thumbnail: str | None = None
    """What tells its thumbnail from every other; None when it has none."""
    replaced_at: datetime | None = None
    """When it got the file that it has; None: with the first one."""
    beginning: str | None = None
    """What tells the beginning that players get from every other; None when they get the file as it is."""
    captions: tuple[Caption, ...] = ()
    """By language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a video consists of, as far as its file tells; None: not known, or not there."""

    duration: float | None = None
    """Seconds."""
    width: int | None = None
    """Pixels of the stored picture, before ``rotation``."""
    height: int | None = None
    rotation: int | None = None
    """Degrees clockwise by which a player turns the picture: 0, 90, 180 or 270."""
    video_codec: str | None = None
    """As FFmpeg calls it: ``h264``, ``hevc``, ``vp9``, ``av1`` …"""
    audio_codec: str | None = None
    faststart: bool | None = None
    """True when the index comes before the data, so that a video plays while it loads; None where there is no such
    order (any container but mp4 and its kin)."""


class Fault(StrEnum):
    """Why nothing is known about a video."""

    UNREADABLE = "unreadable"
    """Its content is damaged, cut, or something else than it says."""
    NO_PICTURE = "no_picture"
    """It is sound only."""
    TOO_SLOW = "too_slow"
    """Reading it took longer than it may."""
    TOO_LARGE = "too_large"
    """Reading it took more memory than it may."""
    BROKEN = "broken"
    """It brought down the process that read it."""
    GONE = "gone"
    """Its file is not there any more."""
    GIVEN_UP = "given_up"
    """Each time that it was read the server stopped."""
    NO_READER = "no_reader"
    """Nothing here can read videos; the video is not to blame."""


class Beginning(NamedTuple):
    """``content``, and then a file from ``start`` on without [``gap_start``, ``gap_stop``), plays while it loads."""

    content: bytes
    start: int
    gap_start: int
    gap_stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What came of examining a video; with a fault, nothing."""

    facts: Facts = Facts()
    thumbnail: bytes | None = None
    """A JPEG; None when no picture could be drawn."""
    beginning: Beginning | None = None
    """None when none was wanted, is needed or could be made."""
    fault: Fault | None = None
