"""What happens to an upload, as values: told to ``on_event`` and by ``events()`` of a handle.

An event is one of the classes below or a :class:`~tusvideo_client.model.Progress`; ``match`` tells them apart::

    match event:
        case Progress(percent=percent):
            ...
        case Retrying(seconds=seconds, why=why):
            ...
        case Finished(result=result):
            ...

The last event of every upload is :class:`Finished` or :class:`Failed`, unless it is cancelled.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import UploadError
from .model import Progress, UploadResult
from .state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A new upload has an address; nothing of it is stored yet. Comes again if the server loses it.

    Attributes:
        url: Address of the upload. It is a capability: do not log it in public.
    """

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """An upload that an earlier call began goes on.

    Attributes:
        url: Address of the upload.
        offset: Bytes that are stored already.
    """

    url: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceSize:
    """The next requests carry so many bytes of the file each.

    Attributes:
        size: Bytes; the last piece of the file may be shorter.
    """

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The server confirmed more bytes; these never have to be sent again.

    Attributes:
        offset: Bytes stored in all.
    """

    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A request lost its connection.

    Attributes:
        why: What the system says about it.
    """

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Bytes arrived as others than were sent, which a connection without TLS does not always notice.

    A piece that the server refused for it is sent again. If they were stored already the upload begins anew, and its
    pieces are checked one by one from then on.

    Attributes:
        start: Where in the file the bytes are that were looked at.
        end: Where they end.
        is_stored: True if the server had stored them.
    """

    start: int
    end: int
    is_stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """A request was given up because nothing moved.

    Attributes:
        seconds: How long nothing had moved.
    """

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """The server cannot be reached; it is tried again and again, as :class:`Retrying` tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """The server can be reached again.

    Attributes:
        seconds: How long it could not.
    """

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A wait before the next request.

    Attributes:
        seconds: How long; while the server is out of reach a change of the network ends it early.
        why: The reason in words.
    """

    seconds: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Nothing is sent until :class:`Continued`.

    Attributes:
        offset: Bytes known to be stored; what was on its way may be stored as well.
    """

    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """The pause is over.

    Attributes:
        seconds: How long it was.
    """

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The server confirmed that it has the whole file.

    Attributes:
        has_checksum: True if checksums proved it, as :attr:`UploadResult.verified` tells; else only the length agrees.
    """

    has_checksum: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The upload is done.

    Attributes:
        result: What ``upload`` returns.
    """

    result: UploadResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The upload ended with an error.

    Attributes:
        error: What ``upload`` raises.
    """

    error: UploadError


UploadEvent = (
    Progress
    | Created
    | Resumed
    | PieceSize
    | Stored
    | Cut
    | Damaged
    | Stalled
    | Offline
    | Online
    | Retrying
    | Paused
    | Continued
    | Verified
    | Finished
    | Failed
)
OnEvent = Callable[[UploadEvent], None]
OnProgress = Callable[[Progress], None]


def changes(before: State, after: State) -> Iterator[UploadEvent]:
    """What a step of the planner means for somebody who watches."""
    if before.offline_since is None and after.offline_since is not None:
        yield Offline()
    if before.offline_since is not None and after.offline_since is None:
        yield Online(seconds=after.offline - before.offline)
    if after.offset > before.offset:
        yield Stored(offset=after.offset)
