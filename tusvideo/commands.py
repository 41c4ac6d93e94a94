"""What users ask for, and what came of it: the language between dialects and the service. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tusvideo.checksums import Checksum
from tusvideo.model import ClientKey, Digests, Part, Profile, Protocol, Upload, UploadId, UploadState
from tusvideo.video import Video, VideoSort, VideoState


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUpload:
    """Make an upload; with a body, append it at once (creation-with-upload)."""

    protocol: Protocol
    profile: str
    length: int | None
    """None: the client will tell later."""
    metadata: str = ""
    original_name: str | None = None
    title: str | None = None
    description: str | None = None
    creation_key: str | None = None
    body_length: int | None = None
    """Bytes of the body that follows; None when it is chunked; 0 when there is none."""
    takes_body: bool = False
    """True when the body is upload content and is to be stored."""
    concat: str | None = None
    """Upload-Concat, checked: ``partial``, or ``final;`` and the uploads that this one is made of."""
    completes: bool = False
    """True when this request makes the upload complete, whatever its length; the end of the body is then its end."""
    needs_completion: bool = False
    """True when only a request that says so completes the upload: reaching its length does not."""
    forgets_cut: bool = False
    """True when nobody can come back to an upload whose first body does not arrive whole: it is dropped then."""
    digests: Digests = ()
    """Of the whole, as the client claims; verified before it is published."""
    wants_digest: str | None = None
    """Algorithm of the digest of the whole that the client wants to be told."""
    checksum: Checksum | None = None
    """Of the body, if the client says: one that does not have it is not stored."""
    body_at_most: int | None = None
    """Bytes of one body, at most, where its dialect has such a limit."""
    replaces: str | None = None
    """Id of the record whose file this upload is to become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendBytes:
    """Add the body to an upload at the offset that the client believes it has reached."""

    protocol: Protocol
    upload_id: UploadId
    at_offset: int
    body_length: int | None
    """Bytes of the body; None when it is chunked."""
    declares_length: int | None = None
    """Total bytes, told now (a deferred length) or repeated."""
    completes: bool = False
    """True when the upload is complete with this body; a chunked one decides the length."""
    checksum: Checksum | None = None
    """Of the body, if the client says: one that does not have it is not stored."""
    body_at_most: int | None = None
    """Bytes of one body, at most, where its dialect has such a limit."""
    body_at_least: int = 0
    """Bytes of a body that is not the last one of its upload, at least; one of unknown size may have any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryUpload:
    """Ask where an upload stands."""

    upload_id: UploadId
    stops_transfer: bool = False
    """True: a live transfer is stopped first, so that nothing is added after the answer. False: it is not disturbed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveRange:
    """Ask for the digest of stored bytes [start, stop)."""

    upload_id: UploadId
    start: int
    stop: int | None
    """None: up to the offset."""
    algorithm: str = "sha256"
    """A key of ``ALGORITHMS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminateUpload:
    """Remove an upload and its bytes, finished or not."""

    upload_id: UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPart:
    """Store one numbered part of an upload of the chunk API."""

    profile: str
    client_key: ClientKey
    index: int
    total_parts: int
    part_size: int | None = None
    """Bytes of every part but the last, if the client says."""
    length: int | None = None
    """Bytes of the whole file, if the client says."""
    checksum: str | None = None
    """Lower-case hex SHA-256 of this part, if the client says."""
    replaces: str | None = None
    """Id of the record whose file the upload is to become, if the client says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParts:
    """Ask which parts of an upload of the chunk API are stored."""

    profile: str
    client_key: ClientKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminateParts:
    """Remove an upload of the chunk API and its bytes."""

    profile: str
    client_key: ClientKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalize:
    """Put the parts together and publish the file."""

    profile: str
    client_key: ClientKey
    filename: str
    """Kept as the original name; the profile's pattern decides the stored one."""
    total_parts: int
    checksum: str | None = None
    """Lower-case hex SHA-256 of the whole file, if the client says."""
    replaces: str | None = None
    """Id of the record whose file this one is to become, if the client says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeVideo:
    """Make or update the record of a published file; a description of None leaves it as it is, empty in a new one."""

    profile: str
    filename: str
    title: str
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeVideo:
    """Change what a record says; None leaves a text as it is."""

    video_id: str
    title: str | None = None
    description: str | None = None
    original_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCaptions:
    """Give a video captions in a language, in the place of those that it has."""

    video_id: str
    language: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftUpload:
    """Say what the record of an upload is to say, while it is on its way; None leaves a text as it is."""

    upload_id: UploadId
    title: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFilter:
    """Which records are meant; None and no words leave nothing out."""

    words: tuple[str, ...] = ()
    """Folded (``rules.search``); each of them stands in title, description or original name."""
    profile: str | None = None
    state: VideoState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a list of records: behind the record with this key and id."""

    sort: VideoSort
    key: int | float | str
    """Milliseconds since 1970, the folded title, bytes, or seconds (-1.0 when they are not known), by the order."""
    video_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListVideos:
    """Give a page of records."""

    limit: int
    sort: VideoSort = VideoSort.NEWEST
    query: str = ""
    """Words to be found, as somebody typed them."""
    profile: str | None = None
    state: VideoState | None = None
    after: Place | None = None
    """Where the page before ended; None begins at the start."""


# --- plans: what rules allow before a byte is read ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendPlan:
    """What an append may do: start at ``position``, take at most ``accept_at_most`` bytes."""

    position: int
    accept_at_most: int
    """Bytes that may be stored; more is an overflow."""
    length: int | None
    """Total bytes of the upload once this append is committed."""
    exact: bool
    """True when the body's size is known and fits: no block has to be held back until the body ends."""
    completes: bool = False
    """True when the upload is complete once this body has arrived whole."""


# --- outcomes: what came of a command ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """An upload was made (or found again by its creation key)."""

    upload: Upload
    stored_body: bool
    """True when the request's body was upload content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """Bytes were added; ``upload`` is the committed state."""

    upload: Upload
    written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queried:
    """Where an upload stands."""

    upload: Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What the bytes [start, stop) of an upload amount to."""

    upload: Upload
    start: int
    stop: int
    digest: str
    """Lower-case hex."""
    algorithm: str = "sha256"
    """A key of ``ALGORITHMS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStored:
    """A part is stored, now or before with the same bytes."""

    upload: Upload
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsListed:
    """Which parts of an upload are stored."""

    upload: Upload
    profile: Profile
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized:
    """The file is published, now or before."""

    upload: Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoDescribed:
    """A record was made (``is_new``) or updated."""

    video: Video
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionsPut:
    """A video has captions in one more language (``is_new``), or others than before."""

    video: Video
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VideosListed:
    """A page of records in the order that was asked for."""

    videos: tuple[Video, ...]
    next: Place | None
    """Where the next page begins; None at the end of the list."""
    total: int
    """Records in all pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadShown:
    """An upload as its owner sees it get on."""

    upload: Upload
    state: UploadState
    video_id: str | None = None
    """The record that its file has, once it is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGone:
    """There is no such upload any more."""

    upload_id: UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoGone:
    """There is no such record any more."""

    video_id: str


Change = UploadShown | UploadGone | Video | VideoGone
"""What somebody who follows is told: how something is now, whatever it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadEvent:
    """Something that happened to an upload, told after it was committed; ``data`` holds numbers and codes only."""

    name: str
    """snake_case, past tense: upload_created, bytes_stored, upload_completed …"""
    upload: Upload
    at: datetime
    data: Mapping[str, int | str] = field(default_factory=dict)
