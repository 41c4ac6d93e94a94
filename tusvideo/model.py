"""The things that tusvideo knows: uploads, parts, profiles, limits; values only, no behaviour with effects."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, NewType

from tusvideo.errors import InvalidField

UploadId = NewType("UploadId", str)
"""32 lower-case hex digits from ``secrets``; the only name that ever becomes a path or a URL of an upload."""

UserId = NewType("UserId", str)
"""1 to 120 bytes of UTF-8 without control characters; who owns an upload."""

ClientKey = NewType("ClientKey", str)
"""The chunk API's ``uploadId``: ``[A-Za-z0-9_-]{1,128}``, made by the client, unique within its user."""

UPLOAD_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
SOURCE: Final = re.compile(r"([0-9a-f]{32})(?=[ \t]|$)", re.ASCII)
PARTIAL: Final = "partial"
"""What ``Upload.concat`` says of a partial upload."""
CLIENT_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
MAX_USER_ID_BYTES: Final = 120
TITLE_CHARACTERS: Final = 200
"""So long a title may be."""
SNIFF_BYTES: Final = 4096
"""So many bytes from byte 0, or the whole if it is shorter, decide the content type."""


def upload_id(text: str) -> UploadId:
    """Check and name an upload id.

    Raises InvalidField when the text is not 32 lower-case hex digits.
    """
    if UPLOAD_ID.fullmatch(text) is None:
        raise InvalidField("upload id", expected="32 lower-case hex digits", got=text)
    return UploadId(text)


def replaced_id(text: str) -> str:
    """Check the id of the record whose file is to be replaced, as ``replaces`` names it.

    Raises InvalidField when the text is not 32 lower-case hex digits.
    """
    if UPLOAD_ID.fullmatch(text) is None:
        raise InvalidField("replaces", expected="the id of a video: 32 lower-case hex digits", got=text)
    return text


def user_id(text: str) -> UserId:
    """Check and name a user id.

    Raises InvalidField when it is empty, longer than 120 bytes of UTF-8, or has control characters.
    """
    if not text or not text.isprintable() or len(text.encode("utf-8", "surrogatepass")) > MAX_USER_ID_BYTES:
        raise InvalidField("user id", expected="1 to 120 bytes without control characters", got=text)
    return UserId(text)


def client_key(text: str) -> ClientKey:
    """Check and name an ``uploadId`` of the chunk API.

    Raises InvalidField when it is not ``[A-Za-z0-9_-]{1,128}``.
    """
    if CLIENT_KEY.fullmatch(text) is None:
        raise InvalidField("uploadId", expected="1 to 128 of A-Z a-z 0-9 _ -", got=text)
    return ClientKey(text)


Digests = tuple[tuple[str, str], ...]
"""Digests of the same bytes: pairs of an algorithm (``sha-256``) and lower-case hex digits, in order."""


class Protocol(StrEnum):
    """The dialect in which an upload was begun; only that one may write to it."""

    TUS = "tus"
    CHUNKS = "chunks"
    IETF = "ietf"
    """Resumable uploads of the IETF draft, and whole files that came with no protocol at all."""


class Durability(StrEnum):
    """What an acknowledged byte survives."""

    STRICT = "strict"
    """kill -9 and power loss: bytes are synced before they are committed."""
    RELAXED = "relaxed"
    """kill -9 only: bytes of an append are synced within half a minute, and always before the file is published."""


class Faststart(StrEnum):
    """What becomes of videos whose index lies behind their data, so that they do not play while they load."""

    KEEP = "keep"
    """They are played as they were uploaded."""
    REPAIR = "repair"
    """Players get them with the index in front; the file itself stays as it was uploaded."""


class InterimAnswers(StrEnum):
    """Whom the server tells of an upload while the request that made it still runs (104, IETF draft)."""

    AUTO = "auto"
    """Clients that understand it, but none behind a configured proxy: not every proxy passes it on."""
    ALWAYS = "always"
    """Clients that understand it; the proxies were seen to pass it on."""
    NEVER = "never"


class Status(StrEnum):
    """Where an upload stands in its life. Stored, never derived from offset == length."""

    OPEN = "open"
    FINALIZING = "finalizing"
    COMPLETE = "complete"
    TERMINATED = "terminated"
    EXPIRED = "expired"
    FAILED = "failed"
    DAMAGED = "damaged"


TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    Status.OPEN: frozenset(
        {Status.FINALIZING, Status.TERMINATED, Status.EXPIRED, Status.FAILED, Status.DAMAGED},
    ),
    Status.FINALIZING: frozenset({Status.COMPLETE, Status.TERMINATED, Status.FAILED, Status.DAMAGED}),
    Status.COMPLETE: frozenset({Status.TERMINATED}),
    Status.TERMINATED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.FAILED: frozenset({Status.TERMINATED}),
    Status.DAMAGED: frozenset({Status.TERMINATED}),
}
"""Which status may follow which. An upload that is finalizing has all its bytes and can only go forward or away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a published file lies below ``DATA/uploads``: three names, none of which holds a separator."""

    directory: str
    folder: str
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload as its session row tells it. Bytes are counted from 0; times are aware and in UTC."""

    id: UploadId
    owner: UserId
    protocol: Protocol
    profile: str
    status: Status
    created_at: datetime
    stored_at: datetime
    """When the last byte was stored (or the upload created)."""
    expires_at: datetime
    """An unfinished upload may be removed after this instant."""
    ended_at: datetime | None = None
    """When it became complete or failed; None before."""
    length: int | None = None
    """Total bytes; None while the client has not told."""
    offset: int = 0
    """Durable bytes from byte 0 without a gap."""
    epoch: int = 0
    """Number of the last transfer that stored something; a transfer with a smaller one may not commit."""
    boot_id: str | None = None
    """The boot of the machine in which bytes were counted that may not survive it; None: all survive."""
    synced_offset: int = 0
    """With a boot id: bytes from byte 0 that survive a power loss. Without one it says nothing."""
    client_key: ClientKey | None = None
    creation_key: str | None = None
    """Idempotency-Key of the creation, if the client sent one."""
    metadata: str = ""
    """Upload-Metadata as the client sent it, byte for byte."""
    original_name: str | None = None
    title: str | None = None
    description: str | None = None
    content_type: str | None = None
    """Judged from the content; None until enough bytes are there."""
    total_parts: int | None = None
    part_size: int | None = None
    """Bytes of every part but the last, once anything told; None before."""
    parts_stored: int = 0
    next_part: int = 0
    """Index of the first part that is missing."""
    checksum: str | None = None
    """Lower-case hex SHA-256 of the whole, verified because the client asked; None when it did not."""
    needs_completion: bool = False
    """True when only a request that says so completes the upload: having all bytes does not."""
    vanishes: bool = False
    """True when nobody was told where it is, and nobody asks for it by a key: its client can only begin anew, so it
    goes when its body does not arrive whole."""
    digests: Digests = ()
    """Of the whole: what the client claims, verified before the upload is finalizing."""
    wants_digest: str | None = None
    """Algorithm of the digest of the whole that the client wants to be told in the last answer."""
    replaces: str | None = None
    """Id of the record whose file this one is to become; None makes a record of its own, if there is a title."""
    location: Location | None = None
    """Chosen together with FINALIZING, final once COMPLETE."""
    reason: str | None = None
    """Code of the error that made the upload fail."""
    concat: str | None = None
    """Upload-Concat as the client sent it: ``partial``, or ``final;`` and the addresses of its sources, each of which
    ends with an id; None for an upload that stands by itself."""

    @property
    def is_partial(self) -> bool:
        """True for bytes that are to become a piece of a final upload; they are never published by themselves."""
        return self.concat == PARTIAL

    @property
    def is_final(self) -> bool:
        """True for an upload that is made of partial ones and takes no bytes from a client."""
        return self.concat is not None and self.concat != PARTIAL

    @property
    def sources(self) -> tuple[UploadId, ...]:
        """The partial uploads that a final one is made of, in order; one may come twice."""
        return tuple(map(UploadId, SOURCE.findall(self.concat or "")))


class Standing(NamedTuple):
    """As much of an open upload as tells whether it agrees with its staging file; the fields are those of Upload."""

    id: UploadId
    offset: int
    length: int | None
    parts_stored: int
    boot_id: str | None
    vanishes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A numbered slice of an upload of the chunk API, stored whole at ``position`` in the staging file."""

    index: int
    size: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A named policy: where files of a kind go, which are taken, how large they may be and how they are named."""

    name: str
    directory: str
    """Folder below ``DATA/uploads``."""
    types: frozenset[str] | None
    """Content types that are taken; None takes any."""
    max_length: int
    """Bytes of a whole file, at most."""
    chunk_size: int
    """Bytes of a part of the chunk API when the client does not say."""
    pattern: str
    """Stored name: ``{milliseconds}``, ``{ext}`` and ``{name}`` (the cleaned original name, extension included)."""
    public: bool
    """True: published files are served to anybody; False: to their owner."""
    faststart: Faststart = Faststart.KEEP

    @property
    def takes_video_only(self) -> bool:
        """True when the profile names its types; such a profile has chunk routes and refuses empty files."""
        return self.types is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that hold for every request; bytes, counts and seconds."""

    max_chunk_size: int = 64 * 1024 * 1024
    max_chunks: int = 100_000
    max_fields_bytes: int = 64 * 1024
    """Bytes of JSON, of form fields and of Upload-Metadata."""
    expiry_seconds: int = 7 * 24 * 3600
    """An unfinished upload goes this long after its last stored byte."""
    tombstone_seconds: int = 30 * 24 * 3600
    """An expired upload is answered with 410 for this long after it went."""
    checkpoint_bytes: int = 8 * 1024 * 1024
    checkpoint_seconds: float = 1.0
    stall_seconds: float = 60.0
    """A body without a byte for this long is given up; what came is kept."""
    takeover_seconds: float = 5.0
    """A transfer that was silent for this long is stopped by a HEAD."""
    patience_seconds: float = 5.0
    """How long a request waits for an upload that another one holds."""
    max_transfers: int = 10_000
    """Bodies that are received at once; more are refused before their first byte. Each takes 64 KiB at most."""
    max_append_bytes: int = 0
    """Bytes of the body of one request of the IETF draft, at most; 0: as many as the upload takes."""
    min_append_bytes: int = 0
    """The same at least, for bodies whose size is told and that are not the last ones of their uploads."""
    min_free_bytes: int = 64 * 1024 * 1024
    """Room that stays free on the disk; an upload that would go below it is refused before its first byte."""


class UploadState(StrEnum):
    """How an upload gets on, for people."""

    UPLOADING = "uploading"
    """A request writes it, or did a moment ago."""
    PAUSED = "paused"
    """Nobody writes; it can go on."""
    CHECKING = "checking"
    """All bytes are there; it is being published, or examined."""
    READY = "ready"
    FAILED = "failed"
