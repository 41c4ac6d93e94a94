"""Everything that can go wrong, without a word of HTTP.

Every leaf has a stable ``code`` and typed data; the dialects hold the tables from classes to statuses. The tree::

    TusvideoError
    ├── RequestError                    the request itself is at fault; sending it again unchanged will not help
    │   ├── MissingField                a field that must be there is not
    │   ├── InvalidField                a field is there and cannot be used
    │   ├── UnsupportedVersion          the protocol version is not spoken here
    │   ├── MethodNotAllowed            the resource exists, the method does not apply
    │   ├── ExpectationFailed           an Expect other than 100-continue
    │   ├── HeadersTooLarge             the header fields are larger than we read
    │   ├── Unauthenticated             no or bad credentials
    │   ├── Forbidden                   the policy says no (host, origin, forwarded fields, quota)
    │   ├── NotFound                    unknown, or somebody else's: the two are never told apart
    │   ├── Expired                     was here, unfinished for too long, and is gone
    │   ├── TooLarge                    more bytes than the limit, the length or the part allows
    │   ├── TooSmall                    fewer bytes than a request has to bring
    │   ├── UnsupportedType             media type or content that this place does not take
    │   ├── UnsupportedCoding           a Content-Encoding on bytes that are stored as they come
    │   ├── InconsistentLength          lengths that contradict each other, or the bytes that came
    │   ├── UnsupportedDigest           a digest by an algorithm that is not computed here
    │   ├── InvalidDigest               a digest that its algorithm cannot give
    │   └── ChecksumMismatch            the bytes are not those that the checksum names
    ├── Disagreement                    the request contradicts what is stored
    │   ├── OffsetMismatch              the append does not start where the upload ends
    │   ├── PartConflict                other bytes are stored for this part
    │   ├── FactConflict                totalChunks, chunkSize, fileSize … differ from what was said before
    │   ├── PartsMissing                finalize came before all parts
    │   ├── AlreadyComplete             the upload is finished; nothing can be added
    │   ├── TooManyCaptions             a video has captions in as many languages as it may
    │   └── WrongProtocol               the upload was begun in another protocol
    ├── Unavailable                     nothing is wrong with the request; later it may work
    │   ├── Busy                        another request holds the upload
    │   ├── Stopping                    the server is shutting down
    │   ├── Overloaded                  as many bodies are on their way as the server takes
    │   ├── TooManyStreams              somebody follows as many streams of events as one may
    │   ├── TookTooLong                 a list that was given up, so that others get theirs
    │   ├── DiskFull                    the disk has no room
    │   └── StorageFailed               the disk or the database failed; nothing was acknowledged
    ├── TransferEnded                   a body did not arrive whole; what arrived is kept
    │   ├── BodyCut                     the connection ended
    │   ├── BodyStalled                 no byte came for too long
    │   └── Preempted                   another request asked for the upload
    ├── SessionConflict                 a compare-and-set on a session lost; internal
    └── ConfigError                     the configuration has mistakes, all of them listed
"""

from collections.abc import Sequence
from datetime import datetime


class TusvideoError(Exception):
    """An error that tusvideo raises on purpose; ``str()`` of it is a sentence that a person can act on."""

    code = "error"
    expires_at: datetime | None = None
    """When the upload that this is about may be removed (aware, UTC), if it is known and unfinished."""
    max_length: int | None = None
    """Bytes that a whole upload of this kind may have, if the kind is known."""
    made_upload: str | None = None
    """Id of the upload that the request made before it failed, when its bytes can still be sent to that."""
    stored_offset: int | None = None
    """Where the upload stands after this, when the request stored a part of what it brought."""
    is_verdict = False
    """True when all that matters of the upload came and was refused for good: nothing of it can be sent again."""


class RequestError(TusvideoError):
    """The request cannot be carried out as it is."""

    code = "bad_request"


class MissingField(RequestError):
    """A field that must be there is not."""

    code = "missing_field"

    def __init__(self, field: str, *, expected: str) -> None:
        super().__init__(f"{field} is missing; expected {expected}")
        self.field = field
        self.expected = expected


class InvalidField(RequestError):
    """A field is there and cannot be used: empty, malformed, repeated or out of range."""

    code = "invalid_field"

    def __init__(self, field: str, *, expected: str, got: str) -> None:
        super().__init__(f"{field} cannot be used: expected {expected}, got {shown(got)}")
        self.field = field
        self.expected = expected
        self.got = got


class UnsupportedVersion(RequestError):
    """The protocol version that the request names is not spoken here."""

    code = "unsupported_version"

    def __init__(self, *, got: str, supported: Sequence[str]) -> None:
        super().__init__(f"protocol version {shown(got)} is not supported; use {', '.join(supported)}")
        self.supported = tuple(supported)


class MethodNotAllowed(RequestError):
    """The resource is known, the method does not apply to it."""

    code = "method_not_allowed"

    def __init__(self, *, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{shown(method)} does not apply here; use {', '.join(allowed)}")
        self.allowed = tuple(allowed)


class ExpectationFailed(RequestError):
    """The Expect field asks for something other than 100-continue."""

    code = "expectation_failed"

    def __init__(self, *, got: str) -> None:
        super().__init__(f"Expect: {shown(got)} cannot be met; use 100-continue or leave the field out")


class HeadersTooLarge(RequestError):
    """The header fields are larger than this server reads."""

    code = "headers_too_large"

    def __init__(self, *, limit: int, got: int) -> None:
        super().__init__(f"the header fields have {got} bytes, at most {limit} are read; send less metadata")


class Unauthenticated(RequestError):
    """No credentials, or none that are known."""

    code = "unauthenticated"

    def __init__(self, *, scheme: str = "Bearer") -> None:
        super().__init__(f"credentials are missing or not known; send an Authorization field ({scheme})")
        self.scheme = scheme


class Forbidden(RequestError):
    """The policy of this server does not allow the request."""

    code = "forbidden"


class NotFound(RequestError):
    """Nothing here under this name for this user: unknown, removed, or somebody else's."""

    code = "not_found"

    def __init__(self, what: str = "upload") -> None:
        super().__init__(f"no such {what}; check the address, or start again")
        self.what = what


class Expired(RequestError):
    """The upload stayed unfinished for too long and its bytes were removed."""

    code = "expired"

    def __init__(self) -> None:
        super().__init__("this upload stayed unfinished for too long and was removed; start a new one")


class TooLarge(RequestError):
    """More bytes than a limit, the length or the part allows; nothing beyond it was kept."""

    code = "too_large"

    def __init__(self, what: str, *, limit: int, got: int | None = None) -> None:
        came = "more came" if got is None else f"{got} came"
        super().__init__(f"{what} is too large: at most {limit} bytes, {came}")
        self.limit = limit
        self.got = got


class TooSmall(RequestError):
    """Fewer bytes than a request has to bring that is not the last one of its upload; nothing of it was kept."""

    code = "too_small"

    def __init__(self, what: str, *, limit: int, got: int) -> None:
        super().__init__(f"{what} is too small: at least {limit} bytes unless it is the last one, {got} came")
        self.limit = limit
        self.got = got


class UnsupportedType(RequestError):
    """The media type or the content itself is not taken here."""

    code = "unsupported_type"

    def __init__(self, *, expected: str, got: str) -> None:
        super().__init__(f"type not supported: expected {expected}, got {shown(got)}")
        self.expected = expected
        self.got = got


class UnsupportedCoding(RequestError):
    """The body has a content coding; bytes are stored as they come, so only identity makes sense."""

    code = "unsupported_coding"

    def __init__(self, *, got: str) -> None:
        super().__init__(f"Content-Encoding {shown(got)} is not supported; send the bytes of the file as they are")


class InconsistentLength(RequestError):
    """The lengths that were told contradict each other, or the bytes that came."""

    code = "inconsistent_length"

    def __init__(self, *, expected: int, got: int | None = None) -> None:
        came = "more bytes came" if got is None else f"this request makes it {got}"
        super().__init__(f"the upload has {expected} bytes by what was told before, and {came}; send what agrees")
        self.expected = expected
        self.got = got


class UnsupportedDigest(RequestError):
    """A digest by an algorithm that is not computed here: who asks for a check must not be told 'fine'."""

    code = "unsupported_digest"

    def __init__(self, field: str, *, algorithms: Sequence[str], supported: Sequence[str]) -> None:
        names = ", ".join(shown(algorithm) for algorithm in algorithms[:5])
        super().__init__(f"{field} names {names or 'no algorithm'}; use {' or '.join(supported)}")
        self.field = field
        self.algorithms = tuple(algorithms)
        self.supported = tuple(supported)


class InvalidDigest(RequestError):
    """A digest that its algorithm cannot give, whatever the bytes are."""

    code = "invalid_digest"

    def __init__(self, field: str, *, algorithm: str, length: int, got: int) -> None:
        self.reason = f"a {algorithm} digest has {length} bytes, this one has {got}"
        super().__init__(f"{field} cannot be right: {self.reason}")
        self.field = field
        self.algorithm = algorithm


class ChecksumMismatch(RequestError):
    """The bytes that came are not those that the checksum names."""

    code = "checksum_mismatch"

    def __init__(self, what: str, *, expected: str, got: str) -> None:
        super().__init__(f"checksum of the {what} does not match: expected {shown(expected)}, got {got}; send it again")
        self.what = what


class Disagreement(TusvideoError):
    """The request contradicts what is stored; nothing was changed."""

    code = "disagreement"


class OffsetMismatch(Disagreement):
    """The append does not start where the stored bytes end."""

    code = "offset_mismatch"

    def __init__(self, *, expected: int, got: int) -> None:
        super().__init__(f"offset mismatch: upload is at {expected}, request said {got}; continue at {expected}")
        self.expected = expected
        self.got = got


class PartConflict(Disagreement):
    """Other bytes are stored for this part already."""

    code = "chunk_conflict"

    def __init__(self, index: int) -> None:
        super().__init__(f"chunk {index} is stored with other bytes; use a new uploadId for another file")
        self.index = index


class FactConflict(Disagreement):
    """A fact about the upload differs from what an earlier request said."""

    code = "fact_conflict"

    def __init__(self, field: str, *, stored: str, got: str) -> None:
        super().__init__(f"{field} was {shown(stored)} in an earlier request and is {shown(got)} now; keep it the same")
        self.field = field
        self.stored = stored
        self.got = got


class PartsMissing(Disagreement):
    """Finalize came before all parts were stored."""

    code = "chunks_missing"

    def __init__(self, missing: Sequence[tuple[int, int]], *, count: int) -> None:
        super().__init__(f"{count} chunks are missing; send those listed in 'missing', then finalize again")
        self.missing = tuple(missing)
        self.count = count


class AlreadyComplete(Disagreement):
    """The upload is finished; nothing can be added or changed."""

    code = "already_complete"

    def __init__(self) -> None:
        super().__init__("this upload is complete; use a new upload for other bytes")


class TooManyCaptions(Disagreement):
    """The video has captions in as many languages as one may have."""

    code = "too_many_captions"

    def __init__(self, *, most: int) -> None:
        super().__init__(f"this video has captions in {most} languages already; remove one, then add this one")


class WrongProtocol(Disagreement):
    """The upload was begun in another protocol and takes bytes in that one only."""

    code = "wrong_protocol"

    def __init__(self, *, expected: str) -> None:
        super().__init__(f"this upload was begun with {expected}; send its bytes with {expected}")


class Unavailable(TusvideoError):
    """Nothing is wrong with the request; later it may work. ``retry_after`` is in seconds."""

    code = "unavailable"
    retry_after = 1
    reason = "the server cannot take this now"
    """What keeps the server from it; what to do then depends on how the file is sent."""


class Busy(Unavailable):
    """Another request holds the upload and did not leave in time."""

    code = "busy"
    reason = "another request is working on this upload"

    def __init__(self) -> None:
        super().__init__(f"{self.reason}; try again in a second")


class Stopping(Unavailable):
    """The server is shutting down; what came so far is stored."""

    code = "stopping"
    retry_after = 2
    reason = "the server is restarting"

    def __init__(self) -> None:
        super().__init__(f"{self.reason}; what was stored is kept, continue in a moment")


class Overloaded(Unavailable):
    """As many bodies are being received as this server takes; nothing of this one was read."""

    code = "overloaded"
    retry_after = 5
    reason = "the server receives as many uploads as it can"

    def __init__(self) -> None:
        super().__init__(f"{self.reason}; what was stored is kept, continue in a moment")


class TooManyStreams(Unavailable):
    """As many streams of events are open as one user may have."""

    code = "too_many_streams"
    retry_after = 5

    def __init__(self, *, most: int) -> None:
        super().__init__(f"you follow {most} streams of events already; close one, then open this one again")


class TookTooLong(Unavailable):
    """A list was not there in time, because of what was looked for or because many others ask for lists."""

    code = "took_too_long"
    retry_after = 5
    reason = "this list took too long"

    def __init__(self) -> None:
        super().__init__(f"{self.reason}; look for fewer words, or try again in a moment")


class DiskFull(Unavailable):
    """The disk has no room for these bytes."""

    code = "disk_full"
    retry_after = 60
    reason = "the server's disk is full"

    def __init__(self) -> None:
        super().__init__(f"{self.reason}; what was stored is kept, continue later")


class StorageFailed(Unavailable):
    """The disk or the database failed; nothing of this request was acknowledged."""

    code = "storage_failed"
    retry_after = 5
    reason = "the server could not store this"

    def __init__(self) -> None:
        super().__init__(f"{self.reason}; what was stored before is kept, try again later")


class TransferEnded(TusvideoError):
    """A body did not arrive whole; the bytes that did arrive are kept."""

    code = "transfer_ended"


class BodyCut(TransferEnded):
    """The connection ended before the body did."""

    code = "body_cut"


class BodyStalled(TransferEnded):
    """No byte of the body came for too long."""

    code = "body_stalled"


class Preempted(TransferEnded):
    """Another request asked for the upload; this one has to leave."""

    code = "preempted"


class SessionConflict(TusvideoError):
    """A compare-and-set on a session lost: the row is no longer what the caller read. Load it again and decide anew."""

    code = "session_conflict"


class ConfigError(TusvideoError):
    """The configuration has mistakes; ``mistakes`` lists all of them, one sentence each."""

    code = "config_error"

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


def shown(text: str) -> str:
    """Quote foreign text for a sentence: printable ASCII only, at most 60 characters."""
    cut = text[:60]
    quoted = "".join(c if c.isascii() and c.isprintable() else "?" for c in cut)
    return f"'{quoted}'" + ("…" if len(text) > len(cut) else "")
