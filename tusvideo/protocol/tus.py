"""tus 1.0.0: request heads become commands, outcomes and errors become answers.

Spec: tus 1.0.0 § Core Protocol, Creation, Creation With Upload, Expiration, Checksum, Termination,
Concatenation.
"""

from collections.abc import Collection, Mapping
from typing import Final

from tusvideo import errors
from tusvideo.checksums import ALGORITHMS, Checksum
from tusvideo.commands import AppendBytes, Appended, Created, CreateUpload, Queried, QueryUpload, TerminateUpload
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import PARTIAL, Protocol, Status, Upload, UploadId, replaced_id
from tusvideo.protocol import concat, fields, metadata, problem, texts
from tusvideo.protocol.coding import judge_coding

VERSION: Final = fields.TUS_VERSION
EXTENSIONS: Final = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
    "concatenation",
    "concatenation-unfinished",
)
COLLECTION_METHODS: Final = ("OPTIONS", "POST")
SERVER_ERROR: Final = 500
UPLOAD_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH")

STATUS: Final[Mapping[type[errors.TusvideoError], int]] = {
    **problem.SHARED,
    errors.ChecksumMismatch: 460,
    errors.FactConflict: 400,
    # After 409 common clients ask for the offset and try again, here for ever.
    errors.WrongProtocol: 403,
    errors.TooManyStreams: 503,
    errors.Busy: 423,
    errors.TransferEnded: 423,
    errors.BodyCut: 423,
    errors.BodyStalled: 423,
    errors.Preempted: 423,
    errors.SessionConflict: 423,
}
"""What an error is in tus. Common clients retry after 409, 423 and 5xx and give up after any other 4xx."""


def parse(
    head: RequestHead,
    *,
    upload_id: UploadId | None,
    default_profile: str,
    profiles: Collection[str],
    base_path: str,
) -> CreateUpload | AppendBytes | QueryUpload | TerminateUpload:
    """Turn a head on ``/files/`` (``upload_id`` None) or on ``/files/{id}`` into a command; reads no body.

    ``head.method`` is the effective one (see fields.effective_method). Knows POST on the collection and PATCH, HEAD and
    DELETE on an upload; GET and OPTIONS are the web's. A missing Tus-Resumable is refused like a wrong one on POST and
    PATCH, which store bytes, and does not matter elsewhere. Raises, in this order: UnsupportedVersion,
    MethodNotAllowed, MissingField or InvalidField, UnsupportedCoding, UnsupportedType. Safe to repeat.
    Spec: tus 1.0.0 § Core Protocol / Requests; § Creation / Requests; § Termination / Requests.
    """
    version = head.one("Tus-Resumable")
    if version is not None:
        fields.parse_tus_resumable(version)
    if upload_id is None:
        if head.method != "POST":
            raise errors.MethodNotAllowed(method=head.method, allowed=COLLECTION_METHODS)
        _judge_version(version)
        return _parse_create(head, default_profile=default_profile, profiles=profiles, base_path=base_path)
    match head.method:
        case "PATCH":
            _judge_version(version)
            return _parse_append(head, upload_id=upload_id)
        case "HEAD":
            return QueryUpload(upload_id=upload_id)
        case "DELETE":
            return TerminateUpload(upload_id=upload_id)
        case _:
            raise errors.MethodNotAllowed(method=head.method, allowed=UPLOAD_METHODS)


def options(max_length: int | None) -> ResponseHead:
    """Tell what this server speaks: 204 with the version, the extensions, the names of the checksums that it computes
    and, if there is one, the limit in bytes.

    Spec: tus 1.0.0 § Core Protocol / Requests / OPTIONS; § Checksum / Headers / Tus-Checksum-Algorithm.
    """
    limit = () if max_length is None else (("Tus-Max-Size", fields.build_number(max_length)),)
    spoken = (
        ("Tus-Version", VERSION),
        ("Tus-Extension", ",".join(EXTENSIONS)),
        ("Tus-Checksum-Algorithm", ",".join(ALGORITHMS)),
    )
    return ResponseHead(status=204, headers=(fields.build_tus_resumable(), *spoken, *limit))


def render(
    outcome: Created | Appended | Queried,
    *,
    base_path: str,
    content_location: str | None,
    ignored_body: bool = False,
) -> ResponseHead:
    """Answer a command that worked: 201 with Location, 204, or (for HEAD) 200.

    ``base_path`` is the path of the collection, with or without the slash at its end. ``content_location`` is the path
    of the published file; it is shown only when the upload is complete. ``ignored_body`` says that a POST had a body
    which is no upload content (``head.has_body and not command.takes_body``): the answer then tells that nothing of it
    was stored.
    Spec: tus 1.0.0 § Core Protocol / Requests; § Creation / Requests; § Creation With Upload; § Expiration.
    """
    upload = outcome.upload
    found = [fields.build_tus_resumable()]
    if isinstance(outcome, Created):
        status = 201
        found.append(("Location", f"{base_path.rstrip('/')}/{upload.id}"))
        if outcome.stored_body or ignored_body or upload.offset:
            found.append(fields.build_upload_offset(upload.offset))
    elif isinstance(outcome, Appended):
        status = 204
        found.append(fields.build_upload_offset(upload.offset))
    else:
        status = 200
        found += _describe(upload)
    if upload.status is Status.OPEN:
        found.append(fields.build_upload_expires(upload.expires_at))
    if upload.status is Status.COMPLETE and content_location is not None:
        found.append(("Content-Location", content_location))
    return ResponseHead(status=status, headers=tuple(found))


def render_terminated() -> ResponseHead:
    """Answer a termination: 204.

    Spec: tus 1.0.0 § Termination / Requests / DELETE.
    """
    return ResponseHead(status=204, headers=(fields.build_tus_resumable(),))


def render_error(error: errors.TusvideoError, *, head_only: bool) -> ResponseHead:
    """Answer an error with its status, its fields and (unless ``head_only``) problem details.

    A HEAD is never answered with 5xx but with 423: common clients throw all progress away on anything else. An error
    about an unfinished upload tells when that expires; a 409 tells the true offset, save on HEAD, where some clients
    would take it for the answer.
    Spec: tus 1.0.0 § Core Protocol / Requests; § Expiration / Headers / Upload-Expires.
    """
    status = _status_for(problem.status_of(error, STATUS), head_only=head_only)
    found = [fields.build_tus_resumable()]
    if isinstance(error, errors.UnsupportedVersion):
        found.append(("Tus-Version", VERSION))
    if isinstance(error, errors.OffsetMismatch) and not head_only:
        found.append(fields.build_upload_offset(error.expected))
    if error.expires_at is not None:
        found.append(fields.build_upload_expires(error.expires_at))
    found += problem.headers(error, status=status)
    return problem.answer(problem.document(error, status=status), status=status, fields=found, bare=head_only)


def render_unexpected(request_id: str, *, head_only: bool) -> ResponseHead:
    """Answer an exception that nobody foresaw: 500 with a fixed sentence; 423 on HEAD, so that progress is kept.

    Spec: tus 1.0.0 § Core Protocol / Headers / Tus-Resumable (on every answer).
    """
    status = _status_for(500, head_only=head_only)
    retry = (("Retry-After", "1"),) if head_only else ()
    found = (fields.build_tus_resumable(), *retry)
    return problem.answer(problem.unexpected(request_id, status=status), status=status, fields=found, bare=head_only)


def _status_for(status: int, *, head_only: bool) -> int:
    return 423 if head_only and status >= SERVER_ERROR else status


def _judge_version(version: str | None) -> None:
    # What gets here without a version has a field that only tus has: see dispatch.
    if version is None:
        raise errors.UnsupportedVersion(got="none", supported=(VERSION,))


def _parse_create(
    head: RequestHead, *, default_profile: str, profiles: Collection[str], base_path: str
) -> CreateUpload:
    joined = _parse_concat(head, base_path=base_path)
    length = _parse_length(head) if joined in {None, PARTIAL} else None
    checksum = _parse_checksum(head)
    told = metadata.parse(head.headers.getall("Upload-Metadata", []))
    title, description = told.text("title"), told.text("description")
    replaces = told.exact_text("replaces") or head.one_query("replaces")
    key = head.one("Idempotency-Key")
    profile = told.text("profile") or head.one_query("profile") or default_profile
    if profile not in profiles:
        raise errors.InvalidField("profile", expected=f"one of {', '.join(sorted(profiles))}", got=profile)
    command = CreateUpload(
        protocol=Protocol.TUS,
        profile=profile,
        length=length,
        metadata=told.raw,
        original_name=told.text("filename", "name"),
        title=None if title is None else texts.parse_title(title),
        description=None if description is None else texts.parse_description(description),
        creation_key=None if key is None else fields.parse_idempotency_key(key),
        body_length=head.content_length if head.has_body else 0,
        takes_body=fields.is_content_type(head.one("Content-Type"), fields.OFFSET_TYPE),
        checksum=checksum,
        concat=joined,
        replaces=None if replaces is None else replaced_id(replaces),
    )
    judge_coding(head)
    return command


def _parse_length(head: RequestHead) -> int | None:
    length, deferred = head.one("Upload-Length"), head.one("Upload-Defer-Length")
    if length is not None and deferred is not None:
        raise errors.InvalidField("Upload-Defer-Length", expected="no such field beside Upload-Length", got=deferred)
    if deferred is not None:
        fields.parse_upload_defer_length(deferred)
        return None
    if length is None:
        raise errors.MissingField("Upload-Length", expected="the size of the file in bytes, or Upload-Defer-Length: 1")
    return fields.parse_upload_length(length)


def _parse_append(head: RequestHead, *, upload_id: UploadId) -> AppendBytes:
    offset, length = head.one("Upload-Offset"), head.one("Upload-Length")
    if offset is None:
        raise errors.MissingField("Upload-Offset", expected="the number of bytes that are stored already")
    command = AppendBytes(
        protocol=Protocol.TUS,
        upload_id=upload_id,
        at_offset=fields.parse_upload_offset(offset),
        body_length=head.content_length if head.has_body else 0,
        declares_length=None if length is None else fields.parse_upload_length(length),
        checksum=_parse_checksum(head),
    )
    media_type = head.one("Content-Type")
    judge_coding(head)
    if not fields.is_content_type(media_type, fields.OFFSET_TYPE):
        raise errors.UnsupportedType(expected=fields.OFFSET_TYPE, got=media_type or "no Content-Type")
    return command


def _parse_checksum(head: RequestHead) -> Checksum | None:
    """Read the checksum of the body. One that is to follow the body is refused: who asks for a check must not be told
    'fine' without one."""
    trailers = ",".join(head.headers.getall("Trailer", [])).lower().split(",")
    if "upload-checksum" in {name.strip(" \t") for name in trailers}:
        raise errors.InvalidField("Trailer", expected="Upload-Checksum before the body", got="after it")
    checksum = head.one("Upload-Checksum")
    return None if checksum is None else fields.parse_upload_checksum(checksum)


def _parse_concat(head: RequestHead, *, base_path: str) -> str | None:
    """Read Upload-Concat; None when it is absent or empty. A final upload has no length and no body of its own."""
    told = head.one("Upload-Concat")
    if not told:
        return None
    joined = concat.parse(told, head=head, base_path=base_path)
    if joined != PARTIAL:
        for name in ("Upload-Length", "Upload-Defer-Length"):
            if (got := head.one(name)) is not None:
                raise errors.InvalidField(name, expected="no such field, it follows from the pieces", got=got)
        if head.has_body:
            message = "a final upload takes no bytes, it is made of others; leave the body out"
            raise errors.Forbidden(message)
    return joined


def _describe(upload: Upload) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    if not upload.is_final or upload.status is Status.COMPLETE:
        told.append(fields.build_upload_offset(upload.offset))
    if upload.length is not None:
        told.append(fields.build_upload_length(upload.length))
    elif not upload.is_final:
        told.append(fields.build_upload_defer_length())
    if upload.metadata:
        told.append(("Upload-Metadata", upload.metadata))
    if upload.concat is not None:
        told.append(("Upload-Concat", upload.concat))
    return [*told, ("Cache-Control", "no-store")]
