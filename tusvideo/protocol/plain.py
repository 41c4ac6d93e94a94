"""A whole file in one request, with no protocol at all: ``curl -T``, ``curl --data-binary``, a form, a script.

Spec: RFC 9110 §9.3.3 (POST), §9.3.4 (PUT); RFC 6266 (the name in Content-Disposition).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from tusvideo.commands import Created, CreateUpload
from tusvideo.errors import InvalidField, MethodNotAllowed, MissingField, TransferEnded, TusvideoError, Unavailable
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import Protocol
from tusvideo.protocol import fields, integrity, json_body, problem, publication
from tusvideo.protocol.coding import judge_coding
from tusvideo.protocol.file_facts import FIELDS, parse_facts

METHODS: Final = ("OPTIONS", "POST", "PUT")
FORM_FIELDS: Final = FIELDS
"""What a form may say beside its file."""


def parse(
    head: RequestHead,
    *,
    name: str | None,
    default_profile: str,
    profiles: Collection[str],
    form: Mapping[str, Sequence[str]] | None = None,
) -> CreateUpload:
    """Turn POST or PUT on ``/files/`` or PUT on ``/files/{name}`` into a command; reads no body.

    ``name`` is that of the path or, in a form, of the file; ``form`` holds the fields that came before the file.
    The upload is complete with this body, and vanishes when that does not arrive whole: nobody knows of it then. Raises
    MethodNotAllowed; MissingField when there is no body at all, not even an empty one; InvalidField; UnsupportedDigest,
    InvalidDigest; UnsupportedCoding. Safe to repeat.
    Spec: RFC 9110 §9.3.3, §9.3.4.
    """
    if head.method not in METHODS:
        raise MethodNotAllowed(method=head.method, allowed=METHODS)
    if not head.has_body and head.content_length is None:
        raise MissingField("the body", expected="the bytes of a file, or Content-Length: 0 for an empty one")
    facts = parse_facts(head, name=name, default_profile=default_profile, profiles=profiles, form=form)
    # The length and the digests of a form are not those of its file.
    length = head.content_length if form is None else None
    digests = integrity.parse_digest(head.headers.getall("Repr-Digest", []), field="Repr-Digest")
    checksum = integrity.parse_content_digest(head.headers.getall("Content-Digest", []))
    if form is not None and (digests or checksum is not None):
        raise InvalidField("Repr-Digest or Content-Digest", expected="no digest of a form", got="one")
    key = head.one("Idempotency-Key")
    command = CreateUpload(
        protocol=Protocol.IETF,
        profile=facts.profile,
        length=length,
        metadata=facts.metadata,
        original_name=facts.original_name,
        title=facts.title,
        description=facts.description,
        creation_key=None if key is None else fields.parse_idempotency_key(key),
        body_length=length,
        takes_body=True,
        checksum=checksum,
        completes=True,
        needs_completion=True,
        forgets_cut=True,
        digests=digests,
        wants_digest=integrity.parse_wanted(head.headers.getall("Want-Repr-Digest", [])),
        replaces=facts.replaces,
    )
    judge_coding(head)
    return command


def render(outcome: Created, *, base_path: str, url: str | None) -> ResponseHead:
    """Answer a file that was published: 201 with the JSON of a finalize; ``url`` is its path.

    Spec: RFC 9110 §15.3.2.
    """
    upload = outcome.upload
    found = [("Location", f"{base_path.rstrip('/')}/{upload.id}"), ("Cache-Control", "no-store")]
    if url is not None:
        found.append(("Content-Location", url))
    found += integrity.build_wanted(upload)
    return json_body.render(publication.describe(upload, url=url or ""), status=201, headers=tuple(found))


def render_error(error: TusvideoError, *, head_only: bool) -> ResponseHead:
    """Answer an error. After one that says nothing against the file, all of it has to be sent again.

    Spec: RFC 9457 §3; RFC 9110 §15.6.4.
    """
    if not isinstance(error, Unavailable | TransferEnded):
        return problem.render(error, head_only=head_only)
    reason = error.reason if isinstance(error, Unavailable) else "the file did not arrive whole"
    detail = f"{reason}; a file in one request cannot be continued: send it again from its first byte"
    status = problem.status_of(error)
    details = {**problem.document(error, status=status), "detail": detail, "error": detail}
    return problem.answer(details, status=status, fields=problem.headers(error, status=status), bare=head_only)
