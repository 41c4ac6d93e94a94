"""The two protocols of uploads that have an address of their own: which fields to send, and what an answer says. Pure.

Whatever does not differ (when to ask, how long a request is, what a failure costs) knows neither of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from . import checksum, draft, wire
from .draft import Limits
from .errors import FileTooLargeError, ProtocolError, RejectedError
from .model import Protocol
from .plan import CHECKSUM_MISMATCH

COLLECTION = "/files/"
_DISPUTES = {draft.MISMATCHING_OFFSET, draft.COMPLETED_UPLOAD}

Fields = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an answer says about an upload; None where it says nothing.

    Attributes:
        offset: Bytes that are stored.
        length: Bytes of the whole.
        is_complete: Whether this is the last word on the upload.
        is_disputed: True if the request was refused in words, not by its status, because the upload stands elsewhere.
        limits: What the server takes.
        digest: SHA-256 of the whole as hex digits.
        is_damaged: True if the bytes of the request came with another checksum than it told: none of them is stored.
    """

    offset: int | None
    length: int | None
    is_complete: bool | None = None
    is_disputed: bool = False
    limits: Limits | None = None
    digest: str | None = None
    is_damaged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one protocol speaks.

    Attributes:
        name: Which one.
        always: Fields of every request about an upload.
        aside: Fields of a question that must not disturb the request that is under way.
        create: Fields of a creation without a body, from the length, if it is known, and the metadata.
        append: Fields of a request with bytes, from the offset, and whether they are the last ones.
        read: What an answer says.
        checksum: Fields of a request with bytes, from the algorithm and the digest of these bytes.
        checksums: Algorithms that such a field can name, the one that is liked most first.
        announces_checksums: True if servers say that they obey such a field; others may well overlook it.
        says_complete: True if the last request has to say that it is: that all bytes are there is not enough.
    """

    name: Protocol
    always: Mapping[str, str]
    aside: Mapping[str, str]
    create: Callable[[int | None, Mapping[str, str]], Fields]
    append: Callable[[int, bool], Fields]
    read: Callable[[int, Mapping[str, str], bytes], Standing]
    checksum: Callable[[str, bytes], Fields]
    checksums: tuple[str, ...]
    announces_checksums: bool
    says_complete: bool


def _tus_create(length: int | None, metadata: Mapping[str, str]) -> Fields:
    told = {wire.UPLOAD_DEFER_LENGTH: "1"} if length is None else {wire.UPLOAD_LENGTH: str(length)}
    return {**told, wire.UPLOAD_METADATA: wire.build_metadata(metadata)}


def _tus_append(offset: int, _: bool) -> Fields:  # noqa: FBT001  # of no matter here, and there it is
    return {wire.UPLOAD_OFFSET: str(offset), wire.CONTENT_TYPE: wire.OFFSET_STREAM}


def _tus_read(status: int, headers: Mapping[str, str], __: bytes) -> Standing:
    return Standing(
        offset=wire.parse_whole_number(headers.get(wire.UPLOAD_OFFSET)),
        length=wire.parse_whole_number(headers.get(wire.UPLOAD_LENGTH)),
        is_damaged=status == CHECKSUM_MISMATCH,
    )


def _tus_checksum(algorithm: str, digest: bytes) -> Fields:
    return {wire.UPLOAD_CHECKSUM: wire.build_checksum(algorithm, digest)}


TUS = Dialect(
    name="tus",
    always={wire.TUS_RESUMABLE: wire.TUS_VERSION},
    aside={wire.TUS_RESUMABLE: wire.TUS_VERSION},
    create=_tus_create,
    append=_tus_append,
    read=_tus_read,
    checksum=_tus_checksum,
    checksums=tuple(checksum.ALGORITHMS),
    announces_checksums=True,
    says_complete=False,
)
"""Spec: tus 1.0.0"""


def _draft_create(length: int | None, metadata: Mapping[str, str]) -> Fields:
    """A creation without a body: where interim answers cannot be seen it is the only one whose address is sure to come.

    The draft has no field for a title or a profile, so they go in the one that tus has: strangers overlook it.
    """
    return {
        draft.UPLOAD_COMPLETE: draft.NO,
        **({} if length is None else {wire.UPLOAD_LENGTH: str(length)}),
        draft.CONTENT_DISPOSITION: draft.build_disposition(metadata.get("filename", "")),
        draft.WANT_REPR_DIGEST: f"{wire.SHA_256}=10",
        wire.UPLOAD_METADATA: wire.build_metadata(metadata),
    }


def _draft_append(offset: int, is_last: bool) -> Fields:  # noqa: FBT001  # the value of the field
    return {
        wire.UPLOAD_OFFSET: str(offset),
        draft.UPLOAD_COMPLETE: draft.YES if is_last else draft.NO,
        wire.CONTENT_TYPE: draft.PARTIAL_UPLOAD,
    }


def _draft_read(status: int, headers: Mapping[str, str], body: bytes) -> Standing:
    kind, expected = draft.parse_problem(body)
    offset = draft.parse_integer(headers.get(wire.UPLOAD_OFFSET))
    return Standing(
        offset=expected if offset is None and status == HTTPStatus.CONFLICT else offset,
        length=draft.parse_integer(headers.get(wire.UPLOAD_LENGTH)),
        is_complete=draft.parse_boolean(headers.get(draft.UPLOAD_COMPLETE)),
        is_disputed=kind in _DISPUTES,
        limits=draft.parse_limits(headers.get(draft.UPLOAD_LIMIT)),
        digest=draft.parse_digest(headers.get(draft.REPR_DIGEST)),
        is_damaged=kind == draft.MISMATCHING_DIGEST,
    )


def _draft_checksum(_: str, digest: bytes) -> Fields:
    return {draft.CONTENT_DIGEST: draft.build_digest(digest)}


IETF = Dialect(
    name="ietf",
    always={draft.UPLOAD_DRAFT_INTEROP_VERSION: str(draft.INTEROP_VERSION)},
    aside={},  # a server stops the request that is under way for a question with a version, as the draft wants it
    create=_draft_create,
    append=_draft_append,
    read=_draft_read,
    checksum=_draft_checksum,
    checksums=(checksum.SHA256,),
    announces_checksums=False,
    says_complete=True,
)
"""Spec: draft-ietf-httpbis-resumable-upload-12"""

DIALECTS: Mapping[str | None, Dialect] = {None: TUS, "tus": TUS, "ietf": IETF}
"""By what a record says; a record that says nothing is older than the choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a server says it speaks.

    Attributes:
        protocol: The one to speak.
        collection: Where uploads are made.
        limits: What it takes.
        checksums: Algorithms of checksums that requests may carry; None if that is not known.
    """

    protocol: Protocol
    collection: str
    limits: Limits
    checksums: tuple[str, ...] | None = None


def collections_of(address: str) -> tuple[str, ...]:
    """Where uploads may be made, most likely first: people give the root of a server, or the very place.

    ``http://h`` is a root, ``http://h/a`` may be either, with or without a slash at its end.
    """
    base = address.rstrip("/")
    if not urlsplit(base).path:
        return f"{base}{COLLECTION}", f"{base}/"
    return (address, *(() if address.endswith("/") else (f"{base}/",)), f"{base}{COLLECTION}")


def read_offer(url: str, *, status: int, headers: Mapping[str, str]) -> Offer | str:
    """What an answer to OPTIONS offers, tus before the draft; or, in words, why it offers nothing.

    Spec: tus 1.0.0 § Core Protocol / Requests / OPTIONS; draft-ietf-httpbis-resumable-upload-12 § Upload-Limit
    """
    versions = headers.get(wire.TUS_VERSION_FIELD, headers.get(wire.TUS_RESUMABLE))
    limits, checksums = draft.parse_limits(headers.get(draft.UPLOAD_LIMIT)), read_checksums(headers)
    if versions is not None and wire.TUS_VERSION in wire.parse_list(versions):
        extensions = headers.get(wire.TUS_EXTENSION)
        if extensions is None or "creation" in wire.parse_list(extensions):
            most = wire.parse_whole_number(headers.get(wire.TUS_MAX_SIZE)) or None
            return Offer(protocol="tus", collection=url, limits=Limits(max_size=most), checksums=checksums)
        found = f"speaks tus without the extension creation (it has {extensions[:100] or 'none'})"
    elif versions is not None:
        found = f"speaks tus {versions[:100]}, not {wire.TUS_VERSION}"
    else:
        found = f"answered OPTIONS with {status} and neither Tus-Resumable nor Upload-Limit"
    if limits is not None:
        return Offer(protocol="ietf", collection=url, limits=limits, checksums=checksums)
    return f"{url} {found}"


def read_checksums(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The checksums that an answer to OPTIONS announces; none without the extension.

    Spec: tus 1.0.0 § Checksum
    """
    if "checksum" not in wire.parse_list(headers.get(wire.TUS_EXTENSION, "")):
        return ()
    return tuple(wire.parse_list(headers.get(wire.TUS_CHECKSUM_ALGORITHM, "")))


def judge_length(length: int | None, *, limits: Limits) -> None:
    """Refuse a file that the server would refuse, before a byte of it is sent.

    Raises:
        FileTooLargeError: It is larger than the server takes.
        RejectedError: It is smaller than what the server lets resume.
    """
    if length is None:
        return  # the server will say so when it knows
    if limits.max_size is not None and length > limits.max_size:
        message = f"the file has {length} bytes, the server takes at most {limits.max_size}"
        raise FileTooLargeError(message, hint="ask the operator for a higher limit")
    if limits.min_size is not None and length < limits.min_size:
        message = f"the file has {length} bytes, the server makes uploads resumable from {limits.min_size} bytes on"
        raise RejectedError(message, hint="send it in one request, for example with curl -T")


def judge_requests(limits: Limits) -> None:
    """Refuse limits that no request can keep.

    Raises:
        ProtocolError: The least is more than the most.
    """
    if limits.min_append is not None and limits.max_append is not None and limits.min_append > limits.max_append:
        message = f"the server wants requests of {limits.min_append} bytes at least and {limits.max_append} at most"
        raise ProtocolError(message)


def request_size(wished: int, *, left: int, limits: Limits) -> int:
    """Bytes of the next request: what is wished, within the limits, and no more than is left. The last may be small."""
    size = max(wished, limits.min_append or 0)
    return min(size, left, limits.max_append or size)
