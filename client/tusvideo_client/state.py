"""What the planner knows and what it can say: steps, policy, state, events and actions. Values only."""

from dataclasses import dataclass
from enum import StrEnum

MIB = 1024 * 1024


class Step(StrEnum):
    """One kind of request."""

    ASK = "ask"
    CREATE = "create"
    PROBE = "probe"
    SEND = "send"
    FINALIZE = "finalize"
    RECORD = "record"
    DONE = "done"


class Trouble(StrEnum):
    """How a request can end without an answer."""

    CUT = "the connection was lost"
    STALLED = "nothing moved for too long"
    UNREACHABLE = "the server cannot be reached"
    UNTRUSTED = "the server's certificate is not trusted"


class Kind(StrEnum):
    """Why an upload stops for good."""

    AUTH = "auth"
    UNTRUSTED = "untrusted"
    REJECTED = "rejected"
    GONE = "gone"
    INTEGRITY = "integrity"
    DAMAGED = "damaged"
    PROTOCOL = "protocol"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient an upload is. All times are seconds.

    Attributes:
        base: Longest wait before the first retry; doubles with every failure in a row.
        cap: Longest wait of all.
        budget: Failures that may come in quick succession; stored bytes refill it.
        refill_bytes: Stored bytes that buy one failure back (one hundredth of the file, if that is less).
        no_progress: Give up when no byte was stored for so long; None for never. Offline time does not count.
        max_offline: Give up when the server was out of reach for so long; None for never.
        busy: Give up when another request held the upload for so long.
        delays: If given, exactly these waits, counted from the last stored byte, and no other clock: the documented
            figures of the chunk API.
    """

    base: float = 0.25
    cap: float = 30.0
    budget: int = 8
    refill_bytes: int = MIB
    no_progress: float | None = 900.0
    max_offline: float | None = 3600.0
    busy: float = 300.0
    delays: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long nothing may happen. All times are seconds; none of them limits a request that moves.

    A request that moved, fell silent and was given up twice at one offset may be slower than it seems: from then on
    ``stall`` and ``probe`` double with each one, up to eight times, until a byte more is stored.

    Attributes:
        connect: A connection may take so long to come about.
        stall: A request is given up when the peer acknowledged nothing for so long.
        probe: After so long without movement a second connection is tried; if it is answered, the first one is dropped.
        response: An answer may take so long, counted from the moment when the peer had acknowledged the whole request.
    """

    connect: float = 10.0
    stall: float = 15.0
    probe: float = 5.0
    response: float = 30.0


DOCUMENTED = RetryPolicy(delays=(1.0, 2.0, 4.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that the planner remembers of one upload. ``length`` is None while it is not known."""

    length: int | None
    step: Step
    progress_at: float
    offset: int = 0
    best: int = 0
    failures: int = 0
    spent: float = 0.0
    offline_since: float | None = None
    busy_since: float | None = None
    busy: int = 0
    renewed: bool = False
    doubts: int = 0
    hopeful: bool = True
    restarts: int = 0
    rewinds: int = 0
    repeats: int = 0
    damages: int = 0
    ceiling: int | None = None
    offline: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The server answered.

    ``left`` counts the chunks still to send; ``renewable``: a fresh token may be had; ``asked`` counts the bytes of the
    file that the request was to carry; ``deferred``: the server waits to be told the length. ``is_complete`` tells
    whether this is the last word on the upload, where the protocol does not leave that to the offset; ``is_disputed``:
    the upload stands elsewhere than the request assumed; ``is_damaged``: the bytes of the request did not come as they
    were sent.
    """

    at: float
    status: int
    offset: int | None = None
    length: int | None = None
    retry_after: float | None = None
    left: int = 0
    renewable: bool = False
    asked: int = 0
    deferred: bool = False
    is_complete: bool | None = None
    is_disputed: bool = False
    is_damaged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """No answer came.

    ``moved`` counts the body bytes that the network took before that; ``lasted`` the seconds that the try took.
    """

    at: float
    trouble: Trouble
    moved: int = 0
    lasted: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """The bytes that the server stores are not the first bytes of the file."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Bytes that were sent are stored as others: somewhere from ``start`` up to ``end``."""

    at: float
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """The user paused the upload in the middle of a request, which has no answer, and now wants it to go on."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceed:
    """Make this request now."""

    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Make this request after a time between ``least`` and ``most`` seconds.

    ``wakes``: at once, when this machine's addresses or routes change.
    """

    step: Step
    least: float
    most: float
    why: str
    wakes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End with an error."""

    kind: Kind
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """Ask the token provider once, then make this request; ``otherwise``, if it has no other token, end."""

    step: Step
    otherwise: Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The stored bytes are gone or not ours: begin a new upload with this request."""

    step: Step
    why: str


Event = Answer | Broken | Differs | Damaged | Continued
Action = Proceed | Wait | Renew | Restart | Stop
