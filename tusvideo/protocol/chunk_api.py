"""The documented chunk routes, ``/api/{profile}/video/…``: form fields become commands, outcomes become JSON.

Spec: the table of the documented API; the README has it.
"""

from collections.abc import Iterable, Mapping, Sequence

from tusvideo.commands import Finalize, Finalized, PartsListed, PartStored, PutPart, QueryParts, TerminateParts
from tusvideo.errors import InvalidField, MissingField, TooLarge, TusvideoError
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import Limits, Part, Profile, Status, Upload, client_key, replaced_id
from tusvideo.protocol import digest, fields, json_body, problem, publication, texts

Fields = Mapping[str, Sequence[str]]
"""Form fields: each name with all its values, in order. Unknown names are ignored."""

STATUS = problem.STATUS
"""What an error is here: busy is 503, a wrong checksum 422, a contradiction 409."""


def parse_part(form: Fields, *, profile: Profile, limits: Limits) -> PutPart:
    """Turn the fields of a chunk form into a command; the file itself (``chunk``) is not among them.

    May be called before the file with the fields that came so far: MissingField then means "not yet", any other
    RequestError is final: InvalidField for a field that is empty, repeated, malformed, out of range or contradicts
    another one; TooLarge for a chunk or a file over its limit. Sizes are in bytes. Safe to repeat.
    Spec: POST /api/{profile}/video/chunk.
    """
    command = PutPart(
        profile=profile.name,
        index=_number(form, "chunkIndex", least=0, most=limits.max_chunks - 1),
        client_key=client_key(_text(form, "uploadId")),
        total_parts=_number(form, "totalChunks", least=1, most=limits.max_chunks),
        part_size=_size(form, "chunkSize", least=1, most=limits.max_chunk_size, what="the chunk"),
        length=_size(form, "fileSize", least=0, most=profile.max_length, what="the file"),
        checksum=_checksum(form),
        replaces=_replaces(form),
    )
    if command.index >= command.total_parts:
        raise InvalidField("chunkIndex", expected=f"0 to {command.total_parts - 1}", got=str(command.index))
    if command.part_size and command.length:
        count = -(-command.length // command.part_size)
        if count != command.total_parts:
            expected = f"{count}, for {command.length} bytes in chunks of {command.part_size}"
            raise InvalidField("totalChunks", expected=expected, got=str(command.total_parts))
    return command


def parse_query(head: RequestHead, *, profile: Profile) -> QueryParts:
    """Turn HEAD or GET ``…/chunk?uploadId=ID`` into a command. Raises MissingField, InvalidField.

    Spec: HEAD and GET /api/{profile}/video/chunk.
    """
    return QueryParts(profile=profile.name, client_key=client_key(_queried_key(head)))


def parse_terminate(head: RequestHead, *, profile: Profile) -> TerminateParts:
    """Turn DELETE ``…/chunk?uploadId=ID`` into a command. Raises MissingField, InvalidField.

    Spec: DELETE /api/{profile}/video/chunk.
    """
    return TerminateParts(profile=profile.name, client_key=client_key(_queried_key(head)))


def parse_finalize(form: Fields, *, profile: Profile, limits: Limits) -> Finalize:
    """Turn the fields of a finalize form into a command. Raises MissingField, InvalidField.

    A name with a path or with control characters is refused; the chunks stay, so finalize again under another one.
    Spec: POST /api/{profile}/video/finalize.
    """
    return Finalize(
        profile=profile.name,
        client_key=client_key(_text(form, "uploadId")),
        filename=texts.parse_original_name(_text(form, "filename")),
        total_parts=_number(form, "totalChunks", least=1, most=limits.max_chunks),
        checksum=_checksum(form),
        replaces=_replaces(form),
    )


def parse_finalize_json(document: Mapping[str, object], *, profile: Profile, limits: Limits) -> Finalize:
    """Turn the JSON object of a finalize (see json_body.parse_object) into a command.

    Texts are strings and ``totalChunks`` is a whole number (or its digits in a string); null is as if absent. Raises
    MissingField, InvalidField.
    Spec: POST /api/{profile}/video/finalize.
    """
    form: dict[str, Sequence[str]] = {}
    for name in ("uploadId", "filename", "totalChunks", "checksum", "replaces"):
        value = document.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and name == "totalChunks":
            value = str(value)
        if isinstance(value, str):
            form[name] = [value]
        elif value is not None:
            expected = "a whole number" if name == "totalChunks" else "a string"
            raise InvalidField(name, expected=expected, got=type(value).__name__)
    return parse_finalize(form, profile=profile, limits=limits)


def render_part(outcome: PartStored) -> ResponseHead:
    """Answer a stored part: 200; ``received`` counts the stored parts, ``filename`` appears once published.

    Spec: POST /api/{profile}/video/chunk.
    """
    upload = outcome.upload
    document = {
        "success": True,
        "uploadId": upload.client_key,
        "chunkIndex": outcome.index,
        "offset": upload.offset,
        "received": upload.parts_stored,
        "totalChunks": upload.total_parts,
        **_filename(upload),
    }
    return json_body.render(document)


def render_head(outcome: PartsListed, *, content_location: str | None) -> ResponseHead:
    """Answer HEAD: 200 with Upload-Offset (bytes from byte 0 without a gap) and its companions.

    ``content_location`` is the path of the published file, shown once the upload is complete.
    Spec: HEAD /api/{profile}/video/chunk.
    """
    upload = outcome.upload
    found = [
        fields.build_upload_offset(upload.offset),
        ("Upload-Chunk-Size", fields.build_number(_part_size(outcome))),
        ("Upload-Next-Chunk", fields.build_number(upload.next_part)),
        ("Cache-Control", "no-store"),
    ]
    if upload.length is not None:
        found.append(fields.build_upload_length(upload.length))
    if upload.status is Status.OPEN:
        found.append(fields.build_upload_expires(upload.expires_at))
    if upload.status is Status.COMPLETE and content_location is not None:
        found.append(("Content-Location", content_location))
    return ResponseHead(status=200, headers=tuple(found))


def render_status(outcome: PartsListed) -> ResponseHead:
    """Answer GET: 200 with what is stored (as ranges) and what is missing (as indexes, at most 1,000).

    Spec: GET /api/{profile}/video/chunk.
    """
    upload = outcome.upload
    total = upload.total_parts or 0
    complete = upload.status is Status.COMPLETE
    received = ranges_of(outcome.parts) if not complete else [(0, total - 1)]
    document = {
        "success": True,
        "uploadId": upload.client_key,
        "status": upload.status.value,
        "offset": upload.offset,
        "length": upload.length,
        "chunkSize": _part_size(outcome),
        "totalChunks": upload.total_parts,
        "nextChunk": upload.next_part,
        "received": received,
        "missing": list(problem.first_indexes(gaps_of(received, total=total))),
        "expiresAt": fields.build_timestamp(upload.expires_at) if upload.status is Status.OPEN else None,
        **_filename(upload),
    }
    return json_body.render(document, headers=(("Cache-Control", "no-store"),))


def render_finalized(outcome: Finalized, *, url: str) -> ResponseHead:
    """Answer a finalize: 200; ``url`` is the path of the published file, ``size`` is in bytes.

    Spec: POST /api/{profile}/video/finalize.
    """
    return json_body.render(publication.describe(outcome.upload, url=url))


def render_terminated() -> ResponseHead:
    """Answer DELETE: 204.

    Spec: DELETE /api/{profile}/video/chunk.
    """
    return ResponseHead(status=204)


def render_error(error: TusvideoError, *, head_only: bool = False) -> ResponseHead:
    """Answer an error with its status, its fields and (unless ``head_only``) problem details.

    Spec: RFC 9457 §3.
    """
    return problem.render(error, head_only=head_only, statuses=STATUS)


def render_unexpected(request_id: str, *, head_only: bool = False) -> ResponseHead:
    """Answer an exception that nobody foresaw: 500 with a fixed sentence and the request id.

    Spec: RFC 9457 §5.
    """
    return problem.render_unexpected(request_id, head_only=head_only)


def ranges_of(parts: Iterable[Part]) -> list[tuple[int, int]]:
    """Put the indexes of parts together to ranges [first, last], in order."""
    found: list[tuple[int, int]] = []
    for index in sorted(part.index for part in parts):
        if found and found[-1][1] == index - 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


def gaps_of(ranges: Iterable[tuple[int, int]], *, total: int) -> list[tuple[int, int]]:
    """Give the ranges that are left of 0 to ``total`` - 1 when these, in order, are taken out."""
    gaps: list[tuple[int, int]] = []
    first = 0
    for start, last in (*ranges, (total, total)):
        if start > first:
            gaps.append((first, start - 1))
        first = last + 1
    return gaps


def _filename(upload: Upload) -> dict[str, str]:
    if upload.status is not Status.COMPLETE or upload.location is None:
        return {}
    return {"filename": upload.location.filename}


def _part_size(outcome: PartsListed) -> int:
    return outcome.upload.part_size or outcome.profile.chunk_size


def _queried_key(head: RequestHead) -> str:
    key = head.one_query("uploadId")
    if key is None:
        raise MissingField("uploadId", expected="the uploadId of the chunks, as in ?uploadId=…")
    return key


def _optional(form: Fields, name: str) -> str | None:
    values = form.get(name, ())
    if len(values) > 1:
        raise InvalidField(name, expected="the field once", got=f"{len(values)} times")
    return values[0] if values else None


def _text(form: Fields, name: str) -> str:
    text = _optional(form, name)
    if text is None:
        raise MissingField(name, expected="a form field with this name")
    return text


def _number(form: Fields, name: str, *, least: int, most: int) -> int:
    text = _text(form, name)
    number = fields.parse_number(text, field=name)
    if not least <= number <= most:
        raise InvalidField(name, expected=f"a whole number from {least} to {most}", got=text)
    return number


def _size(form: Fields, name: str, *, least: int, most: int, what: str) -> int | None:
    text = _optional(form, name)
    if text is None:
        return None
    size = fields.parse_number(text, field=name)
    if size > most:
        raise TooLarge(what, limit=most, got=size)
    if size < least:
        raise InvalidField(name, expected=f"at least {least}", got=text)
    return size


def _checksum(form: Fields) -> str | None:
    text = _optional(form, "checksum")
    return None if text is None else digest.parse_sha256(text, field="checksum")


def _replaces(form: Fields) -> str | None:
    text = _optional(form, "replaces")
    return None if text is None else replaced_id(text)
