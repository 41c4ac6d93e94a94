"""Resumable uploads of the IETF draft: request heads become commands, outcomes and errors become answers.

What differs between the versions of the draft is in interop.py; nothing here asks for a number.
Spec: draft-ietf-httpbis-resumable-upload-12 (and older ones by their interop version).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from tusvideo import errors
from tusvideo.commands import AppendBytes, Appended, Created, CreateUpload, Queried, QueryUpload, TerminateUpload
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import Limits, Protocol, Status, Upload, UploadId
from tusvideo.protocol import fields, integrity, json_body, problem, publication, structured
from tusvideo.protocol.coding import judge_coding
from tusvideo.protocol.file_facts import parse_facts
from tusvideo.protocol.interop import PARTIAL_TYPE, VERSION_FIELD, Version

CREATION_METHODS: Final = ("OPTIONS", "PATCH", "POST", "PUT")
UPLOAD_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH")
PROBLEM_TYPES: Final = "https://iana.org/assignments/http-problem-types#"
INTERIM_STATUS: Final = 104

STATUS: Final[Mapping[type[errors.TusvideoError], int]] = {
    **problem.SHARED,
    errors.ChecksumMismatch: 400,
    errors.FactConflict: 400,
    errors.AlreadyComplete: 400,
    # A client takes 409 for an offset that it can mend, and would ask and try for ever.
    errors.WrongProtocol: 403,
    errors.TooManyStreams: 503,
    errors.Busy: 503,
    errors.TransferEnded: 503,
    errors.BodyCut: 503,
    errors.BodyStalled: 503,
    errors.Preempted: 503,
    errors.SessionConflict: 503,
}
"""What an error is here. Clients go on after 409 and 5xx, and give up after any other 4xx."""


def parse(
    head: RequestHead,
    *,
    version: Version,
    upload_id: UploadId | None,
    name: str | None,
    default_profile: str,
    profiles: Collection[str],
    limits: Limits,
    announces: bool,
) -> CreateUpload | AppendBytes | QueryUpload | TerminateUpload:
    """Turn a head on ``/files/`` (``upload_id`` None) or on ``/files/{id}`` into a command; reads no body.

    ``name`` is the last part of a path that names a file, ``announces`` says that an interim answer will tell the
    client of its upload before the body is read. A field of the draft that cannot be read is as if absent. Raises, in
    this order: MethodNotAllowed; UnsupportedType; MissingField or InvalidField; InconsistentLength, TooSmall,
    UnsupportedDigest or InvalidDigest; UnsupportedCoding. Safe to repeat.
    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Creation, § Offset Retrieval, § Upload Append, § Upload
    Cancellation.
    """
    if upload_id is None:
        if head.method not in CREATION_METHODS:
            raise errors.MethodNotAllowed(method=head.method, allowed=CREATION_METHODS)
        facts = parse_facts(head, name=name, default_profile=default_profile, profiles=profiles)
        return _parse_create(
            head,
            CreateUpload(
                protocol=Protocol.IETF,
                profile=facts.profile,
                length=None,
                metadata=facts.metadata,
                original_name=facts.original_name,
                title=facts.title,
                description=facts.description,
                replaces=facts.replaces,
            ),
            version=version,
            limits=limits,
            announces=announces,
        )
    match head.method:
        case "PATCH":
            return _parse_append(head, upload_id=upload_id, version=version, limits=limits)
        case "HEAD" | "GET":
            _judge_query(head, version)
            return QueryUpload(upload_id=upload_id, stops_transfer=version.takes_interim)
        case "DELETE":
            _judge_query(head, version)
            return TerminateUpload(upload_id=upload_id)
        case _:
            raise errors.MethodNotAllowed(method=head.method, allowed=UPLOAD_METHODS)


def build_limit(
    version: Version, *, max_length: int | None, seconds_left: float | None, limits: Limits
) -> tuple[tuple[str, str], ...]:
    """Write Upload-Limit: bytes of a whole upload and of one request, whole seconds that are left.

    What has no limit is left out; no field in versions that do not know it.
    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload-Limit.
    """
    if version.age_limit is None:
        return ()
    told = {"min-size": 0} if max_length is None else {"max-size": max_length}
    if limits.max_append_bytes:
        told["max-append-size"] = limits.max_append_bytes
    if limits.min_append_bytes:
        told["min-append-size"] = limits.min_append_bytes
    if seconds_left is not None:
        told[version.age_limit] = max(0, int(seconds_left))
    return (("Upload-Limit", structured.build_dictionary(told)),)


def render(
    outcome: Created | Appended | Queried,
    *,
    version: Version,
    base_path: str,
    url: str | None,
    max_length: int,
    limits: Limits,
    now: datetime,
) -> ResponseHead:
    """Answer a command that worked. ``url`` is the path of the published file, ``max_length`` bytes of its profile.

    A complete upload is answered as the whole file in one request would be: 201 with the JSON of a finalize; so the
    last answer can be told again whenever it was lost. One that is not: 201 for a creation, for an append what the
    version wants, 204 for a query.
    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Creation, § Offset Retrieval, § Upload Append.
    """
    upload = outcome.upload
    complete = upload.status is Status.COMPLETE
    found = [*_spoken(version), version.completeness_field(complete), fields.build_upload_offset(upload.offset)]
    if not isinstance(outcome, Appended):
        left = None if complete else (upload.expires_at - now).total_seconds()
        found += build_limit(version, max_length=max_length, seconds_left=left, limits=limits)
    if upload.length is not None:
        found.append(fields.build_upload_length(upload.length))
    found.append(("Cache-Control", "no-store"))
    if isinstance(outcome, Created):
        found.append(_location(upload.id, base_path=base_path))
    if url is not None and complete:
        found.append(("Content-Location", url))
    if isinstance(outcome, Queried):
        return ResponseHead(status=204, headers=tuple(found))
    if complete:
        document = publication.describe(upload, url=url or "")
        return json_body.render(document, status=201, headers=(*found, *integrity.build_wanted(upload)))
    status = 201 if isinstance(outcome, Created) else version.incomplete_append_status
    return ResponseHead(status=status, headers=tuple(found))


def render_terminated(version: Version) -> ResponseHead:
    """Answer a cancellation: 204.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Cancellation.
    """
    return ResponseHead(status=204, headers=_spoken(version))


def announce(
    upload: Upload, *, version: Version, base_path: str, max_length: int, limits: Limits, now: datetime
) -> ResponseHead:
    """Write the interim answer that tells a client of its upload, as soon as that exists.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Creation, § 104 (Upload Resumption Supported).
    """
    left = (upload.expires_at - now).total_seconds()
    limit = build_limit(version, max_length=max_length, seconds_left=left, limits=limits)
    found = (*_spoken(version), _location(upload.id, base_path=base_path), *limit)
    return ResponseHead(status=INTERIM_STATUS, headers=found)


def report(upload: Upload, *, version: Version) -> ResponseHead:
    """Write the interim answer that tells how many bytes of an upload are durable; it names no Location.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Append, § 104 (Upload Resumption Supported).
    """
    return ResponseHead(status=INTERIM_STATUS, headers=(*_spoken(version), fields.build_upload_offset(upload.offset)))


def render_error(
    error: errors.TusvideoError, *, version: Version, base_path: str, limits: Limits, head_only: bool
) -> ResponseHead:
    """Answer an error with its status, its fields and (unless ``head_only``) problem details.

    The completeness field says whether that was the last word on the upload: only a verdict on the whole is. A 409
    tells the true offset, a refusal for a limit all limits and what was kept of the body, and an error after the upload
    was made where that is.
    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Append, § Problem Types; RFC 5789 §2.2 for Accept-Patch.
    """
    status = version.gone_status if isinstance(error, errors.Expired) else problem.status_of(error, STATUS)
    found = [*_spoken(version), version.completeness_field(error.is_verdict)]
    if isinstance(error, errors.OffsetMismatch):
        found.append(fields.build_upload_offset(error.expected))
    if isinstance(error, errors.TooLarge | errors.TooSmall):
        found += build_limit(version, max_length=error.max_length, seconds_left=None, limits=limits)
        if error.stored_offset is not None:
            found.append(fields.build_upload_offset(error.stored_offset))
    if isinstance(error, errors.UnsupportedType) and not error.is_verdict:
        found.append(("Accept-Patch", PARTIAL_TYPE))
    if isinstance(error, errors.UnsupportedDigest):
        found.append((f"Want-{error.field}", structured.build_dictionary(dict.fromkeys(error.supported, 10))))
    if error.made_upload is not None:
        found.append(_location(error.made_upload, base_path=base_path))
    found += problem.headers(error, status=status)
    details = {**problem.document(error, status=status), **_problem(error, version=version)}
    return problem.answer(details, status=status, fields=found, bare=head_only)


def render_unexpected(request_id: str, *, version: Version, head_only: bool) -> ResponseHead:
    """Answer an exception that nobody foresaw: 500 with a fixed sentence; not the last word on the upload.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Append.
    """
    found = (*_spoken(version), version.completeness_field(False))  # noqa: FBT003 - the value of the field
    return problem.answer(problem.unexpected(request_id, status=500), status=500, fields=found, bare=head_only)


def _parse_create(
    head: RequestHead, plain: CreateUpload, *, version: Version, limits: Limits, announces: bool
) -> CreateUpload:
    completes = version.completes(head) is True
    body_length = head.content_length if head.has_body else 0
    length = structured.parse_integer(head.headers.getall("Upload-Length", []))
    if body_length is not None:
        if length is not None and (body_length > length or (completes and body_length < length)):
            raise errors.InconsistentLength(expected=length, got=body_length)
        length = body_length if completes else length
        if 0 < body_length < limits.min_append_bytes and not completes and body_length != length:
            raise errors.TooSmall("the body", limit=limits.min_append_bytes, got=body_length)
    digests = integrity.parse_digest(head.headers.getall("Repr-Digest", []), field="Repr-Digest")
    wanted = integrity.parse_wanted(head.headers.getall("Want-Repr-Digest", []))
    key = head.one("Idempotency-Key")
    command = replace(
        plain,
        length=length,
        creation_key=None if key is None else fields.parse_idempotency_key(key),
        body_length=body_length,
        takes_body=head.has_body or completes,
        checksum=integrity.parse_content_digest(head.headers.getall("Content-Digest", [])),
        completes=completes,
        # What is to be verified first has to be said to be whole.
        needs_completion=not version.completes_at_length or bool(digests) or wanted is not None,
        forgets_cut=not announces and key is None,
        digests=digests,
        wants_digest=wanted,
        body_at_most=limits.max_append_bytes or None,
    )
    judge_coding(head)
    return command


def _parse_append(head: RequestHead, *, upload_id: UploadId, version: Version, limits: Limits) -> AppendBytes:
    media_type = head.one("Content-Type")
    if version.partial_type_required and not fields.is_content_type(media_type, PARTIAL_TYPE):
        raise errors.UnsupportedType(expected=PARTIAL_TYPE, got=media_type or "no Content-Type")
    offset = structured.parse_integer(head.headers.getall("Upload-Offset", []))
    if offset is None:
        raise errors.MissingField("Upload-Offset", expected="the number of bytes that are stored already")
    completes = version.completes(head)
    if completes is None and not version.completes_when_absent:
        raise errors.MissingField(version.completeness, expected="?1 with the last bytes, else ?0")
    command = AppendBytes(
        protocol=Protocol.IETF,
        upload_id=upload_id,
        at_offset=offset,
        body_length=head.content_length if head.has_body else 0,
        declares_length=structured.parse_integer(head.headers.getall("Upload-Length", [])),
        completes=completes is not False,
        checksum=integrity.parse_content_digest(head.headers.getall("Content-Digest", [])),
        body_at_most=limits.max_append_bytes or None,
        body_at_least=limits.min_append_bytes,
    )
    judge_coding(head)
    return command


def _judge_query(head: RequestHead, version: Version) -> None:
    if not version.refuses_fields_on_query:
        return
    for name in ("Upload-Offset", "Upload-Length", version.completeness):
        if name in head.headers:
            raise errors.InvalidField(name, expected=f"no such field with {head.method}", got=head.headers[name])


def _spoken(version: Version) -> tuple[tuple[str, str], ...]:
    return () if version.number is None else ((VERSION_FIELD, str(version.number)),)


def _location(upload_id: str, *, base_path: str) -> tuple[str, str]:
    return "Location", f"{base_path.rstrip('/')}/{upload_id}"


def _problem(error: errors.TusvideoError, *, version: Version) -> dict[str, object]:
    """Give the type of a problem that has one, and what belongs to it.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Problem Types; draft-ietf-httpapi-digest-fields-problem-types §3.
    """
    match error:
        case errors.OffsetMismatch():
            kind: str = "mismatching-upload-offset"
            data: dict[str, object] = {"expected-offset": error.expected, "provided-offset": error.got}
        case errors.InconsistentLength():
            kind, data = "inconsistent-upload-length", {}
        case errors.AlreadyComplete():
            kind, data = version.complete_problem, {}
        case errors.UnsupportedDigest():
            named = [{"algorithm": algorithm, "header": error.field} for algorithm in error.algorithms]
            kind, data = "digest-unsupported-algorithms", {"unsupported-algorithms": named}
        case errors.InvalidDigest():
            invalid = {"algorithm": error.algorithm, "header": error.field, "reason": error.reason}
            kind, data = "digest-invalid-values", {"invalid-digests": [invalid]}
        case errors.ChecksumMismatch():
            kind, data = "digest-mismatched-values", {}
        case _:
            return {}
    return {"type": PROBLEM_TYPES + kind, **data}
